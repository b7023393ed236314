"""Questions: nothing asked is lost."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stage import CHANNEL, Stage


def test_ask_and_answer(stage: Stage) -> None:
    """A question has a number and a place; it is shown, answered in the channel, and off the list."""
    assert stage.talk("alice", "!ask why is port 11371 taken?") == ["alice: question 1 is next"]
    assert stage.talk("bob", "question:  and Debian?") == ["bob: question 2: 1 before it"]
    assert stage.whisper("carol", "QUESTION: third") == ["question 3 in #class: 2 before it"]
    assert stage.hear("hannah", "!take") == [(CHANNEL, "question 1 from alice: why is port 11371 taken?")]
    assert stage.talk("hannah", "!q") == [
        "hannah: 3 open: 1 alice: why is port 11371 taken? (taken) | 2 bob: and Debian? | 3 carol: third"
    ]
    assert stage.hear("hannah", "!answer 1 -m changes it") == [
        (CHANNEL, "alice: answer to question 1: -m changes it (hannah)")
    ]
    assert stage.talk("russell", "!y 3") == ["question 3 from carol: third"]
    assert stage.whisper("alice", "questions") == ["2 open: 3 carol: third (taken) | 2 bob: and Debian?"]


def test_take_in_turn(stage: Stage) -> None:
    """``!take`` shows the oldest that nobody has; then it says which are taken, or that there are none."""
    assert stage.talk("hannah", "!take") == ["hannah: no open questions"]
    assert stage.hear("alice", "!q") == [("alice", "no open questions; !ask WORDS asks one")]
    stage.talk("alice", "!ask one")
    stage.talk("hannah", "!take")
    assert stage.talk("hannah", "!take") == [
        "hannah: no open questions; question 1 is taken; !answer 1 WORDS answers it"
    ]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("!answer 7 x", 'there is no question "7"; !q lists the open ones'),
        ("!answer x y", 'there is no question "x"; !q lists the open ones'),
        ("!answer 99999999999999999999 y", 'there is no question "99999999999999999999"; !q lists the open ones'),
        ("!answer 1", "usage: !answer N WORDS, for example !answer 3 semanage port -m changes it"),
        ("!answer", "usage: !answer N WORDS, for example !answer 3 semanage port -m changes it"),
        ("!take 2", 'there is no question "2"; !q lists the open ones'),
        ("!skip", "usage: !skip N [WHY]"),
        ("!skip 0", 'there is no question "0"; !q lists the open ones'),
        ("!ask", "usage: !ask WORDS, for example !ask why is port 11371 taken?"),
    ],
)
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
        assert stage.talk("hannah", said) == [
            "hannah: question 1 is already answered; !answer 1 WORDS adds an answer, !reopen 1 puts it back in the queue"
        ]
    assert stage.dump() == before
    assert stage.talk("russell", "!answer 1 second") == ["alice: answer to question 1: second (russell)"]
    with stage.store.transaction():
        assert [(e.kind, e.nick, e.words) for e in stage.store.questions.events.all()] == [
            ("asked", "alice", "one"),
            ("answered", "hannah", "first"),
            ("answered", "russell", "second"),
        ]


def test_skip_tells_its_asker(stage: Stage) -> None:
    """Put aside, with the word why, to the asker alone."""
    stage.talk("alice", "!ask one")
    assert stage.hear("hannah", "!skip 1 after the class") == [
        ("alice", "your question 1 (one) was skipped by hannah: after the class")
    ]
    stage.talk("alice", "!ask two")
    assert stage.hear("hannah", "!skip 2", None) == [
        ("hannah", "question 2 is skipped"),
        ("alice", "your question 2 (two) was skipped by hannah"),
    ]


def test_an_answer_reaches_who_has_gone(stage: Stage) -> None:
    """The asker left: the channel gets the answer now, they get it when they are back, once."""
    stage.talk("alice", "!ask one")
    stage.leave("alice")
    assert stage.hear("hannah", "!answer 1 because") == [(CHANNEL, "alice: answer to question 1: because (hannah)")]
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
        assert [(q.words, q.class_id, q.step) for q in stage.store.questions.all()] == [
            ("before", None, 0),
            ("during", 1, 2),
        ]


def test_a_long_queue_fits_a_line(stage: Stage) -> None:
    """However many and long, the list is one line, and says how many more there are."""
    for n in range(30):
        stage.talk("russell", f"!ask {n} " + "é" * 200)
    (line,) = stage.talk("hannah", "!q")
    assert len(line.encode()) < 450 and line.startswith("hannah: 30 open: 1 russell: 0 é") and line.endswith(" more")


def test_question_alone_gets_an_answer(stage: Stage) -> None:
    """The word without a question: how it goes."""
    assert stage.talk("alice", "QUESTION:") == ["alice: usage: !ask WORDS, for example !ask why is port 11371 taken?"]


def test_a_channel_has_words_of_its_own(stages: Callable[..., Stage]) -> None:
    """[questions] words for all channels, [channel.#NAME] question for one; privately any of them."""
    stage = stages(channels=("#class", "#klasse"))
    stage.change_ini("[questions]\nwords = Q: HELP\n[channel.#klasse]\nquestion = FRAGE:\n")
    stage.enter("alice", "#klasse")
    assert stage.talk("alice", "q : what is a port?") == ["alice: question 1 is next"]
    assert stage.talk("alice", "help where is my lab?") == ["alice: question 2: 1 before it"]
    assert stage.talk("alice", "helpers are great") == stage.talk("alice", "QUESTION: why?") == []
    assert stage.talk("alice", "FRAGE: warum?") == []
    assert stage.talk("alice", "Frage: warum?", "#klasse") == ["alice: question 3 is next"]
    assert stage.whisper("alice", "#klasse frage: was ist das?") == ["question 4 in #klasse: 1 before it"]


def test_votes_decide(stage: Stage) -> None:
    """A vote counts once a person, the asker's not at all; more votes come first."""
    stage.talk("alice", "!ask why is the sky blue?")
    stage.talk("bob", "!ask where is my lab now?")
    assert stage.hear("carol", "!vote 2") == [("carol", "question 2: 1 vote, next")]
    assert stage.hear("carol", "!vote #2") == [("carol", "question 2: 1 vote, next")]
    assert stage.hear("bob", "!vote 2") == [("bob", "question 2 is your own; you can only vote for other people's")]
    assert stage.whisper("alice", "vote 2") == ["question 2: 2 votes, next"]
    assert stage.hear("carol", "!q") == [
        ("carol", "2 open: 2 bob: where is my lab now? (2 votes) | 1 alice: why is the sky blue?")
    ]
    assert stage.talk("hannah", "!take") == ["question 2 from bob (2 votes): where is my lab now?"]
    stage.talk("hannah", "!answer 2 there")
    assert stage.hear("carol", "!vote 2") == [("carol", "question 2 is already answered; !q 2 shows it")]


def test_who_was_not_heard_has_every_second_turn(stage: Stage) -> None:
    """In a class alice's second question, though older, waits until bob and carol had theirs, in turn with them."""
    stage.talk("russell", "!start")
    for who, words in (
        ("alice", "first of mine"),
        ("alice", "second of mine"),
        ("alice", "third of mine"),
        ("bob", "and what I ask"),
        ("carol", "my own one too"),
    ):
        stage.talk(who, f"!ask {words}")
    taken = []
    for _ in range(5):
        (line,) = stage.talk("russell", "!take")
        taken.append(line.split()[3])
    assert taken == ["alice:", "bob:", "alice:", "carol:", "alice:"]


def test_anonymously(stage: Stage) -> None:
    """The channel never learns who; staff do, privately; the asker gets the answer."""
    assert stage.talk("alice", "!ask anonymously what is a port?") == [
        "alice: use a private message for that: /msg trainbot ask anonymously …"
    ]
    assert stage.whisper("alice", "ask anonymously what is a port?") == ["question 1 in #class is next"]
    assert stage.hear("bob", "!q") == [("bob", "1 open: 1 anonymous: what is a port?")]
    assert stage.hear("hannah", "!q") == [(CHANNEL, "hannah: 1 open: 1 anonymous: what is a port?")]
    assert stage.hear("hannah", "q", None) == [("hannah", "1 open: 1 alice (anonymously): what is a port?")]
    assert stage.hear("hannah", "!take") == [(CHANNEL, "question 1 from anonymous: what is a port?")]
    assert stage.hear("hannah", "!answer 1 a door") == [(CHANNEL, "answer to question 1: a door (hannah)")]
    stage.leave("alice")
    stage.talk("hannah", "!answer 1 with a number")
    stage.join("alice", account="alice")
    assert stage.wait(seconds=2) == [
        ("alice", "your question 1 (what is a port?) was answered by hannah: with a number")
    ]


def test_a_like_question_was_answered(stage: Stage) -> None:
    """Its answer at once, to the asker alone; nothing is asked until they say yes, here or privately."""
    stage.talk("alice", "!ask why is port 11371 taken on Debian?")
    stage.talk("hannah", "!answer 1 the policy owns it; semanage port -m changes it")
    before = stage.dump()["question"]
    for said in ("!ask Why is the port 11371 already taken on debian", "question: on debian, why is port 11371 taken"):
        assert stage.hear("bob", said) == [
            (
                "bob",
                "similar question 1: why is port 11371 taken on Debian? → the policy owns it; "
                "semanage port -m changes it Ask anyway? Type !yes within 60 s.",
            )
        ]
    assert stage.dump()["question"] == before
    assert stage.whisper("bob", "yes") == ["question 2 in #class is next"]
    assert stage.talk("bob", "!yes") == ["bob: there is nothing to confirm"]
    assert stage.hear("carol", "!ask why is port 443 taken on Debian?") == [(CHANNEL, "carol: question 3: 1 before it")]


def test_a_like_question_waits(stage: Stage) -> None:
    """It can be supported instead; the yes may come in the channel, too."""
    stage.talk("alice", "!ask how do I see the log of the audit daemon?")
    assert stage.hear("bob", "!ask how do i see the audit daemon's log?") == [
        (
            "bob",
            "question 1 (how do I see the log of the audit daemon?) is already open; !vote 1 supports it. Ask anyway? Type !yes "
            "within 60 s.",
        )
    ]
    assert stage.talk("bob", "!yes") == ["bob: question 2: 1 before it"]


def test_limits_are_a_persons(stages: Callable[..., Stage]) -> None:
    """Too long, too many in a minute, too many that wait: said to the asker alone; others, of the same host, may."""
    stage = stages()
    stage.change_ini("[questions]\nlength = 40\na_minute = 2\na_person = 3\n")
    assert stage.hear("alice", "!ask " + "x" * 41) == [
        ("alice", "that's 41 characters and the limit is 40; please shorten it")
    ]
    for n in range(2):
        assert "question" in stage.talk("alice", f"!ask number {n} of mine")[0]
    assert stage.hear("alice", "!ask number 3 of mine") == [
        ("alice", "that's 2 questions within a minute; please wait a little before you ask the next")
    ]
    assert stage.talk("bob", "!ask may I?") == ["bob: question 3: 1 before it"]  # she has two
    stage.wait(minutes=2)
    assert stage.talk("alice", "!ask number 4 of mine") == ["alice: question 4: 3 before it"]
    assert stage.hear("alice", "!ask number 5 of mine") == [
        ("alice", "you already have 3 open questions; please ask again when one has been answered")
    ]


def test_questions_outlive_the_bot(stage: Stage) -> None:
    """kill -9: the queue is as it was."""
    stage.talk("alice", "!ask one")
    stage.talk("hannah", "!take")
    stage.restart()
    assert stage.talk("hannah", "!q") == ["hannah: 1 open: 1 alice: one (taken)"]
    assert stage.talk("hannah", "!answer 1 yes") == ["alice: answer to question 1: yes (hannah)"]
