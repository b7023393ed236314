"""How busy a host is, from two readings of /proc/stat."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.adapters.hosts.probe import io_wait

COUNTS = st.lists(st.integers(0, 1 << 63), min_size=8, max_size=8)


@pytest.mark.parametrize(
    ("before", "now", "share"),
    [
        ((0,) * 8, (0, 0, 0, 75, 25, 0, 0, 0), 0.25),
        ((9,) * 8, (9, 9, 9, 9, 19, 9, 9, 9), 1.0),
        ((10,) * 8, (20, 10, 10, 20, 9, 10, 10, 10), 0.0),  # a count may go down a little (proc(5))
        ((5,) * 8, (5,) * 8, None),
        ((500,) * 8, (1,) * 8, None),  # booted between them
    ],
)
def test_waiting_for_disks_is_a_share_of_all_time(before, now, share):
    """Of the time of all cores that has passed, so much waited for disks."""
    assert io_wait(before, now) == share


@given(COUNTS, COUNTS)
def test_any_readings_give_a_share(before, now):
    """From 0 to 1, or nothing, whatever a host says."""
    share = io_wait(before, now)
    assert share is None or 0.0 <= share <= 1.0
