"""``trainbot init`` as people and scripts use it."""

from __future__ import annotations

import os
import stat
from pathlib import Path

import pytest
from click.testing import CliRunner

from trainbot import shipped
from trainbot.adapters.irc.network_look import NetworkFacts
from trainbot.cli import cli
from trainbot.config import load
from trainbot.core.errors import ConfigError
from trainbot.ops.check import checkup
from trainbot.ops.init import init as module
from trainbot.ops.init.init import Given, init

SECRET = "correct-horse-battery"
BASICS = {"server": "irc.a.org", "channel": "class", "organiser": "olga", "address": "lab.a.org", "zone": "UTC"}
ATHEME = NetworkFacts("Test", ("plain",), "Atheme", {"trainbot": False, "olga": True, "#class": False})
NOBODY = NetworkFacts("Test", (), "", {})


class Person:
    """Types these answers, and sees the questions."""

    def __init__(self, *typed: str, password: str = "", confirms: bool = True) -> None:
        self.typed, self.password, self.confirms = list(typed), password, confirms
        self.seen: list[str] = []

    def ask(self, question: str, default: str | None) -> str:
        self.seen.append(f"{question} [{default or ''}]")
        return self.typed.pop(0) or default or ""

    def secret(self, question: str) -> str:
        self.seen.append(question)
        return self.password

    def confirm(self, question: str, default: bool) -> bool:
        self.seen.append(question)
        return self.confirms

    def say(self, text: str) -> None:
        self.seen.append(text)


def makes(folder: Path, given: Given, person: Person | None = None) -> list[str]:
    """What it says; the network is not there."""
    said: list[str] = []
    init(folder / "bot.ini", given, person, said.append, said.append)
    return said


@pytest.fixture
def seen(monkeypatch: pytest.MonkeyPatch) -> list[NetworkFacts | None]:
    """What a look at the network finds: the last one."""
    found: list[NetworkFacts | None] = [None]
    monkeypatch.setattr(module, "looked", lambda answers, *_more: (answers, found[-1]))
    return found


def test_options_alone(tmp_path: Path) -> None:
    """bot.ini, its folders and nothing else; check has nothing to complain of."""
    said = makes(tmp_path, Given(BASICS, offline=True))
    config = load(tmp_path / "bot.ini")
    assert (config.irc.channels, config.irc.account, config.labs.public_address) == (("#class",), "", "lab.a.org")
    assert stat.S_IMODE((tmp_path / "bot.ini").stat().st_mode) == 0o600
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bot.ini", "exercises", "public", "schedules", "state"]
    assert stat.S_IMODE((tmp_path / "state").stat().st_mode) == 0o700
    lines: list[str] = []
    assert checkup(config, lines.append) == 0, lines
    assert not [line for line in lines if line.startswith("!")]
    assert f"  trainbot check -c {tmp_path}/bot.ini" in said and not any("image build" in line for line in said)


def test_folders_that_are_not_there_are_no_fault(tmp_path: Path) -> None:
    """Whoever deletes what they don't use is not told off for it; a folder of another name is missed."""
    makes(tmp_path, Given(BASICS, offline=True))
    for name in ("exercises", "public", "schedules", "state"):
        (tmp_path / name).rmdir()
    lines: list[str] = []
    assert checkup(load(tmp_path / "bot.ini"), lines.append) == 0, lines
    ini = tmp_path / "bot.ini"
    ini.write_text(ini.read_text().replace("folder = schedules ", "folder = elsewhere "))
    assert checkup(load(ini), lines.append) == 1
    assert any("the schedule folder cannot be read" in line for line in lines)


def test_all_faults_at_once(tmp_path: Path) -> None:
    """Options that are wrong and options that lack: each is named, and nothing is written."""
    wrong = {"server": "a b", "nick": "9", "zone": "Nowhereville", "host": "root@@", "organiser": "a!b"}
    with pytest.raises(ConfigError) as caught:
        makes(tmp_path, Given(wrong, password_file=tmp_path / "none", fingerprint="12", offline=True))
    named = sorted(problem.partition(":")[0].split()[0] for problem in caught.value.problems)
    assert named == sorted(
        ["--server", "--nick", "--zone", "--host", "--organiser", "--channel", "--password-file", "--tls-fingerprint"]
    )
    assert list(tmp_path.iterdir()) == []


def test_a_dialog_with_wrong_answers(tmp_path: Path, seen: list[NetworkFacts | None]) -> None:
    """Each gets one sentence, and its question again."""
    seen.append(ATHEME)
    typed = ["a b", "irc.a.org", "maybe", "yes", "9", "", "#", "class", "a!b", "olga"]
    typed += ["a b", "", "Nowhereville", "Melbourne", "root@@", "root@xen1.a.org", "lab a", "lab.a.org:443"]
    person = Person(*typed, password=SECRET)
    said = makes(tmp_path, Given({}), person)
    complaints = [line for line in person.seen if line.startswith("  ")]
    assert len(complaints) == 9 and person.typed == []
    config = load(tmp_path / "bot.ini")
    assert config.irc.password.reveal() == SECRET and config.irc.sasl == ("plain",)
    assert config.gateway.listen == (("0.0.0.0", 443),) and config.schedule.zones == ("Australia/Melbourne",)
    assert [(host.name, host.uri) for host in config.hosts] == [("xen1", "xen+ssh://root@xen1.a.org/system")]
    secret = tmp_path / "secrets" / "irc"
    assert (stat.S_IMODE(secret.stat().st_mode), stat.S_IMODE(secret.parent.stat().st_mode)) == (0o600, 0o700)
    assert SECRET not in (tmp_path / "bot.ini").read_text() and SECRET not in "\n".join([*said, *person.seen])
    start = said.index("On the network, once:")
    assert said[start + 1 : said.index("Then, here:")] == [
        f"  as the bot (PASSWORD is in {secret}; the network may send a mail to confirm the address):",
        "    /nick trainbot",
        "    /msg NickServ REGISTER PASSWORD MAIL-ADDRESS",
        "  as the owner of #class:",
        "    /join #class",
        "    /msg ChanServ REGISTER #class",
        "    /msg ChanServ FLAGS #class trainbot +VirotA",
    ]
    assert said[-4:] == [
        f"  trainbot {words} -c {tmp_path}/bot.ini"
        for words in ("image build debian", "host prepare xen1", "doctor", "run")
    ]


def test_a_network_without_services(tmp_path: Path, seen: list[NetworkFacts | None]) -> None:
    """Nobody has an account there: an organiser is known by a mask, labs are for everybody, no password is asked for."""
    seen.append(NOBODY)
    person = Person("irc.a.org", "no", "", "class", "olga", "olga", "*!*@staff.a.org", "UTC", "none", "lab.a.org")
    said = makes(tmp_path, Given({}), person)
    config = load(tmp_path / "bot.ini")
    assert not config.require_account and not config.irc.account
    assert not [line for line in person.seen if "assword" in line]
    assert not [line for line in said if line.startswith("!")] and any(
        "/mode #class +v trainbot" in line for line in said
    )


def test_without_sasl(tmp_path: Path, seen: list[NetworkFacts | None]) -> None:
    """Services but no SASL: the bot identifies to NickServ."""
    seen.append(NetworkFacts("Test", (), "Anope", {"trainbot": True}))
    said = makes(tmp_path, Given({**BASICS, "account": "trainbot"}, password=SECRET))
    config = load(tmp_path / "bot.ini")
    assert config.irc.nickserv and not config.irc.sasl and config.irc.password.reveal() == SECRET
    assert any("/msg ChanServ FLAGS #class trainbot +Viuot" in line for line in said)
    assert not any("NickServ REGISTER" in line for line in said)


def test_nothing_is_overwritten(tmp_path: Path) -> None:
    """Neither bot.ini nor a password; folders with something in them stay as they are."""
    (tmp_path / "secrets").mkdir()
    (tmp_path / "secrets" / "irc").write_text("old\n")
    (tmp_path / "exercises").mkdir()
    (tmp_path / "exercises" / "x").write_text("mine")
    with pytest.raises(ConfigError, match="irc exists, and is not changed"):
        makes(tmp_path, Given(BASICS, password="new", offline=True))
    makes(tmp_path, Given({**BASICS, "account": "trainbot"}, offline=True))
    assert load(tmp_path / "bot.ini").irc.password.reveal() == "old"
    before = (tmp_path / "bot.ini").read_bytes()
    with pytest.raises(ConfigError, match="bot.ini exists, and is not changed"):
        makes(tmp_path, Given(BASICS, offline=True))
    assert (tmp_path / "bot.ini").read_bytes() == before and (tmp_path / "exercises" / "x").read_text() == "mine"


def test_the_package_s_bot_ini_is_filled_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as nobody has edited it: its paths, owner and mode stay."""
    packaged = shipped.bot_ini().replace("sqlite:///trainbot.db", f"sqlite:///{tmp_path}/var/trainbot.db")
    monkeypatch.setattr(shipped, "packaged_bot_ini", lambda: packaged)
    ini = tmp_path / "bot.ini"
    ini.write_text(packaged)
    ini.chmod(0o640)
    group = 4242 if os.geteuid() == 0 else os.getegid()
    os.chown(ini, -1, group)
    said = makes(tmp_path, Given({**BASICS, "account": "trainbot"}, password=SECRET, offline=True))
    assert f"sqlite:///{tmp_path}/var/trainbot.db" in ini.read_text() and "organiser = account:olga" in ini.read_text()
    for path in (ini, tmp_path / "secrets" / "irc"):
        assert (path.stat().st_gid, stat.S_IMODE(path.stat().st_mode)) == (group, 0o640)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["bot.ini", "secrets"]
    assert "  runuser -u trainbot -- trainbot check" in said
    assert said[-1] == "  systemctl enable --now trainbot-gateway trainbot"
    with pytest.raises(ConfigError, match="is not changed"):
        makes(tmp_path, Given(BASICS, offline=True))


def test_a_password_from_standard_input(tmp_path: Path) -> None:
    """It is on no command line and in no output; without one nothing is written."""
    ini = tmp_path / "bot.ini"
    words = ["init", "--yes", "--offline", "-c", str(ini), "--account", "tb", "--password-file", "-"]
    for option, value in BASICS.items():
        words += [f"--{option}", value]
    failed = CliRunner().invoke(cli, words, input="\n")
    assert isinstance(failed.exception, ConfigError) and not ini.exists()
    done = CliRunner().invoke(cli, words, input=f"{SECRET}\n")
    assert done.exit_code == 0 and SECRET not in done.output, done.output
    assert load(ini).irc.password.reveal() == SECRET and SECRET not in ini.read_text()


def test_a_password_needs_tls(tmp_path: Path) -> None:
    """It would be readable on the way."""
    with pytest.raises(ConfigError, match="--account: without TLS"):
        makes(tmp_path, Given({**BASICS, "tls": "no", "account": "tb"}, password=SECRET, offline=True))


def test_a_long_address_is_said(tmp_path: Path) -> None:
    """The ssh command would be torn apart in a terminal of 80 columns."""
    said = makes(tmp_path, Given({**BASICS, "address": f"lab.{'very-' * 8}long.a.org"}, offline=True))
    assert any("does not fit a row of an IRC client" in line for line in said)
