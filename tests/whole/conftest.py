"""The whole bot, and the servers and people around it."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.peers.inspircd import InspIrcd
from tests.peers.libvirtd import Libvirtd
from tests.whole.running import CHANNEL, PRESENTER, Participant, RunningBot
from trainbot.demo.ngircd import Ngircd

BotMaker = Callable[..., RunningBot]
Arrive = Callable[..., Awaitable[Participant]]


@pytest.fixture
async def ngircd(tmp_path: Path) -> AsyncIterator[Ngircd]:
    async with Ngircd(tmp_path / "ngircd", max_penalty=0) as server:
        yield server


@pytest.fixture
def libvirtd() -> Iterator[Libvirtd]:
    server = Libvirtd()
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
async def make_bot() -> AsyncIterator[BotMaker]:
    """make_bot(port, section={option: value}): a bot that is not started yet."""
    bots: list[RunningBot] = []

    def make(port: int, **sections: Any) -> RunningBot:
        # short, since a unix socket's path holds about 100 bytes (unix(7))
        bots.append(RunningBot(Path(tempfile.mkdtemp(prefix="tb-")), port, **sections))
        return bots[-1]

    yield make
    for bot in bots:
        await bot.close()
        shutil.rmtree(bot.folder)


@pytest.fixture
async def people() -> AsyncIterator[Arrive]:
    """``await people(port, nick)``: somebody in the channel until the test ends."""
    there: list[Participant] = []

    async def arrive(port: int, nick: str, *, channel: str | None = CHANNEL, source: str = "127.0.0.1",
                     caps: str = "") -> Participant:
        there.append(await Participant.connect(port, nick, source=source, caps=caps))
        if channel:
            await there[-1].join(channel)
        return there[-1]

    yield arrive
    for person in there:
        await person.close()
        print(f"--- what {person.nick} heard", *person.lines[-60:], sep="\n")  # shown where a test failed


@pytest.fixture
async def bot(ngircd: Ngircd, make_bot: BotMaker) -> RunningBot:
    """The usual one, not started yet."""
    return make_bot(ngircd.port)


@pytest.fixture
async def russell(ngircd: Ngircd, people: Arrive) -> Participant:
    """The presenter and organiser."""
    return await people(ngircd.port, "russell", source=PRESENTER)


@pytest.fixture
async def alice(ngircd: Ngircd, people: Arrive) -> Participant:
    return await people(ngircd.port, "alice")


@pytest.fixture
async def bob(ngircd: Ngircd, people: Arrive) -> Participant:
    return await people(ngircd.port, "bob")


@pytest.fixture
def accounts() -> dict[str, str]:
    return {"trainbot": "bots-own_unsaid", "russell": "russell-pass", "alice": "alice-pass"}


@pytest.fixture
def network(tmp_path: Path, accounts: dict[str, str]) -> Iterator[InspIrcd]:
    """InspIRCd and Atheme, with ``accounts``."""
    folder = tmp_path / "network"
    folder.mkdir()
    server = InspIrcd(folder)
    try:
        server.start()
        for account, password in accounts.items():
            server.register(account, password)
        yield server
    finally:
        server.stop()
