"""Timers.  They decide nothing: they make calls, and the code called looks at the rows.

What recurs after some seconds runs on the loop's monotonic clock.  What is due at a time of day is a job of APScheduler (this is
its only importer).  It waits as long as the wall clock says when the job is added, so ``look_again`` has to be called now and
then: the wall clock may have been set since, or the machine suspended.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from trainbot.core.tasks import Tasks

if TYPE_CHECKING:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

log = logging.getLogger(__name__)


class Timers:
    """Nothing is kept but in memory: the rows are the truth.  A late job still runs, and one job at a time has each name
    (APScheduler's misfire_grace_time and replace_existing)."""

    def __init__(self) -> None:
        self._tasks = Tasks()
        self._scheduler: AsyncIOScheduler | None = None

    def every(self, seconds: float, call: Callable[[], Awaitable[None]]) -> None:
        """Calls it every ``seconds``; the next time counts from the end of the call."""
        self._tasks.start(self._again_and_again(seconds, call), f"a call every {seconds:g} s")

    async def _again_and_again(self, seconds: float, call: Callable[[], Awaitable[None]]) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await call()
            except Exception:
                log.exception("a timer's call failed")

    def at(self, moment: datetime, name: str, call: Callable[[], Awaitable[None]]) -> None:
        """Calls it at that time of day, instead of at the time that was set under this name before.  Where APScheduler
        cannot be loaded now, that is logged, and what recurs has to do."""
        try:
            from apscheduler.triggers.date import DateTrigger  # with the first date: it takes a tenth of a start

            if self._scheduler is None:
                self._scheduler = _started()
        except (ImportError, OSError):
            log.exception("cannot set a timer for %s", moment)
            return
        self._scheduler.add_job(call, DateTrigger(moment), id=name, replace_existing=True)

    def look_again(self) -> None:
        """Runs dated jobs that are due by now, and computes anew how long the others wait."""
        if self._scheduler is not None:
            self._scheduler.wakeup()

    async def close(self) -> None:
        if self._scheduler is not None:
            self._scheduler.shutdown(wait=False)
        self._tasks.cancel()
        await self._tasks.close()


def _started() -> AsyncIOScheduler:
    from apscheduler.schedulers.asyncio import AsyncIOScheduler

    scheduler = AsyncIOScheduler(timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True})
    scheduler.start()
    return scheduler
