"""Named tasks of the event loop: kept while they run, cancelled with their owner, failures always logged."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Coroutine, Iterator
from types import TracebackType
from typing import Any, Self, TypeVar

log = logging.getLogger(__name__)
T = TypeVar("T")
AGAIN = 2.0  # seconds after which a task that ignored its cancellation is cancelled again


class Tasks:
    """The tasks of one owner.  The event loop itself keeps only weak references to tasks; these stay.

    As ``async with Tasks() as tasks`` it closes itself.
    """

    def __init__(self) -> None:
        self._running: dict[asyncio.Task[Any], bool] = {}  # and whether it was cancelled here

    def start(self, work: Coroutine[Any, Any, T], name: str, *, awaited: bool = False) -> asyncio.Task[T]:
        """Starts ``work``.  If it fails, the exception is logged with ``name``, unless ``awaited`` is set: then the caller
        awaits the task or asks for its result."""
        task = asyncio.create_task(work, name=name)
        self._running[task] = False
        task.add_done_callback(self._running.pop)
        if not awaited:
            task.add_done_callback(_log_failure)
        return task

    def __len__(self) -> int:
        """How many are still running."""
        return len(self._running)

    def __iter__(self) -> Iterator[asyncio.Task[Any]]:
        return iter(list(self._running))

    def cancel(self) -> None:
        """Cancels each task once, without waiting for it to end; its cleanup is not interrupted.  If one of the tasks
        calls this, that one is left out."""
        for task in self._others():
            if not self._running[task]:
                self._running[task] = True
                task.cancel()

    async def close(self) -> None:
        """Cancels all tasks and waits for them to end, including those they start meanwhile."""
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
    """The current task; None in a callback and without a running loop."""
    try:
        return asyncio.current_task()
    except RuntimeError:
        return None


def _log_failure(task: asyncio.Task[Any]) -> None:
    if not task.cancelled() and (error := task.exception()) is not None:
        log.error("%s failed", task.get_name(), exc_info=error)
