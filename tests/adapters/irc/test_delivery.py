"""Speaking first to many people, where the network lets us not; and who cannot be written to at all."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.irc.conftest import config
from trainbot.adapters.irc.keepalive import Timeouts
from trainbot.adapters.irc.outbox import Outbox
from trainbot.adapters.irc.protocol import IrcProtocol
from trainbot.adapters.irc.recipients import AT_ONCE, EVERY, Recipients
from trainbot.core.messages import Line, LineUndelivered, RecipientUnreachable


class Alone:
    """A session without a socket in #class, on ``server``; ``said`` gives the private lines of a time."""

    def __init__(self, server: str) -> None:
        self.events, self.wrote, self.now = [], [], 0.0
        self.outbox = Outbox(100, 0.0)
        self.session = IrcProtocol(
            config(0),
            self.outbox,
            self.events.append,
            lambda line, shown: self.wrote.append(line),
            0.0,
            patience=Timeouts(),
            version="x",
        )
        self.session.start()
        self.hears(
            ":s 001 trainbot :x",
            f":s 004 trainbot s {server} a b",
            ":s 376 trainbot :x",
            ":trainbot!b@h JOIN #class",
            *(f":n{number}!u@h JOIN #class" for number in range(30)),
            ":s 315 trainbot #class :end",
        )

    def hears(self, *lines: str) -> None:
        for line in lines:
            self.session.receive(line, self.now)

    def said(self, seconds: float = 0.0) -> list[str]:
        self.now += seconds
        self.session.tick(self.now)
        said = []
        while True:
            self.session.pump(self.now)
            if not self.wrote:
                return said
            lines, self.wrote[:] = self.wrote.copy(), []
            said += [line for line in lines if line.startswith("PRIVMSG n")]
            self.hears(*(f":s PONG s {line.split(' ', 1)[1]}" for line in lines if line.startswith("PING")))

    def unreached(self) -> list[str]:
        found = [event.nick for event in self.events if isinstance(event, RecipientUnreachable)]
        self.events.clear()
        return found


def test_new_people_are_limited_where_the_network_limits_them():
    """On solanum the first ten hear us at once, then one more a minute; who wrote to us hears us at once; the others are told of."""
    alone = Alone("solanum-1.0-dev")
    for number in range(12):
        alone.outbox.put(Line(f"n{number}", "your lab is ready"), 0.0)
    assert len(alone.said()) == AT_ONCE
    assert alone.said(4.0) == [] and alone.unreached() == ["n10", "n11"]
    alone.hears(":n11!u@h PRIVMSG trainbot :help")
    assert alone.said(2.0) == ["PRIVMSG n11 :your lab is ready"]
    assert alone.said(EVERY) == ["PRIVMSG n10 :your lab is ready"] and alone.unreached() == []


def test_elsewhere_nobody_is_limited():
    """On a network without that limit, or voiced, all hear us at once."""
    voiced = Alone("solanum-1.0-dev")
    voiced.hears(":op!u@h MODE #class +v trainbot")
    for alone in (Alone("InspIRCd-3"), voiced):
        for number in range(30):
            alone.outbox.put(Line(f"n{number}", "hello"), 0.0)
        assert len(alone.said()) == 30


@pytest.mark.parametrize("numeric", ["707", "439"])
def test_what_the_network_dropped_is_said_again(numeric):
    """A line that was dropped for the limit is said again when there is room, one with a ticket is given back; both are told of."""
    alone = Alone("unknown")
    alone.outbox.put(Line("n1", "\x02one\x02", secret=True), 0.0)
    alone.outbox.put(Line("n2", "two", ticket=2), 0.0)
    assert len(alone.said()) == 2
    alone.hears(f":s {numeric} trainbot n1 :targets changing too fast", f":s {numeric} trainbot N2 :too fast")
    assert alone.said() == [] and alone.unreached() == ["n1", "n2"]
    assert alone.said(EVERY - 1) == [] and alone.said(1.0) == ["PRIVMSG n1 :\x02one\x02"]
    alone.outbox.put(Line("n2", "two", ticket=2), 0.0)
    alone.hears(f":s {numeric} trainbot n2 :too fast")
    assert [event.ticket for event in alone.events if isinstance(event, LineUndelivered)] == []


@pytest.mark.parametrize(
    ("numeric", "told"), [("477", True), ("486", True), ("531", True), ("716", True), ("401", False), ("404", False)]
)
def test_who_lets_nobody_write_to_them(numeric, told):
    """Who takes no private line of ours is told of; whoever is gone is not, nor is who we never wrote to."""
    alone = Alone("InspIRCd-3")
    alone.outbox.put(Line("n1", "one"), 0.0)
    alone.said()
    alone.hears(f":s {numeric} trainbot n1 :no", f":s {numeric} trainbot n2 :no")
    assert alone.unreached() == (["n1"] if told else [])
    assert alone.said(EVERY) == []


@given(st.lists(st.tuples(st.integers(0, 40), st.floats(0, 30)), max_size=120))
@settings(max_examples=100, deadline=None)
def test_no_more_new_people_than_the_network_has_room_for(tries):
    """Whenever whom is to be spoken to: never more than ten new people, and one for each minute that went by."""
    recipients, now, new, last = Recipients(str.lower, lambda nick: False), 0.0, 0, []
    recipients.server("solanum")
    for number, pause in tries:
        now += pause
        if recipients.may(f"N{number}", now):
            new += number not in last
            last = [*(one for one in last if one != number), number][-AT_ONCE:]
            recipients.said(f"n{number}", now)
        assert new <= AT_ONCE + now / EVERY


@pytest.mark.parametrize(
    ("line", "quiet"),
    [
        (":n1!u@h PRIVMSG #class :hello", True),
        (":n1!u@h PRIVMSG trainbot :help", True),
        (":n1!u@h PRIVMSG trainbot :\x01PING 1\x01", False),
        (":n1!u@h QUIT :gone", False),
        (":s PONG s :read", False),
        ("PING :x", False),
        ("ERROR :gone", False),
        ("?", False),
    ],
)
def test_talk_leaves_a_connection_in_peace(line: str, quiet: bool):
    """What people say needs no tick, so it wakes nothing but the bot; whatever may have to be acted upon does."""
    alone = Alone("InspIRCd-3")
    alone.said()
    alone.hears(line)
    assert alone.session.quiet is quiet
    alone.said()
    assert alone.session.quiet
    alone.outbox.put(Line("#elsewhere", "this has to wait"), 0.0)
    alone.hears(":n2!u@h PRIVMSG #class :hello")
    assert not alone.session.quiet
