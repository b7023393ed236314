"""When people are reminded of a session.  Pure: whoever calls keeps the keys of what was said.

``7d`` and ``1d`` mean the same time on the clock of the session's own zone, so many days before;
hours and minutes are elapsed time.  They differ where clocks change in between: a class on Sunday
at 19:00 is remembered on Saturday at 19:00, though that may be 23 or 25 hours before.
"""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainbot.core.errors import ConfigError
from trainbot.model.session import Session
from trainbot.core.times import MAX_BYTES, describe, places, readings, until

# After this, somebody who comes sees the class going on; a line about its start is only noise.
STARTED_GRACE = timedelta(minutes=5)
MOST_OFFSETS = 10
_OFFSET = re.compile(r"^([0-9]{1,4})([wdhm])$")
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}
_LONGEST = 365  # days


@dataclass(frozen=True, slots=True)
class Offset:
    """How long before the start: ``days`` on the calendar of the session's zone, then ``minutes``
    elapsed.  ``text`` is how it is written in bot.ini."""

    text: str
    days: int = 0
    minutes: int = 0

    def before(self, session: Session) -> datetime:
        """The moment (UTC) at which the reminder is due.  A wall time that clocks skip or repeat
        that day is read as RFC 5545 3.3.5 does: nobody is asked about a reminder."""
        if self.days:
            return readings(session.local - timedelta(days=self.days), session.zone)[0]
        return session.start - timedelta(minutes=self.minutes)


@dataclass(frozen=True, slots=True)
class Reminder:
    """Something to say once.  ``key`` names session, its start and the offset, so that a session
    that moves is remembered anew; ``text`` is one line that is true at the ``now`` it was made for."""

    key: str
    uid: str
    offset: str
    due_at: datetime
    session: Session
    text: str


def parse_offsets(text: str) -> tuple[Offset, ...]:
    """``7d 1d 1h 10m`` (also ``w``), the longest first; none at all is no reminders.

    Raises ConfigError with one sentence for each word that is no offset.
    """
    found: dict[int, Offset] = {}
    faults = []
    for word in text.replace(",", " ").split():
        match = _OFFSET.match(word.lower())
        total = int(match[1]) * _MINUTES[match[2]] if match else 0
        if not match or not 0 < total <= _LONGEST * _MINUTES["d"]:
            faults.append(f"{word[:20]} is no time before a session: write for example 7d 1d 1h 10m, up to {_LONGEST}d")
            continue
        days = total // _MINUTES["d"] if match[2] in "dw" else 0
        found[total] = Offset(word.lower(), days, 0 if days else total)
    if len(found) > MOST_OFFSETS:
        faults.append(f"{len(found)} reminders for one session are too many: write {MOST_OFFSETS} at most")
    if faults:
        raise ConfigError(faults)
    return tuple(found[total] for total in sorted(found, reverse=True))


def key(session: Session, offset: Offset) -> str:
    """What marks this reminder as said: another after a move, the same after any other edit."""
    return f"{session.uid}@{session.start:%Y%m%dT%H%M%SZ}-{offset.text}"


def passed_keys(session: Session, offsets: Iterable[Offset], now: datetime) -> frozenset[str]:
    """The keys of reminders whose time is over: to be marked as said when the session itself was
    announced just now, since that line told the time already."""
    return frozenset(key(session, offset) for offset in offsets if offset.before(session) <= now)


def latest(session: Session, offsets: Iterable[Offset], now: datetime) -> Offset | None:
    """The reminder that is due last of those whose time has come."""
    passed = [(offset.before(session), offset) for offset in offsets]
    passed = [item for item in passed if item[0] <= now]
    return max(passed, key=lambda item: item[0])[1] if passed else None


def due(
    sessions: Iterable[Session],
    offsets: Iterable[Offset],
    now: datetime,
    already: Collection[str],
    zones: Iterable[str] = (),
) -> list[Reminder]:
    """What has to be said now, by start; ``already`` holds the keys of what was said.

    However long nobody asked, each session gives one reminder at most: the latest one that is due,
    worded by the time that is really left.  Nothing is said of cancelled sessions, and nothing
    after the start, except for STARTED_GRACE.  ``zones`` are shown where a session names none.
    """
    zones, offsets, found = tuple(zones), tuple(offsets), []
    for session in sessions:
        if session.cancelled or now > session.start + STARTED_GRACE:
            continue
        offset = latest(session, offsets, now)
        if offset is None:
            continue
        due_at = offset.before(session)
        if (name := key(session, offset)) not in already:
            text = reminder_line(session, now, session.zones or zones)
            found.append(Reminder(name, session.uid, offset.text, due_at, session, text))
    return sorted(found, key=lambda reminder: (reminder.session.start, reminder.uid))


def next_due(sessions: Iterable[Session], offsets: Iterable[Offset], now: datetime) -> datetime | None:
    """When the next reminder falls due after ``now``, or None."""
    offsets = tuple(offsets)
    times = [offset.before(session) for session in sessions if not session.cancelled for offset in offsets]
    return min((time for time in times if time > now), default=None)


def reminder_line(session: Session, now: datetime, zones: Iterable[str]) -> str:
    """``SE Linux for all starts in 7 min: Sat 5 Dec 08:00 UTC | …``, or that it has begun."""
    left = session.start - now
    lead = until(left)
    verb = "starts " if left > timedelta() or lead == "now" else ""
    where = f" in {session.channel}" if session.channel else ""
    said = f"{session.name} {verb}{lead}{where}: "
    return said + places(session.start, zones, now, MAX_BYTES - len(said.encode()))


def my_line(session: Session, now: datetime, zone: str, zones: Iterable[str]) -> str:
    """The same for somebody who has a seat, in their own zone where it is known."""
    if not zone:
        return f"you have a seat: {reminder_line(session, now, zones)}; !tz CITY tells me your own time"
    where = f" in {session.channel}" if session.channel else ""
    left = session.start - now
    verb = "starts " if left > timedelta() or until(left) == "now" else ""
    return f"you have a seat: {session.title} {verb}{until(left)}{where}: {describe(session.start, zone, now)}"
