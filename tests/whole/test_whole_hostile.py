"""Lines that nobody in their right mind sends, from people and from a server: the bot stays, and answers."""

from __future__ import annotations

import asyncio
import random
from contextlib import suppress

from tests.adapters.irc.test_hostile import HOSTILE
from tests.peers.scripted import ScriptedServer
from tests.whole.running import CHANNEL, DEADLINE, NICK, Participant

WORDS = (
    "!lab",
    "!help",
    "!ask",
    "!start",
    "!yes",
    "!answer",
    "!goto",
    "!key",
    "!take",
    "!tz",
    "!end",
    "QUESTION:",
    "debian",
    "permissive",
    "-1",
    "0",
    "99999999999999999999",
    "1e9",
    "٣",
    "#class",
    "trainbot:",
    "!!",
    "!",
    "ssh-rsa",
    "\x02!lab",
    "\x03" + "04,05!lab",
    "\x01ACTION",
    "\x01",
    "'; drop table lease; --",
    "%s%n",
    "{0}",
    "../../etc",
    "\u202e",
    "\u200b",
    "é" * 100,
    "a" * 380,
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
)
PRIVATE = (
    "\x01VERSION\x01",
    "\x01PING \r\x01",
    "\x01DCC SEND x 1 2 3\x01",
    "!help " + "x" * 400,
    "#class",
    "#other !next",
    "yes",
    "!",
    " ",
    "lab claim",
    "key ssh-ed25519 " + "A" * 380,
    "tz ../../../etc/passwd",
    "sessions 99",
)


def talk(seed: int, count: int) -> list[bytes]:
    """Made-up lines of talk: words of ours in any order, and plain bytes."""
    chance = random.Random(seed)
    lines = []
    for _ in range(count):
        if chance.random() < 0.3:
            lines.append(
                bytes(
                    chance.choice([b for b in range(256) if b not in b"\r\n\0"]) for _ in range(chance.randint(1, 300))
                )
            )
        else:
            lines.append(" ".join(chance.choices(WORDS, k=chance.randint(1, 7))).encode()[:400])
    return lines


async def test_people_who_send_anything(bot, russell, alice, bob):
    """Hundreds of odd lines in the channel and in private: no reference number, no disconnection, and the class stands
    where it stood."""
    await bot.arrive(alice)
    await bot.logs("host xen1 answers")
    await russell.ask("!start", "begins", CHANNEL)
    for number, line in enumerate(talk(1, 400)):
        alice.send(f"PRIVMSG {CHANNEL if number % 2 else NICK} :".encode() + line)
        if number % 40 == 39:
            await alice.whisper("help lab", "a machine of your own")
    for text in PRIVATE:
        bob.send(f"PRIVMSG {NICK} :{text}")
    await answered(bob)
    await russell.ask("!progress", "the introduction|step 0", CHANNEL)
    assert not [line for line in russell.lines if f":{NICK}!" in line and "QUIT" in line]
    assert not [line for line in bot.lines if "Traceback" in line or "ERROR" in line]
    assert bot.rows("select step, ended_at from class") == [(0, None)]
    assert not [line for person in (alice, bob) for line in person.lines if "reference" in line]


async def answered(stranger: Participant) -> None:
    """Whoever takes no part in the class has one answer waiting at most, so that of many questions some have none: they ask
    again."""
    async with asyncio.timeout(10 * DEADLINE):
        while True:
            stranger.say(NICK, "help lab")
            with suppress(TimeoutError):
                await stranger.hear("a machine of your own", "", DEADLINE / 5)
                return


async def test_a_server_that_sends_anything(make_bot):
    """Every line that broke other clients, and hundreds of made-up ones: after each the bot still answers."""
    async with ScriptedServer() as scripted:
        bot = make_bot(scripted.port, host_xen1=None, image_debian=None)
        await bot.start()
        server = await scripted.accept()
        server.answers_pings = True
        await server.welcome()
        server.say(f":al!u@h JOIN {CHANNEL}")
        for number, line in enumerate([*HOSTILE, *odd(2, 300)]):
            server.say(line)
            if number % 20 == 0:
                server.say(f":al!u@h JOIN {CHANNEL}", f":al!u@h PRIVMSG {CHANNEL} :!help x{number}x")
                await server.hear(f'^PRIVMSG .*unknown command "x{number}x"')
        server.say(
            f":al!u@h PRIVMSG {NICK} :ask x\0y\rTOPIC {CHANNEL} :injected", f":al!u@h PRIVMSG {CHANNEL} :!help end"
        )
        await server.hear("^PRIVMSG .*!end")
        assert not [line for line in server.lines if line.startswith(("TOPIC", "QUIT"))]
        assert bot.process.returncode is None
        assert not [line for line in bot.lines if "Traceback" in line or "ERROR" in line or "no IRC" in line]


VERBS = (
    "PRIVMSG",
    "JOIN",
    "PART",
    "NOTICE",
    "NICK",
    "KICK",
    "ACCOUNT",
    "CHGHOST",
    "CAP",
    "001",
    "005",
    "303",
    "315",
    "352",
    "354",
    "376",
    "396",
    "401",
    "433",
    "474",
    "707",
    "903",
    "MODE",
    "TOPIC",
    "BATCH",
    "TAGMSG",
    "SETNAME",
)
REST = (
    CHANNEL,
    "al",
    ":al!u@h",
    ":irc.test",
    "@account=x",
    "*",
    "152",
    ":",
    ":x y",
    "\x01VERSION\x01",
    "é",
    "\t",
    "PREFIX=)",
    "CASEMAPPING=rfc1459",
    "+o",
    "LS",
    "ACK",
    "NEW",
    "DEL",
)


def odd(seed: int, count: int) -> list[bytes]:
    """Lines of a server: words of the protocol in any order, and plain bytes; none that ends a connection."""
    chance = random.Random(seed)
    lines = []
    for _ in range(count):
        words = [
            chance.choice((":irc.test", ":al!u@h", "@time=x", "")),
            chance.choice(VERBS),
            *chance.choices(REST, k=chance.randint(0, 5)),
        ]
        line = " ".join(word for word in words if word).encode()
        if chance.random() < 0.3:
            line += bytes(
                chance.choice([b for b in range(256) if b not in b"\r\n"]) for _ in range(chance.randint(1, 60))
            )
        lines.append(line)
    return lines
