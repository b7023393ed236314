"""A day of load and faults in minutes: two hundred learners in two classes, and everything that can fail does, first one after
the other, then all at once.  Afterwards the database is compared with every answer that the learners received."""

from __future__ import annotations

import asyncio
import os
import random
import resource
import signal
import sqlite3
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest

from tests.peers.libvirtd import Libvirtd
from tests.peers.moved_clock import MovedClock
from tests.storm.crowd import Learner, Promises
from tests.storm.relay import Relay
from tests.storm.servers import linked
from tests.whole.fixtures import Arrive, BotMaker
from tests.whole.running import CHANNEL, PRESENTER, Participant, RunningBot
from trainbot.adapters.state_folder import PEPPER
from trainbot.features.labs import passwords
from trainbot.features.labs.passwords import load_or_make_secret
from trainbot.gateway import process as gateway_process

OTHER = "#second"
LEARNERS = 200
RECOVERED = 90.0  # seconds, with which a test would hang rather than fail; the figures are in its table


@dataclass
class Storm:
    """What is running, and what was measured: (fault, seconds until the bot answered again)."""

    bot: RunningBot
    hosts: tuple[Libvirtd, Libvirtd]
    wire: Relay
    clock: MovedClock
    presenters: tuple[Participant, Participant]
    watcher: Participant  # who asks all the time
    promises: Promises
    measured: list[tuple[str, float]] = field(default_factory=list)
    chance: random.Random = field(default_factory=lambda: random.Random(2007))

    # -- faults: each does its harm, waits, and mends what the bot cannot --------------------------------

    async def host_dies(self, number: int) -> None:
        self.hosts[number].kill()
        await asyncio.sleep(20)
        await asyncio.to_thread(self.hosts[number].start)

    async def first_host_dies(self) -> None:
        await self.host_dies(0)

    async def second_host_dies(self) -> None:
        await self.host_dies(1)

    async def netsplit(self) -> None:
        self.wire.cut()
        await asyncio.sleep(8)
        self.wire.mend()

    async def bot_dies(self) -> None:
        await self.bot.kill()
        await self.bot.start()

    async def gateway_dies(self) -> None:
        pid = gateway_process.running(self.bot.state)
        if pid is not None:
            os.kill(pid, signal.SIGKILL)
        async with asyncio.timeout(RECOVERED):
            while gateway_process.running(self.bot.state) in (None, pid):
                await asyncio.sleep(0.1)

    async def disk_fills(self) -> None:
        """No file of the bot may grow."""
        process = self.bot.process
        if process is None:
            return
        with suppress(ProcessLookupError):  # it dies at the same time
            before = resource.prlimit(process.pid, resource.RLIMIT_FSIZE)
            largest = max(path.stat().st_size for path in self.bot.folder.glob("trainbot.db*"))
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (largest + 8192, before[1]))
            await asyncio.sleep(6)
            resource.prlimit(process.pid, resource.RLIMIT_FSIZE, before)

    async def clock_is_set(self) -> None:
        self.clock.set(self.chance.choice((-86_400, -3_600, 3_600, 86_400)))
        await asyncio.sleep(5)
        self.clock.set(0)

    async def socket_is_removed(self) -> None:
        (self.bot.state / "control.sock").unlink(missing_ok=True)
        async with asyncio.timeout(RECOVERED):
            while (await self.bot.shell("lab", "list", within=RECOVERED)).code:
                await asyncio.sleep(0.2)

    async def database_is_locked(self) -> None:
        with closing(sqlite3.connect(self.bot.folder / "trainbot.db", timeout=20, isolation_level=None)) as other:
            other.execute("BEGIN IMMEDIATE")
            await asyncio.sleep(6)
            other.execute("ROLLBACK")

    async def exercises_vanish(self) -> None:
        there, gone = self.bot.folder / "exercises", self.bot.folder / "gone"
        there.rename(gone)
        await asyncio.sleep(20)
        gone.rename(there)

    @property
    def faults(self) -> list[Callable[[], Awaitable[None]]]:
        return [
            self.first_host_dies,
            self.second_host_dies,
            self.netsplit,
            self.bot_dies,
            self.gateway_dies,
            self.disk_fills,
            self.clock_is_set,
            self.socket_is_removed,
            self.database_is_locked,
            self.exercises_vanish,
        ]

    # -- what is measured ----------------------------------------------------------------------------

    async def play(self, name: str, *faults: Callable[[], Awaitable[None]]) -> None:
        """The faults at the same time, and how long no command was stored meanwhile (from the first that failed to the first
        that worked again)."""
        began = time.monotonic()
        probing = asyncio.create_task(self._longest_silence())
        try:
            await asyncio.gather(*(fault() for fault in faults))
            await self.steps()
        finally:
            probing.cancel()
            with suppress(asyncio.CancelledError):
                await probing
        self.measured.append((name, self._silence))
        print(
            f"{name:24} {self._silence:6.1f} s without an answer, {time.monotonic() - began:6.1f} s in all", flush=True
        )

    async def _longest_silence(self) -> None:
        """Asks for something that is stored, again and again."""
        self._silence, person = 0.0, self.watcher
        last = time.monotonic()
        while True:
            try:
                await answered(person, "tz Europe/Berlin", "your time is", within=1.0)
                last = time.monotonic()
            except TimeoutError:
                pass
            self._silence = max(self._silence, time.monotonic() - last)
            await asyncio.sleep(0.2)

    async def steps(self) -> None:
        """Both classes go on to another step: the bot works, and the class is where its presenter put it."""
        for person, channel in zip(self.presenters, (CHANNEL, OTHER), strict=True):
            step = self.chance.randint(1, 3)
            async with asyncio.timeout(RECOVERED):
                while True:
                    with suppress(TimeoutError):
                        await answered(person, f"!goto {step}", f"[Ss]tep {step}", to=channel, within=5.0)
                        break


async def answered(person: Participant, text: str, pattern: str, *, to: str | None = None, within: float) -> None:
    person._seen = len(person.lines)
    person.say(to or "trainbot", text)
    await person.hear(pattern, to or "", within)


@asynccontextmanager
async def crowd(ports: tuple[int, int], promises: Promises, number: int, pause: float) -> AsyncIterator[None]:
    """Half of them on each server, half of them in each class."""
    learners = [
        Learner(f"l{n}", f"127.8.{n // 200}.{n % 200 + 1}", (CHANNEL, OTHER)[n // 2 % 2], promises)
        for n in range(number)
    ]

    def port_of(n: int) -> Callable[[], int]:
        return lambda: ports[n % 2]

    tasks = [asyncio.create_task(each.live(port_of(n), pause)) for n, each in enumerate(learners)]
    try:
        yield
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await asyncio.gather(*(each.leave() for each in learners))


def compare(bot: RunningBot, promises: Promises) -> list[str]:
    """What was promised and is not there."""
    lost = list(promises.wrong)
    rows = {id: (nick, words) for id, nick, words in bot.rows("select id, nick, words from question")}
    lost += [f"question {n} of {said}" for n, said in promises.questions.items() if rows.get(n) != said]
    votes = set(bot.rows("select nick, question_id from question_event where kind = 'voted'"))
    lost += [f"vote {vote}" for vote in promises.votes - votes]
    done = set(bot.rows("select nick, done.step from done join person on person.id = person_id"))
    lost += [f"done {each}" for each in promises.done - done]
    zones = dict(bot.rows("select nick, zone from person where zone != ''"))
    lost += [f"time zone of {nick}" for nick, may in promises.zones.items() if nick in zones and zones[nick] not in may]
    digests: dict[str, set[str]] = {}
    for nick, digest in bot.rows("select nick, digest from lease join person on person.id = person_id"):
        digests.setdefault(nick, set()).add(digest)
    query = (
        "select nick from notice join person on person.id = person_id where kind = 'ssh command' and said_at is null"
    )
    untold = {nick for (nick,) in bot.rows(query)}  # they will get another one when they are back
    pepper = load_or_make_secret(bot.state / PEPPER)
    lost += [
        f"the password of {nick}"
        for nick, password in promises.labs.items()
        if nick not in untold and passwords.digest(pepper, password) not in digests.get(nick, ())
    ]
    twice = bot.rows(
        "select lab_id from lease where ended_at is null and lab_id is not null group by 1 having count(*) > 1"
    )
    lost += [f"lab {lab} has two people" for (lab,) in twice]
    ended = bot.rows("select id from lease where ended_at is not null and ended_why = 'expired'")
    lost += [f"lease {id} ended" for (id,) in ended]
    assert bot.rows("pragma integrity_check") == [("ok",)]
    return lost


@pytest.mark.parametrize(
    ("rounds", "learners"),
    [pytest.param(1, LEARNERS, marks=pytest.mark.storm), pytest.param(27, LEARNERS, marks=pytest.mark.stormlong)],
)
async def test_a_day_of_faults(make_bot: BotMaker, people: Arrive, tmp_path: Path, rounds: int, learners: int) -> None:
    """Nothing that was acknowledged is lost; the class goes on after every fault."""
    with Libvirtd() as one, Libvirtd() as two:
        async with linked(tmp_path) as (first, second, wire):
            bot = make_bot(
                first.port,
                irc={"channels": f"{CHANNEL} {OTHER}"},
                host_xen1={"uri": one.uri, "labs": 150},
                host_xen2={"uri": two.uri, "labs": 150},
                questions={"a_person": 1000, "a_minute": 1000, "many": 1000},
            )
            clock = MovedClock(bot.folder)
            bot.environment = clock.environment
            presenters = [
                await people(port, nick, channel=channel, source=PRESENTER)
                for port, nick, channel in ((first.port, "russell", CHANNEL), (second.port, "olga", OTHER))
            ]
            await bot.arrive(presenters[0])
            watcher = await people(first.port, "watcher", source="127.0.0.4")
            storm = Storm(bot, (one, two), wire, clock, (presenters[0], presenters[1]), watcher, Promises())
            for person, channel in zip(presenters, (CHANNEL, OTHER), strict=True):
                await answered(person, "!start selinux", "begins|SE Linux", to=channel, within=25)
            async with crowd((first.port, second.port), storm.promises, learners, pause=12.0):
                await storm.play("(none)", lambda: asyncio.sleep(20))
                for _ in range(rounds):
                    faults = storm.faults
                    storm.chance.shuffle(faults)
                    for fault in faults:
                        await storm.play(fault.__name__.replace("_", " "), fault)
                    await storm.play("all at once", *faults)
            await storm.steps()
            await bot.kill()
            print(dict(storm.promises.answers), flush=True)
            assert not [line for line in bot.lines if "Traceback" in line]
            assert compare(bot, storm.promises) == []
            assert (
                min(storm.promises.answers[kind] for kind in ("question", "vote", "done", "tz", "lab")) > learners / 4
            )
