"""What learners wait for: a lab asked for, many asked for at once, a cold one, a thousand of them, a lost host, and a
gateway that was killed.

    .venv/bin/python benchmarks/labs.py [asking] [cold] [thousand] [lost] [gateway] [compare CHECKOUT]

The bot runs as a process with ngircd without limits; hosts are libvirt's test driver, which makes nothing real, but
for ``cold``: one real machine through the embedded QEMU driver.  ``compare``: ``asking`` of this checkout and of
another, in turn, and the medians of ``ROUNDS``.  Compare rows of one run, not runs of two machines.
"""

from __future__ import annotations

import asyncio
import dataclasses
import io
import json
import logging
import os
import resource
import shutil
import signal
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, redirect_stdout
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]  # not this folder: irc.py here is no library

from tests.peers.libvirtd import Libvirtd
from tests.whole.running import CHANNEL, PRESENTER, Participant, RunningBot
from tests.whole.test_whole_machine import Learner
from trainbot import shipped
from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.adapters.hosts.probe import any_speaks
from trainbot.adapters.state_folder import lab_key
from trainbot.gateway import process
from trainbot.images.build.build import build_image
from trainbot.images.build.image_folder import BuiltImage
from trainbot.images.build.progress_bar import for_terminal
from trainbot.model.host import HostConfig, LabSpec
from trainbot.ops.demo.ngircd import Ngircd
from trainbot.ops.demo.world import cache_folder

PEOPLE, HOSTS, LABS, CLASS = 200, 64, 1000, 15
ASKS, ROUNDS = 100, 5
FREE = {"flood_burst": 100, "flood_interval": 0}
HANDED_OUT = (
    r"your debian lab: (?:ssh .* )?password (\S+)"  # older versions said it behind the ssh command, on one line
)


def row(what: str, figure: str) -> None:
    print(f"{what:64} {figure}", flush=True)


def cpu(pid: int) -> float:
    """Seconds of CPU, user and system, that the process and its threads have used (clock_getcpuclockid(3), to the
    nanosecond: a request is far less than a clock tick of /proc/PID/stat)."""
    return time.clock_gettime(~pid << 3 | 2)


class Checkout(RunningBot):
    """The bot of the checkout at ``root``, with the libraries of this one."""

    root = ROOT

    def command(self, *words: str) -> tuple[str, ...]:
        return ("env", "-C", str(self.root), f"PYTHONPATH={self.root}", *super().command(*words))


@asynccontextmanager
async def running(root: Path = ROOT, **sections: object) -> AsyncIterator[tuple[RunningBot, Ngircd, Participant]]:
    """A bot, and an organiser in its channel who has seen it come."""
    with tempfile.TemporaryDirectory() as folder:
        async with Ngircd(Path(folder), max_penalty=0) as server:
            bot = Checkout(Path(tempfile.mkdtemp(prefix="tb-")), server.port, **sections)
            bot.root = root
            if root != ROOT:
                for_any_version(bot.folder)
            russell = await Participant.connect(server.port, "russell", source=PRESENTER)
            try:
                await russell.join(CHANNEL)
                await bot.arrive(russell)
                yield bot, server, russell
            finally:
                await russell.close()
                await quietly(bot)
                shutil.rmtree(bot.folder)


def for_any_version(folder: Path) -> None:
    """Images as every version of trainbot reads them: without what only later ones write."""
    optional = {field.name for field in dataclasses.fields(BuiltImage) if field.default is not dataclasses.MISSING}
    for file in folder.rglob("image.json"):
        known = {name: value for name, value in json.loads(file.read_text()).items() if name not in optional}
        file.write_text(json.dumps(known))


async def quietly(bot: RunningBot) -> None:
    """Ended, without its log here."""
    bot.lines.clear()
    with redirect_stdout(io.StringIO()):
        await bot.close()


async def crowd(port: int, number: int, prefix: str) -> list[Participant]:
    people = [
        await Participant.connect(port, f"{prefix}{n}", source=f"127.7.{n // 250}.{n % 250 + 1}") for n in range(number)
    ]
    for person in people:
        await person.join(CHANNEL)
    return people


async def until_rows(bot: RunningBot, query: str, wanted: int) -> float:
    """Seconds until the database says so; looked at 20 times a second."""
    began = time.perf_counter()
    while bot.rows(query)[0][0] != wanted:
        await asyncio.sleep(0.05)
    return time.perf_counter() - began


def node(folder: Path) -> Path:
    """What libvirt's test driver is told of its machine: 16 cores, 256 GiB.  Each connection has one of its own."""
    file = folder / "node.xml"
    file.write_text(
        "<node><cpu><mhz>2000</mhz><model>i686</model><active>16</active><nodes>1</nodes><sockets>1</sockets>"
        "<cores>16</cores><threads>1</threads></cpu><memory>268435456</memory></node>"
    )
    return file


def percentiles(seconds: list[float]) -> str:
    values = sorted(value * 1000 for value in seconds)
    p99 = values[min(len(values) - 1, int(len(values) * 0.99))]
    return f"p50 {statistics.median(values):7.1f} ms   p99 {p99:7.1f} ms   max {values[-1]:7.1f} ms"


# -- asking ----------------------------------------------------------------------------------------------


async def asking() -> None:
    """From the line sent to the answer received, with a pool that has one for everybody."""
    waits = await asked(ROOT)
    row(f"!lab debian, one asks, {ASKS} times", percentiles(waits.one))
    row(f"!lab debian, {PEOPLE} ask at once", percentiles(waits.crowd))


async def compare(other: Path) -> None:
    """What people wait for, in this checkout and the other."""
    found: dict[Path, list[tuple[float, ...]]] = {ROOT: [], other: []}
    for _ in range(ROUNDS):
        for root, figures in found.items():
            waits = await asked(root)
            one, crowd = sorted(waits.one), sorted(waits.crowd)
            figures.append((statistics.median(one), one[int(len(one) * 0.99) - 1], crowd[-1], *waits.cpu))
    named = (
        "one asks, p50",
        "one asks, p99",
        f"{PEOPLE} at once, the last has the answer after",
        f"one asks {ASKS} times, CPU of the bot",
        f"{PEOPLE} at once, CPU of the bot",
    )
    for number, what in enumerate(named):
        ours, theirs = ([figures[number] * 1000 for figures in found[root]] for root in (ROOT, other))
        row(f"!lab debian, {what}: this one", f"{statistics.median(ours):7.1f} ms {listed(ours)}")
        row("   the other", f"{statistics.median(theirs):7.1f} ms {listed(theirs)}")
        row("   this one beside it", f"{statistics.median(ours) / statistics.median(theirs):7.2f}")


def listed(milliseconds: list[float]) -> str:
    return "(" + " ".join(f"{each:.1f}" for each in milliseconds) + ")"


@dataclass(frozen=True)
class Waits:
    """Seconds: each wait of one person who asks ``ASKS`` times, those of ``PEOPLE`` who ask at once; the bot's CPU for
    either."""

    one: list[float]
    crowd: list[float]
    cpu: tuple[float, float]


async def asked(root: Path) -> Waits:
    spare = PEOPLE + CLASS
    with tempfile.TemporaryDirectory() as folder:
        host = {"uri": f"test://{node(Path(folder))}", "labs": 1000}
        async with running(root, irc=FREE, labs={"spare": spare}, host_xen1=host) as (bot, server, _):
            return await answers(bot, server, spare)


async def answers(bot: RunningBot, server: Ngircd, spare: int) -> Waits:
    assert bot.process is not None
    people = await crowd(server.port, PEOPLE + 1, "p")
    await until_rows(bot, "select count(*) from lab where state = 'ready'", spare)
    one = people.pop()
    waits, spent = [], [cpu(bot.process.pid)]
    for _ in range(ASKS):
        began = time.perf_counter()
        await one.ask("!lab debian", HANDED_OUT, "")
        waits.append(time.perf_counter() - began)
    spent.append(cpu(bot.process.pid))
    began = time.perf_counter()
    for person in people:
        person.say(CHANNEL, "!lab debian")

    async def answered(person: Participant) -> tuple[float, str]:
        heard = await person.hear(HANDED_OUT, "", 60)
        return time.perf_counter() - began, heard[1]

    found = await asyncio.gather(*(answered(person) for person in people))
    spent.append(cpu(bot.process.pid))
    held = bot.rows(
        "select count(*), count(distinct lab_id), count(distinct person_id), count(distinct digest) "
        "from lease where ended_at is null"
    )[0]
    assert set(held) == {PEOPLE + 1} and len({password for _took, password in found}) == PEOPLE, held
    for person in (one, *people):
        await person.close()
    return Waits(waits, [took for took, _password in found], (spent[1] - spent[0], spent[2] - spent[1]))


# -- a cold lab ------------------------------------------------------------------------------------------


async def cold() -> None:
    """A lab is asked for where none is ready, and ssh waits for it: what of the time is ours."""
    cache = cache_folder()
    image = build_image(shipped.folder("images") / "debian", cache, lab_key(cache / "lab_key"), for_terminal())
    async with running(
        host_xen1=None,
        labs={"spare": 0, "public_address": "127.0.0.1"},
        image_debian={"folder": image.folder},
        gateway={"lab_key": cache / "lab_key"},
    ) as (bot, server, russell):
        await bot.signal(signal.SIGTERM)
        bot.change(host_here={"uri": f"qemu:///embed?root={bot.folder}/v", "labs": 2, "kvm": "no"})
        await bot.arrive(russell)
        await bot.logs("host here answers")
        alice = await Participant.connect(server.port, "alice")
        await alice.join(CHANNEL)
        began = time.time()
        command, password = await alice.lab()
        answered = time.time() - began
        learner = Learner(bot.folder, command, password=password)
        login = asyncio.create_task(learner.says("true"))
        port = None
        while not port:
            port = next((port for (port,) in bot.rows("select ssh_port from lab where ssh_port > 0")), None)
            await asyncio.sleep(0.01)
        while not (machine := started(bot)):
            await asyncio.sleep(0.01)
        while not await any_speaks([("127.0.0.1", port)]):
            await asyncio.sleep(0.01)
        speaks = time.time() - began
        await login
        done = time.time() - began
        again = time.time()
        await learner.says("true")
        warm = time.time() - again
        row("cold: asked to answered", f"{answered * 1000:7.1f} ms")
        row("cold: asked to the machine's process", f"{(machine - began) * 1000:7.1f} ms")
        row("cold: asked to its ssh speaking, to the first login done", f"{speaks:7.2f} s {done:7.2f} s")
        row("cold: a login when all is up (mostly the emulated machine)", f"{warm:7.2f} s")
        row(
            "cold: our share: to the process, and from ssh to login beyond a warm one",
            f"{max(0.0, machine - began) + max(0.0, done - speaks - warm):7.2f} s",
        )
        await alice.close()


def started(bot: RunningBot) -> float | None:
    """When the machine's process began, in epoch seconds (proc(5), starttime)."""
    for pid in bot.pids():
        try:
            if b"qemu-system" in Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")[0]:
                ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
                up = float(Path("/proc/uptime").read_text().split()[0])
                return time.time() - up + ticks / os.sysconf("SC_CLK_TCK")
        except OSError:
            continue
    return None


# -- a thousand --------------------------------------------------------------------------------------------


async def thousand() -> None:
    """Created, listed, and met again by a bot that was killed; a host of the test driver forgets with its connection,
    so that the second start finds nothing and makes all of them anew, which is the most that reconciling can be."""
    with tempfile.TemporaryDirectory() as folder:
        hosts = {f"host_h{n}": {"uri": f"test://{node(Path(folder))}", "labs": 20} for n in range(HOSTS)}
        async with running(labs={"spare": LABS}, host_xen1=None, **hosts) as (bot, _server, russell):
            await until_rows(bot, "select count(*) from lab where state = 'ready'", LABS)
            first, last = map(datetime.fromisoformat, bot.rows("select min(made_at), max(state_at) from lab")[0])
            took = (last - first).total_seconds()  # they begin before we could look
            row(
                f"{LABS} labs over {HOSTS} hosts: from the first row to the last ready",
                f"{took:7.2f} s ({LABS / took:,.0f}/s)",
            )
            began = time.perf_counter()
            said = await bot.shell("lab", "list", "--json")
            row(
                "   trainbot lab list, with the start of Python",
                f"{time.perf_counter() - began:7.2f} s, {said.out.count('ready')} labs",
            )
            began = time.perf_counter()
            await russell.whisper("hosts", "h0 ")
            row("   !hosts", f"{(time.perf_counter() - began) * 1000:7.1f} ms")
            row("   memory of the bot", f"{rss(bot):7.0f} MiB")
            await bot.kill()
            began = time.perf_counter()
            await bot.arrive(russell)
            for _ in range(HOSTS):
                await bot.logs("host h[0-9]+ answers")
            row("   killed; from its new start until all hosts have answered", f"{time.perf_counter() - began:7.2f} s")
    reconcile()


def reconcile() -> None:
    """Rows against what hosts report: our decisions alone, in one turn."""
    from stage import Stage

    from trainbot.bot.events import Tick
    from trainbot.model.host import Domain, DomainState, HostReport, HostUp

    with tempfile.TemporaryDirectory() as folder:
        names = [f"h{n}" for n in range(HOSTS)]
        stage = Stage(Path(folder), labs=20, spare=LABS, hosts=names, uri="test:///default")
        reports = lambda: [  # noqa: E731  asked again after each turn
            HostUp(HostReport(name, tuple(stage.hosts[name].values()), 1 << 20, 1 << 19, 16)) for name in names
        ]
        stage.turn(*reports())
        while stage.began:
            stage.hosts_work()
        assert sum(map(len, stage.hosts.values())) == LABS
        stage.restart()
        took(f"reconcile {LABS} labs of {HOSTS} hosts: all found, in one turn", lambda: stage.turn(*reports()))
        took("   a tick", lambda: stage.turn(Tick()))
        for name in names:
            stage.hosts[name] = {
                id: Domain(id, domain.name, DomainState.OFF, None) for id, domain in stage.hosts[name].items()
            }
        took("   all of them off, in one turn", lambda: stage.turn(*reports()))
        stage.store.close()
    driver = LibvirtDriver(HostConfig("h", "test:///default"), "owner")
    driver.open()
    for n in range(LABS):
        driver.make(
            LabSpec(
                f"00000000-0000-0000-0000-{n:012d}",
                f"tb-{n}",
                "debian",
                Path("/d"),
                Path("/k"),
                Path("/i"),
                "",
                32,
                owner="owner",
            )
        )
    took(f"   one host with {LABS} domains read through libvirt", driver.report)
    took("   and once more", driver.report)


def took(what: str, call) -> None:
    began = time.perf_counter()
    call()
    row(what, f"{(time.perf_counter() - began) * 1000:7.1f} ms")


def rss(bot: RunningBot) -> float:
    assert bot.process is not None
    pages = int(Path(f"/proc/{bot.process.pid}/statm").read_text().split()[1])
    return pages * resource.getpagesize() / (1 << 20)


# -- a lost host -------------------------------------------------------------------------------------------


async def lost() -> None:
    """From the end of a host to the last of those who had labs there having another, with everything as it comes."""
    for how, number in (("kill -9", signal.SIGKILL), ("SIGSTOP, as if unplugged", signal.SIGSTOP)):
        one, other = Libvirtd(), Libvirtd()
        try:
            one.start()
            async with running(
                labs={"spare": 0}, image_debian={"memory": 64}, host_xen1={"uri": one.uri, "labs": 60}
            ) as (bot, server, russell):
                await bot.logs("host xen1 answers")
                people = await crowd(server.port, CLASS, "p")
                for person in people:
                    await person.ask("!lab debian", "password", "")
                await until_rows(bot, "select count(*) from lab where state = 'ready'", CLASS)
                other.start()
                await bot.signal(signal.SIGTERM)
                bot.change(host_xen2={"uri": other.uri, "labs": 60}, labs={"spare": CLASS})
                await bot.arrive(russell)
                await until_rows(bot, "select count(*) from lab where state = 'ready'", 2 * CLASS)
                began = time.perf_counter()
                os.kill(one.pid, number)
                await russell.hear(f"host xen1 is lost: {CLASS} people move to other hosts", CHANNEL, 120)
                told = time.perf_counter() - began
                seated = (
                    "select count(*) from lease join lab on lab.id = lab_id where host = 'xen2' and state = 'ready'"
                )
                await until_rows(bot, seated, CLASS)
                row(
                    f"{how}: to the line in the channel, to the last of {CLASS} seated",
                    f"{told:7.2f} s {time.perf_counter() - began:7.2f} s",
                )
                for person in people:
                    await person.close()
        finally:
            one.stop()
            other.stop()


# -- a killed gateway --------------------------------------------------------------------------------------


async def gateway() -> None:
    """From kill -9 of the gateway to the first line of the next one, beside what a start takes by itself."""
    async with running(host_xen1={"uri": "test:///default", "labs": 2}) as (bot, _server, _):
        await bot.logs("host xen1 answers")
        (listen,) = bot.config.gateway.listen
        before = process.running(bot.state)
        assert before is not None
        began = time.perf_counter()
        os.kill(before, signal.SIGKILL)
        while process.running(bot.state) in (before, None) or not await any_speaks([listen]):
            await asyncio.sleep(0.005)
        wait = time.perf_counter() - began
        await bot.signal(signal.SIGTERM)
        starts = []
        for _ in range(5):
            process.stop(bot.state)
            began = time.perf_counter()
            process.start_detached(bot.ini, bot.state)
            starts.append(time.perf_counter() - began)
        start = statistics.median(starts)
        row("kill -9 of the gateway: to the next one's first line, a start alone", f"{wait:7.2f} s {start:7.2f} s")
        row("   what the bot adds, in starts", f"{max(0.0, wait - start) / start:7.2f}")


def main(wanted: list[str]) -> None:
    logging.disable(logging.CRITICAL)
    if wanted[:1] == ["compare"]:
        asyncio.run(compare(Path(wanted[1]).resolve()))
        return
    for part in (asking, cold, thousand, lost, gateway):
        if not wanted or part.__name__ in wanted:
            asyncio.run(part())


if __name__ == "__main__":
    main(sys.argv[1:])
