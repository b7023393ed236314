"""The door on ircd-hybrid, as on OFTC and EFnet: accounts that are seen without account-tag, kills for floods, bans,
throttled connects."""

from __future__ import annotations

import asyncio
from dataclasses import replace

import pytest

from tests.adapters.irc.conftest import QUICK
from tests.peers.ircd_hybrid import BANNED, IrcdHybrid, Services
from trainbot.core.messages import (
    Arrived,
    Connected,
    Disconnected,
    Incoming,
    Line,
    LineSent,
    RecipientUnreachable,
    Renamed,
)


def running(**how):
    hybrid = IrcdHybrid(**how)
    try:
        hybrid.start()
        yield hybrid
    finally:
        hybrid.stop()


@pytest.fixture(scope="module")
def hybrid():
    yield from running()


@pytest.fixture
async def services(hybrid):
    linked = await Services.connect(hybrid.port)
    yield linked
    linked.close()


async def test_joins_hears_and_answers(hybrid, make_bot, people):
    """Registered, labelled as a bot, in the channel: what is said is heard and answered."""
    bot = make_bot(hybrid.port)
    await bot.in_channel()
    alice = await people(hybrid.port, "alice")
    await alice.join("#class")
    alice.say("#class", "!lab debian")
    heard = await bot.until(Incoming)
    assert (heard.channel, heard.text, heard.sender.account) == ("#class", "!lab debian", None)
    bot.door.send(Line("alice", "your lab is ready", ticket=1))
    await alice.expect("^:trainbot!.* PRIVMSG alice :your lab is ready$")
    await bot.until(LineSent, ticket=1)
    alice.send("WHOIS trainbot")
    await alice.expect(r" 335 \S+ trainbot ")
    assert bot.door.connection_status().server.startswith("ircd-hybrid")


async def test_accounts_without_account_tag(hybrid, services, make_bot, people):
    """Without account-tag an account is known from WHOX, extended-join and account-notify, follows a change of nick, and
    ends with the login; whoever takes the nick then has none."""
    early = await people(hybrid.port, "early")
    await early.join("#accounts")
    await services.login("early", "presenter")
    late = await people(hybrid.port, "late", caps="account-notify")
    await services.login("late", "alice")
    await late.expect("ACCOUNT alice")
    bot = make_bot(hybrid.port, nick="seer", channels=("#accounts",))
    present = (await bot.in_channel("#accounts")).present
    assert [(person.nick, person.account) for person in present] == [("early", "presenter")]
    await late.join("#accounts")
    assert (await bot.until(Arrived)).sender.account == "alice"
    late.send("NICK later")
    assert (await bot.until(Renamed)).after.account == "alice"
    early.say("seer", "privately")
    assert (await bot.until(Incoming, channel=None)).sender.account == "presenter"
    await services.login("late", "*")
    assert (await bot.until(Renamed)).after.account is None
    early.send("QUIT :out")
    await early.ended()
    impostor = await people(hybrid.port, "impostor")
    await impostor.join("#accounts")
    impostor.send("NICK early")
    impostor.say("#accounts", "!next")
    said = await bot.until(Incoming, channel="#accounts")
    assert (said.sender.nick, said.sender.account) == ("early", None)


async def test_who_takes_no_messages(hybrid, make_bot, people):
    """Whoever is +g or +R is told of, with what lets us: once that is done they hear us."""
    bot = make_bot(hybrid.port, nick="caller")
    await bot.in_channel()
    for mode, mend in (("+g", "/accept caller"), ("+R", "/mode shyR -R")):
        shy = await people(hybrid.port, f"shy{mode[-1]}")
        shy.send(f"MODE {shy.nick} {mode}")
        await shy.synced()
        bot.door.send(Line(shy.nick, "your lab is ready"))
        assert mend in (await bot.until(RecipientUnreachable, nick=shy.nick)).mend
        shy.send(mend[1:])
        await shy.synced()
        bot.door.send(Line(shy.nick, "your lab is ready"))
        await shy.expect(f"^:caller!.* PRIVMSG {shy.nick} :your lab is ready$")


FLOOD = 8
LONG = "x" * 200  # more than 2,560 octets that wait are the end


async def test_a_flood_is_a_kill_and_our_pace_is_none(hybrid, make_bot, people):
    """The server ends who says forty lines at once; the same lines at a pace are all said."""
    watcher = await people(hybrid.port, "watcher")
    await watcher.join("#flood")
    clumsy = await people(hybrid.port, "clumsy", source="127.0.0.1")
    await clumsy.join("#flood")
    for number in range(40):
        clumsy.say("#flood", f"{number} {LONG}")
    await watcher.expect("^:clumsy!.* QUIT :Excess Flood")
    bot = make_bot(hybrid.port, nick="talker", channels=("#flood",), flood_burst=4, flood_interval=0.5)
    await bot.in_channel("#flood")
    for number in range(FLOOD):
        bot.door.send(Line("#flood", f"{number} {LONG}", ticket=number))
    await watcher.expect(f":{FLOOD - 1} x")
    said = [line.split(" :")[1].split()[0] for line in watcher.lines if "talker!" in line and "PRIVMSG #flood" in line]
    assert said == [str(number) for number in range(FLOOD)]
    assert not any(isinstance(event, Disconnected) for event in bot.events)


async def test_thrown_out_for_speaking_too_fast(hybrid, make_bot, people, caplog):
    """A pace in bot.ini that is too fast for the server is halved each time that it throws us out, until all is said."""
    listener = await people(hybrid.port, "listener")
    await listener.join("#fast")
    bot = make_bot(hybrid.port, nick="hasty", channels=("#fast",), flood_burst=1000, flood_interval=0.0)
    await bot.in_channel("#fast")
    for number in range(40):
        bot.door.send(Line("#fast", f"{number} {LONG}"))
    assert "Excess Flood" in (await bot.until(Disconnected)).reason
    await bot.in_channel("#fast")
    assert any("from now on 500 lines, then one in 1 s" in line for line in caplog.messages)
    bot.door.send(Line("#fast", "here I am again"))
    await listener.expect(":here I am again$")


async def test_a_banned_address(hybrid, make_bot, monkeypatch, caplog):
    """Banned from the server (k-line), the bot says so in the server's words, and does not knock every minute."""
    connect = asyncio.BaseEventLoop.create_connection

    async def from_there(loop, *arguments, **named):
        return await connect(loop, *arguments, **named, local_addr=(BANNED, 0))

    monkeypatch.setattr(asyncio.BaseEventLoop, "create_connection", from_there)
    bot = make_bot(hybrid.port)
    await bot.in_trouble("(?i)banned from server")
    assert any("next try in 300.0 s" in line for line in caplog.messages)
    assert not any(isinstance(event, Connected) for event in bot.events)


async def test_a_throttled_connect(make_bot):
    """A network that lets an address in only so often is asked again, later and later, until it does."""
    throttled = running(throttle=1)
    try:
        hybrid = next(throttled)
        bot = make_bot(hybrid.port, patience=replace(QUICK, shortest=0.3, longest=5.0))
        await bot.in_trouble("throttled")  # the look whether it listens was the first connection
        await bot.in_channel()
        assert bot.door.trouble == ""
    finally:
        throttled.close()
