"""The inbox: nothing that waits is lost or overtaken, and whoever waits for too long is told once."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from trainbot.bot.inbox import Inbox

STEPS = st.lists(st.one_of(st.just("put"), st.integers(0, 4), st.floats(0, 20)), max_size=40)


@given(STEPS)
def test_order(steps: list[str | int | float]) -> None:
    """Whatever is put, handled (a whole number of events) or overdue (a time), and with every third overdue event given up."""
    inbox, expected, at, examined = Inbox(), [], 0.0, set()
    for step in steps:
        if step == "put":
            at += 1
            inbox.put(at, at)
            expected.append(at)
        elif isinstance(step, int):
            found = inbox.first(step)
            assert found == expected[:step]
            inbox.remove(len(found))
            del expected[:step]
        else:
            overdue = inbox.overdue(step)
            assert overdue == [event for event in expected if event <= step and event not in examined]
            examined.update(overdue)
            inbox.keep(event for event in overdue if event % 3)
            expected = [event for event in expected if event not in overdue or event % 3]
        assert len(inbox) == len(expected) and inbox.first(100) == expected
