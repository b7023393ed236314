"""What keeping a copy costs: SQLite's backup API against following the write-ahead log.

    .venv/bin/python benchmarks/copies.py [MiB …]

A bot stores a class's usual turn (a question, a notice, a step) 20 times a second; each second the copy is brought up to
date.  Each row is one size of database and one way, none included: how long a turn takes, and how long the copying takes
each second.  The ways take turns, since the machine is not equally busy all the time: compare rows of one run.
"""

from __future__ import annotations

import sqlite3
import statistics
import sys
import tempfile
import threading
import time
from contextlib import closing
from pathlib import Path

sys.path[:1] = [str(Path(__file__).parent.parent)]

from trainbot.adapters.db import Store
from trainbot.adapters.db.migrate import upgrade

SECONDS, TURNS, ROUNDS = 2, 20, 4
WAYS = ("none", "log", "backup")


def turn(store: Store, number: int) -> float:
    began = time.perf_counter()
    with store.transaction():
        for part in range(3):
            store.settings.set(f"n{number % 50} {part}", "words of a question " * 10)
    return time.perf_counter() - began


def backed_up(file: Path, target: Path, took: list[float]) -> None:
    began = time.perf_counter()
    with closing(sqlite3.connect(file)) as source, closing(sqlite3.connect(target)) as copy:
        source.backup(copy)
    took.append(time.perf_counter() - began)


def a_class(file: Path, how: str) -> tuple[list[float], list[float]]:
    """(seconds of each turn, seconds of each bringing up to date)."""
    store = Store(f"sqlite:///{file}")
    tail = store.follow() if how == "log" else None
    if tail is not None:
        store.checkpoint()
        tail.begin()
    turns, copies = [], []
    for second in range(SECONDS):
        worker = threading.Thread(target=backed_up, args=(file, file.with_name("copy.db"), copies))
        if how == "backup":
            worker.start()
        for number in range(TURNS):
            turns.append(turn(store, second * TURNS + number))
        if how == "backup":
            worker.join()
        if tail is not None:
            began = time.perf_counter()
            tail.read()
            with file.with_name("changes").open("ab") as out:
                for part in tail.take():
                    out.write(part.data)
            copies.append(time.perf_counter() - began)
    store.close()
    return turns, copies


def main() -> None:
    print(
        f"{'MiB':>5} {'way':>7} {'turn p50 ms':>12} {'p95 ms':>8} {'max ms':>8} {'up to date, ms p50':>19} {'longest':>8}"
    )
    for mib in [int(word) for word in sys.argv[1:]] or [1, 12, 100]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "bot.db"
            upgrade(f"sqlite:///{file}")
            with closing(sqlite3.connect(file)) as database, database:
                rows = ((f"fill {number}", "x" * 4000) for number in range(mib * 256))
                database.executemany("insert into setting values (?, ?)", rows)
            turns: dict[str, list[float]] = {how: [] for how in WAYS}
            copies: dict[str, list[float]] = {how: [] for how in WAYS}
            for how in WAYS * ROUNDS:
                some_turns, some_copies = a_class(file, how)
                turns[how] += some_turns
                copies[how] += some_copies
            for how in WAYS:
                took = [statistics.median(turns[how]), statistics.quantiles(turns[how], n=20)[-1], max(turns[how])]
                line = f"{mib:>5} {how:>7} {took[0] * 1000:>12.2f} {took[1] * 1000:>8.2f} {took[2] * 1000:>8.1f}"
                if copies[how]:
                    line += f" {statistics.median(copies[how]) * 1000:>19.1f} {max(copies[how]) * 1000:>8.1f}"
                print(line, flush=True)


main()
