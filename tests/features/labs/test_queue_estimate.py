"""Estimates for those who wait: only what can come true."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.stage import START, Stage
from trainbot.features.labs.placement import HostRoom, Need
from trainbot.features.labs.queue_estimate import Estimate, Prospect, estimate
from trainbot.model.host import HostLost, Mode
from trainbot.model.lab import Lab, LabState, Lease


def lab(id: str, host: str = "xen1", state: LabState = LabState.READY, image: str = "debian") -> Lab:
    return Lab(id, id, image, Mode.ENFORCING, host, state, 0, "", 0, 0, "", START, START)


def lease(id: int, lab_id: str | None = None, hours: float = 4, image: str = "debian") -> Lease:
    return Lease(id, id, image, Mode.ENFORCING, lab_id, None, "", START, START + timedelta(hours=hours), None, None, "")


NEEDS = {"debian": Need(256), "centos": Need(1024)}
FULL = HostRoom("xen1", True, 2, 2, 0)
TAKEN = [lease(1, "a", 3), lease(2, "b", 2)]
LABS = [lab("a"), lab("b")]


def said(
    waiting: Lease,
    *preallocation: Lease,
    leases: list[Lease] = TAKEN,
    labs: list[Lab] = LABS,
    hosts: tuple[HostRoom, ...] = (FULL,),
    held: tuple[int, ...] = (),
) -> Estimate:
    return estimate(
        waiting,
        preallocation,
        [*leases, *preallocation, waiting],
        labs,
        hosts,
        NEEDS,
        lambda other: None if other.id in held else other.expires_at,
    )


def at(hours: float) -> Estimate:
    return Estimate(Prospect.THEN, START + timedelta(hours=hours))


def test_the_first_end_is_for_the_first_in_line() -> None:
    """Each in the line waits for one end more; whoever is beyond them for somebody who gives theirs back."""
    first, second, third = lease(3), lease(4), lease(5)
    assert said(first) == at(2)
    assert said(second, first) == at(3)
    assert said(third, first, second) == Estimate(Prospect.RETURN)


def test_a_class_holds() -> None:
    """A held lease has no end that anybody could name."""
    assert said(lease(3), held=(2,)) == at(3)
    assert said(lease(3), held=(1, 2)) == Estimate(Prospect.RETURN)


def test_room_that_is_being_made() -> None:
    """A lab on its way out, or one of the pool of another kind, is no matter of hours."""
    assert said(lease(3), leases=TAKEN[:1], labs=[lab("a"), lab("b", state=LabState.ENDING)]) == Estimate(Prospect.NOW)
    assert said(lease(3), leases=TAKEN[:1], labs=[lab("a"), lab("b", image="centos")]) == Estimate(Prospect.NOW)


def test_an_end_that_does_not_help() -> None:
    """Two small labs have to go before a large one fits; a host that is silent or emptied helps nobody."""
    four = [lease(n, f"l{n}", n) for n in range(1, 6)]
    labs = [lab(f"l{n}") for n in range(1, 6)]
    host = HostRoom("xen1", True, 9, 5, 0)
    assert said(lease(9, image="centos"), leases=four, labs=labs, hosts=(host,)) == at(4)
    assert said(lease(9, image="centos"), leases=four[:3], labs=labs[:3], hosts=(host,)) == Estimate(Prospect.NONE)
    for useless in (replace(FULL, up=False), replace(FULL, drained=True)):
        assert said(lease(3), hosts=(useless,)) == Estimate(Prospect.NONE)
    assert said(lease(3, image="unknown")) == Estimate(Prospect.NONE)


def test_whoever_is_ahead_with_another_image_takes_room_too() -> None:
    """The line is one where the room is one."""
    roomy = HostRoom("xen1", True, 2, 2, 2000)
    assert said(lease(4), lease(3, image="centos"), hosts=(roomy,)) == at(3)


@given(st.data())
def test_never_a_time_that_cannot_be(data: st.DataObject) -> None:
    """A time that is said is the end of a lease that no class holds, and who is ahead hears none later."""
    count = data.draw(st.integers(0, 6))
    free = st.sampled_from([0, 256, 2048])
    hosts = tuple(HostRoom(name, data.draw(st.booleans()), 4, 4, data.draw(free)) for name in ("x", "y"))
    labs = [
        lab(f"l{n}", data.draw(st.sampled_from("xy")), data.draw(st.sampled_from([LabState.READY, LabState.ENDING])))
        for n in range(count)
    ]
    leases = [lease(n, f"l{n}", data.draw(st.integers(1, 9))) for n in range(count) if data.draw(st.booleans())]
    held = tuple(other.id for other in leases if data.draw(st.booleans()))
    line = [lease(20 + n) for n in range(3)]
    found = [said(line[n], *line[:n], leases=leases, labs=labs, hosts=hosts, held=held) for n in range(3)]
    order = (Prospect.NOW, Prospect.THEN, Prospect.RETURN, Prospect.NONE)
    assert [order.index(one.prospect) for one in found] == sorted(order.index(one.prospect) for one in found)
    times: list[datetime] = [one.at for one in found if one.at is not None]
    assert times == sorted(times)
    assert set(times) <= {other.expires_at for other in leases if other.id not in held}


# -- as people hear it ---------------------------------------------------------------------------------


@pytest.fixture
def full(stages: object) -> Stage:
    """One seat, and alice has it."""
    stage = stages(labs=1)  # type: ignore[operator]
    stage.host_up()
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    return stage


def test_in_a_class_no_time_is_promised(full: Stage) -> None:
    """Whoever comes late to a full class hears what the others' labs wait for."""
    full.talk("russell", "!start")
    assert full.talk("bob", "!lab debian") == [
        "all debian labs are taken. You're number 1 in the queue: you'll get a lab as soon as one is given back (people in the "
        "class keep theirs until 30 min after it). I'll tell you when it is ready"
    ]
    full.talk("russell", "!end")
    full.talk("russell", "!yes")
    assert "you'll likely get a lab in 4 h, when a lease ends" in full.talk("bob", "!lab debian")[0]


def test_no_room_at_all(full: Stage) -> None:
    """A host that is emptied takes nobody: that is said, and no hour."""
    full.talk("olga", "!drain xen1")
    assert full.talk("bob", "!lab debian") == [
        "no host has room for a debian lab right now. You're number 1 in the queue; I'll tell you when your lab is ready"
    ]
    full.happens(HostLost("xen1", "gone"))
    assert full.talk("bob", "!lab")[0].startswith("no lab host answers right now")


def test_the_next_in_line_has_it_at_once(full: Stage) -> None:
    """A lab that is given back: the next in line is told in the turn in which its host is rid of it."""
    full.talk("bob", "!lab debian")
    full.talk("carol", "!lab debian")
    full.talk("alice", "!lab return")
    full.talk("alice", "!yes")
    (destroy,) = full.began
    assert destroy.action == "destroy"
    said = full.hosts_work()
    assert [target for target, _text in said] == ["bob", "bob"]
    assert re.match(r"your debian lab: password \S+ \(it is your turn; ", said[0][1])
    assert said[1][1] == "ssh -p 2222 debian@lab.example.org"
    assert "number 1 in the queue" in full.talk("carol", "!lab")[0]
