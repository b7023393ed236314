"""Reminders to those who have a seat: privately, in their own time, none lost and none twice, whatever happens."""

from __future__ import annotations

import re
import tempfile
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.stage import CHANNEL, START, Stage
from trainbot.core.messages import ChannelMembers, Disconnected

COURSE = """
[[session]]
id = "a"
title = "SE Linux"
zone = "Australia/Melbourne"
start = {start}
"""
BEGINS = datetime(2026, 12, 5, 8, tzinfo=UTC)


@pytest.fixture
def seated(stage: Stage) -> Stage:
    """Alice, in Berlin, and Bob, who never said where he is, have seats."""
    plan(stage)
    stage.talk("alice", "!tz berlin")
    stage.talk("alice", "!signup 1")
    stage.talk("bob", "!signup 1")
    return stage


def plan(stage: Stage, start: str = "2026-12-05T19:00:00") -> None:
    stage.schedule("course.toml", COURSE.format(start=start))
    stage.wait(seconds=2)
    stage.wait(seconds=2)


def at(stage: Stage, **before: float) -> list[tuple[str, str]]:
    stage.now = BEGINS - timedelta(**before)
    return stage.wait(seconds=0)


def to(nick: str, said: list[tuple[str, str]]) -> list[str]:
    return [text for target, text in said if target == nick]


def test_each_in_their_own_time(seated: Stage) -> None:
    """With their weekday and offset; in UTC and the configured zones for who never said theirs, and how to say it."""
    said = at(seated, days=1)
    assert to("alice", said) == ["you have a seat: SE Linux starts in 1 d: Sat 5 Dec 09:00 +0100 Berlin"]
    assert to("bob", said) == [
        "you have a seat: SE Linux starts in 1 d: Sat 5 Dec 08:00 UTC | Sat 5 Dec 19:00 +1100 Melbourne | Sat 5 Dec 09:00 "
        "+0100 Berlin | Sat 5 Dec 03:00 -0500 New York; !tz CITY sets your time zone"
    ]
    assert to("carol", said) == []


def test_who_is_away_hears_the_last_one(seated: Stage) -> None:
    """On coming, in the words that are true then; the ones before it are spent."""
    seated.leave("alice")
    for days in (7, 1):
        assert to("alice", at(seated, days=days)) == []
    at(seated, hours=1)
    seated.now = BEGINS - timedelta(minutes=23)
    seated.join("alice", account="alice")
    assert to("alice", seated.wait(seconds=0)) == [
        "you have a seat: SE Linux starts in 23 min: Sat 5 Dec 09:00 +0100 Berlin"
    ]
    assert to("alice", seated.restart() + seated.wait(seconds=2)) == []


def test_who_comes_too_late_hears_nothing(seated: Stage) -> None:
    """Some minutes after the start the class speaks for itself."""
    seated.leave("alice")
    at(seated, minutes=10)
    seated.now = BEGINS + timedelta(minutes=6)
    seated.join("alice", account="alice")
    assert to("alice", seated.wait(seconds=0)) == []


def test_a_netsplit_at_that_minute(seated: Stage) -> None:
    """The line is said when we are back, once."""
    people = seated.net.channels[CHANNEL]
    seated.happens(Disconnected("netsplit", seated.now))
    seated.net.channels[CHANNEL] = set()
    assert at(seated, hours=1) == []
    seated.net.channels[CHANNEL] = people
    seated.now += timedelta(minutes=4)
    said = seated.happens(ChannelMembers(CHANNEL, tuple(seated.net.members(CHANNEL)), seated.now))
    assert to("alice", said) == ["you have a seat: SE Linux starts in 56 min: Sat 5 Dec 09:00 +0100 Berlin"]
    assert len(to(CHANNEL, said)) == 1
    assert seated.wait(seconds=30) == []


def test_not_of_what_they_gave_up_or_what_moved(seated: Stage) -> None:
    """A reminder that waits for somebody is dropped with the seat, and with the time that it is about."""
    seated.leave("alice")
    at(seated, days=1)
    plan(seated, "2026-12-09T19:00:00")
    seated.talk("bob", "!signup drop 1")
    seated.join("alice", account="alice")
    assert all("moved" in text for text in to("alice", seated.wait(seconds=2)))
    seated.now = BEGINS + timedelta(days=3)
    said = seated.wait(seconds=0)
    assert to("alice", said) == ["you have a seat: SE Linux starts in 1 d: Wed 9 Dec 09:00 +0100 Berlin"]
    assert to("bob", said) == []


HAPPENINGS = st.tuples(
    st.integers(0, 8 * 24 * 60 - 15), st.sampled_from(["look", "kill", "leave", "come", "split", "back"])
)


@given(st.lists(HAPPENINGS, max_size=8).map(sorted))
@settings(max_examples=4, deadline=None)
def test_whatever_happens(happenings: list[tuple[int, str]]) -> None:
    """Kills, netsplits, people who come and go, looks at any minute: nobody hears a thing twice, and whoever is there in
    the last minutes has heard that it begins."""
    with tempfile.TemporaryDirectory() as folder:
        stage = Stage(Path(folder))
        plan(stage)
        stage.talk("alice", "!tz berlin")
        stage.talk("alice", "!signup 1")
        end = 8 * 24 * 60 - 3
        said = [
            line
            for minute, what in [*happenings, (end, "back"), (end, "come"), (end + 1, "kill")]
            for line in happens(stage, minute, what)
        ]
        stage.store.close()
    mine = to("alice", said)
    assert len(mine) == len(set(mine)) <= 4
    assert re.search(r"starts in (\d|10) min: ", mine[-1])


def happens(stage: Stage, minute: int, what: str) -> list[tuple[str, str]]:
    """It happens so many minutes after the beginning, and the bot looks; what is said."""
    stage.now, said = max(stage.now, START + timedelta(minutes=minute)), []
    there = "alice" in stage.net.people
    if what == "kill":
        said = stage.restart()
    elif what == "leave" and there:
        stage.leave("alice")
    elif what == "come" and not there:
        stage.join("alice", account="alice")
    elif what == "split":
        said = stage.happens(Disconnected("gone", stage.now))
    elif what == "back":
        said = stage.happens(ChannelMembers(CHANNEL, tuple(stage.net.members(CHANNEL)), stage.now))
    return said + stage.wait(seconds=0)
