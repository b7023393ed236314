"""Sessions: announced, remembered, begun; never missed and never said twice."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.bot.events import Tick
from trainbot.core.messages import Line, LineUndelivered

COURSE = """
[course]
title = "SE Linux for all"
exercise = "selinux"
zone = "Australia/Melbourne"
presenter = "Russell"
[[session]]
id = "a"
start = {start}
"""
ZONES = "Sat 5 Dec 08:00 UTC | Sat 5 Dec 19:00 +1100 Melbourne | Sat 5 Dec 09:00 +0100 Berlin | Sat 5 Dec 03:00 -0500 New York"


def plan(stage: Stage, start: str = "2026-12-05T19:00:00") -> list[tuple[str, str]]:
    stage.schedule("course.toml", COURSE.format(start=start))
    return stage.wait(seconds=2) + stage.wait(seconds=2)


def test_a_new_session_is_announced_once(stage: Stage) -> None:
    """In UTC and the configured zones, with weekday and date; a restart does not say it again."""
    assert plan(stage) == [(CHANNEL, f"new session: SE Linux for all, {ZONES} | in 8 d; !signup 1 gets you a seat")]
    assert stage.wait(minutes=1) == []
    stage.restart()
    assert stage.wait(seconds=2) + stage.wait(seconds=2) == []


def test_a_move_and_a_cancellation_are_told(stage: Stage) -> None:
    """People hear the old and the new time, and of a class that is off."""
    plan(stage)
    (moved,) = plan(stage, "2026-12-06T19:00:00")
    assert moved[1].startswith(
        "moved: SE Linux for all, from Sat 5 Dec 08:00 UTC to Sun 6 Dec 08:00 UTC | Sun 6 Dec 19:00"
    )
    (stage.folder / "schedules" / "course.toml").unlink()
    said = stage.wait(seconds=2) + stage.wait(seconds=2)
    assert said == [(CHANNEL, "cancelled: SE Linux for all, Sun 6 Dec 08:00 UTC (Sun 6 Dec 19:00 +1100 Melbourne)")]


def test_sessions(stage: Stage) -> None:
    """In my own zone where I told it, else in all; what is planned, or that nothing is."""
    assert stage.talk("alice", "!sessions") == ["alice: no sessions are planned"]
    plan(stage)
    assert stage.talk("alice", "!sessions") == [
        f"alice: 1: SE Linux for all, with Russell, {ZONES} | in 8 d; !signup 1 gets you a seat; !tz CITY shows them in your own time"
    ]
    stage.talk("alice", "!tz Berlin")
    assert stage.talk("alice", "!sessions") == [
        "alice: 1: SE Linux for all, with Russell, Sat 5 Dec 09:00 +0100 Berlin (in 8 d); !signup 1 gets you a seat"
    ]
    assert stage.talk("alice", "!sessions please") == ['alice: unexpected word "please". Usage: !sessions']


def test_many_sessions_come_privately(stage: Stage) -> None:
    """More than one line is no load for the channel."""
    more = "".join(f'[[session]]\nid = "{n}"\nstart = 2026-12-{n + 6:02}T19:00:00\n' for n in range(7))
    stage.schedule("course.toml", COURSE.format(start="2026-12-05T19:00:00") + more)
    stage.wait(seconds=2)
    stage.wait(seconds=2)
    said = stage.hear("alice", "!sessions")
    assert {target for target, _ in said} == {"alice"} and len(said) == 4
    assert said[-1][1].endswith(
        "(and 4 more); for a seat type !signup and its number, as in !signup 1; !tz CITY shows them in your own time"
    )


def test_tz(stage: Stage) -> None:
    """My time zone by a city; answered with the time there, and what it was before; a typo gets suggestions."""
    assert stage.hear("alice", "!tz") == [("alice", "I don't know your time zone; !tz CITY sets it")]
    assert stage.hear("alice", "!tz melbourne") == [("alice", "your time is Fri 27 Nov 19:00 +1100 Melbourne")]
    assert stage.hear("alice", "!tz Europe/Berlin") == [
        ("alice", "your time is Fri 27 Nov 09:00 +0100 Berlin (before: Australia/Melbourne)")
    ]
    assert stage.whisper("alice", "tz") == ["your time is Fri 27 Nov 09:00 +0100 Berlin; !tz CITY sets it"]
    before = stage.dump()
    (line,) = stage.talk("alice", "!tz Berlim")
    assert "did you mean !tz" in line and "Europe/Berlin" in line and stage.dump() == before
    assert "type !tz with one of America/Toronto, America/Winnipeg" in stage.talk("alice", "!tz London, Ontario")[0]
    assert "America/Los_Angeles, Asia/Manila" in stage.talk("alice", "!tz PST")[0] and stage.dump() == before
    assert stage.hear("alice", "!tz AWST") == [
        ("alice", "AWST is Australia/Perth; your time is Fri 27 Nov 16:00 +0800 Perth (before: Europe/Berlin)")
    ]


def test_start_knows_what_is_due(stage: Stage) -> None:
    """Two hours before its start and later ``!start`` means the session; by number at any time."""
    plan(stage)
    assert "SE Linux for beginners begins" in stage.talk("russell", "!start")[0]
    stage.talk("russell", "!end")
    stage.talk("russell", "!yes")
    assert "SE Linux for all begins" in stage.talk("russell", "!start 1")[0]
    stage.talk("russell", "!end")
    stage.talk("russell", "!yes")
    stage.now = datetime(2026, 12, 5, 7, tzinfo=UTC)
    assert "SE Linux for all begins" in stage.talk("russell", "!start")[0]
    with stage.store.transaction():
        assert [run.session_uid for run in stage.store.classes.all()] == ["", "course/a", "course/a"]


WEEKLY_TWO = '[[session]]\nid = "b"\nstart = 2026-12-05T20:00:00\ntitle = "The next"\n'


@pytest.fixture
def two(stage: Stage) -> Stage:
    """Two sessions of two hours on one day: at 08:00 and at 09:00 UTC; half an hour before the first."""
    stage.schedule("course.toml", COURSE.format(start="2026-12-05T19:00:00") + WEEKLY_TWO)
    stage.now = datetime(2026, 12, 5, 7, 30, tzinfo=UTC)
    stage.wait(seconds=2), stage.wait(seconds=2)
    return stage


def first_of(stage: Stage) -> str:
    return stage.whisper("alice", "sessions")[0]


def end(stage: Stage) -> None:
    stage.talk("russell", "!end"), stage.talk("russell", "!yes")


def test_a_session_begun_early_is_begun(two: Stage) -> None:
    """It is running for !sessions and !signup, nobody is reminded of it, and the topic shows the class."""
    two.talk("bob", "!signup 1")
    two.talk("russell", "!start")
    assert first_of(two) == "1: SE Linux for all, with Russell, 1 seat taken, running now"
    assert "has already begun; you don't need a seat" in two.talk("alice", "!signup 1")[0]
    said = [text for _ in range(9) for _target, text in two.wait(minutes=5)]
    assert [text for text in said if "SE Linux for all starts" in text or "SE Linux for all started" in text] == []


def test_a_session_whose_class_has_ended_is_over(two: Stage) -> None:
    """It no longer heads !sessions, though its planned end is to come; !start means the next one."""
    two.talk("russell", "!start")
    two.wait(minutes=40)
    end(two)
    assert first_of(two).startswith("1: The next, with Russell, ")
    assert "next: The next, Sat 5 Dec 09:00 UTC | !sessions" in two.net.topics[CHANNEL]
    two.restart()
    assert first_of(two).startswith("1: The next, with Russell, ")
    assert "The next begins" in two.talk("russell", "!start")[0]


def test_a_class_that_was_begun_by_mistake(two: Stage) -> None:
    """Ended at once, before its time, it is still to come, reminders included."""
    two.talk("russell", "!start")
    end(two)
    assert first_of(two).startswith("1: SE Linux for all, with Russell, ")
    said = [text for _ in range(5) for _target, text in two.wait(minutes=5)]
    assert [text for text in said if text.startswith("SE Linux for all starts in 10 min")]


def test_a_class_that_ended_early(two: Stage) -> None:
    """Begun so early that it was done before its planned start: no reminder of it either."""
    two.now = datetime(2026, 12, 5, 6, 30, tzinfo=UTC)
    two.talk("russell", "!start")
    two.wait(minutes=70)
    end(two)
    assert first_of(two).startswith("1: The next, with Russell, ")
    said = [text for _ in range(9) for _target, text in two.wait(minutes=5)]
    assert [text for text in said if "SE Linux for all" in text] == []


def test_a_class_that_takes_longer_is_listed(two: Stage) -> None:
    """While it runs, however late it is; then no more."""
    two.talk("russell", "!start")
    two.wait(hours=4)
    assert first_of(two) == "1: SE Linux for all, with Russell, running now"
    end(two)
    assert two.whisper("alice", "sessions") == ["no sessions are planned"]


def reminders(stage: Stage, until: datetime) -> list[str]:
    said = []
    while stage.now < until:
        said += [text for _target, text in stage.wait(minutes=5)]
    return said


END = datetime(2026, 12, 5, 9, tzinfo=UTC)


def test_reminders(stage: Stage) -> None:
    """Seven days, a day, an hour and ten minutes before, each once, worded by the time that is left."""
    plan(stage)
    said = reminders(stage, END)
    assert [line.split(":")[0] for line in said] == [
        "SE Linux for all starts in 7 d",
        "SE Linux for all starts in 1 d",
        "SE Linux for all starts in 1 h",
        "SE Linux for all starts in 10 min",
    ]


def test_reminders_over_a_long_absence(stage: Stage) -> None:
    """A bot that was away for days says only the one that still helps, in true words."""
    plan(stage)
    stage.now = datetime(2026, 12, 5, 7, 30, tzinfo=UTC)
    stage.restart()
    assert [line.split(":")[0] for line in reminders(stage, END)] == [
        "SE Linux for all starts in 25 min",
        "SE Linux for all starts in 10 min",
    ]


def test_reminders_over_restarts(stage: Stage) -> None:
    """A restart at every tick neither repeats nor skips one."""
    plan(stage)
    said = []
    for moment in (
        datetime(2026, 11, 28, 8, 0, 1, tzinfo=UTC),
        datetime(2026, 12, 4, 8, 0, 1, tzinfo=UTC),
        datetime(2026, 12, 5, 7, 0, 1, tzinfo=UTC),
        datetime(2026, 12, 5, 7, 50, 1, tzinfo=UTC),
    ):
        stage.now = moment
        for _ in range(3):
            said += stage.restart()
            said += stage.wait(seconds=2)
    assert len(said) == 4


def test_a_reminder_that_was_not_spoken_comes_later(stage: Stage) -> None:
    """The server refused the line: it is tried again, until it is pointless."""
    plan(stage)
    stage.now = datetime(2026, 12, 5, 7, 50, tzinfo=UTC)
    (line,) = stage.turn(Tick()).say
    assert isinstance(line, Line) and line.ticket is not None and "in 10 min" in line.text
    stage.turn(LineUndelivered(line.ticket, "cannot send to channel", stage.now))
    assert stage.wait(seconds=30) == []
    (again,) = stage.wait(minutes=1)
    assert again[1].startswith("SE Linux for all starts in 9 min")
    assert stage.wait(minutes=1) == []


def test_no_reminder_of_what_is_off(stage: Stage) -> None:
    """A reminder that waits while the session is cancelled is never said."""
    plan(stage)
    people = stage.net.channels[CHANNEL]
    stage.net.channels[CHANNEL] = set()  # nobody is there: it waits
    stage.now = datetime(2026, 12, 5, 7, 0, 1, tzinfo=UTC)
    assert stage.wait(seconds=2) == []
    (stage.folder / "schedules" / "course.toml").unlink()
    stage.wait(seconds=2)
    stage.wait(seconds=2)
    stage.net.channels[CHANNEL] = people
    assert [text.split(":")[0] for _, text in stage.wait(seconds=2)] == ["cancelled"]


FLOATING = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//EN
BEGIN:VEVENT
UID:float@x
SUMMARY:Floating
DTSTART:20261205T190000
END:VEVENT
END:VCALENDAR
"""


def test_a_floating_time_is_no_time(stage: Stage, caplog: pytest.LogCaptureFixture) -> None:
    """A calendar that does not say in which zone: kept as a problem, logged, and nothing is announced."""
    stage.schedule("c.ics", FLOATING.replace("\n", "\r\n"))
    assert stage.wait(seconds=2) + stage.wait(seconds=2) == []
    (problem,) = stage.wiring.sessions.reader.problems
    assert problem.file == "c.ics" and str(problem) in caplog.text
    assert stage.talk("alice", "!sessions") == ["alice: no sessions are planned"]


def test_a_broken_file_calls_nothing_off(stage: Stage) -> None:
    """A slip in the file of a session that people know: nothing is said, the reminder still comes."""
    plan(stage)
    stage.schedule("course.toml", "[course\n")
    assert stage.wait(seconds=2) + stage.wait(seconds=2) == []
    assert len(stage.wiring.sessions.reader.problems) == 1
    stage.now = datetime(2026, 12, 5, 7, 50, tzinfo=UTC)
    assert "in 10 min" in stage.wait(seconds=1)[0][1]


WEEKLY = """BEGIN:VCALENDAR
VERSION:2.0
PRODID:-//x//EN
BEGIN:VEVENT
UID:w@x
SUMMARY:Weekly
DTSTART;TZID=Europe/Berlin:20261205T190000
RRULE:FREQ=WEEKLY;COUNT=3
END:VEVENT
{change}END:VCALENDAR
"""
CHANGE = """BEGIN:VEVENT
UID:w@x
SUMMARY:Weekly
RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20261212T190000
DTSTART;TZID={zone}:20261212T210000
END:VEVENT
"""


def weekly(stage: Stage, change: str = "") -> list[str]:
    stage.schedule("c.ics", WEEKLY.format(change=change).replace("\n", "\r\n"))
    return [text for _channel, text in stage.wait(seconds=2) + stage.wait(seconds=2)]


def test_sessions_with_a_change_that_is_not_understood_are_withheld(
    stage: Stage, caplog: pytest.LogCaptureFixture
) -> None:
    """People knew of them: no reminder with the old time, nothing cancelled, organisers are told why.  Once the file is
    corrected, the move is announced, and seats are kept."""
    assert len(weekly(stage)) == 3
    stage.talk("alice", "!signup 2")
    assert weekly(stage, CHANGE.format(zone="Mars/Base")) == []
    assert "its sessions from Sat 12 Dec 19:00 +0100 Berlin are not announced" in caplog.text
    (only,) = stage.talk("alice", "!sessions")
    assert "1: Weekly" in only and "Sat 5 Dec 18:00 UTC" in only and "more)" not in only
    said = stage.talk("olga", "!session")
    assert said[1:] == [
        f"withheld: Weekly, Sat {day} Dec 19:00 +0100 Berlin: a change in c.ics is not understood; "
        "trainbot schedule check says what to correct"
        for day in (12, 19)
    ]
    stage.now = datetime(2026, 12, 12, 17, 51, tzinfo=UTC)
    assert [text for _channel, text in stage.wait(seconds=2) if "12 Dec" in text] == []
    stage.restart()
    assert stage.wait(seconds=2) + stage.wait(seconds=2) == []
    said = weekly(stage, CHANGE.format(zone="Europe/Berlin"))
    assert [
        text for text in said if text.startswith("moved: Weekly, from Sat 12 Dec 18:00 UTC to Sat 12 Dec 20:00 UTC")
    ]
    assert [
        text for text in said if text.startswith("moved: Weekly, from Sat 19 Dec 18:00 UTC to Sat 19 Dec 20:00 UTC")
    ]
    assert "one is yours" in stage.talk("alice", "!sessions")[0]


def test_a_withheld_session_that_is_deleted_is_cancelled(stage: Stage) -> None:
    """Who knew of it hears that it is off; one that nobody knew of is new when it is understood."""
    weekly(stage)
    weekly(stage, CHANGE.format(zone="Mars/Base"))
    assert weekly(stage, CHANGE.format(zone="Europe/Berlin").replace("DTSTART", "STATUS:CANCELLED\nDTSTART"))[-2:] == [
        "cancelled: Weekly, Sat 12 Dec 18:00 UTC (Sat 12 Dec 19:00 +0100 Berlin)",
        "cancelled: Weekly, Sat 19 Dec 18:00 UTC (Sat 19 Dec 19:00 +0100 Berlin)",
    ]


def test_a_damaged_row_stops_nothing_else(stage: Stage) -> None:
    """What somebody did to the database by hand harms that session only: leases still end, people are answered."""
    plan(stage)
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    with stage.store.transaction():
        stage.store.sessions.change({}, value="{not json")
    assert "something went wrong on my side, and nothing was changed (reference" in stage.talk("alice", "!sessions")[0]
    assert stage.wait(hours=3, minutes=46)[0][1].startswith("your debian lab ends in")
    assert stage.talk("bob", "!lab debian")[1].startswith("ssh -p")
