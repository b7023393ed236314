"""A time zone as calendars contain it (RFC 5545 3.6.5), from our own tz database.

The library's own ``Timezone.from_tzinfo`` puts the start of summer time an hour late (it writes the time after the
change, but 3.6.5 requires the time before it), so a session that morning would be shown at the wrong time.
"""

from __future__ import annotations

import functools
from datetime import UTC, datetime, timedelta

import icalendar

from trainbot.core.zones import zone

Change = tuple[datetime, timedelta, timedelta, str, bool]  # moment, offset before and after, name after, summer time


def changes(name: str, first: datetime, last: datetime) -> list[Change]:
    """Each moment (UTC) from ``first`` to ``last`` at which clocks in that zone change."""
    found, at = [], first
    while at < last:
        then = at + timedelta(days=1)
        if _reading(name, at) != _reading(name, then):
            moment = _between(name, at, then)
            found.append((moment, _reading(name, moment - timedelta(seconds=1))[0], *_reading(name, moment)))
            then = moment  # clocks may change twice in a day, after a hasty change of law
        at = then
    return found


def _between(name: str, before: datetime, after: datetime) -> datetime:
    was = _reading(name, before)
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        before, after = (middle, after) if _reading(name, middle) == was else (before, middle)
    return after


def _reading(name: str, at: datetime) -> tuple[timedelta, str, bool]:
    local = at.astimezone(zone(name))
    return local.utcoffset() or timedelta(), local.tzname() or name, bool(local.dst())


@functools.lru_cache(maxsize=256)
def vtimezone(name: str, first_year: int, last_year: int) -> bytes:
    """The VTIMEZONE of ``name``, valid from the first day of ``first_year`` to the last of ``last_year``."""
    begin, end = datetime(first_year, 1, 1, tzinfo=UTC) - timedelta(days=2), datetime(last_year + 1, 1, 2, tzinfo=UTC)
    component = icalendar.Timezone()
    component.add("TZID", name)
    offset, called, summer = _reading(name, begin)
    component.add_component(_observance(begin.replace(tzinfo=None), [], offset, offset, called, summer))
    alike: dict[tuple[timedelta, timedelta, str, bool], list[datetime]] = {}
    for moment, before, after, called, summer in changes(name, begin, end):
        alike.setdefault((before, after, called, summer), []).append((moment + before).replace(tzinfo=None))
    for (before, after, called, summer), onsets in alike.items():
        component.add_component(_observance(onsets[0], onsets[1:], before, after, called, summer))
    text: bytes = component.to_ical(sorted=False)
    return text


def _observance(
    onset: datetime, more: list[datetime], before: timedelta, after: timedelta, called: str, summer: bool
) -> icalendar.cal.Component:
    part = icalendar.TimezoneDaylight() if summer else icalendar.TimezoneStandard()
    part.add("DTSTART", onset)
    if more:
        part.add("RDATE", more)
    part.add("TZOFFSETFROM", before)
    part.add("TZOFFSETTO", after)
    part.add("TZNAME", called)
    return part
