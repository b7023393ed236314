"""Limits for connections before and after login, without any I/O."""

from __future__ import annotations

import ipaddress
import random
import time
from collections import Counter
from collections.abc import Callable
from typing import Generic, TypeVar

Connection = TypeVar("Connection")

USER_NAME, PASSWORD = 256, 256  # bytes of a user name, characters of a password
MOST_NETWORKS = 10_000  # that are remembered at once, as known or as punished
WRONG_PASSWORD, BROKEN, NO_LOGIN = 5.0, 10.0, 1.0  # seconds of penalty (sshd_config(5), PerSourcePenalties)
TOLERATED, LONGEST = 60.0, 600.0  # seconds of penalty that refuse nobody yet, and the most that add up


def networks(address: str) -> tuple[str, ...]:
    """The networks that an address is in, smallest first: the IPv4 address and its /24, or the IPv6 /64, /56 and /48 (the
    sizes that a subscriber gets, RFC 6177)."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return (address, address)
    if isinstance(parsed, ipaddress.IPv6Address) and parsed.ipv4_mapped is not None:
        parsed = parsed.ipv4_mapped
    lengths = (32, 24) if isinstance(parsed, ipaddress.IPv4Address) else (64, 56, 48)
    return tuple(str(ipaddress.ip_network((parsed, length), strict=False)) for length in lengths)


class KnownNetworks:
    """The networks (/24 or /56) from which somebody has logged in, the latest ``MOST_NETWORKS`` of them."""

    def __init__(self) -> None:
        self._networks: dict[str, None] = {}

    def add(self, address: str) -> None:
        network = networks(address)[1]
        self._networks.pop(network, None)
        self._networks[network] = None
        if len(self._networks) > MOST_NETWORKS:
            del self._networks[next(iter(self._networks))]

    def __contains__(self, address: str) -> bool:
        return networks(address)[1] in self._networks


class PreAuthLimiter(Generic[Connection]):
    """The connections that have not logged in yet, never more than ``limit``.

    A quarter of the room is reserved for known networks.  In the rest, strangers are refused at random once three quarters
    are taken, more likely the fuller it is (as sshd does, sshd_config(5), MaxStartups).  When it is full, a random
    connection of the most crowded network is dropped if that network, of any size, has more than a third of the room;
    otherwise the newcomer is refused.  So a flood from one network displaces only itself, and a flood from many cannot
    displace anybody who is typing a password.
    """

    def __init__(self, limit: int, known: KnownNetworks, chance: random.Random | None = None) -> None:
        self._known = known
        self._reserve = limit // 4
        self._room = limit - self._reserve
        self._chance = chance or random.SystemRandom()
        self._reserved: set[Connection] = set()
        self._waiting: dict[Connection, tuple[str, ...]] = {}

    def __len__(self) -> int:
        return len(self._reserved) + len(self._waiting)

    def come(self, connection: Connection, address: str) -> Connection | None:
        """Adds ``connection``; returns the one to drop for it, which may be itself, or None."""
        known = address in self._known
        if known and len(self._reserved) < self._reserve:
            self._reserved.add(connection)
            return None
        waiting = len(self._waiting)
        if waiting < self._room:
            early = self._room * 3 // 4
            if not known and self._chance.random() * (self._room - early) < waiting - early:
                return connection
            self._waiting[connection] = networks(address)
            return None
        crowds = Counter(network for each in self._waiting.values() for network in each)
        network, size = crowds.most_common(1)[0] if crowds else ("", 0)
        if size <= self._room // 3:
            return connection
        dropped = self._chance.choice([each for each, where in self._waiting.items() if network in where])
        del self._waiting[dropped]
        self._waiting[connection] = networks(address)
        return dropped

    def go(self, connection: Connection) -> None:
        """Removes a connection that logged in or closed; it need not be there."""
        self._reserved.discard(connection)
        self._waiting.pop(connection, None)


class Penalties:
    """Refuses networks that keep failing, for as long as their penalties add up to (sshd_config(5), PerSourcePenalties).

    Penalties count by IPv4 address or IPv6 /64.  Known networks are never refused: a class behind one router shares its
    address with the one who mistypes.
    """

    def __init__(self, known: KnownNetworks, now: Callable[[], float] = time.monotonic) -> None:
        self._known, self._now = known, now
        self._until: dict[str, float] = {}

    def add(self, address: str, seconds: float) -> None:
        network, now = networks(address)[0], self._now()
        self._until[network] = min(max(now, self._until.pop(network, now)) + seconds, now + LONGEST)
        if len(self._until) > MOST_NETWORKS:
            del self._until[next(iter(self._until))]

    def forgive(self, address: str) -> None:
        self._until.pop(networks(address)[0], None)

    def refused(self, address: str) -> float:
        """Seconds for which connections from there are refused; 0 if they are not."""
        left = self._until.get(networks(address)[0], 0.0) - self._now()
        return left if left > TOLERATED and address not in self._known else 0.0


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
