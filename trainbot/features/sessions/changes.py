"""What became of the sessions that people were told about: new, moved, cancelled, back."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, fields
from datetime import datetime
from typing import Literal

from trainbot.core.times import MAX_BYTES, describe, describe_many, readings
from trainbot.core.zones import TZDATA_VERSION
from trainbot.model.session import Schedule, Session

MOST_LINES = 4  # a channel takes one line in two seconds; more than this is told as a sum
Kind = Literal["new", "moved", "cancelled", "back"]


@dataclass(frozen=True, slots=True)
class Change:
    """``session`` as it is now (a cancelled one that left its file: as it was, marked cancelled),
    ``was`` as it stood before, None where it is new."""

    kind: Kind
    session: Session
    was: Session | None = None

    @property
    def by_clock_rules(self) -> bool:
        """True where nobody moved it: its wall time stands, the zone's rules changed."""
        was = self.was
        return (
            self.kind == "moved" and was is not None and was.tzdata != self.session.tzdata
            and (was.local, was.zone) == (self.session.local, self.session.zone)
        )  # fmt: skip


def changes(before: Iterable[Session], after: Schedule, now: datetime) -> list[Change]:
    """What to tell people, by start.  ``before`` is what was last known.

    A session that is in no file any more is cancelled, unless its file (or the folder) has faults:
    a slip in a file must not call a class off.  What has begun is left alone.  Further occurrences
    of a repeating event that come into view as time goes on are nothing new.
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
    """The session at the moment that its wall time means by the rules of this tzdata.  Where clocks now skip that time
    or show it twice, RFC 5545 3.3.5 says which moment it is: people know of it already, so nobody is asked."""
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
    """Series -> the latest start of it that is known."""
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


def render(change: Change, zones: Iterable[str], now: datetime) -> str:
    """One line about the change: the time in UTC and in ``zones``, or those that the session names."""
    session, was = change.session, change.was
    if change.kind == "cancelled":
        told = was or session  # people know it by the time it had
        here = "" if told.zone == "UTC" else f" ({describe(told.start, told.zone, now)})"
        return f"cancelled: {session.name}, {describe(told.start, 'UTC', now)}{here}"
    said = f"{'on again' if change.kind == 'back' else 'new session'}: {session.name}, "
    if change.kind == "moved" and was is not None:
        why = f" (the clock rules of {session.zone} changed)" if change.by_clock_rules else ""
        said = f"moved{why}: {session.name}, not {describe(was.start, 'UTC', now)} but "
    return said + describe_many(session.start, session.zones or zones, now, MAX_BYTES - len(said.encode()))


def render_all(found: Iterable[Change], zones: Iterable[str], now: datetime) -> list[str]:
    """A line for each, but for more than MOST_LINES of one kind from one file a single one: how many
    there are, and the first of them."""
    zones, lines = tuple(zones), []
    crowds: dict[tuple[str, str], list[Change]] = {}
    for change in found:
        crowds.setdefault((change.kind, change.session.origin), []).append(change)
    for (kind, _origin), group in crowds.items():
        if len(group) <= MOST_LINES:
            lines += [render(change, zones, now) for change in group]
            continue
        word = {"new": "new", "moved": "moved", "cancelled": "cancelled", "back": "on again"}[kind]
        lines.append(f"{len(group)} sessions {word}, the first: {render(group[0], zones, now)}; all: !sessions")
    return lines
