"""What one short answer in the channel costs a bot: ours, those of other checkouts, Limnoria and Sopel.

    .venv/bin/python benchmarks/requests.py [CHECKOUT …]

Each bot is alone with some people on an ngircd without limits, and all limits of its own are off.  ``REQUESTS`` lines are
asked, one at a time and then ``CROWD`` at a time: for each answer heard, the next is asked.  A figure is the CPU (user and
system) of the bot's process from the first to the last, for each request.  The bots are asked in turn, so that a busy
machine is as unfair to all; the median of ``ROUNDS`` counts.
"""

from __future__ import annotations

import asyncio
import re
import statistics
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]  # not this folder: irc.py here is no library

from benchmarks.labs import FREE, Checkout, cpu, quietly
from benchmarks.peers import PEERS, Peer
from tests.peers.client import Client
from tests.whole.running import CHANNEL, NICK
from trainbot.ops.demo.ngircd import Ngircd

REQUESTS, CROWD, ROUNDS = 200, 20, 5
PATIENCE = 300  # seconds: a busy machine is no fault
SETTLED = 5  # seconds after the last bot has joined, in which all may finish their start


@dataclass(frozen=True)
class Asked:
    """A bot that runs, and how to ask it: ``people`` are in its channel, ``answer`` matches what it then says there."""

    name: str
    pid: int
    people: list[Client]
    question: str
    answer: str

    async def cost(self, at_a_time: int) -> float:
        """Milliseconds of CPU for each request."""
        people, before, answered = cycle(self.people[1:]), cpu(self.pid), 0
        for number in range(REQUESTS):
            while number - answered >= at_a_time:
                answered += await self._answers()
            next(people).say(CHANNEL, self.question)
        while answered < REQUESTS:
            answered += await self._answers()
        return (cpu(self.pid) - before) * 1000 / REQUESTS

    async def _answers(self) -> int:
        """Waits for one line; how many people it answers (ours names all who get the same answer)."""
        line = await self.people[0].expect(self.answer, PATIENCE)
        return max(1, len(re.findall(r"\bp[0-9]+(?=[,:] )", line[0])))


@asynccontextmanager
async def people_of(folder: Path) -> AsyncIterator[tuple[int, list[Client]]]:
    """(port, people): a server of their own, and who is in its channel."""
    async with Ngircd(folder, max_penalty=0) as server:
        people = [await Client.connect(server.port, f"p{number}") for number in range(CROWD + 1)]
        for person in people:
            await person.join(CHANNEL)
        yield server.port, people
        for person in people:
            await person.close()


@asynccontextmanager
async def ours(root: Path) -> AsyncIterator[Asked]:
    with tempfile.TemporaryDirectory(prefix="tb-") as folder:
        async with people_of(Path(folder) / "irc") as (port, people):
            bot = Checkout(Path(folder), port, irc=FREE)
            bot.root = root
            try:
                await bot.start()
                await people[0].expect(f"^:{NICK}!.* JOIN", PATIENCE)
                assert bot.process is not None
                answer = f"^:{NICK}!.* PRIVMSG {CHANNEL} :p[0-9]+(, p[0-9]+)*: no sessions are planned"
                yield Asked(f"trainbot in {root.name}", bot.process.pid, people, "!sessions", answer)
            finally:
                await quietly(bot)


@asynccontextmanager
async def theirs(peer: Peer) -> AsyncIterator[Asked]:
    with tempfile.TemporaryDirectory(prefix="tb-") as folder:
        async with people_of(Path(folder)) as (port, people):
            with peer.running(port, peer.name) as process:
                await people[0].expect(f"^:{re.escape(peer.name)}!.* JOIN", PATIENCE)
                answer = f"^:{re.escape(peer.name)}!.* PRIVMSG {CHANNEL} :.*{peer.answer}"
                yield Asked(f"{peer.name} {peer.version}", process.pid, people, peer.question, answer)


async def main(checkouts: list[str]) -> None:
    async with AsyncExitStack() as stack:
        roots = (ROOT, *(Path(checkout).resolve() for checkout in checkouts))
        bots = [await stack.enter_async_context(ours(root)) for root in roots]
        bots += [await stack.enter_async_context(theirs(peer)) for peer in PEERS]
        await asyncio.sleep(SETTLED)
        for at_a_time in (1, CROWD):
            found: dict[str, list[float]] = {bot.name: [] for bot in bots}
            for _ in range(ROUNDS):
                for bot in bots:
                    found[bot.name].append(await bot.cost(at_a_time))
            first = statistics.median(found[bots[0].name])
            for name, costs in found.items():
                cost, each = statistics.median(costs), " ".join(f"{value:.2f}" for value in costs)
                print(
                    f"{at_a_time:3} at a time, {name:28} {cost:6.2f} ms of CPU ({each}); ours is {first / cost:.2f} of it",
                    flush=True,
                )


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1:]))
