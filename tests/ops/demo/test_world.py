"""What the demo makes around itself, and that nothing of it stays."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import stat
import sys
from pathlib import Path

import pytest

from trainbot import shipped
from trainbot.config import load
from trainbot.core.errors import BackendError, UserError
from trainbot.ops.demo import run, world
from trainbot.ops.demo.irc_client import IrcClient
from trainbot.ops.demo.tour import DidNotHappen, Tour
from trainbot.ops.demo.world import INI, DemoWorld


@pytest.fixture
def told() -> list[str]:
    """What the demo says to whoever watches."""
    return []


@pytest.fixture
async def demo_world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, told: list[str]) -> DemoWorld:
    """A world with a cache of its own, whose image counts as built."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.setattr(world, "image_is_current", lambda *args: True)
    monkeypatch.setattr(world, "working_accelerator", lambda cache: "tcg")
    return DemoWorld(0, told.append)


def test_the_template_is_a_bot_ini_without_faults(tmp_path: Path) -> None:
    """trainbot.config accepts what the demo writes, whichever accelerator there is."""
    for kvm in ("yes", "no"):
        ini = tmp_path / "bot.ini"
        ini.write_text(
            INI.format(
                irc_port=6667,
                ssh_port=2222,
                nick=world.NICK,
                channel=world.CHANNEL,
                kvm=kvm,
                presenter=world.PRESENTER_HOST,
                zones=world.ZONES,
                folder="/tmp/d",
                exercises=shipped.folder("exercises"),
                cache=tmp_path / "cache",
            )
        )
        config = load(ini)
        assert [host.kvm for host in config.hosts] == [kvm == "yes"]
        assert config.hosts[0].uri == "qemu:///embed?root=/tmp/d/libvirt"
        assert config.hosts[0].folder.is_relative_to(tmp_path)  # an ordinary user can write there
        assert config.gateway.listen == (("127.0.0.1", 2222),)


def test_the_folder_is_short_wherever_temporary_files_are(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """libvirt's sockets are below the demo's folder, and their paths have to fit."""
    monkeypatch.setattr(world.tempfile, "tempdir", str(tmp_path / ("x" * 60)))
    folder = DemoWorld(0, lambda text: None).folder
    folder.rmdir()
    assert len(str(folder)) < 51 - len("/libvirt")


async def test_prepare_leaves_all_that_the_bot_needs(demo_world: DemoWorld) -> None:
    """bot.ini, one session soon, and the ssh host key of all demos, private."""
    await demo_world.prepare()
    assert demo_world.config is not None
    assert (demo_world.folder / "schedules" / "demo.toml").is_file()
    key = demo_world.config.store.state / world.HOST_KEY
    assert key.read_bytes() == (demo_world.cache / world.HOST_KEY).read_bytes()
    assert stat.S_IMODE(key.stat().st_mode) == 0o600
    await demo_world.close()
    assert not demo_world.folder.exists()


async def test_a_taken_port_is_said_and_another_one_used(told: list[str]) -> None:
    """Whoever listens at 6667 already does not keep the demo from starting."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        taken = other.getsockname()[1]
        port, lock = world._port(taken, told.append, "ssh")
    lock.close()
    assert port != taken
    assert told == [f"port {taken} is in use: ssh uses port {port} instead"]


def test_two_demos_that_start_together_get_different_ports(told: list[str]) -> None:
    """A port is ours before anything listens there."""
    first, lock = world._port(0, told.append, "ssh")
    second, other = world._port(first, told.append, "ssh")
    lock.close()
    other.close()
    third, again = world._port(first, told.append, "ssh")
    again.close()
    assert second != first and third == first


@pytest.mark.parametrize("broken", ["_image", "_accelerator"])
async def test_a_failure_while_preparing_is_cleared_away(
    demo_world: DemoWorld, monkeypatch: pytest.MonkeyPatch, broken: str
) -> None:
    """The reason reaches the shell; the temporary folder does not stay."""

    async def fails(*args: object) -> None:
        raise BackendError("the disk is full")

    monkeypatch.setattr(demo_world, broken, fails)
    monkeypatch.setattr(run, "DemoWorld", lambda port, tell: demo_world)
    with pytest.raises(BackendError, match="the disk is full"):
        await run._demo(True, 0, False)
    assert not demo_world.folder.exists()


async def test_what_cannot_be_ended_keeps_nothing_else(
    demo_world: DemoWorld, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    """A lab that resists is said, and server and folder are gone all the same."""

    def resists(config: object) -> None:
        raise RuntimeError("libvirt is stuck")

    monkeypatch.setattr(world, "end_labs", resists)
    await demo_world.prepare()
    await demo_world.ircd.start()
    await demo_world.close()
    assert told[-1] == "could not stop a lab: libvirt is stuck"
    assert demo_world.ircd.pid is None and not demo_world.folder.exists()


async def test_an_image_that_is_not_built_is_one_sentence(
    demo_world: DemoWorld, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The builder has said why; the demo says that it stops."""
    monkeypatch.setattr(world, "image_is_current", lambda *args: False)
    monkeypatch.setattr(demo_world, "trainbot", lambda *words: (sys.executable, "-c", "raise SystemExit(1)"))
    with pytest.raises(BackendError, match="the lab image was not built"):
        await demo_world.prepare()
    await demo_world.close()


def silent(demo_world: DemoWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of the bot, somebody of its nick who joins and never says a word."""

    async def start_bot() -> None:
        bot = await IrcClient.connect(demo_world.ircd.port, world.NICK)
        await bot.join(world.CHANNEL)

    monkeypatch.setattr(demo_world, "start_bot", start_bot)


async def failed_tour(
    demo_world: DemoWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> str:
    """What a tour with short deadlines says on stderr as it fails."""
    monkeypatch.setattr(run, "DemoWorld", lambda port, tell: demo_world)
    monkeypatch.setattr(run, "Tour", lambda world, tell: Tour(world, tell, patience=0.02))
    assert await run._demo(True, 0, False) == 1
    said = capsys.readouterr().err
    assert said.rstrip().endswith("all gone") and not demo_world.folder.exists()
    return said


async def test_the_tour_says_what_did_not_happen(
    demo_world: DemoWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 and the first thing that did not come, for a bot that joins and is silent."""
    silent(demo_world, monkeypatch)
    said = await failed_tour(demo_world, monkeypatch, capsys)
    assert "FAILED  the session is announced in UTC and three zones: did not happen within 1.2 s" in said


async def test_the_tour_does_not_wait_for_a_bot_that_died(
    demo_world: DemoWorld, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """Exit code 1 at once, with the bot's last words, for a bot that ends by itself."""
    monkeypatch.setattr(demo_world, "trainbot", lambda *words: ("sh", "-c", "echo no such database; exit 1"))
    said = await failed_tour(demo_world, monkeypatch, capsys)
    assert "FAILED  the bot joins: did not happen, the bot ended by itself" in said
    assert "no such database" in said


async def test_a_signal_ends_the_tour_and_clears_away(
    demo_world: DemoWorld, monkeypatch: pytest.MonkeyPatch, told: list[str]
) -> None:
    """SIGTERM in the middle: 130, and bot, server and folder are gone; a second signal changes nothing."""
    silent(demo_world, monkeypatch)
    monkeypatch.setattr(run, "DemoWorld", lambda port, tell: demo_world)

    def tell_and_end(text: str) -> None:
        if "the bot joins" in text:
            os.kill(os.getpid(), signal.SIGTERM)
            os.kill(os.getpid(), signal.SIGTERM)

    monkeypatch.setattr(run, "Tour", lambda world, tell: Tour(world, tell_and_end))
    assert await run._demo(True, 0, False) == 130
    assert demo_world.bot is None and demo_world.ircd.pid is None and not demo_world.folder.exists()


async def test_a_tour_without_its_server_says_so(demo_world: DemoWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """A connection that breaks is named with what was awaited."""
    monkeypatch.setattr(demo_world, "trainbot", lambda *words: ("sleep", "60"))
    await demo_world.ircd.start()
    tour = Tour(demo_world, lambda text: None)
    playing = asyncio.create_task(tour.play())
    while demo_world.bot is None:
        await asyncio.sleep(0)
    await demo_world.ircd.stop()
    with pytest.raises(DidNotHappen, match="the bot joins: did not happen, learner was disconnected"):
        await playing
    await demo_world.close()


def test_without_a_terminal_nothing_starts(monkeypatch: pytest.MonkeyPatch) -> None:
    """A pipe, a file or nothing at all at stdin: one sentence says that the tour needs no terminal."""
    monkeypatch.setattr(run, "DemoWorld", None)
    for stdin in (None, open(os.devnull)):  # noqa: SIM115  it ends with the test
        monkeypatch.setattr(sys, "stdin", stdin)
        with pytest.raises(UserError, match="trainbot demo --tour"):
            run.demo(tour=False, port=0, keep=False)


@pytest.mark.parametrize("said", ["password ab12-cd34-ef56-gh78 (the key is x)", "password ab12-cd34-ef56-gh78; wait"])
async def test_the_tour_shows_no_password(demo_world: DemoWorld, said: str) -> None:
    """What a CI log keeps has no secret in it."""
    lines: list[str] = []
    Tour(demo_world, lines.append)._shown(f":trainbot!~t@h PRIVMSG learner :{said}")
    await demo_world.close()
    assert len(lines) == 1 and "ab12" not in lines[0] and "gh78" not in lines[0]
