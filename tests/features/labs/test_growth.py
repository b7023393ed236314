"""Twice the hosts and labs are twice the work: counted in steps of the interpreter and queries, not in seconds."""

from __future__ import annotations

import sys
from collections.abc import Callable
from types import FrameType
from typing import Any

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.bot.events import Event, Tick
from trainbot.core.messages import Incoming
from trainbot.model.host import Domain, HostReport, HostUp

SOME = 32  # hosts
LABS = 4  # on each


def reports(stage: Stage, run: str = "1") -> list[Event]:
    """Of all hosts; with another ``run`` every lab has been rebooted from inside."""
    return [
        HostUp(
            HostReport(
                name,
                tuple(Domain(d.id, d.name, d.state, d.endpoint, run, d.disk) for d in domains.values()),
                65536,
                32768,
                8,
                "xen",
                500_000,
                200_000,
            )
        )
        for name, domains in stage.hosts.items()
    ]


def steps(stage: Stage, work: Callable[[], object]) -> int:
    """How many instructions of Python ``work`` takes, and a thousand for each statement of SQL."""
    count = 0

    def local(_frame: FrameType, event: str, _argument: Any) -> Any:
        nonlocal count
        count += event == "opcode"
        return local

    def called(frame: FrameType, _event: str, _argument: Any) -> Any:
        frame.f_trace_opcodes, frame.f_trace_lines = True, False
        return local

    def said(_statement: str) -> None:
        nonlocal count
        count += 1000

    database: Any = stage.store.connection.connection.dbapi_connection
    before = sys.gettrace()
    database.set_trace_callback(said)
    sys.settrace(called)
    try:
        work()
    finally:
        sys.settrace(before)
        database.set_trace_callback(None)
    return count


def said(text: str) -> Callable[[Stage], object]:
    return lambda stage: stage.turn(Incoming(stage.net.people["olga"], CHANNEL, text, stage.now))


def listed(stage: Stage) -> object:
    with stage.store.transaction():
        return stage.wiring.labs.overview.labs_value(stage.now)


WORK: dict[str, Callable[[Stage], object]] = {
    "!hosts": said("!hosts"),
    "!lab capacity": said("!lab capacity"),
    "!labs": said("!labs"),
    "trainbot lab list": listed,
    "all reports": lambda stage: stage.turn(*reports(stage)),
    "all reports, where every lab was rebooted": lambda stage: stage.turn(*reports(stage, "2")),
    "a tick": lambda stage: stage.turn(Tick()),
}


@pytest.mark.parametrize("work", WORK)
def test_twice_the_hosts_are_twice_the_work(stages: Callable[..., Stage], work: str) -> None:
    """Each is done once before, so that only what depends on their number is counted."""
    took = []
    for hosts in (SOME, 2 * SOME):
        stage = stages(labs=2 * LABS, hosts=[f"xen{n}" for n in range(hosts)])
        stage.crowd(hosts * LABS)
        stage.turn(*reports(stage))
        stage.turn(Tick())
        WORK[work](stage)
        stage.turn(*reports(stage))
        with stage.store.transaction():
            stage.store.labs.change({"host": "xen0"}, tries=0)  # what was read has to be read again
        took.append(steps(stage, lambda stage=stage: WORK[work](stage)))
    assert took[1] <= 2.3 * took[0]
