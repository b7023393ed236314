"""Learners who use the bot all the time, and remember every answer that promised something."""

from __future__ import annotations

import asyncio
import random
import re
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field

from tests.whole.running import NICK, Participant

PATIENCE = 20.0  # seconds for one answer; during a fault there may be none
ZONES = ("Europe/Berlin", "Australia/Melbourne", "Asia/Tokyo", "America/New_York")


@dataclass
class Promises:
    """What the bot has acknowledged, to all learners together.  ``maybe``: asked for, and the answer did not come, so either is
    right."""

    questions: dict[int, tuple[str, str]] = field(default_factory=dict)
    votes: set[tuple[str, int]] = field(default_factory=set)
    done: set[tuple[str, int]] = field(default_factory=set)
    zones: dict[str, set[str]] = field(default_factory=dict)
    labs: dict[str, str] = field(default_factory=dict)  # nick -> the password that it was told last
    answers: Counter[str] = field(default_factory=Counter)  # by kind, and 'none' for those that did not come
    wrong: list[str] = field(default_factory=list)


class Learner:
    """One learner in one class, who comes back whenever the connection is lost."""

    def __init__(self, nick: str, source: str, channel: str, promises: Promises) -> None:
        self.nick, self.source, self.channel, self.promises = nick, source, channel, promises
        self.chance = random.Random(nick)
        self.client: Participant | None = None

    async def live(self, port: Callable[[], int], pause: float) -> None:
        """Until cancelled: one command after another, with ``pause`` seconds between two on average."""
        acts = (self.ask, self.ask, self.vote, self.done, self.stuck, self.tz, self.lab, self.look)
        while True:
            await asyncio.sleep(self.chance.uniform(0, 2 * pause))
            try:
                if self.client is None:
                    self.client = await Participant.connect(port(), self.nick, source=self.source)
                    self.client.heard = self._heard
                    await self.client.join(self.channel)
                await self.chance.choice(acts)(self.client)
            except TimeoutError:
                self.promises.answers["none"] += 1
            except (AssertionError, ConnectionError, OSError):  # the network, not the bot
                await self.leave()

    async def leave(self) -> None:
        client, self.client = self.client, None
        if client is not None:
            with suppress(Exception):
                await client.close()

    async def _told(self, client: Participant, text: str, pattern: str, *, there: bool = False) -> re.Match[str]:
        """Says it, in the channel if ``there``, and waits for that answer.  TimeoutError if there is none."""
        del client.lines[: -200 if len(client.lines) > 1000 else 0]
        client._seen = len(client.lines)
        client.say(self.channel if there else NICK, f"!{text}" if there else text)
        to = re.escape(self.channel) if there else re.escape(self.nick)
        mine = f"{re.escape(self.nick)}: " if there else ""
        found = await client.expect(rf"^:{NICK}!\S+ PRIVMSG {to} :{mine}(?:{pattern}|not done: )", PATIENCE)
        if "not done: " in found[0]:
            self.promises.answers["refused"] += 1
            raise TimeoutError
        return found

    def _heard(self, line: str) -> None:
        """A password may also come later, by itself."""
        if found := re.match(
            rf"^:{NICK}!\S+ PRIVMSG {re.escape(self.nick)} :.*? password ([a-z0-9]{4}(?:-[a-z0-9]{4}){3})", line
        ):
            self.promises.labs[self.nick] = found[1]

    # -- what they do --------------------------------------------------------------------------------

    async def ask(self, client: Participant) -> None:
        words = " ".join("".join(self.chance.choices("abcdefghiklmnoprstuvw", k=7)) for _ in range(5)) + "?"
        found = await self._told(client, f"ask {words}", r"question (\d+)", there=True)
        number = int(found[1])
        if number in self.promises.questions:
            self.promises.wrong.append(f"question {number} was given to two people")
        self.promises.questions[number] = (self.nick, words)
        self.promises.answers["question"] += 1

    async def vote(self, client: Participant) -> None:
        if not self.promises.questions:
            return
        number = self.chance.choice(list(self.promises.questions))
        found = await self._told(client, f"vote {number}", r"(question \d+: \d+ votes?)?")
        if found[1]:
            self.promises.votes.add((self.nick, number))
            self.promises.answers["vote"] += 1

    async def done(self, client: Participant) -> None:
        found = await self._told(client, "done", r"(?:.*?step (\d) is done|.*)")
        if found[1]:
            self.promises.done.add((self.nick, int(found[1])))
            self.promises.answers["done"] += 1

    async def stuck(self, client: Participant) -> None:
        await self._told(client, f"stuck at {self.chance.random()}", ".*")
        self.promises.answers["stuck"] += 1

    async def tz(self, client: Participant) -> None:
        zone = self.chance.choice(ZONES)
        self.promises.zones.setdefault(self.nick, set()).add(zone)
        await self._told(client, f"tz {zone}", "your time is")
        self.promises.zones[self.nick] = {zone}
        self.promises.answers["tz"] += 1

    async def lab(self, client: Participant) -> None:
        await self._told(client, "lab debian", ".*")
        self.promises.answers["lab"] += 1

    async def look(self, client: Participant) -> None:
        await self._told(client, self.chance.choice(("lab list", "q", "where", "time", "help")), ".*")
        self.promises.answers["looked"] += 1
