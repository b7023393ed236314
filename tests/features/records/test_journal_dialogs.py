"""The time line: who said what where that is kept, who came and went, and whoever asked is left out."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.core.messages import Arrived, ChannelMembers, Left, Renamed


def line(stage: Stage, *kinds: str) -> list[tuple[str, str, str]]:
    """(kind, nick, text) of the time line."""
    with stage.store.transaction():
        return [
            (entry.kind, entry.nick, entry.text)
            for entry in stage.store.entries.all()
            if not kinds or entry.kind in kinds
        ]


COMINGS = ("there", "joined", "left", "quit", "renamed")


def come_and_go(stage: Stage) -> None:
    """A class in which stranger is renamed and quits, dave joins and parts."""
    stage.talk("russell", "!start")
    before = stage.net.people["stranger"]
    stage.rename("stranger", "odd")
    stage.join("dave", account="dave")
    dave = stage.net.people["dave"]
    stage.happens(Arrived(dave, CHANNEL, stage.now))
    stage.net.channels[CHANNEL].discard("dave")
    stage.happens(Left(dave, CHANNEL, True, stage.now))
    stage.leave("odd")
    assert before.nick == "stranger"


def test_comings_and_goings_are_kept_where_the_class_is_logged(stages: Callable[..., Stage]) -> None:
    """Who was there at the start, joins, parts, quits, nick changes, each once, with the person it was."""
    stage = stages(log="yes")
    come_and_go(stage)
    assert line(stage, *COMINGS) == [
        ("there", "", "7 alice bob carol hannah olga russell stranger"),
        ("renamed", "stranger", "odd"),
        ("joined", "dave", ""),
        ("left", "dave", ""),
        ("quit", "odd", ""),
    ]
    with stage.store.transaction():
        found = stage.store.entries.all(kind="quit") + stage.store.entries.all(kind="renamed")
        assert {stage.store.people.get(entry.person_id).nick for entry in found if entry.person_id} == {"odd"}
        assert len(found) == 2


def test_without_a_log_they_are_only_counted(stage: Stage) -> None:
    """How many came and went, and nobody's name."""
    come_and_go(stage)
    assert line(stage, *COMINGS) == [("there", "", "7"), ("joined", "", ""), ("left", "", ""), ("quit", "", "")]


def test_nothing_is_kept_outside_of_a_class(stages: Callable[..., Stage]) -> None:
    """Comings, goings and talk of a channel without a class are nobody's business."""
    stage = stages(log="yes")
    stage.talk("alice", "hello")
    stage.leave("stranger")
    stage.happens(ChannelMembers(CHANNEL, tuple(stage.net.members(CHANNEL)), stage.now))
    assert line(stage) == []


def test_a_roll_call_counts_anew(stage: Stage) -> None:
    """After a netsplit or a restart the number is what is really there."""
    stage.talk("russell", "!start")
    stage.net.channels[CHANNEL] -= {"bob", "carol"}
    stage.restart()
    assert line(stage, "there") == [("there", "", "7"), ("there", "", "5")]


def test_who_asks_is_left_out(stages: Callable[..., Stage]) -> None:
    """!nolog on: neither words nor comings of that person, also under another nick and after a restart, until off."""
    stage = stages(log="yes")
    assert stage.whisper("alice", "nolog") == [
        "what is said in a class is logged, and minutes name you; !nolog on stops that"
    ]
    said = stage.hear("alice", "!nolog on")
    assert said == [("alice", "what you say isn't logged and minutes don't name you; !nolog off undoes that")]
    stage.talk("russell", "!start")
    stage.talk("alice", "my secret")
    stage.restart()
    stage.rename("alice", "ally")
    stage.talk("ally", "another")
    stage.talk("bob", "hello ally")
    assert "alice" not in line(stage, "there")[0][2]
    assert line(stage, "said", "renamed") == [("said", "bob", "hello ally")]
    stage.talk("ally", "!nolog off")
    stage.talk("ally", "keep this")
    stage.leave("ally")
    assert line(stage, "said", "quit") == [
        ("said", "bob", "hello ally"),
        ("said", "ally", "keep this"),
        ("quit", "ally", ""),
    ]


@pytest.mark.parametrize(
    ("said", "told"),
    [
        ("!nolog perhaps", 'alice: "perhaps" is neither on nor off. Usage: !nolog on|off'),
        ("!nolog off", "I don't log what is said, and minutes name you; !nolog on stops that"),
    ],
)
def test_nolog_says_its_form(stage: Stage, said: str, told: str) -> None:
    """What is neither on nor off changes nothing; without a log it says so."""
    assert stage.talk("alice", said) == [told]


def test_a_link_is_one(stage: Stage) -> None:
    """!link takes addresses alone: it becomes a link in the minutes."""
    stage.talk("russell", "!start")
    assert stage.talk("hannah", "!link javascript:alert(1)") == [
        "hannah: a link starts with https:// (or http://); !info takes any text"
    ]
    assert stage.talk("hannah", "!link https://example.org the slides") == []
    assert line(stage, "link") == [("link", "hannah", "https://example.org the slides")]


def test_other_channels_are_not_ours(stages: Callable[..., Stage]) -> None:
    """What happens elsewhere, or to us, is on no time line; a quit is on each where somebody was."""
    stage = stages(channels=("#class", "#other"), log="yes")
    for who in ("russell", "bob"):
        stage.enter(who, "#other")
    stage.talk("russell", "!start")
    stage.talk("russell", "!start", channel="#other")
    bob, us = stage.net.people["bob"], stage.net.people["alice"].__class__("trainbot", "t", "h")
    stage.happens(
        Arrived(bob, "#elsewhere", stage.now), Arrived(us, CHANNEL, stage.now), Left(us, "#CLASS", False, stage.now)
    )
    stage.happens(Renamed(us, us, stage.now))
    stage.leave("bob")
    with stage.store.transaction():
        assert [(entry.channel, entry.nick) for entry in stage.store.entries.all(kind="quit")] == [
            ("#class", "bob"),
            ("#other", "bob"),
        ]
        assert stage.store.entries.count(kind="joined") == stage.store.entries.count(kind="left") == 0
