"""Changes of sessions since people were last told: new, moved, cancelled, back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

from trainbot.core.times import MAX_BYTES, describe, describe_many, readings
from trainbot.core.zones import TZDATA_VERSION
from trainbot.model.session import Schedule, Session, cut

SHORTEST_NAME = 30  # bytes of a title that are always shown
MOST_LINES = 4  # a channel takes one line in two seconds; more than this become one summary
Kind = Literal["new", "moved", "cancelled", "back"]


@dataclass(frozen=True, slots=True)
class Change:
    """One change.  ``session``: as it is now (one removed from its file: as it was, marked cancelled); ``was``: as it
    was before, None if it is new."""

    kind: Kind
    session: Session
    was: Session | None = None

    @property
    def by_clock_rules(self) -> bool:
        """True if nobody moved it: the local time is the same, but the rules of the time zone changed."""
        was = self.was
        return (
            self.kind == "moved" and was is not None and was.tzdata != self.session.tzdata
            and (was.local, was.zone) == (self.session.local, self.session.zone)
        )  # fmt: skip


@dataclass(frozen=True, slots=True)
class Announcement:
    """One line for a channel.  ``session``: the only one that it is about."""

    text: str
    session: Session | None = None


def changes(before: Iterable[Session], after: Schedule, now: datetime) -> list[Change]:
    """The changes to announce, by start.  ``before`` is what was last known.

    A session that is no longer in any file is cancelled, unless its file (or the folder) has errors:
    a typing error must not cancel a class.  Sessions that have begun are left alone.  Further
    occurrences of a repeating event that come into range with time are not new.
    """
    known = {session.uid: session for session in before}
    series = _known_series(known.values())
    found = []
    for session in after.sessions:
        if (change := _change(known.get(session.uid), session, series, now)) is not None:
            found.append(change)
    there = {session.uid for session in after.sessions}
    for was in known.values():
        gone = was.uid not in there and not was.cancelled and was.start > now and not was.made_here
        if gone and after.readable and was.origin not in after.doubtful:
            found.append(Change("cancelled", was.as_cancelled(), was))
    return sorted(found, key=lambda change: (change.session.start, change.session.uid))


def derived_again(session: Session) -> Session:
    """The session with its start recomputed by the rules of this tzdata.  If clocks now skip its local time or show it
    twice, RFC 5545 3.3.5 decides: people already know of the session, so nobody is asked."""
    if session.tzdata == TZDATA_VERSION:
        return session
    return Session.of(
        **{
            field.name: getattr(session, field.name)
            for field in fields(session)
            if field.name not in ("start", "tzdata", "revision")
        },
        start=readings(session.local, session.zone)[0],
    )


def _known_series(sessions: Iterable[Session]) -> dict[str, datetime]:
    """Series -> its latest known start."""
    latest: dict[str, datetime] = {}
    for session in sessions:
        if session.series is not None:
            latest[session.series] = max(session.start, latest.get(session.series, session.start))
    return latest


def _change(was: Session | None, session: Session, series: dict[str, datetime], now: datetime) -> Change | None:
    if was is None:
        last = series.get(session.series) if session.series else None
        quiet = session.cancelled or session.start <= now or (last is not None and session.start > last)
        return None if quiet else Change("new", session)
    if max(was.start, session.start) <= now:
        return None
    if was.cancelled != session.cancelled:
        return Change("cancelled" if session.cancelled else "back", session, was)
    if was.start != session.start and not session.cancelled:
        return Change("moved", session, was)
    return None


def render(change: Change, zones: Iterable[str], now: datetime, room: int = MAX_BYTES) -> str:
    """One line about the change, of ``room`` bytes: the time in UTC, in the session's own zone, and in ``zones`` or those
    that the session names.  If there is no room for all of them, the title is cut."""
    session, was = change.session, change.was
    if change.kind == "cancelled":
        told = was or session  # people know its old time
        here = "" if told.zone == "UTC" else f" ({describe(told.start, told.zone, now)})"
        return f"cancelled: {session.name}, {describe(told.start, 'UTC', now)}{here}"
    what, after = ("on again" if change.kind == "back" else "new session"), ""
    if change.kind == "moved" and was is not None:
        what = f"moved (the clock rules of {session.zone} changed)" if change.by_clock_rules else "moved"
        after = f"from {describe(was.start, 'UTC', now)} to "
    shown = session.shown_in(zones)
    times = describe_many(session.start, shown, now, room)
    left = room - len(f"{what}: , {after}{times}".encode())
    said = f"{what}: {cut(session.name, max(left, SHORTEST_NAME))}, {after}"
    return said + describe_many(session.start, shown, now, room - len(said.encode()))


def render_all(
    found: Iterable[Change], zones: Iterable[str], now: datetime, room: int = MAX_BYTES
) -> list[Announcement]:
    """One line per change, of ``room`` bytes; more than MOST_LINES of one kind from one file become a single line with
    their number and the first of them."""
    zones = tuple(zones)
    lines: list[Announcement] = []
    crowds: dict[tuple[str, str], list[Change]] = {}
    for change in found:
        crowds.setdefault((change.kind, change.session.origin), []).append(change)
    for (kind, _origin), group in crowds.items():
        if len(group) <= MOST_LINES:
            lines += [Announcement(render(change, zones, now, room), change.session) for change in group]
            continue
        what = {
            "new": "new sessions",
            "moved": "sessions moved",
            "cancelled": "sessions cancelled",
            "back": "sessions on again",
        }
        first = render(group[0], zones, now, room)
        lines.append(Announcement(f"{len(group)} {what[kind]}, the first: {first}; !sessions lists them all"))
    return lines
