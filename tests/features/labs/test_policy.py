"""Placement, hand-out, reconciliation, next actions: pure, by tables and by hypothesis."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from trainbot.features.labs import reconciler
from trainbot.features.labs.placement import HostRoom, Need, choose_host
from trainbot.features.labs.reconciler import (
    ACTIONS,
    NEARNESS,
    LabRequest,
    due_checks,
    excess,
    hand_out,
    next_actions,
    shortage,
    surplus,
)
from trainbot.features.labs.resync import SETTLED, Difference, compare
from trainbot.model.host import Domain, DomainState, HostReport, Mode
from trainbot.model.lab import ALIVE, Lab, LabState, Lease

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)


def lab(id: str = "a", state: LabState = LabState.READY, **more: object) -> Lab:
    return replace(Lab(id, f"tb-{id}", "debian", Mode.ENFORCING, "xen1", state, 0, "", 0, 0, "", NOW, NOW), **more)  # type: ignore[arg-type]


def lease(id: int = 1, lab_id: str | None = None, **more: object) -> Lease:
    values = (
        dict(
            id=id,
            person_id=id,
            image="debian",
            mode=Mode.ENFORCING,
            lab_id=lab_id,
            left_id=None,
            digest="",
            asked_at=NOW,
            expires_at=NOW,
            warned_at=None,
            ended_at=None,
            ended_why="",
            session="",
            offered="",
            rehearsal="",
            worked_in=False,
        )
        | more
    )
    return Lease(**{name: values[name] for name in Lease.__dataclass_fields__})


# -- which host -------------------------------------------------------------------------------------


def test_the_emptiest_host_gets_the_next_lab() -> None:
    """By share of its seats, so that the loss of one host hurts least; ties go to the less busy, then by name."""
    assert choose_host([HostRoom("b", True, 10, 5, 9000), HostRoom("a", True, 4, 1, 9000)], Need(384)) == "a"
    assert (
        choose_host(
            [HostRoom("b", True, 4, 1, 9000, in_making=1), HostRoom("a", True, 4, 1, 500, in_making=2)], Need(384)
        )
        == "b"
    )
    assert choose_host([HostRoom("b", True, 4, 1, 9000), HostRoom("a", True, 4, 1, 9000)], Need(384)) == "a"


def test_no_host_has_room() -> None:
    """Down, full, or short of memory that is not promised to others."""
    assert choose_host([], Need(384)) is None
    assert (
        choose_host(
            [
                HostRoom("a", False, 4, 0, 9000),
                HostRoom("b", True, 4, 4, 9000),
                HostRoom("c", True, 4, 0, 383),
                HostRoom("d", True, 4, 0, 1000, coming_mib=700),
                HostRoom("e", True, 0, 0, 9000),
            ],
            Need(384),
        )
        is None
    )


VERSIONS = st.frozensets(st.sampled_from(["debian-1", "centos-1"]))
SEATS = st.builds(
    HostRoom,
    st.sampled_from("abcdef"),
    st.booleans(),
    st.integers(0, 5),
    st.integers(0, 6),
    st.integers(0, 2000),
    st.integers(0, 2000),
    st.integers(0, 3),
    drained=st.booleans(),
    disk_free_mib=st.none() | st.integers(0, 4000),
    promised_disk_mib=st.integers(0, 4000),
    images=st.none() | VERSIONS,
    backoff=VERSIONS,
)
NEEDS = st.builds(Need, st.integers(64, 1500), st.integers(0, 2000), st.sampled_from(["debian-1", "centos-1"]))


@given(st.lists(SEATS, unique_by=lambda seats: seats.host), NEEDS, st.randoms())
def test_placement_keeps_every_cap(hosts: list[HostRoom], need: Need, random: object) -> None:
    """What is chosen has room; nothing is chosen only where none has; the order of hosts makes no difference."""
    chosen = choose_host(hosts, need)
    assert (chosen is None) == (not any(seats.holds(need) for seats in hosts))
    if chosen is not None:
        found = next(seats for seats in hosts if seats.host == chosen)
        assert found.up and not found.drained and found.used < found.most and need.version not in found.backoff
        assert found.coming_mib + need.memory_mib <= found.free_mib
        assert found.disk_free_mib is None or found.promised_disk_mib + need.disk_mib <= found.disk_free_mib
        assert found.images is None or need.version in found.images
    shuffled = list(hosts)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert choose_host(shuffled, need) == chosen


# -- who gets which lab -------------------------------------------------------------------------------

LABS = st.lists(
    st.builds(
        lab,
        st.sampled_from("abcdefgh"),
        st.sampled_from(sorted(LabState)),
        image=st.sampled_from(["debian", "centos"]),
        mode=st.sampled_from(list(Mode)),
    ),
    unique_by=lambda value: value.id,
    max_size=8,
)
LEASES = st.lists(
    st.builds(
        lease,
        st.integers(1, 9),
        st.sampled_from([None, None, *"abcd"]),
        image=st.sampled_from(["debian", "centos"]),
        mode=st.sampled_from(list(Mode)),
    ),
    unique_by=(lambda value: value.id, lambda value: value.lab_id or value.id),
    max_size=8,
)


KINDS = st.tuples(st.sampled_from(["debian", "centos"]), st.sampled_from(list(Mode)))


def test_the_lab_nearest_to_its_prompt_goes_to_who_asked_first() -> None:
    """Ready before booting before being made; in the order of asking."""
    labs = [lab("m", LabState.MAKING), lab("b", LabState.BOOTING), lab("r", LabState.READY), lab("x", LabState.ENDING)]
    given_out = hand_out([lease(2), lease(1), lease(3), lease(4)], labs)
    assert [(who.id, what.id) for who, what in given_out] == [(1, "r"), (2, "b"), (3, "m")]


def test_free_labs_are_handed_out_evenly() -> None:
    """However old those of one host are: its loss hurts fewest so."""
    labs = [lab(f"old{n}", host="xen1") for n in range(4)]
    labs += [lab(f"new{n}", host="xen2", made_at=NOW + timedelta(minutes=1)) for n in range(3)]
    given_out = hand_out([lease(9, "old3"), *(lease(n) for n in range(1, 6))], labs)
    assert [what.host for _who, what in given_out] == ["xen2", "xen1", "xen2", "xen1", "xen2"]


@given(LEASES, LABS)
def test_nobody_gets_two_and_no_lab_goes_twice(leases: list[Lease], labs: list[Lab]) -> None:
    """Whatever there is: one lab each, of the image and mode that was asked for, never one that is taken."""
    given_out = hand_out(leases, labs)
    assert len({who.id for who, _ in given_out}) == len(given_out) == len({what.id for _, what in given_out})
    taken = {value.lab_id for value in leases if value.lab_id}
    for who, what in given_out:
        assert who.lab_id is None and what.id not in taken and what.state in NEARNESS
        assert (who.image, who.mode) == (what.image, what.mode)
    left = [value for value in leases if value.lab_id is None and value.id not in {who.id for who, _ in given_out}]
    free = [
        value
        for value in labs
        if value.state in NEARNESS and value.id not in taken | {what.id for _, what in given_out}
    ]
    assert not {(who.image, who.mode) for who in left} & {(what.image, what.mode) for what in free}


@given(LEASES, LABS, st.dictionaries(KINDS, st.integers(0, 3)))
def test_what_is_missing(leases: list[Lease], labs: list[Lab], pool: dict[tuple[str, Mode], int]) -> None:
    """As many more as people wait in vain, urgent and first; then what the pools lack; and once made, nothing."""
    wants = shortage(leases, labs, pool)
    assert [want.urgent for want in wants] == sorted((want.urgent for want in wants), reverse=True)
    waiting = [value for value in leases if value.lab_id is None]
    assert sum(want.urgent for want in wants) == len(waiting) - len(hand_out(leases, labs))
    made = [lab(f"new{n}", LabState.MAKING, image=want.image, mode=want.mode) for n, want in enumerate(wants)]
    assert shortage(leases, labs + made, pool) == []


@given(LEASES, LABS, st.dictionaries(KINDS, st.integers(0, 3)), st.sets(st.sampled_from(["xen1", "xen2"])))
def test_what_is_too_much(
    leases: list[Lease], labs: list[Lab], pool: dict[tuple[str, Mode], int], drained: set[str]
) -> None:
    """Only what nobody has goes, and never so that it would have to be made again at once."""
    found = excess(leases, labs, pool, drained)
    if found is not None:
        assert found.id not in {value.lab_id for value in leases} and found.state in NEARNESS
        rest = [value for value in labs if value is not found]
        assert found.host in drained or len(shortage(leases, rest, pool)) == len(shortage(leases, labs, pool))


@given(LEASES, LABS)
def test_room_is_made_by_the_free_only(leases: list[Lease], labs: list[Lab]) -> None:
    """A pool member of another kind may go, never somebody's lab."""
    found = surplus(leases, labs, LabRequest("debian", Mode.ENFORCING, True))
    if found is not None:
        assert found.id not in {value.lab_id for value in leases}
        assert (found.image, found.mode) != ("debian", Mode.ENFORCING) and found.state in NEARNESS


@given(LABS, st.sets(st.sampled_from(["xen1", "xen2"])), st.sets(st.sampled_from("abcd")))
def test_next_actions(labs: list[Lab], up: set[str], busy: set[str]) -> None:
    """One action a lab, by its state alone, on hosts that answer, not while one is under way."""
    actions = next_actions(labs, up, busy, NOW)
    assert [(value.id, action) for value, action in actions] == [
        (value.id, ACTIONS[value.state])
        for value in labs
        if value.state in ACTIONS and value.host in up and value.id not in busy
    ]


def test_a_failed_action_is_tried_again_after_a_pause() -> None:
    """Longer with each failure, up to a minute."""
    failed = lab(state=LabState.MAKING, tries=2)
    assert next_actions([failed], {"xen1"}, set(), NOW + timedelta(seconds=9)) == []
    assert next_actions([failed], {"xen1"}, set(), NOW + timedelta(seconds=10)) != []
    stubborn = replace(failed, state=LabState.ENDING, tries=500)
    assert next_actions([stubborn], {"xen1"}, set(), NOW + timedelta(seconds=60)) == [(stubborn, "destroy")]


def test_a_lab_that_goes_off_again_and_again_is_started_later_each_time() -> None:
    """At once the first time, then after longer and longer pauses."""
    restless = lab(state=LabState.MAKING, stops=1)
    assert next_actions([restless], {"xen1"}, set(), NOW) != []
    restless = replace(restless, stops=4)
    assert next_actions([restless], {"xen1"}, set(), NOW + timedelta(seconds=14)) == []
    assert next_actions([restless], {"xen1"}, set(), NOW + timedelta(seconds=15)) != []


def test_free_labs_are_tried_from_time_to_time() -> None:
    """The one that nobody tried for longest first, few at a time on a host; those in use are their people's."""
    there = {"address": "10.77.0.2", "ssh_port": 22}
    labs = [
        lab(name, checked_at=NOW - timedelta(minutes=minutes), **there)
        for name, minutes in zip("abcd", (1, 3, 4, 5), strict=True)
    ]
    labs += [lab("taken", checked_at=None, **there), lab("nowhere", state_at=NOW - timedelta(hours=1))]
    due = due_checks([lease(1, "taken")], labs, {"xen1"}, set(), timedelta(minutes=2), NOW)
    assert [value.id for value in due] == ["d", "c"]
    assert [value.id for value in due_checks([], labs, {"xen1"}, {"d", "c"}, timedelta(minutes=2), NOW)] == []
    assert due_checks([], labs, set(), set(), timedelta(minutes=2), NOW) == []


def test_every_state_has_its_meaning() -> None:
    """A state is settled, or something is to be done, or it is over."""
    assert set(ACTIONS) | {LabState.READY, LabState.PAUSED, LabState.GONE, LabState.LEFT} >= set(LabState) - {None}
    assert set(NEARNESS) <= ALIVE and SETTLED <= ALIVE | {LabState.LEFT} and reconciler.TRIES > 1


# -- what rows say against what a host has --------------------------------------------------------------


def domain(id: str, state: DomainState = DomainState.RUNNING) -> Domain:
    return Domain(id, f"tb-{id}", state)


def report(*domains: Domain) -> HostReport:
    return HostReport("xen1", domains)


def test_reconciliation_by_table() -> None:
    """Adopt what runs, start what is off, call lost what is not there, clear away what nobody asks for."""
    running, off, gone = lab("a"), lab("b", LabState.BOOTING), lab("c")
    making, ending, over = lab("d", LabState.MAKING), lab("e", LabState.ENDING), lab("f", LabState.ENDING)
    found = compare(
        [running, off, gone, making, ending, over],
        report(domain("a"), domain("b", DomainState.CRASHED), domain("e"), domain("z"), domain("y")),
    )
    assert found == Difference(((running, domain("a")),), (off,), (gone,), (over,), ("y", "z"))


def test_what_is_under_way_is_left_alone() -> None:
    """The action's own end will say what became of it; nor is its domain a stray."""
    assert compare([lab("a"), lab("b")], report(domain("z")), busy=["a", "b", "z"]) == Difference()


DOMAINS = st.lists(
    st.builds(domain, st.sampled_from("abcdefghxyz"), st.sampled_from(list(DomainState))),
    unique_by=lambda value: value.id,
)


@given(LABS, DOMAINS, st.sets(st.sampled_from("abcxyz")))
def test_reconciliation_touches_each_once(labs: list[Lab], domains: list[Domain], busy: set[str]) -> None:
    """No row in two lists, none that is busy, no living lab's domain among the strays, and nothing is forgotten."""
    rows = [value for value in labs if value.state in ALIVE | {LabState.ENDING}]
    found = compare(rows, report(*domains), busy)
    touched = [value.id for value, _ in found.found] + [
        value.id for value in (*found.stopped, *found.missing, *found.finished)
    ]
    assert len(touched) == len(set(touched)) and not set(touched) & busy
    assert set(found.strays) == {value.id for value in domains} - {value.id for value in rows} - busy
    there = {value.id for value in domains}
    assert all(value.id not in there for value in (*found.missing, *found.finished))
    for value in rows:
        if value.state in SETTLED and value.id not in busy:
            assert value.id in touched
