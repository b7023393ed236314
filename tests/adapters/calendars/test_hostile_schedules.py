"""No file in the schedule folder stops the bot, holds it up, or hides another file."""

import os
import time
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from trainbot.adapters.calendars.ics_schedule import read_ics
from trainbot.adapters.calendars.schedule_folder import load_schedules
from trainbot.adapters.calendars.toml_schedule import read_toml

NOW = datetime(2026, 11, 23, tzinfo=UTC)
SOUND = '[[session]]\nid = "a"\ntitle = "sound"\nzone = "UTC"\nstart = 2026-12-01T10:00:00\n'


def ics(*events):
    body = "".join(
        f"BEGIN:VEVENT\r\nUID:u{n}\r\n{'' if 'SUMMARY' in event else f'SUMMARY:s{chr(13)}{chr(10)}'}{event}\r\nEND:VEVENT\r\n"
        for n, event in enumerate(events)
    )
    return f"BEGIN:VCALENDAR\r\n{body}END:VCALENDAR\r\n"


def zones(many, lines):
    """An event in each of ``many`` zones whose VTIMEZONE has the lines."""
    rules = "".join(
        f"BEGIN:VTIMEZONE\r\nTZID:Own {chr(97 + n % 26)}{n}x\r\nBEGIN:STANDARD\r\nDTSTART:20000101T000000\r\nTZOFFSETFROM:+0100\r\n"
        f"TZOFFSETTO:+0100\r\n{chr(13).join(lines)}\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\n"
        for n in range(many)
    )
    events = [f"DTSTART;TZID=Own {chr(97 + n % 26)}{n}x:20270101T100000" for n in range(many)]
    return ics(*events).replace("BEGIN:VCALENDAR\r\n", "BEGIN:VCALENDAR\r\n" + rules)


def series(many, rid, other):
    """A daily series with many changes."""
    changes = "".join(
        f"BEGIN:VEVENT\r\nUID:u0\r\nSUMMARY:s\r\n{rid.format(m=101 + n % 28)}\r\n{other}\r\nEND:VEVENT\r\n"
        for n in range(many)
    )
    return ics("DTSTART:20270101T100000Z\r\nRRULE:FREQ=DAILY").replace("END:VCALENDAR", changes + "END:VCALENDAR")


HOSTILE = {
    "empty.ics": "",
    "nul.ics": "\0" * 1000,
    "cut.ics": "BEGIN:VCALENDAR\nBEGIN:VEVENT\nUID:a",
    "nested.ics": "BEGIN:VEVENT\n" * 50_000 + "END:VCALENDAR",
    "zones.ics": "BEGIN:VTIMEZONE\n" * 50_000 + "END:VCALENDAR",
    "alarms.ics": "BEGIN:VALARM\n" * 50_000 + "END:VCALENDAR",
    "long-line.ics": "X;" * 900_000 + "\nEND:VCALENDAR",
    "blank.ics": ics("DTSTART:20270101T100000Z\r\nDESCRIPTION:" + "\\n" * 400_000),
    "tags.ics": ics("DTSTART:20270101T100000Z\r\nDESCRIPTION:" + "<" * 400_000),
    "spaces.ics": ics("DTSTART:20270101T100000Z\r\nDESCRIPTION:exercise:" + " " * 400_000 + "x"),
    "secondly.ics": ics("DTSTART:20270101T100000Z\r\nRRULE:FREQ=SECONDLY"),
    "daily.ics": ics(*["DTSTART:20170101T100000Z\r\nRRULE:FREQ=DAILY"] * 2000),
    "never.ics": ics("DTSTART:20270101T100000Z\r\nRRULE:FREQ=DAILY;BYMONTH=2;BYMONTHDAY=31"),
    "ages.ics": ics(*["DTSTART:19700101T100000Z\r\nRRULE:FREQ=YEARLY"] * 2000),
    "rdates.ics": ics("DTSTART:20270101T100000Z\r\nRDATE:" + ",".join(["20270101T100000Z"] * 50_000)),
    "many-days.ics": ics("DTSTART:20270101T100000Z\r\nRRULE:FREQ=WEEKLY;BYDAY=" + ",".join(["FR"] * 50_000)),
    "count.ics": ics("DTSTART:20270101T100000Z\r\nRRULE:FREQ=DAILY;COUNT=99999999999999999999"),
    "crowd.ics": ics(*["DTSTART:20270101T100000Z"] * 6000),
    "duration.ics": ics("DTSTART:20270101T100000Z\r\nDURATION:P99999999999D"),
    "twice.ics": ics(
        "DTSTART:20270101T100000Z\r\nDTSTART:20270101T100000Z\r\nSUMMARY:a\r\nSUMMARY:b\r\nRECURRENCE-ID:x"
    ),
    "own-zones.ics": zones(3000, ["RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU"]),
    "odd-zones.ics": zones(3000, ["RRULE:FREQ=SECONDLY", "RDATE:" + ",".join(["20270101T100000"] * 99)]),
    "zone-rules.ics": zones(1, ["BYDAY=" + ",".join(["SU"] * 9000)] * 200),
    "shifts.ics": series(2000, "RECURRENCE-ID;RANGE=THISANDFUTURE:20270{m:03}T100000Z", "DTSTART:20270101T110000Z"),
    "faults.ics": series(4000, "RECURRENCE-ID:20270{m:03}T100000Z", "DTSTART:x"),
    "split.ics": b"BEGIN:VCALENDAR\r\nX:" + b"\xc3\r\n \xa9" * 200_000 + b"\xe9\r\nEND:VCALENDAR",
    "bare-zone.ics": ics("DTSTART;TZID=" + "(:" * 400_000 + "20270101T100000"),
    "latin1.ics": b"BEGIN:VCALENDAR\nX:\xe9\nEND:VCALENDAR",
    "huge.ics": "x" * 3_000_000,
    "dots.toml": "a" + ".a" * 100_000 + " = 1",
    "many-dots.toml": "".join(f"a{n}{'.a' * 240} = 1\n" for n in range(400)),
    "brackets.toml": "a = " + "[\n" * 100_000,
    "keys.toml": "[course]\n" + "".join(f"k{n} = 1\n" for n in range(20_000)),
    "sessions.toml": "[[session]]\n" * 20_000,
    "float.toml": "x = 1e999999999",
    "types.toml": "course = 1\nsession = [1, 2]\n",
    "more-types.toml": "[course]\ntitle = 1\nzone = []\nimages = [[1], {}]\n[[session]]\nid = {}\nstart = {}\nminutes = nan\n",
    "latin1.toml": b"# \xe9",
    "huge.toml": "#" * 300_000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_a_hostile_file_is_told_soon_and_hides_no_other(name, tmp_path):
    """Within seconds there is a sentence about it, and the sound file beside it is read."""
    content = HOSTILE[name]
    (tmp_path / name).write_bytes(content if isinstance(content, bytes) else content.encode())
    (tmp_path / "z.toml").write_text(SOUND)
    began = time.process_time()
    schedule = load_schedules(tmp_path, NOW)
    assert time.process_time() - began < 20
    assert "z/a" in {session.uid for session in schedule.sessions}
    assert len(schedule.sessions) <= 5001
    told = [str(problem) for problem in schedule.problems]
    assert len(told) <= 50
    assert all(len(text) < 500 and text.isprintable() and "understood (" not in text for text in told)
    if name not in ("blank.ics", "tags.ics", "shifts.ics"):
        assert schedule.doubtful == {name}


def test_what_is_no_file_is_not_opened(tmp_path):
    """A pipe would wait for its writer for ever; a folder, a dead link and a hidden file do no harm."""
    os.mkfifo(tmp_path / "pipe.toml")
    (tmp_path / "folder.ics").mkdir()
    (tmp_path / "dead.toml").symlink_to(tmp_path / "nowhere")
    (tmp_path / ".hidden.toml").write_text("nonsense")
    (tmp_path / "notes.txt").write_text("nonsense")
    (tmp_path / "z.toml").write_text(SOUND)
    schedule = load_schedules(tmp_path, NOW)
    assert schedule.doubtful == {"pipe.toml", "folder.ics", "dead.toml"}
    assert [session.uid for session in schedule.sessions] == ["z/a"]


def test_a_folder_that_is_not_there_is_one_problem(tmp_path):
    """And everything that was known stands."""
    schedule = load_schedules(tmp_path / "none", NOW)
    assert not schedule.readable
    assert "set folder in [schedule]" in str(schedule.problems[0])


def test_one_uid_in_two_files_is_a_problem(tmp_path):
    """The first file by name keeps it."""
    for name in ("a.ics", "b.ics"):
        (tmp_path / name).write_text(ics("SUMMARY:" + name + "\r\nDTSTART:20270101T100000Z"))
    schedule = load_schedules(tmp_path, NOW)
    assert [session.title for session in schedule.sessions] == ["a.ics"]
    assert [str(problem) for problem in schedule.problems] == [
        "b.ics: u0 is already in a.ics: give it another id, or remove one file"
    ]


def test_sessions_come_by_start_and_old_ones_go(tmp_path):
    """What ended more than a day ago is no longer shown; far ones are."""
    (tmp_path / "z.toml").write_text(SOUND + SOUND.replace('"a"', '"b"').replace("2026-12", "2036-12"))
    for now, uids in ((NOW, ["z/a", "z/b"]), (NOW + timedelta(days=11), ["z/b"])):
        assert [session.uid for session in load_schedules(tmp_path, now).sessions][-len(uids) :] == uids
        if uids == ["z/b"]:
            assert len(load_schedules(tmp_path, now).sessions) == 1


LINES = st.sampled_from([
    "BEGIN:VCALENDAR", "END:VCALENDAR", "BEGIN:VEVENT", "END:VEVENT", "BEGIN:VTIMEZONE", "END:VTIMEZONE", "UID:a", "UID:b",
    "SUMMARY:a", "DTSTART:20270101T100000Z", "DTSTART;TZID=Europe/Berlin:20270101T100000", "DTSTART;VALUE=DATE:20270101",
    "DTEND:20270101T110000Z", "DTEND;VALUE=DATE:20270102", "DURATION:PT1H", "RRULE:FREQ=WEEKLY;COUNT=3", "RRULE:FREQ=DAILY",
    "RRULE:COUNT=1", "RRULE:", "EXDATE:20270108T100000Z", "EXDATE;VALUE=DATE:20270108", "RDATE:20270109T100000Z",
    "RDATE;VALUE=PERIOD:20270109T100000Z/PT1H", "RECURRENCE-ID:20270108T100000Z", "RECURRENCE-ID;VALUE=DATE:20270108",
    "SEQUENCE:1", "SEQUENCE:x", "STATUS:CANCELLED", "DESCRIPTION:exercise: x", "URL:x", ";:", "TZID:a", " folded", "\x00",
])  # fmt: skip


@given(st.lists(LINES | st.text(max_size=20), max_size=30))
@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_no_heap_of_calendar_lines_breaks_the_reader(lines):
    """Any order of lines gives sessions and sentences, never anything else."""
    text = "\r\n".join(["BEGIN:VCALENDAR", "BEGIN:VEVENT", *lines, "END:VEVENT", "END:VCALENDAR"])
    sessions, problems = read_ics(text, "c.ics", NOW, NOW + timedelta(days=60))
    assert all(session.uid and session.start.tzinfo is UTC for session in sessions)
    assert all("\n" not in str(problem) for problem in problems)


TOML_LINES = st.sampled_from([
    "[course]", "[[session]]", "[session]", 'id = "a"', 'id = "b"', "id = 1", 'title = "x"', "title = []", 'zone = "UTC"',
    'zone = "Europe/Berlin"', "start = 2027-03-28T02:30:00", "start = 2027-01-01T10:00:00", "start = 2027-01-01T10:00:00Z",
    "start = 10:00:00", "minutes = 5", "minutes = -5", "images = []", 'images = ["debian", 1]', 'zones = ["UTC"]',
    "cancelled = 1", "cancelled = true", 'link = "x"', "seats = 1.5", "odd = {}", "course = 1", "\x00", "'''",
])  # fmt: skip


@given(st.lists(TOML_LINES | st.text(max_size=20), max_size=20))
@settings(max_examples=300, deadline=None)
def test_no_heap_of_course_lines_breaks_the_reader(lines):
    """The same for course files."""
    sessions, problems = read_toml("\n".join(lines), "c.toml")
    assert all(session.uid.startswith("c/") and session.start.tzinfo is UTC for session in sessions)
    assert all("\n" not in str(problem) for problem in problems)
