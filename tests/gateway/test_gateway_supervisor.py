"""The table that outlives the gateway, and a gateway of another program that is replaced without cutting anybody."""

from __future__ import annotations

import asyncio
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from tests.gateway.conftest import World, until
from tests.gateway.test_gateway_life import echo, enter
from trainbot.core.errors import BackendError
from trainbot.gateway import process
from trainbot.gateway import route_cache as table
from trainbot.gateway import supervisor as keeper
from trainbot.gateway.routes import Routes
from trainbot.gateway.rpc.gateway_client import GatewayClient, GatewayRefused
from trainbot.gateway.supervisor import Supervisor


def restart(world: World) -> None:
    os.kill(world.pid, signal.SIGKILL)
    until(lambda: process.running(world.state) is None)
    world.start_gateway()


def test_a_gateway_that_starts_while_the_bot_is_away_knows_everybody(own_world):
    """Both are killed; the gateway alone comes back, and the known passwords lead to the labs."""
    world = own_world()
    _, password = world.lease()
    assert world.ssh("echo in", password=password).stdout == b"in\n"
    world.bot.die()
    restart(world)
    assert world.ssh("echo again", password=password).stdout == b"again\n"
    world.bot.start()


def test_a_bot_that_is_there_is_waited_for(own_world):
    """What was kept counts only without a bot: whoever lost the lease meanwhile is not let in before the table comes."""
    world = own_world()
    route, password = world.lease()
    assert world.ssh("echo in", password=password).stdout == b"in\n"
    kept = (world.state / "routes.json").read_bytes()
    world.end(route)
    _, other = world.lease()
    assert world.ssh("echo in", password=other).stdout == b"in\n"
    process.stop(world.state)
    (world.state / "routes.json").write_bytes(kept)
    world.start_gateway()
    assert world.ssh("echo in", password=password).returncode == 255
    assert world.ssh("echo in", password=other).stdout == b"in\n"


def test_what_is_kept_holds_no_password(own_world):
    """The file is its owner's only, and has digests and public keys, neither the password nor the pepper."""
    world = own_world()
    _, password = world.lease(keys=("ssh-ed25519 AAAA",))
    assert world.ssh("echo in", password=password).stdout == b"in\n"
    path = world.state / "routes.json"
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    text = path.read_text()
    for secret in (password, password.replace("-", ""), world.pepper.hex(), "PRIVATE"):
        assert secret not in text


@pytest.mark.parametrize(
    "rubbish",
    [
        "",
        "[]",
        "{}",
        "nonsense",
        '{"kept_at": 1, "table": {}}',
        "[" * 100_000,
        '{"kept_at": 1e400, "table": 1}',
        '{"kept_at": "x"}',
    ],
)
def test_a_kept_table_that_is_none_is_left_alone(tmp_path, rubbish):
    """A broken or a very old file is as good as none."""
    (tmp_path / "routes.json").write_text(rubbish)
    assert table.last(tmp_path) is None


def test_what_is_kept_is_read_again(tmp_path):
    """The same table comes out, once there was one; a folder that cannot be written is no failure."""
    assert table.last(tmp_path) is None
    table.keep(tmp_path, {"routes": []})
    assert table.last(tmp_path) == {"routes": []}
    assert len(Routes.from_json(table.last(tmp_path), b"")) == 0
    table.keep(tmp_path / "nowhere", {"routes": []})


def test_a_kept_table_of_another_form_does_not_stop_the_gateway(own_world):
    """A file of a program to come is told in the log, and the bot's table works."""
    world = own_world()
    process.stop(world.state)
    table.keep(world.state, {"routes": [{"lease": 1}]})
    world.start_gateway()
    assert "the saved table of routes is invalid" in world.log()
    _, password = world.lease()
    assert world.ssh("echo in", password=password).stdout == b"in\n"


def test_the_gateway_says_which_program_it_is(world):
    """gateway.pid has the version and a digest of the sources: the same for the same files."""
    assert process.version(world.state) == process.program()
    assert process.program().startswith("0.") and len(process.program().partition("-")[2]) == 12


async def test_a_gateway_that_is_told_to_leave_waits_for_its_sessions(own_world):
    """It goes on, lets people in, and ends when the last one has left."""
    world = own_world()
    _, password = world.lease()
    inside = await asyncio.to_thread(enter, world, password)
    assert await GatewayClient(world.state).leave() == 1
    another = await asyncio.to_thread(enter, world, password)
    await asyncio.to_thread(inside.communicate)
    assert process.running(world.state) == world.pid
    assert await asyncio.to_thread(echo, another, b"still\n") == b"still\n"
    await asyncio.to_thread(another.communicate)
    await process.ended(world.pid)
    assert process.running(world.state) is None


@pytest.fixture
async def keep(monkeypatch):
    """Makes keepers for a world, which begin its kind of gateway."""
    made: list[Supervisor] = []

    def make(world: World) -> Supervisor:
        begin = process.start_detached
        monkeypatch.setattr(
            keeper.process, "start_detached", lambda path, state: begin(path, state, world.gateway_command())
        )
        made.append(Supervisor(Path("unused"), world.state, (("127.0.0.1", 0),)))
        return made[-1]

    yield make
    for each in made:
        await each.close()


async def test_a_gateway_of_this_program_stays(own_world, keep):
    """The one that runs is found, however often one looks."""
    world = own_world()
    kept = keep(world)
    for _ in range(3):
        await kept.keep()
    assert process.running(world.state) == world.pid


async def test_a_gateway_of_another_program_is_replaced_when_the_last_session_ends(own_world, keep, monkeypatch):
    """Nobody is cut; a new one runs at once when nobody is inside any more, and stays."""
    world = own_world()
    _, password = world.lease()
    inside = await asyncio.to_thread(enter, world, password)
    monkeypatch.setattr(process, "program", lambda: "9-later")
    kept = keep(world)
    await kept.keep()
    await kept.keep()
    assert await asyncio.to_thread(echo, inside, b"here\n") == b"here\n"
    assert process.running(world.state) == world.pid
    await asyncio.to_thread(inside.communicate)
    await kept._replacing
    new = process.running(world.state)
    assert new not in (None, world.pid)
    await kept.keep()  # it says that it is the old program still, and it would be for ever
    assert kept._replacing.done() and process.running(world.state) == new
    (_, world.port), *_ = process.listening(world.state)


async def test_a_gateway_that_listens_elsewhere_is_started_again(own_world, keep):
    """What bot.ini says now counts."""
    world = own_world()
    kept = keep(world)
    kept._listen = (("127.0.0.1", 1),)
    await kept.keep()
    assert process.running(world.state) != world.pid


async def test_a_gateway_that_a_service_keeps(own_world, keep, monkeypatch):
    """The bot starts none, and asks one of another program to leave, so that the service starts the new one."""
    world = own_world()
    monkeypatch.setattr(process, "program", lambda: "9-later")
    kept = keep(world)
    kept._service = True
    await kept.keep()
    await kept._replacing
    assert process.running(world.state) is None
    with pytest.raises(BackendError, match="systemctl start trainbot-gateway"):
        await kept.keep()


async def test_a_gateway_that_cannot_be_asked_is_left_alone(own_world, keep, monkeypatch, caplog):
    """One from before there was a socket is told about once, and not killed."""
    world = own_world()
    (world.state / "gateway.sock").unlink()
    monkeypatch.setattr(process, "program", lambda: "9-later")
    kept = keep(world)
    for _ in range(3):
        await kept.keep()
        await kept._replacing
    assert caplog.text.count("cannot be told to stop") == 1
    assert process.running(world.state) == world.pid


async def test_a_process_that_has_ended_is_known_to_have(tmp_path):
    """Whether it ends while one waits or had ended before."""
    child = await asyncio.create_subprocess_exec(sys.executable, "-c", "input()", stdin=asyncio.subprocess.PIPE)
    waiting = asyncio.create_task(process.ended(child.pid))
    await asyncio.sleep(0)
    child.stdin.close()
    await waiting
    await child.wait()
    await process.ended(child.pid)


async def test_where_none_can_be_started_it_says_why(tmp_path, monkeypatch):
    """The bot hears the reason, and may try again."""

    def refuse(path, state):
        raise BackendError("the gateway cannot listen")

    monkeypatch.setattr(keeper.process, "start_detached", refuse)
    with pytest.raises(BackendError, match="cannot listen"):
        await Supervisor(Path("x"), tmp_path, ()).keep()


async def test_an_unknown_request_says_what_there_is(world):
    """Asked for anything else, the gateway names what it knows."""
    with pytest.raises(GatewayRefused, match="speaks, login, status and leave"):
        await GatewayClient(world.state)._ask({"op": "dance"}, 5.0)
