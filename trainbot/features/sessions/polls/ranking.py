"""Finds the sessions that suit the most people.  Pure: people are bits, a start holds the bits of who could come.

A set of sessions reaches everybody who can come to one of them.  Of two sets the better one reaches more people, then
more of them without "if need be", then has fewer sessions.  Finding the best set of k is maximum coverage (NP-hard); branch and
bound solves the sizes that occur here.  If that takes longer than BUDGET allows, the result is the best set found and
a bound that no set can exceed; it is never worse than a greedy choice, which reaches 1 - 1/e (63 %) of the best
(Nemhauser, Wolsey, Fisher 1978).
"""

from __future__ import annotations

import functools
import operator
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from trainbot.features.sessions.polls.answer_parser import Availability
from trainbot.features.sessions.polls.spans import covers, union

BUDGET = 2_000_000  # starts examined: a second or two, while the bot does nothing else
GLANCE = 100_000  # for an interim result


@dataclass(frozen=True, slots=True)
class CandidateStart:
    """One possible session: at ``moment`` (seconds since 1970); bit n of ``yes`` and ``reach`` (with if need be) is
    the n-th person."""

    moment: int
    yes: int
    reach: int

    @property
    def reached(self) -> int:
        return self.reach.bit_count()

    @property
    def glad(self) -> int:
        return self.yes.bit_count()


@dataclass(frozen=True, slots=True)
class Choice:
    """A set of starts, most popular first; no set of the same size reaches more than ``at_most`` people."""

    starts: tuple[CandidateStart, ...]
    at_most: int

    @property
    def reach(self) -> int:
        return functools.reduce(operator.or_, (start.reach for start in self.starts), 0)

    @property
    def reached(self) -> int:
        return self.reach.bit_count()

    @property
    def glad(self) -> int:
        return functools.reduce(operator.or_, (start.yes for start in self.starts), 0).bit_count()

    @property
    def exact(self) -> bool:
        return self.at_most <= self.reached


def tally(moments: Sequence[int], length: int, people: Sequence[Availability]) -> list[CandidateStart]:
    """Who could attend the whole of a session of ``length`` seconds at each of ``moments``."""
    yes, reach = [0] * len(moments), [0] * len(moments)
    for number, person in enumerate(people):
        bit, either = 1 << number, union(person.yes, person.maybe)
        for place, moment in enumerate(moments):
            if covers(either, moment, moment + length):
                reach[place] |= bit
                if covers(person.yes, moment, moment + length):
                    yes[place] |= bit
    return [CandidateStart(*values) for values in zip(moments, yes, reach, strict=True)]


def ranked(starts: Sequence[CandidateStart], on_the_hour: Mapping[int, bool] | None = None) -> list[CandidateStart]:
    """The starts ordered by people reached, then by how well they suit, then full hours (by ``on_the_hour``), then the
    earliest."""
    hour = on_the_hour or {}
    return sorted(
        starts, key=lambda start: (-start.reached, -start.glad, not hour.get(start.moment, False), start.moment)
    )


def choose(order: Sequence[CandidateStart], most: int, budget: int = BUDGET) -> Choice:
    """The set of at most ``most`` starts that suits the most people; among equals, earlier ones in ``order`` (see
    ``ranked``) are preferred."""
    search = _Search(_undominated(order), budget)
    best = [search.best(size, ()) for size in (1,)]
    while len(best) < most and best[-1].starts:
        best.append(search.best(len(best) + 1, best[-1].starts))
    reached = max(choice.reached for choice in best)
    chosen = next(choice for choice in best if choice.reached == reached)
    return Choice(chosen.starts, max(best[-1].at_most, reached))


def equals(order: Sequence[CandidateStart], choice: Choice, place: int) -> list[CandidateStart]:
    """The starts that could replace the one at ``place`` of the chosen set without loss."""
    rest = (*choice.starts[:place], *choice.starts[place + 1 :])
    wanted = (choice.reached, choice.glad)
    found = [Choice((*rest, start), 0) for start in order if start not in choice.starts]
    return [other.starts[-1] for other in found if (other.reached, other.glad) == wanted]


def _undominated(order: Sequence[CandidateStart]) -> list[CandidateStart]:
    """Drops starts that another start can replace for everybody, which never makes a set worse."""
    kept: list[CandidateStart] = []
    for start in order:  # by falling reach: only an earlier one can hold all of a later one
        if start.reach and not any(
            start.reach | other.reach == other.reach and start.yes | other.yes == other.yes for other in kept
        ):
            kept.append(start)
    return kept


Gain = tuple[int, int, CandidateStart]
"""What a start adds, its place in the order, and itself."""


class _Search:
    """Branch and bound over sets of one size.  A person counts as ``weight`` if reached, and one more if the time suits
    them well (so little that even greedy choice keeps its guarantee for reach alone): the gain of a start only falls as
    others are chosen, and the largest remaining gains bound what can still be achieved."""

    def __init__(self, starts: list[CandidateStart], budget: int) -> None:
        self.starts, self.left = starts, budget
        self.everybody = functools.reduce(operator.or_, (start.reach for start in starts), 0)
        self.weight = 1000 * (1 + self.everybody.bit_count())

    def best(self, size: int, seed: tuple[CandidateStart, ...]) -> Choice:
        """The best set of ``size`` starts.  ``seed``: the best set with one start less, preferred among equals."""
        self.score, self.missed = -1, 0
        self.found: tuple[CandidateStart, ...] = ()
        for first in (seed, ()):
            self._greedily(size, first)
        most = (self.weight + 1) * self.everybody.bit_count()
        self._look(size, (), 0, 0, 0, [(most, place, start) for place, start in enumerate(self.starts)])
        at_most = min(max(self.score, self.missed, 0) // self.weight, self.everybody.bit_count())
        choice = Choice(self.found, at_most)
        return Choice(
            tuple(sorted(choice.starts, key=lambda start: -start.reached)), max(choice.at_most, choice.reached)
        )

    def _greedily(self, size: int, chosen: tuple[CandidateStart, ...]) -> None:
        while len(chosen) < min(size, len(self.starts)):
            rest = [start for start in self.starts if start not in chosen]
            chosen = (*chosen, max(rest, key=lambda start: self._score((*chosen, start))))
        if (score := self._score(chosen)) > self.score:
            self.score, self.found = score, chosen

    def _score(self, chosen: tuple[CandidateStart, ...]) -> int:
        choice = Choice(chosen, 0)
        return choice.reached * self.weight + choice.glad

    def _look(
        self, size: int, chosen: tuple[CandidateStart, ...], reach: int, yes: int, score: int, among: list[Gain]
    ) -> None:
        """All sets that have ``chosen`` and ``size`` more of ``among``, as far as they may be better.  Gains in
        ``among`` are those before the last one was chosen, and so never too small."""
        not_reach, not_yes, weight = ~reach, ~yes, self.weight
        others = sum(gain for gain, _place, _start in among[: size - 1])
        gains: list[Gain] = []
        for before, place, start in among:
            if score + before + others <= self.score:
                break  # and neither can any after it
            self.left -= 1
            gain = (start.reach & not_reach).bit_count() * weight + (start.yes & not_yes).bit_count()
            if size > 1:
                gains.append((gain, place, start))
            elif score + gain > self.score:
                self.score, self.found = score + gain, (*chosen, start)
        gains.sort(key=lambda gain: (-gain[0], gain[1]))
        for n, (gain, _place, start) in enumerate(gains):
            bound = score + sum(gain for gain, _place, _start in gains[n : n + size])
            if bound <= self.score:
                return
            if self.left <= 0:
                self.missed = max(self.missed, bound)
                return
            self._look(size - 1, (*chosen, start), reach | start.reach, yes | start.yes, score + gain, gains[n + 1 :])
