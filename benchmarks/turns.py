"""How long the bot's own decisions take: no network, no hosts, the database on disk with a sync at each commit.

    .venv/bin/python benchmarks/turns.py

Each row is one run on this machine; compare rows of one run, not runs of two machines.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

sys.path[:1] = [
    str(Path(__file__).parent.parent),
    str(Path(__file__).parent.parent / "tests"),
]  # not this folder: irc.py here is no library

from tests.stage import CHANNEL, Stage
from trainbot.bot.events import Tick
from trainbot.core.messages import Incoming

PEOPLE = 200


def prepared(folder: Path, spare: int) -> Stage:
    stage = Stage(folder, labs=PEOPLE + 50, spare=spare)
    for number in range(PEOPLE):
        stage.join(f"p{number}", account=f"p{number}")
    stage.host_up(free=1 << 20)
    stage.hosts_work()
    while spare and sum(len(domains) for domains in stage.hosts.values()) < spare:
        stage.wait(seconds=2)
        stage.hosts_work()
    return stage


def lines(stage: Stage, text: str) -> list[Incoming]:
    return [
        Incoming(stage.net.people[f"p{number}"], CHANNEL, text.format(number), stage.now) for number in range(PEOPLE)
    ]


def took(what: Callable[[], object]) -> float:
    began = time.perf_counter()
    what()
    return time.perf_counter() - began


def one_by_one(stage: Stage, text: str) -> str:
    spent = sorted(took(lambda event=event: stage.turn(event)) * 1000 for event in lines(stage, text))
    return f"p50 {statistics.median(spent):7.2f} ms   p99 {spent[int(len(spent) * 0.99) - 1]:7.2f} ms a turn"


def at_once(stage: Stage, text: str) -> str:
    events = lines(stage, text)
    seconds = took(lambda: stage.turn(*events))
    return f"{seconds * 1000:7.1f} ms for {PEOPLE} in one turn ({PEOPLE / seconds:,.0f}/s)"


def main() -> None:
    rows: list[tuple[str, str]] = []
    with tempfile.TemporaryDirectory() as folder:
        stage = prepared(Path(folder) / "a", spare=PEOPLE)
        rows.append((f"!lab debian, {PEOPLE} ask at once, pool of {PEOPLE}", at_once(stage, "!lab debian")))
        rows.append(("!lab debian again, one by one", one_by_one(stage, "!lab debian")))
        rows.append(("a tick with 200 leases", f"{took(lambda: stage.turn(Tick())) * 1000:7.1f} ms"))
        stage.talk("russell", "!start")
        stage.talk("russell", "!next")
        rows.append(("!ask, one by one", one_by_one(stage, "!ask is this question {}?")))
        rows.append(("!ask, all at once", at_once(stage, "!ask is this again question {}?")))
        rows.append(("!done, all at once", at_once(stage, "!done")))
        rows.append(("ordinary talk, all at once", at_once(stage, "hello number {}")))
        stage.store.close()
    for what, figure in rows:
        print(f"{what:45} {figure}")


if __name__ == "__main__":
    main()
