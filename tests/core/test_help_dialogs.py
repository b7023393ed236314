"""Help, unknown words, and the table they are read from."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.core.access import Role
from trainbot.core.commands import Command, Table
from trainbot.core.parser import addressed

TESTS = Path(__file__).parents[1]


def test_help_is_one_line_for_its_asker(stage: Stage) -> None:
    """What I can do now: by role and place, to me alone, and for learners it fits a line."""
    (said,) = stage.hear("alice", "!help")
    assert said == (
        "alice",
        "labs: !lab !key | questions: !ask !vote !q !faq !edit !reopen !delete | sessions: !sessions !tz !signup !when !slides | more: "
        "!help | !help COMMAND for details",
    )
    stage.talk("russell", "!start")
    (line,) = stage.talk("alice", "!help")
    assert "the class: !step !hint !solution !done !stuck" in line and "!next" not in line
    lines = stage.whisper("olga", "help")
    assert all(word in " ".join(lines) for word in ("!next", "!hosts", "!take"))
    assert len(lines) <= 4 and all(len(line.encode()) < 400 for line in lines)


def test_help_for_one_command(stage: Stage) -> None:
    """How it is said, what it does, an example, who may, and what belongs to it."""
    assert stage.hear("alice", "!help lab reset") == [
        ("alice", "!lab reset [IMAGE]: reset your lab to the original image (asks first)")
    ]
    assert stage.whisper("alice", "help !goto") == ["!goto N: move the class to step N, e.g. !goto 3 (presenters)"]
    assert stage.talk("alice", "!help lab")[0].endswith(
        "also !lab list !lab claim !lab console !lab reboot !lab reset !lab snapshot !lab rollback !lab extend !lab return "
        "!lab home"
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
    assert stage.talk("alice", "!help quux") == ['alice: unknown command "quux"; !help lists the commands']


UNKNOWN = [
    ("!foobar", []),
    ("!weather melbourne", []),
    ("!!", []),
    ("!", []),
    ("hello", []),
    ("!x", []),
    ("!helpp", ['alice: unknown command "helpp"; did you mean !help?']),
    ("!lba debian", ['alice: unknown command "lba"; did you mean !lab?']),
    ("!nxet", []),  # what alice may not do is not offered to her
    ("trainbot: foobar", ['alice: unknown command "foobar"; !help lists the commands']),
]


@pytest.mark.parametrize(("said", "answer"), UNKNOWN)
def test_an_unknown_word_in_the_channel(stage: Stage, said: str, answer: list[str]) -> None:
    """Silence, for other bots live there too; unless it is within two letters of ours, or we were named."""
    before = stage.dump()
    assert stage.talk("alice", said) == answer
    assert stage.dump() == before


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("foobar", 'unknown command "foobar"; !help lists the commands'),
        ("!", 'unknown command "!"; !help lists the commands'),
        ("hlep", 'unknown command "hlep"; did you mean !help or !step?'),
        ("sesions", 'unknown command "sesions"; did you mean !sessions?'),
        ("x" * 500, f'unknown command "{"x" * 30}"; !help lists the commands'),
    ],
)
def test_an_unknown_word_in_private(stage: Stage, said: str, answer: str) -> None:
    """Always answered, with the nearest commands."""
    assert stage.whisper("alice", said) == [answer]


def test_staff_are_offered_what_is_theirs(stage: Stage) -> None:
    """The nearest words are those that one may use."""
    assert stage.talk("russell", "!nxet") == ['russell: unknown command "nxet"; did you mean !next?']


def test_yes_without_a_question(stage: Stage) -> None:
    """Nothing waits."""
    assert stage.talk("alice", "!yes") == ["alice: there is nothing to confirm"]


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
