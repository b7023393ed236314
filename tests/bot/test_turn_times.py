"""How long turns take, counted in little space."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trainbot.bot.turn_times import EDGES, LATELY, TurnTimes


@given(st.lists(st.floats(0, 20), max_size=300))
def test_the_figures_are_those_of_all_turns(spent):
    """As a sort of everything would give them; so many took at most an edge's time."""
    turns = TurnTimes()
    for seconds in spent:
        turns.took(seconds)
    found = turns.figures()
    assert (found.count, found.longest) == (len(spent), max(spent, default=0.0))
    assert found.within == tuple(sum(seconds <= edge for seconds in spent) for edge in EDGES)
    if spent:
        assert sum(seconds <= found.p50 for seconds in spent) * 2 >= len(spent)
        assert sum(seconds <= found.p99 for seconds in spent) >= 0.99 * len(spent)
        assert found.p50 in spent and found.p99 in spent


def test_a_slow_turn_is_forgotten_by_p99_but_not_by_longest():
    """p50 and p99 say how it is now."""
    turns = TurnTimes()
    turns.took(9.0)
    for _ in range(LATELY):
        turns.took(0.002, stored=False)
    found = turns.figures()
    assert (found.p99, found.longest, found.within[-1], found.failed) == (0.002, 9.0, LATELY, LATELY)
