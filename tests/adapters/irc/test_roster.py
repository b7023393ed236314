"""Who is where and under which account, line by line."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trainbot.adapters.irc.features import Features
from trainbot.adapters.irc.roster import Roster
from trainbot.adapters.irc.wire import parse
from trainbot.core.messages import Arrived, ChannelMembers, Left, Renamed, Sender

AT = datetime(2026, 1, 1, tzinfo=UTC)
FULL = {"account-tag", "extended-join", "account-notify", "chghost"}


class Seen:
    """A roster in #c; ``it(line)`` gives the events of a line, without their times."""

    def __init__(self, caps=FULL, channels=("#c",)):
        self.roster = Roster("bot", caps=caps, channels=channels)
        for channel in channels:
            self.roster.receive(parse(f":bot!b@h JOIN {channel} * :bot"), AT)

    def it(self, *lines):
        return [event for line in lines for event in self.roster.receive(parse(line), AT)]

    def says(self, line):
        sender, events = self.roster.speaker(parse(line), AT)
        return sender, events


def person(nick="al", user="u", host="h", account=None):
    return Sender(nick, user, host, account)


def test_extended_join():
    """Who joins has the account of the JOIN; * is none."""
    seen = Seen()
    assert seen.it(":al!u@h JOIN #C alice :Al") == [Arrived(person(account="alice"), "#c", AT)]
    assert seen.it(":bo!u@h JOIN #c * :Bo") == [Arrived(person("bo"), "#c", AT)]
    assert seen.it(":bo!u@h JOIN #c * :Bo") == []


def test_roll_call_by_whox():
    """The roll call comes once, at the end of the WHOX reply, without ourselves; 0 is no account."""
    seen = Seen()
    assert seen.it(
        ":s 354 bot 152 #c u h al H@ alice",
        ":s 354 bot 152 #c b h bot H 0",
        ":s 354 bot 152 #c u h bo G 0",
        ":s 354 bot 999 #c u h spoof H admin",
        ":s 315 bot #c :End",
        ":s 315 bot #c :End",
    ) == [ChannelMembers("#c", (person(account="alice"), person("bo")), AT)]
    assert seen.roster.me.host == "h"


def test_roll_call_by_who():
    """Without WHOX people are known by address, without account."""
    seen = Seen(caps=set())
    events = seen.it(":s 352 bot #c u h srv al H :0 Al", ":s 315 bot #c :End")
    assert events == [ChannelMembers("#c", (person(),), AT)]


@pytest.mark.parametrize(
    ("line", "after"),
    [
        (":al!u@h NICK bo", person("bo", account="alice")),
        (":al!u@h ACCOUNT bob", person(account="bob")),
        (":al!u@h ACCOUNT *", person()),
        (":al!u@h CHGHOST v w", person("al", "v", "w", "alice")),
    ],
)
def test_the_same_person_changes(line, after):
    """NICK, ACCOUNT and CHGHOST tell who is who afterwards."""
    seen = Seen()
    seen.it(":al!u@h JOIN #c alice :Al")
    assert seen.it(line) == [Renamed(person(account="alice"), after, AT)]
    assert seen.roster.members("#c") == (after,)


def test_out_of_view():
    """Only who is in none of our channels any more is out of view."""
    seen = Seen(channels=("#c", "#d"))
    seen.it(":al!u@h JOIN #c * :", ":al!u@h JOIN #d * :", ":bo!u@h JOIN #d * :")
    assert seen.it(":al!u@h PART #c") == [Left(person(), "#c", False, AT)]
    assert seen.it(":op!u@h KICK #d al :out") == [Left(person(), "#d", True, AT)]
    assert seen.it(":bo!u@h QUIT") == [Left(person("bo"), None, True, AT)]
    assert seen.it(":bo!u@h QUIT") == []


def test_our_own_leaving():
    """When we are kicked, everybody who is only there is out of our view."""
    seen = Seen(channels=("#c", "#d"))
    seen.it(":al!u@h JOIN #c * :", ":bo!u@h JOIN #c * :", ":bo!u@h JOIN #d * :")
    assert seen.it(":op!u@h KICK #c bot :out") == [
        Left(person(), "#c", True, AT),
        Left(person("bo"), "#c", False, AT),
    ]
    assert not seen.roster.in_channel("#c") and seen.roster.find("al") is None


def test_the_tag_is_the_account():
    """With account-tag a line's account is exactly its tag, whatever we believed."""
    seen = Seen()
    seen.it(":al!u@h JOIN #c alice :Al")
    assert seen.says("@account=alice :al!u@h PRIVMSG #c :x") == (person(account="alice"), [])
    sender, events = seen.says(":al!u@h PRIVMSG #c :x")
    assert sender.account is None
    assert events == [Renamed(person(account="alice"), person(), AT)]


def test_a_tag_that_was_not_negotiated():
    """Without account-tag a tag is not believed; the account is the roster's, for the same address."""
    seen = Seen(caps={"extended-join"})
    seen.it(":al!u@h JOIN #c alice :Al")
    assert seen.says("@account=root :al!u@h PRIVMSG bot :x")[0].account == "alice"
    assert seen.says("@account=root :zed!u@h PRIVMSG bot :x")[0].account is None
    assert seen.says(":al!u@elsewhere PRIVMSG bot :x")[0].account is None


def test_a_nick_that_comes_back_is_somebody_else():
    """After QUIT the same nick starts with nothing."""
    seen = Seen(caps={"extended-join"})
    seen.it(":al!u@h JOIN #c alice :Al", ":al!u@h QUIT :x")
    assert seen.says(":al!u@h PRIVMSG bot :x")[0].account is None
    assert seen.it(":al!x@y JOIN #c * :")[0].sender.account is None


def test_servers_are_nobody():
    """A line from a server, or from a bare unknown nick, is from nobody."""
    assert Seen().says(":irc.test PRIVMSG #c :x")[0] is None
    assert Seen().says("PRIVMSG #c :x")[0] is None


@pytest.mark.parametrize(
    ("mapping", "same", "differ"),
    [
        ("ascii", ("AL", "al"), ("a[", "a{")),
        ("rfc1459", ("A[]\\^", "a{}|~"), ("a", "b")),
        ("strict-rfc1459", ("A[]\\", "a{}|"), ("^", "~")),
        ("something-new", ("AL", "al"), ("É", "é")),
    ],
)
def test_casemapping(mapping, same, differ):
    """Names are compared as the server says."""
    features = Features()
    features.load(("bot", f"CASEMAPPING={mapping}", "are supported"))
    assert features.fold(same[0]) == features.fold(same[1])
    assert features.fold(differ[0]) != features.fold(differ[1])


def test_features_that_are_odd():
    """Odd tokens do not raise, replace nothing of ours, and leave the others standing."""
    features = Features()
    odd = ("", "-", "=", "PREFIX=", "PREFIX=x", "TARGMAX=a", "LOAD=1", "SET=1", "__CLASS__=x", "-LOAD_FEATURE")
    features.load(("bot", *odd, "CHANTYPES=", "WHOX", "CHANLIMIT=x:y", "MONITOR=100", "are supported"))
    assert features.has("WHOX") and features.has("MONITOR") and features.is_channel("#c")
    features.load(("bot", "-WHOX", "CHANTYPES=!", "end"))
    assert not features.has("WHOX") and features.is_channel("!c") and not features.is_channel("")
    features.load(())


def test_the_case_mapping_stays_once_names_are_stored():
    """A server that changes its mind in mid-session changes nothing."""
    features = Features()
    features.load(("bot", "CASEMAPPING=ascii", "x"))
    features.settle()
    features.load(("bot", "CASEMAPPING=rfc1459", "x"))
    assert features.fold("[") == "["
