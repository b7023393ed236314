"""Whose question is next: votes, age, and a fair share."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.features.questions.order import ordered
from trainbot.model.question import Question, QuestionState

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)


def question(id: int, person: int, votes: int = 0, class_id: int | None = 1) -> Question:
    return Question(
        id,
        class_id,
        "#class",
        person,
        f"p{person}",
        1,
        "?",
        QuestionState.OPEN,
        NOW + timedelta(seconds=id),
        votes=votes,
    )


@pytest.mark.parametrize(
    ("waiting", "heard", "order"),
    [
        ([], {}, []),
        ([(1, 1), (2, 2), (3, 3)], {}, [1, 2, 3]),
        ([(1, 1), (2, 2, 5), (3, 3, 1)], {}, [2, 3, 1]),
        ([(1, 1), (2, 1), (3, 2)], {}, [1, 3, 2]),
        ([(1, 1, 9), (2, 1, 8), (3, 1, 7), (4, 2)], {}, [1, 4, 2, 3]),
        ([(1, 1, 9), (2, 2)], {1: 1}, [2, 1]),
        ([(1, 1, 9), (2, 2)], {1: 2}, [1, 2]),
        ([(1, 1, 9, None), (2, 2, 0, 1), (3, 3, 20, 7)], {}, [1, 2, 3]),
    ],
)
def test_in_words(waiting: list[tuple[int, ...]], heard: dict[int, int], order: list[int]) -> None:
    """Votes, then age; every second turn to somebody who was not heard; what earlier classes left comes last."""
    assert [q.id for q in ordered([question(*row) for row in waiting], heard, 1)] == order


QUESTIONS = st.lists(st.tuples(st.integers(1, 6), st.integers(0, 4), st.sampled_from([None, 1, 2])), max_size=25).map(
    lambda rows: [question(n, *row) for n, row in enumerate(rows)]
)
HEARD = st.dictionaries(st.integers(1, 6), st.integers(0, 3))


@given(QUESTIONS, HEARD, st.randoms())
def test_nobody_is_left_out(waiting: list[Question], heard: dict[int, int], chance: object) -> None:
    """All of them, each once, however they come."""
    mixed = list(waiting)
    chance.shuffle(mixed)  # type: ignore[attr-defined]
    found = ordered(waiting, heard, 1)
    assert ordered(mixed, heard, 1) == found and sorted(q.id for q in found) == [q.id for q in waiting]


@given(QUESTIONS, HEARD)
def test_of_two_turns_one_is_a_newcomers(waiting: list[Question], heard: dict[int, int]) -> None:
    """As long as somebody of this class was not heard, two in succession are not both of people who were."""
    found = [q for q in ordered(waiting, heard, 1) if q.class_id != 2]
    known = {person for person, number in heard.items() if number}
    left = {q.person_id for q in found} - known
    before_was_known = False
    for question in found:
        new = question.person_id not in known
        assert new or not left or not before_was_known
        before_was_known = not new
        known.add(question.person_id)
        left.discard(question.person_id)


@given(QUESTIONS)
def test_of_one_person_the_better_comes_first(waiting: list[Question]) -> None:
    """Among the questions of one person votes decide, then age."""
    for person in range(1, 7):
        mine = [q for q in ordered(waiting, {}, 1) if q.person_id == person and q.class_id != 2]
        assert mine == sorted(mine, key=lambda q: (-q.votes, q.asked_at))
