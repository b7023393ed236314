"""Lines no sane server sends: nothing drops the connection, and the next good line arrives."""

from __future__ import annotations

import logging

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.adapters.irc.conftest import config
from trainbot.adapters.irc.keepalive import Timeouts
from trainbot.adapters.irc.outbox import Outbox
from trainbot.adapters.irc.protocol import IrcProtocol
from trainbot.adapters.irc.wire import LONGEST, LineReader, decode, parse
from trainbot.core.messages import Disconnected, Incoming

HOSTILE = [
    b"\xff\xfe\x80 \x81",
    b":al!u@h PRIVMSG #class :caf\xe9 \x93quoted\x94",
    b":al!u@h QUIT",
    b"QUIT",
    b"PING",
    b"PING :",
    b":al!u@h PRIVMSG",
    b":al!u@h PRIVMSG #class",
    b":al!u@h PRIVMSG #class :",
    b"PRIVMSG #class :no source",
    b"001",
    b"005",
    b":irc.test 005 trainbot",
    b"352",
    b"354",
    b":irc.test 354 trainbot 152",
    b"315",
    b"303",
    b"401",
    b"433",
    b"474",
    b"470",
    b"396",
    b"999",
    b"",
    b" ",
    b"     ",
    b"\0",
    b"\r",
    b":",
    b": ",
    b"@",
    b"@ ",
    b"@a=b",
    b"@a=b ",
    b"@a=b :x",
    b"@;;=;==;a\\ :al!u@h PRIVMSG #class",
    b"@time=never;account= :al!u@h PRIVMSG #class :\x01",
    b"@" + b"x=" + b"y" * 8180 + b" :al!u@h NOTICE trainbot :tags",
    b":al!u@h NOTICE trainbot :" + b"z" * 20000,
    b":al!u@h PRIVMSG #class :\x01\x01",
    b":al!u@h PRIVMSG trainbot :\x01VERSION",
    b":al!u@h PRIVMSG trainbot :\x01PING \r\x01",
    b":!@ PRIVMSG trainbot :nobody",
    b":al JOIN",
    b":al JOIN #class",
    b"JOIN #class",
    b"PART",
    b"KICK #class",
    b":al!u@h KICK #class",
    b"NICK",
    b":trainbot!b@h NICK",
    b":trainbot NICK : \x01",
    b"ACCOUNT",
    b"CHGHOST",
    b":al!u@h CHGHOST x",
    b"CAP",
    b"CAP * NEW",
    b"AUTHENTICATE",
    b"ERRO :x",
    b"MODE",
    b"TOPIC",
    b"INVITE",
    b"WALLOPS :\xc0\x80",
    "ＰＲＩＶＭＳＧ #class :full width".encode(),
    b":al!u@h \xc3\xa9\xc3\xa9 #class :x",
]


async def test_every_line_that_broke_others(scripted, make_bot):
    """After each line that drops the connection of jaraco's client, the next message arrives."""
    bot = make_bot(scripted.port)
    server = await scripted.accept()
    await server.welcome()
    for number, line in enumerate(HOSTILE):
        server.say(line, f":al!u@h PRIVMSG #class :still {number}")
        await bot.until(Incoming, text=f"still {number}")
    assert not any(isinstance(event, Disconnected) for event in bot.events)
    assert ("al", "#class", "café “quoted”") in bot.heard()


WORDS = st.sampled_from(
    ["PRIVMSG", "JOIN", "PART", "QUIT", "NICK", "KICK", "ACCOUNT", "CHGHOST", "CAP", "ACK", "NEW", "DEL",
     "001", "005", "303", "315", "352", "354", "376", "396", "401", "433", "470", "474", "707", "903",
     "trainbot", "#class", "al", ":al!u@h", ":trainbot!b@h", ":irc.test", "@account=x", "*", "152", "PING",
     "CASEMAPPING=rfc1459", "-WHOX", "PREFIX=)", ":", ":x y", "\x01VERSION\x01", "é", "\t", "PONG"]
)  # fmt: skip
ODD_LINES = st.one_of(
    st.binary(max_size=80),
    st.lists(WORDS, max_size=8).map(lambda words: " ".join(words).encode()),
    st.tuples(st.lists(WORDS, max_size=5), st.binary(max_size=20)).map(
        lambda both: " ".join(both[0]).encode() + b" " + both[1]
    ),
)


class Alone:
    """A session without a socket, past its greeting; ``wrote`` is what it says."""

    def __init__(self):
        self.events, self.wrote, self.reader = [], [], LineReader()
        self.session = IrcProtocol(
            config(0),
            Outbox(5, 0.0),
            self.events.append,
            lambda line, shown: self.wrote.append(line),
            0.0,
            patience=Timeouts(hold=0.0),
            version="x",
        )
        self.session.start()
        self.feed(b":s 001 trainbot :x\r\n:s 376 trainbot :x\r\n:trainbot!b@h JOIN #class\r\n")

    def feed(self, data):
        for line in self.reader.feed(data):
            self.session.receive(line, 1.0)


@given(st.lists(ODD_LINES, min_size=1, max_size=30))
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
def test_thousands_of_odd_lines(odd):
    """Thousands of made-up lines raise nothing, are logged as no failure, and make us write nothing
    but whole, single lines."""
    alone = Alone()
    failures = Failures()
    with failures:
        for line in odd:
            alone.feed(line + b"\r\n")
            alone.session.tick(2.0)
            alone.session.pump(2.0)
        alone.feed(b"\r\n:zed!u@h PRIVMSG %b :fine\r\n" % alone.session.nick.encode())
    assert failures.records == []
    assert all(not set("\r\n\0") & set(line) for line in alone.wrote)
    if alone.session.ended is None:
        texts = [event.text for event in alone.events if isinstance(event, Incoming)]
        assert texts[-1:] == ["fine"]


class Failures(logging.Handler):
    """Collects what the guard around each line had to catch."""

    def __init__(self):
        super().__init__(logging.ERROR)
        self.records = []

    def emit(self, record):
        self.records.append(record)

    def __enter__(self):
        logging.getLogger("trainbot.adapters.irc").addHandler(self)

    def __exit__(self, *exc):
        logging.getLogger("trainbot.adapters.irc").removeHandler(self)


@given(st.binary(max_size=300), st.integers(1, 40))
@settings(max_examples=500)
def test_bytes_in_any_pieces(data, size):
    """However the network cuts the bytes, the lines are the same."""
    whole, pieces = LineReader(), LineReader()
    expected = list(whole.feed(data))
    got = [line for at in range(0, len(data), size) for line in pieces.feed(data[at : at + size])]
    assert got == expected
    for line in expected:
        parse(line)


def test_a_line_without_end_is_left_out():
    """A line over the limit is left out whole, costs no memory, and the next is read."""
    reader = LineReader()
    for _ in range(1000):
        assert list(reader.feed(b"x" * 1000)) == []
        assert len(reader._rest) <= LONGEST
    assert list(reader.feed(b"PING :tail\r\nPING :next\r\n")) == ["PING :next"]


def test_decoding():
    """UTF-8 where it is that, else Windows-1252, else Latin-1: no octet fails."""
    assert decode("é".encode()) == "é" and decode(b"\x93\xe9") == "“é" and decode(b"\x81") == "\x81"
    assert len(decode(bytes(range(256)))) == 256


def test_parsing():
    """Tags, source, command and parameters as the specifications have them."""
    message = parse("@a=x\\sy;b;+c/d= :n!u@h privmsg  #c :hello : there ")
    assert message.tags == {"a": "x y", "b": None, "+c/d": None}
    assert (message.nick, message.command, message.params) == ("n", "PRIVMSG", ("#c", "hello : there"))
    assert parse(":only.source") is None and parse("") is None


def test_who_a_line_is_from():
    """``nick!user@host``; what is missing is ''."""
    for prefix, parts in (
        ("n!u@h", ("n", "u", "h")),
        ("irc.example.org", ("irc.example.org", "", "")),
        ("n!u", ("n", "u", "")),
        ("n@h", ("n@h", "", "")),
        ("n!u!v@h@i", ("n", "u!v", "h@i")),
        ("!@", ("", "", "")),
    ):
        source = parse(f":{prefix} PING").source
        assert (source, source.parts) == (prefix, parts)
    nobody = parse("PING").source
    assert (nobody, nobody.nick, nobody.parts) == ("", "", ("", "", ""))
