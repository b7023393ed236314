"""Long work on the store, beside the loop: the doors go on, and nobody else uses the store in the middle of it."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Generator
from datetime import timedelta
from pathlib import Path

import pytest

from tests.stage import Stage
from trainbot.adapters.db import Store
from trainbot.bot.workers.calendar_writer import CalendarFiles, CalendarWriter
from trainbot.bot.workers.maintenance import Maintenance, at_once
from trainbot.core.errors import BackendError
from trainbot.features.sessions.publishing import CalendarPublished, PublishCalendar

COUNTING = "with recursive n(i) as (select 1 union all select i + 1 from n) select count(*) from n"  # for ever


@pytest.fixture
def store(tmp_path: Path) -> Generator[Store, None, None]:
    store = Store(f"sqlite:///{tmp_path / 'trainbot.db'}")
    yield store
    store.close()


async def test_the_loop_goes_on_during_a_step(store: Store) -> None:
    """A step that only the loop can end comes to its end; the store is nobody's until then."""
    chores, began, done = Maintenance(store.interrupt), asyncio.Event(), threading.Event()
    loop = asyncio.get_running_loop()

    def steps() -> Generator[None, None, str]:
        loop.call_soon_threadsafe(began.set)
        done.wait()
        yield
        return "done"

    async with asyncio.timeout(20):
        work = asyncio.create_task(chores.do(steps()))
        await began.wait()
        assert chores.free.locked()
        done.set()
        assert await work == "done"


async def test_others_have_their_turn_between_two_steps(store: Store) -> None:
    """Whoever waits for the store gets it before the next step."""
    chores, order = Maintenance(store.interrupt), []

    def steps() -> Generator[None, None, None]:
        for number in range(3):
            order.append(number)
            yield

    async def turn() -> None:
        async with chores.free:
            order.append("turn")

    async with asyncio.timeout(20):
        await asyncio.gather(chores.do(steps()), turn())
    assert order == [0, "turn", 1, 2]


async def test_a_bot_that_ends_waits_for_no_chore(store: Store) -> None:
    """What its database does is interrupted and undone; nothing more is begun."""
    chores, began = Maintenance(store.interrupt), asyncio.Event()
    loop = asyncio.get_running_loop()

    def steps() -> Generator[None, None, None]:
        with store.transaction():
            store.connection.exec_driver_sql("create table half (way int)")
            loop.call_soon_threadsafe(began.set)
            store.connection.exec_driver_sql(COUNTING).all()
        yield

    async with asyncio.timeout(20):
        work = asyncio.create_task(chores.do(steps()))
        await began.wait()
        chores.close()
        with pytest.raises(BackendError, match="undone"):
            await work
        with pytest.raises(BackendError, match="try again when it is running"):
            await chores.do(steps())
    with store.transaction():
        assert not store.connection.exec_driver_sql("select 1 from sqlite_master where name = 'half'").all()


async def test_a_client_that_goes_away_leaves_nothing_half_done(store: Store) -> None:
    """Cancelled in the middle of a step: the step has ended before anybody else has the store."""
    chores, began, ended = Maintenance(store.interrupt), asyncio.Event(), []
    loop = asyncio.get_running_loop()

    def steps() -> Generator[None, None, None]:
        try:
            with store.transaction():
                loop.call_soon_threadsafe(began.set)
                store.connection.exec_driver_sql(COUNTING).all()
        finally:
            ended.append(True)
        yield

    async with asyncio.timeout(20):
        work = asyncio.create_task(chores.do(steps()))
        await began.wait()
        work.cancel()
        async with chores.free:
            assert ended


def test_a_shell_takes_all_steps(store: Store) -> None:
    """Where nobody else waits."""

    def steps() -> Generator[None, None, int]:
        yield
        return 7

    assert at_once(steps()) == 7


async def test_the_loop_goes_on_while_the_calendar_is_made(tmp_path: Path) -> None:
    """A file system that hangs holds up the calendar alone; turns are taken meanwhile, and their changes come next."""
    stage = Stage(tmp_path)
    stage.talk("olga", '!session add sat 5 dec 19:00 berlin "SE Linux"')
    stage.talk("olga", "!yes")
    stage.talk("olga", "!session publish")
    posted: asyncio.Queue[CalendarPublished] = asyncio.Queue()
    loop, began, free, written = asyncio.get_running_loop(), asyncio.Event(), threading.Event(), []

    class SlowPress(CalendarFiles):
        def write(self, path: Path, content: bytes) -> None:
            loop.call_soon_threadsafe(began.set)
            free.wait()
            written.append((path.name, content.count(b"BEGIN:VEVENT")))

    now = stage.now
    press = SlowPress(stage.press.where, stage.config.schedule, tmp_path / "new")
    printing = CalendarWriter(stage.config.store, stage.config.irc, press, posted.put_nowait)
    async with asyncio.timeout(20):
        printing.begin(PublishCalendar(now))
        await began.wait()
        assert stage.talk("alice", "!sessions")
        free.set()
        done = await posted.get()
    assert done.error is None and done.again_at is not None and done.again_at > now + timedelta(days=1)
    assert [name for name, _events in written] == ["sessions.ics", "sessions.html"] and written[0][1] == 1
    await printing.close()
    stage.store.close()
