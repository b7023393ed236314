"""How we stand: our own status and the channels' modes, line by line and on real servers."""

from __future__ import annotations

import asyncio
from dataclasses import asdict

import pytest

from tests.adapters.irc.conftest import DEADLINE, config, secret
from trainbot.adapters.irc.connection_status import ChannelMembership, ConnectionStatus, ConnectionTracker
from trainbot.adapters.irc.features import Features
from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.adapters.irc.roster import Roster
from trainbot.adapters.irc.wire import parse

INSPIRCD = ":s 005 bot CHANMODES=Hbg,k,fl,CNcimnpst PREFIX=(qaohv)~&@%+ CASEMAPPING=ascii :are supported"


def follow(*lines: str, channels: tuple[str, ...] = ("#c",)) -> ConnectionTracker:
    features = Features()
    tracker = ConnectionTracker(features, Roster("bot", fold=features.fold, channels=channels), channels)
    for line in (INSPIRCD, *lines):
        message = parse(line)
        assert message is not None
        if message.command == "005":
            features.load(message.params)
        tracker.receive(message)
    return tracker


JOINED = (":bot!u@h JOIN #c", ":s 353 bot = #c :@+bot bob", ":s 324 bot #C +cmk key")


@pytest.mark.parametrize(
    ("lines", "place"),
    [
        ((), ChannelMembership()),
        (JOINED, ChannelMembership(True, "ov", "cmk")),
        ((*JOINED, ":op MODE #c -o+b bot *!*@bot"), ChannelMembership(True, "v", "cmk")),
        ((*JOINED, ":op MODE #c -v bob"), ChannelMembership(True, "ov", "cmk")),
        ((*JOINED, ":op MODE #c +lv-m 7 bot"), ChannelMembership(True, "ov", "ckl")),
        ((*JOINED, ":op MODE #c -lvo bot bot"), ChannelMembership(True, "", "cmk")),
        ((*JOINED, ":op MODE #c +bh bot bot"), ChannelMembership(True, "ovh", "cmk")),
        ((":bot!u@h JOIN #c", ":s 353 bot = #c :bot_ robot bot", ":op MODE #c +H 50:1h"), ChannelMembership(True)),
        ((*JOINED, ":op!u@h KICK #c bot :out"), ChannelMembership(False, "", "cmk")),
        ((*JOINED, ":bot!u@h PART #c"), ChannelMembership(False, "", "cmk")),
        ((":s 473 bot #c :Cannot join channel (+i)",), ChannelMembership(refused="Cannot join channel (+i)")),
        ((":s 470 bot #c ##c :Forwarding",), ChannelMembership(refused="it sends us on to ##c")),
        ((":s 473 bot #c :no", *JOINED), ChannelMembership(True, "ov", "cmk")),
        (
            (":s 353", ":s 324 bot", "MODE", "MODE #c", ":op MODE bot +i", ":op MODE #c +vvvv", ":s 004 bot"),
            ChannelMembership(),
        ),
    ],
)
def test_line_by_line(lines, place):
    """Only what is about us and the channel counts; modes with words are told from those without."""
    assert follow(*lines).of("#C") == place


def test_who_else_is_voiced():
    """From the names and the modes, following people through nicks and departures; nothing of other channels."""
    there = (
        ":bot!u@h JOIN #c",
        ":s 353 bot = #c :@op +vera plain ~@+boss bot",
        ":op MODE #c +v-o plain op",
        ":op MODE #x +v vera",
    )
    tracker = follow(*there, ":plain!u@h NICK Better", ":boss!u@h QUIT :out")
    assert [nick for nick in ("op", "vera", "plain", "better", "boss") if tracker.marked("#C", nick)] == [
        "vera",
        "better",
    ]
    assert follow(*there, ":op!u@h KICK #c vera :x", ":s 353 bot = #c :vera").marked("#c", "vera") is False
    assert follow(*there, ":bot!u@h JOIN #c").marked("#c", "vera") is False
    assert follow(":s 353 bot = #x :@vera").marked("#x", "vera") is False


def test_only_our_channels_are_kept():
    """A server that talks of other channels without end fills nothing."""
    tracker = follow(*(f":op MODE #other{number} +m" for number in range(50)), ":s 353 bot = #x :@bot")
    assert tracker._memberships == {}


def test_without_isupport():
    """A server that never says 005 has RFC 1459's marks and modes."""
    features = Features()
    tracker = ConnectionTracker(features, Roster("bot", channels=("#c",)), ("#c",))
    for line in (":bot!u@h JOIN #c", ":s 353 bot = #c :+bot", ":s 324 bot #c +kl key 5", ":op MODE #c +bo x!*@* bot"):
        tracker.receive(parse(line))
    assert tracker.of("#c") == ChannelMembership(True, "vo", "kl")


def test_as_json_and_back():
    """What the control socket carries is the same value again."""
    one = ConnectionStatus(True, "", "bot", "acc", "InspIRCd-3", "net", 5.0, {"#c": ChannelMembership(True, "v", "nt")})
    assert ConnectionStatus.from_json(asdict(one)) == one
    with pytest.raises((ValueError, TypeError, KeyError)):
        ConnectionStatus.from_json({"channels": {}})


class Visitor:
    """A door that connects once; ``until`` waits for how it stands."""

    def __init__(self, **changes) -> None:
        self._news = asyncio.Event()
        self.door = IrcConnection(config(**changes), lambda event: None, heard=self._news.set)
        self.visiting = asyncio.create_task(self.door.visit())

    async def until(self, wanted) -> ConnectionStatus:
        async with asyncio.timeout(DEADLINE):
            while not wanted(self.door.connection_status()):
                self._news.clear()
                await self._news.wait()
        return self.door.connection_status()

    async def close(self) -> None:
        await self.door.close()
        await self.visiting


async def test_on_ngircd(ngircd, people):
    """Alone in a channel we are op; voiced by somebody else we are voiced; a mode set later is seen."""
    owner = await people(ngircd.port, "owner")
    await owner.join("#class")
    visitor = Visitor(port=ngircd.port, channels=("#class", "#own"))
    seen = await visitor.until(lambda connection_status: connection_status.settled)
    assert seen.channels["#own"].status == "o" and not seen.channels["#class"].privileged
    assert seen.server.startswith("ngircd-")
    owner.send("MODE #class +mv trainbot")
    seen = await visitor.until(lambda connection_status: connection_status.channels["#class"].privileged)
    assert seen.channels["#class"].status == "v" and "m" in seen.channels["#class"].modes
    owner.send("MODE #class -v trainbot")
    await visitor.until(lambda connection_status: not connection_status.channels["#class"].privileged)
    await visitor.close()


async def test_on_inspircd(network, people):
    """Logged in, with a certificate that ends; op and voice are told apart; a closed channel is said."""
    owner = await people(network.port, "owner")
    await owner.join("#standing")
    await owner.join("#closed")
    owner.send("MODE #closed +i")
    await owner.synced()
    visitor = Visitor(
        port=network.tls_port,
        server="localhost",
        tls=True,
        tls_ca_file=network.ca,
        nick="stander",
        sasl=("plain",),
        account="trainbot",
        password=secret("trainbot"),
        channels=("#standing", "#closed"),
    )
    seen = await visitor.until(lambda connection_status: connection_status.settled)
    assert seen.account == "trainbot" and seen.server.startswith("InspIRCd") and seen.network == "class"
    assert seen.certificate_ends is not None
    assert "+i" in seen.channels["#closed"].refused or "invite" in seen.channels["#closed"].refused.lower()
    owner.send("MODE #standing +ovc stander stander")
    seen = await visitor.until(lambda connection_status: connection_status.channels["#standing"].status == "ov")
    assert "c" in seen.channels["#standing"].modes
    await visitor.close()


async def test_a_visit_is_one_try(scripted):
    """Refused, a visit ends and says why; it does not come again."""
    visitor = Visitor(port=scripted.port)
    server = await scripted.accept()
    await server.hear("^USER")
    server.say("ERROR :go away")
    server.drop()
    await visitor.visiting
    assert "go away" in visitor.door.connection_status().trouble and not visitor.door.connection_status().connected
