"""The time zones of one calendar file: found by name, else by the rules of the VTIMEZONE (RFC 5545 3.6.5).

Programs invent names (``Customized Time Zone``), and then the VTIMEZONE is all there is.  Its rules are never used for a
time; they only identify the zone of the tz database that has the same ones in the period in question.
"""

from __future__ import annotations

import functools
import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta

from trainbot.adapters.calendars.tzid import of_tzid
from trainbot.adapters.calendars.vtimezone import changes
from trainbot.core.zones import city, offset_choices

MOST_IDENTIFIED = 50  # VTIMEZONEs of one file: each takes some 50 ms
MOST_RULES = 100  # of one VTIMEZONE
_TOLERANCE = timedelta(minutes=1)  # Exchange writes 23:59:59 for midnight
_OFFSET = re.compile(r"([+-])(\d\d)(\d\d)(\d\d)?")
_WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
_TIMES = {"BYHOUR": "%H", "BYMINUTE": "%M", "BYSECOND": "%S"}  # Notes writes them; they repeat the time of the DTSTART
_UNDERSTOOD = {"FREQ", "INTERVAL", "BYMONTH", "BYDAY", "BYMONTHDAY", "UNTIL", "WKST", *_TIMES}

Shift = tuple[datetime, timedelta, timedelta]  # moment, offset before and after


class FileZones:
    """``blocks``: for each calendar in the file, the lines of each VTIMEZONE by its TZID; ``first``, ``last``: the period
    for which sessions are read."""

    def __init__(self, blocks: list[dict[str, list[str]]], first: datetime, last: datetime) -> None:
        self._blocks, self._period = blocks, (_day(first), _day(last + timedelta(days=1)))
        self._found: dict[tuple[int, str, int], str | None] = {}
        self.calendar = 0  # the number of the one that is being read

    def named(self, tzid: str, wall: datetime) -> str | None:
        """The zone that ``tzid`` means for an event at the local time ``wall``, or None if nothing identifies one."""
        block = self._blocks[self.calendar].get(tzid.strip('"'), [])
        locations = [line.partition(":")[2].strip() for line in block if line.upper().startswith("X-LIC-LOCATION:")]
        if (name := of_tzid(tzid, locations[0] if locations else None)) is not None or not block:
            return name
        later = wall.year if wall.replace(tzinfo=UTC) > self._period[1] else 0
        key = (self.calendar, tzid, later)
        if key not in self._found:
            if len(self._found) >= MOST_IDENTIFIED:
                return None
            first, last = (
                (datetime(later, 1, 1, tzinfo=UTC), datetime(later, 12, 31, tzinfo=UTC)) if later else self._period
            )
            self._found[key] = _identified(tzid, block, first, last)
        return self._found[key]


def _identified(tzid: str, block: list[str], first: datetime, last: datetime) -> str | None:
    """The zone that has the rules of ``block`` from ``first`` to ``last``: UTC, one whose city is in ``tzid``, or the most
    populous."""
    try:
        rules = _rules(block)
        shifts = sorted(shift for rule in rules for shift in rule.shifts(first, last))
    except (ValueError, KeyError, OverflowError):
        return None
    if not shifts:
        return None
    before = [shift for shift in shifts if shift[0] <= first]
    offset = before[-1][2] if before else shifts[0][1]
    wanted: list[Shift] = []
    current = offset
    for moment, _was, after in shifts:
        if first < moment < last and after != current:
            wanted.append((moment, current, after))
            current = after
    choices = ("UTC", *offset_choices(offset, first)) if not offset else offset_choices(offset, first)
    same = [name for name in choices if _alike(wanted, _shifts_of(name, first, last))]
    said = tzid.casefold()
    return next((name for name in same if city(name).casefold() in said), same[0] if same else None)


def _alike(some: list[Shift], others: list[Shift]) -> bool:
    return len(some) == len(others) and all(
        abs(one[0] - other[0]) <= _TOLERANCE and one[2] == other[2] for one, other in zip(some, others, strict=True)
    )


@functools.lru_cache(maxsize=1024)
def _shifts_of(name: str, first: datetime, last: datetime) -> list[Shift]:
    return [(moment, was, after) for moment, was, after, *_ in changes(name, first, last) if was != after]


# -- the rules of a VTIMEZONE ----------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Rule:
    """One STANDARD or DAYLIGHT: its onsets are local times by the offset ``before``."""

    start: datetime
    before: timedelta
    after: timedelta
    rule: dict[str, str]
    more: tuple[datetime, ...]

    def shifts(self, first: datetime, last: datetime) -> Iterator[Shift]:
        """Those that matter from ``first`` to ``last``, in no order; its own start is always among them."""
        for local in (self.start, *self.more):
            yield ((local - self.before).replace(tzinfo=UTC), self.before, self.after)
        if not self.rule:
            return
        if self.rule["FREQ"] != "YEARLY" or self.rule.get("INTERVAL", "1") != "1" or set(self.rule) - _UNDERSTOOD:
            raise ValueError("a rule that time zones do not have")
        if any(
            int(self.rule[part]) != int(f"{self.start:{form}}") for part, form in _TIMES.items() if part in self.rule
        ):
            raise ValueError("other times than that of its start")
        until = _moment(self.rule["UNTIL"]) if "UNTIL" in self.rule else None
        for year in range(max(self.start.year, first.year - 1), last.year + 1):
            for day in self._days(year):
                local = datetime.combine(day, self.start.time())
                moment = (local - self.before).replace(tzinfo=UTC)
                if local > self.start and (until is None or moment.replace(tzinfo=None) <= until):
                    yield (moment, self.before, self.after)

    def _days(self, year: int) -> Iterator[date]:
        months = [int(month) for month in self.rule.get("BYMONTH", str(self.start.month)).split(",")]
        weekdays = [day for day in self.rule.get("BYDAY", "").upper().split(",") if day]
        numbers = [int(number) for number in self.rule.get("BYMONTHDAY", "").split(",") if number]
        if not weekdays and not numbers:
            numbers = [self.start.day]
        for month in sorted(set(months))[:12]:
            last = (date(year + month // 12, month % 12 + 1, 1) - date(year, month, 1)).days
            for day in range(1, last + 1):
                on = date(year, month, day)
                names = {
                    f"{ordinal}{_WEEKDAYS[on.weekday()]}" for ordinal in ("", (day + 6) // 7, -((last - day) // 7 + 1))
                }
                if (not weekdays or names & {name.lstrip("+") for name in weekdays}) and (
                    not numbers or {day, day - last - 1} & set(numbers)
                ):
                    yield on


def _rules(block: list[str]) -> list[_Rule]:
    """Raises ValueError or KeyError for a VTIMEZONE that is not understood."""
    rules: list[_Rule] = []
    values: dict[str, str] = {}
    more: list[datetime] = []
    for line in block:
        name, _, value = line.partition(":")
        name, value = name.partition(";")[0].upper(), value.strip().upper()
        if name == "BEGIN":
            values, more = {}, []
        elif name == "RDATE":
            more += [_moment(entry.partition("/")[0]) for entry in value.split(",")[:MOST_RULES]]
        elif name == "END" and value in ("STANDARD", "DAYLIGHT"):
            rule = dict(part.partition("=")[::2] for part in values.get("RRULE", "").split(";") if part)
            before, after = _offset(values["TZOFFSETFROM"]), _offset(values["TZOFFSETTO"])
            rules.append(_Rule(_moment(values["DTSTART"]), before, after, rule, tuple(more)))
        elif name == "RRULE" and name in values:
            raise ValueError("several rules")
        else:
            values[name] = value
    if len(rules) > MOST_RULES:
        raise ValueError("too many rules")
    return rules


def _moment(text: str) -> datetime:
    """A DATE-TIME, or the end of a DATE; without its Z."""
    if len(text) == 8:
        text += "T235959"
    return datetime.strptime(text.removesuffix("Z") + "Z", "%Y%m%dT%H%M%S%z").replace(tzinfo=None)


def _offset(text: str) -> timedelta:
    if (found := _OFFSET.fullmatch(text)) is None:
        raise ValueError("not an offset")
    sign, hours, minutes, seconds = found.groups()
    size = timedelta(hours=int(hours), minutes=int(minutes), seconds=int(seconds or 0))
    return -size if sign == "-" else size


def _day(moment: datetime) -> datetime:
    """The beginning of its day in UTC."""
    return moment.astimezone(UTC).replace(hour=0, minute=0, second=0, microsecond=0)
