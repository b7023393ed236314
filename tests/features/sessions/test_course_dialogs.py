"""Sessions of one course: planned on IRC and in files, numbered by their start, written into the calendar."""

from __future__ import annotations

import pytest

from tests.stage import Stage

FILE = """
[course]
title = "SE Linux"
zone = "Europe/Berlin"
course = "selinux"

[[session]]
id = "third"
start = 2026-12-12T09:00:00

[[session]]
id = "other"
title = "By itself"
course = "another"
start = 2026-12-13T09:00:00
"""


@pytest.fixture
def course(stage: Stage) -> Stage:
    """Two sessions from IRC, and one from a file, which is the last."""
    stage.talk("olga", "!tz berlin")
    for day, title in (("fri 11 dec", "Second"), ("thu 10 dec", "First")):
        stage.talk("olga", f'!session add selinux {day} 09:00 1h "{title}" course SELinux')
        stage.talk("olga", "!yes")
    stage.schedule("c.toml", FILE)
    stage.wait(seconds=2), stage.wait(seconds=2)
    return stage


def test_what_is_saved_is_shown(stage: Stage) -> None:
    """The course's name, in small letters, before and after the yes."""
    stage.talk("olga", "!tz berlin")
    (asked,) = stage.talk("olga", '!session add selinux fri 11 dec 09:00 "First" course SELinux')
    assert ", exercise selinux, course selinux. " in asked
    stage.talk("olga", "!yes")
    assert "(in 14 d, course selinux, from IRC)" in stage.whisper("olga", "session")[0]


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("course", 'I don\'t understand "course"'),
        ("course =cmd", "course must be a name of letters, digits, . _ and -, not '=cmd'"),
        ("course a course b", 'the course is given twice, as "a" and "b": keep one'),
    ],
)
def test_a_course_without_a_good_name(stage: Stage, words: str, answer: str) -> None:
    """Nothing is saved."""
    stage.talk("olga", "!tz berlin")
    assert answer in stage.talk("olga", f'!session add selinux fri 11 dec 09:00 "First" {words}')[0]
    assert stage.talk("olga", "!yes") == ["olga: there is nothing to confirm"]


def test_sessions_are_numbered_by_their_start(course: Stage) -> None:
    """Wherever they come from; drafts and cancelled ones are not counted."""
    shown = course.whisper("alice", "sessions")
    assert shown[0].startswith("1: SE Linux (course selinux, session 1 of 1), ")
    assert shown[1].startswith("2: By itself (course another, session 1 of 1), ")
    course.talk("olga", "!session publish all")
    shown = [line.partition("), ")[0] for line in course.whisper("alice", "sessions")]
    assert shown == [
        "1: First (course selinux, session 1 of 3",
        "2: Second (course selinux, session 2 of 3",
        "3: SE Linux (course selinux, session 3 of 3",
        "4: By itself (course another, session 1 of 1",
    ]
    course.talk("olga", "!session cancel 1"), course.talk("olga", "!yes")
    assert course.whisper("alice", "sessions")[0].startswith("1: Second (course selinux, session 1 of 2), ")


def test_a_class_belongs_to_the_course_of_its_session(course: Stage) -> None:
    """And keeps it if the session is no longer planned."""
    course.talk("olga", "!session publish all")
    course.talk("russell", "!start 1")
    with course.store.transaction():
        assert [(run.title, run.course) for run in course.store.classes.running()] == [("First", "selinux")]
        assert [(s.number, s.title, len(s.runs)) for s in course.store.courses.sessions("selinux")] == [
            (1, "First", 1),
            (2, "Second", 0),
            (3, "SE Linux", 0),
        ]
        course.store.connection.exec_driver_sql("DELETE FROM session WHERE title = 'First'")
        assert [s.title for s in course.store.courses.sessions("selinux")] == ["First", "Second", "SE Linux"]
        assert course.store.courses.names() == ["another", "selinux"]


def test_the_calendar_names_it(course: Stage) -> None:
    """With the standard's property, and in words."""
    text = (course.folder / "public" / "sessions.ics").read_text()
    assert text.count("REFID:selinux\n") == 1 and text.count("REFID:another\n") == 1
    assert "course: selinux" in text.replace("\n ", "")
