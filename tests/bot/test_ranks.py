"""Whose answers go first: staff, then the class, then accounts, then strangers."""

from __future__ import annotations

from tests.stage import CHANNEL, Stage
from trainbot.core.messages import Incoming, Line, Rank


def rank(stage: Stage, nick: str, text: str) -> set[Rank]:
    stage.hear(nick, text, None)
    return {line.rank for line in stage.said if isinstance(line, Line) and line.target == nick}


def test_ranks(stage: Stage) -> None:
    """By role; by a lab, a seat or part in a running class, from the very answer that gives it; by an account."""
    assert rank(stage, "hannah", "help") == rank(stage, "russell", "hosts") == {Rank.STAFF}
    assert rank(stage, "bob", "help") == {Rank.ACCOUNT}
    assert rank(stage, "stranger", "help") == {Rank.STRANGER}
    assert rank(stage, "bob", "lab debian") == {Rank.CLASS} == rank(stage, "bob", "help")
    stage.talk("russell", "!start selinux")
    stage.talk("russell", "!next")
    stage.talk("alice", "!done")
    assert rank(stage, "alice", "help") == {Rank.CLASS} == rank(stage, "carol", "stuck")
    stage.whisper("bob", "lab return")
    stage.whisper("bob", "yes")
    stage.talk("russell", "!end")
    stage.talk("russell", "!yes")
    assert rank(stage, "alice", "help") == {Rank.ACCOUNT}


def test_many_in_one_turn(stage: Stage) -> None:
    """Whoever gets a lab in the same turn counts at once, and nobody else does."""
    people = stage.net.people
    said = [
        Incoming(people[nick], CHANNEL, text, stage.now)
        for nick, text in (("bob", "!lab debian"), ("stranger", "!help"))
    ]
    stage.happens(*said)
    ranks = {
        line.owner: line.rank for line in stage.said if isinstance(line, Line) and line.owner in ("bob", "stranger")
    }
    assert ranks == {"bob": Rank.CLASS, "stranger": Rank.STRANGER}
