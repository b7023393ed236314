"""What a start costs, and what an idle bot holds: trainbot, and Limnoria and Sopel beside it.

    .venv/bin/python benchmarks/start.py [compare CHECKOUT]

The bot has one host of libvirt's test driver and a database, a gateway and bytecode from a start before; the others have
what their pip installed (benchmarks/peers.py).  ``compare``: another checkout of trainbot beside them.  All start in
turn, ``ROUNDS`` times, on ngircd; figures are medians.  CPU is user and system time of the whole process when the server
shows it in the channel; memory is what it holds ``IDLE`` seconds later.  The gateway is a process of its own and is not
counted.
"""

from __future__ import annotations

import asyncio
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]  # not this folder: irc.py here is no library

from benchmarks.irc import cpu
from benchmarks.labs import quietly, row
from benchmarks.peers import PEERS, Peer
from tests.peers.client import Client
from tests.whole.running import CHANNEL, NICK, RunningBot
from trainbot.ops.demo.ngircd import Ngircd

ROUNDS = 5
IDLE = 5.0  # seconds
PATIENCE = 600.0  # seconds for a start on a busy machine
KIB = 1024


@dataclass(frozen=True)
class Start:
    """CPU and wall clock in seconds from the start to the channel; memory in MiB: resident, and with what is shared with
    other processes divided among them (proc_pid_smaps(5))."""

    cpu: float
    wall: float
    rss: float
    pss: float


Starter = Callable[[], AbstractAsyncContextManager[int]]


def kib(file: str, field: str) -> int:
    """A field of a file in /proc that gives it in kB."""
    return next(int(line.split()[1]) for line in Path(file).read_text().splitlines() if line.startswith(f"{field}:"))


async def started(starter: Starter, nick: str, watcher: Client) -> Start:
    """One start; the process has ended again when this returns."""
    began = time.perf_counter()
    async with starter() as pid:
        await watcher.expect(f"^:{nick}!.* JOIN", PATIENCE)
        spent, took = cpu(pid), time.perf_counter() - began
        await asyncio.sleep(IDLE)
        rss, pss = kib(f"/proc/{pid}/status", "VmRSS"), kib(f"/proc/{pid}/smaps_rollup", "Pss")
    await watcher.expect(f"^:{nick}!.* QUIT", PATIENCE)
    return Start(spent, took, rss / KIB, pss / KIB)


class Trainbot:
    """The trainbot of one checkout, in a folder that it keeps between its starts."""

    def __init__(self, checkout: Path, port: int) -> None:
        self.bot = RunningBot(Path(tempfile.mkdtemp(prefix="tb-")), port)
        self.bot.environment = {"PYTHONPATH": str(checkout), "PYTHONSAFEPATH": "1", "PYTHONDONTWRITEBYTECODE": ""}

    @asynccontextmanager
    async def start(self) -> AsyncIterator[int]:
        await self.bot.start()
        process = self.bot.process
        assert process is not None
        yield process.pid
        process.terminate()
        await process.wait()


def starter_of(peer: Peer, port: int) -> Starter:
    @asynccontextmanager
    async def start() -> AsyncIterator[int]:
        with peer.running(port, peer.name) as process:
            yield process.pid

    return start


async def measure(checkouts: dict[str, Path]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with Ngircd(Path(folder), max_penalty=0) as server:
            watcher = await Client.connect(server.port, "watcher")
            await watcher.join(CHANNEL)
            bots = {name: Trainbot(checkout, server.port) for name, checkout in checkouts.items()}
            starters: dict[str, tuple[Starter, str]] = {name: (bot.start, NICK) for name, bot in bots.items()}
            for peer in PEERS:
                peer.install()
                starters[peer.name] = (starter_of(peer, server.port), peer.name)
            try:
                found: dict[str, list[Start]] = {name: [] for name in starters}
                for turn in range(ROUNDS + 1):
                    for name, (starter, nick) in starters.items():
                        start = await started(starter, nick, watcher)
                        if turn:  # the first makes the database and the bytecode
                            found[name].append(start)
            finally:
                for bot in bots.values():
                    await quietly(bot.bot)
            await watcher.close()
    show(found)


def show(found: dict[str, list[Start]]) -> None:
    """The first is compared with each of the others."""
    first: Start | None = None
    for name, starts in found.items():
        typical = Start(
            *(statistics.median(getattr(start, field) for start in starts) for field in ("cpu", "wall", "rss", "pss"))
        )
        row(f"{name}: start to joined", f"{typical.cpu:6.2f} s of CPU, {typical.wall:6.2f} s")
        row(f"   idle {IDLE:.0f} s later", f"{typical.rss:6.1f} MiB resident, {typical.pss:6.1f} MiB PSS")
        if first is not None:
            row(
                f"   trainbot beside {name}",
                f"{first.cpu / typical.cpu:6.2f} of its CPU, {first.rss / typical.rss:6.2f} of its memory",
            )
        first = first or typical


def main() -> None:
    checkouts = {"trainbot": ROOT}
    if sys.argv[1:2] == ["compare"]:
        checkouts[f"trainbot in {sys.argv[2]}"] = Path(sys.argv[2]).resolve()
    asyncio.run(measure(checkouts))


if __name__ == "__main__":
    main()
