"""Calendars are read as the programs that wrote them meant them."""

import unicodedata
from datetime import UTC, datetime, timedelta

import pytest

from trainbot.adapters.calendars.ics_schedule import read_ics
from trainbot.adapters.calendars.schedule_folder import load_schedules

START = datetime(2026, 11, 23, tzinfo=UTC)
END = START + timedelta(days=400)

VTIMEZONE = """\
BEGIN:VTIMEZONE
TZID:{tzid}
{more}BEGIN:STANDARD
DTSTART:19700101T000000
TZOFFSETFROM:+0900
TZOFFSETTO:+0900
TZNAME:ODD
END:STANDARD
END:VTIMEZONE
"""


def calendar(*events, head=""):
    body = "".join(f"BEGIN:VEVENT\n{event.strip()}\nEND:VEVENT\n" for event in events)
    return f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{head}{body}END:VCALENDAR\n".replace("\n", "\r\n")


def read(*events, head="", end=END):
    return read_ics(calendar(*events, head=head), "c.ics", START, end)


def starts(sessions):
    return [session.start.strftime("%m-%d %H:%M") for session in sorted(sessions, key=lambda s: s.start)]


def test_a_single_event():
    """Title, zone, wall time, length and a uid that stays; UTC is a zone like others."""
    (one, two), problems = read(
        "UID:one@x\nSUMMARY:SE Linux\\, for all\nDTSTART;TZID=Australia/Melbourne:20261205T190000\nDTEND;TZID=Australia/Melbourne:20261205T210000",
        "UID:two@x\nSUMMARY:Two\nDTSTART:20261206T080000Z\nDURATION:PT90M",
    )
    assert problems == []
    assert (one.uid, one.title, one.start) == ("one@x", "SE Linux, for all", datetime(2026, 12, 5, 8, tzinfo=UTC))
    assert (one.zone, one.local, one.minutes) == ("Australia/Melbourne", datetime(2026, 12, 5, 19), 120)
    assert (two.zone, two.local, two.minutes) == ("UTC", datetime(2026, 12, 6, 8), 90)


@pytest.mark.parametrize(
    ("tzid", "more"),
    [
        ("Europe/Berlin", ""),
        ("W. Europe Standard Time", ""),  # Outlook
        ("/freeassociation.sourceforge.net/Europe/Berlin", ""),  # Evolution
        ("Custom 1", "X-LIC-LOCATION:Europe/Berlin\n"),
    ],
)
def test_the_rules_of_a_zone_come_from_the_tz_database(tzid, more):
    """Whatever a program calls the zone, and whatever its VTIMEZONE claims about it."""
    (one,), problems = read(
        f"UID:a\nSUMMARY:a\nDTSTART;TZID={tzid}:20261205T190000", head=VTIMEZONE.format(tzid=tzid, more=more)
    )
    assert problems == []
    assert (one.zone, one.start) == ("Europe/Berlin", datetime(2026, 12, 5, 18, tzinfo=UTC))


def test_a_weekly_class_keeps_its_wall_time_over_the_change_of_clocks():
    """19:00 in Berlin is 18:00 UTC in winter and 17:00 in summer."""
    sessions, problems = read("UID:w\nSUMMARY:w\nDTSTART;TZID=Europe/Berlin:20270314T190000\nRRULE:FREQ=WEEKLY;COUNT=4")
    assert problems == []
    assert starts(sessions) == ["03-14 18:00", "03-21 18:00", "03-28 17:00", "04-04 17:00"]
    assert {session.local.hour for session in sessions} == {19}
    assert sessions[0].uid == "w#20270314T180000Z"
    assert sessions[0].series == "w"


def test_exceptions_additions_and_changed_occurrences():
    """EXDATE leaves out, RDATE adds, RECURRENCE-ID moves or cancels one and keeps its uid."""
    tz = "TZID=Europe/Berlin"
    sessions, problems = read(
        f"UID:w\nSUMMARY:w\nDTSTART;{tz}:20261201T190000\nDTEND;{tz}:20261201T210000\nRRULE:FREQ=WEEKLY;UNTIL=20261229T225959Z\n"
        f"EXDATE;{tz}:20261208T190000\nRDATE;{tz}:20261230T190000",
        f"UID:w\nSUMMARY:moved\nRECURRENCE-ID;{tz}:20261215T190000\nDTSTART;{tz}:20261216T200000\nDTEND;{tz}:20261216T210000",
        f"UID:w\nSUMMARY:off\nSTATUS:CANCELLED\nRECURRENCE-ID:20261222T180000Z\nDTSTART;{tz}:20261222T190000",
    )
    assert problems == []
    assert starts(sessions) == ["12-01 18:00", "12-16 19:00", "12-22 18:00", "12-29 18:00", "12-30 18:00"]
    moved = next(session for session in sessions if session.title == "moved")
    assert (moved.uid, moved.minutes) == ("w#20261215T180000Z", 60)
    assert [session.title for session in sessions if session.cancelled] == ["off"]


def test_an_occurrence_put_off_beyond_the_horizon_is_still_there():
    """Otherwise it would look as if it had been called off."""
    sessions, _ = read(
        "UID:w\nSUMMARY:w\nDTSTART:20261201T190000Z\nRRULE:FREQ=WEEKLY;COUNT=2",
        "UID:w\nSUMMARY:later\nRECURRENCE-ID:20261208T190000Z\nDTSTART:20300101T190000Z",
    )
    assert sorted(session.title for session in sessions) == ["later", "w"]


def test_a_series_that_begins_beyond_the_horizon_gives_its_first():
    """A course two years ahead is known."""
    sessions, problems = read("UID:w\nSUMMARY:w\nDTSTART:20300101T190000Z\nRRULE:FREQ=WEEKLY")
    assert (starts(sessions), problems) == (["01-01 19:00"], [])


@pytest.mark.parametrize("how", ["STATUS:CANCELLED", "STATUS:cancelled"])
def test_a_cancelled_event_and_a_cancelled_series(how):
    """Both stay in the schedule, marked."""
    sessions, _ = read(
        f"UID:a\nSUMMARY:a\nDTSTART:20261201T190000Z\n{how}",
        f"UID:b\nSUMMARY:b\nDTSTART:20261201T190000Z\nRRULE:FREQ=DAILY;COUNT=3\n{how}",
    )
    assert [session.cancelled for session in sessions] == [True] * 4


def test_of_two_versions_of_an_event_the_later_counts():
    """SEQUENCE decides (RFC 5545 3.8.7.4)."""
    (one,), problems = read(
        "UID:a\nSUMMARY:new\nSEQUENCE:2\nDTSTART:20261202T190000Z",
        "UID:a\nSUMMARY:old\nSEQUENCE:1\nDTSTART:20261201T190000Z",
    )
    assert (one.title, problems) == ("new", [])


@pytest.mark.parametrize(
    ("older", "later"),
    [
        ("DTSTAMP:20261101T000000Z", "DTSTAMP:20261120T000000Z"),
        ("LAST-MODIFIED:20261101T000000Z", "LAST-MODIFIED:20261120T000000Z"),
        ("SEQUENCE:1\nDTSTAMP:20261120T000000Z", "SEQUENCE:2\nDTSTAMP:20261101T000000Z"),
        ("DTSTAMP:20261101T000000Z\nLAST-MODIFIED:20261120T000000Z", "DTSTAMP:20261120t000000z"),
        ("DTSTAMP:yesterday", "DTSTAMP:20261120T000000Z"),
        ("SEQUENCE:x", "SEQUENCE:1"),
    ],
)
def test_versions_of_one_event(older, later):
    """RFC 5546 2.1.5: SEQUENCE decides, then DTSTAMP, wherever they are in the file."""
    versions = [
        f"UID:a\nSUMMARY:older\nDTSTART:20261206T080000Z\n{older}",
        f"UID:a\nSUMMARY:later\nDTSTART:20261207T080000Z\n{later}",
    ]
    for events in (versions, versions[::-1]):
        sessions, problems = read(*events)
        assert ([session.title for session in sessions], problems) == (["later"], [])


START_AT_19 = "DTSTART;TZID=Europe/Berlin:20270302T190000"


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ("dtstart;tzid=Europe/Berlin:20270302t190000\ndtend;tzid=Europe/Berlin:20270302t200000", "03-02 18:00 60"),
        ("DTSTART:20270302t180000z\nDURATION:pt1h", "03-02 18:00 60"),  # the letters of RFC 5545 have no case
        ("DTSTART: 20270302T180000Z", "03-02 18:00 120"),
        (f"{START_AT_19}\n   \nDURATION:PT1H \n  ", "03-02 18:00 60"),  # lines of blanks are folds
        (f"{START_AT_19}\n\n\nDURATION:PT1H\n", "03-02 18:00 60"),
        ("DTSTART;VALUE=DATE-TIME;TZID=Europe/Berlin:20270302T190000", "03-02 18:00 120"),
        ("DTSTART;TZID=Europe/Berlin;VALUE=DATE-TIME:20270302T190000", "03-02 18:00 120"),
        (f"{START_AT_19}\nDTEND;TZID=America/New_York:20270302T150000", "03-02 18:00 120"),
        (f"{START_AT_19}\nDTEND:20270302T193000Z", "03-02 18:00 90"),
        (f"{START_AT_19}\nDURATION:P0DT2H0M0S", "03-02 18:00 120"),
        (f"{START_AT_19}\nDURATION:+PT5400S", "03-02 18:00 90"),
        (f"{START_AT_19}\nDURATION:P1D", "03-02 18:00 1440"),
        ("DTSTART;TZID=EST5EDT:20270302T190000", "03-03 00:00 120"),
        ("DTSTART;TZID=Singapore:20270302T190000", "03-02 11:00 120"),
        ("DTSTART;TZID=/softwarestudio.org/Olson_20011030_5/America/New_York:20270302T190000", "03-03 00:00 120"),
        ("DTSTART;TZID=/freeassociation.sourceforge.net/Tzfile/Europe/Berlin:20270302T190000", "03-02 18:00 120"),
        (f"{START_AT_19}\nDURATION:PT1H\nRDATE:20270305T180000Z\nRDATE:20270307T180000Z", "03-02 18:00 60, 03-05 18:00 60, 03-07 18:00 60"),
        (f"{START_AT_19}\nRRULE:FREQ=WEEKLY; COUNT=2;BYDAY= TU;", "03-02 18:00 120, 03-09 18:00 120"),
        (f"{START_AT_19}\nRRULE:FREQ=WEEKLY;COUNT=3\nEXDATE;TZID=Europe/Berlin: 20270302T190000, 20270309T190000", "03-16 18:00 120"),
        (f'{START_AT_19}\nX-APPLE-STRUCTURED-LOCATION;VALUE=URI;X-TITLE="Foo: bar":geo:52.5,13.4', "03-02 18:00 120"),
        (f"{START_AT_19}\nATTENDEE;CN=Foo; Bar;ROLE=X:mailto:a@b\nthis line is junk", "03-02 18:00 120"),
        (f"{START_AT_19}\nBEGIN:VALARM\nTRIGGER:-PT15M\nDURATION:PT5M\nEND:VALARM", "03-02 18:00 120"),
    ],
)  # fmt: skip
def test_what_programs_write_besides_the_rfc(lines, expected):
    """Small letters, blanks, old names of zones, lists, properties of their own."""
    sessions, problems = read(f"UID:a\nSUMMARY:a\n{lines}")
    assert problems == []
    found = sorted(sessions, key=lambda session: session.start)
    assert ", ".join(f"{s.start:%m-%d %H:%M} {s.minutes}" for s in found) == expected


def test_our_fields_stand_in_the_description_or_in_properties():
    """Google's HTML is understood; a property goes before the description; prose is left alone."""
    (one,), problems = read(
        "UID:a\nSUMMARY:a\nDTSTART:20261201T190000Z\nURL:https://example.org/a\nX-TRAINBOT-CHANNEL:#class\n"
        "DESCRIPTION:Bring tea.<br>Exercise: <b>selinux-debian</b><br>channel: #other\\nimages: debian centos\\n"
        "seats: 30\\nzones: Europe/Berlin\\, UTC\\npresenter: Russell &amp; co\\nthe link: below"
    )
    assert problems == []
    assert (one.exercise, one.channel, one.images, one.seats) == ("selinux-debian", "#class", ("debian", "centos"), 30)
    assert (one.zones, one.presenter, one.link) == (("Europe/Berlin", "UTC"), "Russell & co", "https://example.org/a")


@pytest.mark.parametrize(
    ("lines", "course"),
    [
        ("REFID:Spring", "spring"),
        ("REFID:any text of others", None),
        ("CATEGORIES:Training", None),
        ("REFID:other\nDESCRIPTION:course: spring", "spring"),
        ("REFID:other\nDESCRIPTION:course: other\nX-TRAINBOT-COURSE:spring", "spring"),
    ],
)
def test_the_course_of_an_event(lines, course):
    """Our own fields go before the standard's key, which programs fill in with anything."""
    (one,), problems = read(f"UID:a\nSUMMARY:a\nDTSTART:20261201T190000Z\n{lines}")
    assert (one.course, problems) == (course, [])


def test_a_wrong_field_is_told_and_the_class_stands():
    """As in a course file."""
    (one,), (problem,) = read("UID:a\nSUMMARY:a\nDTSTART:20261201T190000Z\nDESCRIPTION:exercise: the first one")
    assert one.exercise is None
    assert str(problem).startswith('c.ics:5: event "a": exercise must be a name of letters')


@pytest.mark.parametrize(
    ("event", "told"),
    [
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000", "has a floating DTSTART (no time zone)"),
        ("UID:a\nSUMMARY:a\nDTSTART;VALUE=DATE:20261205", "lasts all day"),
        ("UID:a\nSUMMARY:a\nDTSTART;VALUE=DATE;TZID=Europe/Berlin:20261205", "lasts all day"),
        ("UID:a\nSUMMARY:a\nDTSTART;TZID=Asia/Tokyo:20261205", "lasts all day"),
        (
            "UID:a\nSUMMARY:a\nDTSTART;TZID=Mars/Base:20261205T190000",
            "has a DTSTART in 'Mars/Base', an unknown time zone",
        ),
        ("UID:a\nSUMMARY:a\nDTSTART;TZID=Europe/Berlin:20261205T190000Z", "has a DTSTART that is not understood"),
        (
            "UID:a\nSUMMARY:a\nDTSTART;TZID=Europe/Berlin:20261205T190000Z",
            "it has a TZID and the Z of UTC, leave out one",
        ),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000+0100", "has a DTSTART that is not understood"),
        ("UID:a\nSUMMARY:a\nDTSTART:2026-12-05T19:00:00Z", "has a DTSTART that is not understood"),
        ("UID:a\nSUMMARY:a\nDTSTART;TZID=GMT+0100:20261205T190000", "an unknown time zone"),  # an offset
        ("UID:a\nSUMMARY:a\nDTSTART;TZID=Berlin:20261205T190000", "an unknown time zone"),
        ("UID:a\nSUMMARY:a\nDTSTART;TZID=EST:20261205T190000", "an unknown time zone"),  # may mean New York
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nDURATION:-PT1H", "lasts -60 minutes"),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nDURATION:PT0S", "lasts 0 minutes"),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nDURATION:1 hour", "has a DURATION that is not understood"),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nRRULE:W1 TU 20270401T000000Z", "as in vCalendar 1.0: export it"),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nRRULE:FREQ=DAILY\nEXRULE:FREQ=WEEKLY", "several rules at once"),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nDTSTART:20261206T190000Z", "has several DTSTART"),
        ("UID:a\nSUMMARY:a", "has no start"),
        ("SUMMARY:a\nDTSTART:20261205T190000Z", "has no UID"),
        ("UID:a\nDTSTART:20261205T190000Z", 'event "a" has no SUMMARY, which is the title of the session'),
        ("UID:a\nSUMMARY:\nDTSTART:20261205T190000Z", "has no SUMMARY"),
        ("UID:a\nSUMMARY: \\n\nDTSTART:20261205T190000Z", "has no SUMMARY"),
        ("UID:a\nRECURRENCE-ID:20261205T190000Z\nDTSTART:20261205T190000Z", "has no SUMMARY"),
        ("UID:a\nSUMMARY:a\nDTSTART:yesterday", "has a DTSTART that is not understood"),
        ("UID:a\nSUMMARY:a\nDTSTART:00010101T190000Z", "out of range"),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nDTEND:20261205T180000Z", "lasts -60 minutes"),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nDURATION:P9D", "lasts 12960 minutes"),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nRRULE:FREQ=SECONDLY", "repeats with FREQ=SECONDLY"),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nRRULE:FREQ=DAILY;BYSECOND=1,2", "has BYSECOND in a DAILY rule"),
        (
            "UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nRRULE:FREQ=MONTHLY;BYMONTHDAY=31;BYMONTH=2",
            "has BYMONTH in a MONTHLY rule",
        ),
        (
            "UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nRRULE:FREQ=YEARLY;BYMONTHDAY=30;BYMONTH=2",
            "starts on a day that its own rule",
        ),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nRRULE:FREQ=WEEKLY;BYDAY=MO", "starts on a day that its own rule"),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nRRULE:FREQ=DAILY;INTERVAL=7;BYDAY=SU", "every n-th day"),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nRRULE:FREQ=MONTHLY;BYDAY=SA;BYSETPOS=6", "BYSETPOS"),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nRRULE:FREQ=DAILY;INTERVAL=0", "INTERVAL"),
        (
            "UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nRRULE:FREQ=DAILY;BYDAY=XX",
            "has an RRULE that is not understood",
        ),
        ("UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nRRULE:FREQ=DAILY\nRRULE:FREQ=WEEKLY", "several rules at once"),
        (
            "UID:a\nSUMMARY:a\nDTSTART:20261205T190000Z\nRECURRENCE-ID;RANGE=THISANDFUTURE:20261205T190000Z",
            "THISANDFUTURE",
        ),
    ],
)
def test_each_fault_is_one_sentence_and_hides_no_other_event(event, told):
    """What is wrong is named by its title, and the next event is read."""
    sessions, problems = read(event, "UID:sound\nSUMMARY:sound\nDTSTART:20261206T080000Z")
    assert [session.uid for session in sessions] == ["sound"]
    assert len(problems) == 1
    assert told in str(problems[0]), problems


@pytest.mark.parametrize(
    ("rule", "first", "expected"),
    [
        ("FREQ=MONTHLY;BYDAY=2SA", "20261212", ["12-12", "01-09", "02-13"]),
        ("FREQ=MONTHLY;BYDAY=-1FR", "20261225", ["12-25", "01-29", "02-26"]),
        ("FREQ=MONTHLY;BYDAY=MO,TU,WE,TH,FR;BYSETPOS=-1", "20261231", ["12-31", "01-29", "02-26"]),
        ("FREQ=MONTHLY;BYMONTHDAY=-1", "20261231", ["12-31", "01-31", "02-28"]),
        ("FREQ=WEEKLY;INTERVAL=2;BYDAY=TU,TH;WKST=MO", "20261201", ["12-01", "12-03", "12-15"]),
        ("FREQ=DAILY;BYDAY=MO,FR", "20261204", ["12-04", "12-07", "12-11"]),
        ("FREQ=YEARLY;BYMONTH=12;BYDAY=1SU", "20261206", ["12-06", "12-05"]),
        ("FREQ=WEEKLY;UNTIL=20261215", "20261201", ["12-01", "12-08", "12-15"]),
    ],
)
def test_the_rules_that_calendar_programs_write(rule, first, expected):
    """Second Saturdays, last workdays, every other week."""
    sessions, problems = read(f"UID:r\nSUMMARY:r\nDTSTART:{first}T100000Z\nRRULE:{rule}")
    assert problems == []
    assert [session.start.strftime("%m-%d") for session in sessions][:3] == expected


def test_a_recurrence_at_a_time_that_clocks_skip_is_read_as_the_rfc_does():
    """02:30 on the night of the change is 03:30 (RFC 5545 3.3.5)."""
    sessions, _ = read("UID:r\nSUMMARY:r\nDTSTART;TZID=Europe/Berlin:20270327T023000\nRRULE:FREQ=DAILY;COUNT=3")
    assert [session.local.strftime("%d %H:%M") for session in sessions] == ["27 02:30", "28 03:30", "29 02:30"]


def test_folded_lines_and_odd_line_ends_are_read():
    """RFC 5545 3.1, and files that went through other hands."""
    text = calendar("UID:a\nSUMMARY:SE\n  Linux\nDTSTART:20261201T190000Z")
    for ends in ("\r\n", "\n", "\r"):
        (one,), problems = read_ics(text.replace("\r\n", ends), "c.ics", START, END)
        assert (one.title, problems) == ("SE Linux", [])


@pytest.mark.parametrize(
    "name",
    [
        "SE Linux für Anfänger",
        "日本語の講座",
        "Кибербезопасность",
        "naïve café",
        "🐧 🔒 👩‍🏫",
        "é",
        "ß" * 60,
        "한국어" * 30,
        "ﷺ" * 40,
        "a\u0301o\u0308",
    ],
)
@pytest.mark.parametrize("ends", [b"\r\n", b"\n", b"\r"])
def test_a_fold_within_a_character(name, ends, tmp_path):
    """Lines are folded by octets (RFC 5545 3.1): wherever the fold is, the title is the same and so is the line of a
    problem."""
    before, after = calendar("UID:a\nSUMMARY:@\nDTSTART:20261201T190000Z", "UID:b\nSUMMARY:b").encode().split(b"@")
    raw = name.encode()
    for at in {n for n in range(1, len(raw)) if n < 12} | {len(raw) - 1}:
        for mark in (b" ", b"\t"):
            folded = raw[:at] + b"\r\n" + mark + raw[at:]
            (tmp_path / "c.ics").write_bytes((before + folded + after).replace(b"\r\n", ends))
            schedule = load_schedules(tmp_path, START)
            assert [session.title for session in schedule.sessions] == [unicodedata.normalize("NFC", name)]
            assert [str(problem) for problem in schedule.problems] == [
                'c.ics:11: event "b" has no start: write a DTSTART'
            ]


def test_a_fold_after_every_octet(tmp_path):
    """Even names of properties and blocks may be folded; nobody does, but it is legal."""
    text = calendar("UID:a\nSUMMARY:für 🐧\nDTSTART:20261201T190000Z").encode()
    lines = [b"\r\n ".join(line[n : n + 1] for n in range(len(line))) for line in text.split(b"\r\n")]
    (tmp_path / "c.ics").write_bytes(b"\r\n".join(lines))
    schedule = load_schedules(tmp_path, START)
    assert ([session.title for session in schedule.sessions], schedule.problems) == (["für 🐧"], ())


def test_half_a_calendar_is_no_calendar():
    """A file that is cut off must not call off what its end held; an empty one is sound."""
    text = calendar("UID:a\nSUMMARY:a\nDTSTART:20261201T190000Z", "UID:b\nSUMMARY:b\nDTSTART:20261201T190000Z")
    for cut in range(0, len(text) - 16, 7):
        sessions, problems = read_ics(text[:cut], "c.ics", START, END)
        assert sessions == []
        assert problems
    assert read_ics(calendar(), "c.ics", START, END) == ([], [])


def test_an_odd_uid_is_kept_apart_and_fit_to_show():
    """Long or strange UIDs stay distinct and stable, and hold nothing that harms."""
    (one, two, three), problems = read(*(
        f"UID:{uid}\nSUMMARY:a\nDTSTART:20261201T190000Z" for uid in ("x" * 300, "x" * 299 + "y", "a b\x03c")
    ))  # fmt: skip
    assert problems == []
    assert len({one.uid, two.uid, three.uid}) == 3
    assert all(len(s.uid) < 100 and s.uid.isprintable() and " " not in s.uid for s in (one, two, three))


def test_a_calendar_in_utc_may_name_any_utc():
    """TZID=UTC with or without Z is the same moment; METHOD:CANCEL calls off all it holds (RFC 5546 3.2.5)."""
    events = [
        "UID:a\nSUMMARY:a\nDTSTART;TZID=Etc/UTC:20261201T190000",
        "UID:b\nSUMMARY:b\nDTSTART;TZID=UTC:20261201T190000Z",
    ]
    sessions, problems = read(*events)
    assert (starts(sessions), problems) == (["12-01 19:00"] * 2, [])
    assert [session.cancelled for session in read(*events, head="METHOD:CANCEL\n")[0]] == [True, True]


def test_rules_may_be_written_in_lower_case():
    """Names and values of rules are case-insensitive (RFC 5545 2)."""
    sessions, problems = read("UID:a\nSUMMARY:a\nDTSTART:20261201T190000Z\nRRULE:freq=weekly;count=2;byday=tu")
    assert (starts(sessions), problems) == (["12-01 19:00", "12-08 19:00"], [])


def test_one_file_cannot_change_the_clocks_of_another():
    """A VTIMEZONE that calls itself by some name is forgotten with its file."""
    odd = VTIMEZONE.format(tzid="Odd", more="X-LIC-LOCATION:Asia/Tokyo\n")
    event = "UID:a\nSUMMARY:a\nDTSTART;TZID=Odd:20261201T190000"
    assert read(event, head=odd)[0][0].zone == "Asia/Tokyo"
    sessions, (problem,) = read(event)
    assert sessions == []
    assert "an unknown time zone" in str(problem)
