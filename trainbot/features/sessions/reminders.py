"""When people are reminded of a session.  Pure: the caller keeps the keys of reminders already sent.

``7d`` and ``1d`` mean the same local time in the session's own zone, that many days before; hours and
minutes are elapsed time.  They differ if clocks change in between: the reminder of a class on Sunday
at 19:00 comes on Saturday at 19:00, though that may be 23 or 25 hours before.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainbot.core.times import MAX_BYTES, describe, times_in, until
from trainbot.model.reminder import ReminderOffset
from trainbot.model.session import Session

# After this, people can see the class going on; a line about its start would only be noise.
STARTED_GRACE = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Reminder:
    """A reminder to send once.  ``key`` names the session, its start and the offset, so a moved session
    gets new reminders; ``text`` is one line, correct for the ``now`` it was written for."""

    key: str
    uid: str
    offset: str
    due_at: datetime
    session: Session
    text: str


def key(session: Session, offset: ReminderOffset) -> str:
    """The key that marks this reminder as sent: a new one after a move, the same after any other edit."""
    return f"{session.uid}@{session.start:%Y%m%dT%H%M%SZ}-{offset.text}"


def next_due(sessions: Iterable[Session], offsets: Iterable[ReminderOffset], now: datetime) -> datetime | None:
    """When the next reminder is due, or the next session starts; None if nothing is to come."""
    offsets = tuple(offsets)
    moments = [
        at
        for session in sessions
        if not session.cancelled
        for at in (session.start, *(offset.before(session) for offset in offsets))
    ]
    return min((at for at in moments if at > now), default=None)


def passed_keys(session: Session, offsets: Iterable[ReminderOffset], now: datetime) -> frozenset[str]:
    """The keys of reminders already due: to be marked as sent when the session was announced just
    now, since the announcement gave the time."""
    return frozenset(key(session, offset) for offset in offsets if offset.before(session) <= now)


def latest(session: Session, offsets: Iterable[ReminderOffset], now: datetime) -> ReminderOffset | None:
    """The last of the reminders that are due."""
    passed = [(offset.before(session), offset) for offset in offsets]
    passed = [item for item in passed if item[0] <= now]
    return max(passed, key=lambda item: item[0])[1] if passed else None


def due(
    sessions: Iterable[Session],
    offsets: Iterable[ReminderOffset],
    now: datetime,
    already: Collection[str],
    zones: Iterable[str] = (),
    jumped_from: datetime | None = None,
) -> list[Reminder]:
    """The reminders to send now, by start; ``already`` holds the keys of those sent.

    However long ago the last call was, each session gives at most one reminder: the latest one due,
    with the time that is really left.  There are none for cancelled sessions, and none after the
    start, except for STARTED_GRACE.  ``zones`` are shown besides its own, unless the session names others.  ``jumped_from``: the clock
    was set forward from there, so reminders of sessions that started since are sent late rather than never.
    """
    zones, offsets, found = tuple(zones), tuple(offsets), []
    for session in sessions:
        jumped = jumped_from is not None and session.start > jumped_from
        if session.cancelled or (now > session.start + STARTED_GRACE and not jumped):
            continue
        offset = latest(session, offsets, now)
        if offset is None:
            continue
        due_at = offset.before(session)
        if (name := key(session, offset)) not in already:
            text = reminder_line(session, now, session.shown_in(zones))
            found.append(Reminder(name, session.uid, offset.text, due_at, session, text))
    return sorted(found, key=lambda reminder: (reminder.session.start, reminder.uid))


def reminder_line(session: Session, now: datetime, zones: Iterable[str]) -> str:
    """``SE Linux for all starts in 7 min: Sat 5 Dec 08:00 UTC | …``, or that it has begun."""
    left = session.start - now
    lead = until(left)
    verb = "starts " if left > timedelta() or lead == "now" else ""
    where = f" in {session.channel}" if session.channel else ""
    said = f"{session.name} {verb}{lead}{where}: "
    return said + times_in(session.start, zones, now, MAX_BYTES - len(said.encode()))


def my_line(session: Session, now: datetime, zone: str, zones: Iterable[str]) -> str:
    """The reminder for somebody who signed up, in their own zone if known."""
    if not zone:
        return f"you have a seat: {reminder_line(session, now, zones)}; !tz CITY sets your time zone"
    where = f" in {session.channel}" if session.channel else ""
    left = session.start - now
    verb = "starts " if left > timedelta() or until(left) == "now" else ""
    return f"you have a seat: {session.title} {verb}{until(left)}{where}: {describe(session.start, zone, now)}"
