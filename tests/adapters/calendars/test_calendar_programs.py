"""Whole calendars in the manner of the programs that people have: what each writes is read as it was meant."""

from __future__ import annotations

from datetime import UTC, datetime

from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.adapters.calendars.ics_schedule import read_ics

NOW = datetime(2026, 11, 23, tzinfo=UTC)
END = datetime(2027, 12, 31, tzinfo=UTC)

GOOGLE = """BEGIN:VCALENDAR
PRODID:-//Google Inc//Google Calendar 70.9054//EN
VERSION:2.0
CALSCALE:GREGORIAN
METHOD:PUBLISH
X-WR-CALNAME:Training
X-WR-TIMEZONE:Australia/Melbourne
BEGIN:VTIMEZONE
TZID:Australia/Melbourne
X-LIC-LOCATION:Australia/Melbourne
BEGIN:STANDARD
TZOFFSETFROM:+1100
TZOFFSETTO:+1000
TZNAME:GMT+10
DTSTART:19700405T030000
RRULE:FREQ=YEARLY;BYMONTH=4;BYDAY=1SU
END:STANDARD
BEGIN:DAYLIGHT
TZOFFSETFROM:+1000
TZOFFSETTO:+1100
TZNAME:GMT+11
DTSTART:19701004T020000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=1SU
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
DTSTART;TZID=Australia/Melbourne:20270327T190000
DTEND;TZID=Australia/Melbourne:20270327T210000
RRULE:FREQ=WEEKLY;WKST=MO;COUNT=3;BYDAY=SA
EXDATE;TZID=Australia/Melbourne:20270403T190000
DTSTAMP:20261123T080000Z
ORGANIZER;CN=Russell:mailto:russell@example.org
UID:1a2b3c4d5e6f@google.com
ATTENDEE;CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT=ACCEPTED;CN=x;X-NU
 M-GUESTS=0:mailto:x@example.org
CREATED:20261101T080000Z
DESCRIPTION:<p>Bring a laptop.</p><br>exercise: selinux-debian<br>seats: 30
 <br>slides: <a href="https://example.org/s">https://example.org/s</a>
LAST-MODIFIED:20261120T080000Z
LOCATION:#selinux-class
SEQUENCE:3
STATUS:CONFIRMED
SUMMARY:SE Linux hands-on
TRANSP:OPAQUE
BEGIN:VALARM
ACTION:DISPLAY
DESCRIPTION:This is an event reminder
TRIGGER:-P0DT0H10M0S
END:VALARM
END:VEVENT
BEGIN:VEVENT
DTSTART;TZID=Australia/Melbourne:20270411T200000
DTEND;TZID=Australia/Melbourne:20270411T220000
DTSTAMP:20261123T080000Z
UID:1a2b3c4d5e6f@google.com
RECURRENCE-ID;TZID=Australia/Melbourne:20270410T190000
SEQUENCE:4
STATUS:CONFIRMED
SUMMARY:SE Linux hands-on (on Sunday)
END:VEVENT
END:VCALENDAR
"""

NEXTCLOUD = """BEGIN:VCALENDAR
CALSCALE:GREGORIAN
VERSION:2.0
PRODID:-//IDN nextcloud.com//Calendar app 5.0.6//EN
BEGIN:VEVENT
CREATED:20261120T100000Z
DTSTAMP:20261120T101500Z
LAST-MODIFIED:20261120T101500Z
SEQUENCE:2
UID:6c6a2b9e-3f57-4d1e-9a51-0f7ad5f0a001
DTSTART;TZID=Europe/Berlin:20270328T180000
DTEND;TZID=Europe/Berlin:20270328T200000
STATUS:CONFIRMED
SUMMARY:Grundlagen\\, abends
DESCRIPTION:images: debian centos\\nchannel: #selinux-class\\npresenter: Jürge
 n
URL;VALUE=URI:https://example.org/mehr
END:VEVENT
BEGIN:VEVENT
CREATED:20261120T100000Z
DTSTAMP:20261120T101500Z
UID:6c6a2b9e-3f57-4d1e-9a51-0f7ad5f0a002
DTSTART;VALUE=DATE:20270401
DTEND;VALUE=DATE:20270402
SUMMARY:Public holiday
END:VEVENT
BEGIN:VTIMEZONE
TZID:Europe/Berlin
BEGIN:DAYLIGHT
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
TZNAME:CEST
DTSTART:19700329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
TZNAME:CET
DTSTART:19701025T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE
END:VCALENDAR
"""

THUNDERBIRD = """BEGIN:VCALENDAR
PRODID:-//Mozilla.org/NONSGML Mozilla Calendar V1.1//EN
VERSION:2.0
BEGIN:VTIMEZONE
TZID:Asia/Kathmandu
X-TZINFO:Asia/Kathmandu[2026a]
BEGIN:STANDARD
TZOFFSETTO:+054500
TZOFFSETFROM:+053000
TZNAME:Asia/Kathmandu(STD)
DTSTART:19860101T000000
END:STANDARD
END:VTIMEZONE
BEGIN:VEVENT
CREATED:20261120T100000Z
LAST-MODIFIED:20261120T101500Z
DTSTAMP:20261120T101500Z
UID:f3b1c0de-0001-4000-8000-00000000beef
SUMMARY:Workshop
STATUS:CANCELLED
DTSTART;TZID=Asia/Kathmandu:20270109T090000
DTEND;TZID=Asia/Kathmandu:20270109T110000
TRANSP:OPAQUE
X-MOZ-GENERATION:4
X-MOZ-LASTACK:20261120T101500Z
END:VEVENT
BEGIN:VEVENT
CREATED:20261120T100000Z
LAST-MODIFIED:20261120T101500Z
DTSTAMP:20261120T101500Z
UID:f3b1c0de-0002-4000-8000-00000000beef
SUMMARY:Monthly
RRULE:FREQ=MONTHLY;UNTIL=20270313T031500Z;BYDAY=2SA
DTSTART;TZID=Asia/Kathmandu:20270109T090000
DURATION:PT90M
DESCRIPTION;ALTREP="data:text/html,exercise%3A%20nftables":exercise: nftab
 les
END:VEVENT
BEGIN:VTODO
UID:f3b1c0de-0003-4000-8000-00000000beef
SUMMARY:book the room
END:VTODO
END:VCALENDAR
"""


def read(text: str) -> tuple[list[tuple[str, str, str]], list[str]]:
    sessions, problems = read_ics(text.replace("\n", "\r\n"), "c.ics", NOW, END)
    shown = [(f"{s.start:%m-%d %H:%M}", s.title, s.zone) for s in sorted(sessions, key=lambda s: s.start)]
    return shown, [problem.text for problem in problems]


def test_google() -> None:
    """A weekly class over the change of clocks, without the date that was struck out, one moved to another day; fields
    in a description that is HTML."""
    assert read(GOOGLE) == (
        [
            ("03-27 08:00", "SE Linux hands-on", "Australia/Melbourne"),
            ("04-11 10:00", "SE Linux hands-on (on Sunday)", "Australia/Melbourne"),
        ],
        [],
    )
    first = read_ics(GOOGLE, "c.ics", NOW, END)[0][0]
    assert (first.exercise, first.seats, first.slides) == ("selinux-debian", 30, "https://example.org/s")


def test_nextcloud() -> None:
    """The zone after the event that uses it; a day without a time is no session, and says so."""
    shown, problems = read(NEXTCLOUD)
    assert shown == [("03-28 16:00", "Grundlagen, abends", "Europe/Berlin")]
    assert len(problems) == 1 and '"Public holiday" lasts all day' in problems[0]
    (one,) = read_ics(NEXTCLOUD, "c.ics", NOW, END)[0]
    assert (one.images, one.channel, one.presenter, one.link) == (
        ("debian", "centos"),
        "#selinux-class",
        "Jürgen",
        "https://example.org/mehr",
    )


def test_thunderbird() -> None:
    """A quarter of an hour in the offset, a cancelled event, a monthly one until a moment in UTC, a task beside them."""
    shown, problems = read(THUNDERBIRD)
    assert problems == []
    assert shown == [
        ("01-09 03:15", "Workshop", "Asia/Kathmandu"),
        ("01-09 03:15", "Monthly", "Asia/Kathmandu"),
        ("02-13 03:15", "Monthly", "Asia/Kathmandu"),
        ("03-13 03:15", "Monthly", "Asia/Kathmandu"),
    ]
    sessions = read_ics(THUNDERBIRD, "c.ics", NOW, END)[0]
    assert [s.title for s in sessions if s.cancelled] == ["Workshop"]
    assert {s.exercise for s in sessions if s.title == "Monthly"} == {"nftables"}


@given(st.sampled_from([GOOGLE, NEXTCLOUD, THUNDERBIRD]), st.data())
@settings(max_examples=120, deadline=None)
def test_a_calendar_that_was_damaged(text: str, data: st.DataObject) -> None:
    """Lines lost, doubled, cut or swapped: sessions and sentences come out, never an exception, and all are bounded."""
    lines = text.splitlines()
    for _ in range(data.draw(st.integers(1, 6))):
        n = data.draw(st.integers(0, len(lines) - 1))
        match data.draw(st.sampled_from(["lose", "double", "cut", "swap", "alter"])):
            case "lose":
                lines[n : n + 1] = [] if len(lines) > 1 else lines
            case "double":
                lines.insert(n, lines[n])
            case "cut":
                lines[n] = lines[n][: data.draw(st.integers(0, len(lines[n])))]
            case "swap":
                lines[n], lines[-1 - n] = lines[-1 - n], lines[n]
            case "alter":
                lines[n] += data.draw(st.sampled_from(["Z", ";X=1:2", ",19700101", ":", "\0", "é", "=", "9" * 30]))
    sessions, problems = read_ics("\r\n".join(lines), "c.ics", NOW, END)
    assert len(sessions) < 100 and all(s.title and s.minutes >= 1 and "\n" not in s.title for s in sessions)
    assert all("\n" not in problem.text and len(problem.text) < 400 for problem in problems)
