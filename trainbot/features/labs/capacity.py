"""Computes how many labs fit, and what the loss of a host would cost.  Pure."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from trainbot.features.labs.placement import HostRoom, Need, choose_host
from trainbot.model.lab import NEARNESS, Lab


def with_one_less(room: HostRoom, need: Need) -> HostRoom:
    """The host with one lab less."""
    disk = None if room.disk_free_mib is None else room.disk_free_mib + need.disk_mib
    return replace(room, used=max(0, room.used - 1), free_mib=room.free_mib + need.memory_mib, disk_free_mib=disk)


def room(hosts: Iterable[HostRoom], need: Need) -> dict[str, int]:
    """Host -> how many more labs with that need fit there, if they are placed one by one and nothing else is."""
    rooms = {host.host: host for host in hosts}
    more = dict.fromkeys(rooms, 0)
    while (name := choose_host(rooms.values(), need)) is not None:
        more[name] += 1
        rooms[name] = rooms[name].with_one_more(need)
    return more


def without_lab(hosts: Iterable[HostRoom], needs: Iterable[Need]) -> int:
    """How many of these labs find no room on those hosts if they are placed in this order."""
    rooms = {host.host: host for host in hosts}
    without = 0
    for need in needs:
        name = choose_host(rooms.values(), need)
        if name is None:
            without += 1
        else:
            rooms[name] = rooms[name].with_one_more(need)
    return without


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
    found = ("", 0)
    for lost in up:
        others = {host.host: host for host in up if host.host != lost.host}
        for lab in pool:
            if lab.host in others and lab.image in needs:
                others[lab.host] = with_one_less(others[lab.host], needs[lab.image])
        moving = [needs[lab.image] for lab in theirs if lab.host == lost.host and lab.image in needs]
        without = without_lab(others.values(), moving)
        if without > found[1]:
            found = (lost.host, without)
    return found
