"""Between the sessions of a course a lab is brought to where the course stood; in a new lab, or in one's own after a yes."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.features.classes.conftest import INDEX, names, teach_scripts
from tests.features.classes.test_lab_setup_dialogs import run_all
from tests.stage import Stage
from trainbot.core.errors import UserError
from trainbot.features.classes.course_catch_up import read_words

COURSE = """
[course]
zone = "UTC"
course = "linux"

[[session]]
id = "one"
title = "First steps"
exercise = "scripts"
start = 2026-11-27T09:00:00

[[session]]
id = "two"
title = "More steps"
exercise = "more"
start = 2026-11-28T09:00:00

[[session]]
id = "three"
title = "Last steps"
exercise = "scripts"
start = 2026-11-29T09:00:00
"""
MORE = {
    "title": "More",
    "image": "debian",
    "details": {
        "steps": [
            {"title": "Five", "text": "5", "solve": "#!/bin/sh\nsolve5", "verify": "#!/bin/sh\nverify5"},
            {"title": "Six", "text": "6", "solve": "#!/bin/sh\nsolve6", "background": "#!/bin/sh\nsetup6"},
        ]
    },
}


def teach(stage: Stage, number: int, step: int, *done: str) -> None:
    """Holds the session that is due on that day, up to a step, which these people do."""
    stage.now = stage.now.replace(day=26 + number, hour=9)
    stage.wait(seconds=2)
    stage.talk("russell", "!start")
    stage.talk("russell", f"!goto {step}")
    for nick in done:
        stage.talk(nick, f"!step {step}")
        for _ in range(step):
            stage.talk(nick, "!done")
    run_all(stage)
    stage.now += timedelta(minutes=90)
    stage.talk("russell", "!end"), stage.talk("russell", "!yes")


@pytest.fixture
def course(stages: Callable[..., Stage]) -> Stage:
    """Two sessions are over, the third is tomorrow; bob was in both."""
    stage = stages(hosts=("xen1", "xen2"))
    folder = stage.folder / "exercises" / "more"
    folder.mkdir()
    (folder / "index.json").write_text(json.dumps(MORE))
    teach_scripts(stage, INDEX)
    stage.schedule("c.toml", COURSE)
    stage.wait(seconds=2), stage.wait(seconds=2)
    teach(stage, 1, 3, "bob")
    teach(stage, 2, 1)
    return stage


@given(st.text(max_size=30))
def test_any_words_are_read_or_refused(words: str) -> None:
    """A course and a session's number, or a sentence that says what to type."""
    try:
        name, number = read_words(words)
    except UserError as error:
        assert "type !catchup" in str(error)
    else:
        assert name == name.lower() and len(name) <= 60 and (number is None or 0 <= number < 100_000)


@given(st.from_regex(r"[a-z][a-z0-9._-]{0,20}", fullmatch=True), st.integers(1, 9999), st.booleans())
def test_a_course_and_a_number(name: str, number: int, word: bool) -> None:
    """``selinux 2``, ``selinux session 2``, ``selinux``, ``2``."""
    assert read_words(f"{name} {'session ' * word}{number}") == (name, number)
    assert read_words(name.upper()) == (name, None) and read_words(str(number)) == ("", number)


def test_in_a_new_lab(course: Stage) -> None:
    """One command gives a lab and runs all that the classes did in it, in order, with progress told."""
    said = course.talk("alice", "!catchup linux")
    assert said[0].startswith("your debian lab: password ")
    assert said[-1] == (
        "bringing your debian lab to where linux was after session 2 (More steps); steps to do: 2. I'll tell you when it's ready"
    )
    assert course.scripts == []
    course.hosts_work()
    ran, told = run_all(course)
    assert ran == ["intro", "setup1", "solve1", "solve2", "setup3"]
    assert told == [
        ("alice", "session 1 (First steps) is done in your debian lab, session 2 (More steps) is next"),
        ("alice", "your debian lab is ready: it is where linux was after session 2 (More steps)"),
    ]


def test_what_somebody_did_of_the_last_step_is_done(course: Stage) -> None:
    """A step that the class ended with is replayed if somebody did it."""
    with course.store.transaction():
        (run,) = course.store.classes.all(exercise="more")
        course.store.classes.done.add(class_id=run.id, person_id=1, step=1, at=course.now)
    course.talk("alice", "!catchup")
    course.hosts_work()
    assert run_all(course)[0][-2:] == ["setup3", "solve5"]


def test_a_lab_that_somebody_has_is_left_alone_without_a_yes(course: Stage) -> None:
    """What may be changed is said; !no changes nothing, !yes runs the steps there."""
    course.talk("alice", "!lab debian")
    course.hosts_work()
    before = course.dump()
    said = course.hear("alice", "!catchup linux 1")
    assert said == [
        (
            "alice",
            "you have a debian lab, and there may be work in it: I would run the steps there, up to where linux was after "
            "session 1 (First steps), and they may change your files. (!lab return first: the steps are run in a new lab.) "
            "Type !yes within 60 s.",
        )
    ]
    assert run_all(course)[0] == [] and course.talk("alice", "!no") == ["alice: cancelled, nothing has changed"]
    assert course.dump() == before
    course.talk("alice", "!catchup linux 1")
    assert course.talk("alice", "!yes")[-1].startswith("bringing your debian lab to where linux was after session 1")
    assert run_all(course)[0] == ["intro", "setup1", "solve1", "solve2", "setup3"]


def test_a_step_that_fails_is_named_and_done_by_hand(course: Stage) -> None:
    """Nothing after it runs; !catchup continues, and says how far it is while it works."""
    course.talk("alice", "!catchup linux")
    course.hosts_work()
    ran, told = run_all(course, {"solve1": "E: no network"})
    assert ran == ["intro", "setup1", "solve1"]
    assert told == [
        (
            "alice",
            "I couldn't do step 1 (One) of session 1 (First steps) in your lab: E: no network. Do it by hand, then "
            "!catchup linux continues",
        )
    ]
    assert course.talk("alice", "!catchup linux") == ["continuing after step 1"]
    assert course.talk("alice", "!catchup") == [
        "alice: your debian lab is on its way to where linux was after session 2: 1 of 2 steps are done; I'll tell you when "
        "it's ready"
    ]
    assert run_all(course)[0] == ["solve2", "setup3"]


def test_a_restart_and_a_lost_host(course: Stage) -> None:
    """kill -9 in the middle goes on; in a lab that replaces a lost one it begins again."""
    course.talk("alice", "!catchup linux")
    course.hosts_work()
    course.wait(seconds=2)
    course.labs_run()
    (lab,) = course.labs()
    course.restart()
    for host in course.hosts:
        course.host_up(host)
    course.wait(seconds=2)
    assert names([script.stdin.strip() for script in course.scripts]) == ["setup1"]
    course.loses(lab.host)
    course.hosts_work()
    course.scripts = []
    ran, told = run_all(course)
    assert ran == ["intro", "setup1", "solve1", "solve2", "setup3"]
    assert told[-1] == ("alice", "your debian lab is ready: it is where linux was after session 2 (More steps)")


def test_a_class_waits_for_the_sessions_before_it(course: Stage) -> None:
    """Its setups come after what is replayed; where that waits for somebody's hands, they do not wait."""
    course.now = course.now.replace(day=29, hour=9)
    course.wait(seconds=2)
    course.talk("alice", "!catchup linux")
    course.hosts_work()
    course.talk("russell", "!start")
    course.talk("russell", "!goto 1")
    ran, _told = run_all(course, {"solve2": "E: no network"})
    assert ran == ["intro", "setup1", "solve1", "solve2", "intro", "setup1"]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("!catchup perl", 'no course called "perl" (there is linux)'),
        (
            "!catchup linux 3",
            "sessions of linux that are over: 1, 2; type !catchup, or !catchup COURSE, or !catchup COURSE N for session N",
        ),
        (
            "!catchup linux to the end",
            'I don\'t understand "linux to the end": type !catchup, or !catchup COURSE, or !catchup COURSE N for session N',
        ),
    ],
)
def test_what_is_not_there(course: Stage, said: str, answer: str) -> None:
    """A sentence says what to type; nothing is begun."""
    assert course.talk("alice", said) == [f"alice: {answer}"]
    assert course.leases() == []


def test_without_any_course(stage: Stage) -> None:
    """Nobody is promised anything."""
    assert stage.talk("alice", "!catchup") == [
        "alice: there is nothing to catch up on: no class is running here, and no session of a course is over; !sessions "
        "shows what is planned"
    ]


def test_exercises_that_cannot_do_their_steps(course: Stage) -> None:
    """It is said, and no lab is taken for it."""
    with course.store.transaction():
        course.store.classes.change({"exercise": "scripts"}, step=1)
        course.store.classes.done.remove()
        course.store.classes.change({"exercise": "more"}, step=1)
    assert course.talk("alice", "!catchup linux") == ["alice: the exercises of linux can't do their steps for you"]
    assert course.leases() == []


def test_help_says_it_to_who_missed_a_session(course: Stage) -> None:
    """To people with a seat in one to come, until they have caught up."""
    course.talk("alice", "!signup 1"), course.talk("bob", "!signup 1")
    told = "You missed session 2 of linux: !catchup linux does its steps in a lab for you."
    assert told in course.whisper("alice", "help")[0]
    course.talk("alice", "!catchup")
    assert told not in course.whisper("alice", "help")[0]
    course.hosts_work()
    run_all(course)
    assert told not in course.whisper("alice", "help")[0]


def test_the_lab_is_given_back_before_it_is_ready(course: Stage) -> None:
    """Nothing more happens, and the next !catchup begins anew."""
    course.talk("alice", "!catchup linux")
    course.talk("alice", "!lab return"), course.talk("alice", "!yes")
    course.hosts_work()
    assert run_all(course) == ([], [])
    assert course.talk("alice", "!catchup linux")[-1].startswith("bringing your debian lab")


def test_who_logs_in_is_the_same_person(stages: Callable[..., Stage]) -> None:
    """What somebody without an account did in a class is theirs when they log in, or claim their lab."""
    stage = stages(require_account="no")
    stage.host_up()
    stage.talk("alice", "!tz berlin")
    stage.talk("russell", "!start"), stage.talk("russell", "!next")
    stage.talk("stranger", "!done"), stage.talk("stranger", "!lab debian")
    stage.rename("stranger", "alice2", account="alice")
    with stage.store.transaction():
        (row,) = stage.store.classes.attendance.all()
        assert stage.store.people.get(row.person_id).account == "alice"
        assert [done.person_id for done in stage.store.classes.done.all()] == [row.person_id]
