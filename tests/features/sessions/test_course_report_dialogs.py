"""Who came to which session of a course: for organisers, in exports and in the minutes; and what is one's own."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Callable
from datetime import timedelta

import pytest
from click.testing import CliRunner
from hypothesis import given
from hypothesis import strategies as st

from tests.stage import Stage
from trainbot.bot.workers.maintenance import at_once
from trainbot.cli import cli
from trainbot.core.errors import UserError
from trainbot.features.courses.feature import read_words
from trainbot.model.redaction import REMOVED
from trainbot.ops.course import FIELDS

COURSE = """
[course]
zone = "UTC"
course = "linux"
exercise = "selinux"

[[session]]
id = "one"
title = "=First steps"
start = 2026-11-27T09:00:00

[[session]]
id = "two"
title = "More steps"
start = 2026-11-28T09:00:00

[[session]]
id = "three"
title = "Last steps"
start = 2026-11-29T09:00:00
"""


def teach(stage: Stage, day: int, done: dict[str, int]) -> None:
    """Holds the session of that day to its last step; these people do so many steps."""
    stage.now = stage.now.replace(day=day, hour=9)
    stage.wait(seconds=2)
    stage.talk("russell", "!start")
    for step in range(1, 4):
        stage.wait(seconds=10)
        stage.talk("russell", "!next")
        for nick, steps in done.items():
            stage.talk(nick, "!done" if steps >= step else "!step")
    if day == 27:
        stage.talk("alice", "!ask what is a port?")
        stage.talk("hannah", "!answer 1 a number")
    stage.now += timedelta(minutes=90)
    stage.talk("russell", "!end"), stage.talk("russell", "!yes")


@pytest.fixture
def course(stages: Callable[..., Stage]) -> Stage:
    """alice did all, bob came to the first only, carol to the second; carol has a seat in the third."""
    stage = stages()
    stage.host_up()
    stage.schedule("c.toml", COURSE)
    stage.wait(seconds=2), stage.wait(seconds=2)
    teach(stage, 27, {"alice": 3, "bob": 1})
    teach(stage, 28, {"alice": 3, "carol": 2})
    stage.talk("carol", "!signup 1")
    with stage.store.transaction():
        bob = stage.store.people.by_account("bob")
        assert bob is not None
        stage.store.courses.catch_ups.add(
            person_id=bob.id, course="linux", number=2, image="debian", lab_id="", asked_at=stage.now,
            ended_at=stage.now, reached=True,
        )  # fmt: skip
    stage.turn()
    return stage


@given(st.text(max_size=40))
def test_any_words_are_read_or_refused(words: str) -> None:
    """A name and a part, or the usage."""
    try:
        name, part = read_words(words)
    except UserError as error:
        assert str(error).endswith("Usage: !course NAME [PART]")
    else:
        assert name == name.lower() and 0 <= part < 10_000


def test_who_came_to_which(course: Stage) -> None:
    """Privately: each session with its numbers, then each person with theirs."""
    assert course.hear("olga", "!course linux") == [
        (
            "olga",
            "linux: 1 =First steps, Fri 27 Nov 09:00 UTC, 2 came, 1 did all 3 steps; 2 More steps, Sat 28 Nov 09:00 UTC, 2 "
            "came, 1 did all 3 steps; 3 Last steps, Sun 29 Nov 09:00 UTC, 1 signed up",
        ),
        ("olga", "steps done by session 1 2 3: alice 3/3, 3/3, -; bob 1/3, caught up, -; carol missed, 2/3, seat"),
    ]
    assert course.talk("olga", "!course") == ["courses: linux (3 sessions)", "!course NAME shows who came to which"]
    assert course.talk("olga", "!course perl") == ['olga: no course called "perl" (there is linux)']
    assert course.talk("olga", "!course linux 2") == ["olga: it has only one part: !course linux"]
    assert course.talk("alice", "!course linux") == ["alice: !course is for organisers"]


def test_hundreds_of_people_in_parts(course: Stage) -> None:
    """A part is eight lines, and says how to get the next; together they name everybody once."""
    with course.store.transaction():
        for number in range(400):
            id = course.store.people.add(
                account=f"l{number:03}", nick=f"l{number:03}", zone="", in_view=True, seen_at=course.now
            )
            course.store.sessions.signups.add(session_uid="c/three", person_id=id, image="debian", at=course.now)
    course.turn()
    first, second = course.talk("olga", "!course linux"), course.talk("olga", "!course linux 2")
    assert len(first) == len(second) == 8 and all(len(line.encode()) < 450 for line in [*first, *second])
    assert first[-1].endswith(" more lines: !course linux 2)") and "missed, missed, seat" in second[0]


def test_an_export(course: Stage) -> None:
    """One row for each person and session; nothing in a cell is run by a spreadsheet; both forms say the same."""
    course.whisper("carol", "nolog on")
    course.store.connection.commit()

    def run(*words: str) -> str:
        done = CliRunner().invoke(cli, ["course", *words, "-c", str(course.folder / "bot.ini")], standalone_mode=False)
        return done.output + str(done.exception or "")

    rows = list(csv.DictReader(io.StringIO(run("export", "Linux"))))
    assert tuple(rows[0]) == FIELDS and len(rows) == 9
    assert rows[0] == {
        "course": "linux",
        "session": "1",
        "uid": "c/one",
        "title": "'=First steps",
        "start": "2026-11-27T09:00:00+00:00",
        "over": "yes",
        "nick": "alice",
        "account": "alice",
        "seat": "no",
        "came": "yes",
        "steps": "3",
        "done": "3",
        "all": "yes",
        "caught_up": "no",
        "questions": "1",
    }
    assert [(row["came"], row["caught_up"]) for row in rows if row["nick"] == "bob"] == [
        ("yes", "yes"),
        ("no", "yes"),
        ("no", "no"),
    ]
    assert {row["nick"] for row in rows} == {"alice", "bob", "somebody"} and "carol" not in run("export", "linux")
    found = json.loads(run("export", "linux", "--json"))
    assert [tuple(row) for row in found] == [FIELDS] * 9
    assert (found[0]["title"], found[0]["came"], found[0]["done"]) == ("=First steps", True, 3)
    assert [len(one["sessions"]) for one in json.loads(run("list", "--json"))] == [3]
    assert run("list").startswith("linux 1 2026-11-27 09:00 UTC =First steps (over)\n")
    assert 'no course called "perl" (there is linux)' in run("export", "perl")


def test_the_minutes_say_who_did_everything(course: Stage) -> None:
    """A line in the minutes of each session, and no names of people who do not want that."""
    (page,) = (course.folder / "public" / "minutes").glob("2026-11-28-*.md")
    text = page.read_text()
    assert "- course: linux, session 2 of 3\n- did every step of the course so far: alice\n" in text
    html = page.with_suffix(".html").read_text()
    assert "linux, session 2 of 3; did every step so far: <bdi>alice</bdi>" in html
    value = json.loads(page.with_suffix(".json").read_text())
    assert (value["course"], value["completed"]) == ("linux, session 2 of 3", ["alice"])
    course.whisper("alice", "nolog on")
    with course.store.transaction():
        course.store.classes.rewrite([run.id for run in course.store.classes.all()])
    course.wait(seconds=2)
    assert "- did every step of the course so far: 1 unnamed\n" in page.read_text()


def test_what_is_mine(course: Stage) -> None:
    """Privately, wherever it was asked: classes, courses, seats, labs, questions with answers."""
    assert course.hear("alice", "!mine") == [
        ("alice", "classes: 28 Nov More steps, 3 of 3 steps; 27 Nov =First steps, 3 of 3 steps"),
        ("alice", "courses: linux (3/3, 3/3, -)"),
        ("alice", "labs: no lab"),
        ("alice", "question 1: what is a port? | answer: a number"),
    ]
    assert course.whisper("carol", "mine") == [
        "classes: 28 Nov More steps, 2 of 3 steps",
        "courses: linux (missed, 2/3, seat)",
        "seats: Last steps, Sun 29 Nov 09:00 UTC",
        "labs: no lab",
    ]
    assert course.whisper("stranger", "mine") == [
        "you have not been in a class yet; !sessions shows what is planned",
        "labs: no lab",
    ]
    course.talk("russell", "!start selinux")
    for number in range(10):
        course.wait(minutes=1)
        course.talk("bob", f"!ask number {number}?")
    said = course.whisper("bob", "mine")
    assert len(said) == 8 and said[-1].endswith(" more lines: !mine 2)")
    assert "number 0?" in course.whisper("bob", "mine 2")[-1]
    assert course.whisper("bob", "mine 3") == ["it has 2 parts: !mine"]


def test_redaction_and_pruning(course: Stage) -> None:
    """Whoever is taken out is in no course any more, and what is old is forgotten."""
    at_once(course.wiring.records.keeping.redact("bob", course.now))
    (_sessions, people) = course.talk("olga", "!course linux")
    assert people.endswith(f": {REMOVED} 1/3, missed, -; alice 3/3, 3/3, -; carol missed, 2/3, seat")
    with course.store.transaction():
        assert course.store.courses.catch_ups.all() == []
    at_once(course.wiring.records.keeping.prune(course.now + timedelta(days=1)))
    assert "alice" not in " ".join(course.talk("olga", "!course linux"))
