"""A class on a network that takes a line in two seconds: what is said in time, and what is left out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.slow_network import SlowNetwork
from tests.stage import CHANNEL, Stage

STEPS = 2  # of the stage's exercise that are made long


@pytest.fixture
def slow(stages: Callable[..., Stage]) -> SlowNetwork:
    """A class at the introduction, whose steps are longer than a channel takes at once."""
    stage = stages(labs=40)
    for number in range(1, STEPS + 1):
        text = "\n\n".join(f"Paragraph {number}.{n}." for n in range(5))
        (stage.folder / "exercises" / "selinux" / f"{number}.md").write_text(text)
    stage.restart()
    stage.host_up(free=100_000)
    slow = SlowNetwork(stage)
    slow.says("russell", "!start")
    slow.waits(20)
    return slow


def test_the_presenter_is_answered_before_the_rest_of_the_step(slow: SlowNetwork) -> None:
    """``!hands`` and ``!progress`` in the middle of a step: within one line's time, not after the step."""
    slow.says("bob", "!stuck it says no", None)
    slow.waits(10)
    since = slow.now
    slow.says("russell", "!next")
    slow.says("russell", "!hands")
    slow.says("russell", "!progress")
    slow.waits(30)
    assert slow.after(since, "1 stuck: bob (it says no)") <= 2
    assert slow.after(since, "better wait: fewer than 60% are done") <= 4
    assert slow.after(since, "Paragraph 1.4.") > 4
    assert [line for line in slow.in_channel(since) if line.startswith("Paragraph")] == [
        f"Paragraph 1.{n}." for n in range(5)
    ]


def test_a_session_that_has_begun_is_not_announced(stages: Callable[..., Stage]) -> None:
    """Published and begun before the line was sent: the class begins, and nothing says that it will."""
    stage = stages(labs=40)
    stage.host_up(free=100_000)
    slow = SlowNetwork(stage)
    for n in range(5):
        for nick in ("alice", "bob", "carol"):
            slow.says(nick, f"!ask what does {nick} see in number {n}?")
    since = slow.now
    slow.says("olga", "!session add selinux in 10 minutes melbourne 1h")
    slow.says("olga", "!yes")
    slow.says("olga", "!session publish")
    slow.says("russell", "!start")
    slow.waits(120)
    said = slow.in_channel(since)
    assert [line for line in said if " begins, with russell" in line]
    assert [line for line in said if "new session" in line or "(in " in line] == []


def test_help_that_a_class_has_outdated_is_not_said(stages: Callable[..., Stage]) -> None:
    """Who asked what to type just before the class began reads how it begins, and nothing about a class to come; who
    needs an account, and who asks afterwards, is answered."""
    stage = stages(labs=40)
    stage.host_up(free=100_000)
    slow = SlowNetwork(stage)
    slow.says("olga", "!session add selinux in 10 minutes melbourne 1h"), slow.says("olga", "!yes")
    slow.waits(40)
    busy(slow)
    slow.says("alice", "!help"), slow.says("stranger", "!help")
    slow.says("russell", "!start")
    slow.waits(2)
    slow.says("bob", "!help", None)
    slow.waits(200)
    assert slow.to("alice") == []
    assert slow.to("stranger")[0].startswith("For a lab or a seat you need an account")
    assert slow.to("bob")[0].startswith("SE Linux for beginners is at the introduction")


def test_advice_comes_before_the_step(slow: SlowNetwork) -> None:
    """Whoever goes on too early hears it at once, while going back costs nothing."""
    slow.says("russell", "!next")
    slow.waits(30)
    since = slow.now
    slow.says("russell", "!next")
    slow.waits(30)
    assert slow.after(since, "only 0 of 4 had finished step 1") == 0


def test_the_next_step_replaces_what_is_left_of_this_one(slow: SlowNetwork) -> None:
    """A presenter who goes on is not kept waiting by the step before: people hear how to have the rest of it."""
    slow.says("russell", "!next")
    slow.waits(1)
    since = slow.now
    slow.says("russell", "!goto 2")
    slow.waits(60)
    said = slow.in_channel(since)
    assert said[0] == "(the rest of step 1: type !step 1)" and said[1] == "Step 2 of 3: Change"
    assert not any("Paragraph 1" in line for line in said) and said[-1] == "Paragraph 2.4."
    slow.says("alice", "!step 1", None)
    slow.waits(60)
    assert slow.to("alice")[-1] == "Paragraph 1.4."


def test_numbers_of_a_step_are_not_told_in_the_next_one(slow: SlowNetwork) -> None:
    """How many had done a step is news only while the class is at it."""
    slow.says("russell", "!next")
    for nick in ("alice", "bob", "carol"):
        slow.says(nick, "!done")
    slow.waits(3)
    slow.says("russell", "!goto 2")
    slow.waits(90)
    assert not any(line.startswith("Step 1: ") for line in slow.in_channel())


def test_numbers_are_as_they_are_when_they_are_read(slow: SlowNetwork) -> None:
    """However many lines wait, how far the class is comes within two lines' time: what it says is true then."""
    slow.says("russell", "!next")
    slow.waits(20)
    busy(slow)
    for n in range(20):
        slow.says(f"learner{n:02}", "!done")
    since = slow.now
    slow.waits(5)
    assert slow.after(since, "Step 1: 20 of 34 done") <= 5


def test_who_asks_for_a_step_twice_gets_it_once(slow: SlowNetwork) -> None:
    """An impatient learner: the second ``!step`` replaces what still waits of the first."""
    slow.says("russell", "!next")
    slow.waits(30)
    slow.says("alice", "!step", None)
    slow.says("alice", "!step", None)
    slow.waits(60)
    assert slow.to("alice").count("Paragraph 1.4.") == 1


def test_thirty_who_are_done_cost_two_lines(slow: SlowNetwork) -> None:
    """Thirty ``!done`` at once in the channel: it is told the numbers, not each of them."""
    nicks = slow.crowd(30)
    slow.says("russell", "!next")
    slow.waits(30)
    since = slow.now
    for nick in nicks:
        slow.says(nick, "!done")
    slow.waits(120)
    said = slow.in_channel(since)
    assert len(said) <= 2 and said[-1] == "Step 1: 30 of 34 done"
    assert not any(slow.to(nick) for nick in nicks)


@pytest.mark.parametrize("command", ["!done", "!hint", "!solution", "!goto 2", "!lab extend", "!lab windows", "!yes"])
def test_thirty_who_get_the_same_answer_share_it(slow: SlowNetwork, command: str) -> None:
    """Thirty people who type what cannot be done yet: a few lines with all their nicks, within seconds."""
    nicks = slow.crowd(30)
    since = slow.now
    for nick in nicks:
        slow.says(nick, command)
    slow.waits(60)
    said = slow.in_channel(since)
    assert len(said) <= 8
    assert all(any(nick in line.partition(": ")[0].split(", ") for line in said) for nick in nicks)


@pytest.mark.parametrize("command", ["!lab reset", "!lab return"])
def test_questions_back_to_thirty_people_leave_the_channel_alone(slow: SlowNetwork, command: str) -> None:
    """Learners confirm in private what destroys something; ``!yes`` counts there and in the channel."""
    nicks = slow.crowd(30)
    for nick in nicks:
        slow.says(nick, "!lab debian", None)
    slow.stage.hosts_work()
    slow.waits(200)
    since = slow.now
    for nick in nicks:
        slow.says(nick, command)
    slow.waits(90)
    assert slow.in_channel(since) == []
    assert all(slow.to(nick)[-1].endswith("Type !yes within 60 s.") for nick in nicks)


@pytest.mark.parametrize("where", [None, "#class"])
def test_yes_counts_in_the_channel_and_in_private(stage: Stage, where: str | None) -> None:
    """A learner who asked in the channel is asked back in private, and may answer in either place."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    assert stage.hear("alice", "!lab return") == [
        ("alice", "your debian lab and everything in it will be deleted. Type !yes within 60 s.")
    ]
    stage.hear("alice", "!yes", where)
    assert stage.leases() == []


def busy(slow: SlowNetwork) -> float:
    """Thirty people have asked for labs, and ten others for help: minutes of lines wait.  Returns the time."""
    for nick in slow.crowd(30):
        slow.says(nick, "!lab debian", None)
    slow.waits(6)
    assert len(slow.outbox) > 20
    return slow.now


def test_the_end_does_not_wait_for_thirty_labs(slow: SlowNetwork) -> None:
    """The question, the result of the quiz and the end of the class are the next lines, and nothing of the step, nor how
    many have done it, comes afterwards; all who asked for a lab still get theirs."""
    slow.says("russell", "!next")
    busy(slow)
    slow.says("russell", "quiz how many? = 3", None)
    slow.waits(4)
    for nick in ("alice", "bob", "carol"):
        slow.says(nick, "!done")
    slow.says("russell", "!repeat")
    slow.says("russell", "!end")
    slow.waits(4)
    ends = slow.now
    slow.says("russell", "!yes")
    slow.waits(200)
    assert slow.after(ends, "the answer was 3; nobody got it this time") <= 2
    assert slow.after(ends, "is over after") <= 4
    said = slow.in_channel(ends)
    assert said[-1].startswith("SE Linux for beginners is over after") and len(said) <= 3
    assert all(any("password" in text for text in slow.to(f"learner{n:02}")) for n in range(30))


def test_the_text_of_the_end_is_shown_before_the_class_is_over(slow: SlowNetwork) -> None:
    """A presenter who ends the class right after its last page does not cut that page off."""
    slow.says("russell", "!goto 3")
    slow.waits(20)
    slow.says("russell", "!next")
    slow.says("russell", "!end")
    slow.says("russell", "!yes")
    slow.waits(30)
    assert next(line for line in slow.in_channel() if "That was all" in line or "is over" in line) == "That was all."


@pytest.mark.parametrize("where", [None, CHANNEL])
def test_a_call_for_help_is_heard_among_thirty_labs(slow: SlowNetwork, where: str | None) -> None:
    """``!stuck`` is answered within two lines' time, also for somebody who has neither lab nor seat and calls for the
    first time; a second call replaces the answer to the first.  A helper who comes is named as soon."""
    slow.says("russell", "!next")
    slow.waits(30)
    since = busy(slow)
    slow.says("bob", "!stuck it says no", where)
    slow.says("bob", "!stuck it says no", where)
    slow.waits(8)
    assert slow.after(since, "noted, you are next") <= 4
    assert slow.to("bob").count("noted, you are next; !done clears it") == 1
    called = slow.now
    slow.says("hannah", "!hands")
    slow.says("hannah", "!helping bob")
    slow.waits(10)
    assert slow.after(called, "1 stuck: bob (it says no)") <= 2
    assert slow.after(called, "bob: hannah is helping you now") <= 4


def test_questions_are_never_dropped(slow: SlowNetwork) -> None:
    """Thirty people ask while the class runs through its steps: each hears the number of their question."""
    nicks = slow.crowd(30)
    for number, nick in enumerate(nicks):
        slow.says(nick, f"!ask what does word{number} of topic{number} mean?")
        if number % 10 == 0:
            slow.says("russell", f"!goto {number // 10}")
    slow.waits(200)
    answered = {line.partition(":")[0] for line in slow.in_channel() if ": question " in line}
    assert set(nicks) <= answered
