"""Who is at the door and how many of them: the limits, without any I/O."""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import Generic, TypeVar

Connection = TypeVar("Connection")


class PreAuthLimiter(Generic[Connection]):
    """The connections that have not logged in yet, oldest first, never more than ``limit``.

    When one too many comes, the oldest of the network that has most of them waiting goes: a flood from one place
    pushes out its own, and a person elsewhere who is looking for a password stays.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._networks: dict[Connection, str] = {}

    def __len__(self) -> int:
        return len(self._networks)

    def come(self, connection: Connection, address: str) -> Connection | None:
        """``connection`` waits from now on.  The one that has to go for it, or None."""
        self._networks[connection] = network(address)
        if len(self._networks) <= self._limit:
            return None
        crowded = Counter(self._networks.values()).most_common(1)[0][0]
        oldest = next(each for each, where in self._networks.items() if where == crowded)
        del self._networks[oldest]
        return oldest

    def go(self, connection: Connection) -> None:
        """It logged in or went away.  No harm if it was not there."""
        self._networks.pop(connection, None)


def network(address: str) -> str:
    """What counts as one place: an IPv4 address, or the /64 that one IPv6 subscriber has (RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address
    if isinstance(parsed, ipaddress.IPv6Address):
        if parsed.ipv4_mapped is not None:
            return str(parsed.ipv4_mapped)
        return str(ipaddress.ip_network((parsed, 64), strict=False))
    return str(parsed)


class Quota:
    """How much of something each person has: at most ``limit``."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._had: Counter[int] = Counter()

    def take(self, person: int) -> bool:
        """One more for ``person``, or False where they have all they may."""
        if self._had[person] >= self._limit:
            return False
        self._had[person] += 1
        return True

    def give_back(self, person: int) -> None:
        self._had[person] -= 1
        if self._had[person] <= 0:
            del self._had[person]
