"""Runs the work on one host off the event loop, because libvirt calls block and cannot be cancelled.

All state lives on the event loop; a thread is given one call at a time and returns its result.  A driver that takes
several calls at once has as many threads, and each lab one action at a time.  A call past its deadline is given up
together with its thread, and what that still reports is ignored.  Unless the host has answered others meanwhile, it is
lost then: what follows has other threads, another connection and a higher generation.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

from trainbot.adapters.hosts.host_thread import HostCall, HostThreads
from trainbot.core.errors import BackendError, HostDown, Superseded
from trainbot.model.host import (
    HostConfig,
    HostDoubted,
    HostDriver,
    HostEvent,
    HostLost,
    HostSuperseded,
    HostUp,
    HostWorkDone,
    LabSpec,
)
from trainbot.model.host_address import host_address

log = logging.getLogger(__name__)

ACTIONS = ("make", "reset", "snapshot", "rollback", "reboot", "pause", "resume", "destroy")
WITH_SPEC = ("make", "reset", "snapshot", "rollback")
BACKOFF = (1.0, 2.0, 4.0, 8.0, 15.0)  # seconds before the host is opened again; the last one repeats
REREAD = 10.0  # seconds until a reading that nobody requested: an event may get lost
PING = 2.0  # seconds between questions to a host on another machine that has nothing else to do
LATE = 2.0  # seconds after which such a host is late with an opening, a reading or a ping ...
LATE_ACTION = 4.0  # ... and with an action, which may well take longer
MOST_ABANDONED = 3  # threads that may hang at a time; each holds a connection and some memory
_CLOSING = 5.0  # seconds that shutdown waits for a connection to close

DriverFactory = Callable[[Callable[[], None]], HostDriver]


@dataclass(slots=True)
class _UnderWay:
    """A call that was given to a thread.  ``began``: in the loop's time; ``moving``: of a reading, the labs with an action
    under way meanwhile."""

    generation: int
    began: float
    deadline: asyncio.TimerHandle
    late: asyncio.TimerHandle | None = None
    moving: set[str] = field(default_factory=set)


class HostWorker:
    """Works on one host, in order (as many calls at a time as its driver takes), and reports what happened through ``deliver`` (on the event loop).

    - ``HostUp(report)`` after each opening and reading; ``HostLost`` once each time the host stops answering.
      Reopening is tried without limit.
    - ``HostDoubted`` again and again while a host on another machine is late with a call and has answered nothing else
      meanwhile; if it is the bot that is late, no harm is done.
    - ``HostSuperseded`` each time that the claim on the host says so.
    - exactly one ``HostWorkDone`` for each ``submit``, unless ``close`` came first.

    ``make_driver`` gets a callback that requests a new reading and may be called from any thread.
    Create, start and call it on the event loop.  Times are in seconds.
    """

    def __init__(
        self,
        config: HostConfig,
        make_driver: DriverFactory,
        deliver: Callable[[HostEvent | HostSuperseded], None],
        *,
        backoff: Sequence[float] = BACKOFF,
        reread: float = REREAD,
        most_abandoned: int = MOST_ABANDONED,
    ) -> None:
        self.config = config
        self._make_driver = make_driver
        self._deliver = deliver
        self._backoff = tuple(backoff)
        self._reread = reread
        self._most_abandoned = most_abandoned
        self._queue: deque[HostCall] = deque()
        self._working: dict[HostCall, _UnderWay] = {}
        self._threads: HostThreads | None = None
        self._hung: set[HostCall] = set()  # those of this generation that were given up while others were answered
        self._answered = 0.0  # when a call of it was last answered, in the loop's time
        self._generation = 0
        self._abandoned: set[int] = set()  # generations whose threads hang
        self._state = "new"  # new -> opening <-> up, opening <-> waiting; finally closed
        self._told_lost = False
        self._delays = iter(self._backoff)
        self._remote = host_address(config.uri).remote
        self._ping: asyncio.TimerHandle | None = None
        self._again: asyncio.TimerHandle | None = None  # the next opening, or the next reading
        self._closed: asyncio.Future[None] | None = None

    @property
    def up(self) -> bool:
        """True if the host answered the last time it was asked."""
        return self._state == "up"

    # -- requests -----------------------------------------------------------------------------

    def start(self) -> None:
        """Opens the host; returns at once."""
        self._loop = asyncio.get_running_loop()
        self._open()

    def submit(self, action: str, lab_id: str, spec: LabSpec | None = None) -> None:
        """Queues ``action`` behind what was submitted before.  If the host does not answer, it fails at once as
        down."""
        if action not in ACTIONS or (spec is None and action in WITH_SPEC):
            raise ValueError(f"no action {action!r}, or it wants a spec")
        work = HostCall(action, lab_id, spec)
        if self._state == "closed":
            return
        if self._state == "waiting" or (self._state == "opening" and self._told_lost):
            # later, never from within submit: the caller may be in the middle of something
            self._loop.call_soon(self._finish, work, None, f"{self.config.name} does not answer", True)
            return
        self._queue.append(work)
        self._next()

    def refresh(self) -> None:
        """Requests a new report.  Several requests at the same time get one report.  A host that does not answer is opened
        again now, not only when its turn comes."""
        if self._state == "waiting" and len(self._abandoned) < self._most_abandoned:
            self._cancel(self._again)
            self._open()
        elif self._state == "up" and not any(work.action == "report" for work in self._queue):
            if self._at_once > 1:
                self._queue.appendleft(HostCall("report"))  # it need not wait for what takes long
            else:
                self._queue.append(HostCall("report"))
            self._next()

    async def close(self) -> None:
        """Closes the connection; the labs keep running.  Nothing is delivered afterwards.  Waits a few seconds at
        most."""
        if self._state == "closed":
            return
        self._state = "closed"
        self._cancel_timers()
        self._queue.clear()
        self._working.clear()
        threads, self._threads = self._threads, None
        if threads is None:
            return
        self._closed = self._loop.create_future()
        threads.end()
        try:
            await asyncio.wait_for(self._closed, _CLOSING)
        except TimeoutError:
            log.warning("%s: the connection did not close; it stays open until trainbot stops", self.config.name)

    # -- on the event loop --------------------------------------------------------------------

    def _open(self) -> None:
        if self._state == "closed":
            return
        if len(self._abandoned) >= self._most_abandoned:
            # do not let another thread hang as well: _ended opens when one of them returns
            log.warning("%s: %d calls hang; waiting for one to end", self.config.name, len(self._abandoned))
            self._state = "waiting"
            return
        self._state = "opening"
        if self._threads is None:
            self._generation += 1
            self._threads = HostThreads(
                self.config.name, self._generation, self._new_driver, self._done_there, self._ended_there
            )
        self._queue.appendleft(HostCall("open"))
        self._next()

    def _new_driver(self) -> HostDriver:
        return self._make_driver(self._changed)

    def _changed(self) -> None:
        """Requests a new report because the driver noticed a change.  May be called from any thread."""
        self._from_thread(self.refresh)

    def _done_there(self, _generation: int, work: HostCall, value: Any, error: Exception | None) -> None:
        self._from_thread(self._done, work, value, error)

    def _ended_there(self, generation: int) -> None:
        self._from_thread(self._ended, generation)

    def _from_thread(self, call: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: the program is ending and nobody listens
            self._loop.call_soon_threadsafe(call, *arguments)

    @property
    def _at_once(self) -> int:
        return 1 if self._threads is None else self._threads.at_once

    def _ours(self) -> list[HostCall]:
        """The calls under way in the threads that are in use; those of a connection that was lost may go on in others."""
        return [work for work, there in self._working.items() if there.generation == self._generation]

    def _next(self) -> None:
        while self._threads is not None and (work := self._startable()) is not None:
            self._queue.remove(work)
            self._begin(work, self._threads)

    def _startable(self) -> HostCall | None:
        """The first call of the queue that may begin now."""
        ours = self._ours()
        if self._state == "opening":
            return next((work for work in self._queue if work.action == "open"), None) if not ours else None
        if len(ours) + len(self._hung) >= self._at_once:
            return None
        busy = {work.lab for work in self._working}
        return next((work for work in self._queue if work.lab not in busy), None)

    def _begin(self, work: HostCall, threads: HostThreads) -> None:
        now = self._loop.time()
        there = _UnderWay(self._generation, now, self._loop.call_later(self.config.deadline, self._give_up, work))
        if work.action in ACTIONS:
            for other in self._working.values():
                other.moving.add(work.lab)
        else:
            there.moving = {other.lab for other in self._working}
        self._working[work] = there
        if self._remote:
            self._cancel(self._ping)
            self._doubt_later(work, there)
        threads.give(work)

    def _doubt_later(self, work: HostCall, there: _UnderWay) -> None:
        self._cancel(there.late)
        seconds = LATE_ACTION if work.action in ACTIONS else LATE
        there.late = self._loop.call_later(seconds, self._doubt, work, there, seconds)

    def _doubt(self, work: HostCall, there: _UnderWay, seconds: float) -> None:
        if not self._told_lost:
            self._tell(HostDoubted(self.config.name, f"no answer to {work.action} for {seconds:g} s"))
            self._doubt_later(work, there)

    def _ask(self) -> None:
        if self._state == "up" and not self._working:
            self._queue.append(HostCall("ping"))
            self._next()

    def _done(self, work: HostCall, value: Any, error: Exception | None) -> None:
        """Handles the end of a call."""
        there = self._ends(work)
        if there is None:
            self._hung.discard(work)
            self._next()
            return
        down, current = isinstance(error, HostDown), there.generation == self._generation
        if not down and current:
            self._answered = self._loop.time()
            for other in self._ours() if self._remote else ():
                self._doubt_later(other, self._working[other])  # the host is there, and has much to do
        if isinstance(error, Superseded):
            self._tell(HostSuperseded(self.config.name, str(error)))
        if error is not None and not isinstance(error, BackendError):
            log.error("%s: %s failed", self.config.name, work.action, exc_info=error)
        if work.action in ACTIONS:
            self._finish(work, value, None if error is None else _sentence(error), down)
        elif error is None and work.action != "ping":
            self._read(value, there.moving)
        if current and (down or (error is not None and work.action not in ACTIONS)):
            self._lost(_sentence(error))
            return
        self._next()
        if self._remote and not self._working:
            self._cancel(self._ping)
            self._ping = self._loop.call_later(PING, self._ask)

    def _ends(self, work: HostCall) -> _UnderWay | None:
        """That call is not under way any more; None if it was given up before."""
        there = self._working.pop(work, None)
        if there is not None:
            self._cancel(there.deadline)
            self._cancel(there.late)
        return there

    def _read(self, report: Any, moving: set[str]) -> None:
        self._state = "up"
        self._told_lost = False
        self._delays = iter(self._backoff)
        self._cancel(self._again)
        self._again = self._loop.call_later(self._reread, self.refresh)
        self._tell(HostUp(report, frozenset(moving)))

    def _give_up(self, work: HostCall) -> None:
        """A call is past its deadline."""
        there = self._ends(work)
        if there is None:
            return
        reason = f"{self.config.name} did not answer within {self.config.deadline:g} s"
        if there.generation != self._generation:
            self._abandoned.add(there.generation)
        elif work.action in ACTIONS and self._answered > there.began and len(self._hung) + 1 < self._most_abandoned:
            self._hung.add(work)  # the host answers: only this one hangs
        else:
            self._abandoned.add(self._generation)
            self._retire()
            if work.action in ACTIONS:
                self._finish(work, None, reason, True)
            self._lost(reason)
            return
        if work.action in ACTIONS:
            self._finish(work, None, reason, True)
        self._next()

    def _retire(self) -> None:
        """What is under way goes on in threads that get nothing more, and ends with them; a reading says nothing any more."""
        if self._threads is not None:
            self._threads.end()
            self._threads = None
        for work in self._ours():
            if work.action not in ACTIONS:
                self._ends(work)
        if self._hung:
            self._abandoned.add(self._generation)
            self._hung.clear()
        self._generation += 1

    def _ended(self, generation: int) -> None:
        """Handles the end of a thread that was told to end, or that had been given up."""
        if self._closed is not None and generation == self._generation and not self._closed.done():
            self._closed.set_result(None)
        full = len(self._abandoned) >= self._most_abandoned
        self._abandoned.discard(generation)
        if full and self._state == "waiting":
            self._open_later()

    def _lost(self, reason: str) -> None:
        self._state = "waiting"
        self._cancel(self._ping)
        self._cancel(self._again)
        if self._ours() or self._hung:
            self._retire()
        waiting, self._queue = self._queue, deque()
        if not self._told_lost:
            self._told_lost = True
            log.warning("%s: lost: %s", self.config.name, reason)
            self._tell(HostLost(self.config.name, reason))
        for work in waiting:
            if work.action in ACTIONS:
                self._finish(work, None, reason, True)
        self._open_later()

    def _open_later(self) -> None:
        self._cancel(self._again)
        self._again = self._loop.call_later(next(self._delays, self._backoff[-1]), self._open)

    def _finish(self, work: HostCall, domain: Any, error: str | None, down: bool) -> None:
        self._tell(HostWorkDone(self.config.name, work.lab, work.action, domain, error, down))

    def _tell(self, event: HostEvent | HostSuperseded) -> None:
        if self._state == "closed":
            return
        try:
            self._deliver(event)
        except Exception:  # a fault in the listener must not end the work on this host
            log.exception("%s: the event %s could not be handled", self.config.name, type(event).__name__)

    def _cancel_timers(self) -> None:
        calls = self._working.values()
        for timer in (self._ping, self._again, *(there.deadline for there in calls), *(there.late for there in calls)):
            self._cancel(timer)

    @staticmethod
    def _cancel(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


def _sentence(error: Exception | None) -> str:
    """Returns the text that people may read about an error; for a bug, only that there was one (the log has the
    traceback)."""
    return str(error) if isinstance(error, BackendError) else "internal error: see trainbot's log"
