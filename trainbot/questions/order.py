"""Whose question is next: by votes, then age, with a fair share for people who were not heard yet.  Pure."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from trainbot.questions.model import Question


def ordered(waiting: Iterable[Question], heard: Mapping[int, int], class_id: int | None) -> list[Question]:
    """The questions in the order in which they are to be taken.

    The most votes first, then the oldest.  Every second turn goes to the first of those whose asker was not heard yet
    in this class, as long as there is one; ``heard`` says how many questions of each person it has heard, and with
    that whose turn it is.  What earlier classes left comes after all that.
    """
    now: list[Question] = []
    before: list[Question] = []
    for question in sorted(waiting, key=lambda q: (-q.votes, q.asked_at, q.id)):
        (now if question.class_id in (None, class_id) else before).append(question)
    return _shared(now, heard) + before


def _shared(ranked: list[Question], heard: Mapping[int, int]) -> list[Question]:
    known = {person for person, number in heard.items() if number}
    turn = sum(heard.values())
    found: list[Question] = []
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
