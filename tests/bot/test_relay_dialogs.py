"""People behind a relay: they ask, vote and say done by their own names, in the channel; and what they can't do."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest

from tests.slow_network import SlowNetwork
from tests.stage import CHANNEL, Stage
from trainbot.bot import relays
from trainbot.core.access import Role
from trainbot.core.messages import Arrived, Incoming, Left
from trainbot.features.questions.ask_commands import BRIDGED

OFFERED = "!ask WORDS, !vote N, !done, !stuck WORDS, !q and !faq WORDS"


@pytest.fixture
def bridged(stages: Callable[..., Stage]) -> Stage:
    """``discordbot`` is a relay in the channel; it has no account."""
    stage = stages(log="yes")
    ini = stage.folder / "bot.ini"
    ini.write_text(ini.read_text().replace("[irc]", "[irc]\nrelays = discordbot account:bridge", 1))
    stage.change_ini("")
    stage.host_up()
    stage.join("discordbot")
    return stage


def over(stage: Stage, name: str, text: str) -> list[str]:
    """What the channel hears when ``name`` says that over the bridge."""
    heard = stage.hear("discordbot", f"<{name}> {text}")
    assert {target for target, _ in heard} <= {CHANNEL}  # a private answer would go to the relay
    return [words for _, words in heard]


def test_questions_over_a_bridge(bridged: Stage) -> None:
    """Asked, voted for, answered by the name there, which is nobody's on IRC; and all of it survives a restart."""
    assert over(bridged, "alice", "!ask why is 11371 taken?") == ["alice/discordbot: question 1 is next"]
    assert bridged.talk("alice", "!vote 1") == ["question 1: 1 vote, next"]  # alice on IRC is somebody else
    assert over(bridged, "alice", "!vote 1") == [
        "alice/discordbot: question 1 is your own; you can only vote for other people's"
    ]
    assert over(bridged, "eve smith", "!vote 1") == ["eve_smith/discordbot: question 1: 2 votes, next"]
    bridged.restart()
    assert over(bridged, "eve smith", "!vote 1") == ["eve_smith/discordbot: question 1: 2 votes, next"]
    assert over(bridged, "alice", "QUESTION: is it on?") == ["alice/discordbot: question 2: 1 before it"]
    assert bridged.talk("hannah", "!q") == [
        "hannah: 2 open: 1 alice/discordbot: why is 11371 taken? (2 votes) | 2 alice/discordbot: is it on?"
    ]
    assert bridged.hear("russell", "!answer 1 gpg has it") == [
        (CHANNEL, "alice/discordbot: answer to question 1: gpg has it (russell)")
    ]
    assert bridged.hear("russell", "!skip 2 a joke")[-1:] == [
        (CHANNEL, "alice/discordbot: your question 2 (is it on?) was skipped by russell: a joke")
    ]
    assert over(bridged, "alice", "!faq 11371")[0].startswith("alice/discordbot: 1: why is 11371 taken? → gpg has it")


def test_an_answer_waits_for_the_relay(bridged: Stage) -> None:
    """Who was behind a relay that is gone hears of it when it is back, in the channel."""
    over(bridged, "alice", "!ask why?")
    bridged.leave("discordbot")
    assert bridged.hear("russell", "!answer 1 because") == [
        (CHANNEL, "alice/discordbot: answer to question 1: because (russell)")
    ]
    bridged.restart()
    bridged.join("discordbot")
    assert bridged.happens(Arrived(bridged.net.people["discordbot"], CHANNEL, bridged.now)) == [
        (CHANNEL, "alice/discordbot: your question 1 (why?) was answered by russell: because")
    ]


def test_taking_part_over_a_bridge(bridged: Stage) -> None:
    """Done and stuck count by name, the relay itself is nobody; both survive a restart."""
    bridged.talk("russell", "!start selinux")
    bridged.talk("russell", "!next")
    assert over(bridged, "ann", "!done") == []
    assert over(bridged, "bea", "!stuck no network") == ["bea/discordbot: noted, you are next; !done clears it"]
    bridged.restart()
    here = len(bridged.net.members(CHANNEL)) - len(("discordbot", "russell", "olga", "hannah"))
    (progress,) = bridged.talk("russell", "!progress")
    assert f"1 done, 0 working, 1 stuck, {here} silent; stuck: bea/discordbot (no network)" in progress
    assert bridged.hear("hannah", "!helping bea/discordbot") == [(CHANNEL, "bea/discordbot: hannah is helping you now")]
    assert over(bridged, "ann", "!done") == [
        "ann/discordbot: you're up to date (step 1 is done); the class will go on soon"
    ]
    bridged.talk("russell", "!end")
    assert "2 took part" in bridged.talk("russell", "!yes")[0]


def test_a_call_for_help_over_a_bridge_is_answered(bridged: Stage) -> None:
    """What replaces an earlier answer comes before the answer, so that this one is sent; a second call is answered too."""
    bridged.talk("russell", "!start"), bridged.talk("russell", "!next")
    slow = SlowNetwork(bridged)
    for _ in range(2):
        slow.says("discordbot", "<alice> !stuck no")
        slow.waits(10)
    assert slow.in_channel() == ["alice/discordbot: noted, you are next; !done clears it"] * 2


def test_a_question_like_another_is_asked_back_in_the_channel(bridged: Stage) -> None:
    """And ``!yes`` is that person's, not that of anybody else behind the bridge or on IRC."""
    bridged.talk("bob", "!ask why is port 11371 taken already?")
    (asked,) = over(bridged, "ann", "!ask why is port 11371 taken?")
    assert asked.startswith("ann/discordbot: question 1 (why is port") and asked.endswith(
        "Ask anyway? Type !yes within 60 s."
    )
    assert over(bridged, "bea", "!yes") == ["bea/discordbot: there is nothing to confirm"]
    assert over(bridged, "bea", "!no") == []  # which cancels nothing of ann's
    assert over(bridged, "ann", "!yes") == ["ann/discordbot: question 2: 1 before it"]


def test_no_labs_roles_or_secrets_over_a_bridge(bridged: Stage) -> None:
    """Every other command is refused in one line, whoever the name pretends to be; nothing is written."""
    bridged.talk("russell", "!start selinux")
    over(bridged, "olga", "!q")
    before = bridged.dump()
    for command in bridged.wiring.table.commands:
        if command.words in relays.COMMANDS:
            continue
        for name in ("olga", "shell", "(shell)"):
            for words in (command.words, *command.aliases):
                said = over(bridged, name, f"!{words} 1 debian")
                assert len(said) <= 1
                if command.words == "help":
                    expected = f"{name}/discordbot: from here you can use {OFFERED}. For a lab of your own, join"
                elif command.role > Role.LEARNER:
                    expected = f"{name}/discordbot: !{command.words} is for {command.role.word}s"
                else:
                    expected = f"{name}/discordbot: !{command.words} works only on IRC itself: join {CHANNEL} with"
                assert said == [] or said[0].startswith(expected) or "10 commands" in said[0]
        bridged.now += timedelta(minutes=2)
    after = bridged.dump()
    assert {table for table in before if before[table] != after[table]} <= {"person"}  # names that were heard


def test_the_allowed_commands_are_for_everybody(bridged: Stage) -> None:
    """They exist, are open to learners, and work in a channel."""
    for words in relays.COMMANDS:
        command = bridged.wiring.table.named(words)
        assert command is not None and command.role is Role.LEARNER


def test_a_relays_own_lines_are_never_commands(bridged: Stage) -> None:
    """Neither in the channel nor in private, whatever role its address has; and nobody's who is no relay are for others."""
    for text in ("!ask why?", "QUESTION: why?", "trainbot: ask why?", "/me <alice> !ask why?", "* alice !ask"):
        assert bridged.talk("discordbot", text) == []
    assert bridged.whisper("discordbot", "<alice> !ask why?") == bridged.whisper("discordbot", "lab debian") == []
    assert bridged.talk("bob", "<alice> !ask why?") == []
    assert bridged.talk("hannah", "!q") == ["hannah: no open questions; !ask WORDS asks one"]


def test_what_is_no_command_is_talk(bridged: Stage) -> None:
    """Misspelt or for another bot: nothing is said to it, and no name is kept for it."""
    for text in ("!solutoin", "!weather Berlin", "trainbot: what?", "hello", "!sesions"):
        assert over(bridged, "ann", text) == []
    assert "ann" not in str(bridged.dump()["person"])


def test_the_log_names_who_spoke(bridged: Stage) -> None:
    """A class that is logged has their talk under their names, and [nolog] holds there too."""
    bridged.talk("russell", "!start selinux")
    over(bridged, "alice", "hello all")
    over(bridged, "alice", "[nolog] not this")
    assert over(bridged, "eve", "!nolog on") == [
        "eve/discordbot: what you say isn't logged and minutes don't name you; !nolog off undoes that"
    ]
    over(bridged, "eve", "nor this")
    said = [row for row in bridged.dump()["entry"] if "said" in row]
    assert len(said) == 1 and {"alice/discordbot", "hello all"} <= set(said[0])


def test_quizzes_are_for_people_on_irc(bridged: Stage) -> None:
    """Invented names would win every draw."""
    bridged.whisper("russell", "quiz which port? = 11371")
    assert over(bridged, "alice", "11371") == []
    assert bridged.dump()["quiz_try"] == []


def test_ignored_by_name_or_the_whole_relay(bridged: Stage) -> None:
    """One name behind it is ignored without the others; ``!ignore`` of the relay ignores them all."""
    over(bridged, "troll", "!ask nonsense")
    assert bridged.talk("hannah", "!ignore troll/discordbot") == [
        "I now ignore troll/discordbot; open questions deleted: 1; !unignore troll/discordbot undoes that"
    ]
    bridged.restart()
    assert over(bridged, "troll", "!ask more") == []
    assert over(bridged, "ann", "!ask why?") == ["ann/discordbot: question 2 is next"]
    bridged.talk("hannah", "!unignore troll/discordbot")
    assert over(bridged, "troll", "!q") != []
    bridged.talk("hannah", "!ignore discordbot")
    assert over(bridged, "ann", "!q") == []


def test_one_name_is_limited(bridged: Stage) -> None:
    """As many commands a minute as a person types; who is refused is told once a minute, and others are not affected."""
    for _ in range(relays.FROM_ONE):
        assert over(bridged, "ann", "!q") != []
    assert over(bridged, "ann", "!ask why?") == [
        "ann/discordbot: that's more than 10 commands from you within a minute: nothing was done. Type it again in a minute"
    ]
    assert over(bridged, "ann", "!ask why?") == []
    assert over(bridged, "bea", "!ask why?") == ["bea/discordbot: question 1 is next"]
    assert len([n for n in range(100) if over(bridged, "troll", f"!lab debian {n}")]) == relays.FROM_ONE + 1
    bridged.now += timedelta(seconds=61)
    assert over(bridged, "ann", "!ask how?") == ["ann/discordbot: question 2: 1 before it"]
    bridged.now -= timedelta(hours=1)  # the clock was set
    assert over(bridged, "ann", "!ask what?") == ["ann/discordbot: question 3 is next"]


def test_a_relay_can_not_vote_a_thousand_times(bridged: Stage) -> None:
    """Invented names: few votes count for a question, few names are taken in a day, and the channel is not filled."""
    bridged.talk("bob", "!ask why?")
    lines = 0
    for n in range(1000):
        lines += len(over(bridged, f"x{n}", "!vote 1"))
        bridged.now += timedelta(seconds=1.2)
    (listed,) = bridged.talk("hannah", "!q")
    assert f"({BRIDGED} votes" in listed
    people = [row for row in bridged.dump()["person"] if "x" in str(row) and "discordbot #class" in str(row)]
    assert len(people) <= relays.NAMES
    assert lines <= relays.NAMES + 1000 * 1.2 / 60 + 1
    assert bridged.talk("alice", "!vote 1") == [f"question 1: {BRIDGED + 1} votes, next"]
    bridged.now += timedelta(days=1)
    assert over(bridged, "later", "!ask how?") == ["later/discordbot: question 2: 1 before it"]


def test_a_relay_that_leaves_and_comes_is_greeted_by_nobody(bridged: Stage) -> None:
    """It is a machine: no line to a newcomer is for it."""
    bridged.talk("russell", "!start selinux")
    bridged.talk("russell", "!next")
    relay = bridged.net.people["discordbot"]
    assert bridged.happens(Left(relay, CHANNEL, True, bridged.now), Arrived(relay, CHANNEL, bridged.now)) == []
    assert bridged.wait(minutes=2) == []


def test_a_question_that_could_not_be_stored_is_refused_by_name(bridged: Stage) -> None:
    """As for anybody else: the channel hears whose it was."""
    relay = bridged.net.people["discordbot"]
    asked, talk = (Incoming(relay, CHANNEL, text, bridged.now) for text in ("<ann> !ask why?", "!ask nobody's"))
    outcome, left = bridged.bot.not_now([asked, talk], "locked")
    assert [line.text.partition(":")[0] for line in outcome.say if hasattr(line, "text")] == ["ann/discordbot"]
    assert left == [talk]


def test_nobody_behind_a_relay_shares_a_terminal(bridged: Stage) -> None:
    """They have no lab, and cannot be sent an ssh command: who asks them is told."""
    over(bridged, "zed", "!ask why?")
    assert bridged.talk("bob", "!pair zed/discordbot") == [
        "bob: zed/discordbot is not on IRC, where I could send them the ssh command"
    ]
    bridged.talk("russell", "!start")
    assert "!come" not in "".join(over(bridged, "zed", "!stuck it says no"))
