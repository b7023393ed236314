"""What it costs that passwords wait for the gateway, and what is gained by keeping the write-ahead log short.

    .venv/bin/python benchmarks/safety.py

Each row is one run on this machine; compare rows of one run, not runs of two machines.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import statistics
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

sys.path[:1] = [str(Path(__file__).parent.parent)]  # not this folder: irc.py here is no library

from trainbot.adapters.control.client import subscribe
from trainbot.adapters.control.server import ControlServer
from trainbot.adapters.db import Store
from trainbot.adapters.db.migrate import upgrade

TABLES, LABS = 300, 30
QUESTIONS, BURST = 2000, 20  # questions, and how many come without a quiet second in between


def gateway(path: str) -> None:
    asyncio.run(subscribe(Path(path), "routes", lambda table: None))


async def acknowledged(folder: Path) -> None:
    async def answer(_request: dict[str, Any]) -> dict[str, Any]:
        return {}

    server = ControlServer(folder / "control", answer)
    await server.start()
    other = multiprocessing.Process(target=gateway, args=(str(folder / "control"),), daemon=True)
    other.start()
    await server.taken("routes", server.publish("routes", []))
    sent, taken = [], []
    for number in range(TABLES):
        table = [{"lease": str(lab), "digest": "d" * 64, "host_key": "k" * 68, "n": number} for lab in range(LABS)]
        began = time.perf_counter()
        version = server.publish("routes", table)
        sent.append(time.perf_counter() - began)
        await server.taken("routes", version)
        taken.append(time.perf_counter() - began)
    other.terminate()
    await server.close()
    for what, seconds in (("published", sent), ("acknowledged", taken)):
        print(f"table of {LABS} labs {what:<13} p50 {statistics.median(seconds) * 1000:6.2f} ms")


def written_ahead(folder: Path, checkpoints: bool) -> None:
    url = f"sqlite:///{folder}/trainbot.db"
    upgrade(url)
    store, log = Store(url), folder / "trainbot.db-wal"
    store.checkpoint()
    commits, waits, longest = [], [0.0], 0
    for number in range(QUESTIONS):
        began = time.perf_counter()
        with store.transaction():
            store.entries.add(
                class_id=None,
                channel="#c",
                at=datetime.now(UTC),
                kind="said",
                nick="a",
                text=f"why does {number} fail?",
            )
        commits.append(time.perf_counter() - began)
        longest = max(longest, log.stat().st_size)
        if checkpoints and number % BURST == BURST - 1:
            began = time.perf_counter()
            store.checkpoint()
            waits.append(time.perf_counter() - began)
    print(
        f"log {'emptied when quiet' if checkpoints else 'left to SQLite':<18} longest {longest >> 10:5d} KiB, at the end "
        f"{log.stat().st_size >> 10:5d} KiB   commit p50 {statistics.median(commits) * 1000:6.2f} ms   checkpoint p50 "
        f"{statistics.median(waits) * 1000:6.2f} ms"
    )
    store.close()


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        asyncio.run(acknowledged(Path(folder)))
    for checkpoints in (False, True):
        with tempfile.TemporaryDirectory() as folder:
            written_ahead(Path(folder), checkpoints)


if __name__ == "__main__":
    main()
