"""Tasks of the event loop: kept while they run, named, ended with their owner, and never failing unheard."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")
AGAIN = 2.0  # seconds after which a task that did not heed its cancellation is cancelled again


class Tasks:
    """The tasks of one owner.  The event loop itself keeps only weak references to tasks; these stay.

    As ``async with Tasks() as tasks`` it closes itself.
    """

    def __init__(self) -> None:
        self._running: dict[asyncio.Task[Any], bool] = {}  # and whether it was cancelled here

    def start(self, work: Coroutine[Any, Any, T], name: str, *, awaited: bool = False) -> asyncio.Task[T]:
        """Begins ``work``.  If it fails, the exception is logged with ``name``, unless somebody else gets it:
        ``awaited`` says that the caller awaits the task or asks for its result."""
        task = asyncio.create_task(work, name=name)
        self._running[task] = False
        task.add_done_callback(self._running.pop)
        if not awaited:
            task.add_done_callback(_log_failure)
        return task

    def __len__(self) -> int:
        """How many have not ended yet."""
        return len(self._running)

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        return iter(list(self._running))

    def cancel(self) -> None:
        """Cancels each once, without waiting for its end: whatever it does at its end is not interrupted.  Called by
        one of them, it leaves that one out."""
        for task in self._others():
            if not self._running[task]:
                self._running[task] = True
                task.cancel()

    async def close(self) -> None:
        """Cancels all and waits until they have ended, those included that they start meanwhile."""
        self.cancel()
        while others := self._others():
            done, _ = await asyncio.wait(others, timeout=AGAIN)
            if not done:  # cancellation can get lost, for example in asyncio.wait_for before Python 3.12
                self._running.update(dict.fromkeys(others, False))
            self.cancel()

    def _others(self) -> list[asyncio.Task[Any]]:
        return [task for task in self._running if task is not _current()]

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()


def _current() -> asyncio.Task[Any] | None:
    """The task that runs now; None in a callback, and where no loop runs."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s failed", task.get_name(), exc_info=error)
