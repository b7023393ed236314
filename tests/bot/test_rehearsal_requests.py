"""Which session is meant, and how seats are shared out over images."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from trainbot.bot.rehearsal_requests import choose, shared_out
from trainbot.core.errors import UserError
from trainbot.model.session import Session


def session(uid: str, title: str, presenter: str = "") -> Session:
    start = datetime(2026, 11, 27, 8, tzinfo=UTC)
    return Session.of(
        uid=uid, title=title, start=start, zone="UTC", local=start.replace(tzinfo=None), minutes=60, presenter=presenter
    )


SESSIONS = [session("a/one", "SE Linux", "russell"), session("a/one-more", "SE Linux again"), session("b/x", "Xen")]


@pytest.mark.parametrize(
    ("words", "uid"),
    [("1", "a/one"), ("3", "b/x"), ("a/one", "a/one"), ("linux again", "a/one-more"), ("RUSSELL linux", "a/one")],
)
def test_a_session_is_a_number_words_or_its_uid(words: str, uid: str) -> None:
    """An exact uid goes before words that fit several."""
    assert choose(words, SESSIONS).uid == uid


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("0", "no session 0"),
        ("9" * 40, "no session 999999999"),
        ("linux", "which one: a/one, a/one-more"),
        ("²", 'no session called "'),
        ("", 'no session called "'),
        ("tea", "trainbot schedule list"),
    ],
)
def test_a_session_that_is_not_meant_is_a_sentence(words: str, said: str) -> None:
    """It says where to look."""
    with pytest.raises(UserError, match=said):
        choose(words, SESSIONS)


@pytest.mark.parametrize(
    ("weights", "number", "counts"),
    [
        ({"debian": 1}, 3, {"debian": 3}),
        ({"debian": 1, "centos": 1}, 5, {"centos": 3, "debian": 2}),
        ({"debian": 20, "centos": 10}, 3, {"debian": 2, "centos": 1}),
        ({"debian": 9, "centos": 1}, 2, {"debian": 2}),
    ],
)
def test_seats_are_shared_out_as_people_signed_up(weights: dict[str, int], number: int, counts: dict[str, int]) -> None:
    """Exactly as many as were asked for."""
    found = shared_out(weights, number)
    assert len(found) == number and {image: found.count(image) for image in set(found)} == counts
