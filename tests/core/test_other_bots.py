"""In a channel, the commands of other bots are left alone."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.core.access import Role
from trainbot.core.commands import Command, Table
from trainbot.core.other_bots import COMMANDS, WORDS

OPERATING = (Path(__file__).parents[2] / "docs" / "operating.md").read_text(encoding="utf-8")


@pytest.mark.parametrize("bot", COMMANDS)
def test_no_command_of_another_bot_is_answered_in_a_channel(stage: Stage, bot: str) -> None:
    """Nobody who talks to another bot hears from us, whoever they are; the words that both have are not meant."""
    for word in COMMANDS[bot].split():
        if stage.wiring.table.find(word) is None:
            for who in ("alice", "olga"):
                assert stage.talk(who, f"!{word} carol") == [], word


def test_help_of_another_bot_is_left_to_it(stage: Stage) -> None:
    """``!help seen`` in a channel, as Limnoria and Sopel explain their commands."""
    assert stage.talk("alice", "!help seen") == stage.talk("hannah", "!help Weather") == []
    assert stage.talk("alice", "!help status")[0].startswith("!status: ")
    assert stage.whisper("alice", "help seen")[0].startswith('unknown command "seen"')


def test_in_private_all_of_them_are_answered(stage: Stage) -> None:
    """No other bot reads it there."""
    assert stage.whisper("alice", "!seen carol")[0].startswith('unknown command "seen"; did you mean ')
    assert stage.whisper("alice", "!weather")[0] == 'unknown command "weather"; !help says what to type'
    assert stage.whisper("alice", "weather") == stage.whisper("alice", "!help")
    assert stage.talk("alice", "trainbot: seen carol")[0].startswith('alice: unknown command "seen"')


def test_the_words_that_both_have_are_in_the_manual(stage: Stage) -> None:
    """Who has another bot in the channel can read which words it shares with us."""
    shared = {word for word in WORDS if stage.wiring.table.find(word) is not None}
    sentence = next(line for line in OPERATING.split("\n\n") if "commands that other bots have too" in line)
    assert set(re.findall(r"`!(\w+)`", sentence)) == shared


@pytest.mark.parametrize(
    ("said", "meant"),
    [
        ("sesions", "sessions"),
        ("SESIONS all", "sessions"),
        ("sesions!", "sessions"),
        ("rolback", "lab rollback"),
        ("questoins", "questions"),
        ("qestions", None),  # questions or sessions
        ("signups", "signup"),
        ("solutoin", "solution"),
        ("sesion", "sessions"),  # !session is for organisers
        ("sing", None),  # four letters
        ("siiign", None),  # three letters differ
        ("weather", None),
        ("", None),
        ("é" * 7, None),
    ],
)
def test_which_command_a_word_in_a_channel_was_meant_for(said: str, meant: str | None) -> None:
    """Six letters, two wrong at most, one command, and no other bot's word."""
    table = Table()
    for words, aliases, role in [
        ("sessions", (), Role.LEARNER),
        ("session", (), Role.ORGANISER),
        ("lab rollback", (), Role.LEARNER),
        ("q", ("questions",), Role.LEARNER),
        ("signup", (), Role.LEARNER),
        ("signup drop", (), Role.LEARNER),
        ("solution", (), Role.LEARNER),
        ("sing", (), Role.LEARNER),
    ]:
        table.add([Command(words, lambda ask: [], words, aliases=aliases, role=role)])
    assert table.misspelt(said, Role.LEARNER) == meant
    assert table.misspelt("sesion", Role.ORGANISER) is None  # it may be either


def test_a_prefix_of_its_own(stages: Callable[..., Stage]) -> None:
    """Beside another bot with ``!``: only its own prefix is obeyed, and every answer names it; what people said stays."""
    stage = stages()
    ini = stage.folder / "bot.ini"
    ini.write_text(ini.read_text().replace("[irc]", "[irc]\nprefix = t!", 1))
    stage.change_ini("")
    stage.host_up()
    assert stage.talk("alice", "!help") == stage.talk("alice", "!ask why?") == []
    assert stage.talk("alice", "t!sesions") == ['alice: unknown command "sesions"; did you mean t!sessions?']
    assert stage.talk("alice", "t!lab") == ["you have no lab; t!lab debian gives you one"]
    assert stage.whisper("alice", "t!help lab")[0].startswith("t!lab [IMAGE]")
    assert stage.talk("alice", "t!ask wow!next why !!? a!b") == ["alice: question 1 is next"]
    assert stage.talk("russell", "t!take") == ["question 1 from alice: wow!next why !!? a!b"]
    assert "t!lab debian gives you" in stage.talk("russell", "t!start selinux")[0]
    assert stage.net.topics[CHANNEL].endswith(" | t!help")
    assert stage.wait(minutes=1) == [] and stage.net.topics[CHANNEL].endswith(" | t!help")
    stage.talk("russell", "t!end")
    stage.talk("russell", "t!yes")
    stage.wait(minutes=1)
    assert "help" not in stage.net.topics.get(CHANNEL, "")
