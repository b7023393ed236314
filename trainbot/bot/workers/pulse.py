"""What the bot does every second for the safety of its database: the heartbeat, and a short write-ahead log."""

from __future__ import annotations

import logging
import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path

from trainbot.adapters.db import Store
from trainbot.bot.workers.maintenance import Maintenance
from trainbot.core import heartbeat
from trainbot.core.errors import BackendError
from trainbot.core.tasks import Tasks

log = logging.getLogger(__name__)
BEAT = 1.0  # seconds
IDLE = 10.0  # seconds between two heartbeats while nothing is stored
LONGEST = 10.0  # seconds after which the log is emptied even if there was no quiet second


class Pulse:
    def __init__(self, store: Store, state: Path, maintenance: Maintenance) -> None:
        self._store, self._state, self._maintenance = store, state, maintenance
        self._tasks = Tasks()
        self._written = -1  # the commits in the latest heartbeat
        self._written_at = self._emptied_at = time.monotonic()
        self._last = self._emptied = store.commits
        self._complaint = ""

    async def beat(self) -> None:
        """To be called every ``BEAT`` seconds."""
        now, commits = time.monotonic(), self._store.commits
        if commits != self._written or now - self._written_at >= IDLE:
            self._write(commits)
            self._written_at = now
        quiet = (commits == self._last and self._emptied >= 0) or now - self._emptied_at >= LONGEST
        if quiet and commits != self._emptied and not len(self._tasks):
            self._emptied_at, self._emptied = now, commits
            self._tasks.start(self._empty(), "a checkpoint")
        self._last = commits

    async def close(self) -> None:
        """A last heartbeat; what is stored until the end may be one commit ahead of it, which is no harm."""
        await self._tasks.close()
        self._write(self._store.commits)

    def _write(self, commits: int) -> None:
        try:
            heartbeat.write(self._state, heartbeat.heartbeat(commits))
            self._written, self._complaint = commits, ""
        except OSError as error:
            complaint = f"the heartbeat in {self._state} cannot be written ({error.strerror})"
            if complaint != self._complaint:
                self._complaint = complaint
                log.error("%s: if changes are lost now, nobody will notice", complaint)

    async def _empty(self) -> None:
        with suppress(BackendError):  # we are stopping, and SQLite does it itself at the end
            await self._maintenance.do(self._checkpoint())

    def _checkpoint(self) -> Generator[None, None, None]:
        if not self._store.checkpoint():
            self._emptied = -1  # a reader needs it, or the disk does not take it
        yield from ()  # a single step
