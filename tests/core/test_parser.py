"""What of a line is for us."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.core.parser import MOST, Addressed, addressed

CHANNEL_LINES = [
    ("!lab debian", Addressed("lab debian", sure=False)),
    ("  !lab debian ", Addressed("lab debian", sure=False)),
    ("! lab", Addressed("lab", sure=False)),
    ("trainbot: lab debian", Addressed("lab debian")),
    ("TrainBot, !lab debian", Addressed("lab debian")),
    ("trainbot: !", Addressed("help")),
    ("QUESTION: why?", Addressed("ask why?")),
    ("question : why?", Addressed("ask why?")),
    ("QUESTION:", Addressed("ask")),
    ("hello", None),
    ("!", None),
    ("!!", None),
    ("!?", None),
    ("!!!1", None),
    ("", None),
    ("   ", None),
    ("trainbot is nice", None),
    ("trainbots: lab", None),
    ("#class !next", None),
    ("a question: why?", None),
]
PRIVATE_LINES = [
    ("lab debian", Addressed("lab debian")),
    ("!lab debian", Addressed("lab debian")),
    ("#selinux !next", Addressed("next", "#selinux")),
    ("#selinux next", Addressed("next", "#selinux")),
    ("#selinux question: why", Addressed("ask why", "#selinux")),
    ("#selinux", Addressed("#selinux")),
    ("trainbot: help", Addressed("help")),
    ("!", Addressed("!")),
    ("", None),
    (" ", None),
]


@pytest.mark.parametrize(("text", "found"), CHANNEL_LINES)
def test_in_a_channel(text: str, found: Addressed | None) -> None:
    """A prefix, our nick, or QUESTION: begin what is for us; all else is talk."""
    assert addressed(text, "!", "trainbot", private=False) == found


@pytest.mark.parametrize(("text", "found"), PRIVATE_LINES)
def test_in_private(text: str, found: Addressed | None) -> None:
    """Everything is for us, and a channel may stand first."""
    assert addressed(text, "!", "trainbot", private=True) == found


def test_another_prefix_and_an_odd_nick() -> None:
    """The prefix is configured, and a nick is no pattern."""
    assert addressed("..lab", "..", "bot", private=False) == Addressed("lab", sure=False)
    assert addressed("[a]|b: lab", "!", "[A]|B", private=False) == Addressed("lab")
    assert addressed("a: lab", "!", "[a]|b", private=False) is None


@given(st.text(), st.booleans())
def test_any_text(text: str, private: bool) -> None:
    """Nothing raises, and what comes out is never blank nor longer than what went in."""
    found = addressed(text, "!", "trainbot", private=private)
    assert found is None or (found.text.strip() and len(found.text) <= MOST + 4)
