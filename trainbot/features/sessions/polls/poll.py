"""The plan of a poll and its possible starts."""

from __future__ import annotations

import functools
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta

from trainbot.features.sessions.polls.clocks import DAY, OffsetSpan, only_moment, stretches, wall, wall_time
from trainbot.features.sessions.polls.spans import Span

MARGIN = 2 * DAY * 60  # seconds: covers the days of the poll in every time zone


@dataclass(frozen=True, slots=True)
class PollPlan:
    """At most ``most`` sessions of ``minutes`` that begin on a day from ``first`` to ``last``, within ``window`` (minutes
    after midnight, both included; past 1440 is the next morning) in local time of ``zone``, every ``step`` minutes."""

    zone: str
    first: date
    last: date
    window: tuple[int, int]
    minutes: int
    most: int
    step: int

    @property
    def days(self) -> tuple[date, ...]:
        return tuple(self.first + timedelta(days=n) for n in range((self.last - self.first).days + 1))

    def clock(self, zone_name: str) -> tuple[OffsetSpan, ...]:
        """The clocks of that zone from before the first start to after the last end."""
        first = round(datetime.combine(self.first, time(), UTC).timestamp()) - MARGIN
        last = (
            round(datetime.combine(self.last, time(), UTC).timestamp()) + 60 * (self.window[1] + self.minutes) + MARGIN
        )
        return stretches(zone_name, first, last)


@functools.lru_cache(maxsize=64)
def starts(plan: PollPlan) -> tuple[int, ...]:
    """Every possible start, in seconds since 1970, in order.  Local times that clocks skip or show twice are left
    out: no class begins at such a time."""
    clock = plan.clock(plan.zone)
    minutes = range(plan.window[0], plan.window[1] + 1, plan.step)
    found = (only_moment(clock, day, minute) for day in plan.days for minute in minutes)
    return tuple(sorted({moment for moment in found if moment is not None}))


@functools.lru_cache(maxsize=64)
def extent(plan: PollPlan) -> Span:
    """The time from the first start to the last end; empty if there is no start."""
    moments = starts(plan)
    return (moments[0], moments[-1] + 60 * plan.minutes) if moments else (0, 0)


@functools.lru_cache(maxsize=1000)
def local_days(plan: PollPlan, zone_name: str) -> tuple[date, ...]:
    """The days in ``zone_name`` on which a session could take place."""
    clock, length = plan.clock(zone_name), 60 * plan.minutes
    found = {wall_time(wall(clock, moment)).date() for start in starts(plan) for moment in (start, start + length - 1)}
    return tuple(sorted(found))
