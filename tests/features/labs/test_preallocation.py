"""How many labs are made ahead of a class, whose turn it is, and whether it is a go: pure."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.features.labs.early_handout import released
from trainbot.features.labs.host_view import HostView
from trainbot.features.labs.placement import HostRoom, Need
from trainbot.features.labs.preallocation import MOST_LEAD, UNCLAIMED, PlannedSession, opens_at, planned, wanted
from trainbot.features.labs.readiness import SessionReadiness, faults, readiness_of, rest_of, verdict
from trainbot.model.class_run import ClassRun
from trainbot.model.config import LabsConfig
from trainbot.model.host import HostConfig, Mode
from trainbot.model.lab import Lab, LabState, Lease
from trainbot.model.session import Session
from trainbot.model.session_rows import SignUp

START = datetime(2026, 11, 27, 10, 0, tzinfo=UTC)
CONFIG = LabsConfig()
E, P = Mode.ENFORCING, Mode.PERMISSIVE


def minutes(number: float) -> timedelta:
    return timedelta(minutes=number)


def a_class(
    number: int, image: str = "debian", mode: Mode = E, start: datetime = START, first: int = 0, name: str = "a"
) -> PlannedSession:
    return PlannedSession(
        name,
        "SE Linux",
        start,
        "UTC",
        120,
        start,
        start + UNCLAIMED,
        start + minutes(150),
        mode,
        tuple((person, image) for person in range(first, first + number)),
    )


def a_lease(person: int, image: str = "debian", lab: str | None = None) -> Lease:
    return Lease(person + 1, person, image, E, lab, None, "", START, START, None, None, "")


def a_lab(
    name: str, host: str = "xen1", state: LabState = LabState.READY, image: str = "debian", fault: str = ""
) -> Lab:
    return Lab(name, name, image, E, host, state, 0, "", 0, 0, fault, START, START)


def count(
    now: datetime,
    *sessions: PlannedSession,
    leases: tuple[Lease, ...] = (),
    config: LabsConfig = CONFIG,
    spare: int = 0,
    boot: float = 30,
    at_once: int = 4,
) -> dict[tuple[str, Mode], int]:
    return wanted(now, sessions, leases, config, {("debian", E): spare}, lambda _image: boot, at_once)


# -- how many ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("before", "number"), [(41, 0), (40, 30), (0, 30), (-29, 30), (-30, 0), (-200, 0)])
def test_when(before: float, number: int) -> None:
    """From ``lead`` before the start until nobody is waited for any more."""
    assert count(START - minutes(before), a_class(30)) == {("debian", E): number}


@pytest.mark.parametrize(
    ("share", "signups", "number"),
    [(100, 30, 30), (70, 30, 21), (70, 9, 7), (70, 1, 1), (0, 30, 0), (120, 30, 36), (33, 100, 33)],
)
def test_share(share: int, signups: int, number: int) -> None:
    """Percent of the sign-ups, rounded up."""
    assert count(START, a_class(signups), config=replace(CONFIG, share=share))["debian", E] == number


def test_more_than_lead_where_making_takes_longer() -> None:
    """A hundred labs of 90 s on one host that makes two at a time: begun so that all are there when they are handed
    out, with half as much again; never half a day before."""
    slow = opens_at(a_class(100), CONFIG, lambda _image: 90.0, 2)
    assert START - slow == CONFIG.early + timedelta(seconds=1.5 * 100 * 90 / 2)
    assert opens_at(a_class(30), CONFIG, lambda _image: 30.0, 4) == START - CONFIG.lead
    assert opens_at(a_class(100), CONFIG, lambda _image: 90.0, 0) == START - CONFIG.lead, (
        "no host: nothing to reckon with"
    )
    assert opens_at(a_class(5000), CONFIG, lambda _image: 300.0, 1) == START - MOST_LEAD


def test_who_has_one_needs_none() -> None:
    """Labs that sign-ups have already are not made again; those of other people and other images do not count."""
    there = (a_lease(0), a_lease(1), a_lease(2, "centos"), a_lease(77))
    assert count(START, a_class(5), leases=there)["debian", E] == 3
    many = tuple(a_lease(person) for person in range(5))
    assert count(START, a_class(5), leases=many, config=replace(CONFIG, share=50))["debian", E] == 0


def test_spare_is_the_least() -> None:
    """It is kept at any time, and not put on top of what a class needs."""
    assert count(START, spare=2) == {("debian", E): 2}
    assert count(START, a_class(1), spare=2) == {("debian", E): 2}
    assert count(START, a_class(5), spare=2) == {("debian", E): 5}


def test_sessions_add_up() -> None:
    """Two at once need both; kinds are counted apart."""
    evening = a_class(4, start=START + minutes(30), first=50, name="b")
    lenient = a_class(3, "centos", P, first=90, name="c")
    assert count(START, a_class(5), evening, lenient) == {("debian", E): 9, ("centos", P): 3}


planned_classes = st.builds(
    lambda number, image, mode, offset, first: a_class(number, image, mode, START + minutes(offset), first),
    st.integers(1, 40),
    st.sampled_from(("debian", "centos")),
    st.sampled_from((E, P)),
    st.integers(-300, 300),
    st.integers(0, 60),
)


@given(
    sessions=st.lists(planned_classes, max_size=4),
    held=st.sets(st.integers(0, 100)),
    share=st.integers(0, 100),
    spare=st.integers(0, 5),
    offset=st.integers(-400, 400),
    at_once=st.integers(0, 20),
)
def test_bounds(
    sessions: list[PlannedSession], held: set[int], share: int, spare: int, offset: int, at_once: int
) -> None:
    """Never negative, never below spare, never more than all sign-ups of that kind and spare."""
    leases = tuple(a_lease(person) for person in held)
    found = count(
        START + minutes(offset),
        *sessions,
        leases=leases,
        config=replace(CONFIG, share=share),
        spare=spare,
        at_once=at_once,
    )
    assert found["debian", E] >= spare
    for (image, mode), number in found.items():
        most = sum(len(session.seats) for session in sessions if session.mode is mode and session.seats[0][1] == image)
        assert 0 <= number <= max(most, spare if (image, mode) == ("debian", E) else 0)


@given(
    number=st.integers(0, 60),
    more=st.integers(0, 20),
    held=st.integers(0, 60),
    share=st.integers(0, 200),
    offset=st.integers(-200, 60),
)
def test_more_sign_ups_never_mean_fewer_labs(number: int, more: int, held: int, share: int, offset: int) -> None:
    """Whoever signs up besides and has no lab yet adds to what is wanted, or leaves it as it is."""
    leases = tuple(a_lease(person) for person in range(min(held, number)))
    config, now = replace(CONFIG, share=share), START + minutes(offset)
    few = count(now, a_class(number), leases=leases, config=config)
    many = count(now, a_class(number + more), leases=leases, config=config)
    assert many.get(("debian", E), 0) >= few.get(("debian", E), 0)


# -- the class itself ----------------------------------------------------------------------------


def a_run(started: float, ended: float | None) -> ClassRun:
    return ClassRun(
        1,
        "#class",
        "a",
        "selinux",
        "SE Linux",
        1,
        "russell",
        0,
        3,
        START,
        "",
        START + minutes(started),
        None if ended is None else START + minutes(ended),
    )


def of_runs(*runs: ClassRun) -> tuple[float, float, float | None]:
    """(begins, late, closes) in minutes after the start; None for a class that goes on."""
    session = Session.of(
        uid="a", title="SE Linux", start=START, zone="UTC", local=START.replace(tzinfo=None), minutes=120
    )
    found = planned(session, [SignUp("a", 1, "debian", START), SignUp("a", 2, "", START)], runs, E, minutes(30))
    assert found.seats == ((1, "debian"),)
    closes = None if found.closes_at.year == 9999 else (found.closes_at - START) / minutes(1)
    return (found.begins - START) / minutes(1), (found.late_at - START) / minutes(1), closes


def test_what_a_class_makes_of_a_session() -> None:
    """Never begun: by its length.  Begun early: from then on, but nobody is late before the time that was told.  Going on:
    open.  Ended: the time of grace.  A try before the time that ended before it changes nothing."""
    assert of_runs() == (0, 30, 150)
    assert of_runs(a_run(-60, None)) == (-60, 30, None)
    assert of_runs(a_run(20, None)) == (0, 50, None)
    assert of_runs(a_run(-5, 70)) == (-5, 30, 100)
    assert of_runs(a_run(-50, -20)) == (0, 30, 150)
    assert of_runs(a_run(1, 2), a_run(3, None)) == (0, 33, None)


# -- whose turn it is ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("number", "before", "turn"),
    [
        (5, 20.1, 0),
        (5, 20, 1),
        (5, 19.1, 1),
        (5, 19, 2),
        (5, 16, 5),
        (5, 0, 5),
        (30, 20, 1),
        (30, 10, 21),
        (30, 5.5, 30),
        (200, 12.5, 101),
        (200, 5, 200),
        (0, 5, 0),
    ],
)
def test_released(number: int, before: float, turn: int) -> None:
    """One a minute; where there are too many for that, spread so that the last has it five minutes before."""
    assert released(START - minutes(before), START, CONFIG.early, number) == turn


@given(number=st.integers(0, 300), early=st.integers(0, 90), one=st.integers(0, 6000), other=st.integers(0, 6000))
def test_released_goes_one_way(number: int, early: int, one: int, other: int) -> None:
    """Never fewer as time goes on, none before its time, all at the start."""
    sooner, later = (START - timedelta(seconds=s) for s in (max(one, other), min(one, other)))
    first, second = (released(now, START, minutes(early), number) for now in (sooner, later))
    assert 0 <= first <= second <= number
    assert released(START, START, minutes(early), number) == number
    assert released(START - minutes(early) - timedelta(seconds=1), START, minutes(early), number) == 0


# -- go or no-go -----------------------------------------------------------------------------------


def test_standings() -> None:
    """Labs that people have count where they are up; free ones for one session only, the earliest first."""
    labs = [
        a_lab("l1"),
        a_lab("l2", "xen2"),
        a_lab("l3", "xen3"),
        a_lab("l4", state=LabState.BOOTING),
        a_lab("l5", "xen2"),
        a_lab("l6", state=LabState.ENDING),
        a_lab("l7", image="centos"),
        a_lab("l8", state=LabState.REBOOTING),
    ]
    leases = [a_lease(0, lab="l1"), a_lease(1, lab="l3"), a_lease(2, lab="l4"), a_lease(3, lab="l8")]
    found = readiness_of([a_class(5), a_class(3, first=20, name="b")], 100, labs, leases, {"xen1", "xen2"})
    assert found["a"].needed == {"debian": 5} and found["a"].on_hosts == {"xen1": 2, "xen2": 2}
    assert found["a"].missing == {"debian": 1} and not found["a"].go
    assert found["b"].missing == {"debian": 3}, "the free ones count for the earlier session"


def test_those_who_came_beyond_the_share() -> None:
    """Two of three were made ahead, and all three have one: three of three."""
    labs, leases = [a_lab(f"l{n}") for n in range(3)], [a_lease(n, lab=f"l{n}") for n in range(3)]
    found = readiness_of([a_class(3)], 60, labs, leases, {"xen1"})["a"]
    assert found.needed == {"debian": 3} and found.go


@pytest.mark.parametrize(
    ("ready", "said", "rest", "line"),
    [
        (
            {"xen1": 15, "xen2": 15},
            (),
            None,
            "go: 30 of 30 labs for SE Linux at 10:00 UTC are ready, on 2 hosts; losing one would leave at least 15",
        ),
        (
            {"xen1": 20, "xen2": 10},
            (),
            None,
            "go: 30 of 30 labs for SE Linux at 10:00 UTC are ready, on 2 hosts; losing one would leave at least 10",
        ),
        (
            {"xen1": 30},
            (),
            None,
            "go: 30 of 30 labs for SE Linux at 10:00 UTC are ready, all on one host (xen1): losing it would leave none",
        ),
        (
            {"xen1": 12},
            ("xen2 does not answer: no route", "xen3 has no copy of debian"),
            minutes(14),
            "no-go: 12 of 30 labs for SE Linux at 10:00 UTC are ready (xen2 does not answer: no route; xen3 has no copy of "
            "debian); the rest should be ready in 14 min; organisers can see more with !hosts",
        ),
        (
            {},
            (),
            None,
            "no-go: 0 of 30 labs for SE Linux at 10:00 UTC are ready; I can't say when the rest will be; "
            "organisers can see more with !hosts",
        ),
    ],
)
def test_verdict(ready: dict[str, int], said: tuple[str, ...], rest: timedelta | None, line: str) -> None:
    """One line with all that a presenter needs."""
    assert verdict("SE Linux", "10:00 UTC", SessionReadiness({"debian": 30}, {"debian": ready}), said, rest) == line


def host(name: str, **more: object) -> HostRoom:
    return replace(HostRoom(name, True, 15, 0, 16384, images=frozenset({"v1"})), **more)


def test_faults() -> None:
    """Each host that is no help is named with the reason; what hosts said of labs they could not make is cut short."""
    seats = [
        host("xen1"),
        host("xen2", up=False),
        host("xen3", images=frozenset()),
        host("xen4", drained=True),
        host("xen5", backoff=frozenset({"v1"})),
    ]
    views = {seat.host: HostView(HostConfig(seat.host, "xen:///")) for seat in seats}
    views["xen2"].trouble = "x" * 200
    labs = [a_lab("l1", state=LabState.MAKING, fault="no space left")]
    assert faults({"debian": 3, "suse": 1}, {"debian": Need(384, 0, "v1")}, views, seats, labs) == [
        "there is no suse image here",
        f"xen2 does not answer: {'x' * 79}…",
        "xen4 is drained",
        "xen3 has no copy of debian",
        "debian does not boot on xen5",
        "xen1 says: no space left",
    ]


@pytest.mark.parametrize(
    ("seats", "missing", "coming", "rest", "homeless"),
    [
        ([host("xen1")], 4, 0, timedelta(seconds=60), 0),
        ([host("xen1"), host("xen2")], 4, 0, timedelta(seconds=30), 0),
        ([host("xen1", used=13)], 4, 2, timedelta(seconds=60), 0),
        ([host("xen1", used=13)], 4, 0, None, 2),
        ([host("xen1", up=False)], 4, 0, None, 0),
        ([host("xen1", images=frozenset())], 4, 0, None, 0),
    ],
)
def test_rest_of(seats: list[HostRoom], missing: int, coming: int, rest: timedelta | None, homeless: int) -> None:
    """How long it takes by what hosts make at a time; no promise where some find no room, or nobody makes them."""
    under_way = {"debian": [0.0] * coming}
    found = rest_of({"debian": missing}, under_way, {"debian": Need(384, 0, "v1")}, seats, lambda _image: 30.0)
    assert found == (rest, homeless)
