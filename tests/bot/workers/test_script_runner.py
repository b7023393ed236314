"""Scripts in labs that do their worst, through a real gateway: each ends, bounded, and the others wait for none of them."""

from __future__ import annotations

import asyncio
import subprocess
from pathlib import Path

import pytest

from tests.gateway.conftest import World, until
from trainbot.bot.workers.script_runner import ScriptRunner
from trainbot.features.classes.lab_script import command, last_words
from trainbot.gateway.rpc.gateway_client import GatewayClient
from trainbot.model.exercise import Script
from trainbot.model.lab_events import LabRoute
from trainbot.model.script_events import RunScript, ScriptEnded


@pytest.fixture
def world(tmp_path_factory: pytest.TempPathFactory):
    made = World(tmp_path_factory.mktemp("w"))
    yield made
    made.close()


class Labs:
    """Scripts in the stand-in for a lab, and how they ended."""

    def __init__(self, world: World) -> None:
        self.world, self.ended = world, asyncio.Queue()
        self.scripts = ScriptRunner(GatewayClient(world.state), self.ended.put_nowait)

    def run(self, play: int, text: str, seconds: int = 30, endpoint: tuple[str, int] | None = None) -> None:
        address, port = endpoint or self.world.lab.endpoint
        self.scripts.run(
            RunScript(
                play,
                "here",
                LabRoute(address, port, host_key=self.world.lab.host_key),
                command(Script("x", text), seconds),
                text,
                seconds + 10.0,
            )
        )

    async def next(self) -> ScriptEnded:
        async with asyncio.timeout(60):
            return await self.ended.get()


async def test_a_check_in_a_lab(world: World) -> None:
    """Its exit code and its last words, without what a terminal would obey."""
    labs = Labs(world)
    labs.run(
        1,
        "#!/bin/bash\r\necho checking\r\nprintf '\\033]0;title\\a\\033[31mno \\002file\\033[0m\\n'\r\nexit 3\r\n".replace(
            "\r\n", "\n"
        ),
    )
    ended = await labs.next()
    assert (ended.play, ended.exit, last_words(ended.said)) == (1, 3, "no file")


async def test_hostile_labs_hold_up_nobody(world: World) -> None:
    """Printing forever, forking, deaf to signals: while they go on, another script is through; then each has its end."""
    labs = Labs(world)
    for play, text in (
        (1, "exec yes"),
        (2, "for n in 1 2 3 4 5; do (exec sleep 600) & done; exec sleep 600"),
        (3, "trap '' TERM; while :; do sleep 0.1; done"),
        (4, "exec yes >&2"),
    ):
        labs.run(play, text, 3)
    labs.run(5, "echo well")
    ended = [await labs.next() for _ in range(5)]
    assert ended[0] == ScriptEnded(5, 0, "well")
    assert {event.play: event.exit for event in ended[1:]} == {1: 124, 2: 124, 3: 137, 4: 124}
    assert all(len(event.said) < 10_000 for event in ended)


async def test_a_lab_that_does_not_do_as_it_is_told(world: World) -> None:
    """Its root has put something else where our limits were: what prints or hangs forever all the same has its end and bound."""
    labs, way = Labs(world), LabRoute(*world.lab.endpoint, host_key=world.lab.host_key)
    for play, said in ((1, "exec yes"), (2, "exec sleep 600")):
        labs.scripts.run(RunScript(play, "here", way, said, "", 3.0))
    labs.run(3, "echo well")
    ended = {event.play: event for event in [await labs.next() for _ in range(3)]}
    assert ended[3] == ScriptEnded(3, 0, "well") and ended[2].exit is None and ended[2].slow
    assert len(ended[1].said) <= 10_000


async def test_a_script_that_leaves_a_daemon_is_through(world: World, tmp_path: Path) -> None:
    """What it leaves behind goes on, and holds up nothing although it has its output."""
    labs = Labs(world)
    labs.run(1, f"(sleep 600; echo late) & echo $! > {tmp_path}/pid; echo began")
    assert await labs.next() == ScriptEnded(1, 0, "began")
    pid = (tmp_path / "pid").read_text().strip()
    assert subprocess.run(["ps", "-p", pid], capture_output=True).returncode == 0
    subprocess.run(["kill", pid], check=True)


async def test_a_lab_that_goes_in_the_middle(world: World, tmp_path: Path) -> None:
    """Whoever kills the sshd under a check, and whoever has none any more: could not be run, in a sentence."""
    labs = Labs(world)
    labs.run(1, f"touch {tmp_path}/began; exec sleep 60")
    await asyncio.to_thread(until, (tmp_path / "began").exists)
    world.lab.kill()
    assert await labs.next() == ScriptEnded(1, None, "the connection to the lab was lost during the command")
    labs.run(2, "true")
    assert await labs.next() == ScriptEnded(2, None, "no ssh server answers there yet")
    labs.run(3, "x" * (1 << 20))
    assert (await labs.next()).exit is None


async def test_files_larger_than_a_request(world: World) -> None:
    """They reach the lab in parts and whole, and leave nothing behind there."""
    labs = Labs(world)
    labs.run(7, f": {'é' * (1 << 20)}\nls -A $HOME | grep -c trainbot-script-7; exit 5")
    assert await labs.next() == ScriptEnded(7, 5, "0")


async def test_many_at_once(world: World) -> None:
    """More than the gateway takes at a time: all come to their end."""
    labs = Labs(world)
    for play in range(60):
        labs.run(play, "exit 0")
    assert {(await labs.next()).exit for _ in range(60)} == {0}
