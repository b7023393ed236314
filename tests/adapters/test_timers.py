"""Timers make calls on time, whatever else happens."""

from __future__ import annotations

import asyncio
import sys
from datetime import UTC, datetime, timedelta

import pytest

from trainbot.adapters.timers import Timers


class Calls:
    """What was called, in order."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.more = asyncio.Event()

    def __call__(self, name: str):
        async def call() -> None:
            self.names.append(name)
            self.more.set()

        return call

    async def one(self) -> None:
        async with asyncio.timeout(20):
            await self.more.wait()
        self.more.clear()


async def test_a_date_that_is_over_is_called_at_once() -> None:
    """And the date that was set last under a name is the one that counts."""
    timers, calls = Timers(), Calls()
    now = datetime.now(UTC)
    timers.at(now + timedelta(days=1), "due", calls("tomorrow"))
    timers.at(now - timedelta(hours=1), "due", calls("an hour ago"))
    await calls.one()
    assert calls.names == ["an hour ago"]
    await timers.close()


async def test_dates_that_cannot_be_set_stop_nothing(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """A library that cannot be loaded any more, because no file descriptor is left: what recurs goes on, and so do
    dates once it can."""
    timers, calls = Timers(), Calls()
    with monkeypatch.context() as broken:
        broken.setitem(sys.modules, "apscheduler.triggers.date", None)
        timers.at(datetime.now(UTC), "due", calls("due"))
        assert "cannot set a timer" in caplog.text
        timers.look_again()
        timers.every(0, calls("again"))
        await calls.one()
    timers.at(datetime.now(UTC), "due", calls("due"))
    while "due" not in calls.names:
        await calls.one()
    await timers.close()
