"""Changes of a series (RECURRENCE-ID) are understood as ical.js understands them.

libical (test_second_reader.py) leaves them to the calendar program.  ical.js, which Thunderbird and Nextcloud read
calendars with, applies them; it needs node, so its answers are in ical_js.json, which ``make ical-js`` writes: the tests
run without node, and on the same calendars each time.  Where they differ is listed below, with who is right by RFC 5545.
"""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path

import pytest

from tests.adapters.calendars.changed_series import END, SEEDS, START, event, whole, written
from trainbot.adapters.calendars.ics_schedule import read_ics

ANSWERS = Path(__file__).with_name("ical_js.json")


def shown(start: datetime, minutes: int, *, cancelled: bool, letter: str) -> str:
    """``0302-1800/60S``; an ``x`` at the end is cancelled."""
    return f"{start:%m%d-%H%M}/{minutes}{letter}{'x' * cancelled}"


def ours(events: str) -> str:
    sessions, problems = read_ics(whole(events), "c.ics", START, END)
    assert problems == []
    return " ".join(
        shown(s.start, s.minutes, cancelled=s.cancelled, letter=s.title)
        for s in sorted(sessions, key=lambda s: (s.start, s.title))
    )


@pytest.fixture(scope="module")
def answers() -> dict[str, str]:
    found: dict[str, str] = json.loads(ANSWERS.read_text(encoding="utf-8"))["answers"]
    return found


@pytest.mark.parametrize("seed", SEEDS)
def test_the_same_changes(answers: dict[str, str], seed: int) -> None:
    """Moved, also to other zones; cancelled; changed from then on; with dates left out and added."""
    events = written(seed)
    assert events in answers, "the writer or the Python version has changed: make ical-js"
    assert ours(events) == answers[events]


B = "TZID=Europe/Berlin"
SERIES = event("S", [f"DTSTART;{B}:20270302T190000", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=5"])


def series(*changes: str, more: str = "") -> str:
    """The series with changes; each is its RECURRENCE-ID and DTSTART, and what else it says."""
    events = [event(letter, change.split("\n")) for letter, change in zip("ABCD", changes, strict=False)]
    return SERIES.replace("END:", f"{more}END:") + "".join(events)


ALL = "0302-1800/60S 0309-1800/60S 0316-1800/60S 0323-1800/60S 0330-1700/60S"
EARLY = ALL[:13]
#: The events -> what is right, which is what ours answers, and what ical.js answers.
DIFFERENT: dict[str, tuple[str, str]] = {
    # 3.2.13: the change is by as much as from the RECURRENCE-ID, a moment in UTC, to the DTSTART: two hours; ical.js takes its
    # figures for those of the DTSTART's zone, and moves by three
    series(f"RECURRENCE-ID;RANGE=THISANDFUTURE:20270309T180000Z\nDTSTART;{B}:20270309T210000\nDURATION:PT1H"): (
        f"{EARLY} 0309-2000/60A 0316-2000/60A 0323-2000/60A 0330-1900/60A",
        f"{EARLY} 0309-2000/60A 0316-2100/60A 0323-2100/60A 0330-2000/60A",
    ),
    # the same for an RDATE in UTC among the later occurrences
    series(
        f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270309T190000\nDTSTART;{B}:20270309T210000\nDURATION:PT1H",
        more="RDATE:20270310T120000Z\n",
    ): (
        f"{EARLY} 0309-2000/60A 0310-1400/60A 0316-2000/60A 0323-2000/60A 0330-1900/60A",
        f"{EARLY} 0309-2000/60A 0310-1300/60A 0316-2000/60A 0323-2000/60A 0330-1900/60A",
    ),
    # 3.3.6: minutes of a DURATION are exact, also over a clock change; ical.js adds them to the time on the clock
    event("S", ["DTSTART;TZID=America/Santiago:20270403T220000", "DURATION:PT4H", "RRULE:FREQ=DAILY;COUNT=2"]): (
        "0404-0100/240S 0405-0200/240S",
        "0404-0100/300S 0405-0200/240S",
    ),
    # 3.6.1: without an end it would end when it starts; whoever leaves out what did not change means the usual length
    series(f"RECURRENCE-ID;{B}:20270309T190000\nDTSTART;{B}:20270309T210000"): (
        ALL.replace("0309-1800/60S", "0309-2000/60A"),
        ALL.replace("0309-1800/60S", "0309-2000/0A"),
    ),
    # 3.8.4.4: the series has no such occurrence; ical.js leaves the change out, ours does not lose a class
    series(f"RECURRENCE-ID;{B}:20270311T190000\nDTSTART;{B}:20270312T190000\nDURATION:PT1H"): (
        ALL.replace("0316", "0312-1800/60A 0316"),
        ALL,
    ),
    # nor is it in the RFC that an occurrence is named by its day, as Exchange does; ical.js leaves the change out
    series(f"RECURRENCE-ID;VALUE=DATE:20270309\nDTSTART;{B}:20270310T170000\nDURATION:PT1H"): (
        ALL.replace("0309-1800/60S", "0310-1600/60A"),
        ALL,
    ),
    series(f"RECURRENCE-ID;{B}:20270309T000000\nDTSTART;{B}:20270310T170000\nDURATION:PT1H"): (
        ALL.replace("0309-1800/60S", "0310-1600/60A"),
        ALL,
    ),
    # 3.8.5.2: an RDATE may be a period; ical.js fails
    series(more="RDATE;VALUE=PERIOD:20270310T120000Z/PT45M\n"): (
        ALL.replace("0316", "0310-1200/45S 0316"),
        "TypeError: occurrence.convertToZone is not a function",
    ),
    # 3.8.4.4: of two versions of one change the one with the greater SEQUENCE counts; ical.js takes the last in the file
    series(
        f"RECURRENCE-ID;{B}:20270309T190000\nDTSTART;{B}:20270309T210000\nDURATION:PT1H\nSEQUENCE:2",
        f"RECURRENCE-ID;{B}:20270309T190000\nDTSTART;{B}:20270309T220000\nDURATION:PT1H\nSEQUENCE:1",
    ): (
        ALL.replace("0309-1800/60S", "0309-2000/60A"),
        ALL.replace("0309-1800/60S", "0309-2100/60B"),
    ),
    # 3.2.13: THISANDFUTURE is for the later occurrences too when its own is changed once more; ical.js forgets it
    series(
        f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270309T190000\nDTSTART;{B}:20270309T210000\nDURATION:PT1H",
        f"RECURRENCE-ID;{B}:20270309T190000\nDTSTART;{B}:20270309T220000\nDURATION:PT1H",
    ): (
        f"{EARLY} 0309-2100/60B 0316-2000/60A 0323-2000/60A 0330-1900/60A",
        f"{EARLY} 0309-2100/60B 0316-2100/60B 0323-2100/60B 0330-2000/60B",
    ),
    # 3.3.10 wants UNTIL in UTC here; whoever writes a date means that day too, ical.js ends at its beginning
    SERIES.replace("COUNT=5", "UNTIL=20270316"): (ALL[:41], ALL[:27]),
}


@pytest.mark.parametrize("events", DIFFERENT)
def test_where_they_differ(answers: dict[str, str], events: str) -> None:
    """Ours is right; a later ical.js may be."""
    right, theirs = DIFFERENT[events]
    assert ours(events) == right
    assert answers[events] in (theirs, right)
