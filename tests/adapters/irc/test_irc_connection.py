"""The door against a server that says what the test says: loss, refusal, login, secrets."""

from __future__ import annotations

import asyncio
import base64
import logging
from dataclasses import replace

from tests.adapters.irc.conftest import QUICK
from tests.peers.scripted import ScriptedServer
from trainbot.core.messages import Connected, Disconnected, Incoming, Left, Line, LineSent, LineUndelivered
from trainbot.model.config import Secret


async def test_a_mute_server_is_left(scripted, make_bot):
    """A link on which nothing is heard is given up, and a new one made."""
    bot = make_bot(scripted.port, patience=replace(QUICK, silence=0.1, answer=0.1))
    server = await scripted.accept()
    await server.welcome()
    await server.hear("^PING :alive")
    assert "silent" in (await bot.until(Disconnected)).reason
    await (await scripted.accept()).hear("^CAP LS 302")


async def test_a_server_that_does_not_welcome_us(scripted, make_bot):
    """A server that takes the connection and says nothing is left after a while."""
    bot = make_bot(scripted.port, patience=replace(QUICK, register=0.2))
    first = await scripted.accept()
    assert (await first.hear(".")).string == "CAP LS 302"
    await first.gone()
    await scripted.accept()
    assert not bot.events


async def test_tls_at_a_port_without_it(scripted, make_bot):
    """A port where no TLS is spoken is named as that, and what to change; one that says nothing, too."""
    bot = make_bot(scripted.port, tls=True, patience=replace(QUICK, connect=2.0))
    (await scripted.accept()).say(":irc.test NOTICE * :*** Looking up your hostname")
    await bot.in_trouble("does not speak TLS at this port: correct .irc. port")
    await bot.in_trouble("does not answer in time")


async def test_it_never_gives_up(make_bot):
    """While the server is down it tries on, and comes in when it is there again."""
    async with ScriptedServer() as first:
        port = first.port
    bot = make_bot(port)
    await bot.in_trouble("refused|failed")
    server = ScriptedServer()
    server._server = await asyncio.start_server(server._on_client, "127.0.0.1", port)
    await (await server.accept()).welcome()
    await bot.until(Connected)
    server._server.close()


async def test_an_error_line_is_the_reason(scripted, make_bot):
    """What the server says before it closes is what Disconnected tells, and what is known of it afterwards."""
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.welcome()
    await bot.in_channel()
    server.say("ERROR :Closing Link: (Killed (spam))")
    assert "Killed (spam)" in (await bot.until(Disconnected)).reason
    server = await scripted.accept()
    await server.welcome()
    await bot.until(Connected)
    there = bot.door.connection_status()
    assert there.connected and there.trouble == "" and "Killed (spam)" in there.lost and there.lost_at


async def test_a_refused_message_is_told(scripted, make_bot):
    """Every numeric that says a message was not passed on gives its ticket back."""
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.welcome()
    await bot.in_channel()
    for ticket, numeric in enumerate(["401", "404", "477", "486", "531", "716", "718", "707"]):
        bot.door.send(Line("Alice", "x", ticket=ticket))
        await server.hear("^PRIVMSG Alice")
        server.say(f":irc.test {numeric} trainbot alice :no")
        assert (await bot.until(LineUndelivered)).ticket == ticket


async def test_what_the_server_did_not_prove_is_given_back(scripted, make_bot):
    """A line written into a connection that then breaks is spoken, but comes back as unspoken."""
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.welcome()
    await bot.in_channel()
    bot.door.send(Line("alice", "x", ticket=5))
    await bot.until(LineSent, ticket=5)
    server.drop()
    await bot.until(Disconnected)
    await bot.until(LineUndelivered, ticket=5)


async def test_lines_over_a_lost_connection(scripted, make_bot):
    """While away, a line without a ticket waits until we are in its channel again; one with a ticket
    is given back, and is not said."""
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.welcome()
    await bot.in_channel()
    server.drop()
    await bot.until(Disconnected)
    bot.door.send(Line("#class", "I am back"))
    bot.door.send(Line("#class", "a notice", ticket=7))
    await bot.until(LineUndelivered, ticket=7)
    server = await scripted.accept()
    await server.welcome()
    await server.hear("^PRIVMSG #class :I am back$")
    assert not any("a notice" in line for line in server.lines)


async def test_kicked_again_and_again(scripted, make_bot):
    """A channel that throws us out is tried again, each time; what is for it waits meanwhile."""
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.welcome()
    for number in range(3):
        await bot.in_channel()
        server.say(":op!u@h KICK #class trainbot :out")
        await server.hear("^JOIN #class")
        bot.door.send(Line("#class", f"patience {number}"))
        server.say(":irc.test 474 trainbot #class :banned")
        await server.hear("^JOIN #class")
        server.say(":trainbot!b@h JOIN #class")
        await server.hear("^WHO #class")
        server.say(":irc.test 315 trainbot #class :End")
        await server.hear(f"^PRIVMSG #class :patience {number}")


async def test_a_ping_is_answered_before_all_that_waits(scripted, make_bot):
    """PONG does not stand in the queue."""
    bot = make_bot(scripted.port, flood_burst=1, flood_interval=100.0)
    server = await scripted.accept()
    await server.welcome()
    await bot.in_channel()
    for _ in range(10):
        bot.door.send(Line("alice", "x"))
    server.say("PING :are you there")
    await server.hear("^PONG :are you there$")


async def test_a_forwarded_channel_is_left(scripted, make_bot):
    """Put into a channel that is not ours, the bot leaves it and hears nothing from it."""
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.welcome()
    await bot.in_channel()
    server.say(":trainbot!b@h JOIN ##elsewhere")
    await server.hear("^PART ##elsewhere")
    server.say(":al!u@h PRIVMSG ##elsewhere :!lab", ":al!u@h PRIVMSG #class :here")
    await bot.until(Incoming)
    assert bot.heard() == [("al", "#class", "here")]


async def test_old_times_are_history(scripted, make_bot):
    """Without batches, what is tagged older than our coming is not obeyed, in a channel or in private."""
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.hear("^USER")
    server.say("CAP * LS :server-time", "CAP * ACK :server-time")
    server.say("@time=2026-01-01T10:00:00.000Z :s 001 trainbot :hi", ":s 376 trainbot :end")
    await server.hear("^JOIN")
    server.say("@time=2026-01-01T10:00:01.000Z :trainbot!b@h JOIN #class", ":s 315 trainbot #class :end")
    for at, target, text in (
        ("09:00:00.000Z", "#class", "old"),
        ("09:59:00Z", "trainbot", "old"),
        ("10:00:00.500Z", "#class", "a clock that is slow"),
        ("nonsense", "#class", "no time"),
        ("10:00:05.000Z", "trainbot", "new"),
    ):
        server.say(f"@time=2026-01-01T{at} :al!u@h PRIVMSG {target} :{text}")
    await bot.until(Incoming, text="new")
    assert [text for _, _, text in bot.heard()] == ["a clock that is slow", "no time", "new"]


async def test_as_notices(scripted, make_bot):
    """Where bot.ini wants NOTICE it is said so, but for what is secret."""
    bot = make_bot(scripted.port, notice=True)
    server = await scripted.accept()
    await server.welcome()
    await bot.in_channel()
    bot.door.send(Line("#class", "step 1"))
    bot.door.send(Line("alice", "your password", secret=True))
    await server.hear("^NOTICE #class :step 1$")
    await server.hear("^PRIVMSG alice :your password$")


async def test_a_netsplit(scripted, make_bot):
    """All of one side leave at once and come back: nothing that waits for them is said to who took their nick meanwhile, and who
    is back has the account that the network says, not the one that the nick had."""
    bot = make_bot(scripted.port, flood_burst=1, flood_interval=100.0)
    server = await scripted.accept()
    await server.hear("^USER")
    server.say(
        "CAP * LS :account-tag extended-join",
        "CAP * ACK :account-tag extended-join",
        ":s 001 trainbot :hi",
        ":s 376 trainbot :end",
    )
    await server.hear("^JOIN")
    server.say(
        ":trainbot!b@h JOIN #class * :bot",
        *(f":{nick}!u@h JOIN #class {nick} :x" for nick in ("al", "bo", "cy")),
        ":s 315 trainbot #class :End",
    )
    await bot.in_channel()
    for number, nick in enumerate(("al", "bo", "cy")):
        bot.door.send(Line(nick, "your lab moved", ticket=number))
    server.say(*(f":{nick}!u@h QUIT :hub.example leaf.example" for nick in ("al", "bo", "cy")))
    assert [(await bot.until(Left)).sender.nick for _ in range(3)] == ["al", "bo", "cy"]
    assert bot.door.members("#class") == ()
    server.say(
        ":al!evil@elsewhere JOIN #class * :x",
        ":bo!u@h JOIN #class bo :x",
        "@account=bo :bo!u@h PRIVMSG #class :back",
        ":al!evil@elsewhere PRIVMSG #class :me too",
    )
    assert (await bot.until(Incoming, text="back")).sender.account == "bo"
    assert (await bot.until(Incoming, text="me too")).sender.account is None
    given_back = {event.ticket for event in bot.events if isinstance(event, LineUndelivered)}
    said = {event.ticket for event in bot.events if isinstance(event, LineSent)}
    assert given_back | said == {0, 1, 2} and not bot.door._outbox


async def test_our_own_lines_are_not_heard(scripted, make_bot):
    """A server that echoes what we said does not make us answer ourselves."""
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.welcome()
    server.say(":TrainBot!b@h PRIVMSG #class :!lab", ":al!u@h PRIVMSG #CLASS :mine")
    await bot.until(Incoming)
    assert bot.heard() == [("al", "#class", "mine")]


async def test_nothing_secret_is_logged(scripted, make_bot, caplog):
    """Neither the password of the account nor a secret line is in the log, at any level."""
    caplog.set_level(logging.DEBUG)
    secret = {"sasl": ("plain",), "account": "bot", "password": Secret("hunter2"), "allow_plaintext": True}
    bot = make_bot(scripted.port, **secret)
    server = await scripted.accept()
    await server.hear("^USER")
    server.say("CAP * LS :sasl")
    await server.hear("^CAP REQ")
    server.say("CAP * ACK :sasl")
    await server.hear("^AUTHENTICATE PLAIN")
    server.say("AUTHENTICATE +")
    said = (await server.hear("^AUTHENTICATE (.+)"))[1]
    assert base64.b64decode(said) == b"bot\0bot\0hunter2"
    server.say("903 trainbot :ok", ":s 001 trainbot :hi", ":s 376 trainbot :end")
    await bot.until(Connected)
    bot.door.send(Line("alice", "your password: correct-horse", secret=True))
    await server.hear("correct-horse")
    for secret in ("hunter2", said, "correct-horse"):
        assert secret not in caplog.text
    assert "hunter2" not in repr(bot.door._config)


async def test_quits_where_login_fails(scripted, make_bot):
    """A refused login is quit on the wire; there is no CAP END."""
    how = {"sasl": ("plain",), "account": "bot", "password": Secret("x"), "allow_plaintext": True}
    bot = make_bot(scripted.port, **how)
    server = await scripted.accept()
    await server.hear("^USER")
    server.say("CAP * LS :sasl", "CAP * ACK :sasl", "AUTHENTICATE +", "904 trainbot :failed")
    await server.gone()
    assert server.lines[-1] == "QUIT :cannot register" and "CAP END" not in server.lines
    assert "AUTHENTICATE *" not in server.lines
    assert "failed" in bot.door.trouble
