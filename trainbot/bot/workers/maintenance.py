"""Long work on the bot's own store, done step by step in a thread: a turn waits for a step at most, and sockets never
wait."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Generator
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from trainbot.core.errors import BackendError
from trainbot.core.tasks import Tasks

T = TypeVar("T")


@dataclass(frozen=True)
class LastStep(Generic[T]):
    """The last step was taken; ``value`` is the result of the whole work."""

    value: T


class Maintenance:
    """Only the holder of ``free`` may use the store.  ``interrupt``: interrupts the current database operation, which
    is then rolled back."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self.free = asyncio.Lock()
        self._interrupt = interrupt
        self._tasks = Tasks()  # never cancelled: a step always runs to its end
        self._step: asyncio.Task[Any] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def pause(self) -> None:
        """Returns between two steps: no other one begins before the caller waits for something."""
        if self.free.locked():
            async with self.free:
                pass

    async def do(self, steps: Generator[None, None, T]) -> T:
        """The result of ``steps``.  BackendError if this is closed first."""
        while True:
            async with self.free:
                if self._ending is not None:
                    raise BackendError("trainbot is stopping: try again when it is running")
                last = await self._taken(steps)
            if last is not None:
                return last.value

    async def _taken(self, steps: Generator[None, None, T]) -> LastStep[T] | None:
        """Takes one step to its end even if cancelled: it must not continue while others use the store."""
        step = self._step = self._tasks.start(asyncio.to_thread(_next, steps), "a step of maintenance", awaited=True)
        try:
            return await asyncio.shield(step)
        except asyncio.CancelledError:
            await self._end()
            raise

    def close(self) -> None:
        """Ends the current work as soon as possible."""
        if self._ending is None:
            self._ending = self._tasks.start(self._end(), "the end of maintenance")

    async def _end(self) -> None:
        while self._step is not None and not self._step.done():
            self._interrupt()  # has no effect between two statements, so repeat it
            await asyncio.wait([self._step], timeout=0.1)


def _next(steps: Generator[None, None, T]) -> LastStep[T] | None:
    """Takes one step; returns the result of the whole work if it was the last one."""
    try:
        next(steps)
    except StopIteration as end:
        return LastStep(end.value)
    return None


def at_once(steps: Generator[None, None, T]) -> T:
    """The result of ``steps``, taken one after the other: for use where nobody else waits for the store."""
    while True:
        last = _next(steps)
        if last is not None:
            return last.value
