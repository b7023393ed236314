"""What presenters and helpers do with questions; whatever they do is an event more."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stage import CHANNEL, Stage


def kinds(stage: Stage, number: int) -> list[tuple[str, str, str]]:
    with stage.store.transaction():
        return [(e.kind, e.nick, e.words) for e in stage.store.questions.events.all(question_id=number)]


def test_answering_in_the_normal_way_is_enough(stage: Stage) -> None:
    """What the presenter says between ``!take`` and the next command is the answer; not what others say, not [nolog]."""
    stage.talk("alice", "!ask why is port 11371 taken?")
    stage.talk("russell", "hello everybody")
    stage.talk("russell", "!take")
    for who, said in (
        ("russell", "the policy of Debian owns it already"),
        ("bob", "I knew that"),
        ("russell", "[nolog] cough"),
        ("russell", "  use semanage  port -m "),
    ):
        assert stage.talk(who, said) == []
    stage.leave("alice")
    stage.talk("russell", "!q")
    stage.talk("russell", "now to something else")
    assert stage.hear("russell", "!answered") == [("russell", "saved as the answer to question 1 (57 characters)")]
    assert kinds(stage, 1)[1:] == [
        ("taken", "russell", ""),
        ("answered", "russell", "the policy of Debian owns it already use semanage port -m"),
    ]
    stage.join("alice", account="alice")
    assert stage.wait(seconds=2) == [
        (
            "alice",
            "your question 1 (why is port 11371 taken?) was answered by russell: the policy "
            "of Debian owns it already use semanage port -m",
        )
    ]


def test_a_bot_that_is_killed_goes_on_listening(stage: Stage) -> None:
    """kill -9 after each line: what was said is there, and after a command of theirs nothing more is added; what they said
    before they logged in is theirs, too."""
    stage.talk("alice", "!ask one?")
    stage.talk("alice", "!ask two?")
    for who, said in (
        ("russell", "!take 1"),
        ("russell", "the first answer"),
        ("bob", "hello"),
        ("hannah", "!take 2"),
        ("hannah", "the second answer"),
        ("russell", "in two lines"),
        ("hannah", "!q"),
        ("hannah", "no answer"),
    ):
        stage.restart()
        stage.talk(who, said)
    stage.restart()
    assert stage.talk("russell", "!answered") == ["saved as the answer to question 1 (29 characters)"]
    stage.restart()
    assert stage.talk("hannah", "!answered 2") == ["saved as the answer to question 2 (17 characters)"]
    assert kinds(stage, 1)[-1] == ("answered", "russell", "the first answer in two lines")
    assert kinds(stage, 2)[-1] == ("answered", "hannah", "the second answer")
    assert stage.dump()["answer_draft"] == []


def test_what_was_said_stays_theirs_after_a_login(stages: Callable[..., Stage]) -> None:
    """A helper who is known by their host at first."""
    stage = stages(require_account="no")
    ini = stage.folder / "bot.ini"
    ini.write_text(ini.read_text().replace("helper = account:hannah", "helper = mask:*!*@example.net"))
    stage.change_ini("")
    stage.talk("alice", "!ask one?")
    stage.talk("stranger", "!take")
    stage.talk("stranger", "because")
    stage.rename("stranger", "stranger", account="dora")
    assert stage.talk("stranger", "!answered") == ["saved as the answer to question 1 (7 characters)"]


def test_what_nobody_saves_is_forgotten(stage: Stage) -> None:
    """After a day, with the next class; and when somebody else takes the question."""
    stage.talk("alice", "!ask one?")
    for who in ("russell", "hannah"):
        stage.talk(who, "!take 1")
        stage.talk(who, f"{who} says so")
    assert [row[5] for row in stage.dump()["answer_draft"]] == ["hannah says so"]
    stage.wait(hours=23)
    assert len(stage.dump()["answer_draft"]) == 1
    stage.wait(hours=2)
    assert stage.dump()["answer_draft"] == []


@pytest.mark.parametrize("before", [[], ["!ask one"], ["!ask one", "!take"]])
def test_nothing_to_keep(stage: Stage, before: list[str]) -> None:
    """Nothing taken, or nothing said to it: what to say instead."""
    for said in before:
        stage.talk("russell", said)
    assert stage.talk("russell", "!answered") == [
        "russell: you haven't taken a question here and said something about it since; !answer N WORDS answers one"
    ]


def test_answered_by_number(stage: Stage) -> None:
    """Two are taken one after the other, and each has what was said to it."""
    for n, words in enumerate(("what is a boolean", "and who reads it"), start=1):
        stage.talk("alice", f"!ask {words}")
        stage.talk("russell", f"!take {n}")
        stage.talk("russell", f"answer number {n}")
    stage.talk("russell", "!answered 1")
    stage.talk("russell", "!answered")
    assert kinds(stage, 1)[-1] == ("answered", "russell", "answer number 1")
    assert kinds(stage, 2)[-1] == ("answered", "russell", "answer number 2")


def test_several_answers_and_corrections(stage: Stage) -> None:
    """Each keeps who gave it; a correction is said where the answer was, and what stood there before stays a row."""
    stage.talk("alice", "!ask one")
    stage.talk("hannah", "!answer 1 first")
    stage.talk("russell", "!answer 1 second")
    assert stage.hear("hannah", "!edit 1 first, mended") == [
        (CHANNEL, "alice: answer to question 1, corrected: first, mended (hannah)")
    ]
    assert stage.whisper("bob", "q 1")[0].endswith("one → first, mended (hannah) | second (russell)")
    assert kinds(stage, 1) == [
        ("asked", "alice", "one"),
        ("answered", "hannah", "first"),
        ("answered", "russell", "second"),
        ("edited", "hannah", "first, mended"),
    ]
    assert stage.talk("olga", "!edit 1 second, mended") == [
        "alice: answer to question 1, corrected: second, mended (olga)"
    ]
    with stage.store.transaction():
        assert [(a.nick, a.words) for a in stage.store.questions.answers(1)] == [
            ("hannah", "first, mended"),
            ("russell", "second, mended"),
        ]


def test_an_asker_corrects_and_withdraws(stage: Stage) -> None:
    """Their own question, while it waits; nobody else's."""
    stage.talk("alice", "!ask why is prot 11371 taken?")
    assert stage.talk("bob", "!edit 1 because") == ["bob: question 1 is not yours"]
    assert stage.talk("hannah", "!edit 1 because") == ["hannah: you haven't answered question 1; !answer 1 WORDS does"]
    assert stage.hear("alice", "!edit 1 why is port 11371 taken?") == [("alice", "question 1 is updated")]
    assert stage.talk("hannah", "!take") == ["question 1 from alice: why is port 11371 taken?"]
    assert stage.talk("bob", "!delete 1") == [
        "bob: you can only delete your own open questions, and question 1 isn't one"
    ]
    assert stage.hear("alice", "!delete 1 found it") == [("alice", "question 1 is deleted")]
    assert stage.talk("hannah", "!take 1") == ['hannah: there is no question "1"; !q lists the open ones']
    assert kinds(stage, 1) == [
        ("asked", "alice", "why is prot 11371 taken?"),
        ("reworded", "alice", "why is port 11371 taken?"),
        ("taken", "hannah", ""),
        ("deleted", "alice", "found it"),
    ]


def test_merged_questions_have_one_answer(stage: Stage) -> None:
    """Both askers get it; their votes are one; what is said to the merged one goes to the other; it can be undone."""
    stage.talk("alice", "!ask why is port 11371 taken?")
    stage.talk("bob", "!ask what owns the keyserver port?")
    stage.talk("carol", "!vote 1")
    stage.talk("carol", "!vote 2")
    assert stage.hear("hannah", "!merge 2 1") == [
        (CHANNEL, "hannah: question 1 now covers both: 2 votes, next"),
        ("bob", "your question 2 (what owns the keyserver port?) is the same as question 1; you'll get its answer"),
    ]
    assert stage.talk("hannah", "!merge 1 2") == ["hannah: both numbers mean the same question"]
    assert stage.talk("hannah", "!merge 2 1") == ["hannah: question 2 is already merged into 1; !reopen 2 undoes that"]
    stage.leave("bob")
    assert stage.talk("hannah", "!answer 2 the policy") == ["alice: answer to question 1: the policy (hannah)"]
    stage.join("bob", account="bob")
    assert stage.wait(seconds=2) == [
        ("bob", "your question 2 (what owns the keyserver port?) was answered by hannah: the policy")
    ]
    assert "(merged into 1) → the policy (hannah)" in stage.whisper("bob", "q 2")[0]
    assert stage.talk("bob", "!reopen 2") == ["bob: question 2 is open again: next"]
    assert kinds(stage, 2) == [
        ("asked", "bob", "what owns the keyserver port?"),
        ("voted", "carol", ""),
        ("merged", "hannah", "into 1"),
        ("reopened", "bob", ""),
    ]


def test_what_was_merged_is_not_deleted_with_it(stage: Stage) -> None:
    """The question that stood for two is taken back: the other one waits again."""
    stage.talk("alice", "!ask why is port 11371 taken?")
    stage.talk("bob", "!ask what owns the keyserver port?")
    stage.talk("hannah", "!merge 2 1")
    stage.talk("alice", "!delete 1")
    assert stage.talk("hannah", "!q") == ["hannah: 1 open: 2 bob: what owns the keyserver port?"]
    assert kinds(stage, 2)[-1] == ("reopened", "alice", "")


def test_deleted_while_it_was_talked_about(stage: Stage) -> None:
    """What was said to it is not kept."""
    stage.talk("alice", "!ask why?")
    stage.talk("russell", "!take")
    stage.talk("russell", "because")
    stage.talk("alice", "!delete 1")
    assert stage.talk("russell", "!answered") == ["russell: question 1 has been deleted in the meantime"]
    assert kinds(stage, 1)[-1] == ("deleted", "alice", "")


def test_merged_into_what_was_answered(stage: Stage) -> None:
    """Its asker has the answer at once."""
    stage.talk("alice", "!ask one")
    stage.talk("hannah", "!answer 1 because")
    stage.talk("bob", "!ask uno")
    assert stage.hear("hannah", "!merge 2 1") == [
        (CHANNEL, "hannah: question 1 now covers both"),
        ("bob", "your question 2 (uno) is the same as question 1, which was answered: because"),
    ]


def test_reopened(stage: Stage) -> None:
    """What was skipped or not really answered waits again; only for its asker and staff."""
    stage.talk("alice", "!ask one")
    stage.talk("hannah", "!skip 1 later")
    assert stage.whisper("bob", "q 1")[0].endswith("one (skipped: later)")
    assert stage.talk("bob", "!reopen 1") == ["bob: question 1 isn't yours; !ask WORDS asks it again in your own words"]
    assert stage.talk("alice", "!reopen 1") == ["alice: question 1 is open again: next"]
    assert stage.talk("alice", "!reopen 1") == ["alice: question 1 is already open"]
    assert stage.talk("hannah", "!take") == ["question 1 from alice: one"]


def test_ignored(stage: Stage) -> None:
    """Somebody with an account is shut out of everything, under any nick, and nobody else of that host; what waits of
    them is deleted."""
    stage.talk("alice", "!ask buy my watches")
    stage.talk("bob", "!ask one")
    assert stage.hear("hannah", "!ignore Alice") == [
        ("hannah", "I now ignore alice; open questions deleted: 1; !unignore alice undoes that")
    ]
    for line in ("!ask buy them", "!vote 2", "!help", "!lab debian", "!done", "QUESTION: why not?", "trainbot: hello"):
        assert stage.hear("alice", line) == [] and stage.whisper("alice", line) == []
    stage.rename("alice", "innocent")
    assert stage.talk("innocent", "!ask buy them") == [] and stage.leases() == []
    assert stage.talk("hannah", "!q") == ["hannah: 1 open: 2 bob: one"]
    assert stage.whisper("hannah", "ignored") == ["ignored: alice by hannah; !unignore NICK undoes that"]
    assert stage.talk("hannah", "!ignore russell") == ["hannah: russell isn't a learner; only learners can be ignored"]
    assert stage.talk("hannah", "!ignore nobody") == ['hannah: nobody called "nobody" is here or has asked a question']
    stage.leave("innocent")
    assert stage.talk("hannah", "!unignore alice") == ["I no longer ignore innocent"]
    assert stage.talk("hannah", "!unignore bob") == ["bob is not ignored"]
    assert stage.whisper("hannah", "ignored") == ["nobody is ignored"]
    stage.join("alice", account="alice")
    assert stage.talk("alice", "!ask am I back?") == ["alice: question 3: 1 before it"]
    with stage.store.transaction():
        assert [(row.nick, row.by_nick, row.ended_by) for row in stage.store.questions.ignored.all()] == [
            ("alice", "hannah", "hannah")
        ]


def test_ignored_without_an_account(stage: Stage) -> None:
    """A reconnect does not help: the host is ignored, for those without an account; others from there go on."""
    stage.talk("stranger", "!ask one")
    host = stage.net.people["stranger"].host
    assert stage.talk("hannah", "!ignore stranger") == [
        f"I now ignore stranger and everybody else without an account from {host}; open questions deleted: 1; !unignore "
        "stranger undoes that"
    ]
    stage.leave("stranger")
    stage.join("other", host=host)
    assert stage.talk("other", "!ask two") == []
    stage.join("dora", account="dora", host=host)
    assert stage.talk("dora", "!ask three") == ["dora: question 2 is next"]
    stage.talk("hannah", "!unignore stranger")
    assert stage.talk("other", "!ask four") == ["other: question 3: 1 before it"]


def test_an_answer_reaches_who_has_no_account(stage: Stage) -> None:
    """They left and came back by the same mask, days later: what the channel saw is said again to them."""
    stage.talk("stranger", "!ask one")
    stage.leave("stranger")
    stage.talk("hannah", "!answer 1 because")
    assert stage.wait(days=3) == []
    stage.join("stranger", host="elsewhere.net")
    assert stage.wait(seconds=2) == []
    stage.leave("stranger")
    stage.join("stranger")
    assert stage.wait(seconds=2) == [("stranger", "your question 1 (one) was answered by hannah: because")]


def test_an_answer_follows_into_an_account(stage: Stage) -> None:
    """Asked before logging in to an account that was here before: the answer comes to the account."""
    stage.join("Dora", account="dora")
    stage.talk("Dora", "!tz")
    stage.leave("Dora")
    stage.join("dora")
    stage.talk("dora", "!ask one")
    stage.rename("dora", "dora", account="dora")
    assert stage.hear("dora", "!vote 1") == [("dora", "question 1 is your own; you can only vote for other people's")]
    stage.leave("dora")
    stage.talk("hannah", "!answer 1 because")
    stage.join("dora2", account="dora")
    assert stage.wait(seconds=2) == [("dora2", "your question 1 (one) was answered by hannah: because")]


def test_the_presenter_is_told_quietly(stage: Stage) -> None:
    """Once that one waits long, again when it is twice so long; once that many wait; nobody else, not when it is over."""
    stage.talk("russell", "!start")
    stage.talk("alice", "!ask what is a boolean")
    assert stage.wait(minutes=9) == []
    assert stage.wait(minutes=2) == [
        ("russell", "one question has been waiting for 11 min in #class; !take shows question 1")
    ]
    assert stage.wait(minutes=5) == []
    for n in range(10):
        stage.talk("hannah", f"!ask question number {n}")
    assert stage.wait(seconds=2) == [
        ("russell", "11 questions are waiting, the oldest for 16 min in #class; !take shows question 1")
    ]
    assert stage.wait(minutes=1) == []
    assert stage.wait(minutes=4) == [
        ("russell", "11 questions are waiting, the oldest for 21 min in #class; !take shows question 1")
    ]
    stage.leave("russell")
    stage.wait(minutes=10)
    for n in range(1, 12):
        stage.talk("hannah", f"!skip {n}")
    stage.join("russell", account="russell")
    assert [said for said in stage.wait(seconds=2) if said[0] == "russell"] == []
