"""How long the bot's own decisions take: no network, no hosts, the database on disk with a sync at each commit.

    .venv/bin/python benchmarks/turns.py

Each row is one run on this machine; compare rows of one run, not runs of two machines.
"""

from __future__ import annotations

import logging
import statistics
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

sys.path[:1] = [
    str(Path(__file__).parent.parent),
    str(Path(__file__).parent.parent / "tests"),
]  # not this folder: irc.py here is no library

from tests.stage import CHANNEL, Stage
from trainbot.bot.events import Tick
from trainbot.core.messages import Incoming
from trainbot.model.host import HostReport, HostUp, NodeReport

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


def many_hosts(folder: Path, hosts: int, labs: int, nodes: int = 1) -> list[tuple[str, str]]:
    """What grows with hosts (of so many nodes) and labs: CPU time, best of three."""
    stage = Stage(folder, labs=max(15, 2 * labs // hosts), hosts=[f"xen{n}" for n in range(hosts)])
    stage.crowd(labs)
    on_nodes(stage, nodes)
    parts = tuple(NodeReport(f"n{n}", True, 32768, 0, 65536, 8, 500_000, 200_000) for n in range(nodes) if nodes > 1)
    reports = [
        HostUp(HostReport(name, tuple(domains.values()), 65536, 32768, 8, "xen", 500_000, 200_000, parts=parts))
        for name, domains in stage.hosts.items()
    ]
    stage.turn(Tick())  # as after a start
    first = spent(lambda: stage.turn(*reports))
    lines = {text: Incoming(stage.net.people["olga"], CHANNEL, text, stage.now) for text in ("!hosts", "!lab capacity")}

    def lab_list() -> None:
        with stage.store.transaction():
            stage.wiring.labs.overview.labs_value(stage.now)

    work: dict[str, Callable[[], object]] = {
        "reports of all hosts in one turn": lambda: stage.turn(*reports),
        **{text: (lambda line=line: stage.turn(line)) for text, line in lines.items()},
        "trainbot lab list": lab_list,
        "a tick": lambda: stage.turn(Tick()),
    }
    rows = [("the first reports of all hosts", first)]
    for name, call in work.items():
        call()
        rows.append((name, min(spent(call) for _ in range(3))))
    stage.store.close()
    of = f" of {nodes} nodes" if nodes > 1 else ""
    return [(f"{hosts} hosts{of}, {labs} labs: {name}", f"{seconds * 1000:7.1f} ms CPU") for name, seconds in rows]


def on_nodes(stage: Stage, nodes: int) -> None:
    """The labs of each host spread over so many nodes."""
    for domains in stage.hosts.values() if nodes > 1 else ():
        for number, (id, domain) in enumerate(domains.items()):
            domains[id] = replace(domain, node=f"n{number % nodes}")
            with stage.store.transaction():
                stage.store.labs.change({"id": id}, node=f"n{number % nodes}")


def spent(call: Callable[[], object]) -> float:
    """Seconds of CPU."""
    began = time.thread_time()
    call()
    return time.thread_time() - began


def main() -> None:
    rows: list[tuple[str, str]] = []
    logging.disable()
    for hosts, labs, nodes in (
        (64, 250, 1),
        (64, 1000, 1),
        (128, 500, 1),
        (256, 1000, 1),
        (64, 1000, 4),
        (1, 250, 64),
        (1, 500, 256),
    ):
        with tempfile.TemporaryDirectory() as folder:
            rows += many_hosts(Path(folder), hosts, labs, nodes)
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
        print(f"{what:60} {figure}")


if __name__ == "__main__":
    main()
