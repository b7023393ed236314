"""How many labs fit, and what a host's loss costs: tables, and whatever hosts there are."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.features.labs.capacity import capacity, room, with_one_less
from trainbot.features.labs.placement import HostRoom, Need, choose_host
from trainbot.features.labs.trial_placement import TrialPlacement
from trainbot.model.host import Mode
from trainbot.model.lab import Lab, LabState

NOW = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)
SMALL, LARGE = Need(256), Need(1024)


def lab(id: str, host: str, state: LabState = LabState.READY, image: str = "debian") -> Lab:
    return Lab(id, id, image, Mode.ENFORCING, host, state, 0, "", 0, 0, "", NOW, NOW)


def test_fifteen_on_each_of_two_hosts() -> None:
    """What failed in 2007: thirty seats, all taken, and one host dies."""
    hosts = [HostRoom("xen1", True, 15, 15, 0), HostRoom("xen2", True, 15, 15, 0)]
    labs = [lab(f"{host}-{n}", host) for host in ("xen1", "xen2") for n in range(15)]
    found = capacity(hosts, labs, {lab.id for lab in labs}, {"debian": SMALL})
    assert (found.total, found.taken, found.pool, found.free, found.survive) == (30, 30, 0, 0, 15)
    assert (found.worst, found.without_lab) == ("xen1", 15)


def test_the_summary_of_the_brief() -> None:
    """Half of the seats taken: a host may die, and everybody has a place."""
    hosts = [HostRoom("xen1", True, 15, 9, 8192), HostRoom("xen2", True, 15, 8, 8192)]
    labs = [lab(f"a{n}", "xen1") for n in range(9)] + [lab(f"b{n}", "xen2") for n in range(8)]
    leased = {lab.id for lab in labs} - {"a0", "b0", "b1"}
    found = capacity(hosts, labs, leased, {"debian": SMALL})
    assert (found.total, found.taken, found.pool, found.free, found.survive) == (30, 14, 3, 13, 15)
    assert (found.worst, found.without_lab) == ("", 0)
    assert found.more == {"debian": {"xen1": 6, "xen2": 7}}


ROOMS = [
    ([HostRoom("a", True, 15, 0, 1024)], SMALL, {"a": 4}),  # memory is short before seats are
    ([HostRoom("a", True, 2, 0, 8192)], SMALL, {"a": 2}),
    ([HostRoom("a", True, 15, 0, 1024, coming_mib=512)], SMALL, {"a": 2}),
    ([HostRoom("a", False, 15, 0, 8192), HostRoom("b", True, 15, 0, 8192, drained=True)], SMALL, {"a": 0, "b": 0}),
    ([HostRoom("a", True, 15, 0, 8192, disk_free_mib=2500)], Need(256, 1024), {"a": 2}),
    (
        [
            HostRoom("a", True, 15, 0, 8192, images=frozenset({"d-1"})),
            HostRoom("b", True, 3, 0, 8192, images=frozenset()),
        ],
        Need(1024, 0, "d-1"),
        {"a": 8, "b": 0},
    ),
    ([], SMALL, {}),
]


@pytest.mark.parametrize(("hosts", "need", "more"), ROOMS)
def test_room(hosts: list[HostRoom], need: Need, more: dict[str, int]) -> None:
    """Seats, memory, disk, a copy of the image, up and not drained: what is short decides."""
    assert room(hosts, need) == more


def test_pool_members_make_room_for_people() -> None:
    """A host full of free labs is where the people of the other go."""
    hosts = [HostRoom("xen1", True, 3, 3, 0), HostRoom("xen2", True, 3, 3, 0)]
    labs = [lab(f"a{n}", "xen1") for n in range(3)] + [lab(f"b{n}", "xen2", image="centos") for n in range(3)]
    needs = {"debian": SMALL, "centos": SMALL}
    assert capacity(hosts, labs, {"a0", "a1", "a2"}, needs).without_lab == 0
    assert capacity(hosts, labs, {"a0", "a1", "a2", "b0"}, needs).without_lab == 1
    assert capacity(hosts, labs, {"a0"}, {"debian": LARGE, "centos": SMALL}).without_lab == 1  # 768 MiB are no 1024


hosts_of = st.lists(
    st.builds(
        HostRoom,
        st.text("abcdef", min_size=1, max_size=2),
        st.booleans(),
        st.integers(1, 20),
        st.integers(0, 20),
        st.integers(0, 8192),
        drained=st.booleans(),
    ),
    max_size=5,
    unique_by=lambda host: host.host,
)


@given(hosts=hosts_of, data=st.data())
def test_the_numbers_hold_together(hosts: list[HostRoom], data: st.DataObject) -> None:
    """They add up; what is said to fit fits, and not one more; no host's loss leaves fewer seats than is said."""
    labs = [lab(f"{host.host}{n}", host.host) for host in hosts for n in range(host.used)]
    leased = {lab.id for lab in labs if data.draw(st.booleans())}
    needs = {"debian": SMALL, "centos": LARGE}
    found = capacity(hosts, labs, leased, needs)
    assert found.total == found.taken + found.pool + found.free and min(found.taken, found.pool, found.free) >= 0
    assert 0 <= found.survive <= found.total
    assert found.without_lab <= len(leased)
    for image, need in needs.items():
        number = sum(found.more[image].values())
        assert TrialPlacement(host for host in hosts if host.up).without_lab([need] * (number + 1)) == 1
    assert found.free <= sum(found.more["debian"].values())


@given(
    seats=st.builds(HostRoom, st.just("a"), st.just(True), st.integers(1, 9), st.integers(0, 8), st.integers(0, 4096))
)
def test_one_less_makes_room_for_one(seats: HostRoom) -> None:
    """Where a lab fits and goes again, the host is as it was for placement."""
    assert choose_host([with_one_less(seats.with_one_more(LARGE), LARGE)], LARGE) == choose_host([seats], LARGE)


def one_by_one(hosts: Iterable[HostRoom], needs: Iterable[Need]) -> tuple[dict[str, int], int]:
    """(labs that each host gets, labs without a place) if the bot made these labs now."""
    rooms = {host.host: host for host in hosts}
    more, without = dict.fromkeys(rooms, 0), 0
    for need in needs:
        name = choose_host(rooms.values(), need)
        if name is None:
            without += 1
        else:
            more[name] += 1
            rooms[name] = rooms[name].with_one_more(need)
    return more, without


NEEDS = st.sampled_from([SMALL, LARGE, Need(700, 900, "v1"), Need(0, 300)])
FULL_HOSTS = st.lists(
    st.builds(
        HostRoom,
        st.text("abcdef", min_size=1, max_size=2),
        st.booleans(),
        st.integers(1, 6),
        st.integers(0, 7),
        st.integers(0, 4096),
        coming_mib=st.integers(0, 512),
        drained=st.booleans(),
        disk_free_mib=st.none() | st.integers(-100, 4096),
        promised_disk_mib=st.integers(0, 500),
        images=st.none() | st.just(frozenset({"v1"})),
    ),
    max_size=5,
    unique_by=lambda host: host.host,
)


@given(FULL_HOSTS, NEEDS)
def test_what_fits_is_what_would_be_made(hosts: list[HostRoom], need: Need) -> None:
    """Counted at once, or placed one by one."""
    assert room(hosts, need) == one_by_one(hosts, [need] * 60)[0]


@given(FULL_HOSTS, st.lists(st.lists(NEEDS, max_size=12), min_size=1, max_size=3), st.data())
def test_a_trial_is_what_would_happen(hosts: list[HostRoom], trials: list[list[Need]], data: st.DataObject) -> None:
    """Whichever host is lost; and one trial leaves nothing behind for the next."""
    placement = TrialPlacement(hosts)
    for needs in trials:
        lost = data.draw(st.sampled_from(["", *(host.host for host in hosts)]))
        others = [host for host in hosts if host.host != lost]
        assert placement.without_lab(needs, lost) == one_by_one(others, needs)[1]


def test_twice_the_hosts_are_twice_the_work(monkeypatch: pytest.MonkeyPatch) -> None:
    """Labs that fit, and the loss of each host."""
    looked: list[str] = []
    holds = HostRoom.holds
    monkeypatch.setattr(HostRoom, "holds", lambda host, need: looked.append(host.host) or holds(host, need))

    def work(number: int) -> int:
        looked.clear()
        hosts = [HostRoom(f"xen{n}", True, 6, 4, 1024) for n in range(number)]
        labs = [lab(f"{n}-{k}", f"xen{n}", image="debian" if k else "centos") for n in range(number) for k in range(4)]
        found = capacity(hosts, labs, {lab.id for lab in labs}, {"debian": SMALL, "centos": LARGE})
        assert found.free == number and found.worst == ""
        return len(looked)

    assert work(64) <= 2.3 * work(32)
