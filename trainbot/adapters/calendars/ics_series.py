"""The occurrences of a series and the changes to them (RFC 5545 3.8.4.4, 3.8.5).

A library expands the repetition.  The changes are applied here: it ignores a change of the zone, and changes that
refer to an occurrence by the time to which an earlier change moved it, or only by its day.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import icalendar
import recurring_ical_events

from trainbot.core.zones import zone
from trainbot.model.session_fields import DEFAULT_MINUTES, plain

MOST_SHIFTED = timedelta(days=366)  # by a change of this and all later occurrences


@dataclass(frozen=True, slots=True)
class Event:
    """One VEVENT after checking; its times are in its zone.  ``minutes``: 0 in a change that has no length of its own;
    ``version``: a later one is greater (RFC 5546 2.1.5); ``rid``: its RECURRENCE-ID, midnight if that is a date;
    ``following``: it changes all later occurrences too; ``without``: EXDATE, a date stands for all that day; ``lengths``: minutes
    of the occurrences that have their own (RDATE with periods), by start in UTC; ``values``: the Session's other fields;
    ``described``: it has a description, in which they are."""

    uid: str
    first: datetime
    zone: str
    minutes: int
    version: tuple[float, ...] = ()
    rid: datetime | None = None
    following: bool = False
    rule: Any = None
    without: tuple[datetime | date, ...] = ()
    besides: tuple[datetime, ...] = ()
    lengths: dict[datetime, int] = field(default_factory=dict)
    values: dict[str, Any] = field(default_factory=dict)
    described: bool = True

    @property
    def repeats(self) -> bool:
        return self.rule is not None or bool(self.besides)

    def completed(self, series: Event | None) -> Event:
        """A change with what it leaves out of its series (Exchange leaves out what did not change)."""
        of_series = series.values if series is not None else {}
        left_out = {"title"} if self.described else of_series.keys() - {"cancelled"}
        values = {**{name: of_series[name] for name in left_out & of_series.keys()}, **self.values}
        minutes = self.minutes or (series.minutes if series is not None else DEFAULT_MINUTES)
        return replace(self, minutes=minutes, values=values)

    def minutes_at(self, start: datetime) -> int:
        return self.lengths.get(start.astimezone(UTC), self.minutes)


@dataclass(frozen=True, slots=True)
class Occurrence:
    """``planned``: when it would have started unless it was moved, which identifies it."""

    event: Event
    start: datetime
    planned: datetime


def session_uid(uid: str) -> str:
    """The uid of an event's session, or of its series: the event's, unless that is too long or not fit to show."""
    shown = plain(uid, 255).replace(" ", "_")
    return (
        shown if shown == uid and len(uid) <= 150 else f"{shown[:40]}~{hashlib.sha256(uid.encode()).hexdigest()[:16]}"
    )


def occurrences(master: Event | None, changes: Sequence[Event], start: datetime, end: datetime) -> list[Occurrence]:
    """What takes place between ``start`` and ``end``, and what was moved from there to later; of a series that begins later,
    the first.  Changes of an occurrence that the series does not have stand for themselves."""
    if master is not None and not master.repeats and not changes:
        return [Occurrence(master, master.first, master.first)]
    if master is not None and master.first > end:
        end = master.first + timedelta(minutes=1)
    further = max((abs(shift(change, master)) for change in changes if change.following), default=timedelta())
    planned = [] if master is None else _planned(master, start - further, end + further)
    placed = _placed(master, planned, changes)
    return [
        found
        for found in placed.values()
        if found.start + timedelta(minutes=found.event.minutes_at(found.start)) > start
        and (found.start < end or found.planned < end or (not found.event.following and found.event is not master))
    ]


def shift(change: Event, master: Event | None) -> timedelta:
    """By how much a change moves the local time."""
    assert change.rid is not None
    return _wall(change.first, change.zone) - _wall(change.rid, (master or change).zone)


def _placed(master: Event | None, planned: Iterable[datetime], changes: Sequence[Event]) -> dict[datetime, Occurrence]:
    """The occurrences by when they were planned (UTC)."""
    placed: dict[datetime, Occurrence] = {}
    left_out: _LeftOut | tuple[()] = ()
    if master is not None:
        left_out = _LeftOut(master)
        placed = {start.astimezone(UTC): Occurrence(master, start, start) for start in planned if start not in left_out}
    moved: dict[datetime, datetime] = {}  # where an occurrence now starts -> its key
    for change in sorted(changes, key=lambda change: (change.rid, not change.following, change.version)):
        assert change.rid is not None
        at = change.rid.astimezone(UTC)
        at = at if at in placed else moved.get(at) or _that_day(change.rid, placed) or at
        if at in left_out:
            continue
        if not change.following:
            placed[at] = Occurrence(change, change.first, at)
            continue
        planned_zone = (master or change).zone
        by = _wall(change.first, change.zone) - _wall(at, planned_zone)
        for key in [key for key in placed if key >= at]:
            start = _in_zone(_wall(key, planned_zone) + by, change.zone)
            placed[key] = Occurrence(change, start, key)
            moved[start.astimezone(UTC)] = key
    return placed


def _that_day(rid: datetime, placed: Iterable[datetime]) -> datetime | None:
    """The only occurrence of a day that ``rid`` names by its midnight, as Exchange does."""
    if rid.time() != time.min:
        return None
    found = [key for key in placed if key.astimezone(rid.tzinfo).date() == rid.date()]
    return found[0] if len(found) == 1 else None


class _LeftOut:
    """The moments and days of EXDATE.  The library does not get them: it also leaves out an occurrence that has the same
    figures in UTC as an EXDATE has in its zone."""

    def __init__(self, master: Event) -> None:
        self._zone = zone(master.zone)
        self._moments = {entry.astimezone(UTC) for entry in master.without if isinstance(entry, datetime)}
        self._days = {entry for entry in master.without if not isinstance(entry, datetime)}

    def __contains__(self, moment: datetime) -> bool:
        return moment.astimezone(UTC) in self._moments or moment.astimezone(self._zone).date() in self._days


def _planned(master: Event, start: datetime, end: datetime) -> Iterator[datetime]:
    """The starts of the series as the master has them; in its zone."""
    if not master.repeats:
        yield master.first
        return
    bare = icalendar.Event()
    bare.add("UID", "one")
    bare.add("DTSTART", master.first)
    bare.add("DURATION", timedelta(minutes=max([master.minutes, *master.lengths.values()])))
    if master.rule is not None:
        bare["RRULE"] = master.rule
    for moment in master.besides:
        bare.add("RDATE", moment)
    calendar = icalendar.Calendar()
    calendar.add_component(bare)
    for occurrence in recurring_ical_events.of(calendar).between(start, end):
        yield occurrence["DTSTART"].dt


def _wall(moment: datetime, zone_name: str) -> datetime:
    return moment.astimezone(zone(zone_name)).replace(tzinfo=None)


def _in_zone(wall: datetime, zone_name: str) -> datetime:
    """The first reading of a time that clocks skip or show twice (3.3.5)."""
    return wall.replace(tzinfo=zone(zone_name), fold=0)
