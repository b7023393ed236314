"""Forty clones in the channel, on a real server and at a pace like a network's: a class goes on as if they were not there.

Delays are counted in lines that the bot says to the clones meanwhile: each is one interval of its pace.
"""

from __future__ import annotations

import asyncio

import pytest

from tests.whole.fixtures import Arrive, BotMaker
from tests.whole.running import CHANNEL, NICK, PRESENTER, Participant
from trainbot.ops.demo.ngircd import Ngircd

pytestmark = pytest.mark.attacks
CLONES, BURST, INTERVAL = 40, 4, 0.5


def lines_of_bot(people: list[Participant]) -> int:
    """Lines that the bot has said to these people, privately."""
    return sum(
        line.startswith(f":{NICK}!") and f" PRIVMSG {person.nick} :" in line
        for person in people
        for line in person.lines
    )


@pytest.fixture
async def crowd(ngircd: Ngircd, make_bot: BotMaker, people: Arrive) -> list[Participant]:
    bot = make_bot(ngircd.port, irc={"flood_burst": BURST, "flood_interval": INTERVAL})
    russell = await people(ngircd.port, "russell", source=PRESENTER)
    alice = await people(ngircd.port, "alice")
    await bot.start()
    await russell.bot_joins()
    clones = [await people(ngircd.port, f"clone{number}", source="127.0.0.66") for number in range(CLONES)]
    return [russell, alice, *clones]


async def test_a_crowd_delays_neither_learner_nor_presenter(crowd: list[Participant]) -> None:
    """While each clone has asked three times, a learner's lab, the presenter's next step and a question come before
    a third line to a clone; the clones are answered, too."""
    russell, alice, *clones = crowd
    await russell.ask("!start selinux", "begins", CHANNEL)
    for _ in range(3):
        for clone in clones:
            clone.say(CHANNEL, "!help")
    await asyncio.gather(*(clone.synced() for clone in clones))
    await clones[0].hear("help topics", "")  # the bot is answering them
    for person, said, answer, to in (
        (alice, "!lab debian", "your debian lab: password", ""),
        (russell, "!next", "Step 1 of 3", CHANNEL),
        (alice, "!ask does this work?", "question 1", CHANNEL),
        (russell, "!progress", "russell: step 1 of 3", CHANNEL),
    ):
        before = lines_of_bot(clones)
        await person.ask(said, answer, to)
        assert lines_of_bot(clones) - before <= 2, said
    await clones[-1].hear("help topics", "", within=300)


async def test_who_is_ignored_is_heard_by_nobody(crowd: list[Participant]) -> None:
    """One command ends all of it: the clones share a host and have no accounts."""
    russell, _, *clones = crowd
    await russell.whisper("ignore clone0", r"I now ignore clone0 and everybody else without an account from (\S+);")
    before = lines_of_bot(clones)
    for clone in clones:
        clone.say(CHANNEL, "!help")
        clone.say(NICK, "lab debian")
    await asyncio.gather(*(clone.synced() for clone in clones))
    await russell.ask("!sessions", "no sessions|1: ", CHANNEL)
    assert lines_of_bot(clones) == before
    await russell.whisper("ignored", "ignored: clone0 ")
