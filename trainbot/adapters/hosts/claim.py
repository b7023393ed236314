"""Which trainbot owns a host: only one at a time creates labs there, since two would each use memory that the other
counts on.  The claim is an empty volume ``claim-OWNER`` in the pool of the labs' disks: it survives the bot, a restart
of the host and preparing the host again, and anyone can see it there.

When another machine takes over the whole installation (trainbot takeover), its claim is ``claim-OWNER.2``, the next one's
``claim-OWNER.3``: the number is the epoch, and whoever finds a higher one than its own is not the one any more.  A bot
that has a standby also leaves a sign of life, ``sign-OWNER.EPOCH.COUNT``, whose count changes at each reading: so the
machine that takes over sees whether the one before it still works there, whatever their clocks say.

libvirt's exceptions pass through, as in ``pools``.
"""

from __future__ import annotations

import time
from collections.abc import Iterable
from typing import Any

from trainbot.adapters.hosts import pools
from trainbot.adapters.hosts.libvirt_errors import plain
from trainbot.core.errors import BackendError, HostDown, Superseded

PREFIX, SIGN = "claim-", "sign-"
STILL = 25.0  # seconds in which a bot that works on a host has changed its sign


class Claimant:
    """A trainbot that claims one host: ``owner`` is the installation's id, ``signs`` whether it leaves signs of life.
    ``watched``: somebody has watched the signs of the machine before us, and they rest."""

    def __init__(self, owner: str, epoch: int = 1, *, signs: bool = False, watched: bool = False) -> None:
        self.owner, self.epoch, self.signs, self._watched = owner, epoch, signs, watched
        self._count = 0
        self._seen: dict[str, float] = {}  # signs of the machine before us, and since when we see them

    @property
    def name(self) -> str:
        return PREFIX + self.owner + (f".{self.epoch}" if self.epoch > 1 else "")

    def still(self, names: Iterable[str], now: float) -> bool:
        """Whether the machine before us has left no new sign for ``STILL`` seconds.  ``now``: monotonic seconds."""
        before = [name for name in names if (sign := _sign_of(name, self.owner)) and sign[0] < self.epoch]
        self._seen = {name: self._seen.get(name, now) for name in before}
        return self._watched or all(now - since >= STILL for since in self._seen.values())

    def hold(self, pool: Any, host: str) -> None:
        """Claims the host.  Raises HostDown if it belongs to another trainbot, Superseded if another machine has taken
        over.  Safe to repeat, and repeated while we run.

        If nobody claims it, creates our claim and looks again.  If two trainbots claim it at once, the one with the
        smaller id keeps it and the other withdraws its claim.
        """
        names = _names(pool)
        self._refuse_newer(pool, names)
        if not others(names, self.owner) and self.name not in names:
            _make(pool, self.owner, self.name)
            names = _names(pool)
            self._refuse_newer(pool, names)
        strangers = others(names, self.owner)
        if strangers and (self.name not in names or strangers[0] < self.owner):
            _remove(pool, {self.name})
            raise HostDown(
                f"host {host} belongs to another trainbot (id {plain(strangers[0])[:64]}): stop that one, or if "
                f"it is gone for good: trainbot host take {host}"
            )
        if not self.still(names, time.monotonic()):
            raise HostDown(f"host {host} is not used yet: waiting until the machine before this one has let go of it")
        _remove(pool, {name for name in names if self._is_older(name)})
        if self.signs:
            self._sign(pool, names)

    def _refuse_newer(self, pool: Any, names: list[str]) -> None:
        """Superseded if a claim of ours has a higher epoch; takes our own claim and signs away."""
        newest = max((epoch for name in names if (epoch := _epoch_of(name, self.owner))), default=0)
        if newest > self.epoch:
            _remove(pool, {name for name in names if name == self.name or self._is_older(name) or self._is_sign(name)})
            raise Superseded.by(newest)

    def _is_older(self, name: str) -> bool:
        epoch, sign = _epoch_of(name, self.owner), _sign_of(name, self.owner)
        return 0 < epoch < self.epoch or (sign is not None and sign[0] < self.epoch)

    def _is_sign(self, name: str) -> bool:
        sign = _sign_of(name, self.owner)
        return sign is not None and sign[0] == self.epoch

    def _sign(self, pool: Any, names: list[str]) -> None:
        mine = {name for name in names if self._is_sign(name)}
        counts = [sign[1] for name in mine if (sign := _sign_of(name, self.owner))]
        self._count = max([self._count, *counts]) + 1
        _make(pool, self.owner, f"{SIGN}{self.owner}.{self.epoch}.{self._count}")
        _remove(pool, mine)


def others(names: Iterable[str], owner: str) -> list[str]:
    """Returns the owners other than us who claim a host whose volumes have these names."""
    found = {_owner_of(name.removeprefix(PREFIX), owner) for name in names if name.startswith(PREFIX)}
    return sorted(found - {owner})


def signs(pool: Any, owner: str) -> frozenset[str]:
    """The signs of life of this installation there."""
    return frozenset(name for name in _names(pool) if _sign_of(name, owner))


def take(pool: Any, claimant: Claimant) -> list[str]:
    """Claims the host even if others had it; returns those others.  Their labs are not touched."""
    names = _names(pool)
    before = others(names, claimant.owner)
    _remove(
        pool,
        {
            name
            for name in names
            if name.startswith(PREFIX) and _owner_of(name[len(PREFIX) :], claimant.owner) in before
        },
    )
    if claimant.name not in names:
        _make(pool, claimant.owner, claimant.name)
    return before


def _owner_of(rest: str, ours: str) -> str:
    """Whose claim ``rest`` is; an epoch is only looked for in our own."""
    return ours if _epoch_of(PREFIX + rest, ours) else rest


def _epoch_of(name: str, owner: str) -> int:
    """The epoch of our own claim; 0 if ``name`` is none."""
    if name == PREFIX + owner:
        return 1
    number = name.removeprefix(f"{PREFIX}{owner}.")
    return int(number) if number != name and number.isascii() and number.isdigit() and len(number) < 9 else 0


def _sign_of(name: str, owner: str) -> tuple[int, int] | None:
    """(epoch, count) of our own sign; None if ``name`` is none."""
    words = name.removeprefix(f"{SIGN}{owner}.").split(".") if name.startswith(f"{SIGN}{owner}.") else []
    if len(words) != 2 or not all(word.isascii() and word.isdigit() and len(word) < 12 for word in words):
        return None
    return int(words[0]), int(words[1])


def _names(pool: Any) -> list[str]:
    return [name for name in pools.names(pool) if name.startswith((PREFIX, SIGN))]


def _make(pool: Any, owner: str, name: str) -> None:
    if not owner or "/" in owner or not owner.isprintable():
        raise BackendError(f'"{owner}" cannot be a trainbot\'s id')
    pool.createXML(pools.empty_xml(name), 0)


def _remove(pool: Any, names: set[str]) -> None:
    for volume in pool.listAllVolumes(0) if names else ():
        if volume.name() in names:
            volume.delete(0)
