"""Computes how many labs fit, and what the loss of a host would cost.  Pure."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace

from trainbot.features.labs.placement import HostRoom, Need, host_of_nodes
from trainbot.features.labs.trial_placement import TrialPlacement
from trainbot.model.lab import NEARNESS, Lab


def with_one_less(room: HostRoom, need: Need, number: int = 1, machine: str = "") -> HostRoom:
    """The host with one lab less, or with ``number`` labs less.  ``place``: on which of its nodes, if it has several."""
    if room.nodes:
        nodes = (with_one_less(node, need, number) if node.host == machine else node for node in room.nodes)
        return host_of_nodes(room, nodes)
    disk = None if room.disk_free_mib is None else room.disk_free_mib + number * need.disk_mib
    free = room.free_mib + number * need.memory_mib
    return replace(room, used=max(0, room.used - number), free_mib=free, disk_free_mib=disk)


def room(hosts: Iterable[HostRoom], need: Need) -> dict[str, int]:
    """Host -> how many more labs with that need fit there, if nothing else is placed."""
    return {host.host: host.fits(need) for host in hosts}


@dataclass(frozen=True, slots=True)
class Capacity:
    """``free``: how many more labs fit whatever their image, so it is counted by the image that needs most.  ``taken``:
    labs that people have, labs kept for somebody, and labs being removed.  ``total``: ``taken`` + ``pool`` + ``free``,
    on hosts that answer.  ``survive``: how many labs still fit after the loss of the host, or node, with most of them.
    ``without_lab``: how many people would wait for a lab if the worst host (or node) were lost now.  ``worst``: that one, ''
    if nobody would wait.  ``more``: image -> host -> how many more labs of that image alone."""

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
    most = min(more, key=lambda image: sum(more[image].values()), default="")  # the image that needs most
    open_seats = {host.host: max(0, host.most - host.used) for host in up if not host.drained}
    free, need = more.get(most, open_seats), needs.get(most, Need(0))
    rooms = {host.host: host.used + free.get(host.host, 0) for host in up}
    machines = {machine.host for host in up for machine in host.machines if machine.up}
    spare = sum(lab.machine in machines for lab in pool)
    total = sum(rooms.values())
    worst, without = _worst(up, pool, [lab for lab in labs if lab.id in leased], needs)
    return Capacity(
        total,
        total - spare - sum(free.values()),
        spare,
        sum(free.values()),
        total - max((_most_lost(host, rooms[host.host], need) for host in up), default=0),
        without,
        worst,
        more,
    )


def _most_lost(host: HostRoom, holds: int, need: Need) -> int:
    """How many of the ``holds`` labs that fit on a host go with it, or with the node of it that leaves the fewest.  What others
    of its nodes still have room for takes their place, up to its limit."""
    if not host.nodes:
        return holds
    there = [(node.used, node.fits(need)) for node in host.nodes if node.up]
    used, more = sum(each for each, _fits in there), sum(fits for _used, fits in there)
    left = (used - gone + min(more - fits, max(0, host.most - used + gone)) for gone, fits in there)
    return max((holds - each for each in left), default=0)


def _worst(
    up: Sequence[HostRoom], pool: Collection[Lab], theirs: Collection[Lab], needs: Mapping[str, Need]
) -> tuple[str, int]:
    """The host (or node) whose loss leaves most people without a lab, and how many people; pool labs elsewhere make room
    for them."""
    gone: dict[str, Counter[Need]] = defaultdict(Counter)
    for lab in pool:
        if lab.image in needs:
            gone[lab.machine][needs[lab.image]] += 1
    moving: dict[str, list[Need]] = defaultdict(list)
    for lab in theirs:
        if lab.image in needs:
            moving[lab.machine].append(needs[lab.image])
    trial, found = TrialPlacement(_without_pool(host, gone) for host in up), ("", 0)
    for lost in (machine.host for host in up for machine in host.machines if machine.up):
        without = trial.without_lab(moving[lost], lost)
        if without > found[1]:
            found = (lost, without)
    return found


def _without_pool(host: HostRoom, gone: Mapping[str, Mapping[Need, int]]) -> HostRoom:
    """The host as it is once its pool labs have made room."""
    if host.nodes:
        return host_of_nodes(host, [_without_pool(node, gone) for node in host.nodes])
    for need, number in gone.get(host.host, {}).items():
        host = with_one_less(host, need, number)
    return host
