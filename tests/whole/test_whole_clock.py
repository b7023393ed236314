"""Somebody sets the machine's clock while the bot runs: its wall clock moves, the others go on."""

from __future__ import annotations

import pytest

from tests.peers.moved_clock import MovedClock
from tests.whole.running import CHANNEL, plan


@pytest.mark.parametrize("seconds", [-86_400, -3_600, -1, 1, 3_600, 86_400])
async def test_the_bot_goes_on(ngircd, make_bot, people, russell, alice, seconds: int) -> None:
    """Ticks go on at once, the lab is Alice's for as long as before, a step is logged and shown."""
    bot = make_bot(ngircd.port)
    clock = MovedClock(bot.folder)
    bot.environment = clock.environment
    await bot.arrive(russell)
    await alice.ask("!lab debian", "your debian lab")
    await bot.logs("lab tb-debian-")
    left = (await alice.whisper("lab list", r"(\d+ h(?: \d+ min)?) left"))[1]
    clock.set(seconds)
    word = "forward" if seconds > 0 else "back"
    await bot.logs(f"this machine's clock was set {word} by ")
    plan(bot, 10 + seconds // 60)  # the folder is read by ticks
    await russell.hear("SE Linux", CHANNEL)
    assert (await alice.whisper("lab list", r"(\d+ h(?: \d+ min)?) left"))[1] in (left, minute_less(left))
    await russell.whisper("status", f"this machine's clock was set {word} by ")
    clock.set(0)
    await bot.logs("this machine's clock was set (forward|back) by ")
    assert (await alice.whisper("lab list", r"(\d+ h(?: \d+ min)?) left"))[1] in (left, minute_less(left))
    assert not [line for line in bot.lines if "Traceback" in line]


async def test_a_clock_that_is_set_while_the_bot_is_dead(ngircd, make_bot, people, russell, alice) -> None:
    """The lab is Alice's for as long as before when the bot is back on the same boot of the machine."""
    bot = make_bot(ngircd.port)
    clock = MovedClock(bot.folder)
    bot.environment = clock.environment
    await bot.arrive(russell)
    await alice.ask("!lab debian", "your debian lab")
    left = (await alice.whisper("lab list", r"(\d+ h(?: \d+ min)?) left"))[1]
    await bot.kill()
    clock.set(7_200)
    await bot.arrive(russell)
    await bot.logs("this machine's clock was set forward by 2 h")
    assert (await alice.whisper("lab list", r"(\d+ h(?: \d+ min)?) left"))[1] in (left, minute_less(left))


def minute_less(left: str) -> str:
    """``4 h`` a minute later."""
    words = left.split()
    minutes = int(words[0]) * 60 + (int(words[2]) if len(words) > 2 else 0) - 1
    return f"{minutes // 60} h {minutes % 60} min" if minutes % 60 else f"{minutes // 60} h"
