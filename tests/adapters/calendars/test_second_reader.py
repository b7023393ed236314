"""What other libraries write is read to the same moments by libical, which shares no code with ours.

Ours expands with recurring-ical-events (dateutil) and has the tz database of the ``tzdata`` package; libical has its own
recurrences and the system's tz database.  Where they differ is listed below, with which of them is right by RFC 5545.
"""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import icalendar
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainbot.adapters.calendars.ics_schedule import read_ics
from trainbot.core.zones import zone

START, END = datetime(2026, 11, 23, tzinfo=UTC), datetime(2027, 12, 28, tzinfo=UTC)
PYTHON = "/usr/bin/python3"  # the one that the distribution's python3-gi is for
READER = Path(__file__).parents[2] / "peers" / "libical_reader.py"
ZONES = (
    "UTC",
    "Europe/Berlin",
    "America/New_York",
    "Australia/Melbourne",
    "Asia/Kathmandu",
    "Australia/Lord_Howe",
    "Pacific/Auckland",
)
DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")

Read = list[tuple[datetime, int]]  # start, minutes


class Libical:
    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def read(self, text: str) -> Read:
        assert self._process.stdin is not None and self._process.stdout is not None
        print(json.dumps(text), file=self._process.stdin, flush=True)
        found = json.loads(self._process.stdout.readline())
        return [(datetime.fromtimestamp(at, UTC), length // 60) for at, length in found if at < END.timestamp()]


@pytest.fixture(scope="module")
def libical() -> Iterator[Libical]:
    limits = [str(int(moment.timestamp())) for moment in (START, END)]
    with subprocess.Popen(
        [PYTHON, str(READER), *limits], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as process:
        yield Libical(process)
        assert process.stdin is not None
        process.stdin.close()


def ours(text: str) -> Read:
    sessions, problems = read_ics(text, "c.ics", START, END)
    assert problems == []
    return sorted((session.start, session.minutes) for session in sessions)


def written(first: datetime, minutes: int, more: dict[str, Any]) -> str:
    """A calendar as icalendar writes it."""
    event = icalendar.Event()
    event.add("UID", "a")
    event.add("SUMMARY", "a")
    event.add("DTSTART", first)
    event.add("DURATION", timedelta(minutes=minutes))
    for name, value in more.items():
        event.add(name, value)
    calendar = icalendar.Calendar()
    calendar.add("VERSION", "2.0")
    calendar.add("PRODID", "x")
    calendar.add_component(event)
    return calendar.to_ical().decode()


@st.composite
def rules(draw: st.DrawFn, first: datetime) -> dict[str, Any]:
    """A rule that includes its first date."""
    weekday, ordinal = DAYS[first.weekday()], (first.day + 6) // 7
    others = draw(st.lists(st.sampled_from(DAYS), max_size=3, unique=True))
    rule: dict[str, Any] = draw(
        st.sampled_from([
            {"FREQ": "DAILY", "INTERVAL": draw(st.integers(1, 10))},
            {"FREQ": "DAILY", "BYDAY": [weekday, *(day for day in others if day != weekday)]},
            {"FREQ": "WEEKLY", "INTERVAL": draw(st.integers(1, 4))},
            {"FREQ": "WEEKLY", "INTERVAL": draw(st.integers(1, 4)), "BYDAY": [weekday, *(day for day in others if day != weekday)]},
            {"FREQ": "MONTHLY", "BYDAY": f"{min(ordinal, 4)}{weekday}" if ordinal < 5 else f"-1{weekday}"},
            {"FREQ": "MONTHLY", "BYMONTHDAY": first.day},
            {"FREQ": "MONTHLY", "INTERVAL": draw(st.integers(1, 5))},
            {"FREQ": "YEARLY"},
            {"FREQ": "YEARLY", "BYMONTH": first.month, "BYMONTHDAY": first.day},
        ])
    )  # fmt: skip
    if draw(st.booleans()) and rule["FREQ"] == "WEEKLY":
        rule["WKST"] = draw(st.sampled_from(("MO", "SU")))
    last = first + timedelta(days=draw(st.integers(0, 300)))
    end = draw(st.sampled_from(["never", "count", "until"]))
    if end == "count":
        rule["COUNT"] = draw(st.integers(1, 40))
    elif end == "until":
        rule["UNTIL"] = last.astimezone(UTC)
    return rule


@st.composite
def calendars(draw: st.DrawFn) -> str:
    name = draw(st.sampled_from(ZONES))
    day = draw(st.integers(1, 200))
    minute = draw(st.integers(4 * 60, 24 * 60 - 1))  # clocks change before; see below
    first = (datetime(2026, 11, 24) + timedelta(days=day, minutes=minute)).replace(tzinfo=zone(name))
    rule = draw(rules(first))
    more: dict[str, Any] = {"RRULE": rule}
    steps = st.lists(st.integers(0, 60), max_size=4, unique=True)
    without: list[Any] = [first + timedelta(days=n) for n in draw(steps)]
    if draw(st.booleans()):
        without = [moment.astimezone(UTC) for moment in without]
    if name == "UTC" and draw(st.booleans()):
        without = [moment.date() for moment in without]
    if without:
        more["EXDATE"] = without
    if besides := [first + timedelta(days=n, hours=1) for n in draw(steps) if (first + timedelta(hours=1)).hour > 4]:
        more["RDATE"] = [moment.astimezone(UTC) for moment in besides]
    return written(first, draw(st.integers(5, 300)), more)


@given(calendars())
@settings(
    max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
)
def test_the_same_moments(libical: Libical, text: str) -> None:
    """Repetitions, dates left out and added, in zones whose clocks change."""
    assert ours(text) == libical.read(text)


B = "TZID=Europe/Berlin"
WEEKLY = f"DTSTART;{B}:20270302T190000\nDURATION:PT1H\nRRULE:FREQ=WEEKLY"


@pytest.mark.parametrize(
    ("event", "right", "theirs"),
    [
        # 3.2.19: the TZID of an RDATE is its zone; libical takes the time for UTC
        (f"{WEEKLY};COUNT=1\nRDATE;{B}:20270303T100000", "0302-1800/60 0303-0900/60", "0302-1800/60 0303-1000/60"),
        # 3.8.5.2: an RDATE may be a period; libical 3.0.16 leaves it out (3.0.20 does not)
        (f"{WEEKLY};COUNT=1\nRDATE;VALUE=PERIOD:20270303T100000Z/PT45M", "0302-1800/60 0303-1000/45", "0302-1800/60"),
        # not in the RFC, as the RDATE has another type than the DTSTART; libical adds an occurrence at midnight UTC
        (f"{WEEKLY};COUNT=1\nRDATE;VALUE=DATE:20270303", "0302-1800/60 0303-1800/60", "0302-1800/60 0303-0000/60"),
        # nor is an EXDATE that is a date; whoever writes one means the day of the event's zone, libical takes that of UTC
        (
            "DTSTART;TZID=Australia/Melbourne:20270302T040000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=2\nEXDATE;VALUE=DATE:20270302",
            "0302-1700/60",
            "0301-1700/60",
        ),
        # 3.3.10 wants UNTIL in UTC here; whoever writes a date means that day too, libical ends at its beginning
        (f"{WEEKLY};UNTIL=20270309", "0302-1800/60 0309-1800/60", "0302-1800/60"),
        # 3.3.10: with weeks that start on a Thursday the first date is still the first; libical begins in the next week
        (
            f"{WEEKLY};INTERVAL=2;COUNT=3;BYDAY=TU,MO;WKST=TH",
            "0302-1800/60 0315-1800/60 0316-1800/60",
            "0308-1800/60 0309-1800/60 0322-1800/60",
        ),
        # 3.3.5: a skipped time is read by the offset before the gap; libical reads a single event by the one after it,
        (f"DTSTART;{B}:20270328T023000\nDURATION:PT1H", "0328-0130/60", "0328-0030/60"),
        # and stays an hour late on all days after the gap
        (
            f"DTSTART;{B}:20270327T023000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3",
            "0327-0130/60 0328-0130/60 0329-0030/60",
            "0327-0130/60 0328-0130/60 0329-0130/60",
        ),
        # 3.3.5: of a time that is shown twice the first is meant; libical takes the second
        (
            f"DTSTART;{B}:20271030T023000\nDURATION:PT1H\nRRULE:FREQ=DAILY;COUNT=3",
            "1030-0030/60 1031-0030/60 1101-0130/60",
            "1030-0030/60 1031-0130/60 1101-0130/60",
        ),
    ],
)
def test_where_they_differ(libical: Libical, event: str, right: str, theirs: str) -> None:
    """Ours is right; a later libical may be."""
    text = (
        f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\nBEGIN:VEVENT\nUID:a\nSUMMARY:a\n{event}\nEND:VEVENT\nEND:VCALENDAR\n"
    )
    text = text.replace("\n", "\r\n")
    assert shown(ours(text)) == right
    assert shown(libical.read(text)) in (theirs, right)


def shown(read: Read) -> str:
    return " ".join(f"{start:%m%d-%H%M}/{minutes}" for start, minutes in read)
