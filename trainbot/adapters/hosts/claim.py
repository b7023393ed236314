"""Which trainbot owns a host: only one at a time creates labs there, since two would each use memory that the other
counts on.  The claim is an empty volume ``claim-OWNER`` in the pool of the labs' disks: it survives the bot, a restart
of the host and preparing the host again, and anyone can see it there.

libvirt's exceptions pass through, as in ``pools``.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from trainbot.adapters.hosts import pools
from trainbot.adapters.hosts.libvirt_errors import plain
from trainbot.core.errors import BackendError, HostDown

PREFIX = "claim-"


def others(names: Iterable[str], owner: str) -> list[str]:
    """Returns the owners other than us who claim a host whose volumes have these names."""
    claims = sorted(name.removeprefix(PREFIX) for name in names if name.startswith(PREFIX))
    return [other for other in claims if other != owner]


def hold(pool: Any, host: str, owner: str) -> None:
    """Claims the host for ``owner``.  Raises HostDown if it belongs to another trainbot.  Safe to repeat, and repeated
    while we run.

    If nobody claims it, creates our claim and looks again.  If two trainbots claim it at once, the one with the smaller
    id keeps it and the other withdraws its claim.
    """
    claimed = _names(pool)
    if not others(claimed, owner) and PREFIX + owner not in claimed:
        _make(pool, owner)
        claimed = _names(pool)
    strangers = others(claimed, owner)
    if strangers and (PREFIX + owner not in claimed or strangers[0] < owner):
        _remove(pool, PREFIX + owner)
        raise HostDown(
            f"host {host} belongs to another trainbot (id {plain(strangers[0])[:64]}): stop that one, or if "
            f"it is gone for good: trainbot host take {host}"
        )


def take(pool: Any, owner: str) -> list[str]:
    """Claims the host for ``owner`` even if others had it; returns those others.  Their labs are not touched."""
    before = others(_names(pool), owner)
    for other in before:
        _remove(pool, PREFIX + other)
    if PREFIX + owner not in _names(pool):
        _make(pool, owner)
    return before


def _names(pool: Any) -> list[str]:
    return [name for name in pools.names(pool) if name.startswith(PREFIX)]


def _make(pool: Any, owner: str) -> None:
    if not owner or "/" in owner or not owner.isprintable():
        raise BackendError(f'"{owner}" cannot be a trainbot\'s id')
    pool.createXML(pools.empty_xml(PREFIX + owner), 0)


def _remove(pool: Any, name: str) -> None:
    for volume in pool.listAllVolumes(0):
        if volume.name() == name:
            volume.delete(0)
