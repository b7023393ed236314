"""Which host a new lab goes to.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace


@dataclass(frozen=True, slots=True)
class Seats:
    """A host as placement sees it.  ``used``: labs that are there or on their way; memory in MiB, of which
    ``coming`` is promised to labs that are not made yet."""

    host: str
    up: bool
    most: int
    used: int
    free_mib: int
    coming_mib: int = 0
    in_making: int = 0

    def with_one_more(self, memory_mib: int) -> Seats:
        return replace(self, used=self.used + 1, coming_mib=self.coming_mib + memory_mib, in_making=self.in_making + 1)

    def holds(self, memory_mib: int) -> bool:
        return self.up and self.used < self.most and self.free_mib - self.coming_mib >= memory_mib


def choose_host(hosts: Iterable[Seats], memory_mib: int) -> str | None:
    """The emptiest host with room, by share of its seats: labs spread, so that the loss of one hurts least."""
    room = [seats for seats in hosts if seats.holds(memory_mib)]
    if not room:
        return None
    return min(room, key=lambda seats: (seats.used / seats.most, seats.in_making, -seats.free_mib, seats.host)).host
