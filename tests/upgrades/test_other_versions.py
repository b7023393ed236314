"""The bot, its gateway and shell commands, each with one of the version before: it works, or one sentence says what to restart.

The stand-ins say what 0.1.0 said, word for word.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tests.bot.gateway.test_requests import KEY, ask
from tests.stage import Stage
from trainbot import __version__
from trainbot.adapters.control.server import ControlServer
from trainbot.adapters.state_folder import CONTROL, SOCKET
from trainbot.cli import cli
from trainbot.core.errors import BackendError, UserError
from trainbot.gateway.hub import Hub
from trainbot.gateway.routes import Routes
from trainbot.gateway.rpc.gateway_client import GatewayClient
from trainbot.gateway.settings import GatewayConfig

RESTART = f"the running bot is trainbot 0.1.0 and this program is {__version__}: restart the bot"
#: A route as 0.1.0's bot published it, and what its gateway had to find in one.
OLD_ROUTE = {
    "lease": "4",
    "person": 4,
    "name": "bob",
    "image": "debian",
    "user": "root",
    "endpoint": ["127.0.0.1", 20000],
    "why": "",
    "host_key": "ssh-ed25519 AAAA",
    "digest": "242d20912b310c16",
    "keys": ["ssh-ed25519 BBBB"],
    "since": 1.0,
    "via": "",
    "boots": 1,
    "lab": "33bfece4",
    "console": "",
}


async def old_bot(request: dict[str, Any]) -> dict[str, Any]:
    """The answers of 0.1.0's bot."""
    match request.get("op"):
        case "command" if isinstance(request.get("text"), str):
            return {"lines": ["2 hosts"]}
        case "door":
            return {"error": "the door asks to manage, watch, or tells of a key that was offered"}
        case "labs":
            return {"labs": [{"lab": "tb-debian-1", "state": "ready"}]}  # 0.1.0 said more; what if it had not?
        case "status":
            return {"nick": "trainbot", "connected": True, "channels": {}, "hosts": {}, "labs": {}}
    raise UserError("the bot knows the operations command, rehearse, status, labs, capacity and keeping")


async def old_gateway(request: dict[str, Any]) -> dict[str, Any]:
    """The answers of 0.1.0's gateway."""
    match request.get("op"):
        case "leave":
            return {"inside": 2}
        case "speaks":
            return {"speaks": True, "why": ""}
    return {"error": "the gateway knows the operations speaks, login, status and leave", "reason": "request"}


Serve = Callable[[Path, Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]], Awaitable[ControlServer]]


@pytest.fixture
async def serve():
    """``await serve(path, answer)``: somebody who answers there until the test ends."""
    servers: list[ControlServer] = []

    async def start(path: Path, answer: Callable[[dict[str, Any]], Awaitable[dict[str, Any]]]) -> ControlServer:
        servers.append(ControlServer(path, answer))
        await servers[-1].start()
        return servers[-1]

    yield start
    for server in servers:
        await server.close()


# -- shell commands and the bot ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("status",), f"the bot's answer has another form than expected: {RESTART}"),
        (("lab", "list"), f"the bot's answer has another form than expected: {RESTART}"),
        (("lab", "capacity"), f"the bot knows the operations command, .*; {RESTART}"),
        (("log", "redact", "alice", "--yes"), f"the bot knows the operations command, .*; {RESTART}"),
        (("host", "list"), None),
        (("host", "list", "--json"), None),
    ],
)
async def test_a_shell_command_and_an_older_bot(
    words: tuple[str, ...], said: str | None, serve: Serve, tmp_path: Path
) -> None:
    """It works, or says what to restart; never a traceback."""
    (tmp_path / "bot.ini").write_text("[irc]\nchannels = #class\n")
    await serve(tmp_path / "state" / CONTROL, old_bot)
    command = [*words, "-c", str(tmp_path / "bot.ini")]
    done = await asyncio.to_thread(CliRunner().invoke, cli, command, standalone_mode=False)
    if said is None:
        assert (done.exit_code, done.exception) == (0, None)
    else:
        assert isinstance(done.exception, BackendError)
        with pytest.raises(BackendError, match=said):
            raise done.exception


async def test_a_fault_of_this_version_is_not_blamed_on_the_bot(serve: Serve, tmp_path: Path) -> None:
    """A bot of this version that answers nonsense is an error of ours."""

    async def wrong(request: dict[str, Any]) -> dict[str, Any]:
        return {"labs": [{}], "version": __version__}

    (tmp_path / "bot.ini").write_text("[irc]\nchannels = #class\n")
    await serve(tmp_path / "state" / CONTROL, wrong)
    command = ["lab", "list", "-c", str(tmp_path / "bot.ini")]
    done = await asyncio.to_thread(CliRunner().invoke, cli, command, standalone_mode=False)
    assert isinstance(done.exception, KeyError)


# -- a gateway that is newer than the bot --------------------------------------------------------------


async def test_an_older_bot_that_takes_no_records(
    serve: Serve, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """Said once, with what to restart; the gateway does not ask for ever.  A bot that was restarted is asked again."""
    caplog.set_level(logging.WARNING)
    hub = Hub(GatewayConfig((), tmp_path / "state", tmp_path / CONTROL, tmp_path / "key"))
    server = await serve(tmp_path / CONTROL, old_bot)
    login = {"at": 1.0, "seconds": 1, "lab": "tb", "method": "key", "address": "::1", "received": 1, "sent": 1}
    try:
        for _ in range(3):
            hub.logged_out(4, login)
            await asyncio.gather(*hub.tasks)
        told = [record.getMessage() for record in caplog.records if record.name == "trainbot.gateway.hub"]
        assert told == [
            "the bot does not take the record of a login (the door asks to manage, watch, or tells of a key that was "
            f"offered); if it is older than this gateway (trainbot {__version__}), restart it"
        ]
        await server.close()
        hub.bot_is(False)
        taken = []

        async def new_bot(request: dict[str, Any]) -> dict[str, Any]:
            taken.append(request["do"])
            return {"kept": True}

        await serve(tmp_path / CONTROL, new_bot)
        hub.logged_out(4, login)
        await asyncio.gather(*hub.tasks)
        assert taken == ["login"]
    finally:
        hub.tasks.cancel()


async def test_logins_wait_for_a_bot_that_is_away(serve: Serve, tmp_path: Path) -> None:
    """The latest thousand, which a bot that is back gets in order."""
    hub = Hub(GatewayConfig((), tmp_path / "state", tmp_path / CONTROL, tmp_path / "key"))
    taken = []

    async def bot(request: dict[str, Any]) -> dict[str, Any]:
        taken.append(request["login"]["at"])
        return {"kept": True}

    try:
        for number in range(1002):
            hub.logged_out(4, {"at": number})
        await asyncio.gather(*hub.tasks)
        await serve(tmp_path / CONTROL, bot)
        hub.bot_is(True)
        await asyncio.gather(*hub.tasks)
        assert taken == list(range(2, 1002))
    finally:
        hub.tasks.cancel()


def test_a_gateway_reads_an_older_bots_table() -> None:
    """What was added since has a default: with it, nobody who was let in is shut out."""
    routes = Routes.from_json({"routes": [OLD_ROUTE], "guests": [{"person": 5, "name": "carol", "keys": ["k 1"]}]}, b"")
    assert routes.by_lease("4") is not None and routes.by_key("debian", "k 1") is not None


# -- a gateway that is older than the bot --------------------------------------------------------------


def test_an_older_gateway_reads_the_bots_table(stage: Stage) -> None:
    """Each field that it looks for is there, with a value of the same kind."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    (route,) = json.loads(json.dumps([route.to_json() for route in stage.routes()]))
    assert {name: type(route.get(name)) for name in OLD_ROUTE} == {
        name: type(value) for name, value in OLD_ROUTE.items()
    }


def test_an_older_gateway_tells_of_keys_that_nobody_signed_with(stage: Stage) -> None:
    """That opened labs once.  It is refused in words that 0.1.0 takes for a no, and nothing is kept."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    lease = stage.leases()[0]
    before = stage.dump()
    told = ask(stage, "alice", "offered", lease=str(lease.id), key=KEY)
    assert "kept" not in told and told["error"].startswith("unknown request from the gateway")
    assert stage.dump() == before


async def test_an_older_gateway_answers_what_it_knows(serve: Serve, tmp_path: Path) -> None:
    """It can be told to leave, and that it does not count logins is no failure."""
    await serve(tmp_path / SOCKET, old_gateway)
    client = GatewayClient(tmp_path)
    assert await client.leave() == 2 and await client.speaks(("127.0.0.1", 22))
    with pytest.raises(BackendError, match="the gateway knows the operations"):
        await client.inside()
