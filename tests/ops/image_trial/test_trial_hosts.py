"""Where `trainbot image try` tries an image: on each host of bot.ini, and one sentence where it cannot."""

from __future__ import annotations

import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace

import pytest

from tests.adapters.hosts.paper_host import paper_host
from tests.gateway.conftest import Lab, keygen
from tests.gateway.jump_host_peer import JumpHostPeer, free_port
from tests.ops.doctor.test_doctor_image import built
from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.adapters.hosts.libvirt_look import HostLook
from trainbot.config import Config, load
from trainbot.core.errors import BackendError, UserError
from trainbot.images.build.progress_bar import Silent
from trainbot.model.host import Domain, DomainState, GuestType, HostConfig, Mode
from trainbot.model.lab_image import LabImage
from trainbot.ops.image_trial import places, runner
from trainbot.ops.image_trial.lab import TrialLab
from trainbot.ops.image_trial.places import check, console_of, login, slot_for, within
from trainbot.ops.image_trial.runner import try_image, try_on_hosts
from trainbot.ops.image_trial.trial import Trial

XEN = HostConfig("xen1", "xen+ssh://root@xen1.example.org/system", labs=4, images=Path("/srv/images"))
IMAGE = LabImage("mine", Path("d"), Path("k"), Path("i"), "", {}, 1024, 1, "root", "k", "mine-1")


def config(folder: Path, *hosts: str, **image: object) -> Config:
    """bot.ini with the image `mine`, which is there, and these sections."""
    made = built(folder / "state/images/mine-0123456789ab", **image)
    (made.folder.parent / "mine").symlink_to(made.folder.name)
    (folder / "bot.ini").write_text("[irc]\nchannels = #c\n[image.mine]\n" + "".join(hosts))
    return load(folder / "bot.ini")


@pytest.fixture
def silent_port() -> Iterator[int]:
    """Of a server that accepts connections and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield listening.getsockname()[1]


def tried(found: Config, *names: str) -> dict[str, str]:
    """Host -> its line in the report, of hosts that have only one; each is marked."""
    trial = try_on_hosts(found, "mine", names, Mode.ENFORCING, 10, Silent())
    at = next(number for number, line in enumerate(trial.lines) if line.startswith("host "))
    heads, lines = trial.lines[at::2], trial.lines[at + 1 :: 2]
    assert len(trial.wrong) == len(lines)
    mark = "   <-- not as it should be"
    return {
        head.split()[1]: line.removeprefix("  ").removesuffix(mark) for head, line in zip(heads, lines, strict=True)
    }


def test_each_host_that_cannot_be_tried_says_why(tmp_path: Path, silent_port: int) -> None:
    """One that is gone, one that hangs, one without a copy, one that runs nothing: a sentence each, and the others are tried
    all the same; with names only those."""
    gone = free_port()
    found = config(
        tmp_path,
        f"[host.gone]\nuri = test+tcp://127.0.0.1:{gone}/default\n",
        f"[host.hangs]\nuri = test+tcp://127.0.0.1:{silent_port}/default\ndeadline = 1\n",
        f"[host.bare]\nuri = {paper_host(tmp_path)}\nimages = /srv/images\n",
        "[host.paper]\nuri = test:///default\n",
    )
    said = tried(found)
    assert list(said) == ["gone", "hangs", "bare", "paper"]
    assert said["gone"].startswith("not tried: opening gone: gone does not answer: nothing listens on the port")
    assert said["hangs"] == "not tried: libvirt on hangs did not answer within 1 s"
    version = "mine-0123456789ab"
    assert said["bare"] == f"not tried: bare has no copy of {version}: trainbot host prepare bare copies it"
    assert said["paper"] == "not tried: paper is libvirt's test driver, whose labs run nothing"
    assert list(tried(found, "paper", "gone")) == ["gone", "paper"]
    with pytest.raises(UserError, match=r"has no \[host.x\] \(available: gone, hangs, bare, paper\)"):
        tried(found, "x")


def test_an_image_that_xen_refuses_is_tried_elsewhere(tmp_path: Path) -> None:
    """Its kernel runs as HVM only: Xen's host is not even asked, the other one is."""
    xen = "[host.xen1]\nuri = xen+ssh://root@127.0.0.1:1/system\n"
    found = config(tmp_path, xen, "[host.paper]\nuri = test:///default\n", guests=(GuestType.HVM,))
    said = tried(found)
    assert said["xen1"].startswith("not tried: the mine image's kernel runs on Xen only as HVM, which is refused")
    assert said["paper"].endswith("whose labs run nothing")


def test_embedded_hosts_are_tried_apart_from_the_bot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each with its own settings, in a folder that is gone afterwards: the bot has the host's own, and may run."""
    made: list[HostConfig] = []

    def make(driver: LibvirtDriver, spec: object) -> None:
        made.append(driver._config)
        raise BackendError("that is enough")

    monkeypatch.setattr(LibvirtDriver, "make", make)
    ini = "[host.{}]\nuri = qemu:///embed?root=/srv/tb-bot{}\ndisk_rate = {}\n"
    trial = try_on_hosts(
        config(tmp_path, ini.format("one", 1, 7), ini.format("two", 2, 8)), "mine", (), Mode.ENFORCING, 10, Silent()
    )
    assert trial.wrong == ["ended early: that is enough"] * 2
    assert [(host.name, host.disk_rate) for host in made] == [("one", 7), ("two", 8)]
    assert not [host for host in made if "/srv/" in f"{host.uri} {host.folder}" or host.folder.parent.exists()]


def test_a_lab_that_cannot_be_removed_is_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Its host was lost meanwhile: somebody has to remove it by hand.  Ctrl-C ends all of it, whatever the host says."""

    def lost(*_: object) -> None:
        raise BackendError("no route")

    monkeypatch.setattr(
        places,
        "driver_for",
        lambda host, owner, claimant: SimpleNamespace(claims=list, destroy=lost, close=lambda: None, make=lost),
    )
    found = config(tmp_path, "[host.one]\nuri = qemu:///embed?root=/srv/tb-bot\n")
    trial = try_on_hosts(found, "mine", (), Mode.ENFORCING, 10, Silent())
    assert trial.wrong == ["ended early: no route", "afterwards: the lab may still be there, as trainbot-try: no route"]

    def interrupted(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(runner, "look", interrupted)
    with pytest.raises(KeyboardInterrupt):
        try_on_hosts(found, "mine", (), Mode.ENFORCING, 10, Silent())


def test_without_a_host_it_is_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """With KVM if that works here."""
    tried_on: list[HostConfig] = []

    def lab_on(host: HostConfig, *_: object) -> None:
        tried_on.append(host)
        raise BackendError("that is enough")

    monkeypatch.setattr(runner, "lab_on", lab_on)
    monkeypatch.setattr(runner, "working_accelerator", lambda cache, name: "kvm")
    trial = try_on_hosts(config(tmp_path), "mine", (), Mode.ENFORCING, 10, Silent())
    assert trial.lines[-2] == "host this-machine (QEMU, KVM):" and [host.kvm for host in tried_on] == [True]


def test_an_image_alone_is_tried_on_this_machine(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Without a bot.ini: one report, whose lines begin at the left."""
    image = built(tmp_path / "mine")

    @contextmanager
    def lab_on(host: HostConfig, *said: object) -> Iterator[str]:
        assert said[1:] == (Mode.ENFORCING, said[2], tmp_path / "key", said[2], "", ())
        yield host.name

    monkeypatch.setattr(runner, "lab_on", lab_on)
    monkeypatch.setattr(runner, "look", lambda lab, trial, selinux, within, progress: trial.note(lab, selinux))
    trial = try_image(image, tmp_path / "key", False, Mode.ENFORCING, 10, Silent())
    assert trial.lines[-1] == "this-machine: enforcing" and trial.wrong == []


def test_what_is_there_is_looked_at_before_anything_is_made() -> None:
    """Too little memory, no copy, or an unknown one: nothing is begun; a free place is one that the bot takes last."""
    seen = HostLook("Xen 4.17.0", 4096, 2048, 2, (), images=frozenset({"mine-1"}))
    check(XEN, IMAGE, seen)
    with pytest.raises(BackendError, match="xen1 has 512 MiB of free memory, and the lab needs 1024"):
        check(XEN, IMAGE, replace(seen, free_mib=512))
    for images in (frozenset(), frozenset({"mine-2"}), None):
        with pytest.raises(BackendError, match="xen1 has no copy of mine-1: trainbot host prepare xen1 copies it"):
            check(XEN, IMAGE, replace(seen, images=images))
    assert [slot_for(XEN, taken) for taken in ((), (1, 2), (1, 4), (4, 3, 2))] == [4, 4, 3, 1]
    with pytest.raises(BackendError, match="each of the 4 places on xen1 has a lab"):
        slot_for(XEN, (1, 2, 3, 4))


def test_a_host_that_hangs_holds_nobody_up() -> None:
    """What is asked of it goes on in a thread of its own; its errors are the asker's."""

    def fails() -> None:
        raise BackendError("no route")

    with socket.socket(socket.AF_UNIX) as never, pytest.raises(BackendError, match=r"^x did not answer within 0.1 s$"):
        never.bind("\0tb-try-never")
        never.listen()
        within(0.1, "x", never.accept)
    assert within(60, "x", lambda: 7) == 7
    with pytest.raises(BackendError, match="^no route$"):
        within(60, "x", fails)


@contextmanager
def behind(folder: Path) -> Iterator[tuple[HostConfig, Path, JumpHostPeer, Lab]]:
    """A host with a jump host, a lab behind it that lets lab_key in, and the gateway's folder."""
    state = folder / "a state"
    state.mkdir()
    lab = Lab(folder / "lab", keygen(folder / "lab_key")).start()
    peer = JumpHostPeer(folder / "peer", keygen(state / "door_key"), lab.port).start()
    (state / "known_hosts").write_text(peer.known)
    try:
        yield HostConfig("xen1", "xen+ssh://root@127.0.0.1/system", door=peer.via), state, peer, lab
    finally:
        peer.kill()
        lab.kill()


def test_a_lab_behind_a_jump_host_is_reached_as_the_gateway_does(tmp_path: Path) -> None:
    """Through the forced command, with the gateway's key, to the lab with its own host key; a wrong one is refused; its
    console comes the same way."""
    with behind(tmp_path) as (host, state, peer, lab):
        known, domain = tmp_path / "known hosts", Domain("0", "x", DomainState.RUNNING, ("127.0.0.1", 22))
        known.write_text(f"lab {lab.host_key}\n")
        command = login(domain, host, "root", tmp_path / "lab_key", known, state)
        ran = subprocess.run([*command, "echo in; exit 3"], capture_output=True, text=True, timeout=60)
        assert (ran.stdout, ran.returncode) == ("in\n", 3), ran.stderr
        known.write_text(f"lab {peer.public}\n")
        ran = subprocess.run([*command, "echo in"], capture_output=True, text=True, timeout=60)
        assert (ran.stdout, ran.returncode) == ("", 255) and "Host key verification failed" in ran.stderr
        peer.put(
            "lab-door",
            '#!/bin/sh\ncase $SSH_ORIGINAL_COMMAND in "console 1-2") read a; read b; echo root; echo tried-42;; esac\n',
        )
        console = console_of(host, "1-2", state)
        assert TrialLab(None, None, lambda domain: [], console).ask_console() == ("root's shell answers", True)
        other = TrialLab(None, None, lambda domain: [], console_of(host, "3", state))
        assert other.ask_console() == ("", False)
    with pytest.raises(BackendError, match="xen1 gives its labs no address: trainbot host prepare xen1"):
        login(replace(domain, endpoint=None), host, "root", tmp_path / "lab_key", known, state)


def test_an_image_that_is_not_there_is_made(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Built if there is a recipe, imported if the catalog has it; else what is missing is said, and nothing is tried."""
    names = ("debian", "almalinux", "fedora", "other")
    (tmp_path / "bot.ini").write_text("[irc]\nchannels = #c\n" + "".join(f"[image.{name}]\n" for name in names))
    found, asked = load(tmp_path / "bot.ini"), []

    def make(how: str, name: str) -> Path:
        asked.append((how, name))
        return built(tmp_path / name, source=how, guests=()).folder

    monkeypatch.setattr(runner, "build_for", lambda config, name, progress: make("build", name))
    monkeypatch.setattr(
        runner,
        "import_for",
        lambda config, name, request, progress: (runner.read_image(make("import", name)), ["its checksum"]),
    )
    sections = {section.name: section for section in found.images}
    assert [runner.ready_image(found, sections[name], Silent())[1] for name in names[:3]] == [[], [], ["its checksum"]]
    assert asked == [("build", "debian"), ("build", "almalinux"), ("import", "fedora")]
    with pytest.raises(BackendError, match='no image called "other" yet'):
        try_on_hosts(found, "other", (), Mode.ENFORCING, 10, Silent())
    with pytest.raises(BackendError, match=r"bot.ini has no \[image.none\] section"):
        try_on_hosts(found, "none", (), Mode.ENFORCING, 10, Silent())


def test_the_report_says_what_the_catalog_knows(tmp_path: Path) -> None:
    """Whether a lab of the catalog's image has been seen working; nothing of images from elsewhere; no address of a host."""
    entry = runner.catalog()["fedora"]
    image = built(tmp_path / "x", source=f"{entry.mirror}{entry.disk}")
    assert runner._seen(image) == [f"the catalog's fedora: {entry.experience}"]
    assert runner._seen(replace(image, source="https://example.org/x.qcow2")) == []
    assert places.kind_of(XEN) == "Xen" and places.kind_of(replace(XEN, uri="qemu:///system")) == "QEMU, emulated"
    trial = Trial(indent="  ")
    trial.note("kernel", "6.1\x1b[2J")
    assert trial.lines == ["  kernel: 6.1 [2J"]
