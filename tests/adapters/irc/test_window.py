"""A server that reads us slower than we speak: it is followed, and a presenter's line does not wait behind all others."""

from __future__ import annotations

from collections import deque

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.irc.conftest import config
from trainbot.adapters.irc.keepalive import Timeouts
from trainbot.adapters.irc.outbox import SLOWEST, Outbox
from trainbot.adapters.irc.protocol import IrcProtocol
from trainbot.adapters.irc.window import CAREFUL, FIRST, LATE, MOST, ROUND, SendWindow
from trainbot.core.messages import Line, Priority
from trainbot.core.wording import seconds

STEP = 0.05  # seconds of the clock in these tests


class Slow:
    """A session, and a server that reads a line of ours every ``reads`` seconds, in order."""

    def __init__(self, reads: float, interval: float, burst: int = 4) -> None:
        self.now, self.reads, self.next_read = 0.0, reads, 0.0
        self.unread: deque[str] = deque()
        self.read: list[tuple[float, str]] = []
        self.most_unread = 0
        self.outbox = Outbox(burst, interval, owner_cap=10_000)
        self.session = IrcProtocol(
            config(0),
            self.outbox,
            lambda event: None,
            lambda line, shown: self.unread.append(line),
            0.0,
            patience=Timeouts(),
            version="x",
        )
        self.session.start()
        for line in (
            ":s 001 trainbot :x",
            ":s 376 trainbot :x",
            ":trainbot!b@h JOIN #class",
            ":s 315 trainbot #class :end",
        ):
            self.session.receive(line, 0.0)
        self.unread.clear()

    def run(self, seconds: float) -> None:
        end = self.now + seconds
        while self.now < end and self.session.ended is None:
            self.now += STEP
            self.session.tick(self.now)
            self.session.pump(self.now)
            self.most_unread = max(self.most_unread, len(self.unread))
            while self.unread and self.next_read <= self.now:
                self.next_read = max(self.next_read, self.now - STEP) + self.reads
                line = self.unread.popleft()
                self.read.append((self.now, line))
                if line.startswith("PING"):
                    self.session.receive(f":s PONG s {line.split(' ', 1)[1]}", self.now)

    def say(self, count: int, text: str = "line", priority: Priority = Priority.ANSWER) -> None:
        for number in range(count):
            self.outbox.put(Line("#class", f"{text} {number}", priority, owner="x"), self.now)

    def said(self, text: str) -> list[float]:
        return [at for at, line in self.read if f":{text} " in line]


@settings(max_examples=15, deadline=None)
@given(reads=st.floats(0.2, 4.0), interval=st.floats(0.05, 2.0), burst=st.integers(1, 10))
def test_all_is_said_and_never_much_is_unread(reads: float, interval: float, burst: int) -> None:
    """Whatever its pace and ours: each line once, the connection stays, and what waits there is bounded."""
    slow = Slow(reads, interval, burst)
    slow.say(120)
    slow.run(120 * (reads + 3))
    assert slow.session.ended is None and len(slow.said("line")) == 120
    assert slow.most_unread <= MOST + 5
    assert interval >= CAREFUL or slow.most_unread * reads <= 2 * FIRST * max(LATE, reads) + burst


def test_what_the_presenter_says_overtakes() -> None:
    """After the first late PONG we speak as slowly as we are read, so few lines are ever ahead of the presenter's."""
    slow = Slow(reads=2.0, interval=0.1)
    slow.say(400)
    slow.run(150)
    waited = []
    for turn in range(8):
        slow.say(1, f"next{turn}", Priority.PRESENTER)
        began = slow.now
        slow.run(41)
        waited.append(slow.said(f"next{turn}")[0] - began)
    assert max(waited) <= 8 * 2.0


def test_a_server_that_keeps_up_again_has_us_at_the_old_pace() -> None:
    """It was slow for a while: bot.ini's pace is what we come back to."""
    slow = Slow(reads=2.0, interval=0.5)
    slow.say(60)
    slow.run(200)
    slow.reads = 0.01
    slow.say(400)
    slow.run(300)
    last = slow.said("line")[-40:]
    assert last[-1] - last[0] <= 40 * 0.5 * 1.2


def test_a_server_that_is_as_fast_as_we_are_costs_few_pings() -> None:
    """Where people wait for each line, few are spent on asking."""
    slow = Slow(reads=0.01, interval=2.0)
    slow.say(300)
    slow.run(700)
    said = slow.said("line")
    assert len(said) == 300
    assert sum(line.startswith("PING") and at < said[-1] for at, line in slow.read) <= 300 / ROUND


def test_what_nobody_asked_for_says_nothing() -> None:
    """A PONG out of the blue, and one after too few lines, change no pace."""
    window = SendWindow(2.0)
    assert window.answered(1.0) is None
    window.wrote(1.0)
    window.asked(1.0)
    assert window.answered(1.0 + 3 * LATE) is None and window.open(100.0)
    assert Outbox(4, 2.0).adapt(1000.0) == f"one line in {seconds(SLOWEST)}"


def test_the_lag_is_that_of_the_first_ping_that_waits() -> None:
    """None before any PONG; then what the latest answered PING took, not shortened by a PING sent meanwhile."""
    slow = Slow(0.0, 0.0)
    patience = Timeouts()
    assert slow.session.lag is None
    slow.session.tick(patience.silence)
    slow.session.tick(patience.silence + 2)
    slow.session._ping("another")
    slow.session.receive(":s PONG s alive", patience.silence + 3)
    assert slow.session.lag == 3.0
    slow.session.receive(":s PONG s another", patience.silence + 50)
    assert slow.session.lag == 3.0


@pytest.mark.parametrize(
    ("interval", "needed", "said"),
    [
        (0.0, 9.7e-07, ""),  # a server on this machine: nobody needs to hear of it
        (0.0, 0.0, ""),
        (0.0, 0.009, ""),
        (0.001, 0.01, ""),
        (0.0, 0.0123, "one line in 0.01 s"),
        (0.0, 0.25, "one line in 0.25 s"),
        (0.5, 0.97, "one line in 0.97 s"),
        (2.0, 1.99, ""),
        (2.0, 2.5, "one line in 2.5 s"),
        (2.0, 3.0000001, "one line in 3 s"),
        (2.0, 1e9, "one line in 8 s"),
    ],
)
def test_the_pace_is_said_in_words(interval: float, needed: float, said: str) -> None:
    """A number that people can read, and only if the pace is noticeably slower."""
    assert Outbox(4, interval).adapt(needed) == said
