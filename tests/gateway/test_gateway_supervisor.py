"""The table that outlives the gateway, and a gateway of another program that is replaced without cutting anybody."""

from __future__ import annotations

import asyncio
import itertools
import logging
import os
import signal
import stat
import sys
from pathlib import Path

import pytest

from tests import virtual_time
from tests.gateway.conftest import World, until
from tests.gateway.test_gateway_life import echo, enter
from trainbot.core.errors import BackendError
from trainbot.gateway import hostkey, process
from trainbot.gateway import route_cache as table
from trainbot.gateway import supervisor as keeper
from trainbot.gateway.program import program
from trainbot.gateway.routes import Routes
from trainbot.gateway.rpc.gateway_client import GatewayClient, GatewayRefused
from trainbot.gateway.supervisor import GatewayStatus, Supervisor


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


def test_what_is_kept_holds_no_password(world):
    """The file is its owner's only, and has digests and public keys, neither the password nor the pepper."""
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
    world = own_world(started=False)
    table.keep(world.state, {"routes": [{"lease": 1}]})
    world.start_gateway()
    assert "the saved table of routes is invalid" in world.log()
    _, password = world.lease()
    assert world.ssh("echo in", password=password).stdout == b"in\n"


def test_the_gateway_says_which_program_it_is(world):
    """gateway.pid has the version and a digest of the sources: the same for the same files."""
    assert process.version(world.state) == program()
    assert program().startswith("0.") and len(program().partition("-")[2]) == 12


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


async def test_a_gateway_of_another_program_is_replaced_when_the_last_session_ends(
    own_world, keep, monkeypatch, caplog
):
    """Nobody is cut; a new one runs at once when nobody is inside any more, and stays."""
    world = own_world()
    _, password = world.lease()
    inside = await asyncio.to_thread(enter, world, password)
    monkeypatch.setattr(keeper, "program", lambda: "9-later")
    kept = keep(world)
    await kept.keep()
    await kept.keep()
    kept.start()
    assert await asyncio.to_thread(echo, inside, b"here\n") == b"here\n"
    assert process.running(world.state) == world.pid
    await asyncio.to_thread(inside.communicate)
    new = await another(world)
    await kept.keep()  # it says that it is the old program still, and it would be for ever
    assert process.running(world.state) == new and "the gateway is down" not in caplog.text
    (_, world.port), *_ = process.listening(world.state)


async def another(world: World) -> int:
    """The process id of a gateway that listens and is not the first one."""
    await asyncio.to_thread(until, lambda: process.listening(world.state) and process.running(world.state) != world.pid)
    return process.running(world.state)


async def test_a_gateway_that_was_killed_is_replaced_at_once(own_world, keep, monkeypatch, caplog):
    """Nobody waits for the next regular look; people's passwords work again with the new one."""
    monkeypatch.setattr(keeper, "LOOK", 3600.0)
    world = own_world()
    _, password = world.lease()
    kept = keep(world)
    watched, ended = asyncio.Event(), kept._ended

    async def watch(pid: int) -> bool:
        watched.set()
        return await ended(pid)

    monkeypatch.setattr(kept, "_ended", watch)
    kept.start()
    await asyncio.wait_for(watched.wait(), 60)  # one that dies before is not missed, but started
    os.kill(world.pid, signal.SIGKILL)
    world.pid = await another(world)
    (_, world.port), *_ = process.listening(world.state)
    (world.folder / "known").write_text(f"[127.0.0.1]:{world.port} {hostkey.public_key(world.state)}\n")
    back = await asyncio.to_thread(world.ssh, "echo back", password=password)
    assert back.stdout == b"back\n" and caplog.text.count("the gateway is down") == 1


class Failing:
    """A gateway that cannot be started (``lives`` None), or ends after so many seconds; when each start was tried."""

    def __init__(self, monkeypatch, lives: float | None, service: bool = False) -> None:
        self.lives, self.starts = lives, []
        monkeypatch.setattr(keeper.process, "ended", self.ended)
        self.kept = Supervisor(Path("unused"), Path("unused"), (), service)
        self.kept.keep = self.keep

    async def keep(self) -> int:
        if not self.starts or self.starts[-1][1]:
            self.starts.append([asyncio.get_running_loop().time(), False])
        if self.lives is None:
            self.starts[-1][1] = True
            raise BackendError("the port is taken")
        return len(self.starts)

    async def ended(self, pid: int) -> None:
        await asyncio.sleep(max(0.0, self.starts[-1][0] + self.lives - asyncio.get_running_loop().time()))
        self.starts[-1][1] = True

    def runs(self, seconds: float) -> list[float]:
        """When it was started."""

        async def watched() -> None:
            self.kept.start()
            await asyncio.sleep(seconds)
            await self.kept.close()

        virtual_time.run(watched())
        return [round(at, 3) for at, _over in self.starts]


@pytest.mark.parametrize("lives", [None, 0.5])
def test_a_gateway_that_fails_at_once_is_tried_less_and_less_often(monkeypatch, caplog, lives):
    """An hour of failures is two lines in the log and a start a minute."""
    starts = Failing(monkeypatch, lives).runs(3600)
    gaps = [later - earlier - (lives or 0) for earlier, later in itertools.pairwise(starts)]
    assert gaps[:8] == [0, 1, 2, 4, 8, 15, 30, 60] and set(gaps[8:]) == {60} and len(starts) > 50
    assert [record.levelname for record in caplog.records] == ["ERROR", "ERROR"]


def test_a_gateway_that_ran_for_long_is_started_at_once(monkeypatch, caplog):
    """What ends once an hour is not failing again and again."""
    caplog.set_level(logging.INFO)
    assert Failing(monkeypatch, 3600).runs(4 * 3600) == [0, 3600, 7200, 10800]
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"] * 3


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
    monkeypatch.setattr(keeper, "program", lambda: "9-later")
    kept = keep(world)
    kept._service = True
    await kept.keep()
    await process.ended(world.pid)
    with pytest.raises(BackendError, match="systemctl start trainbot-gateway"):
        await kept.keep()


async def test_a_gateway_that_is_just_starting_is_left_alone(own_world, keep):
    """It holds the lock, and the file in which it describes itself is not there, or still that of the one before."""
    world = own_world()
    kept = keep(world)
    kept._service = True
    file = world.state / process.PID
    about = file.read_text()
    for said in (None, "1\nprogram 0.1.0\nat 127.0.0.1 1\n"):
        file.unlink() if said is None else file.write_text(said)
        assert await kept.keep() == world.pid and kept._leaving == 0
    file.write_text(about)
    assert process.running(world.state) == world.pid


async def test_its_status_counts_logins(own_world, keep):
    """Who is logged in is counted; one that does not answer, or none, is told apart."""
    world = own_world()
    kept = keep(world)
    _, password = world.lease()
    inside = await asyncio.to_thread(enter, world, password)
    found = await kept.status()
    assert found == GatewayStatus(world.pid, process.program(), True, 1)
    await asyncio.to_thread(inside.communicate)
    (world.state / "gateway.sock").unlink()
    assert (await kept.status()).inside is None
    process.stop(world.state)
    assert await kept.status() == GatewayStatus(None)


async def test_a_gateway_that_cannot_be_asked_is_left_alone(own_world, keep, monkeypatch, caplog):
    """One from before there was a socket is told about once, and not killed."""
    world = own_world()
    (world.state / "gateway.sock").unlink()
    monkeypatch.setattr(keeper, "program", lambda: "9-later")
    kept = keep(world)
    for _ in range(3):
        await kept.keep()
        await asyncio.gather(*kept._tasks)
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
    with pytest.raises(GatewayRefused, match="speaks, login, status, inside and leave"):
        await GatewayClient(world.state)._ask({"op": "dance"}, 5.0)
