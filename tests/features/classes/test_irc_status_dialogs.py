"""!status: how the bot stands on IRC, for organisers who are there."""

from __future__ import annotations

from datetime import timedelta

import pytest

from tests.stage import CHANNEL, START, Stage
from trainbot.adapters.irc.connection_status import ChannelMembership, ConnectionStatus
from trainbot.bot.clock_steps import ClockSteps
from trainbot.bot.irc_status import IrcStatus
from trainbot.core.access import Person, Role
from trainbot.core.commands import Request
from trainbot.core.messages import Sender

OLGA = Request(
    Sender("olga"), Person(1, "olga", None, "olga", "", True, START), Role.ORGANISER, None, True, START, START
)


class NoTopics:
    """Stands in for topics that the bot may set."""

    def fix(self, channel: str, nick: str, account: str | None) -> str:
        return ""


class Seen:
    """A network of which only this is known."""

    def __init__(self, connection_status: ConnectionStatus, people: int) -> None:
        self._standing, self._people = connection_status, people

    def connection_status(self) -> ConnectionStatus:
        return self._standing

    def members(self, channel: str) -> list[Sender]:
        return [Sender(f"p{n}") for n in range(self._people)]


def test_an_organiser_asks_how_the_bot_stands(stage: Stage) -> None:
    """One line, to them alone: server, nick, account, each channel, and why it was lost the last time."""
    stage.net.status, stage.net.lost = "v", "Ping timeout"
    stage.net.lost_at = (stage.now - timedelta(minutes=3)).timestamp()
    (line,) = stage.talk("olga", "!status")
    assert line == (
        f"Testnet (irc.example.org): I am trainbot, not logged in; {CHANNEL}: "
        f"{len(stage.net.members(CHANNEL))} people, I have a voice; lost at 07:57 UTC: Ping timeout"
    )


def test_nobody_else_is_told(stage: Stage) -> None:
    """Presenters have a class to hold; it is not theirs to mend."""
    (line,) = stage.talk("russell", "!status")
    assert "organiser" in line


@pytest.mark.parametrize(
    ("place", "words"),
    [
        (ChannelMembership(), "not in yet"),
        (ChannelMembership(refused="it is invite-only (+i)"), "not in (it is invite-only (+i))"),
        (ChannelMembership(True, "o", "nt"), "3 people, I am an operator"),
        (
            ChannelMembership(True, "", "mint"),
            "3 people, I have no voice, only voiced people can speak (+m), invite-only (+i)",
        ),
        (ChannelMembership(True, "", None), "3 people, I have no voice"),
    ],
)
def test_each_way_of_standing_in_a_channel(place: ChannelMembership, words: str) -> None:
    """What keeps the bot or learners from being heard is there."""
    seen = Seen(ConnectionStatus(True, "", "tb", channels={"#c": place}, host="h"), 3)
    (reply,) = IrcStatus(seen, ClockSteps(None), NoTopics()).status(OLGA)
    assert reply.text == f"h: I am tb, not logged in; #c: {words}" and reply.private


def test_a_connection_that_is_gone() -> None:
    """The shell asks then: why, and since when; what ended more than a day ago is no news."""
    for hours, lost in ((1, "; lost at 07:00 UTC: killed"), (25, "")):
        there = ConnectionStatus(
            False, "killed", "tb", host="h", lost="killed", lost_at=(START - timedelta(hours=hours)).timestamp()
        )
        (reply,) = IrcStatus(Seen(there, 0), ClockSteps(None), NoTopics()).status(OLGA)
        assert reply.text == f"not connected to h: killed{lost}"
