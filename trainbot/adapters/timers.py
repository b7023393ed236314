"""The only importer of apscheduler.  Timers decide nothing: they make calls, and the code called looks at the rows."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from datetime import UTC

from apscheduler.schedulers.asyncio import AsyncIOScheduler


class Timers:
    """Jobs are kept in memory only (the rows are the truth).  A late job still runs; several late runs of a job become
    one (APScheduler's misfire_grace_time and coalesce)."""

    def __init__(self) -> None:
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )

    def every(self, seconds: float, call: Callable[[], Awaitable[None]]) -> None:
        self._scheduler.add_job(call, "interval", seconds=seconds)

    def start(self) -> None:
        self._scheduler.start()

    def close(self) -> None:
        if self._scheduler.running:
            self._scheduler.shutdown(wait=False)
