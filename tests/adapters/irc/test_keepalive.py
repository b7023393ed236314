"""Waiting, trying again and noticing silence, with a clock of our own."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trainbot.adapters.irc.keepalive import Backoff, JoinSchedule, Keepalive, Timeouts


@given(st.floats(0, 1), st.integers(1, 40))
def test_backoff_stays_within_its_limits(chance, tries):
    """Between one and sixty seconds, never shorter than the doubling without its jitter."""
    backoff = Backoff(Timeouts(), lambda: chance)
    waits = [backoff.wait() for _ in range(tries)]
    assert all(min(60, 2**number) <= wait <= 60 for number, wait in enumerate(waits))
    backoff.reset()
    assert 1 <= backoff.wait() <= 1.5


def test_a_dead_link_is_noticed_within_a_minute():
    """Silence is answered by one PING, then by giving up; any line heard starts anew."""
    patience = Timeouts()
    keepalive = Keepalive(patience, 0.0)
    assert keepalive.check(patience.silence - 1) == ""
    assert keepalive.check(keepalive.due()) == "ping"
    keepalive.heard(30.0)
    assert keepalive.check(30.0 + patience.silence) == "ping"
    assert keepalive.check(30.0 + patience.silence + 1) == ""
    assert keepalive.due() <= 30.0 + 60.0 and keepalive.check(keepalive.due()) == "dead"


def test_a_queue_that_moves_gives_up_few_of_its_lines_to_pings():
    """At one line in two seconds they are each people's; a link that is dead is noticed all the same."""
    patience, pings, now = Timeouts(), 0, 0.0
    keepalive = Keepalive(patience, now)
    keepalive.busy = True
    while now < 120:  # nobody says anything: all have asked already
        now += 2
        keepalive.said(now)
        if keepalive.check(now) == "ping":
            pings += 1
            keepalive.heard(now)
            keepalive.proven()
    assert pings <= 2
    assert keepalive.check(now + 3 * patience.silence) == "ping"
    assert keepalive.check(now + 3 * patience.silence + patience.answer + patience.deaf) in ("dead", "deaf")


def test_channels_are_tried_later_and_later():
    """At once first; each time we are thrown out the wait doubles; a long stay makes it short again."""
    channels = JoinSchedule(["#c"], Timeouts())
    assert channels.joins(0.0) == ["#c"] and channels.joins(0.1) == []
    waits, now = [], 0.0
    for _ in range(8):
        channels.joined("#c", now)
        assert channels.due() is None
        channels.lost("#c", now)
        waits.append(round(channels.due() - now, 6))
        now = channels.due()
        assert channels.joins(now) == ["#c"]
    assert all(1 <= wait <= 60 for wait in waits) and waits[-1] == 60
    channels.joined("#c", now)
    channels.lost("#c", now + 1000)
    assert channels.due() - (now + 1000) <= 1.5


def test_a_join_without_an_answer_is_repeated():
    """A server that says nothing to a JOIN is asked again."""
    channels = JoinSchedule(["#c"], Timeouts())
    channels.joins(0.0)
    assert channels.joins(Timeouts().roll_call) == ["#c"]


def test_channels_that_are_not_ours_are_nothing():
    """Losing or joining an unknown channel changes nothing."""
    channels = JoinSchedule(["#c"], Timeouts())
    channels.joined("#d", 0.0)
    channels.lost("#d", 0.0)
    assert channels.joins(0.0) == ["#c"]
