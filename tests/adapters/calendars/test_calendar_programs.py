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


OUTLOOK = """BEGIN:VCALENDAR
PRODID:-//Microsoft Corporation//Outlook 16.0 MIMEDIR//EN
VERSION:2.0
METHOD:PUBLISH
X-MS-OLK-FORCEINSPECTOROPEN:TRUE
BEGIN:VTIMEZONE
TZID:W. Europe Standard Time 1
BEGIN:STANDARD
DTSTART:16011028T030000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=10
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010325T020000
RRULE:FREQ=YEARLY;BYDAY=-1SU;BYMONTH=3
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VTIMEZONE
TZID:Customized Time Zone
BEGIN:STANDARD
DTSTART:16011104T020000
RRULE:FREQ=YEARLY;BYDAY=1SU;BYMONTH=11
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010311T020000
RRULE:FREQ=YEARLY;BYDAY=2SU;BYMONTH=3
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
CLASS:PUBLIC
CREATED:20261101T080000Z
DESCRIPTION:exercise: selinux-debian\\n\\n
DTEND;TZID="W. Europe Standard Time 1":20270316T200000
DTSTAMP:20261101T080000Z
DTSTART;TZID="W. Europe Standard Time 1":20270316T180000
EXDATE;TZID="W. Europe Standard Time 1":20270323T180000
PRIORITY:5
RRULE:FREQ=WEEKLY;UNTIL=20270406T160000Z;BYDAY=TU
SEQUENCE:0
SUMMARY;LANGUAGE=de:Grundlagen
TRANSP:OPAQUE
UID:040000008200E00074C5B7101A82E00800000000A0
X-ALT-DESC;FMTTYPE=text/html:<html><body></body></html>
X-MICROSOFT-CDO-BUSYSTATUS:BUSY
END:VEVENT
BEGIN:VEVENT
DTEND;TZID="Customized Time Zone":20270316T160000
DTSTAMP:20261101T080000Z
DTSTART;TZID="Customized Time Zone":20270316T140000
SUMMARY:In New York
UID:040000008200E00074C5B7101A82E00800000000A1
END:VEVENT
END:VCALENDAR
"""

EXCHANGE = """BEGIN:VCALENDAR
METHOD:PUBLISH
PRODID:Microsoft Exchange Server 2010
VERSION:2.0
X-WR-CALNAME:Training
BEGIN:VTIMEZONE
TZID:(UTC-05:00) Eastern Time (US & Canada)
BEGIN:STANDARD
DTSTART:16010101T020000
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=1SU;BYMONTH=11
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T020000
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
RRULE:FREQ=YEARLY;INTERVAL=1;BYDAY=2SU;BYMONTH=3
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VTIMEZONE
TZID:tzone://Microsoft/Utc
BEGIN:STANDARD
DTSTART:16010101T000000
TZOFFSETFROM:+0000
TZOFFSETTO:+0000
END:STANDARD
BEGIN:DAYLIGHT
DTSTART:16010101T000000
TZOFFSETFROM:+0000
TZOFFSETTO:+0000
END:DAYLIGHT
END:VTIMEZONE
BEGIN:VEVENT
DESCRIPTION:\\n
RRULE:FREQ=WEEKLY;UNTIL=20270406T220000Z;INTERVAL=1;BYDAY=TU;WKST=MO
UID:040000008200E00074C5B7101A82E008000000000001
SUMMARY:Evening
DTSTART;TZID=(UTC-05:00) Eastern Time (US & Canada):20270309T180000
DTEND;TZID=(UTC-05:00) Eastern Time (US & Canada):20270309T200000
CLASS:PUBLIC
DTSTAMP:20261120T091311Z
SEQUENCE:0
STATUS:CONFIRMED
X-MICROSOFT-CDO-INSTTYPE:1
END:VEVENT
BEGIN:VEVENT
UID:040000008200E00074C5B7101A82E008000000000001
RECURRENCE-ID;TZID=(UTC-05:00) Eastern Time (US & Canada):20270316T000000
SUMMARY:Evening
DTSTART;TZID=(UTC-05:00) Eastern Time (US & Canada):20270317T180000
DTEND;TZID=(UTC-05:00) Eastern Time (US & Canada):20270317T200000
DTSTAMP:20261120T091311Z
END:VEVENT
BEGIN:VEVENT
UID:040000008200E00074C5B7101A82E008000000000002
SUMMARY:In UTC
DTSTART;TZID=tzone://Microsoft/Utc:20270310T120000
DTEND;TZID=tzone://Microsoft/Utc:20270310T130000
DTSTAMP:20261120T091311Z
END:VEVENT
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


def test_outlook() -> None:
    """Its numbered names of zones, and a zone that only its rules identify."""
    assert read(OUTLOOK) == (
        [
            ("03-16 17:00", "Grundlagen", "Europe/Berlin"),
            ("03-16 18:00", "In New York", "America/New_York"),
            ("03-30 16:00", "Grundlagen", "Europe/Berlin"),
            ("04-06 16:00", "Grundlagen", "Europe/Berlin"),
        ],
        [],
    )


def test_exchange() -> None:
    """Names of zones with colons and without quotes; of an occurrence that is changed it only names the day."""
    assert read(EXCHANGE) == (
        [
            ("03-09 23:00", "Evening", "America/New_York"),
            ("03-10 12:00", "In UTC", "UTC"),
            ("03-17 22:00", "Evening", "America/New_York"),
            ("03-23 22:00", "Evening", "America/New_York"),
            ("03-30 22:00", "Evening", "America/New_York"),
            ("04-06 22:00", "Evening", "America/New_York"),
        ],
        [],
    )


@given(st.sampled_from([GOOGLE, NEXTCLOUD, THUNDERBIRD, OUTLOOK, EXCHANGE]), st.data())
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
