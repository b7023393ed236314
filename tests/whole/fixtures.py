"""Bots and the people who talk to them, for tests that begin with neither."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from tests.whole.running import CHANNEL, Participant, RunningBot

BotMaker = Callable[..., RunningBot]
Arrive = Callable[..., Awaitable[Participant]]


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

    async def arrive(
        port: int, nick: str, *, channel: str | None = CHANNEL, source: str = "127.0.0.1", caps: str = ""
    ) -> Participant:
        there.append(await Participant.connect(port, nick, source=source, caps=caps))
        if channel:
            await there[-1].join(channel)
        return there[-1]

    yield arrive
    for person in there:
        await person.close()
        print(f"--- what {person.nick} heard", *person.lines[-60:], sep="\n")  # shown where a test failed
