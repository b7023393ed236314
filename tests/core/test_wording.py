"""As many items as a line holds."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.core.wording import as_many, in_lines, seconds


@pytest.mark.parametrize(
    ("items", "room", "said"),
    [
        ([], 10, ""),
        (["alice"], 3, "alice"),
        (["alice", "bob"], 10, "alice, bob"),
        (["alice", "bob"], 9, "alice, and 1 more"),
        (["alice", "bob", "wei", "zoé"], 20, "alice, and 3 more"),
        (["alice", "bob", "wei", "zoé"], 21, "alice, bob, wei, zoé"),
        (["zoé", "zoé"], 9, "zoé, and 1 more"),
        (["zoé", "zoé"], 10, "zoé, zoé"),
    ],
)
def test_as_many(items: list[str], room: int, said: str) -> None:
    assert as_many(items, room) == said


def test_other_words_and_no_more_than_most() -> None:
    assert as_many("abcdef", 100, "; ", " and {} more", 4) == "a; b; c; d and 2 more"
    assert as_many("abcdef", 7, " | ", "") == "a | b"


@given(st.lists(st.text(max_size=30), max_size=30), st.integers(0, 200), st.integers(1, 30))
def test_never_longer_and_never_fewer_than_fit(items: list[str], room: int, most: int) -> None:
    def said(count: int) -> str:
        return ", ".join(items[:count]) + (f", and {len(items) - count} more" if count < len(items) else "")

    fit = [count for count in range(1, min(most, len(items)) + 1) if len(said(count).encode()) <= room]
    assert as_many(items, room, most=most) == (said(max(fit, default=1)) if items else "")


@given(st.lists(st.text(min_size=1, max_size=30), max_size=30), st.integers(1, 100))
def test_in_lines(items: list[str], room: int) -> None:
    lines = in_lines(items, room, " | ")
    assert " | ".join(lines) == " | ".join(items)
    assert all(len(line.encode()) <= room or line in items for line in lines)
    for line, after in itertools.pairwise(lines):
        assert len(f"{line} | {after}".encode()) > room


@pytest.mark.parametrize(
    ("length", "said"),
    [
        (0, "0 s"), (9.7e-07, "under 0.01 s"), (0.0099, "under 0.01 s"), (0.01, "0.01 s"), (0.1, "0.1 s"), (0.25, "0.25 s"),
        (1, "1 s"), (2.0, "2 s"), (2.5, "2.5 s"), (1 / 3, "0.33 s"), (10, "10 s"), (100.0, "100 s"), (1e6, "1000000 s"),
    ],
)  # fmt: skip
def test_seconds(length: float, said: str) -> None:
    """No exponents, and no digits that mean nothing."""
    assert seconds(length) == said
