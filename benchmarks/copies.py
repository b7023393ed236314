"""What keeping a copy costs: SQLite's backup API against following the write-ahead log.

    .venv/bin/python benchmarks/copies.py [MiB …]

A bot stores a class's usual turn (a question, a notice, a step) 20 times a second; each second the copy is brought up to
date.  Each row is one size of database: how long the copying takes each second, and how long a turn takes meanwhile.
Compare rows of one run, not runs of two machines.
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

SECONDS, TURNS = 4, 20


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
    print(f"{'MiB':>5} {'way':>7} {'turn p50 ms':>12} {'turn max ms':>12} {'up to date, ms longest':>23}")
    for mib in [int(word) for word in sys.argv[1:]] or [1, 12, 100]:
        with tempfile.TemporaryDirectory() as folder:
            file = Path(folder) / "bot.db"
            upgrade(f"sqlite:///{file}")
            with closing(sqlite3.connect(file)) as database, database:
                rows = ((f"fill {number}", "x" * 4000) for number in range(mib * 256))
                database.executemany("insert into setting values (?, ?)", rows)
            for how in ("none", "log", "backup"):
                turns, copies = a_class(file, how)
                longest = f"{max(copies) * 1000:.1f}" if copies else "-"
                print(
                    f"{mib:>5} {how:>7} {statistics.median(turns) * 1000:>12.2f} {max(turns) * 1000:>12.1f} {longest:>23}",
                    flush=True,
                )


main()
