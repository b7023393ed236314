"""Placement and capacity of hosts of several nodes, against a model that tries everything one by one."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.features.labs.capacity import capacity, room, with_one_less
from trainbot.features.labs.placement import HostRoom, Need, choose_host, choose_machine, elsewhere, host_of_nodes
from trainbot.features.labs.trial_placement import TrialPlacement
from trainbot.model.host import Mode
from trainbot.model.lab import Lab, LabState

NOW = datetime(2026, 11, 30, 8, 0, tzinfo=UTC)
SMALL, LARGE, ON_DISK = Need(256), Need(1024), Need(300, 900, "v1")
NEEDS = {"debian": SMALL, "centos": LARGE}


@dataclass
class Machine:
    """One machine of the model.  ``host``: which machines share a limit."""

    name: str
    host: str
    limit: int
    up: bool
    drained: bool
    labs: int
    free_mib: int
    disk_mib: int | None
    images: frozenset[str] | None

    def takes(self, need: Need, others: Sequence[Machine]) -> bool:
        on_host = sum(each.labs for each in others if each.host == self.host and each.up)
        return (
            self.up
            and not self.drained
            and on_host < self.limit
            and self.free_mib >= need.memory_mib
            and (self.disk_mib is None or self.disk_mib >= need.disk_mib)
            and (self.images is None or need.version in self.images)
        )

    def gets(self, need: Need) -> None:
        self.labs += 1
        self.free_mib -= need.memory_mib
        self.disk_mib = None if self.disk_mib is None else self.disk_mib - need.disk_mib


def machines_of(host: HostRoom) -> list[Machine]:
    return [
        Machine(
            each.host,
            host.host,
            host.most,
            each.up,
            each.drained,
            each.used,
            each.free_mib - each.coming_mib,
            each.disk_left_mib,
            each.images,
        )
        for each in host.machines
    ]


def most_that_fit(hosts: Iterable[HostRoom], need: Need) -> int:
    """One after the other, wherever the model has room."""
    there = [machine for host in hosts for machine in machines_of(host)]
    number = 0
    while found := next((each for each in there if each.takes(need, there)), None):
        found.gets(need)
        number += 1
    return number


@st.composite
def a_host(draw: st.DrawFn, name: str) -> HostRoom:
    most, drained = draw(st.integers(1, 12)), draw(st.booleans()) and draw(st.booleans())
    several = draw(st.integers(0, 4))

    def machine(called: str, closed: bool) -> HostRoom:
        return HostRoom(
            called,
            draw(st.integers(0, 4)) > 0,
            most,
            draw(st.integers(0, 5)),
            draw(st.integers(0, 3000)),
            coming_mib=draw(st.integers(0, 300)),
            in_making=draw(st.integers(0, 2)),
            drained=closed or draw(st.integers(0, 5)) == 0,
            disk_free_mib=draw(st.none() | st.integers(-100, 3000)),
            promised_disk_mib=draw(st.integers(0, 300)),
            images=draw(st.none() | st.just(frozenset({"v1"}))),
        )

    if not several:
        return machine(name, drained)
    whole = HostRoom(name, True, most, 0, 0, drained=drained)
    return host_of_nodes(whole, [machine(f"{name}/n{n}", drained) for n in range(several)])


HOSTS = st.integers(1, 3).flatmap(lambda number: st.tuples(*(a_host(f"h{n}") for n in range(number))))
NEED = st.sampled_from([SMALL, LARGE, ON_DISK])


def one_by_one(hosts: Iterable[HostRoom], needs: Iterable[Need]) -> int:
    """How many find no place if the bot made these labs now, each where ``choose_machine`` says."""
    rooms, without = {host.host: host for host in hosts}, 0
    for need in needs:
        name = choose_host(rooms.values(), need)
        if name is None:
            without += 1
        else:
            rooms[name] = rooms[name].with_one_more(need)
    return without


@given(HOSTS, NEED)
def test_a_lab_goes_where_there_is_room(hosts: tuple[HostRoom, ...], need: Need) -> None:
    """To a machine that takes it, if any does; on a host of nodes to the one with the fewest labs."""
    there = [machine for host in hosts for machine in machines_of(host)]
    place = choose_machine(hosts, need)
    takes = {each.name for each in there if each.takes(need, there)}
    assert (place is None) == (not takes)
    if place is not None:
        chosen = next(each for each in there if each.name == place)
        assert place in takes
        assert chosen.labs == min(each.labs for each in there if each.host == chosen.host and each.name in takes)


@given(HOSTS, NEED)
def test_one_more_is_on_that_machine(hosts: tuple[HostRoom, ...], need: Need) -> None:
    """Nothing changes on any other, and when it goes again all is as it was for placement."""
    name, place = choose_host(hosts, need), choose_machine(hosts, need)
    if name is None or place is None:
        return
    before = next(host for host in hosts if host.host == name)
    after = before.with_one_more(need)
    grown = {new.host: new.used - old.used for old, new in zip(before.machines, after.machines, strict=True)}
    assert grown == {machine.host: int(machine.host == place) for machine in before.machines}
    assert after.used == before.used + 1
    again = with_one_less(after, need, machine=place)
    assert again.used == before.used and again.fits(need) == before.fits(need)


@given(HOSTS, NEED)
def test_what_fits(hosts: tuple[HostRoom, ...], need: Need) -> None:
    """As many as the model finds room for, host by host."""
    assert room(hosts, need) == {host.host: most_that_fit([host], need) for host in hosts}


@given(HOSTS, st.lists(st.lists(NEED, max_size=10), min_size=1, max_size=3), st.data())
def test_a_trial_is_what_would_happen(
    hosts: tuple[HostRoom, ...], trials: list[list[Need]], data: st.DataObject
) -> None:
    """Whichever host or node is lost; and one trial leaves nothing behind for the next."""
    placement = TrialPlacement(hosts)
    names = ["", *(machine.host for host in hosts for machine in host.machines)]
    for needs in trials:
        lost = data.draw(st.sampled_from(names))
        assert placement.without_lab(needs, lost) == one_by_one(elsewhere(hosts, lost), needs)


def lab(id: str, place: str, image: str) -> Lab:
    host, _, node = place.partition("/")
    return Lab(id, id, image, Mode.ENFORCING, host, LabState.READY, 0, "", 0, 0, "", NOW, NOW, node=node)


@settings(max_examples=150)
@given(HOSTS, st.data())
def test_capacity_is_what_the_model_says(hosts: tuple[HostRoom, ...], data: st.DataObject) -> None:
    """Labs that fit, that survive the worst loss of one machine, and people who would have to wait after the worst one."""
    machines = [machine for host in hosts for machine in host.machines]
    labs = [
        lab(f"{machine.host}-{n}", machine.host, data.draw(st.sampled_from(["debian", "centos"])))
        for machine in machines
        for n in range(machine.used)
    ]
    leased = {each.id for each in labs if data.draw(st.integers(0, 3))}
    found = capacity(hosts, labs, leased, NEEDS)
    up = [host for host in hosts if host.up]
    least = min(NEEDS.values(), key=lambda need: most_that_fit(up, need))
    assert found.free == most_that_fit(up, least)
    assert found.total == sum(host.used for host in up) + found.free == found.taken + found.pool + found.free
    assert min(found.taken, found.pool, found.free) >= 0
    lost = [machine.host for machine in machines if machine.up]
    after = [list(elsewhere(up, name)) for name in lost]
    left = [sum(host.used for host in there if host.up) + most_that_fit(there, least) for there in after]
    assert found.survive == min(left, default=0) <= found.total
    waits = {name: waiting(up, labs, leased, name) for name in lost}
    assert found.without_lab == max(waits.values(), default=0)
    assert (found.worst == "") == (found.without_lab == 0)
    assert found.worst == "" or waits[found.worst] == found.without_lab


def waiting(up: Sequence[HostRoom], labs: Sequence[Lab], leased: set[str], lost: str) -> int:
    """How many people find no place if that machine is lost now and pool labs make room for them."""
    rooms = {host.host: host for host in up}
    for each in labs:
        if each.id not in leased and each.host in rooms:
            if each.machine in {machine.host for machine in rooms[each.host].machines}:
                rooms[each.host] = with_one_less(rooms[each.host], NEEDS[each.image], machine=each.machine)
    theirs = [NEEDS[each.image] for each in labs if each.id in leased and each.machine == lost]
    return one_by_one(elsewhere(rooms.values(), lost), theirs)


def test_fifteen_on_each_of_three_nodes() -> None:
    """45 labs on three nodes with memory for 20 each: one may die, and five people find no place."""
    nodes = [HostRoom(f"pool/n{n}", True, 45, 15, 5 * 256) for n in range(3)]
    pool = host_of_nodes(HostRoom("pool", True, 45, 0, 0), nodes)
    labs = [lab(f"{node.host}-{n}", node.host, "debian") for node in nodes for n in range(15)]
    found = capacity([pool], labs, {each.id for each in labs}, {"debian": SMALL})
    assert (found.total, found.taken, found.free, found.survive) == (45, 45, 0, 40)
    assert (found.worst, found.without_lab) == ("pool/n0", 5)


def test_the_emptiest_host_is_counted_by_what_answers() -> None:
    """A host of three nodes of which one is dead is as full as the other two are."""
    nodes = [HostRoom(f"pool/n{n}", n > 0, 30, 6, 9000) for n in range(3)]
    pool = host_of_nodes(HostRoom("pool", True, 30, 0, 0), nodes)
    assert choose_machine([pool, HostRoom("xen1", True, 10, 5, 9000)], SMALL) == "xen1"
    assert choose_machine([replace(pool, most=60), HostRoom("xen1", True, 10, 5, 9000)], SMALL) == "pool/n1"


@pytest.mark.parametrize("images", [1, 2])
@pytest.mark.parametrize("nodes", [4, 0])
def test_twice_the_nodes_are_twice_the_work(monkeypatch: pytest.MonkeyPatch, images: int, nodes: int) -> None:
    """Labs that fit, and the loss of each node, on hosts of so many nodes, or on one host that has them all (0)."""
    looked: list[str] = []
    holds = HostRoom.holds
    monkeypatch.setattr(HostRoom, "holds", lambda host, need: looked.append(host.host) or holds(host, need))

    def work(number: int) -> int:
        looked.clear()
        hosts, labs, each = [], [], nodes or number
        for n in range(number // each):
            names = [f"h{n}/n{k}" for k in range(each)]
            rooms = [HostRoom(name, True, 30 * each, 4, 2048) for name in names]
            hosts.append(host_of_nodes(HostRoom(f"h{n}", True, 30 * each, 0, 0), rooms))
            labs += [lab(f"{name}-{k}", name, "debian" if k % images else "centos") for name in names for k in range(4)]
        found = capacity(hosts, labs, {each.id for each in labs}, NEEDS)
        assert found.free == number * 2 and found.worst == ""
        return len(looked)

    assert work(256) <= 2.3 * work(128)
