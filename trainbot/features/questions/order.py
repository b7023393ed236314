"""The order of questions: by votes, then age, with every second turn for people not heard yet.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Protocol, TypeVar


class QuestionPriority(Protocol):
    """What decides when a question is taken; ``asked_at`` only needs to sort."""

    @property
    def id(self) -> int: ...
    @property
    def class_id(self) -> int | None: ...
    @property
    def person_id(self) -> int: ...
    @property
    def votes(self) -> int: ...
    @property
    def asked_at(self) -> object: ...


T = TypeVar("T", bound=QuestionPriority)


def ordered(waiting: Iterable[T], heard: Mapping[int, int], class_id: int | None) -> list[T]:
    """The questions in the order in which they should be taken.

    The most votes first, then the oldest.  Every second turn goes to the first question whose asker was not heard yet
    in this class, as long as there is one; ``heard`` says how many questions of each person the class has heard, which
    also determines whose turn it is.  Questions left from earlier classes come last.
    """
    now: list[T] = []
    before: list[T] = []
    for question in sorted(waiting, key=lambda q: (-q.votes, q.asked_at, q.id)):
        (now if question.class_id in (None, class_id) else before).append(question)
    return _shared(now, heard) + before


def _shared(ranked: list[T], heard: Mapping[int, int]) -> list[T]:
    known = {person for person, number in heard.items() if number}
    turn = sum(heard.values())
    found: list[T] = []
    placed: set[int] = set()
    everybody, newcomers = iter(ranked), iter(ranked)
    while len(found) < len(ranked):
        question = None
        if turn % 2:
            question = next((q for q in newcomers if q.id not in placed and q.person_id not in known), None)
        question = question or next(q for q in everybody if q.id not in placed)
        found.append(question)
        placed.add(question.id)
        known.add(question.person_id)
        turn += 1
    return found
