"""The clocks of one zone between two moments, as spans with a constant offset from UTC.

With spans no local time is ambiguous: the moments at which clocks show a time between 14:00 and 18:00 are a set, even
on a day when an hour is skipped (it is in no set) or happens twice (both are in the set).
"""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from trainbot.core.zones import zone
from trainbot.features.sessions.polls.spans import Span, Spans, union

_LOOK = 3 * 3600  # no zone has changed its clocks and back within three hours
DAY = 24 * 60


@dataclass(frozen=True, slots=True)
class OffsetSpan:
    """From ``start`` to ``end`` (seconds since 1970) clocks are ``offset`` seconds ahead of UTC."""

    start: int
    end: int
    offset: int


@functools.lru_cache(maxsize=1000)
def stretches(zone_name: str, start: int, end: int) -> tuple[OffsetSpan, ...]:
    """The spans of constant offset from ``start`` to ``end``, in order."""
    found: list[OffsetSpan] = []
    at, offset = start, _offset(zone_name, start)
    for moment in [*range(start + _LOOK, end, _LOOK), end]:
        if (later := _offset(zone_name, moment)) != offset:
            change = _change(zone_name, moment - _LOOK, moment)
            found.append(OffsetSpan(at, change, offset))
            at, offset = change, later
    return (*found, OffsetSpan(at, end, offset))


def _change(zone_name: str, before: int, after: int) -> int:
    """The moment at which the offset of ``after`` begins."""
    new = _offset(zone_name, after)
    while after - before > 1:
        middle = (before + after) // 2
        before, after = (before, middle) if _offset(zone_name, middle) == new else (middle, after)
    return after


def _offset(zone_name: str, moment: int) -> int:
    found = datetime.fromtimestamp(moment, UTC).astimezone(zone(zone_name)).utcoffset()
    return round((found or timedelta()).total_seconds())


def shown(clock: tuple[OffsetSpan, ...], day: date, minutes: tuple[int, int]) -> Spans:
    """All moments at which clocks show a time within ``minutes`` (from, to; after midnight of ``day``; more than 1440
    is the next day)."""
    midnight = wall_seconds(day)
    first, last = (midnight + 60 * minute for minute in minutes)
    parts: list[Span] = [(max(first - part.offset, part.start), min(last - part.offset, part.end)) for part in clock]
    return union(parts)


def only_moment(clock: tuple[OffsetSpan, ...], day: date, minute: int) -> int | None:
    """The only moment at which clocks show that time; None if they skip it or show it twice."""
    wall = wall_seconds(day) + 60 * minute
    found = [wall - part.offset for part in clock if part.start <= wall - part.offset < part.end]
    return found[0] if len(found) == 1 else None


def wall(clock: tuple[OffsetSpan, ...], moment: int) -> int:
    """The local time at that moment, as seconds since 1970."""
    part = next((part for part in clock if part.start <= moment < part.end), clock[-1])
    return moment + part.offset


def wall_seconds(day: date) -> int:
    """Midnight of ``day`` in local time, as seconds since 1970."""
    return (day - date(1970, 1, 1)).days * DAY * 60


def wall_time(seconds: int) -> datetime:
    """The local time as a naive datetime."""
    return datetime(1970, 1, 1) + timedelta(seconds=seconds)


def moment(seconds: int) -> datetime:
    """Aware UTC."""
    return datetime.fromtimestamp(seconds, UTC)
