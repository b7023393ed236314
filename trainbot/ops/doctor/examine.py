"""Runs all subjects at once, each with a deadline: one that hangs does not hold up the others."""

from __future__ import annotations

import asyncio
import logging
import threading
from collections.abc import Awaitable, Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any, TypeVar

from trainbot.core.errors import BackendError
from trainbot.images.build.progress_bar import Progress
from trainbot.ops.doctor.finding import Finding, Findings

T = TypeVar("T")
log = logging.getLogger(__name__)


class ExamineTimeout(BackendError):
    """It did not finish in time; its result is unknown."""


@dataclass(frozen=True, slots=True)
class Subject:
    """``look`` returns its findings within ``seconds``."""

    name: str
    look: Callable[[], Awaitable[list[Finding]]]
    seconds: float


async def examine(subjects: Sequence[Subject], progress: Progress) -> list[Finding]:
    """All findings in the order of ``subjects``; an exception in one becomes a finding."""
    progress.stage(f"examining {', '.join(subject.name for subject in subjects)}")
    over = 0

    async def one(subject: Subject) -> list[Finding]:
        nonlocal over
        found = await _findings(subject)
        over += 1
        progress.step(over, len(subjects), subject.name)
        return found

    return [finding for found in await asyncio.gather(*map(one, subjects)) for finding in found]


async def _findings(subject: Subject) -> list[Finding]:
    words = Findings(subject.name)
    try:
        return await within(subject.seconds, subject.name, subject.look())
    except BackendError as error:
        return [words.failed("could not be examined", error, "so it is unknown whether a class can rely on it")]
    except Exception as error:
        log.exception("%s could not be examined", subject.name)
        return [
            words.wrong(
                f"could not be examined because of a bug in trainbot ({type(error).__name__})",
                "so it is unknown whether a class can rely on it",
                "report it with the lines above on stderr",
            )
        ]


async def within(seconds: float, what: str, work: Awaitable[T]) -> T:
    """The result of ``work``, or ExamineTimeout after ``seconds``."""
    try:
        async with asyncio.timeout(seconds) as limit:
            return await work
    except TimeoutError:
        if not limit.expired():
            raise
        raise ExamineTimeout(f"{what} took longer than {seconds:g} s") from None


async def attempt(seconds: float, what: str, work: Awaitable[T]) -> T | BackendError:
    """The result of ``work``, or its error as a value."""
    try:
        return await within(seconds, what, work)
    except BackendError as error:
        return error


async def in_thread(call: Callable[..., T], *values: Any) -> T:
    """``call(*values)`` in a daemon thread: one that hangs is abandoned and does not delay the program's exit (the event
    loop's own executor would)."""
    loop = asyncio.get_running_loop()
    done: asyncio.Future[T] = loop.create_future()

    def tell(set_it: Callable[[], None]) -> None:
        if not done.done():
            set_it()

    def run() -> None:
        try:
            set_it = partial(done.set_result, call(*values))
        except BaseException as error:
            set_it = partial(done.set_exception, error)
        with suppress(RuntimeError):  # the loop is closed: nobody is waiting
            loop.call_soon_threadsafe(tell, set_it)

    threading.Thread(target=run, name="look", daemon=True).start()
    return await done
