"""Computes how many labs fit, and what the loss of a host would cost.  Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from trainbot.features.labs.placement import HostRoom, Need
from trainbot.model.lab import NEARNESS, Lab


def with_one_less(room: HostRoom, need: Need, number: int = 1) -> HostRoom:
    """The host with one lab less, or with ``number`` labs less."""
    disk = None if room.disk_free_mib is None else room.disk_free_mib + number * need.disk_mib
    free = room.free_mib + number * need.memory_mib
    return replace(room, used=max(0, room.used - number), free_mib=free, disk_free_mib=disk)


def room(hosts: Iterable[HostRoom], need: Need) -> dict[str, int]:
    """Host -> how many more labs with that need fit there, if nothing else is placed."""
    return {host.host: host.fits(need) for host in hosts}


class TrialPlacement:
    """Places labs on hosts as ``choose_host`` does one by one, time and again on the same hosts: in a time that does not
    depend on how many hosts there are."""

    def __init__(self, hosts: Iterable[HostRoom]) -> None:
        self._hosts = sorted(hosts, key=lambda host: host.rank)
        self._open: dict[Need, list[HostRoom]] = {}
        self._more: dict[Need, Counter[str]] = {}

    def without_lab(self, needs: Sequence[Need], lost: str = "") -> int:
        """How many of these labs find no room if they are placed in this order, on other hosts than ``lost``."""
        if len(set(needs)) == 1:  # then the order of hosts does not matter
            more = self._fits(needs[0])
            return max(0, len(needs) - more.total() + more[lost])
        changed: dict[str, HostRoom] = {}
        passed: Counter[Need] = Counter()
        without = 0
        for need in needs:
            there = self._with_room(need)
            while passed[need] < len(there) and (
                there[passed[need]].host in changed or there[passed[need]].host == lost
            ):
                passed[need] += 1  # it stays passed: a host only gets fuller
            found = [host for host in changed.values() if host.holds(need)]
            found += there[passed[need] : passed[need] + 1]
            if not found:
                without += 1
                continue
            best = min(found, key=lambda host: host.rank)
            changed[best.host] = best.with_one_more(need)
        return without

    def _fits(self, need: Need) -> Counter[str]:
        if need not in self._more:
            self._more[need] = Counter(room(self._hosts, need))
        return self._more[need]

    def _with_room(self, need: Need) -> list[HostRoom]:
        """The hosts that hold it, in the order in which they are chosen."""
        if need not in self._open:
            self._open[need] = [host for host in self._hosts if host.holds(need)]
        return self._open[need]


@dataclass(frozen=True, slots=True)
class Capacity:
    """``free``: how many more labs fit whatever their image, so it is counted by the image that needs most.  ``taken``:
    labs that people have, labs kept for somebody, and labs being removed.  ``total``: ``taken`` + ``pool`` + ``free``,
    on hosts that answer.  ``survive``: how many labs still fit after the loss of the host with most of them.
    ``without_lab``: how many people would wait for a lab if the worst host were lost now.  ``worst``: that host, '' if
    nobody would wait.  ``more``: image -> host -> how many more labs of that image alone."""

    total: int
    taken: int
    pool: int
    free: int
    survive: int
    without_lab: int
    worst: str
    more: Mapping[str, Mapping[str, int]]


def capacity(
    hosts: Sequence[HostRoom], labs: Collection[Lab], leased: Collection[str], needs: Mapping[str, Need]
) -> Capacity:
    """The capacity of ``hosts``.  ``labs``: all that hosts may have; ``leased``: the ids of those that are leased;
    ``needs``: of each image."""
    up = [host for host in hosts if host.up]
    pool = [lab for lab in labs if lab.id not in leased and lab.state in NEARNESS]
    more = {image: room(up, need) for image, need in needs.items()}
    free = min(
        more.values(),
        key=lambda there: sum(there.values()),
        default={host.host: max(0, host.most - host.used) for host in up if not host.drained},
    )
    rooms = {host.host: host.used + free.get(host.host, 0) for host in up}
    spare = sum(lab.host in rooms for lab in pool)
    total = sum(rooms.values())
    worst, without = _worst(up, pool, [lab for lab in labs if lab.id in leased], needs)
    return Capacity(
        total,
        total - spare - sum(free.values()),
        spare,
        sum(free.values()),
        total - max(rooms.values(), default=0),
        without,
        worst,
        more,
    )


def _worst(
    up: Sequence[HostRoom], pool: Collection[Lab], theirs: Collection[Lab], needs: Mapping[str, Need]
) -> tuple[str, int]:
    """The host whose loss leaves most people without a lab, and how many people; pool labs on other hosts make room for
    them."""
    rooms = {host.host: host for host in up}
    gone = Counter((lab.host, lab.image) for lab in pool if lab.host in rooms and lab.image in needs)
    for (name, image), number in gone.items():
        rooms[name] = with_one_less(rooms[name], needs[image], number)
    moving: dict[str, list[Need]] = defaultdict(list)
    for lab in theirs:
        if lab.image in needs:
            moving[lab.host].append(needs[lab.image])
    trial, found = TrialPlacement(rooms.values()), ("", 0)
    for lost in up:
        without = trial.without_lab(moving[lost.host], lost.host)
        if without > found[1]:
            found = (lost.host, without)
    return found
