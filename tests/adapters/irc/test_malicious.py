"""A server that means harm, over a real socket: the bot goes on or comes again with a clear reason, and its memory is bounded."""

from __future__ import annotations

import asyncio
import base64
import tracemalloc
from dataclasses import replace

import pytest
from scramp import ScramMechanism

from tests.adapters.irc.conftest import QUICK, config
from trainbot.adapters.irc import roster as identity
from trainbot.adapters.irc import transport as link
from trainbot.adapters.irc.features import Features
from trainbot.adapters.irc.keepalive import NOT_READING, Keepalive, Timeouts
from trainbot.adapters.irc.outbox import Outbox
from trainbot.adapters.irc.protocol import IrcProtocol
from trainbot.core.messages import Arrived, Connected, Disconnected, Incoming, Line
from trainbot.model.config import Secret

LOGIN = {"sasl": ("scram-sha-256", "plain"), "account": "bot", "password": Secret("geheim"), "allow_plaintext": True}


async def still_there(server, bot):
    """The next sane line arrives, over the same connection."""
    server.say(":al!u@h PRIVMSG #class :still there?")
    await bot.until(Incoming, text="still there?")
    assert not any(isinstance(event, Disconnected) for event in bot.events)


async def test_scram_with_a_wrong_signature(scripted, make_bot):
    """A server that does not know the password is left with AUTHENTICATE * and QUIT, and PLAIN is not said to it."""
    bot = make_bot(scripted.port, **LOGIN)
    server = await scripted.accept()
    mechanism = ScramMechanism()
    info = mechanism.make_auth_info("geheim")
    scram = mechanism.make_server(lambda name: info)
    await server.hear("^USER")
    server.say("CAP * LS :sasl=SCRAM-SHA-256,PLAIN", "CAP * ACK :sasl")
    await server.hear("^AUTHENTICATE SCRAM-SHA-256")
    server.say("AUTHENTICATE +")
    scram.set_client_first(base64.b64decode((await server.hear("^AUTHENTICATE (.+)"))[1]).decode())
    server.say("AUTHENTICATE " + base64.b64encode(scram.get_server_first().encode()).decode())
    await server.hear("^AUTHENTICATE ")
    wrong = "v=" + base64.b64encode(b"\0" * 32).decode()
    server.say("AUTHENTICATE " + base64.b64encode(wrong.encode()).decode(), ":s 903 bot :ok", ":s 001 bot :welcome")
    await server.gone()
    assert server.lines[-2:] == ["AUTHENTICATE *", "QUIT :cannot register"]
    assert not any("PLAIN" in line for line in server.lines)
    assert "signature" in bot.door.trouble or "password" in bot.door.trouble
    assert not any(isinstance(event, Connected) for event in bot.events)


async def test_an_endless_list_of_capabilities(scripted, make_bot):
    """CAP LS that never ends is not kept, and ends at the time for registering."""
    bot = make_bot(scripted.port, patience=replace(QUICK, register=0.5))
    server = await scripted.accept()
    await server.hear("^USER")
    for number in range(2000):
        server.say(f":s CAP * LS * :x/{number} y/{number}=z")
    await server.gone()
    await bot.in_trouble("did not welcome us in time")
    await (await scripted.accept()).hear("^CAP LS 302")


async def test_no_nick_is_free(scripted, make_bot):
    """433 to every nick: the bot goes, says why, and comes again."""
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.hear("^USER")
    server.say(":s CAP * LS :")
    for _ in range(50):
        server.say(":s 433 * x :Nickname is already in use\x1b[31m")
    await server.gone()
    assert sum(line.startswith("NICK ") for line in server.lines) < 50
    await bot.in_trouble("takes none of our nicks")
    assert bot.door.trouble.isprintable()
    await (await scripted.accept()).hear("^CAP LS 302")


STORMS = {
    "pings": ["PING :x"] * 2000,
    "pings of any length": [b"PING :" + b"y" * 8000] * 20,
    "nick collisions": [":s 433 trainbot trainbot :in use", ":s 436 trainbot trainbot :collision"] * 500,
    "our nick is changed": [":trainbot!b@h NICK other", ":other!b@h NICK trainbot"] * 200,
    "modes": [":op!u@h MODE #class +v-v+o-o+k-k+b al al al al x x *!*@*", ":op!u@h MODE #class " + "+v" * 200] * 500,
    "names without end": [f":s 353 trainbot = #class :{' '.join(f'@n{n}' for n in range(60))}"] * 1000,
    "numerics without parameters": [f":s {number:03}" for number in range(1000) if number not in (433, 464, 465)],
    "batches never closed": [f":s BATCH +{number} chathistory #class" for number in range(2000)],
    "nested batches": [
        "@batch=0 :s BATCH +1 znc.in/playback",
        "@batch=1 :s BATCH +0 chathistory",
        ":s BATCH +",
        ":s BATCH",
    ],
    "tags of 8 KiB": [b"@x=" + b"y" * 8180 + b" :al!u@h NOTICE #class :x"] * 100,
    "tags beyond 8 KiB": [b"@x=" + b"y" * 60000 + b" :al!u@h PRIVMSG #class :x"] * 10,
    "many tags": [b"@" + b"a;" * 4000 + b" :al!u@h NOTICE #class :x"] * 20,
    "not UTF-8": [bytes(range(14, 256)), b":al!u@h NOTICE #class :\xff\xfe\xfd", b"\xc3\x28 \xa0\xa1"] * 50,
    "truncated lines": [":al!u@h PRIVMSG #class :x"[:length] for length in range(1, 24)],
    "oversized lines": [b":al!u@h NOTICE trainbot :" + b"z" * 100_000] * 5,
    "nonsense in 005": [
        ":s 005 trainbot NICKLEN=0 LINELEN=10 TARGMAX=garbage CHANTYPES= PREFIX=( CHANMODES=, MONITOR=x "
        "STATUSMSG=# MODES=-5 NICKLEN= LINELEN= WHOX=²  LINELEN=99999999999999999999 :are supported"
    ]
    * 5,
    "005 without end": [
        f":s 005 trainbot {' '.join(f'X{line}Y{n}={n}' for n in range(13))} :are supported" for line in range(500)
    ],
    "people of any length": [
        b":" + b"n" * 2000 + b"!u@h JOIN #class",
        b":" + b"n" * 2000 + b"!u@h NICK m",
        b":s 354 trainbot 152 #class u " + b"h" * 5000 + b" long H 0",
    ]
    * 20,
    "wallops and errors of others": [":s WALLOPS :x", ":s KILL other :x", ":s SQUIT a :b", ":s ERR :x", ":s 999 a b c"]
    * 50,
    "invitations": [":al!u@h INVITE trainbot #class", ":al!u@h INVITE trainbot #other"] * 500,
}


@pytest.mark.parametrize("storm", STORMS)
async def test_a_storm(scripted, make_bot, storm):
    """Whatever comes in such numbers, the next line is heard over the same connection."""
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.welcome()
    await bot.in_channel()
    server.say(*STORMS[storm])
    await still_there(server, bot)
    assert bot.door.connected


async def test_thrown_out_again_and_again_at_once(scripted, make_bot):
    """A server that puts us into the channel and out of it a thousand times gets no thousand tries to come back."""
    bot = make_bot(scripted.port, patience=replace(QUICK, shortest=5.0, longest=5.0))
    server = await scripted.accept()
    await server.welcome()
    await bot.in_channel()
    server.say(
        *[":op!u@h KICK #class trainbot :out", ":trainbot!b@h JOIN #class"] * 1000, ":s 315 trainbot #class :End"
    )
    await still_there(server, bot)
    server.say(":op!u@h KICK #class trainbot :out", "PING :so far")
    await server.hear("^PONG :so far")
    assert sum(line.startswith("JOIN") for line in server.lines) <= 2


async def test_more_people_than_a_network_has(scripted, make_bot, monkeypatch, caplog):
    """What a server makes up of people fills no memory, is said once in the log, and who is really there is heard."""
    monkeypatch.setattr(identity, "MOST_PEOPLE", 50)
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.welcome()
    await bot.in_channel()
    server.say(
        *[f":n{number}!u@h JOIN #class" for number in range(300)],
        *[f":s 352 trainbot #class u h s w{number} H :0 x" for number in range(300)],
    )
    await still_there(server, bot)
    assert len(bot.door.members("#class")) == 50 == sum(isinstance(event, Arrived) for event in bot.events)
    assert sum("more than 50 people in #class" in line for line in caplog.messages) == 1


async def test_a_server_that_never_reads(scripted, make_bot, monkeypatch):
    """PINGs without end from a server that reads no answer: no more than a bound waits for it, and then it is left."""
    monkeypatch.setattr(link, "MOST_UNSENT", 2000)
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.welcome()
    await bot.in_channel()
    server.stop_reading()

    async def ping():
        while True:
            server.say(*[b"PING :" + b"y" * 390] * 200)
            await asyncio.sleep(0)

    pinging = asyncio.create_task(ping())
    assert (await bot.until(Disconnected)).reason == NOT_READING
    pinging.cancel()
    await (await scripted.accept()).hear("^CAP LS 302")


async def test_a_server_that_talks_and_does_not_listen(scripted, make_bot):
    """Half-open: others are heard, nothing of ours arrives.  It is noticed, and what was said meanwhile is given back."""
    bot = make_bot(scripted.port, patience=replace(QUICK, silence=0.2, deaf=0.3))
    server = await scripted.accept()
    await server.welcome()
    await bot.in_channel()
    bot.door.send(Line("#class", "does anybody hear me?"))

    async def talk():
        while True:
            server.say(":al!u@h NOTICE #class :I talk")
            await asyncio.sleep(0.02)

    talking = asyncio.create_task(talk())
    assert (await bot.until(Disconnected)).reason == NOT_READING
    talking.cancel()


def test_when_a_link_is_proven():
    """A PONG proves what was said before; without one the server is asked once, then given up, however much it says."""
    patience = Timeouts(silence=20.0, answer=20.0, deaf=120.0)
    keepalive = Keepalive(patience, 0.0)
    keepalive.said(1.0)
    for now in (10.0, 20.0):
        keepalive.heard(now)
        assert keepalive.check(now) == ""
    keepalive.heard(21.0)
    assert keepalive.check(21.0) == "ping" and keepalive.check(21.5) == ""
    keepalive.proven()
    keepalive.heard(30.0)
    keepalive.said(30.0)
    keepalive.said(40.0)
    keepalive.heard(50.0)
    assert keepalive.check(50.0) == "ping"
    for now in range(51, 170):
        keepalive.heard(float(now))
        assert keepalive.check(float(now)) == "" and keepalive.due() > now
    keepalive.heard(170.0)
    assert keepalive.check(170.0) == "deaf"


@pytest.mark.parametrize(
    ("tokens", "octets", "nick"),
    [
        ("", 512, "trainbot"),
        ("LINELEN=2048 NICKLEN=5", 2048, "train"),
        ("LINELEN=10 NICKLEN=0", 512, "trainbot"),
        ("LINELEN=9999999 NICKLEN=", 4096, "trainbot"),
        ("LINELEN= NICKLEN=x", 512, "trainbot"),
        ("LINELEN=-1", 512, "trainbot"),
        ("LINELEN=1024 -LINELEN NICKLEN=30", 512, "trainbot"),
    ],
)
def test_lengths_that_a_server_says(tokens, octets, nick):
    """LINELEN and NICKLEN are believed within reason."""
    features = Features()
    features.load(("bot", *tokens.split(), "are supported"))
    assert (features.line_octets, features.nick("trainbot")) == (octets, nick)


@pytest.mark.parametrize(
    ("tokens", "octets"),
    [
        ("", 380),
        ("TOPICLEN=307", 307),
        ("TOPICLEN=390", 380),
        ("TOPICLEN=0", 80),
        ("TOPICLEN=", 380),
        ("TOPICLEN=-7", 380),
        ("TOPICLEN=x", 380),
        ("TOPICLEN=307 -TOPICLEN", 380),
    ],
)
def test_how_long_a_topic_may_be(tokens, octets):
    """TOPICLEN is believed within reason."""
    features = Features()
    features.load(("bot", *tokens.split(), "are supported"))
    assert features.topic_octets == octets


def test_memory_under_all_of_it(monkeypatch):
    """After twenty thousand lines that each name something new, what is kept is a few megabytes."""
    monkeypatch.setattr(identity, "MOST_PEOPLE", 1000)
    wrote = 0

    def write(line, shown):
        nonlocal wrote
        wrote += len(line)

    session = IrcProtocol(config(0), Outbox(5, 2.0), lambda event: None, write, 0.0, patience=Timeouts(), version="x")
    session.start()
    for line in (":s CAP * LS :", ":s 001 trainbot :x", ":s 376 trainbot :x", ":trainbot!b@h JOIN #class"):
        session.receive(line, 0.0)
    tracemalloc.start()
    try:
        before = tracemalloc.get_traced_memory()[0]
        for number in range(2000):
            for line in (
                f":n{number}!u@h JOIN #class",
                f":s 005 trainbot A{number}={'x' * 100} :are",
                f":s BATCH +b{number} chathistory",
                f":s CAP trainbot NEW :c{number}",
                f":s CAP trainbot ACK :d{number}",
                f":o MODE #c{number} +m",
                f":s 352 trainbot #class u h s w{number} H :0 x",
                f":s 474 trainbot #d{number} :banned",
                f":al!u@h INVITE trainbot #e{number}",
                f":trainbot!b@h JOIN #f{number}",
            ):
                session.receive(line, 1.0)
            session.tick(1.0)
        assert tracemalloc.get_traced_memory()[0] - before < 4 << 20
    finally:
        tracemalloc.stop()
    assert wrote < 100_000


async def test_a_flood_waits_in_the_socket(scripted, make_bot):
    """While the bot is busy nothing is read: what a server pours out waits there, not in our memory."""
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.welcome()
    await bot.in_channel()
    bot.door.hold()
    server.say(":al!u@h PRIVMSG #class :later")
    server.say("PING :read")
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.2):
            await server.hear("^PONG")
    bot.door.go_on()
    await bot.until(Incoming, text="later")
