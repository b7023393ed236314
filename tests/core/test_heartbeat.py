"""The sign of life in the state folder."""

from __future__ import annotations

import stat
from datetime import UTC, datetime
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from trainbot.core import heartbeat
from trainbot.core.heartbeat import NAME, Heartbeat


@given(st.integers(0, 1 << 62), st.datetimes(timezones=st.just(UTC)), st.text(max_size=40), st.floats(0, 1e9))
def test_what_is_written_is_read(tmp_path_factory: pytest.TempPathFactory, commits, at, boot_id, boottime) -> None:
    """Every field, to the microsecond."""
    state, beat = tmp_path_factory.getbasetemp(), Heartbeat(commits, at, boot_id, boottime)
    heartbeat.write(state, beat)
    assert heartbeat.read(state) == beat


def test_it_is_of_now_and_private(tmp_path: Path) -> None:
    """The clocks of this machine; mode 0600; gone when it is forgotten."""
    before = datetime.now(UTC)
    one, two = heartbeat.heartbeat(3), heartbeat.heartbeat(4)
    assert before <= one.at <= two.at and 0 < one.boottime <= two.boottime and one.boot_id == two.boot_id
    heartbeat.write(tmp_path, one)
    assert stat.S_IMODE((tmp_path / NAME).stat().st_mode) == 0o600
    heartbeat.forget(tmp_path)
    heartbeat.forget(tmp_path)
    assert heartbeat.read(tmp_path) is None


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0" * 100,
        b"null",
        b"[1]",
        b"{}",
        b"[" * 5000,
        b'{"commits": "x", "at": "2026-01-01T00:00:00+00:00", "boot_id": "", "boottime": 0}',
        b'{"commits": 1, "at": "2026-01-01T00:00:00", "boot_id": "", "boottime": 0}',
        b'{"commits": 1e400, "at": "2026-01-01T00:00:00+00:00", "boot_id": "", "boottime": 0}',
    ],
)
def test_one_that_cannot_be_read_is_none(tmp_path: Path, content: bytes) -> None:
    """A power cut may leave anything: then nothing is known, and nothing is claimed."""
    (tmp_path / NAME).write_bytes(content)
    assert heartbeat.read(tmp_path) is None
