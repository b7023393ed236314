"""One owner's tasks: none is lost, none fails unheard, none outlives its owner."""

from __future__ import annotations

import asyncio
import gc
import logging
import weakref
from contextlib import suppress

import pytest

from trainbot.core import tasks as module
from trainbot.core.tasks import Tasks


async def failing() -> None:
    raise ValueError("of no use")


async def for_ever() -> None:
    await asyncio.Event().wait()


async def test_what_fails_unawaited_is_logged_with_its_name(caplog: pytest.LogCaptureFixture) -> None:
    tasks = Tasks()
    task = tasks.start(failing(), "the look at host a")
    await asyncio.wait([task])
    await asyncio.sleep(0)
    record = next(record for record in caplog.records if record.name == "trainbot.core.tasks")
    assert (record.levelno, record.getMessage()) == (logging.ERROR, "the look at host a failed")
    assert record.exc_info and isinstance(record.exc_info[1], ValueError)
    assert len(tasks) == 0


async def test_what_somebody_awaits_is_theirs(caplog: pytest.LogCaptureFixture) -> None:
    tasks = Tasks()
    with pytest.raises(ValueError, match="of no use"):
        await tasks.start(failing(), "the look at host a", awaited=True)
    assert await tasks.start(asyncio.sleep(0, "seen"), "another", awaited=True) == "seen"
    assert caplog.records == []


async def test_a_task_stays_though_nobody_else_keeps_it() -> None:
    tasks = Tasks()
    kept = weakref.ref(tasks.start(for_ever(), "kept"))
    await asyncio.sleep(0)
    gc.collect()
    task = kept()
    assert task is not None and not task.done() and task.get_name() == "kept"
    await tasks.close()


async def test_close_ends_all_and_waits_for_what_they_do_at_their_end(caplog: pytest.LogCaptureFixture) -> None:
    ended: list[str] = []
    tasks = Tasks()

    async def work(name: str) -> None:
        try:
            await for_ever()
        finally:
            await asyncio.sleep(0.01)
            if name == "first":
                tasks.start(work("late"), "late")
                await asyncio.sleep(0)
            ended.append(name)

    for name in ("first", "second"):
        tasks.start(work(name), name)
    await asyncio.sleep(0)
    tasks.cancel()  # said twice, done once: nobody's end is interrupted
    await tasks.close()
    assert (sorted(ended), len(tasks)) == (["first", "late", "second"], 0)
    await tasks.close()
    assert caplog.records == []


async def test_with_async_with_nothing_outlives_the_block() -> None:
    with suppress(KeyError):
        async with Tasks() as tasks:
            task = tasks.start(for_ever(), "inside")
            await asyncio.sleep(0)
            raise KeyError
    assert task.cancelled()


async def test_one_of_them_can_close_the_rest() -> None:
    tasks = Tasks()
    other = tasks.start(for_ever(), "other")

    async def last() -> str:
        await tasks.close()
        return "closed"

    assert await asyncio.wait_for(tasks.start(last(), "last", awaited=True), 5) == "closed"
    assert other.cancelled()


async def test_a_cancellation_that_gets_lost_is_said_again(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "AGAIN", 0.05)
    tasks = Tasks()

    async def deaf() -> None:
        with suppress(asyncio.CancelledError):
            await for_ever()
        await for_ever()

    tasks.start(deaf(), "deaf")
    await asyncio.sleep(0)
    await asyncio.wait_for(tasks.close(), 5)
    assert len(tasks) == 0
