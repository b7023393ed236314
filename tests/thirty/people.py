"""Thirty learners as they are: they come late, mistype, talk, ask, vote, are stuck, and leave for a while."""

from __future__ import annotations

import asyncio
import random
from dataclasses import dataclass, field

from tests.thirty.transcript import Transcript
from tests.whole.running import CHANNEL, NICK, Participant

STEPS = 4
PATIENCE = (
    180.0  # seconds, with which the test would hang rather than fail: the channel is slow, and the machine may be
)
TOPICS = (
    "ports booleans labels contexts modules domains users types roles logs policies transitions sockets mounts".split()
)
VERBS = "list change delete read understand undo compare find".split()
TALK = (
    "it works for me",
    "hi all",
    "what a nice prompt :)",
    "same here",
    "brb",
    "oh, now I see",
    "!seen bob",
    "!tell bob lunch is ready",
    "!weather Berlin",
    "!karma",
    "!ping",
    "lol",
)


@dataclass
class Learner:
    """``asked``: the words of their questions; ``client`` is None while they are away."""

    nick: str
    port: int
    transcript: Transcript
    password: str = ""
    asked: list[str] = field(default_factory=list)
    client: Participant | None = None

    def __post_init__(self) -> None:
        self.chance = random.Random(self.nick)

    async def come(self) -> None:
        client = await Participant.connect(self.port, self.nick, source="127.0.0.9")
        client.heard = self._heard
        if self.password:
            await client.identify(self.nick, self.password)
        await client.join(CHANNEL)
        self.client = client

    async def go(self) -> None:
        client, self.client = self.client, None
        if client is not None:
            await client.close()

    def type(self, text: str, *, privately: bool = False) -> None:
        assert self.client is not None
        self.client.say(NICK if privately else CHANNEL, text)
        if privately:
            self.transcript.add(self.nick, NICK, text)

    async def pause(self, least: float, most: float) -> None:
        await asyncio.sleep(self.chance.uniform(least, most))

    async def arrive(self) -> None:
        """Joins, looks around, takes a seat and a lab."""
        await self.pause(0, 15)
        await self.come()
        await self.pause(0, 5)
        self.type(
            self.chance.choice(("!help", "!sessions", "!signup 1", "hello")), privately=self.chance.random() < 0.7
        )

    async def take_lab(self) -> None:
        await self.pause(0, 30)
        self.type("!lab debian", privately=self.chance.random() < 0.3)
        assert self.client is not None
        if self.password:
            await self.client.hear(" password ", "", PATIENCE)

    async def work(self, step: int, seconds: float) -> None:
        """One step: some ask, some are stuck first, most say that they have done it."""
        await self.pause(seconds * 0.1, seconds * 0.5)
        act = self.chance.random()
        if act < 0.25:
            self.ask()
        elif act < 0.4:
            self.type(f"!stuck {self.chance.choice(TOPICS)} do not show up", privately=self.chance.random() < 0.3)
            await self.pause(seconds * 0.1, seconds * 0.2)
        elif act < 0.5:
            self.type(self.chance.choice(("!hint", "!step", "!solution", "!lab", f"!step {step}")))
        elif act < 0.7:
            self.type(self.chance.choice(TALK))
        elif act < 0.78:
            self.type(f"!vote {self.chance.randint(1, 4)}")
        elif act < 0.82:
            self.type(self.chance.choice(("!hlep", "!doen", "!solutoin", "!lba debian", "done", "!done?")))
        await self.pause(seconds * 0.05, seconds * 0.3)
        if self.chance.random() < 0.85:
            self.type("!done", privately=self.chance.random() < 0.2)

    def ask(self) -> None:
        words = f"how do I {self.chance.choice(VERBS)} {self.chance.choice(TOPICS)} of {self.nick}'s {self.chance.choice(TOPICS)}?"
        self.asked.append(words)
        self.type(f"QUESTION: {words}" if self.chance.random() < 0.3 else f"!ask {words}")

    def _heard(self, raw: str) -> None:
        """Answers yes when asked whether to ask anyway."""
        self.transcript.listener(self.nick)(raw)
        if "Ask anyway?" in raw and f" PRIVMSG {self.nick} :" in raw:
            asyncio.get_running_loop().call_later(self.chance.uniform(1, 4), self._yes)

    def _yes(self) -> None:
        if self.client is not None:
            self.type("!yes", privately=True)


@dataclass
class Bridge:
    """A relay, and three people behind it."""

    client: Participant
    asked: list[str] = field(default_factory=list)

    async def work(self, step: int, seconds: float) -> None:
        for n, name in enumerate(("dora", "[discord] <emil", "fred smith")):
            await asyncio.sleep(seconds * 0.2)
            head = name if name.startswith("[") else f"<{name}"
            if step == n + 1:
                self.asked.append(f"is step {step} on discord the same for number {n}?")
                self.client.say(CHANNEL, f"{head}> !ask {self.asked[-1]}")
            self.client.say(CHANNEL, f"{head}> !done")
