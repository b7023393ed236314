"""Questions: nothing asked is lost."""

from __future__ import annotations

import pytest
from stage import CHANNEL, Stage


def test_ask_and_answer(stage: Stage) -> None:
    """A question has a number and a place; it is shown, answered in the channel, and off the list."""
    assert stage.talk("alice", "!ask why is port 11371 taken?") == ["alice: question 1 is next"]
    assert stage.talk("bob", "question:  and Debian?") == ["bob: question 2: 1 before it"]
    assert stage.whisper("carol", "QUESTION: third") == ["question 3 in #class: 2 before it"]
    assert stage.hear("hannah", "!take") == [(CHANNEL, "question 1 from alice: why is port 11371 taken?")]
    assert stage.talk("hannah", "!q") == [
        "hannah: 3 open: 1 alice: why is port 11371 taken? (taken) | 2 bob: and Debian? | 3 carol: third"]
    assert stage.hear("hannah", "!answer 1 -m changes it") == [(CHANNEL, "alice: to question 1: -m changes it (hannah)")]
    assert stage.talk("russell", "!y 3") == ["question 3 from carol: third"]
    assert stage.whisper("alice", "questions") == ["2 open: 2 bob: and Debian? | 3 carol: third (taken)"]


def test_take_in_turn(stage: Stage) -> None:
    """``!take`` shows the oldest that nobody has; then it says which are taken, or that there are none."""
    assert stage.talk("hannah", "!take") == ["hannah: no open questions"]
    assert stage.talk("alice", "!q") == ["no open questions; !ask WORDS puts one"]
    stage.talk("alice", "!ask one")
    stage.talk("hannah", "!take")
    assert stage.talk("hannah", "!take") == ["hannah: no open questions; question 1 is taken: !answer 1 WORDS"]


@pytest.mark.parametrize(("said", "answer"), [
    ("!answer 7 x", "there is no question '7'; !q lists the open ones"),
    ("!answer x y", "there is no question 'x'; !q lists the open ones"),
    ("!answer 99999999999999999999 y", "there is no question '99999999999999999999'; !q lists the open ones"),
    ("!answer 1", "say !answer N WORDS, for example !answer 3 semanage port -m changes it"),
    ("!answer", "say !answer N WORDS, for example !answer 3 semanage port -m changes it"),
    ("!take 2", "there is no question '2'; !q lists the open ones"),
    ("!skip", "say !skip N [WHY]"),
    ("!skip 0", "there is no question '0'; !q lists the open ones"),
    ("!ask", "say !ask WORDS, for example !ask why is port 11371 taken?"),
])
def test_a_question_that_is_not_there(stage: Stage, said: str, answer: str) -> None:
    """A number that is none: where the numbers are, and nothing changes."""
    stage.talk("alice", "!ask one")
    stage.talk("hannah", "!tz")
    before = stage.dump()
    assert stage.talk("hannah", said) == [f"hannah: {answer}"]
    assert stage.dump() == before


def test_answered_and_skipped_stay_so(stage: Stage) -> None:
    """What is settled is not taken or skipped again; another answer may be added."""
    stage.talk("alice", "!ask one")
    stage.talk("hannah", "!answer #1 first")
    before = stage.dump()
    for said in ("!take 1", "!skip 1"):
        assert stage.talk("hannah", said) == ["hannah: question 1 is answered already; !answer adds to the answers"]
    assert stage.dump() == before
    assert stage.talk("russell", "!answer 1 second") == ["alice: to question 1: second (russell)"]
    with stage.store.transaction():
        assert [(e.kind, e.nick, e.words) for e in stage.store.questions.events.all()] == [
            ("asked", "alice", "one"), ("answered", "hannah", "first"), ("answered", "russell", "second")]


def test_skip_tells_its_asker(stage: Stage) -> None:
    """Put aside, with the word why, to the asker alone."""
    stage.talk("alice", "!ask one")
    assert stage.hear("hannah", "!skip 1 after the class") == [
        ("alice", "your question 1 (one) was put aside by hannah: after the class")]
    stage.talk("alice", "!ask two")
    assert stage.hear("hannah", "!skip 2", None) == [("hannah", "question 2 is put aside"),
                                                     ("alice", "your question 2 (two) was put aside by hannah")]


def test_an_answer_reaches_who_has_gone(stage: Stage) -> None:
    """The asker left: the channel gets the answer now, they get it when they are back, once."""
    stage.talk("alice", "!ask one")
    stage.leave("alice")
    assert stage.hear("hannah", "!answer 1 because") == [(CHANNEL, "alice: to question 1: because (hannah)")]
    assert stage.wait(hours=5) == []
    stage.join("Alice2", account="alice")
    assert stage.wait(seconds=2) == [("Alice2", "your question 1 (one) was answered by hannah: because")]
    assert stage.wait(hours=5) == []


def test_the_step_and_class_are_kept(stage: Stage) -> None:
    """A question remembers the class and step at which it was asked."""
    stage.talk("alice", "!ask before")
    stage.talk("russell", "!start")
    stage.talk("russell", "!goto 2")
    stage.talk("alice", "!ask during")
    with stage.store.transaction():
        assert [(q.words, q.class_id, q.step) for q in stage.store.questions.all()] == [("before", None, 0), ("during", 1, 2)]


def test_a_long_queue_fits_a_line(stage: Stage) -> None:
    """However many and long, the list is one line, and says how many more there are."""
    for n in range(30):
        stage.talk("alice", f"!ask {n} " + "é" * 200)
    (line,) = stage.talk("hannah", "!q")
    assert len(line.encode()) < 450 and line.startswith("hannah: 30 open: 1 alice: 0 é") and line.endswith(" more")


def test_questions_outlive_the_bot(stage: Stage) -> None:
    """kill -9: the queue is as it was."""
    stage.talk("alice", "!ask one")
    stage.talk("hannah", "!take")
    stage.restart()
    assert stage.talk("hannah", "!q") == ["hannah: 1 open: 1 alice: one (taken)"]
    assert stage.talk("hannah", "!answer 1 yes") == ["alice: to question 1: yes (hannah)"]
