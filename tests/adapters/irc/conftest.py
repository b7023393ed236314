"""Real servers, and the bot's door on them."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import replace
from typing import Any, TypeVar

import pytest

from tests.peers.client import Client
from tests.peers.inspircd import InspIrcd, network_with
from tests.peers.scripted import ScriptedServer
from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.adapters.irc.keepalive import Timeouts
from trainbot.core.messages import ChannelMembers, ChatEvent, Incoming
from trainbot.model.config import IrcConfig, Secret

DEADLINE = 15.0
QUICK = Timeouts(shortest=0.05, longest=0.5, nick=0.2, goodbye=0.2)
PASSWORDS = {"trainbot": "bot's own: ünsaid", "presenter": "presenter-pass", "alice": "alice-pass"}

Event = TypeVar("Event")


class Bot:
    """A door with everything it told; ``until`` waits for the next event that fits."""

    def __init__(self, config: IrcConfig, patience: Timeouts) -> None:
        self.events: list[ChatEvent] = []
        self._looked_at = 0
        self._more = asyncio.Event()
        self.door = IrcConnection(config, self._take, patience=patience)
        self.running = asyncio.create_task(self.door.run())

    def _take(self, event: ChatEvent) -> None:
        self.events.append(event)
        self._more.set()

    async def until(self, kind: type[Event], **fields: object) -> Event:
        """The next event of that kind whose fields (``channel``, ``ticket``, …) are these."""
        async with asyncio.timeout(DEADLINE):
            while True:
                while self._looked_at < len(self.events):
                    event = self.events[self._looked_at]
                    self._looked_at += 1
                    if isinstance(event, kind) and all(getattr(event, name) == value for name, value in fields.items()):
                        return event
                self._more.clear()
                await self._more.wait()

    async def in_trouble(self, pattern: str) -> None:
        """Waits until the door says that it cannot connect, for a reason that matches."""
        door_log = logging.getLogger("trainbot.adapters.irc.irc_connection")
        door_log.addFilter(self._notice)
        try:
            async with asyncio.timeout(DEADLINE):
                while not re.search(pattern, self.door.trouble):
                    self._more.clear()
                    await self._more.wait()
        finally:
            door_log.removeFilter(self._notice)

    def _notice(self, record: logging.LogRecord) -> bool:
        self._more.set()
        return True

    async def in_channel(self, channel: str = "#class") -> ChannelMembers:
        return await self.until(ChannelMembers, channel=channel)

    def heard(self) -> list[tuple[str, str | None, str]]:
        said = [event for event in self.events if isinstance(event, Incoming)]
        return [(event.sender.nick, event.channel, event.text) for event in said]


BotMaker = Callable[..., Bot]


def config(port: int, **changes: Any) -> IrcConfig:
    """A bot for a plain server on loopback that may talk freely."""
    plain = IrcConfig(
        server="127.0.0.1",
        port=port,
        tls=False,
        channels=("#class",),
        flood_burst=20,
        flood_interval=0.02,
    )
    return replace(plain, **changes)


@pytest.fixture
async def make_bot() -> AsyncIterator[BotMaker]:
    bots: list[Bot] = []

    def make(port: int, *, patience: Timeouts = QUICK, **changes: Any) -> Bot:
        bots.append(Bot(config(port, **changes), patience))
        return bots[-1]

    yield make
    for bot in bots:
        await bot.door.close()
        await bot.running


@pytest.fixture
async def people() -> AsyncIterator[Callable[..., Any]]:
    """``await people(port, nick)``: somebody who is connected until the test ends."""
    there: list[Client] = []

    async def arrive(port: int, nick: str, **how: Any) -> Client:
        there.append(await Client.connect(port, nick, **how))
        return there[-1]

    yield arrive
    for client in there:
        await client.close()


@pytest.fixture
async def scripted() -> AsyncIterator[ScriptedServer]:
    async with ScriptedServer() as server:
        yield server


@pytest.fixture(scope="session")
def network(tmp_path_factory: pytest.TempPathFactory) -> Iterator[InspIrcd]:
    """InspIRCd and Atheme, with the accounts of ``PASSWORDS``."""
    accounts = {account: password.replace(" ", "_") for account, password in PASSWORDS.items()}
    with network_with(tmp_path_factory.mktemp("network"), accounts) as server:
        yield server


def secret(account: str) -> Secret:
    return Secret(PASSWORDS[account].replace(" ", "_"))


def login(network, **changes):
    """The configuration of a bot that logs in by SASL over TLS, against the tests' own CA."""
    return {
        "server": "localhost",
        "tls": True,
        "tls_ca_file": network.ca,
        "sasl": ("plain",),
        "account": "trainbot",
        "password": secret("trainbot"),
        **changes,
    }
