"""Chooses the host for a new lab, and its node.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Need:
    """What one lab of an image takes, in MiB, and the version of the image that must be on the host."""

    memory_mib: int
    disk_mib: int = 0
    version: str = ""


@dataclass(frozen=True, slots=True)
class HostRoom:
    """A host as placement sees it.  ``used``: labs that exist there or are being made; memory and disk in MiB, of which
    ``coming`` is for labs that are not made yet, and ``promised`` is what the disks of all labs may still grow.  ``at_once``: how many labs it makes at a time if nobody
    waits.  ``images``: versions that it has a copy of (None: it needs none); ``backoff``: versions that do not boot
    there.  ``nodes``: its nodes if it has several, each called HOST/NODE: ``most`` is then the limit of all together, and the
    other numbers are the sums of those that answer, which are the part ``answering`` of them (``host_of_nodes``)."""

    host: str
    up: bool
    most: int
    used: int
    free_mib: int
    coming_mib: int = 0
    in_making: int = 0
    at_once: int = 2
    drained: bool = False
    disk_free_mib: int | None = None
    promised_disk_mib: int = 0
    images: frozenset[str] | None = None
    backoff: frozenset[str] = frozenset()
    nodes: tuple[HostRoom, ...] = ()
    answering: float = 1.0

    @property
    def machines(self) -> tuple[HostRoom, ...]:
        """What can be lost by itself: its nodes, or the host."""
        return self.nodes or (self,)

    def place_for(self, need: Need) -> str:
        """Where on this host, which has room, the next lab goes: HOST, or HOST/NODE."""
        node = _emptiest(self.nodes, need)
        return self.host if node is None else node.host

    def with_one_more(self, need: Need) -> HostRoom:
        chosen = _emptiest(self.nodes, need)
        return replace(
            self,
            used=self.used + 1,
            coming_mib=self.coming_mib + need.memory_mib,
            promised_disk_mib=self.promised_disk_mib + need.disk_mib,
            in_making=self.in_making + 1,
            nodes=tuple(node.with_one_more(need) if node is chosen else node for node in self.nodes),
        )

    def without(self, machine: str) -> HostRoom:
        """The host once that node of it is lost."""
        return host_of_nodes(self, [replace(node, up=False) if node.host == machine else node for node in self.nodes])

    @property
    def disk_left_mib(self) -> int | None:
        """What is neither used nor promised; below 0 if more is promised than there is; None if unknown."""
        return None if self.disk_free_mib is None else self.disk_free_mib - self.promised_disk_mib

    def holds(self, need: Need) -> bool:
        """Whether there is a slot, memory, disk and the image for one more lab."""
        return self.up and not self.drained and self.used < self.most and self._holds(need)

    def _holds(self, need: Need) -> bool:
        if self.nodes:
            return any(node.holds(need) for node in self.nodes)
        return (
            self.free_mib - self.coming_mib >= need.memory_mib
            and (self.disk_left_mib is None or self.disk_left_mib >= need.disk_mib)
            and (self.images is None or need.version in self.images)
            and need.version not in self.backoff
        )

    def fits(self, need: Need) -> int:
        """How many more labs with that need it holds."""
        if not self.holds(need):
            return 0
        bounds = [self.most - self.used]
        if self.nodes:
            return min(*bounds, sum(node.fits(need) for node in self.nodes))
        if need.memory_mib:
            bounds.append((self.free_mib - self.coming_mib) // need.memory_mib)
        if need.disk_mib and self.disk_left_mib is not None:
            bounds.append(self.disk_left_mib // need.disk_mib)
        return min(bounds)

    @property
    def rank(self) -> tuple[float, int, int, str]:
        """Of the hosts with room, the one with the lowest is chosen: the emptiest relative to its limit, of which nodes that
        do not answer have none."""
        return (self.used / (self.most * (self.answering or 1.0)), self.in_making, -self.free_mib, self.host)


def host_of_nodes(host: HostRoom, nodes: Iterable[HostRoom]) -> HostRoom:
    """The host with these nodes, which have its limit as theirs.  Labs on nodes that do not answer take nothing of it: their
    people get others."""
    there = tuple(nodes)
    up = [node for node in there if node.up]
    return replace(
        host,
        up=bool(up),
        used=sum(node.used for node in up),
        free_mib=sum(node.free_mib for node in up),
        coming_mib=sum(node.coming_mib for node in up),
        promised_disk_mib=sum(node.promised_disk_mib for node in up),
        in_making=sum(node.in_making for node in up),
        at_once=sum(node.at_once for node in up),
        nodes=there,
        answering=len(up) / len(there) if there else 1.0,
    )


def elsewhere(hosts: Iterable[HostRoom], machine: str) -> Iterator[HostRoom]:
    """The hosts once that host, or that node of one, is lost."""
    for host in hosts:
        if any(node.host == machine for node in host.nodes):
            yield host.without(machine)
        elif host.host != machine:
            yield host


def choose_host(hosts: Iterable[HostRoom], need: Need) -> str | None:
    """The host with room that is emptiest relative to its limit: labs are spread, so that the loss of one host hurts
    least."""
    best = _emptiest(hosts, need)
    return best.host if best is not None else None


def choose_machine(hosts: Iterable[HostRoom], need: Need) -> str | None:
    """That host; if it has several nodes, the one that has room and the fewest labs (HOST/NODE)."""
    best = _emptiest(hosts, need)
    return best.place_for(need) if best is not None else None


def _emptiest(hosts: Iterable[HostRoom], need: Need) -> HostRoom | None:
    return min((host for host in hosts if host.holds(need)), key=lambda host: host.rank, default=None)
