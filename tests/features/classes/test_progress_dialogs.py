"""``!progress`` with names: one person, those at a step, those who are silent; in private, in a few lines."""

from __future__ import annotations

import pytest

from tests.stage import Stage


@pytest.fixture
def lesson(stage: Stage) -> Stage:
    """A class at step 2: alice has a lab and has done both steps, bob is stuck at the first, carol has been silent."""
    stage.talk("russell", "!start")
    stage.talk("russell", "!next")
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.talk("alice", "!done")
    stage.talk("bob", "!step")
    stage.talk("russell", "!goto 2")
    stage.talk("alice", "!done")
    stage.talk("bob", "!stuck it says no")
    stage.wait(minutes=3)
    return stage


WHO = [
    ("alice", "alice: step 2 of 3; 2 steps done; debian lab on xen1: ready"),
    (
        "BOB",
        "bob: step 1 of 3 (the class is at step 2 of 3); 0 steps done; stuck for 3 min: it says no; no lab",
    ),
    ("carol", "carol: in the channel, has not used the class yet; no lab"),
    ("1", "step 1 of 3: 1 done, 0 not there yet, 1 at it: bob (stuck: it says no)"),
    ("2", "step 2 of 3: 1 done, 1 not there yet, 0 at it"),
    ("silent", "step 2 of 3: 2 silent: carol, stranger"),
    ("done", "step 2 of 3: 1 done: alice"),
    ("stuck", "step 2 of 3: 1 stuck: bob (stuck: it says no)"),
    ("working", "step 2 of 3: 0 working"),
]


@pytest.mark.parametrize(("whom", "answer"), WHO)
def test_progress_of(lesson: Stage, whom: str, answer: str) -> None:
    """A nick, a step or a group: one private line, also if it was asked in the channel."""
    assert lesson.hear("hannah", f"!progress {whom}") == [("hannah", answer)]
    assert lesson.hear("russell", f"!progress {whom}") == [("russell", answer)]


def test_more_about_one_person(lesson: Stage) -> None:
    """Who helps, a lab that is waited for, a machine of one's own, and who has left the channel."""
    lesson.talk("hannah", "!helping bob")
    lesson.talk("bob", "!lab debian")
    lesson.leave("alice")
    assert lesson.whisper("hannah", "progress bob")[0].endswith(
        "stuck for 3 min: it says no (hannah is helping); debian lab on xen1: being made"
    )
    assert "; not in the channel now; " in lesson.whisper("hannah", "progress alice")[0]
    assert lesson.whisper("hannah", "progress done") == ["step 2 of 3: 1 done: alice (not here)"]


WRONG = [
    ("3", "the class is at step 2 of 3; !progress 1 to !progress 2 show who is at a step"),
    ("0", "the class is at step 2 of 3; !progress 1 to !progress 2 show who is at a step"),
    ("99999999999999999999", "the class is at step 2 of 3; !progress 1 to !progress 2 show who is at a step"),
    ("dave", "dave is not in this class; !progress 1 shows who is at step 1, !progress silent the rest"),
    ("²", "² is not in this class; !progress 1 shows who is at step 1, !progress silent the rest"),
]


@pytest.mark.parametrize(("whom", "answer"), WRONG)
def test_progress_of_nobody(lesson: Stage, whom: str, answer: str) -> None:
    """A step that the class has not reached, or somebody who is not there: what can be asked instead."""
    before = lesson.dump()
    assert lesson.talk("hannah", f"!progress {whom}") == [f"hannah: {answer}"]
    assert lesson.dump() == before


def test_learners_do_not_look_at_each_other(lesson: Stage) -> None:
    """Who is behind is for helpers to know."""
    assert lesson.talk("alice", "!progress bob") == ["alice: !progress is for helpers"]


def test_hundreds_of_names_are_bounded(lesson: Stage) -> None:
    """Three private lines at most, and how many more there are."""
    for number in range(300):
        lesson.join(f"somebody{number:03}", account=f"somebody{number:03}")
    said = lesson.hear("hannah", "!progress silent")
    assert len(said) == 3 and {nick for nick, _ in said} == {"hannah"}
    assert all(len(text.encode()) < 410 for _, text in said)
    listed = sum(text.count("somebody") for _, text in said)
    assert said[0][1].startswith("step 2 of 3: 302 silent: carol, somebody000, ")
    assert said[2][1].endswith(f", and {301 - listed} more")


def test_at_the_introduction(stage: Stage) -> None:
    """Before the first step nobody is at one."""
    stage.talk("russell", "!start")
    stage.talk("alice", "!lab debian")
    assert stage.talk("hannah", "!progress 1") == ["hannah: the class is at the introduction; nobody is at a step yet"]
    assert stage.whisper("hannah", "progress alice")[0].startswith("alice: the introduction; 0 steps done; debian lab")
