"""The door on a real ngircd: no accounts, no IRCv3, restarts."""

from __future__ import annotations

import asyncio

import pytest

from tests.adapters.irc.conftest import config
from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.core.errors import BackendError, ConfigError
from trainbot.core.messages import (
    Arrived,
    ChannelMembers,
    Connected,
    Disconnected,
    Incoming,
    Left,
    Line,
    LineSent,
    LineUndelivered,
    Renamed,
    Topic,
)
from trainbot.model.config import Secret
from trainbot.ops.demo.ngircd import Ngircd


async def test_joins_hears_and_answers(ngircd, make_bot, people):
    """A line in the channel arrives as it was said, from the address shown, and is answered."""
    bot = make_bot(ngircd.port)
    await bot.in_channel()
    alice = await people(ngircd.port, "alice", source="127.0.0.2")
    await alice.join("#class")
    alice.say("#class", "!lab debian")
    heard = await bot.until(Incoming)
    assert (heard.channel, heard.text) == ("#class", "!lab debian")
    assert heard.sender.host == "127.0.0.2" and heard.sender.account is None
    bot.door.send(Line("alice", "your lab is ready", ticket=1))
    await alice.expect("^:trainbot!.* PRIVMSG alice :your lab is ready$")
    await bot.until(LineSent, ticket=1)


async def test_private_lines_have_no_channel(ngircd, make_bot, people):
    """What is said to us alone arrives with channel None."""
    bot = make_bot(ngircd.port)
    await bot.in_channel()
    alice = await people(ngircd.port, "alice")
    alice.say("trainbot", "help")
    assert (await bot.until(Incoming)).channel is None


async def test_the_roster_follows_people(ngircd, make_bot, people):
    """Arrivals, new nicks, partings and quits are told, with who is out of view."""
    alice = await people(ngircd.port, "alice")
    await alice.join("#class")
    bot = make_bot(ngircd.port)
    assert [person.nick for person in (await bot.in_channel()).present] == ["alice"]
    bob = await people(ngircd.port, "bob", source="127.0.0.3")
    await bob.join("#class")
    assert (await bot.until(Arrived)).sender.nick == "bob"
    bob.send("NICK robert")
    renamed = await bot.until(Renamed)
    assert (renamed.before.nick, renamed.after.nick) == ("bob", "robert")
    assert bot.door.find("ROBERT") == renamed.after and bot.door.find("bob") is None
    alice.send("PART #class")
    left = await bot.until(Left)
    assert (left.sender.nick, left.channel, left.last) == ("alice", "#class", True)
    bob.send("QUIT :bye")
    left = await bot.until(Left)
    assert (left.sender.nick, left.channel, left.last) == ("robert", None, True)
    assert bot.door.members("#class") == ()


async def test_restart_of_the_server(ngircd, make_bot, people):
    """After the server was gone the bot is back in its channel by itself, and hears."""
    bot = make_bot(ngircd.port)
    await bot.in_channel()
    await ngircd.stop()
    await bot.until(Disconnected)
    assert not bot.door.connected
    await ngircd.start()
    await bot.until(Connected)
    await bot.in_channel()
    alice = await people(ngircd.port, "alice")
    await alice.join("#class")
    alice.say("#class", "still there?")
    await bot.until(Incoming, text="still there?")


async def test_our_nick_is_had_again(ngircd, make_bot, people):
    """Whoever sits on our nick keeps it only as long as they are there."""
    thief = await people(ngircd.port, "trainbot")
    bot = make_bot(ngircd.port)
    assert (await bot.until(Connected)).nick == "trainbot_"
    await bot.in_channel()
    assert bot.door.nick == "trainbot_"
    thief.send("QUIT :done")
    watcher = await people(ngircd.port, "watcher")
    await watcher.join("#class")
    if bot.door.nick != "trainbot":
        await watcher.expect("^:trainbot_!.* NICK :?trainbot$")
    watcher.say("#class", "hello")
    await bot.until(Incoming, text="hello")
    assert bot.door.nick == "trainbot"


async def test_a_kick_is_no_end(ngircd, make_bot, people):
    """Kicked, the bot comes back, and has a roll call again."""
    owner = await people(ngircd.port, "owner")
    await owner.join("#class")
    bot = make_bot(ngircd.port)
    await bot.in_channel()
    owner.send("KICK #class trainbot :out")
    assert (await bot.until(Left)).sender.nick == "owner"  # they are out of our view
    assert [person.nick for person in (await bot.in_channel()).present] == ["owner"]


async def test_a_channel_that_is_closed_is_tried_again(ngircd, make_bot, people):
    """An invite-only channel is joined once it is opened."""
    owner = await people(ngircd.port, "owner")
    await owner.join("#class")
    owner.send("MODE #class +i")
    await owner.synced()
    bot = make_bot(ngircd.port)
    await bot.until(Connected)
    bot.door.send(Line("owner", "let me in", ticket=1))
    await owner.expect("let me in")
    owner.send("MODE #class -i")
    await bot.in_channel()


async def test_a_nick_that_is_gone(ngircd, make_bot):
    """What is said to nobody comes back as unspoken."""
    bot = make_bot(ngircd.port)
    await bot.in_channel()
    bot.door.send(Line("nobody", "hello?", ticket=3))
    refused = await bot.until(LineUndelivered)
    assert refused.ticket == 3 and "nick" in refused.reason


async def test_a_carriage_return_injects_nothing(ngircd, make_bot, people):
    """Text with CR and LF in it is one message, never a second command."""
    bot = make_bot(ngircd.port)
    await bot.in_channel()
    alice = await people(ngircd.port, "alice")
    await alice.join("#class")
    bot.door.send(Line("#class", "x\rTOPIC #class :injected\nQUIT :y\0"))
    bot.door.send(Topic("#class", "the real\r one"))
    await alice.expect("PRIVMSG #class :x TOPIC #class :injected QUIT :y$")
    await alice.expect("TOPIC #class :the real  ?one$")


async def test_odd_targets_say_nothing_to_anybody(ngircd, make_bot, people):
    """A target with a comma, a space or nothing in it is refused instead of told to others."""
    bot = make_bot(ngircd.port)
    await bot.in_channel()
    alice = await people(ngircd.port, "alice")
    for ticket, target in enumerate(("alice,bob", "alice bob", "", ":alice", "al\rice", "x" * 900)):
        bot.door.send(Line(target, "secret", ticket=ticket, secret=True))
        await bot.until(LineUndelivered, ticket=ticket)
    bot.door.send(Line("alice", "the end"))
    await alice.expect("the end")
    assert not any("secret" in line for line in alice.lines)


async def test_a_long_text_arrives_whole(ngircd, make_bot, people):
    """A long text comes as several messages that hold all of it, none cut by the server."""
    bot = make_bot(ngircd.port)
    await bot.in_channel()
    alice = await people(ngircd.port, "alice")
    words = [f"wört{number}é" for number in range(200)]
    bot.door.send(Line("alice", " ".join(words), ticket=1))
    bot.door.send(Line("alice", "the end"))
    await alice.expect(":the end$")
    said = [line.split(" :", 1)[1] for line in alice.lines if "PRIVMSG alice" in line]
    assert " ".join(said[:-1]).split() == words


async def test_our_version_is_told(ngircd, make_bot, people):
    """CTCP VERSION and PING are answered, an ACTION is heard as text, other CTCP is nothing."""
    bot = make_bot(ngircd.port, contact="russell on this network")
    await bot.in_channel()
    alice = await people(ngircd.port, "alice")
    alice.say("trainbot", "\x01VERSION\x01")
    await alice.expect("NOTICE alice :\x01VERSION trainbot .*russell.*\x01$")
    for query, answer in (("TIME", r"\w{3}, \d\d .* UTC"), ("SOURCE", ".*MIT"), ("CLIENTINFO", "ACTION .*VERSION")):
        alice.say("trainbot", f"\x01{query}\x01")
        await alice.expect(f"NOTICE alice :\x01{query} {answer}")
    alice.say("trainbot", "\x01PING 123\x01")
    await alice.expect("NOTICE alice :\x01PING 123\x01$")
    alice.say("trainbot", "\x01DCC SEND x\x01")
    alice.say("trainbot", "\x01ACTION waves\x01")
    await bot.until(Incoming)
    assert bot.heard() == [("alice", None, "/me waves")]


async def test_notices_are_never_obeyed(ngircd, make_bot, people):
    """A NOTICE starts no talk between bots."""
    bot = make_bot(ngircd.port)
    await bot.in_channel()
    alice = await people(ngircd.port, "alice")
    alice.send("NOTICE trainbot :!lab debian")
    alice.say("trainbot", "now")
    await bot.until(Incoming)
    assert bot.heard() == [("alice", None, "now")]


async def test_says_goodbye(ngircd, make_bot, people):
    """Closing says QUIT with its reason, ends run, and gives back what was not said."""
    bot = make_bot(ngircd.port, flood_burst=1, flood_interval=30.0)
    await bot.in_channel()
    alice = await people(ngircd.port, "alice")
    await alice.join("#class")
    for ticket in range(3):
        bot.door.send(Line("alice", "x", ticket=ticket))
    await bot.door.close("back soon")
    await bot.running
    await alice.expect("^:trainbot!.* QUIT :.*back soon")
    await bot.until(LineUndelivered, ticket=2)


async def test_a_receiver_that_fails_does_no_harm(ngircd, people):
    """What the rest of the bot raises is logged; the next line is delivered all the same."""
    heard = []

    def receive(event):
        if isinstance(event, Incoming):
            heard.append(event.text)
        raise RuntimeError("a bug elsewhere")

    door = IrcConnection(config(ngircd.port), receive)
    alice = await people(ngircd.port, "alice")
    await alice.join("#class")
    running = asyncio.create_task(door.run())
    await alice.expect("^:trainbot!.* JOIN")
    alice.say("#class", "one")
    alice.say("#class", "two")
    alice.say("trainbot", "\x01PING x\x01")
    await alice.expect("PING x")
    assert heard == ["one", "two"]
    await door.close()
    await running


def test_a_password_needs_tls():
    """A password is refused over plain text unless the file allows it."""
    with pytest.raises(ConfigError, match="allow_plaintext"):
        IrcConnection(config(6667, sasl=("plain",), account="a", password=Secret("b")), print)
    IrcConnection(config(6667, sasl=("plain",), account="a", password=Secret("b"), allow_plaintext=True), print)


async def test_a_taken_port_is_said(ngircd, tmp_path):
    """A second server on the same port is refused with the port and the reason."""
    with pytest.raises(BackendError, match=f"{ngircd.port}.*in use"):
        await Ngircd(tmp_path / "second", port=ngircd.port).start()


async def test_a_missing_ngircd_is_said(tmp_path, monkeypatch):
    """Without ngircd the message says what to install."""
    monkeypatch.setattr("shutil.which", lambda *args, **kwargs: None)
    with pytest.raises(BackendError, match="apt-get install ngircd"):
        await Ngircd(tmp_path / "none").start()


async def test_whoever_speaks_while_we_count_is_known(scripted, make_bot):
    """What is said between our JOIN and the end of the roll call is handled after it, by people we know then."""
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.hear("^USER")
    server.say(":irc.test CAP * LS :", ":irc.test 001 trainbot :Welcome", ":irc.test 376 trainbot :End")
    await server.hear("^JOIN #class")
    server.say(":trainbot!bot@bot.test JOIN #class")
    await server.hear("^WHO #class")
    server.say(
        ":al!u@h PRIVMSG #class :!done",
        ":irc.test 352 trainbot #class u h irc.test al H :0 al",
        ":irc.test 315 trainbot #class :End",
    )
    await bot.until(Incoming, text="!done")
    assert [type(event) for event in bot.events[-2:]] == [ChannelMembers, Incoming]
