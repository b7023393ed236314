"""Our nick: waited for where somebody has it, asked for where it is ours, and not fought about."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.irc.conftest import DEADLINE, QUICK, config, secret
from tests.adapters.irc.test_on_inspircd import login
from trainbot.adapters.irc.keepalive import Timeouts
from trainbot.adapters.irc.outbox import Outbox
from trainbot.adapters.irc.protocol import IrcProtocol
from trainbot.core.messages import Connected, Incoming

PATIENT = replace(QUICK, nick=1000.0, longest=1000.0)  # who only looks by itself sees nothing within a test


class Alone:
    """A session without a socket, that had to take another nick; ``said()`` is what it said since then."""

    def __init__(self, *isupport: str, account: str = "", **changes):
        self._wrote: list[str] = []
        self.now = 0.0
        self.session = IrcProtocol(
            config(0, **changes),
            Outbox(5, 0.0),
            lambda event: None,
            lambda line, shown: self._wrote.append(line),
            0.0,
            patience=Timeouts(),
            version="x",
        )
        self.session.start()
        self.hears(":s 433 * trainbot :in use")
        self.session.registration.account = account or None
        self.hears(
            ":s 001 trainbot_ :x",
            f":s 005 trainbot_ {' '.join(isupport) or 'NETWORK=x'} :are supported",
            ":s 376 trainbot_ :x",
        )
        self.begun = self.said()

    def hears(self, *lines: str) -> None:
        for line in lines:
            self.session.receive(line, self.now)

    def later(self, seconds: float) -> list[str]:
        self.now += seconds
        self.session.tick(self.now)
        return self.said()

    def said(self) -> list[str]:
        said = [line for line in self._wrote if line.split()[0] in ("MONITOR", "ISON", "NICK") or "NickServ" in line]
        self._wrote.clear()
        return said


def test_a_server_that_tells():
    """With MONITOR we are told when it is free, take it in that moment, and end the watch."""
    alone = Alone("MONITOR=100")
    assert alone.begun[-1:] == ["MONITOR + trainbot"]
    alone.hears(":s 730 trainbot_ :trainbot!u@h")
    assert alone.said() == [] == alone.later(30)
    alone.hears(":s 731 trainbot_ :other,TrainBot")
    assert alone.said() == ["NICK trainbot"]
    alone.hears(":trainbot_!b@h NICK trainbot")
    assert alone.said() == ["MONITOR - trainbot"] and alone.later(500) == []


def test_a_server_that_does_not_tell():
    """Without MONITOR, or with its list full, it is asked now and then."""
    alone = Alone()
    assert alone.begun[-1:] == ["ISON trainbot"]
    alone.hears(":s 303 trainbot_ :trainbot")
    assert alone.said() == [] and alone.later(15) == ["ISON trainbot"]
    alone.hears(":s 303 trainbot_ :")
    assert alone.said() == ["NICK trainbot"]
    full = Alone("MONITOR=0x", "MONITOR=1")
    full.hears(":s 734 trainbot_ 1 trainbot :list is full")
    assert full.later(0) == ["ISON trainbot"] and full.later(15) == ["ISON trainbot"]


def test_who_is_in_our_channel_is_seen_to_go():
    """Whoever has it quits, or takes another nick, in our view: it is ours at once."""
    for line in (":trainbot!x@y QUIT :a.example b.example", ":trainbot!x@y NICK elsewhere"):
        alone = Alone("MONITOR=100")
        alone.hears(line)
        assert alone.said() == ["NICK trainbot"]


def test_nickserv_is_asked_where_we_are_logged_in():
    """Logged in, NickServ is told once a minute, three times, without a password; not logged in, never."""
    alone = Alone("MONITOR=100", account="trainbot", nick_back=("ghost", "release"))
    asked = ["PRIVMSG NickServ :GHOST trainbot", "PRIVMSG NickServ :RELEASE trainbot"]
    assert [line for line in alone.begun if "NickServ" in line] == asked
    later = [line for _ in range(600) for line in alone.later(1) if "NickServ" in line]
    assert later == asked * 2
    assert not any("NickServ" in line for line in Alone("MONITOR=100", nick_back=("ghost",)).begun)
    assert not any("NickServ" in line for line in Alone("MONITOR=100", account="trainbot", nick_back=()).begun)


@given(st.lists(st.sampled_from(["lost", "731", "303", "QUIT", "433", "have"]), max_size=60))
@settings(max_examples=60, deadline=None)
def test_a_war_about_a_nick_is_not_fought(storm):
    """Whatever the network does within a second, we say NICK three times at most; and take it in the end."""
    alone = Alone("MONITOR=100")
    lines = {
        "lost": [":trainbot!b@h NICK guest", ":s 731 guest :trainbot"],
        "731": [":s 731 x :trainbot"],
        "303": [":s 303 x :"],
        "QUIT": [":trainbot!o@h QUIT :x"],
        "433": [":s 433 x trainbot :in use"],
        "have": ["NICK"],
    }
    said = alone.begun
    for what in storm:
        nick = alone.session.nick
        alone.hears(*([f":{nick}!b@h NICK trainbot"] if what == "have" else lines[what]))
        said += alone.later(1 / 60)
    assert sum(line.startswith("NICK") for line in said) <= 3
    for _ in range(200):
        for line in alone.later(1):
            if line.startswith("NICK"):
                alone.hears(f":{alone.session.nick}!b@h NICK trainbot")
            elif line.startswith("ISON"):
                alone.hears(":s 303 x :")
            elif line.startswith("MONITOR +"):
                alone.hears(":s 731 x :trainbot")
    assert alone.session.nick == "trainbot"


def test_a_nick_that_is_too_long_for_the_server():
    """Where the server cuts our nick, the cut one is ours: it is not asked for for ever."""
    alone = Alone("NICKLEN=5", "MONITOR=5")
    assert alone.begun[-1:] == ["MONITOR + train"]
    alone.hears(":trainbot_!b@h NICK train")
    assert alone.said() == ["MONITOR - train"] and alone.later(1000) == []


async def had(nick, bot, watcher, channel):
    async with asyncio.timeout(DEADLINE):
        while bot.door.nick != nick:
            watcher.say(channel, "and now?")
            await bot.until(Incoming, text="and now?")


async def test_on_inspircd_it_is_had_in_that_moment(network, make_bot, people):
    """InspIRCd tells (MONITOR) when somebody whom we do not see gives it up, and the bot has it."""
    thief = await people(network.port, "wantednick")
    bot = make_bot(network.port, nick="wantednick", patience=PATIENT)
    assert (await bot.until(Connected)).nick == "wantednick_"
    await bot.in_channel()
    watcher = await people(network.port, "nickwatcher")
    await watcher.join("#class")
    thief.send("NICK somebody")
    await watcher.expect("^:wantednick_!.* NICK :?wantednick$")
    watcher.say("#class", "hello")
    await bot.until(Incoming, text="hello")
    assert bot.door.nick == "wantednick"


async def test_nickserv_gives_it_back(network, make_bot, people, caplog):
    """Atheme takes it from whoever sits on it (REGAIN) and gives it to the bot that is logged in; no password is said for it."""
    caplog.set_level("DEBUG", "trainbot")
    thief = await people(network.port, "trainbot")
    bot = make_bot(network.tls_port, patience=PATIENT, **login(network))
    assert (await bot.until(Connected)).nick == "trainbot_"
    await thief.expect("(?i)(nick|kill|regain)")
    watcher = await people(network.port, "backwatcher")
    await bot.in_channel()
    await watcher.join("#class")
    await had("trainbot", bot, watcher, "#class")
    watcher.send("WHOIS trainbot")
    await watcher.expect(r" 330 \S+ trainbot trainbot ")
    assert str(login(network)["password"].reveal()) not in caplog.text


async def test_a_ghost_is_killed(network, make_bot, people):
    """GHOST, for services without REGAIN: the other is killed, and the nick taken when it is free."""
    await people(network.port, "alice")
    how = login(network, account="alice", password=secret("alice"), nick_back=("ghost",))
    bot = make_bot(network.tls_port, nick="alice", patience=PATIENT, channels=("#ghost",), **how)
    await bot.in_channel("#ghost")
    watcher = await people(network.port, "ghostwatcher")
    await watcher.join("#ghost")
    await had("alice", bot, watcher, "#ghost")
