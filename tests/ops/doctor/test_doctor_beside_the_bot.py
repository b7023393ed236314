"""Doctor beside the running bot, as its operator calls it."""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.whole.running import CHANNEL, NICK, Participant, RunningBot


@pytest.fixture
async def bot(ngircd) -> AsyncIterator[RunningBot]:
    made = RunningBot(Path(tempfile.mkdtemp(prefix="tb-")), ngircd.port)  # short: a socket's path holds 100 bytes
    yield made
    await made.close()
    shutil.rmtree(made.folder)


@pytest.fixture
async def alice(ngircd) -> AsyncIterator[Participant]:
    person = await Participant.connect(ngircd.port, "alice")
    await person.join(CHANNEL)
    yield person
    await person.close()


async def found(bot: RunningBot, *words: str) -> dict[str, dict[str, str]]:
    """What -> the finding."""
    ran = await bot.shell("doctor", *words, "--json")
    assert ran.code in (0, 1) and ran.err == "", ran
    return {each["what"]: each for each in json.loads(ran.out)}


def one(findings: dict[str, dict[str, str]], words: str) -> dict[str, str]:
    fit = [each for what, each in findings.items() if words in what]
    assert len(fit) == 1, (words, list(findings))
    return fit[0]


async def test_the_bot_is_asked_and_not_disturbed(bot, alice):
    """How it stands is what it says itself: not voiced, then voiced; nobody else comes to the channel for that."""
    await bot.arrive(alice)
    await bot.logs("is ready")
    first = await found(bot)
    assert one(first, "the bot is running (process ")["level"] == "ok"
    assert one(first, f"is neither voiced nor opped in {CHANNEL}")["level"] == "note"
    assert one(first, "the bot uses it, 1 labs")["subject"] == "host xen1"
    assert one(first, "the database is intact")["level"] == "ok"
    alice.send(f"MODE {CHANNEL} +v {NICK}")
    await alice.synced()
    await alice.whisper("help lab", "machine")
    assert one(await found(bot, "irc"), f"in {CHANNEL}, voiced")["level"] == "ok"
    assert [line for line in alice.lines if " JOIN " in line and "trainbot" not in line.split("!")[0]] == [
        line for line in alice.lines if line.startswith(":alice!") and " JOIN " in line
    ]
    assert not [line for line in alice.lines if "trainbot_" in line]


async def test_a_host_that_the_bot_has_lost(bot, alice):
    """What the bot last heard of a host is told with what mends it."""
    bot.change(host_xen1={"uri": "test+tcp://127.0.0.1:1/default"})
    await bot.arrive(alice)
    await bot.logs("xen1: lost|host xen1 does not answer")
    findings = await found(bot, "host", "xen1")
    assert "libvirt does not answer" in one(findings, "libvirt does not answer")["what"]
    assert [each["level"] for each in findings.values()].count("wrong") == 1
