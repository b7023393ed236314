"""Which sessions serve most people: against trying every set, and in what the bound promises."""

from __future__ import annotations

from itertools import combinations

from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.features.sessions.polls.answer_parser import Availability
from trainbot.features.sessions.polls.ranking import CandidateStart, Choice, choose, equals, ranked, tally

BITS = 9
STARTS = st.lists(st.tuples(st.integers(0, 2**BITS - 1), st.integers(0, 2**BITS - 1)), max_size=12).map(
    lambda pairs: ranked([CandidateStart(place, one & other, one) for place, (one, other) in enumerate(pairs)])
)


def best(starts: list[CandidateStart], most: int) -> tuple[int, int, int]:
    """(reached, minus sessions, glad) of the best set, by trying all of them."""
    sets = [Choice(some, 0) for size in range(1, most + 1) for some in combinations(starts, size)]
    return max(((choice.reached, -len(choice.starts), choice.glad) for choice in sets), default=(0, 0, 0))


@given(STARTS, st.integers(1, 4))
@settings(max_examples=250, deadline=None)
def test_the_set_is_the_best_there_is(starts: list[CandidateStart], most: int) -> None:
    """Most people; with as few sessions as do it; then most without "if need be"."""
    choice = choose(starts, most)
    reached, sessions, glad = best(starts, most)
    assert choice.exact and choice.reached == reached
    if reached:
        assert (-len(choice.starts), choice.glad) == (sessions, glad)


@given(STARTS, st.integers(2, 4), st.integers(0, 60))
@settings(max_examples=250, deadline=None)
def test_the_bound_holds_when_time_runs_out(starts: list[CandidateStart], most: int, budget: int) -> None:
    """However little is looked at: no set reaches more than the bound, and what was found is no worse than 1 - 1/e."""
    choice = choose(starts, most, budget)
    reached = best(starts, most)[0]
    assert choice.reached <= reached <= choice.at_most
    assert choice.reached >= (1 - 1 / 2.718281828) * reached


@given(STARTS, st.integers(1, 3))
@settings(max_examples=150, deadline=None)
def test_ties_are_ties(starts: list[CandidateStart], most: int) -> None:
    """What is said to serve as many does so in the place of the chosen one."""
    choice = choose(starts, most)
    for place in range(len(choice.starts)):
        rest = (*choice.starts[:place], *choice.starts[place + 1 :])
        for other in equals(starts, choice, place):
            same = Choice((*rest, other), 0)
            assert (same.reached, same.glad) == (choice.reached, choice.glad)


def test_the_best_alone_need_not_be_in_the_best_set() -> None:
    """Greedy choice would take the largest first and reach five of six."""
    one, left, right = (
        CandidateStart(1, 0b011110, 0b011110),
        CandidateStart(2, 0b000111, 0b000111),
        CandidateStart(3, 0b111000, 0b111000),
    )
    assert {start.moment for start in choose(ranked([one, left, right]), 2).starts} == {2, 3}


def test_among_equals_full_hours_and_earlier_ones() -> None:
    """And whoever is glad counts before that."""
    order = ranked(
        [CandidateStart(30, 1, 1), CandidateStart(60, 1, 1), CandidateStart(90, 0, 1), CandidateStart(120, 1, 1)],
        {60: True, 120: True, 30: False},
    )
    assert [start.moment for start in order] == [60, 120, 30, 90]


def test_a_session_counts_only_for_those_who_can_stay() -> None:
    """Free for all of it, some of it perhaps only if need be."""
    people = [
        Availability(yes=((0, 7200),)),
        Availability(yes=((0, 3600),), maybe=((3600, 7200),)),
        Availability(yes=((0, 7199),)),
        Availability(),
    ]
    (start,) = tally([0], 7200, people)
    assert (start.yes, start.reach) == (0b0001, 0b0011)


def test_nobody_and_nothing() -> None:
    """An empty poll has an empty answer."""
    assert choose([], 3).starts == () and choose(ranked([CandidateStart(0, 0, 0)]), 2).reached == 0
