"""The door behind ZNC, which hides account-tag."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tests.adapters.irc.conftest import QUICK
from tests.peers.znc import LOGIN, Znc
from trainbot.core.messages import Arrived, Incoming, Line, Renamed
from trainbot.model.config import Secret


@pytest.fixture
def znc(network):
    bouncer = Znc(network.port, "bounced")
    try:
        bouncer.start()
        yield bouncer
    finally:
        bouncer.stop()


async def test_accounts_behind_a_bouncer(znc, network, make_bot, people):
    """With ZNC in between accounts come from WHOX, extended-join and account-notify; what is said to us and by us
    goes through, and its replay of old lines is not obeyed."""
    early = await people(network.port, "zearly")
    await early.identify("presenter", "presenter-pass")
    await early.join("#bounced")
    through = {"nick": "bounced", "channels": ("#bounced",), "server_password": Secret(LOGIN), "allow_plaintext": True}
    # a bouncer that is not on its network yet hears a JOIN without a word
    bot = make_bot(znc.port, patience=replace(QUICK, roll_call=0.5), **through)
    present = (await bot.in_channel("#bounced")).present
    assert [(one.nick, one.account) for one in present] == [("zearly", "presenter")]
    late = await people(network.port, "zlate")
    await late.join("#bounced")
    assert (await bot.until(Arrived)).sender.account is None
    await late.identify("alice", "alice-pass")
    assert (await bot.until(Renamed)).after.account == "alice"
    late.say("#bounced", "!lab debian")
    assert (await bot.until(Incoming)).sender.account == "alice"
    bot.door.send(Line("#bounced", "here you are"))
    await late.expect("PRIVMSG #bounced :here you are")
    await bot.door.close()
    late.say("#bounced", "!lab while you were away")
    late.say("bounced", "\x01VERSION\x01")
    await late.expect("NOTICE zlate :\x01VERSION ZNC")  # so the bouncer itself has had what was said before
    again = make_bot(znc.port, **through)
    await again.in_channel("#bounced")
    late.say("#bounced", "fresh")
    await again.until(Incoming, text="fresh")
    assert again.heard() == [("zlate", "#bounced", "fresh")]


async def test_a_wrong_password_at_the_bouncer(znc, make_bot):
    """ZNC's refusal is the reason that is told."""
    bot = make_bot(znc.port, server_password=Secret("bot/class:wrong"), allow_plaintext=True)
    await bot.in_trouble("refuses us: Invalid Password|closed the connection: .*[Pp]assword")
