"""Calendars with changed series, written from a seed; ``scripts/ical-js`` asks ical.js what it makes of them.

Each VEVENT has a letter as its SUMMARY: ``S`` is the series, the others are its changes.
"""

from __future__ import annotations

import calendar
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from trainbot.adapters.calendars.vtimezone import vtimezone
from trainbot.core.zones import zone

START, END = datetime(2026, 11, 23, tzinfo=UTC), datetime(2027, 12, 28, tzinfo=UTC)
SEEDS = range(150)
ZONES = (
    "UTC",
    "Europe/Berlin",
    "Europe/Dublin",
    "America/New_York",
    "America/Santiago",
    "Australia/Melbourne",
    "Australia/Lord_Howe",
    "Asia/Kathmandu",
)
WEEKDAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")


def whole(events: str) -> str:
    """The calendar file with these VEVENT lines and a VTIMEZONE for each zone, in content lines as RFC 5545 wants them."""
    zones = "".join(
        vtimezone(name, 2026, 2028).decode().replace("\r\n", "\n") for name in ZONES if f"={name}:" in events
    )
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{zones}{events}END:VCALENDAR\n"
    return text.replace("\n", "\r\n")


def event(letter: str, lines: list[str]) -> str:
    head = ["BEGIN:VEVENT", "UID:a", "DTSTAMP:20261123T000000Z", f"SUMMARY:{letter}"]
    return "".join(f"{line}\n" for line in [*head, *lines, "END:VEVENT"])


def written(seed: int) -> str:
    """The VEVENTs of one series that ends within the year.  No time is one that clocks skip or show twice."""
    return _Writer(random.Random(seed)).events()


class _Writer:
    def __init__(self, choices: random.Random) -> None:
        self.choices = choices
        self.zone = choices.choice(ZONES)

    def events(self) -> str:
        pick = self.choices
        first = datetime(2027, 1, 4) + timedelta(days=pick.randint(0, 120), minutes=self.minute())
        rule, planned = self.rule(first, pick.randint(4, 12))
        indices = pick.sample(range(len(planned)), len(planned))
        changes = [indices.pop() for _ in range(pick.randint(1, min(4, len(indices))))]
        without = [indices.pop() for _ in range(min(pick.randint(0, 2), len(indices)))]
        lines = [f"DTSTART{self.at(first)}", f"DURATION:PT{pick.randint(20, 150)}M", rule]
        if without:
            lines += [self.listed("EXDATE", [planned[n] for n in without])]
        if pick.random() < 0.3:  # another day, at an hour that the series does not have
            lines += [f"RDATE{self.at(planned[0] + timedelta(days=1, minutes=7))}"]
        found = [event("S", lines)]
        for letter, n in zip("ABCD", changes, strict=False):
            found.append(event(letter, self.change(planned[n])))
        if pick.random() < 0.3:  # programs write them in any order
            pick.shuffle(found)
        return "".join(found)

    def rule(self, first: datetime, count: int) -> tuple[str, list[datetime]]:
        """A rule and the local times that it gives."""
        interval = self.choices.randint(1, 3)
        kinds: list[Callable[[int], datetime]] = [
            lambda n: first + timedelta(days=interval * n),
            lambda n: first + timedelta(weeks=interval * n),
            lambda n: _months_later(first, n),
            lambda n: first + timedelta(weeks=n // 2, days=2 * (n % 2)),
        ]
        day = WEEKDAYS[first.weekday()]
        later = WEEKDAYS[(first.weekday() + 2) % 7]
        texts = [f"DAILY;INTERVAL={interval}", f"WEEKLY;INTERVAL={interval}", "MONTHLY", f"WEEKLY;BYDAY={day},{later}"]
        kind = self.choices.randrange(4)
        if kind == 2 and first.day > 28:
            kind = 1
        if kind == 3 and first.weekday() > 4:  # both days in one week
            kind = 0
        count = min(count, 7) if kind == 2 else count
        return f"RRULE:FREQ={texts[kind]};COUNT={count}", [kinds[kind](n) for n in range(count)]

    def change(self, planned: datetime) -> list[str]:
        kind = self.choices.choice(("moved", "moved", "cancelled", "following"))
        name = "RECURRENCE-ID;RANGE=THISANDFUTURE" if kind == "following" else "RECURRENCE-ID"
        in_utc = kind != "following" and self.choices.random() < 0.3
        named = f"{name}:{self.utc(planned)}" if in_utc else f"{name}{self.at(planned)}"
        if kind == "cancelled":
            return [named, f"DTSTART{self.at(planned)}", "DURATION:PT1H", "STATUS:CANCELLED"]
        start = datetime.combine(planned.date(), datetime.min.time()) + timedelta(
            days=self.choices.randint(-2, 3), minutes=self.minute()
        )
        own = self.zone
        self.zone = self.choices.choice(ZONES) if self.choices.random() < 0.3 else own
        end = start + timedelta(minutes=self.choices.randint(10, 90))
        lines = [named, f"DTSTART{self.at(start)}", f"DTEND{self.at(end)}"]
        self.zone = own
        return lines

    def minute(self) -> int:
        """Of a day, when no clock is changed."""
        return self.choices.randrange(5 * 60, 21 * 60, 5)

    def at(self, wall: datetime) -> str:
        return f":{wall:%Y%m%dT%H%M%S}Z" if self.zone == "UTC" else f";TZID={self.zone}:{wall:%Y%m%dT%H%M%S}"

    def utc(self, wall: datetime) -> str:
        return f"{wall.replace(tzinfo=zone(self.zone)).astimezone(UTC):%Y%m%dT%H%M%SZ}"

    def listed(self, name: str, walls: list[datetime]) -> str:
        values = [self.at(wall) for wall in walls]
        return name + ",".join([values[0], *(value.rpartition(":")[2] for value in values[1:])])


def _months_later(first: datetime, months: int) -> datetime:
    month = first.month - 1 + months
    found = first.replace(year=first.year + month // 12, month=month % 12 + 1)
    assert found.day <= calendar.monthrange(found.year, found.month)[1]
    return found
