"""Help, unknown words, and the table they are read from."""

from __future__ import annotations

import ast
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.core.access import Role
from trainbot.core.commands import Command, Table
from trainbot.core.parser import addressed

TESTS = Path(__file__).parents[1]
REST = "!help topics lists the rest."
SESSION = """
[[session]]
id = "a"
title = "SE Linux for all"
exercise = "selinux"
zone = "UTC"
start = 2026-11-27T12:00:00
"""


def test_help_answers_by_situation(stage: Stage) -> None:
    """At most three sentences, to the asker alone: where they stand, what to type next, and where the rest is."""
    stage.host_up()

    def said(nick: str) -> str:
        ((to, line),) = stage.hear(nick, "!help")
        assert to == nick and line.endswith(REST)
        assert len(line.encode()) < 380 and line.count(". ") <= 2 and "!" in line
        return line.removesuffix(REST).strip()

    assert said("alice") == "No class is running and none is planned. !lab debian gives you a machine to try things on."
    assert said("stranger").startswith(
        "For a lab or a seat you need an account: /msg NickServ IDENTIFY PASSWORD logs you in"
    )
    assert said("olga").startswith("No session is planned: !session add plans one")
    assert said("russell") == "!start EXERCISE begins a class, and !exercises lists what can be taught."
    stage.schedule("a.toml", SESSION)
    stage.wait(seconds=2), stage.wait(seconds=2)
    next_class = "SE Linux for all, Fri 27 Nov 12:00 UTC (in 4 h)"
    assert said("alice").startswith(
        f"The next class is {next_class}: !tz CITY shows it in your own time, !signup 1 gets"
    )
    stage.talk("alice", "!tz Berlin"), stage.talk("alice", "!signup 1")
    assert said("alice").startswith(
        "You have a seat in SE Linux for all, Fri 27 Nov 13:00 +0100 Berlin (in 4 h): !signup drop"
    )
    stage.wait(hours=3)
    assert said("russell").startswith("SE Linux for all, Fri 27 Nov 12:00 UTC (in 1 h): !start begins it.")
    stage.talk("russell", "!start")
    assert said("alice").startswith("SE Linux for all is at the introduction: !step shows it")
    assert said("alice").endswith("!lab debian gives you a machine of your own.")
    assert said("russell").startswith("SE Linux for all is at the introduction: !next shows step 1.")
    stage.talk("russell", "!next")
    assert said("alice").startswith("SE Linux for all is at step 1 of 3: !step shows it, !done marks a step as done")
    stage.talk("alice", "!lab debian"), stage.hosts_work()
    stage.wait(seconds=10)
    assert said("alice") == (
        "You are at step 1 of 3: !step shows it, !done marks it as done, !stuck calls for help. Your debian lab is ready: "
        "!lab debian gives its ssh command again."
    )
    stage.talk("alice", "!stuck")
    assert said("alice").startswith(
        "You are marked as stuck at step 1: !hint shows a hint, !done says that it is solved."
    )
    stage.talk("alice", "!ask why?")
    assert "Your question 1 is open, next: !q 1 shows what becomes of it." in said("alice")
    assert said("hannah").startswith("One question is open: !take shows the class the next one.")
    assert "step 1 of 3, 0 of 4 done, 1 stuck: !hands shows who is stuck, !next goes on." in said("russell")
    stage.talk("alice", "!done"), stage.talk("russell", "!goto 3")
    assert said("alice").startswith("You are at step 2, and the class is at step 3 of 3: !step shows yours")
    stage.talk("russell", "!end"), stage.talk("russell", "!yes")
    assert said("alice").startswith("SE Linux for all is over: !faq WORDS searches its questions and answers.")


def test_help_where_two_classes_run(stages: Callable[..., Stage]) -> None:
    """In private it is asked which one is meant."""
    stage = stages(channels=(CHANNEL, "#other"))
    stage.enter("alice", "#other"), stage.enter("russell", "#other")
    stage.talk("russell", "!start"), stage.talk("russell", "!start", "#other")
    (said,) = stage.whisper("alice", "help")
    assert said.startswith(f"Classes are running in {CHANNEL} and #other: put one first, as in {CHANNEL} !help.")
    assert stage.whisper("alice", f"{CHANNEL} !help")[0].startswith("SE Linux for beginners is at the introduction")


def test_the_rest_by_theme(stage: Stage) -> None:
    """What each command does, by theme; staff see theirs, and those of learners by name."""
    stage.talk("russell", "!start")
    lines = stage.talk("alice", "!help topics")
    assert all(target == "alice" for target, _line in stage.hear("alice", "!help topics"))
    shown = " ".join(lines)
    assert lines[0].startswith("Labs: !lab (get a machine of your own with that image), !key (")
    assert (
        "The class: !step (show your step again)" in shown and "Questions: !ask (put a question in the queue)" in shown
    )
    assert "!next" not in shown and "!yes" not in shown
    assert shown.endswith("!help COMMAND explains a command")
    for nick in ("russell", "olga"):
        lines = stage.whisper(nick, "help topics")
        assert "!next (move the class to the next step and show it)" in " ".join(lines)
        assert "For learners: !help !lab !key" in " ".join(lines)
        assert len(lines) <= 8 and all(len(line.encode()) < 400 for line in lines)


def test_help_for_one_command(stage: Stage) -> None:
    """How it is said, what it does, an example, who may, and what belongs to it."""
    assert stage.hear("alice", "!help lab reset") == [
        ("alice", "!lab reset [IMAGE]: reset your lab to the original image (asks first)")
    ]
    assert stage.whisper("alice", "help !goto") == ["!goto N: move the class to step N, e.g. !goto 3 (presenters)"]
    assert stage.talk("alice", "!help lab")[0].endswith(
        "also !lab list !lab claim !lab console !lab reboot !lab reset !lab snapshot !lab rollback !lab extend !lab return "
        "!lab home !lab keep !lab kept !lab kept delete !lab restore"
    )
    assert stage.hear("hannah", "!help done") == [
        (
            CHANNEL,
            "hannah: !done: mark your step as done; its check runs in the background and only reports what is missing",
        )
    ]


def test_help_for_what_is_not_there(stage: Stage) -> None:
    """The nearest, or where the list is."""
    assert stage.talk("alice", "!help lap") == ['alice: unknown command "lap"; did you mean !lab?']
    assert stage.talk("alice", "!help quux") == ['alice: unknown command "quux"; !help topics lists the commands']


UNKNOWN = [
    ("!foobar", []),
    ("!weather melbourne", []),
    ("!!", []),
    ("!", []),
    ("hello", []),
    ("!x", []),
    ("!sesions", ['alice: unknown command "sesions"; did you mean !sessions?']),
    ("!rollback", ['alice: unknown command "rollback"; did you mean !lab rollback?']),
    ("!solutoin?", ['alice: unknown command "solutoin?"; did you mean !solution?']),
    ("!qestions", []),  # !questions or !sessions
    ("!helpp", []),  # five letters are like a command of anybody's
    ("!lba debian", []),
    ("!progres", []),  # what alice may not do is not offered to her
    ("trainbot: foobar", ['alice: unknown command "foobar"; !help says what to type']),
]


@pytest.mark.parametrize(("said", "answer"), UNKNOWN)
def test_an_unknown_word_in_the_channel(stage: Stage, said: str, answer: list[str]) -> None:
    """Silence, for other bots live there too; unless it has six letters, is within two of one of ours, or we were named."""
    before = stage.dump()
    assert stage.talk("alice", said) == answer
    assert stage.dump() == before


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("!foobar", 'unknown command "foobar"; !help says what to type'),
        ("hlep", 'unknown command "hlep"; did you mean !help or !step?'),
        ("sesions", 'unknown command "sesions"; did you mean !sessions?'),
        ("Sesions?", 'unknown command "Sesions?"; did you mean !sessions?'),
        ("sesions please", 'unknown command "sesions"; did you mean !sessions?'),
        ("dnoe!", 'unknown command "dnoe!"; did you mean !done or !anon or !no?'),
        ("rollback", 'unknown command "rollback"; did you mean !lab rollback?'),
        ("!" + "x" * 500, f'unknown command "{"x" * 30}"; !help says what to type'),
    ],
)
def test_an_unknown_word_in_private(stage: Stage, said: str, answer: str) -> None:
    """What may be a command is always answered, with the nearest ones."""
    assert stage.whisper("alice", said) == [answer]


WORDS = (
    "hello hi Hey hallo thanks Thanks! thx ok ? ?? ! !? :-) foobar x stop help? HELP! helo moin здравствуйте 你好 👋"
)
SENTENCES = ("hello, how are you?", "my lab does not boot", "help me", "help, please!", "help us", "x" * 500)


@pytest.mark.parametrize("said", [*WORDS.split(), *SENTENCES])
def test_talk_in_private(stage: Stage, said: str) -> None:
    """Whatever is not nearly a command is answered as !help is, by situation; for staff and strangers too."""
    stage.host_up()
    for who in ("alice", "stranger", "russell", "olga"):
        assert stage.hear(who, said, None) == stage.hear(who, "!help", None), who
    stage.talk("russell", "!start"), stage.talk("russell", "!next"), stage.talk("alice", "!done")
    assert stage.whisper("alice", said)[0].startswith("You have done step 1")


def test_talk_in_private_names_no_secret(stage: Stage) -> None:
    """A password typed to us by mistake is not said again."""
    assert "hunter2" not in repr(stage.whisper("alice", "IDENTIFY hunter2") + stage.whisper("alice", "hunter2"))


@pytest.mark.parametrize("mark", [".", "!", "?", ",", "!!!", "?!", ";"])
def test_a_mark_after_a_command(stage: Stage, mark: str) -> None:
    """Who types ``!done.`` has done it, in the channel too; in front of other words it makes no difference either.  A
    question moves no class."""
    stage.host_up()
    stage.talk("russell", "!start"), stage.talk("russell", "!next")
    assert stage.hear("alice", f"!stuck{mark}") == [("alice", "noted, you are next; !done clears it")]
    assert stage.whisper("alice", f"done{mark}") == ["step 1 is done"]
    assert stage.hear("alice", f"!Lab{mark} debian")[0][1].startswith("your debian lab: password")
    assert stage.hear("alice", f"!lab list{mark}") == stage.hear("alice", "!lab list")
    assert stage.talk("alice", f"!ask{mark} why?") == ["alice: question 1 is next"]
    asks = "?" in mark
    stage.now += timedelta(seconds=9)
    assert (stage.talk("russell", f"!next{mark}") == []) is asks
    assert (stage.whisper("russell", f"next{mark}") == ['unknown command "next?"; did you mean !next?']) is (
        mark == "?"
    )


def test_staff_are_offered_what_is_theirs(stage: Stage) -> None:
    """The nearest words are those that one may use."""
    assert stage.talk("russell", "!progres") == ['russell: unknown command "progres"; did you mean !progress?']
    assert stage.whisper("russell", "!nxet") == ['unknown command "nxet"; did you mean !next?']


def test_yes_without_a_question(stage: Stage) -> None:
    """Nothing waits."""
    assert stage.talk("alice", "!yes") == ["alice: there is nothing to confirm"]


def test_no_cancels_what_was_asked(stage: Stage) -> None:
    """Once, where it was asked; elsewhere in a channel a no is not for us."""
    stage.talk("russell", "!start"), stage.talk("russell", "!end")
    assert stage.talk("alice", "!no") == []
    assert stage.talk("russell", "!no") == ["russell: cancelled, nothing has changed"]
    assert stage.talk("russell", "!yes") == ["russell: there is nothing to confirm"]
    assert stage.talk("russell", "!no") == [] and stage.whisper("russell", "no") == ["there is nothing to cancel"]
    stage.talk("russell", "!end")
    stage.wait(seconds=61)
    assert stage.talk("russell", "!no") == []
    assert stage.talk("russell", "!next")[0] == "Step 1 of 3: Look"


def test_every_word_ends_up_at_its_command(stage: Stage) -> None:
    """Words and aliases, in any case, with whatever comes after them."""
    table = stage.wiring.table
    for command in table.commands:
        for words in (command.words, *command.aliases):
            call = table.find(f"{words.upper()}  a  b ")
            assert call is not None and call.command is command and call.rest == "a  b"


def test_every_command_says_what_it_is(stage: Stage) -> None:
    """Help in the reader's words: a line that fits; examples that are right; no word is declared twice."""
    table = stage.wiring.table
    for command in table.commands:
        assert (command.help and command.help[0] == command.help[0].lower()) or command.help.startswith("I ")
        assert not command.help.endswith(".")
        assert len(command.usage("!") + command.help) < 200
        if command.example:
            call = table.find(command.example)
            assert call is not None and call.command is command
    with pytest.raises(AssertionError, match="declared twice"):
        table.add([Command("lab", lambda ask: [], "again")])


def test_nearest_knows_roles_and_limits() -> None:
    """Two letters at most, never all of a short word, nearest first, three at most."""
    table = Table()
    table.add(
        [
            Command(words, lambda ask: [], words, role=role)
            for words, role in [
                ("ask", Role.LEARNER),
                ("next", Role.PRESENTER),
                ("q", Role.LEARNER),
                ("stuck", Role.LEARNER),
                ("step", Role.LEARNER),
                ("start", Role.PRESENTER),
            ]
        ]
    )
    assert table.nearest("stpe", Role.LEARNER) == ["step"]
    assert table.nearest("nxt", Role.LEARNER) == [] and table.nearest("nxt", Role.PRESENTER) == ["next"]
    assert table.nearest("z", Role.ORGANISER) == [] and table.nearest("", Role.ORGANISER) == []
    assert table.nearest("stat", Role.ORGANISER) == ["start", "step"]


def words_said() -> Iterator[str]:
    """All that people say in these tests: text literals of the dialogs."""
    for path in TESTS.rglob("test_*_dialogs.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str):
                yield node.value


def test_every_command_has_a_dialog(stage: Stage) -> None:
    """A command that nobody says in any test is not promised to anybody."""
    table, said = stage.wiring.table, set()
    for text in words_said():
        found = addressed(text, "!", "trainbot", private=True)
        call = table.find(found.text) if found else None
        if call is not None and (
            text.startswith("!") or not call.rest or text.split()[0] == call.command.words.split()[0]
        ):
            said.add(call.command.words)
    assert {command.words for command in table.commands} - said == set()
