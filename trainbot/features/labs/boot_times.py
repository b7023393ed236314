"""How long labs take to boot: estimates that learn, and how long a slow one is waited for.  Pure but for what is
remembered of the last reports; times in seconds, if they are not timedeltas."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from statistics import median

from trainbot.model.host import Domain, HostReport
from trainbot.model.lab import Lab

BOOT_LIMIT = timedelta(minutes=5)  # a lab that does nothing is given up after this
QUIET = timedelta(minutes=2)  # without a sign of life: it does nothing
BUSY = timedelta(minutes=1)  # since the last sign of life: it is working now
LONGEST = timedelta(minutes=20)  # however busy it is: a kernel that has panicked can keep a core busy for ever
SLOW = timedelta(minutes=2)  # after this the person who waits is told ...
SLOWER = 3  # ... if it is also so many times as long as usual
WORKS = 0.02  # share of a core: a machine that only waits uses less
SHORTEST = 5.0  # seconds: no estimate is more exact


def left(usual: float, elapsed: float) -> float:
    """How long a boot will still take that has taken ``elapsed``.  One that is late is not nearly over: the later it
    is, the longer it may take."""
    return max(SHORTEST, usual - elapsed, elapsed / 2)


def expected(usual: float, under_way: Sequence[float]) -> float:
    """How long a boot that begins now will take, given those ``under_way`` (how long each has taken so far)."""
    return max(usual, 1.5 * median(under_way)) if under_way else usual


def unforeseeable(usual: float, elapsed: float) -> bool:
    """Whether a boot has taken so long that an estimate would only be a guess."""
    return elapsed > max(2 * BOOT_LIMIT.total_seconds(), 4 * usual)


def is_slow(usual: float, booting: timedelta) -> bool:
    return booting > max(SLOW, timedelta(seconds=SLOWER * usual))


def too_long(usual: float, booting: timedelta, quiet: timedelta) -> bool:
    """Whether a lab that nobody could log in to for ``booting`` is given up.  ``quiet``: since its last sign of life;
    what works is waited for, up to a limit, which is longer where boots usually take long."""
    return booting > max(LONGEST, timedelta(seconds=2 * usual)) or (booting > BOOT_LIMIT and quiet > QUIET)


@dataclass(frozen=True, slots=True)
class _Seen:
    """A running domain in a report: CPU time in seconds, MiB written; ``at``: when it was read, ``alive_at``: when it last
    showed that it works."""

    cpu: float
    written: int
    run: str
    at: datetime
    alive_at: datetime

    def then(self, domain: Domain, cpu: float, now: datetime) -> _Seen:
        written = domain.disk.written_mib if domain.disk is not None else self.written
        passed = (now - self.at).total_seconds()
        works = (cpu - self.cpu) > WORKS * passed or cpu < self.cpu or written != self.written or domain.run != self.run
        return _Seen(cpu, written, domain.run, now, now if works else self.alive_at)


class LifeSigns:
    """What hosts report of the work that labs do.  In memory only: after a restart a lab counts as working until
    reports show that it does not."""

    def __init__(self) -> None:
        self._hosts: dict[str, dict[str, _Seen]] = {}

    def heard(self, report: HostReport, now: datetime) -> None:
        before = self._hosts.get(report.name, {})
        there = {}
        for domain in report.domains:
            if domain.cpu is None:
                continue
            seen = before.get(domain.id)
            written = domain.disk.written_mib if domain.disk is not None else 0
            first = _Seen(domain.cpu, written, domain.run, now, now)
            there[domain.id] = (
                seen.then(domain, domain.cpu, now) if seen is not None and seen.at < now else seen or first
            )
        self._hosts[report.name] = there

    def quiet(self, lab: Lab, now: datetime) -> timedelta:
        """How long the lab has shown no sign of life, as far as its host has reported; since it began to boot if the
        host cannot tell."""
        seen = self._hosts.get(lab.host, {}).get(lab.id)
        return now - lab.state_at if seen is None else seen.at - max(seen.alive_at, lab.state_at)

    def clock_stepped(self, by: timedelta) -> None:
        for there in self._hosts.values():
            for id, seen in there.items():
                there[id] = _Seen(seen.cpu, seen.written, seen.run, seen.at + by, seen.alive_at + by)
