"""Passwords wait for the gateway's word, and not a moment longer."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from trainbot.adapters.control.client import subscribe
from trainbot.adapters.control.server import ControlServer
from trainbot.bot.gateway.gateway_tables import GatewayTookTable, PasswordsHeld
from trainbot.bot.workers import password_hold
from trainbot.bot.workers.password_hold import ROUTES, PasswordHold
from trainbot.core.messages import Line

LINE = Line("alice", "your debian lab: password k3vd", ticket=7, secret=True, command="ssh …")


class World:
    """The bot's end; ``sent`` to IRC, ``posted`` to the bot, and a gateway that takes tables while ``willing``."""

    def __init__(self, path: Path) -> None:
        async def answer(_request: object) -> dict[str, object]:
            return {}

        self.control = ControlServer(path, answer)
        self.sent: asyncio.Queue[Line] = asyncio.Queue()
        self.posted: asyncio.Queue[object] = asyncio.Queue()
        self.willing = True
        self.tables: asyncio.Queue[object] = asyncio.Queue()
        self.hold = PasswordHold(self.control, self, self.posted.put_nowait)  # type: ignore[arg-type]
        self.gateway: asyncio.Task[None] | None = None

    def send(self, line: Line) -> None:
        self.sent.put_nowait(line)

    def take(self, value: object) -> None:
        self.tables.put_nowait(value)
        if not self.willing:
            raise ValueError("this table cannot be used")

    def connect(self) -> None:
        self.gateway = asyncio.create_task(subscribe(self.control.path, ROUTES, self.take))


@pytest.fixture
async def world(tmp_path: Path) -> AsyncIterator[World]:
    made = World(tmp_path / "control")
    await made.control.start()
    yield made
    if made.gateway is not None:
        made.gateway.cancel()
    await made.hold.close()
    await made.control.close()


async def test_a_password_follows_its_table(world: World) -> None:
    """Not sent before the gateway has taken the table, and then at once; the next with the same table does not wait."""
    world.connect()
    world.hold.send([LINE], world.control.publish(ROUTES, ["alice"]))
    assert world.sent.empty()
    assert await world.sent.get() == LINE
    assert await world.tables.get() == ["alice"]
    world.hold.send([LINE], world.control.publish(ROUTES, ["alice"]))
    assert world.sent.get_nowait() == LINE and world.posted.empty()


@pytest.mark.parametrize("trouble", ["away", "unwilling"])
async def test_a_gateway_in_trouble(world: World, monkeypatch: pytest.MonkeyPatch, trouble: str) -> None:
    """Nobody there, or a table that it cannot use: the bot hears that the lines wait, and once that it goes on."""
    monkeypatch.setattr(password_hold, "PATIENCE", 0.01)
    if trouble == "unwilling":
        world.willing = False
        world.connect()
    world.hold.send([LINE], world.control.publish(ROUTES, ["alice"]))
    assert await world.posted.get() == PasswordsHeld((LINE,))
    other = Line("bob", "password", ticket=8, secret=True)
    world.hold.send([other], world.control.publish(ROUTES, ["alice", "bob"]))
    assert await world.posted.get() == PasswordsHeld((other,))
    world.willing = True
    if trouble == "away":
        world.connect()
    else:
        world.control.publish(ROUTES, ["bob", "alice"])
    assert await world.posted.get() == GatewayTookTable()
    monkeypatch.setattr(password_hold, "PATIENCE", 60.0)
    world.hold.send([LINE], world.control.publish(ROUTES, ["carol"]))
    assert await world.sent.get() == LINE and world.posted.empty()
