"""Somebody sets the wall clock: seen, whatever it was set to, and nothing else is taken for it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.core.clock import FASTEST, Clock, ClockReading, step_between

NONE = timedelta()


class SetClock(Clock):
    """Both clocks stand where the test puts them."""

    def __init__(self) -> None:
        self.wall, self.boot = 1_800_000_000.0, 5_000.0
        super().__init__()

    def reading(self) -> ClockReading:
        return ClockReading(self.wall, self.boot)

    def passes(self, seconds: float) -> None:
        self.wall += seconds
        self.boot += seconds


@pytest.mark.parametrize("by", [-86_400, -3_600, -60, -1, 1, 60, 3_600, 86_400])
@pytest.mark.parametrize("passed", [0.0, 0.5, 2.0, 3_600.0])
def test_a_step_is_seen_once(by: int, passed: float) -> None:
    clock = SetClock()
    clock.passes(passed)
    clock.wall += by
    seen = clock.look()[1]
    if abs(by) == 1 and passed > 10:
        return  # after an hour without a look, a second may be synchronisation
    assert abs(seen - timedelta(seconds=by)) < timedelta(milliseconds=1)
    assert clock.look()[1] == NONE


def test_suspend_is_time_that_passed() -> None:
    """Both clocks count while the machine sleeps."""
    clock = SetClock()
    clock.passes(8 * 3_600)
    assert clock.look()[1] == NONE


@given(st.lists(st.tuples(st.floats(0.001, 10.0), st.floats(-1.0, 1.0)), max_size=30))
def test_synchronisation_is_no_step(looks: list[tuple[float, float]]) -> None:
    """A clock that is adjusted gradually, as fast as chrony and ntpd do at most."""
    clock = SetClock()
    for passed, share in looks:
        clock.passes(passed)
        clock.wall += passed * FASTEST * share
        assert clock.look()[1] == NONE


@given(st.lists(st.tuples(st.floats(0.0, 5.0), st.sampled_from([0, 0, 0, 2, -2, 3_600, -3_600, 90_000])), max_size=30))
def test_all_steps_together_are_what_was_set(looks: list[tuple[float, int]]) -> None:
    clock, seen, done = SetClock(), NONE, 0
    for passed, by in looks:
        clock.passes(passed)
        clock.wall += by
        seen, done = seen + clock.look()[1], done + by
    assert abs(seen.total_seconds() - done) < 0.001


def test_the_machines_own_clocks() -> None:
    clock = Clock()
    assert clock.look()[1] == NONE
    assert step_between(ClockReading(10.0, 1.0), ClockReading(9.0, 1.0)) == timedelta(seconds=-1)
