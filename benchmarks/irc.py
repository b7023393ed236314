"""The IRC door under load: requests a second, what the pace costs, a full channel, and talk that is none of our business.

    .venv/bin/python benchmarks/irc.py [rate] [paced] [crowd] [others]

The bot runs as a process with ngircd without limits (``rate``, ``crowd``, ``others``), or with InspIRCd's own limits (``paced``).
Compare rows of one run, not runs of two machines.
"""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]  # not this folder: irc.py here is no library

from benchmarks.labs import cpu, crowd, quietly, row, running
from tests.peers.client import Client
from tests.peers.inspircd import InspIrcd
from tests.whole.running import CHANNEL, NICK, RunningBot
from trainbot.ops.demo.ngircd import Ngircd

PEOPLE, SECONDS, FULL, TALK, ASKING = 200, 5.0, 1000, 1000, 60
BURST, INTERVAL = 4, 2  # as bot.ini has it
FREE = {"flood_burst": 100, "flood_interval": 0}
BARE = """
import asyncio, sys
import irc.client, irc.client_aio

class Bare(irc.client_aio.AioSimpleIRCClient):
    def on_welcome(self, connection, event):
        connection.join("#class")
    def on_privmsg(self, connection, event):
        connection.privmsg(event.source.nick, "your time zone is not known: say tz Area/City")

irc.client.ServerConnection.buffer_class.errors = "replace"
bare = Bare()
bare.connect("127.0.0.1", int(sys.argv[1]), "bare")
bare.start()
"""


def memory(pid: int) -> float:
    """MiB that a process holds."""
    return int(Path(f"/proc/{pid}/statm").read_text().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20


async def rate(seconds: float = SECONDS) -> None:
    """Everybody asks, waits for the answer, asks again: ours, then ten lines on jaraco's asyncio client."""
    found = []
    async with running(irc=FREE) as (bot, server, _):
        people = await crowd(server.port, PEOPLE, "p")
        found.append(("trainbot", *await asked(people, NICK, bot.process.pid, seconds)))
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "bare.py").write_text(BARE)
            bare = subprocess.Popen([sys.executable, f"{folder}/bare.py", str(server.port)])
            try:
                await people[0].expect("^:bare!.* JOIN")
                found.append(("bare", *await asked(people, "bare", bare.pid, seconds)))
            finally:
                bare.kill()
                bare.wait()
        for person in people:
            await person.close()
    for name, speed, each in found:
        row(f"{PEOPLE} people ask for their time zone, {name}", f"{speed:8,.0f}/s   {each * 1000:6.3f} ms CPU each")
    row("   ours beside the bare one", f"{found[0][1] / found[1][1]:8.2f} of its rate")


async def asked(people: list[Client], nick: str, pid: int, seconds: float) -> tuple[float, float]:
    """(requests a second, seconds of the bot's CPU for each)."""
    before, began = cpu(pid), time.perf_counter()
    counts = await asyncio.gather(*(keep_asking(person, nick, began + seconds) for person in people))
    took = time.perf_counter() - began
    return sum(counts) / took, (cpu(pid) - before) / sum(counts)


async def keep_asking(person: Client, nick: str, until: float) -> int:
    count = 0
    while time.perf_counter() < until:
        person.say(nick, "tz")
        await person.expect(f"^:{nick}!.* PRIVMSG .* :")
        count += 1
    return count


async def paced() -> None:
    """As bot.ini has it: four lines at once, then one in two seconds, on a server that slows down and kills who floods."""
    with tempfile.TemporaryDirectory() as folder:
        network = InspIrcd(Path(folder))
        network.start()
        bot = RunningBot(
            Path(tempfile.mkdtemp(prefix="tb-")), network.port, irc={"flood_burst": BURST, "flood_interval": INTERVAL}
        )
        try:
            russell = await Client.connect(network.port, "russell", source="127.0.0.2")
            await russell.join(CHANNEL)
            await bot.arrive(russell)
            people = [await Client.connect(network.port, f"p{n}", source=f"127.8.0.{n + 1}") for n in range(ASKING)]
            russell.say(CHANNEL, "!start selinux")
            await quiet(russell)
            await everybody_asks(russell, people)
            for person in (russell, *people):
                await person.close()
        finally:
            await quietly(bot)
            network.stop()


async def everybody_asks(russell: Client, people: list[Client]) -> None:
    heard, began = len(russell.lines), time.perf_counter()
    for person in people:
        person.say(NICK, "tz")
    answers = asyncio.gather(*(answered(person, began) for person in people))
    await asyncio.sleep(20)
    before, asked_at = said_to(people), time.perf_counter()
    russell.say(CHANNEL, "!next")
    await russell.expect(f"^:{NICK}!.* PRIVMSG {CHANNEL} :.*Step 1", 60)
    presented, passed = time.perf_counter() - asked_at, said_to(people) - before
    times = sorted(await answers)
    aloud = sum(f" PRIVMSG {CHANNEL} :" in line for line in russell.lines[heard:] if line.startswith(f":{NICK}!"))
    gone = sum(f":{NICK}!" in line and " QUIT" in line for line in russell.lines)
    lines = said_to(people) + aloud
    least = (lines - BURST) * INTERVAL
    row(
        f"{ASKING} ask at once, {BURST} lines then one in {INTERVAL} s: the last has the answer after",
        f"{times[-1]:6.1f} s",
    )
    row(
        f"   the least that {lines} lines can take ({aloud} of them in the channel)",
        f"{least:6.1f} s, {times[-1] / least - 1:+.1%}",
    )
    row("   a presenter's !next in the middle is heard after", f"{presented:6.1f} s, {passed} other lines before it")
    row(
        "   answers lost, answers said twice, connections lost",
        f"{ASKING - len(times)}, {said_to(people) - ASKING}, {gone}",
    )


def said_to(people: list[Client]) -> int:
    """Lines of the bot to them alone."""
    return sum(line.startswith(f":{NICK}!") and " PRIVMSG #" not in line for person in people for line in person.lines)


async def quiet(russell: Client) -> None:
    """Nothing was said for as long as a whole burst takes to be allowed again."""
    heard = -1
    while heard != len(russell.lines):
        heard = len(russell.lines)
        await asyncio.sleep((2 * BURST + 1) * INTERVAL)


async def answered(person: Client, began: float) -> float:
    await person.expect(f"^:{NICK}!.* PRIVMSG .* :", 600)
    return time.perf_counter() - began


async def full() -> None:
    """A channel of a thousand people."""
    with tempfile.TemporaryDirectory() as folder:
        async with Ngircd(Path(folder), max_penalty=0) as server:
            people = [
                await Client.connect(server.port, f"p{n}", source=f"127.9.{n // 250}.{n % 250 + 1}")
                for n in range(FULL)
            ]
            for person in people:
                await person.join(CHANNEL)
            bot = RunningBot(Path(tempfile.mkdtemp(prefix="tb-")), server.port, irc=FREE)
            try:
                await bot.arrive(people[0])
                await bot.signal(signal.SIGTERM)  # its database is made: from now on it starts as it always does
                began = time.perf_counter()
                await bot.arrive(people[0])
                row(f"start to joined, {FULL} people there", f"{time.perf_counter() - began:6.2f} s")
                await bot.logs(f"in {CHANNEL} with {FULL} people")
                row("   and memory then", f"{memory(bot.process.pid):6.0f} MiB")
            finally:
                await quietly(bot)
            for person in people:
                await person.close()


async def others() -> None:
    """Twenty people say a thousand lines a second to each other: what a bot in the channel pays for that."""
    async with running(irc=FREE) as (bot, server, _):
        people = await crowd(server.port, 20, "p")
        before, began = cpu(bot.process.pid), time.perf_counter()
        said = await talk(people)
        took = time.perf_counter() - began
        row(
            f"{said / took:,.0f} lines a second of others: CPU",
            f"{(cpu(bot.process.pid) - before) / took:6.1%} of a core",
        )
        for person in people:
            await person.close()


async def talk(people: list[Client]) -> int:
    """``TALK`` lines a second for five seconds, as far as they are able to."""
    for second in range(5):
        began = time.perf_counter()
        for number in range(TALK):
            people[number % len(people)].say(
                CHANNEL, f"line {second * TALK + number}, about nothing that concerns a bot"
            )
        await asyncio.gather(*(person.synced() for person in people))
        await asyncio.sleep(max(0.0, 1 - (time.perf_counter() - began)))
    return 5 * TALK


def main() -> None:
    parts = {"rate": rate, "paced": paced, "crowd": full, "others": others}
    for name in sys.argv[1:] or parts:
        asyncio.run(parts[name]())


if __name__ == "__main__":
    main()
