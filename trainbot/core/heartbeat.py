"""The running bot's sign of life in the state folder: when it last lived, and how much it had stored by then.

It is rewritten every second in which something was stored, and every ten seconds otherwise.  The next start compares it
with the database and with the clocks.
"""

from __future__ import annotations

import json
import time
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trainbot.core.clock import ClockReading, boot_id
from trainbot.core.files import write_whole

NAME = "heartbeat.json"


@dataclass(frozen=True, slots=True)
class Heartbeat:
    """``commits``: of the database; ``at``: the wall clock (UTC); ``boot_id``, ``boottime``: the machine's boot, and the
    seconds since then, with those in which it was suspended (clock_gettime(2), CLOCK_BOOTTIME)."""

    commits: int
    at: datetime
    boot_id: str
    boottime: float

    @property
    def clocks(self) -> ClockReading | None:
        """Both clocks at that moment; None if the machine was started since."""
        return ClockReading(self.at.timestamp(), self.boottime) if self.boot_id and self.boot_id == boot_id() else None


def heartbeat(commits: int) -> Heartbeat:
    """Of this moment."""
    return Heartbeat(commits, datetime.now(UTC), boot_id(), time.clock_gettime(time.CLOCK_BOOTTIME))


def write(state: Path, beat: Heartbeat) -> None:
    """Replaces the heartbeat in the folder ``state``; OSError if it cannot be written.  A power cut may lose it, which
    is no harm: the database is on disk before."""
    value = {
        "commits": beat.commits,
        "at": beat.at.isoformat(),
        "boot_id": beat.boot_id,
        "boottime": beat.boottime,
    }
    write_whole(state / NAME, json.dumps(value) + "\n", 0o600, durable=False)


def read(state: Path) -> Heartbeat | None:
    """The last heartbeat; None if there is none, or none that can be read."""
    try:
        value = json.loads((state / NAME).read_bytes()[:4096])
        at = datetime.fromisoformat(value["at"])
        if at.tzinfo is None:
            return None
        return Heartbeat(int(value["commits"]), at.astimezone(UTC), str(value["boot_id"]), float(value["boottime"]))
    except (OSError, ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return None


def is_there(state: Path) -> bool:
    """Whether a bot has lived here, even if a power cut has left nothing of its heartbeat that can be read."""
    return (state / NAME).is_file()


def forget(state: Path) -> None:
    """Removes it: what comes next is a new beginning."""
    (state / NAME).unlink(missing_ok=True)
