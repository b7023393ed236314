"""A course file is read as it says, and every fault in it is told with its line."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from trainbot.adapters.calendars.schedule_folder import load_schedules
from trainbot.adapters.calendars.toml_schedule import read_toml

NOW = datetime(2026, 12, 1, tzinfo=UTC)
ROOT = Path(__file__).parents[3]

COURSE = """\
[course]
title = "SE Linux"
zone = "Australia/Melbourne"
exercise = "selinux-debian"
images = ["debian"]
zones = ["Australia/Melbourne", "Europe/Berlin"]

[[session]]
id = "one"
start = 2026-12-05T19:00:00

[[session]]
id = "two"
zone = "Europe/Berlin"
start = 2026-12-06T18:00:00
title = "SE Linux again"
presenter = "Russell"
channel = "#class"
minutes = 90
seats = 30
link = "https://example.org/slides"
cancelled = true
"""


def faults(text):
    return [str(problem) for problem in read_toml(text, "c.toml")[1]]


def test_a_course_gives_its_sessions_what_they_do_not_say():
    """Defaults come from the course, the session's own words go before them."""
    (one, two), problems = read_toml(COURSE, "course.toml")
    assert problems == []
    assert (one.uid, one.title, one.start) == ("course/one", "SE Linux", datetime(2026, 12, 5, 8, tzinfo=UTC))
    assert (one.local, one.zone, one.minutes, one.exercise) == (
        datetime(2026, 12, 5, 19),
        "Australia/Melbourne",
        120,
        "selinux-debian",
    )
    assert (one.images, one.zones, one.cancelled) == (("debian",), ("Australia/Melbourne", "Europe/Berlin"), False)
    assert (two.start, two.end) == (datetime(2026, 12, 6, 17, tzinfo=UTC), datetime(2026, 12, 6, 18, 30, tzinfo=UTC))
    assert (two.title, two.presenter, two.channel, two.seats, two.cancelled) == (
        "SE Linux again",
        "Russell",
        "#class",
        30,
        True,
    )
    assert two.origin == "course.toml"


def test_all_faults_are_told_at_once_with_their_lines():
    """An organiser mends a file in one go."""
    text = (
        COURSE.replace("exercise =", "excercise =")
        .replace("seats = 30", 'seats = "many"')
        .replace("start = 2026-12-05T19:00:00", "start = 2026-12-05T19:00:00+11:00")
    )
    assert faults(text) == [
        "c.toml:4: unknown key 'excercise': did you mean exercise?",
        "c.toml:10: session 1: start: +1100 is an offset, not a time zone: leave it out and set zone to one of "
        "Australia/Melbourne, Australia/Sydney, Australia/Lord_Howe, Antarctica/Macquarie, Australia/Hobart, "
        "Pacific/Kosrae (7 more)",
        "c.toml:20: session 2: seats must be a whole number from 1 to 100000, not 'many'",
    ]


def test_a_class_is_not_lost_because_of_a_detail():
    """A wrong number of seats is told and left out; the session stands."""
    (_one, two), problems = read_toml(COURSE.replace("seats = 30", "seats = 0"), "c.toml")
    assert len(problems) == 1
    assert two.seats is None


def test_a_session_whose_state_is_in_doubt_is_left_out():
    """``cancelled = "yes"`` must not announce a class as on."""
    sessions, problems = read_toml(COURSE.replace("cancelled = true", 'cancelled = "yes"'), "c.toml")
    assert [session.uid for session in sessions] == ["c/one"]
    assert "cancelled must be true or false" in str(problems[0])


@pytest.mark.parametrize(
    ("before", "after", "told"),
    [
        (
            "2026-12-05T19:00:00",
            '"2026-12-05 19:00"',
            "c.toml:10: session 1: start '2026-12-05 19:00' is in quotes: write it as",
        ),
        ("2026-12-05T19:00:00", "2026-12-05", "has no time"),
        ("2026-12-05T19:00:00", "19:00:00", "has no date"),
        ("2026-12-05T19:00:00", "7", "is not a time"),
        ("2026-12-05T19:00:00", "2026-12-05T19:00:30", "is not on a whole minute"),
        ("start = 2026-12-05T19:00:00", "", "c.toml:8: session 1: start is missing"),
        ("2026-12-05T19:00:00", "2026-10-04T02:30:00", "does not exist in Australia/Melbourne"),
        ("2026-12-05T19:00:00", "2027-04-04T02:30:00", "happens twice in Australia/Melbourne"),
        ("2026-12-05T19:00:00", "0001-01-01T00:00:00", "out of range"),
        ("2026-12-05T19:00:00", "2026-13-05T19:00:00", "c.toml:10: this is not TOML"),
        ('id = "one"', "", "id is missing"),
        ('id = "one"', 'id = "two"', "two sessions have the id two"),
        ('id = "one"', 'id = "../one"', "id must be a name"),
        (
            '"Australia/Melbourne"\ne',
            '"melbourne"\ne',
            "c.toml:3: zone must be a time zone such as Australia/Melbourne",
        ),
        ('"Australia/Melbourne"\ne', '"+1100"\ne', "zone must be a time zone such as"),
        ('zone = "Australia/Melbourne"\n', "", "session 1: zone is missing"),
        ('title = "SE Linux"\n', "", "session 1: title is missing"),
        ('"#class"', '"class"', "c.toml:18: session 2: channel must be a channel such as #selinux-class"),
        ("minutes = 90", "minutes = true", "minutes must be a whole number from 1 to 1440"),
        ('"https://example.org/slides"', '"javascript:alert(1)"', "link must be an https:// address"),
        ('["debian"]', '"debian"', "images must be a list"),
        ("[course]", "[course", "c.toml:1: this is not TOML"),
        ("[[session]]", "[session]", "this is not TOML"),
        ("[course]", "[cuorse]", "unknown key 'cuorse': did you mean course?"),
    ],
)
def test_each_fault_says_what_would_be_right(before, after, told):
    """One sentence, with the line where one can be found."""
    assert before in COURSE
    found = faults(COURSE.replace(before, after, 1) if before != "[[session]]" else COURSE.replace(before, after))
    assert any(told in fault for fault in found), found


def test_one_fault_of_the_course_is_told_once():
    """What leans on a wrong default has no second fault of its own."""
    found = faults(COURSE.replace('zone = "Australia/Melbourne"\n', 'zone = "nowhere/atall"\n'))
    assert len(found) == 1


def test_words_are_made_fit_to_show():
    """No control character of a file reaches IRC."""
    (one, _two), _ = read_toml(COURSE.replace('"SE Linux"', '"SE\\u0002 Li\\u202enux\\r\\nQUIT"'), "c.toml")
    assert one.title == "SE Linux QUIT"


def test_the_shipped_example_is_sound():
    """Its sessions can be read, in two parts of the world."""
    schedule = load_schedules(ROOT / "schedules", NOW)
    assert schedule.problems == ()
    assert [(s.uid, s.zone) for s in schedule.sessions] == [
        ("selinux-course/melbourne", "Australia/Melbourne"), ("selinux-course/berlin", "Europe/Berlin"),
    ]  # fmt: skip


def test_the_file_in_the_documentation_is_sound(tmp_path):
    """What docs/schedules.md shows is read without a fault."""
    shown = (ROOT / "docs" / "schedules.md").read_text().split("```toml\n")[1].split("```")[0]
    sessions, problems = read_toml(shown, "selinux-course.toml")
    assert problems == []
    assert [session.uid for session in sessions] == ["selinux-course/first", "selinux-course/second"]


@pytest.mark.parametrize(
    "field", ['exercise = "a\\n"', 'channel = "#a\\n"', 'link = "https://a.example\\r\\nQUIT"', 'images = ["a\\n"]']
)
def test_a_line_end_in_a_name_is_a_fault(field):
    """A name that would break a line of IRC is not let in at all."""
    (session,), problems = read_toml(
        f'[[session]]\nid = "a"\ntitle = "t"\nzone = "UTC"\nstart = 2027-01-01T10:00:00\n{field}\n', "c.toml"
    )
    assert len(problems) == 1
    assert (session.exercise, session.channel, session.link, session.images) == (None, None, None, ())
