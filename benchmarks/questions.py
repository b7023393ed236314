"""A million questions with answers: finding one, asking what was asked before, 200 people at once, beside plain SQL.

    .venv/bin/python benchmarks/questions.py [ROWS]

Words are made up and as frequent as those of a language (Zipf's law over 60,000).  The database is filled by hand at the
schema before the indexes, so that the migration is measured too.  Compare rows of one run, not runs of two machines.
"""

from __future__ import annotations

import asyncio
import itertools
import os
import random
import shutil
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

ROOT = Path(__file__).parent.parent
sys.path[:1] = [str(ROOT), str(ROOT / "tests")]  # not this folder: irc.py here is no library

from alembic import command

from tests.peers.client import Client
from tests.stage import CHANNEL, Stage, opened
from tests.whole.running import CHANNEL as LIVE
from tests.whole.running import PRESENTER, Participant, RunningBot
from trainbot.adapters.db.engine import connect
from trainbot.adapters.db.migrate import _config, upgrade
from trainbot.bot.events import Tick
from trainbot.core.messages import Incoming
from trainbot.ops.demo.ngircd import Ngircd

PEOPLE, CLASSES, SEARCHES, ASKED = 200, 1000, 500, 300
AT, END = (datetime(2025, 3, 1, hour, tzinfo=UTC).strftime("%Y-%m-%dT%H:%M:%S.000000Z") for hour in (8, 10))
NOTHING_LEFT = object()
chance = random.Random(7)


def row(what: str, figure: str) -> None:
    print(f"{what:72} {figure}", flush=True)


def percentiles(seconds: list[float]) -> str:
    values = sorted(value * 1000 for value in seconds)
    return (
        f"p50 {statistics.median(values):7.2f} ms   p99 {values[min(len(values) - 1, int(len(values) * 0.99))]:7.2f} ms   "
        f"max {values[-1]:7.2f} ms"
    )


def timed(calls: Iterator[Callable[[], object]]) -> str:
    """By the clock, and by this thread's time on a processor: what the rest of the machine does is not in that."""
    found, spent = [], []
    for call in calls:
        began, at = time.perf_counter(), time.thread_time()
        call()
        spent.append(time.thread_time() - at)
        found.append(time.perf_counter() - began)
    return f"{percentiles(found)}   CPU p99 {sorted(spent)[min(len(spent) - 1, int(len(spent) * 0.99))] * 1000:7.2f} ms"


# -- what is in the database ---------------------------------------------------------------------------


class Words:
    """Made-up ones; the first is in every sixth text or so, the last in a handful."""

    def __init__(self) -> None:
        parts = ["".join(pair) for pair in itertools.product("bcdfghklmnprstvz", "aeiou")]
        seen: set[str] = set()
        while len(seen) < 60_000:
            seen.add("".join(chance.choices(parts, k=chance.randint(1, 4))) + chance.choice("nrstlk"))
        self.all = chance.sample(sorted(seen), len(seen))
        self.weights = list(itertools.accumulate(1 / (rank + 10) for rank in range(len(self.all))))

    def some(self, number: int) -> list[str]:
        return chance.choices(self.all, cum_weights=self.weights, k=number)


def texts(words: Words, number: int) -> Iterator[tuple[str, str]]:
    for _ in range(number):
        said = words.some(24)
        yield " ".join(said[:9]) + "?", " ".join(said[9:])


def filled(path: Path, words: Words, rows: int) -> None:
    """At the schema of 0006: ``rows`` answered questions of classes of a thousand people."""
    url = f"sqlite:///{path}"
    engine = connect(url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0006")
    engine.dispose()
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA synchronous = OFF")
        database.executemany(
            "INSERT INTO person (id, account, nick, zone, in_view, seen_at) VALUES (?, ?, ?, '', 1, ?)",
            [(n, f"old{n}", f"old{n}", AT) for n in range(1, 1001)],
        )
        database.executemany(
            "INSERT INTO class (id, channel, session_uid, exercise, title, presenter_id, presenter, step, steps, step_at, minutes, "
            "started_at, ended_at) VALUES (?, ?, '', 'selinux', 'SE Linux', 1, 'old1', 3, 3, ?, 'x', ?, ?)",
            [(n, CHANNEL, AT, AT, END) for n in range(1, CLASSES + 1)],
        )
        asked = enumerate(texts(words, rows), start=1)
        while some := list(itertools.islice(asked, 10_000)):
            database.executemany(
                "INSERT INTO question (id, class_id, channel, person_id, nick, step, words, state, asked_at) VALUES "
                "(?, ?, ?, ?, 'old', ?, ?, 'answered', ?)",
                [(n, n % CLASSES + 1, CHANNEL, n % 1000 + 1, n % 4, question, AT) for n, (question, _answer) in some],
            )
            database.executemany(
                "INSERT INTO question_event (question_id, at, person_id, nick, kind, words) VALUES (?, ?, ?, 'old', ?, ?)",
                [
                    event
                    for n, (question, answer) in some
                    for event in ((n, AT, n % 1000 + 1, "asked", question), (n, AT, 1, "answered", answer))
                ],
            )


def megabytes(path: Path) -> float:
    """With nothing left in its write-ahead log."""
    with sqlite3.connect(path) as database:
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return os.path.getsize(path) / 1e6


def migrated(path: Path, rows: int) -> None:
    before, began = megabytes(path), time.perf_counter()
    upgrade(f"sqlite:///{path}")
    took = time.perf_counter() - began
    row(f"migration of {rows:,} questions with answers (indexes built), at the first start", f"{took:7.1f} s")
    with sqlite3.connect(path) as database:  # else the bot would write the minutes of a thousand classes first
        database.execute("UPDATE class SET minutes_at = ?", (END,))
    row("size on disk before and after", f"{before:7.0f} MB {megabytes(path):7.0f} MB")


# -- the bot's own turns -----------------------------------------------------------------------------------


def started(path: Path) -> Stage:
    """A bot on that database, as after a start."""
    stage = Stage(path.parent / "stage", labs=10)  # with an empty one
    stage.store.close()
    path.replace(stage.folder / "trainbot.db")
    began = time.perf_counter()
    stage.store = opened(stage.config.store.url)
    stage.start()
    stage.turn(Tick())
    row("start-up: database opened, bot made, first tick", f"{(time.perf_counter() - began) * 1000:7.0f} ms")
    for number in range(PEOPLE):
        stage.join(f"p{number}", account=f"p{number}")
    stage.happens(*said(stage, "!tz"))
    stage.talk("russell", "!start")
    return stage


def said(stage: Stage, text: str) -> list[Incoming]:
    return [
        Incoming(stage.net.people[f"p{number}"], CHANNEL, text.format(number), stage.now) for number in range(PEOPLE)
    ]


def slipped(word: str) -> str:
    """With two letters exchanged."""
    at = len(word) // 2
    return word[: at - 1] + word[at] + word[at - 1] + word[at + 1 :]


def searching(stage: Stage, words: Words) -> None:
    kinds = {
        "two or three words": lambda: words.some(chance.choice((2, 3))),
        "eight words": lambda: words.some(8),
        "common words alone": lambda: chance.choices(words.all[:60], k=3),
        "one of three words with a typo": lambda: [slipped(words.all[chance.randrange(500, 20_000)]), *words.some(2)],
    }
    for kind, some in kinds.items():
        lines = [Incoming(stage.net.people["p1"], None, "faq " + " ".join(some()), stage.now) for _ in range(SEARCHES)]
        row(f"!faq, {kind}, {SEARCHES} of them", timed((lambda line=line: stage.turn(line)) for line in lines))


def asking(stage: Stage, words: Words) -> None:
    with sqlite3.connect(stage.folder / "trainbot.db") as database:
        old = [text for (text,) in database.execute("SELECT words FROM question ORDER BY random() LIMIT 100")]
    fresh = [question for question, _answer in texts(words, ASKED)]
    lines = [
        Incoming(stage.net.people[f"p{n % PEOPLE}"], CHANNEL, f"!ask {text}", stage.now) for n, text in enumerate(fresh)
    ]
    row(f"!ask, new ones, one a turn, {ASKED} of them", timed((lambda line=line: stage.turn(line)) for line in lines))
    found = 0
    times = []
    for n, text in enumerate(old):
        mixed = text.rstrip("?").split()
        mixed[3], mixed[4] = mixed[4], mixed[3]
        line = Incoming(stage.net.people[f"p{n}"], CHANNEL, f"!ask {' '.join(mixed)}", stage.now)
        began = time.perf_counter()
        outcome = stage.turn(line)
        times.append(time.perf_counter() - began)
        found += "Still ask?" in outcome.say[0].text  # type: ignore[union-attr]
    row(f"!ask, like one that was answered ({found} of {len(old)} recognised)", percentiles(times))
    fresh = [question for question, _answer in texts(words, PEOPLE)]
    lines = [Incoming(stage.net.people[f"p{n}"], CHANNEL, f"!ask {text}", stage.now) for n, text in enumerate(fresh)]
    stage.now = stage.now.replace(hour=stage.now.hour + 1)
    lines = [Incoming(line.sender, line.channel, line.text, stage.now) for line in lines]
    began, at = time.perf_counter(), time.thread_time()
    outcome = stage.turn(*lines)
    took, spent = time.perf_counter() - began, time.thread_time() - at
    row(
        f"!ask, {PEOPLE} in one turn: {sum('question' in line.text for line in outcome.say)} acknowledged",  # type: ignore[union-attr]
        f"{took * 1000:7.0f} ms ({PEOPLE / took:,.0f}/s)   CPU {spent * 1000:7.0f} ms",
    )


def redacting(stage: Stage) -> None:
    """Each step holds up commands; between two of them they are answered."""
    for who in ("old2", "old1"):  # who asked a thousandth of the questions; who answered all
        steps, took = stage.wiring.records.keeping.redact(who, stage.now), []
        done = False
        while not done:
            began = time.perf_counter()
            done = next(steps, NOTHING_LEFT) is NOTHING_LEFT
            took.append(time.perf_counter() - began)
        row(
            f"log redact {who}: longest step, all {len(took)} steps together",
            f"{max(took) * 1000:7.0f} ms {sum(took):7.1f} s",
        )


# -- by hand --------------------------------------------------------------------------------------------


def by_hand(path: Path, words: Words) -> None:
    """The same rows with sqlite3 alone, no bot: what the database itself takes."""
    with sqlite3.connect(path, isolation_level=None) as database:
        database.execute("PRAGMA synchronous = FULL")

        def ask(text: str) -> None:
            database.execute("BEGIN IMMEDIATE")
            id = database.execute(
                "INSERT INTO question (class_id, channel, person_id, nick, step, words, state, asked_at) "
                "VALUES (1, ?, 1, 'old1', 1, ?, 'open', ?)",
                (CHANNEL, text, AT),
            ).lastrowid
            database.execute(
                "INSERT INTO question_event (question_id, at, person_id, nick, kind, words) "
                "VALUES (?, ?, 1, 'old1', 'asked', ?)",
                (id, AT, text),
            )
            database.execute("COMMIT")

        row(
            "by hand: INSERT question and event, COMMIT",
            timed((lambda text=text: ask(text)) for text, _ in texts(words, ASKED)),
        )
        query = (
            "SELECT q.id, q.words, q.answer FROM question_fts f JOIN question q ON q.id = f.rowid WHERE question_fts MATCH ? "
            "ORDER BY rank LIMIT 5"
        )
        wanted = [" OR ".join(words.some(chance.choice((2, 3)))) for _ in range(SEARCHES // 5)]
        row(
            "by hand: FTS5, two or three words OR'ed, all ranked by bm25",
            timed((lambda match=match: database.execute(query, (match,)).fetchall()) for match in wanted),
        )
        like = "SELECT id FROM question WHERE words LIKE ? AND words LIKE ? LIMIT 5"
        pairs = [[f"%{word}%" for word in words.some(2)] for _ in range(20)]
        row(
            "by hand: LIKE, two words",
            timed((lambda pair=pair: database.execute(like, pair).fetchall()) for pair in pairs),
        )


# -- the whole bot -----------------------------------------------------------------------------------------


async def live(path: Path, words: Words) -> None:
    """The bot as a process on that database, ngircd without limits: from the first line sent to the last number heard."""
    with tempfile.TemporaryDirectory() as folder:
        async with Ngircd(Path(folder), max_penalty=0) as server:
            bot = RunningBot(
                Path(tempfile.mkdtemp(prefix="tb-")),
                server.port,
                host_xen1=None,
                irc={"flood_burst": 100, "flood_interval": 0},
            )
            shutil.copy(path, bot.folder / "trainbot.db")
            russell = await Participant.connect(server.port, "russell", source=PRESENTER)
            people: list[Client] = []
            try:
                await russell.join(LIVE)
                began = time.perf_counter()
                await bot.arrive(russell)
                row("start-up: trainbot run to seen in the channel", f"{time.perf_counter() - began:7.2f} s")
                for n in range(PEOPLE):
                    people.append(
                        await Participant.connect(server.port, f"p{n}", source=f"127.7.{n // 250}.{n % 250 + 1}")
                    )
                    await people[-1].join(LIVE)
                began = time.perf_counter()
                for person, (question, _answer) in zip(people, texts(words, PEOPLE), strict=True):
                    person.say(LIVE, f"!ask {question}")

                async def heard(person: Participant) -> tuple[int, float]:
                    found = await person.hear(rf"{person.nick}: question (\d+)", LIVE, 60)
                    return int(found[1]), time.perf_counter() - began

                numbers = await asyncio.gather(*(heard(person) for person in people))
                await bot.kill()
                with sqlite3.connect(bot.folder / "trainbot.db") as database:
                    marks = ", ".join(str(number) for number, _took in numbers)
                    (kept,) = database.execute(f"SELECT count(*) FROM question WHERE id IN ({marks})").fetchone()
                row(
                    f"{PEOPLE} ask in the same second, whole bot over ngircd: first line sent to answer heard",
                    percentiles([took for _number, took in numbers]),
                )
                row("   acknowledged, in the database after kill -9", f"{len(numbers)}, {kept}")
            finally:
                for person in (russell, *people):
                    await person.close()
                bot.lines.clear()
                await bot.close()
                shutil.rmtree(bot.folder)


def main() -> None:
    rows = int(sys.argv[1]) if len(sys.argv) > 1 else 1_000_000
    words = Words()
    with tempfile.TemporaryDirectory() as name:
        path = Path(name) / "trainbot.db"
        filled(path, words, rows)
        migrated(path, rows)
        asyncio.run(live(path, words))
        stage = started(path)
        searching(stage, words)
        asking(stage, words)
        redacting(stage)
        stage.store.close()
        by_hand(stage.folder / "trainbot.db", words)


if __name__ == "__main__":
    main()
