"""Long work on the bot's own store, a step at a time in a thread: turns wait for a step, sockets for nothing."""

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
    """The last step was taken, and this came of all."""

    value: T


class Maintenance:
    """Whoever holds ``free`` works on the store, nobody else.  ``interrupt``: ends what its database is doing, which is
    undone then."""

    def __init__(self, interrupt: Callable[[], None]) -> None:
        self.free = asyncio.Lock()
        self._interrupt = interrupt
        self._tasks = Tasks()  # never cancelled: a step is brought to its end
        self._step: asyncio.Task[Any] | None = None
        self._ending: asyncio.Task[None] | None = None

    async def do(self, steps: Generator[None, None, T]) -> T:
        """What comes of ``steps``; BackendError where we were closed before."""
        while True:
            async with self.free:
                if self._ending is not None:
                    raise BackendError("trainbot is stopping: try again when it is running")
                last = await self._taken(steps)
            if last is not None:
                return last.value

    async def _taken(self, steps: Generator[None, None, T]) -> LastStep[T] | None:
        """One piece of work, to its end even where we are cancelled: it must not go on while others use the store."""
        step = self._step = self._tasks.start(asyncio.to_thread(_next, steps), "a step of maintenance", awaited=True)
        try:
            return await asyncio.shield(step)
        except asyncio.CancelledError:
            await self._end()
            raise

    def close(self) -> None:
        """What is under way ends as soon as it can."""
        if self._ending is None:
            self._ending = self._tasks.start(self._end(), "the end of maintenance")

    async def _end(self) -> None:
        while self._step is not None and not self._step.done():
            self._interrupt()  # of no effect between two statements
            await asyncio.wait([self._step], timeout=0.1)


def _next(steps: Generator[None, None, T]) -> LastStep[T] | None:
    """One step; what came of all where it was the last."""
    try:
        next(steps)
    except StopIteration as end:
        return LastStep(end.value)
    return None


def at_once(steps: Generator[None, None, T]) -> T:
    """What comes of ``steps``, where nobody else waits."""
    while True:
        last = _next(steps)
        if last is not None:
            return last.value
