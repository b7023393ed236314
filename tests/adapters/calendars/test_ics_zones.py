"""The zone that a calendar program means, however it calls it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from trainbot.adapters.calendars.ics_schedule import read_ics
from trainbot.adapters.calendars.vtimezone import vtimezone
from trainbot.core.zones import zone
from trainbot.model.session import Session

START = datetime(2026, 11, 23, tzinfo=UTC)
END = START + timedelta(days=400)


def outlook(tzid: str, standard: str, daylight: str = "", offsets: tuple[str, str] = ("+0100", "+0200")) -> str:
    """A VTIMEZONE as Outlook writes them: from 1601 on."""
    winter, summer = offsets
    parts = [("STANDARD", standard, summer if daylight else winter, winter), ("DAYLIGHT", daylight, winter, summer)]
    return f"BEGIN:VTIMEZONE\nTZID:{tzid}\n" + "".join(
        f"BEGIN:{kind}\nDTSTART:16010101T{rule.partition('@')[2] or '000000'}\nTZOFFSETFROM:{before}\nTZOFFSETTO:{after}\n"
        + (f"RRULE:FREQ=YEARLY;{rule.partition('@')[0]}\n" if "@" in rule else "")
        + f"END:{kind}\n"
        for kind, rule, before, after in parts
        if rule
    ) + "END:VTIMEZONE\n"  # fmt: skip


EUROPE = ("BYDAY=-1SU;BYMONTH=10@030000", "BYDAY=-1SU;BYMONTH=3@020000")
AMERICA = ("BYDAY=1SU;BYMONTH=11@020000", "BYDAY=2SU;BYMONTH=3@020000")
EASTERN = ("-0500", "-0400")


def read(tzid: str, head: str = "", wall: str = "20270615T190000", more: str = "") -> tuple[list[Session], list[str]]:
    text = (
        f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{head}BEGIN:VEVENT\nUID:a\nSUMMARY:a\nDTSTART;TZID={tzid}:{wall}\n{more}"
        "END:VEVENT\nEND:VCALENDAR\n"
    )
    sessions, problems = read_ics(text.replace("\n", "\r\n"), "c.ics", START, END)
    return sessions, [problem.text for problem in problems]


@pytest.mark.parametrize(
    ("tzid", "expected"),
    [
        ("GMT Standard Time", "Europe/London"),
        ("GMT Standard Time 1", "Europe/London"),  # Outlook's second VTIMEZONE of that zone
        ("W. Europe Standard Time 2", "Europe/Berlin"),
        ("w. europe standard time", "Europe/Berlin"),
        ("Eastern Standard Time 12", "America/New_York"),
        ("(UTC-05:00) Eastern Time (US & Canada)", "America/New_York"),
        ('"(UTC-05:00) Eastern Time (US & Canada)"', "America/New_York"),
        ("(GMT-08:00) Pacific Time (US & Canada)", "America/Los_Angeles"),
        ("(UTC-06:00) Central Time (US & Canada)", "America/Chicago"),
        ("(UTC-04:00) Atlantic Time (Canada)", "America/Halifax"),
        ("(UTC) Coordinated Universal Time", "UTC"),
        ("tzone://Microsoft/Utc", "UTC"),
        ('"tzone://Microsoft/Utc"', "UTC"),
        ("UTC", "UTC"),
        ("europe/berlin", "Europe/Berlin"),
        ("Europe/Berlin 1", "Europe/Berlin"),
        ("/mozilla.org/20070129_1/Europe/Berlin", "Europe/Berlin"),
        ("/citadel.org/20190914_1/America/Argentina/Buenos_Aires", "America/Argentina/Buenos_Aires"),
        ("US/Eastern", "America/New_York"),
        ('"Europe/Berlin"', "Europe/Berlin"),
    ],
)
def test_a_zone_by_its_name(tzid: str, expected: str) -> None:
    """Without any VTIMEZONE; quoted or not."""
    sessions, problems = read(tzid)
    assert problems == []
    assert [(session.zone, session.local) for session in sessions] == [(expected, datetime(2027, 6, 15, 19))]


def test_the_names_of_windows() -> None:
    """All of CLDR's, but for those that are a mere offset."""
    refused = [name for name in WINDOWS_TO_OLSON if read(name)[1]]
    assert {WINDOWS_TO_OLSON[name].partition("/")[0] for name in refused} <= {"Etc"}
    assert "UTC" not in refused


@pytest.mark.parametrize(
    ("tzid", "head", "expected"),
    [
        ("Customized Time Zone", outlook("Customized Time Zone", *EUROPE), "Europe/Berlin"),
        ("Customized Time Zone", outlook("Customized Time Zone", *EUROPE, ("+0000", "+0100")).replace("T030000", "T020000").replace(
            "DTSTART:16010101T020000\nTZOFFSETFROM:+0000", "DTSTART:16010101T010000\nTZOFFSETFROM:+0000"), "Europe/London"),
        ("Benutzerdefiniert", outlook("Benutzerdefiniert", *AMERICA, EASTERN), "America/New_York"),
        ("Westeuropäische Zeit", outlook("Westeuropäische Zeit", *EUROPE), "Europe/Berlin"),
        (
            "(UTC+01:00) Amsterdam, Berlin, Bern, Rome, Stockholm, Vienna",  # unquoted, though it has commas and a colon
            outlook("(UTC+01:00) Amsterdam\\, Berlin\\, Bern\\, Rome\\, Stockholm\\, Vienna", *EUROPE),
            "Europe/Berlin",
        ),
        ("(UTC+01:00) Brussels, Copenhagen, Madrid, Paris", outlook("(UTC+01:00) Brussels, Copenhagen, Madrid, Paris", *EUROPE), "Europe/Paris"),
        ('"(UTC+05:30) Chennai, Kolkata, Mumbai"', outlook("(UTC+05:30) Chennai, Kolkata, Mumbai", "x", offsets=("+0530", "")), "Asia/Kolkata"),
        ("(UTC+05:45) Kathmandu", outlook("(UTC+05:45) Kathmandu", "x", offsets=("+0545", "")), "Asia/Kathmandu"),
        ("tzone://Microsoft/Custom", outlook("tzone://Microsoft/Custom", *EUROPE), "Europe/Berlin"),
        ("GMT -0500 (Standard) / GMT -0400 (Daylight)", outlook("GMT -0500 (Standard) / GMT -0400 (Daylight)", *AMERICA, EASTERN), "America/New_York"),
        ("Zulu Time", outlook("Zulu Time", "x", offsets=("+0000", "")), "UTC"),
        ("UTC-11", outlook("UTC-11", "x", offsets=("-1100", "")), "Pacific/Pago_Pago"),
        ("Mine", outlook("Mine", "BYDAY=SU;BYMONTHDAY=1,2,3,4,5,6,7;BYMONTH=11@020000", "BYDAY=SU;BYMONTHDAY=8,9,10,11,12,13,14;BYMONTH=3@020000", EASTERN), "America/New_York"),
        ("Mine", outlook("Mine", "BYDAY=-1SU;BYMONTH=10@025959", "BYDAY=-1SU;BYMONTH=3@015959"), "Europe/Berlin"),  # Exchange
        ("Eastern", outlook("Eastern", *AMERICA, EASTERN).replace("YEARLY;", "YEARLY;BYMINUTE=0;BYHOUR=2;"), "America/New_York"),  # Notes
        ("Mine", vtimezone("Australia/Lord_Howe", 2026, 2028).decode().replace("Australia/Lord_Howe", "Mine").replace("\r", ""), "Australia/Lord_Howe"),
        ("Mine", vtimezone("Africa/Cairo", 2026, 2028).decode().replace("Africa/Cairo", "Mine").replace("\r", ""), "Africa/Cairo"),
        ("Mine", outlook("Mine", *EUROPE).replace("BYMONTH=3", "BYMONTH=3;UNTIL=20101231T000000Z"), "Africa/Lagos"),  # no summer time since
    ],
)  # fmt: skip
def test_a_zone_by_its_rules(tzid: str, head: str, expected: str) -> None:
    """The VTIMEZONE of the file has the rules of one zone of the tz database in the period that is read: it is that one."""
    sessions, problems = read(tzid, head)
    assert problems == []
    assert [(session.zone, session.local) for session in sessions] == [(expected, datetime(2027, 6, 15, 19))]


@pytest.mark.parametrize("name", ["Europe/Berlin", "America/New_York", "Australia/Melbourne", "Asia/Tokyo", "America/Santiago",
                                  "Pacific/Auckland", "Europe/London", "Asia/Kolkata", "America/St_Johns", "Pacific/Chatham"])  # fmt: skip
def test_what_is_written_with_a_vtimezone_is_the_same_moments(name: str) -> None:
    """Whatever name of a zone is found, every week of a year is at the moments that the writer meant."""
    head = vtimezone(name, 2026, 2028).decode().replace("\r", "").replace(f"TZID:{name}", "TZID:Some Zone")
    sessions, problems = read("Some Zone", head, "20261201T023000", "RRULE:FREQ=WEEKLY;COUNT=53\n")
    first = datetime(2026, 12, 1, 2, 30)
    meant = [(first + timedelta(days=7 * n)).replace(tzinfo=zone(name)).astimezone(UTC) for n in range(53)]
    assert problems == []
    assert sorted(session.start for session in sessions) == meant


@pytest.mark.parametrize(
    ("tzid", "head", "wall"),
    [
        ("Customized Time Zone", "", "20270615T190000"),
        ("Customized Time Zone", outlook("Another Name", *EUROPE), "20270615T190000"),
        ("Mine", outlook("Mine", "BYDAY=-1SU;BYMONTH=9@030000", "BYDAY=-1SU;BYMONTH=3@020000"), "20270615T190000"),  # nobody's rules
        ("Mine", outlook("Mine", "x", offsets=("+0115", "")), "20270615T190000"),
        ("Mine", outlook("Mine", *EUROPE).replace("TZOFFSETTO:+0200", "TZOFFSETTO:east"), "20270615T190000"),
        ("Mine", outlook("Mine", *EUROPE).replace("FREQ=YEARLY", "FREQ=DAILY"), "20270615T190000"),
        ("Mine", outlook("Mine", *EUROPE).replace("YEARLY;", "YEARLY;BYHOUR=2;"), "20270615T190000"),  # and its start at 3
        ("Mine", outlook("Mine", *EUROPE).replace("YEARLY;", "YEARLY;BYHOUR=2,3;"), "20270615T190000"),
        ("Mine", outlook("Mine", *EUROPE).replace("BYMONTH=3", "BYMONTH=13"), "20270615T190000"),
        ("Mine", "BEGIN:VTIMEZONE\nTZID:Mine\nEND:VTIMEZONE\n", "20270615T190000"),
        ("Mine", outlook("Mine", *EUROPE).replace("DTSTART:16010101T020000\n", ""), "20270615T190000"),
        ("Mine", outlook("Mine", *EUROPE).replace("DTSTART:16010101", "DTSTART:00000101"), "20270615T190000"),
        ("Mine", "BEGIN:VTIMEZONE\nTZID:Mine\nBEGIN:STANDARD\nEND:STANDARD\nEND:VTIMEZONE\n", "20270615T190000"),
    ],
)  # fmt: skip
def test_a_zone_that_nothing_identifies(tzid: str, head: str, wall: str) -> None:
    """It is refused, and the problem says what to do in Outlook."""
    sessions, (problem,) = read(tzid, head, wall)
    assert sessions == []
    assert f"has a DTSTART in '{tzid}', an unknown time zone: choose one named after a city" in problem
    assert "in Outlook: Time Zones in the event's window" in problem


def test_only_the_dates_in_question_count() -> None:
    """A VTIMEZONE with the rules of today only, as Outlook writes them, is understood although they were others once."""
    sessions, problems = read("Mine", outlook("Mine", *AMERICA, EASTERN), "20270615T190000")  # since 2007
    assert ([session.zone for session in sessions], problems) == (["America/New_York"], [])


def test_an_event_years_ahead() -> None:
    """Its own year is compared."""
    sessions, problems = read("Mine", outlook("Mine", *EUROPE), "20400615T190000")
    assert ([f"{session.zone} {session.start:%Y %H}" for session in sessions], problems) == (
        ["Europe/Berlin 2040 17"],
        [],
    )


def test_calendars_put_together_in_one_file() -> None:
    """Each has its own VTIMEZONE of that name, or none: an event is in the zone of its own calendar."""
    meant = [
        ("London", outlook("Mine", "BYDAY=-1SU;BYMONTH=10@020000", "BYDAY=-1SU;BYMONTH=3@010000", ("+0000", "+0100"))),
        ("New York", outlook("Mine", *AMERICA, EASTERN)),
        ("Berlin", outlook("Mine", *EUROPE)),
        ("nowhere", ""),
        ("Kathmandu", outlook("Mine", "x", offsets=("+0545", ""))),
    ]
    text = "".join(
        f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:x\n{head}BEGIN:VEVENT\nUID:{name}\nSUMMARY:{name}\n"
        "DTSTART;TZID=Mine:20270615T190000\nEND:VEVENT\nEND:VCALENDAR\n"
        for name, head in meant
    )
    sessions, (problem,) = read_ics(text, "c.ics", START, END)
    assert [(session.title, session.zone) for session in sessions] == [
        ("London", "Europe/London"),
        ("New York", "America/New_York"),
        ("Berlin", "Europe/Berlin"),
        ("Kathmandu", "Asia/Kathmandu"),
    ]
    assert "event \"nowhere\" has a DTSTART in 'Mine', an unknown time zone" in problem.text
