"""Whether two questions ask the same."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.features.questions.similarity import ALIKE, Context, alike

STEP2, STEP3 = Context("selinux", 2, "debian"), Context("selinux", 3, "debian")


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("why is port 11371 taken?", "Why is the port 11371 already taken", True),
        ("how do I make squid connect to any port?", "how can i make squid connect to any port", True),
        ("how do I see the audit log?", "where do I see the audit log?", True),
        ("why is port 11371 taken?", "why is port 11377 taken?", False),
        ("why is port 11371 taken?", "what does enforcing mean?", False),
        ("how do I return my lab?", "how do I reset SE Linux booleans?", False),
        ("why?", "why?", False),
        ("", "", False),
        ("🎉🎉🎉", "🎉🎉🎉", False),
    ],
)
def test_in_words(one: str, other: str, same: bool) -> None:
    """Other words, order, case and signs are alike; other numbers and other things are not; a mere why is no question."""
    assert (alike(one, other) >= ALIKE) is same
    assert (alike(other, one) >= ALIKE) is same


def test_where_it_was_asked_counts() -> None:
    """ "What next" means the same at the same step only; what was asked on another image is less alike."""
    assert alike("what next?", "What next", STEP2, STEP2) >= ALIKE > alike("what next?", "What next", STEP2, STEP3)
    one, other = "where is the squid configuration file", "where is the configuration of squid"
    centos = Context("selinux", 3, "centos")
    assert alike(one, other, STEP2, STEP2) > alike(one, other, STEP2, STEP3) > alike(one, other, STEP2, centos)


@given(st.text(), st.text())
def test_any_words(one: str, other: str) -> None:
    """A number from 0 to 100, the same both ways."""
    found = alike(one, other)
    assert 0 <= found <= 100 and abs(found - alike(other, one)) < 1e-6
