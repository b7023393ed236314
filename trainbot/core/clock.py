"""The wall clock, and what to do if somebody sets it.

Times of day (sessions, reminders) follow the wall clock.  Durations (leases, absences, pauses) are measured between moments of
it, so when it is set, all moments that are still counted from move with it (``ClockStepped``).  A step is seen by comparing it
with CLOCK_BOOTTIME (clock_gettime(2)), which nobody can set and which also counts while the machine is suspended.
"""

from __future__ import annotations

import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trainbot.core.wording import span

SMALLEST = 0.5  # seconds between two looks; smaller changes are time synchronisation, which is adjusted gradually
FASTEST = 0.1  # seconds per second that a clock is adjusted gradually at most (chrony.conf(5), maxslewrate)
TOGETHER = 0.02  # seconds between two clock readings that count as one moment
NONE = timedelta()
_TRIES = 5
_BOOT_ID = Path("/proc/sys/kernel/random/boot_id")  # random(4): another one after each boot


@dataclass(frozen=True, slots=True)
class ClockReading:
    """Both clocks at one moment, in seconds: ``wall`` since 1970, ``boot`` since the machine started."""

    wall: float
    boot: float


@dataclass(frozen=True, slots=True)
class ClockStepped:
    """Somebody set the wall clock: it is ``by`` later than it would be (negative: earlier)."""

    by: timedelta

    @property
    def back(self) -> ClockStepped:
        """Undoes it."""
        return ClockStepped(-self.by)


class Clock:
    """Wall time, and by how much it was set.  ``since``: both clocks when they were last looked at, if the machine has not been
    started since.  Tests override ``reading``."""

    def __init__(self, since: ClockReading | None = None) -> None:
        self._last = since or self.reading()

    def reading(self) -> ClockReading:
        """Both clocks; tried again if the process was interrupted between reading one and the other."""
        for _ in range(_TRIES):
            before = time.clock_gettime(time.CLOCK_BOOTTIME)
            wall = time.time()
            after = time.clock_gettime(time.CLOCK_BOOTTIME)
            if after - before < TOGETHER:
                break
        return ClockReading(wall, after)

    def now(self) -> datetime:
        return datetime.fromtimestamp(self.reading().wall, UTC)

    def look(self) -> tuple[datetime, timedelta]:
        """The time now, and how far the wall clock was set since the last call; zero if it was not."""
        before, self._last = self._last, self.reading()
        return datetime.fromtimestamp(self._last.wall, UTC), step_between(before, self._last)


def boot_id() -> str:
    """Names the machine's boot, in which CLOCK_BOOTTIME counts; '' if the system does not tell."""
    try:
        return _BOOT_ID.read_text(encoding="ascii").strip()
    except OSError:
        return ""


def step_between(before: ClockReading, after: ClockReading) -> timedelta:
    """How far the wall clock was set between two readings of the same machine since it started; zero if it was not."""
    passed = after.boot - before.boot
    by = after.wall - before.wall - passed
    return timedelta(seconds=by) if abs(by) > SMALLEST + FASTEST * max(0.0, min(passed, 10.0)) else NONE


def words(by: timedelta) -> str:
    """``forward by 1 h``, ``back by 2 s``."""
    size = abs(by)
    amount = span(size) if size >= timedelta(minutes=1) else f"{size.total_seconds():.1f} s"
    return f"{'forward' if by > timedelta() else 'back'} by {amount}"
