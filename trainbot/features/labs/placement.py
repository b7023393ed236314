"""Chooses the host for a new lab.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
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
    there."""

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

    def with_one_more(self, need: Need) -> HostRoom:
        return replace(
            self,
            used=self.used + 1,
            coming_mib=self.coming_mib + need.memory_mib,
            promised_disk_mib=self.promised_disk_mib + need.disk_mib,
            in_making=self.in_making + 1,
        )

    @property
    def disk_left_mib(self) -> int | None:
        """What is neither used nor promised; below 0 if more is promised than there is; None if unknown."""
        return None if self.disk_free_mib is None else self.disk_free_mib - self.promised_disk_mib

    def holds(self, need: Need) -> bool:
        """Whether there is a slot, memory, disk and the image for one more lab."""
        return (
            self.up
            and not self.drained
            and self.used < self.most
            and self.free_mib - self.coming_mib >= need.memory_mib
            and (self.disk_left_mib is None or self.disk_left_mib >= need.disk_mib)
            and (self.images is None or need.version in self.images)
            and need.version not in self.backoff
        )

    def fits(self, need: Need) -> int:
        """How many more labs with that need it holds."""
        if not self.holds(need):
            return 0
        bounds = [self.most - self.used]
        if need.memory_mib:
            bounds.append((self.free_mib - self.coming_mib) // need.memory_mib)
        if need.disk_mib and self.disk_left_mib is not None:
            bounds.append(self.disk_left_mib // need.disk_mib)
        return min(bounds)

    @property
    def rank(self) -> tuple[float, int, int, str]:
        """Of the hosts with room, the one with the lowest is chosen: the emptiest relative to its limit."""
        return (self.used / self.most, self.in_making, -self.free_mib, self.host)


def choose_host(hosts: Iterable[HostRoom], need: Need) -> str | None:
    """The host with room that is emptiest relative to its limit: labs are spread, so that the loss of one host hurts
    least."""
    best = min((host for host in hosts if host.holds(need)), key=lambda host: host.rank, default=None)
    return best.host if best is not None else None
