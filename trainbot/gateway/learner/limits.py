"""Limits for connections before and after login, without any I/O."""

from __future__ import annotations

import ipaddress
from collections import Counter
from typing import Generic, TypeVar

Connection = TypeVar("Connection")


class PreAuthLimiter(Generic[Connection]):
    """The connections that have not logged in yet, oldest first, never more than ``limit``.

    If there are too many, the oldest connection of the network with most of them is dropped: a flood from one network
    displaces only itself, and a person elsewhere who is looking for a password stays.
    """

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._networks: dict[Connection, str] = {}

    def __len__(self) -> int:
        return len(self._networks)

    def come(self, connection: Connection, address: str) -> Connection | None:
        """Adds ``connection``; the one that has to be dropped for it, or None."""
        self._networks[connection] = network(address)
        if len(self._networks) <= self._limit:
            return None
        crowded = Counter(self._networks.values()).most_common(1)[0][0]
        oldest = next(each for each, where in self._networks.items() if where == crowded)
        del self._networks[oldest]
        return oldest

    def go(self, connection: Connection) -> None:
        """Removes a connection that logged in or closed; it need not be known."""
        self._networks.pop(connection, None)


def network(address: str) -> str:
    """What counts as one network: an IPv4 address, or the /64 of one IPv6 subscriber (RFC 6177)."""
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
    """Counts something for each person, up to ``limit``."""

    def __init__(self, limit: int) -> None:
        self._limit = limit
        self._had: Counter[int] = Counter()

    def take(self, person: int) -> bool:
        """Takes one for ``person``; False if they have reached the limit."""
        if self._had[person] >= self._limit:
            return False
        self._had[person] += 1
        return True

    def give_back(self, person: int) -> None:
        self._had[person] -= 1
        if self._had[person] <= 0:
            del self._had[person]
