"""How much of a host's disk is promised to labs.  Pure; all sizes in MiB.

A lab's disk is an overlay that grows as the lab writes, up to the size of its image's disk.  All that it may still grow is
promised to it for its whole life, so labs cannot fill their host's disk (unless ``overcommit`` in bot.ini allows it).
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from math import ceil

KEPT_SHARE, KEPT_MOST = 0.1, 4096  # of the file system, MiB


@dataclass(frozen=True, slots=True)
class DiskUse:
    """A lab's disk on its host.  ``size_mib``: as the lab sees it; ``written_mib``: what the overlay that it writes to
    takes now.  Snapshots below that one no longer grow."""

    size_mib: int
    written_mib: int

    @property
    def growth_mib(self) -> int:
        """How much it may still grow."""
        return max(0, with_tables(self.size_mib) - self.written_mib)


def with_tables(size_mib: int) -> int:
    """What an overlay of that size takes at most: data, and qcow2's tables and counts of its clusters of 64 KiB (8 and
    2 bytes each; https://www.qemu.org/docs/master/interop/qcow2.html)."""
    return size_mib + ceil(size_mib * 10 / 65536) + 1


def kept_free(disk_mib: int) -> int:
    """What no lab gets, for the host itself and for the bot on it: a tenth of the file system, but at most 4 GiB."""
    return min(int(disk_mib * KEPT_SHARE), KEPT_MOST)


def for_labs(disk_mib: int | None, disk_free_mib: int | None) -> int | None:
    """What is free for labs, promised or not; None if unknown."""
    return None if disk_free_mib is None else max(0, disk_free_mib - kept_free(disk_mib or 0))


def promised(growths: Iterable[int], overcommit: float) -> int:
    """What is kept for labs that may grow so much each.  With an ``overcommit`` of 2, only half of it is."""
    return ceil(sum(growths) / overcommit)
