"""bot.ini: read whole or refused whole, with every fault named so that it can be mended."""

from __future__ import annotations

import os
from datetime import timedelta
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trainbot.config import Config, Secret, load
from trainbot.core.access import Role
from trainbot.core.errors import ConfigError
from trainbot.core.messages import Sender

ROOT = Path(__file__).parents[2]
LEAST = "[irc]\nchannels = #class\n"


def read(folder: Path, text: str) -> Config:
    path = folder / "bot.ini"
    path.write_text(text, encoding="utf-8")
    return load(path)


def faults(folder: Path, text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        read(folder, text)
    return caught.value.problems


def test_the_shipped_sample_loads() -> None:
    """Whoever copies bot.ini has one that is right."""
    assert load(ROOT / "bot.ini").irc.channels == ("#selinux-class",)


def test_only_a_channel_has_to_be_said(tmp_path: Path) -> None:
    """Everything else has a default."""
    config = read(tmp_path, LEAST)
    assert (config.irc.server, config.irc.port, config.irc.tls) == ("irc.libera.chat", 6697, True)
    assert config.require_account and config.labs.lease == timedelta(hours=4) and config.hosts == ()


# fault -> [section] option: what is wrong, and what would be right
FAULTS = [
    (
        "[irc]\nchannels = #c\n[store]\ncopies = me@second.example.net\n",
        '[store] copies: "me@second.example.net" is not user@host:FOLDER: use for example trainbot@second.example.org:copies',
    ),
    (
        "[irc]\nchannels = #c\n[records]\nfolder = /srv/web\n[store]\ncopies = /srv/web/copies\n",
        "[store] copies: /srv/web/copies is in /srv/web: use a folder that is neither copied nor published",
    ),
    (
        "[irc]\nchannels = #c\n[store]\ncopies_kept = 0\n",
        '[store] copies_kept: "0" is not a whole number from 1 to 1000',
    ),
    ("[irc]\nserver = x\n", "[irc] channels: no channels: set at least one, for example #selinux-class"),
    ("[irc]\nchannels = class\n", '[irc] channels: "class" is not a channel: use for example #class'),
    ("[irc]\nport = 99999\nchannels = #c\n", '[irc] port: "99999" is not a whole number from 1 to 65535'),
    ("[irc]\nport = ²\nchannels = #c\n", '[irc] port: "²" is not a whole number from 1 to 65535'),
    ("[irc]\ntls = maybe\nchannels = #c\n", '[irc] tls: "maybe" is neither yes nor no'),
    (
        "[irc]\nnick_back = kill\nchannels = #c\n",
        '[irc] nick_back: unknown word "kill": use regain, ghost, recover or release, or no to leave NickServ alone',
    ),
    ("[irc]\nnick = 4you\nchannels = #c\n", '[irc] nick: "4you" is not a valid IRC nick: use for example trainbot'),
    (
        "[irc]\nprefix = bot\nchannels = #c\n",
        '[irc] prefix: "bot" is not a prefix: use one or two punctuation characters, such as !',
    ),
    (
        "[irc]\ntls_fingerprint = aa:bb\nchannels = #c\n",
        "[irc] tls_fingerprint: not a SHA-256 fingerprint (64 hexadecimal digits, with or without colons)",
    ),
    (
        "[irc]\nsasl = gssapi\nchannels = #c\n",
        '[irc] sasl: unknown mechanism "gssapi" (known: external scram-sha-256 ecdsa-nist256p-challenge plain)',
    ),
    (
        "[irc]\nsasl = plain\nchannels = #c\n",
        "[irc] sasl: plain needs account and password (or password_file, or password_env)",
    ),
    (
        "[irc]\ntls = no\npassword = x\nchannels = #c\n",
        "[irc] tls: the password would be sent without TLS: set tls = yes, or allow_plaintext = yes",
    ),
    (
        "[irc]\npassword = x\npassword_env = Y\nchannels = #c\n",
        "[irc] password: set only one of password, password_file, password_env",
    ),
    ("[irc]\nflood_interval = nan\nchannels = #c\n", '[irc] flood_interval: "nan" is not a number from 0 to 60'),
    (
        "[irc]\nchannels = #c\n[channel.#c]\ntalk = #d\n",
        '[channel.#c] talk: "#d" is not in [irc] channels: add it there too',
    ),
    (
        "[irc]\nchannels = #c #d #e\n[channel.#c]\ntalk = #d\n[channel.#e]\ntalk = #d\n",
        '[channel.#e] talk: "#d" is already used for another class: each class needs its own channel for talk, or none',
    ),
    (
        "[irc]\nrelays = #c\nchannels = #c\n",
        '[irc] relays: "#c" is not account:NAME, mask:NICK!USER@HOST or a nick',
    ),
    (
        "[irc]\nrelays = mask:relay!*@*\nchannels = #c\n",
        '[irc] relays: "mask:relay!*@*" matches anybody who takes the nick; name the host, as in '
        "mask:*!*@staff.example.org, or an account, as in account:alice",
    ),
    ("[irc]\nservr = x\nchannels = #c\n", "[irc] servr: unknown option, did you mean server?"),
    ("[ircc]\nx = 1\n" + LEAST, "[ircc]: unknown section, did you mean [irc]?"),
    (
        LEAST + "[roles]\npresenter = mask:alice!*@*\n",
        '[roles] presenter: "mask:alice!*@*" matches anybody who takes the nick; name the host, as in '
        "mask:*!*@staff.example.org, or an account, as in account:alice",
    ),
    (LEAST + "[roles]\nhelper = alice\n", '[roles] helper: "alice" is neither account:NAME nor mask:NICK!USER@HOST'),
    (
        LEAST + "[roles]\nhelper = account:*\n",
        '[roles] helper: "account:*": an account is a plain name, as in account:alice',
    ),
    (
        LEAST + "[store]\nurl = postgresql://x\n",
        '[store] url: "postgresql://x" is not sqlite:///FILE; only SQLite is supported (see docs/dependencies.md)',
    ),
    (
        LEAST + "[schedule]\nzones = Melbourne\n",
        '[schedule] zones: unknown time zone "Melbourne": use for example Australia/Melbourne',
    ),
    (
        LEAST + "[schedule]\nreminders = 1h30m\n",
        "[schedule] reminders: 1h30m is not a time before a session: use for example 7d 1d 1h 10m, at most 365d",
    ),
    (LEAST + "[labs]\nlease = long\n", '[labs] lease: "long" is not a duration: use for example 15m, 4h or 7d'),
    (LEAST + "[labs]\nlease = 0s\n", '[labs] lease: "0s" is out of range: it must be from 1s to 3650d'),
    (LEAST + "[labs]\nlease = 24h\n", "[labs] cap: 12 h is shorter than the lease of 1 d: make it at least as long"),
    (LEAST + "[labs]\nlease = 10m\n", "[labs] warn: 15 min is not shorter than the lease of 10 min"),
    (LEAST + "[labs]\nspare = -1\n", '[labs] spare: "-1" is not a whole number from 0 to 1000'),
    (
        LEAST + "[host.xen1]\nlabs = 3\n",
        "[host.xen1] uri: missing: set the host's libvirt address, for example qemu+ssh://root@kvm1.example.org/system",
    ),
    (
        LEAST + "[host.Xen 1]\nuri = test:///default\n",
        '[host.Xen 1] (name): "Xen 1" is not a host name: use letters a-z, digits and -',
    ),
    (
        LEAST + "[image.a]\nguest = hvm\n",
        "[image.a] guest: hvm puts QEMU in dom0 before learners who are root in their labs, and was never tried: read "
        "docs/images.md, and add hvm_accept_risk = yes if that is acceptable",
    ),
    (
        LEAST + "[image.reset]\n",
        "[image.reset] (name): !lab reset is a command, so an image cannot have that name: choose another",
    ),
    *(
        (
            LEAST + f"[image.{name}]\n",
            f"[image.{name}] (name): {name}@ has a meaning of its own at the gateway, so an image cannot have that name: rename "
            "the section and its folder",
        )
        for name in ("desk", "watch", "check", "plain", "play")
    ),
    (
        LEAST + "[image.old]\n",
        "[image.old] (name): !lab old is a command, so an image cannot have that name: choose another",
    ),
    *(
        (
            LEAST + f"[image.x]\nmirror = {mirror}\n",
            f'[image.x] mirror: "{mirror}" is not an address: use for example https://mirror.example.org/almalinux/',
        )
        for mirror in (
            "ftp://a.example/",
            "mirror.example.org",
            "/srv/mirror",
            "https://",
            "https://[::1/",
            "https://a.example:port/",
            "https://me:secret@a.example/",
            "https://a.example/?x=y",
            "https://a.example/ https://b.example/",
        )
    ),
    (
        LEAST + "[gateway]\nlisten = 0.0.0.0:99999\n",
        '[gateway] listen: "0.0.0.0:99999" is not ADDRESS:PORT: use for example 0.0.0.0:2222',
    ),
    (
        LEAST + "[questions]\nwords = QUESTION: ?\n",
        '[questions] words: "?" cannot begin a question: use a word such as QUESTION: or FRAGE:',
    ),
    (LEAST + "[questions]\nlength = 10\n", '[questions] length: "10" is not a whole number from 40 to 1000'),
    (
        LEAST + "[channel.#nowhere]\nquestion = FRAGE:\n",
        '[channel.#nowhere] (name): "#nowhere" is not in [irc] channels',
    ),
    (
        LEAST + "[records]\npublic_url = ftp://x\n",
        '[records] public_url: "ftp://x" is not a web address: use for example https://class.example.org/',
    ),
    (
        LEAST + "[exercises]\nfolder = ~nobody-of-that-name/x\n",
        '[exercises] folder: "~nobody-of-that-name/x": no such home folder',
    ),
]


@pytest.mark.parametrize(("text", "fault"), FAULTS, ids=lambda value: str(value)[-40:])
def test_a_fault_names_section_option_and_what_would_be_right(tmp_path: Path, text: str, fault: str) -> None:
    """One sentence for each fault, and nothing else."""
    assert faults(tmp_path, text) == [fault]


def test_a_listening_port_may_stand_alone(tmp_path: Path) -> None:
    """``listen = 2222`` means every address."""
    assert read(tmp_path, LEAST + "[gateway]\nlisten = 2222 [::1]:23\n").gateway.listen == (
        ("0.0.0.0", 2222),
        ("::1", 23),
    )


def test_a_host_with_a_wrong_address_has_one_fault(tmp_path: Path) -> None:
    """The same slip is not told twice."""
    found = faults(tmp_path, LEAST + "[host.xen1]\nuri = vmware://x/\n")
    assert len(found) == 1 and found[0].startswith("[host.xen1] uri: ")


def test_a_rate_for_labs_where_it_can_be_kept(tmp_path: Path) -> None:
    """Xen and KVM hosts hold a lab's network to a rate, QEMU its disk; what a host could not keep is not promised."""
    host = LEAST + "[host.h]\nbandwidth = 256\nuri = "
    assert read(tmp_path, host + "xen+ssh://root@h/system\n").hosts[0].bandwidth == 256
    assert read(tmp_path, LEAST + "[host.h]\nuri = xen:///system\n").hosts[0].bandwidth == 0
    (fault,) = faults(tmp_path, host + "test:///default\n")
    assert fault.startswith("[host.h] bandwidth: only Xen and KVM hosts")
    assert read(tmp_path, host + "qemu+ssh://root@h/system\n").hosts[0].bandwidth == 256
    disk = LEAST + "[host.h]\ndisk_rate = 7\nuri = "
    assert read(tmp_path, disk + "qemu+ssh://root@h/system\n").hosts[0].disk_rate == 7
    (fault,) = faults(tmp_path, disk + "xen+ssh://root@h/system\n")
    assert fault.startswith("[host.h] disk_rate: only KVM hosts and qemu:///embed")


@pytest.mark.parametrize(
    ("uri", "copies", "door"),
    [
        ("xen+ssh://root@h:2222/system", True, "trainbot-door@h:2222"),
        ("xen+tls://h/system", True, ""),
        ("xen:///system", False, ""),
        ("qemu+ssh://root@h:2222/system", True, "trainbot-door@h:2222"),
        ("qemu+tls://h/system", True, ""),
        ("qemu:///system", True, ""),
        ("qemu:///embed?root=/r", False, ""),
        ("test:///default", False, ""),
    ],
)
def test_what_kind_of_host_it_is_decides_the_rest(tmp_path: Path, uri: str, copies: bool, door: str) -> None:
    """Xen and KVM hosts have the labs' network and pools that host prepare makes there, and a door where ssh leads to them;
    on KVM hosts QEMU's user cannot read the bot's own images, even on this machine."""
    (host,) = read(tmp_path, LEAST + f"[host.h]\nuri = {uri}\n").hosts
    prepared = uri.startswith("xen") or uri.endswith("/system")
    assert host.has_slots == prepared
    assert host.network == ("trainbot" if prepared else "default")
    assert host.folder == (Path("/var/lib/libvirt/trainbot") if prepared else tmp_path / "state/labs/h")
    assert host.images == (Path("/var/lib/libvirt/trainbot-images") if copies else None)
    assert host.door == door
    assert host.kvm is None


@pytest.mark.parametrize("said", ["yes", "no"])
def test_whether_kvm_works_can_be_said(tmp_path: Path, said: str) -> None:
    """Otherwise the host is asked."""
    (host,) = read(tmp_path, LEAST + f"[host.h]\nuri = qemu+ssh://h/system\nkvm = {said}\n").hosts
    assert host.kvm is (said == "yes")


@pytest.mark.parametrize("said", ["https://a.example/alma", "https://a.example/alma/", "https://a.example/alma//"])
def test_a_mirror_is_a_folder(tmp_path: Path, said: str) -> None:
    """With or without the slash at its end, which paths are put behind."""
    config = read(tmp_path, LEAST + f"[image.x]\nmirror = {said}\n[image.y]\n")
    assert [image.mirror for image in config.images] == ["https://a.example/alma/", ""]


def test_all_faults_come_at_once(tmp_path: Path) -> None:
    """Nobody mends a file one start at a time."""
    found = faults(tmp_path, "[irc]\nport = x\nnick = -\n[labs]\nspare = many\n[roles]\nhelper = bob\n[what]\n")
    assert {line.split(":")[0] for line in found} == {
        "[irc] port",
        "[irc] nick",
        "[irc] channels",
        "[labs] spare",
        "[roles] helper",
        "[what]",
    }


UNREADABLE = [
    ("nick = x\n", "line 1: an option before any [section]"),
    ("[irc]\nhunter2\n", "line 2: neither [section] nor option = value"),
    ("[irc]\nnick = a\nnick = b\n", "line 3: [irc] nick is set twice: keep one"),
    ("[irc]\n[irc]\n", "line 2: [irc] appears twice: merge the two sections"),
]


@pytest.mark.parametrize(("text", "fault"), UNREADABLE)
def test_what_is_no_ini_file_is_told_by_its_line(tmp_path: Path, text: str, fault: str) -> None:
    """The line's number, and never its text: it may hold a password."""
    assert faults(tmp_path, text) == [f"{tmp_path}/bot.ini, {fault}"]


def test_a_file_that_is_not_there_or_not_text(tmp_path: Path) -> None:
    """One sentence that says what to do."""
    with pytest.raises(ConfigError, match="nowhere.ini does not exist: make it with trainbot init"):
        load(tmp_path / "nowhere.ini")
    (tmp_path / "bot.ini").write_bytes(b"[irc]\nnick = \xff\n")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(tmp_path / "bot.ini")
    with pytest.raises(ConfigError, match="cannot read"):
        load(tmp_path)


def test_values_are_literal(tmp_path: Path) -> None:
    """``%`` means itself, and `` ;`` begins a comment."""
    config = read(tmp_path, "[irc] ; the network\nchannels = #c ; ours\nrealname = 100% %(nick)s a;b\npassword = a%b\n")
    assert (config.irc.realname, config.irc.password.reveal(), config.irc.channels) == (
        "100% %(nick)s a;b",
        "a%b",
        ("#c",),
    )


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    """It does not matter where the bot is started."""
    config = read(
        tmp_path,
        LEAST + "[store]\nurl = sqlite:///data/bot.db\nstate = ../state\n[records]\nfolder = /srv/x\n"
        f"[host.here]\nuri = qemu:///embed?root={os.path.relpath('/r/un', tmp_path)}\n[image.debian]\n",
    )
    assert config.store.url == f"sqlite:///{tmp_path}/data/bot.db"
    assert config.store.state == tmp_path.parent / "state"
    assert config.records.folder == Path("/srv/x")
    assert config.images[0].folder == tmp_path.parent / "state" / "images" / "debian"
    assert config.hosts[0].uri == "qemu:///embed?root=/r/un"


@pytest.mark.parametrize("option", ["password_file = secret", "password_env = TRAINBOT_TEST_SECRET"])
def test_a_password_from_elsewhere(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, option: str) -> None:
    """The secret need not stand in bot.ini, and shows itself nowhere."""
    (tmp_path / "secret").write_text("s3cret\n")
    monkeypatch.setenv("TRAINBOT_TEST_SECRET", "s3cret")
    config = read(tmp_path, f"[irc]\nchannels = #c\nsasl = plain\naccount = bot\n{option}\n")
    assert config.irc.password.reveal() == "s3cret"
    assert "s3cret" not in repr(config) and "s3cret" not in str(config) and "s3cret" not in f"{config.irc.password}"


@pytest.mark.parametrize(
    ("option", "fault"),
    [
        ("password_file = nowhere", "[irc] password_file: cannot read nowhere (No such file or directory)"),
        ("password_env = TRAINBOT_NOT_SET", "[irc] password_env: environment variable TRAINBOT_NOT_SET is not set"),
        (
            "password_file = ~nobody-of-that-name/x",
            '[irc] password_file: "~nobody-of-that-name/x": no such home folder',
        ),
    ],
)
def test_a_password_that_is_not_there(tmp_path: Path, option: str, fault: str) -> None:
    """Found when the file is read, not when the network refuses the login."""
    assert faults(tmp_path, f"[irc]\nchannels = #c\n{option}\n") == [fault]


def test_secrets_hide_and_compare() -> None:
    """A Secret is a value, without its text."""
    assert repr(Secret("x")) == "***" and repr(Secret()) == "(none)" and not Secret() and Secret("x") == Secret("x")
    assert Secret("x") != Secret("y") and len({Secret("x"), Secret("x")}) == 1 and not hasattr(Secret("x"), "__dict__")


def test_roles_by_account_and_by_mask(tmp_path: Path) -> None:
    """The highest rule that fits counts; a nick alone fits none."""
    roles = read(
        tmp_path, LEAST + "[roles]\norganiser = account:Olga\nhelper = mask:*!*@staff.example.org account:x\n"
    ).roles
    assert roles.role_of(Sender("a", "b", "c", "olga")) is Role.ORGANISER
    assert roles.role_of(Sender("olga", "b", "c", None)) is Role.LEARNER
    assert roles.role_of(Sender("a", "b", "Staff.Example.org", None)) is Role.HELPER
    assert roles.role_of(Sender("a", "b", "staff.example.org.evil.net", None)) is Role.LEARNER


@pytest.mark.parametrize("mask", ["*!*@*", "alice!*@*.*", "alice!al@?*", "*!*@*/*", "alice!*@-"])
def test_a_mask_that_anybody_can_wear_is_no_rule(tmp_path: Path, mask: str) -> None:
    """Nick and user are chosen by whoever connects: the host has to say something."""
    assert "matches anybody" in faults(tmp_path, LEAST + f"[roles]\norganiser = mask:{mask}\n")[0]


NAMES = (
    "irc",
    "store",
    "roles",
    "schedule",
    "exercises",
    "labs",
    "gateway",
    "records",
    "questions",
    "channel.#c",
    "host.x",
    "image.y",
    "image.list",
)
OPTIONS = (
    "server",
    "port",
    "channels",
    "nick",
    "password_file",
    "password_env",
    "url",
    "state",
    "organiser",
    "zones",
    "reminders",
    "folder",
    "lease",
    "cap",
    "warn",
    "spare",
    "uri",
    "listen",
    "public_url",
    "tls_ca_file",
    "memory",
    "words",
    "question",
    "a_minute",
    "long",
)
VALUES = st.one_of(
    st.text(max_size=30),
    st.sampled_from(
        [
            "~x/y",
            "sqlite:///~zz/x",
            "a\0b",
            "9" * 5000,
            "٣h",
            "²",
            "1d" * 50,
            "[::1",
            "qemu:///embed?root=~q",
            "xen://[",
            "test:///default",
            "0.0.0.0:٣",
            "#c",
            "mask:a!b@[",
            "Europe",
            "../../etc/passwd",
            "%(x)s",
            "/dev/null/x",
        ]
    ),
)
LINES = st.one_of(
    st.text(max_size=40),
    st.sampled_from(NAMES).map("[{}]".format),
    st.tuples(st.sampled_from(OPTIONS), VALUES).map(" = ".join),
)


@settings(max_examples=400, deadline=None)
@given(lines=st.lists(LINES, max_size=12))
@example(lines=["[store]", "url = sqlite:///~zz/x"])
@example(lines=["[irc]", "password_file = ~zz"])
@example(lines=["[host.x]", "uri = qemu:///embed?root=~zz"])
@example(lines=["[host.x]", "uri = xen://["])
def test_any_text_gives_a_configuration_or_its_faults(
    tmp_path_factory: pytest.TempPathFactory, lines: list[str]
) -> None:
    """No file, however broken, ends in anything but a Config or a ConfigError with sentences."""
    path = tmp_path_factory.getbasetemp() / "any.ini"
    path.write_bytes("\n".join(lines).encode("utf-8", "surrogatepass"))
    try:
        assert isinstance(load(path), Config)
    except ConfigError as error:
        assert error.problems and all(problem.strip() for problem in error.problems)


@settings(max_examples=100, deadline=None)
@given(raw=st.binary(max_size=200))
def test_any_bytes_too(tmp_path_factory: pytest.TempPathFactory, raw: bytes) -> None:
    """A file that is no text at all is refused like any other."""
    path = tmp_path_factory.getbasetemp() / "bytes.ini"
    path.write_bytes(raw)
    with pytest.raises(ConfigError):
        load(path)


def test_the_environment_is_only_read(tmp_path: Path) -> None:
    """Reading a configuration changes nothing outside."""
    before = dict(os.environ), sorted(tmp_path.iterdir())
    read(tmp_path, LEAST + "[store]\nstate = deep/state\n")
    assert (dict(os.environ), sorted(path for path in tmp_path.iterdir() if path.name != "bot.ini")) == before
