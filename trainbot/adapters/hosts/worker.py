"""Runs the work on one host off the event loop, because libvirt calls block and cannot be cancelled.

All state lives on the event loop; a thread is given one call at a time and returns its result.  A call past its
deadline is given up together with its thread: the next call has another thread, another connection and a higher
generation, and anything that the old thread still reports is ignored.
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

from trainbot.adapters.hosts.host_thread import HostCall, HostThread
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


class HostWorker:
    """Works on one host, in order, and reports what happened through ``deliver`` (on the event loop).

    - ``HostUp(report)`` after each opening and reading; ``HostLost`` once each time the host stops answering.
      Reopening is tried without limit.
    - ``HostDoubted`` again and again while a host on another machine is late; if it is the bot that is late, no harm is
      done.
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
        self._working: HostCall | None = None
        self._thread: HostThread | None = None
        self._generation = 0
        self._abandoned: set[int] = set()  # generations whose threads hang
        self._state = "new"  # new -> opening <-> up, opening <-> waiting; finally closed
        self._told_lost = False
        self._delays = iter(self._backoff)
        self._deadline: asyncio.TimerHandle | None = None
        self._remote = host_address(config.uri).remote
        self._late: asyncio.TimerHandle | None = None
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
        thread, self._thread = self._thread, None
        if thread is None:
            return
        self._closed = self._loop.create_future()
        thread.end()
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
        if self._thread is None:
            self._generation += 1
            self._thread = HostThread(
                self.config.name, self._generation, self._new_driver, self._done_there, self._ended_there
            )
        self._queue.appendleft(HostCall("open"))
        self._next()

    def _new_driver(self) -> HostDriver:
        return self._make_driver(self._changed)

    def _changed(self) -> None:
        """Requests a new report because the driver noticed a change.  May be called from any thread."""
        self._from_thread(self.refresh)

    def _done_there(self, generation: int, value: Any, error: Exception | None) -> None:
        self._from_thread(self._done, generation, value, error)

    def _ended_there(self, generation: int) -> None:
        self._from_thread(self._ended, generation)

    def _from_thread(self, call: Callable[..., None], *arguments: Any) -> None:
        with suppress(RuntimeError):  # the loop is closed: the program is ending and nobody listens
            self._loop.call_soon_threadsafe(call, *arguments)

    def _next(self) -> None:
        if self._working is None and self._queue and self._thread is not None:
            self._working = self._queue.popleft()
            self._deadline = self._loop.call_later(self.config.deadline, self._give_up, self._generation)
            if self._remote:
                self._cancel(self._ping)
                self._doubt_later(self._working)
            self._thread.give(self._working)

    def _doubt_later(self, work: HostCall) -> None:
        seconds = LATE_ACTION if work.action in ACTIONS else LATE
        self._late = self._loop.call_later(seconds, self._doubt, work, seconds)

    def _doubt(self, work: HostCall, seconds: float) -> None:
        if not self._told_lost:
            self._tell(HostDoubted(self.config.name, f"no answer to {work.action} for {seconds:g} s"))
            self._doubt_later(work)

    def _ask(self) -> None:
        if self._state == "up" and self._working is None:
            self._queue.append(HostCall("ping"))
            self._next()

    def _done(self, generation: int, value: Any, error: Exception | None) -> None:
        """Handles the end of the current call."""
        if generation != self._generation or self._state == "closed" or self._working is None:
            return
        work, self._working = self._working, None
        self._cancel(self._deadline)
        self._cancel(self._late)
        down = isinstance(error, HostDown)
        if isinstance(error, Superseded):
            self._tell(HostSuperseded(self.config.name, str(error)))
        if error is not None and not isinstance(error, BackendError):
            log.error("%s: %s failed", self.config.name, work.action, exc_info=error)
        if work.action in ACTIONS:
            self._finish(work, value, None if error is None else _sentence(error), down)
        elif error is None and work.action != "ping":
            self._read(value)
        if down or (error is not None and work.action not in ACTIONS):
            self._lost(_sentence(error))
            return
        self._next()
        if self._remote and self._working is None:
            self._ping = self._loop.call_later(PING, self._ask)

    def _read(self, report: Any) -> None:
        self._state = "up"
        self._told_lost = False
        self._delays = iter(self._backoff)
        self._cancel(self._again)
        self._again = self._loop.call_later(self._reread, self.refresh)
        self._tell(HostUp(report))

    def _give_up(self, generation: int) -> None:
        if generation != self._generation or self._working is None:
            return
        work, self._working = self._working, None
        self._cancel(self._late)
        reason = f"{self.config.name} did not answer within {self.config.deadline:g} s"
        self._abandoned.add(generation)
        self._generation += 1
        if self._thread is not None:
            self._thread.end()
            self._thread = None
        if work.action in ACTIONS:
            self._finish(work, None, reason, True)
        self._lost(reason)

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
        self._cancel_timers()
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
        for timer in (self._deadline, self._late, self._ping, self._again):
            self._cancel(timer)

    @staticmethod
    def _cancel(timer: asyncio.TimerHandle | None) -> None:
        if timer is not None:
            timer.cancel()


def _sentence(error: Exception | None) -> str:
    """Returns the text that people may read about an error; for a bug, only that there was one (the log has the
    traceback)."""
    return str(error) if isinstance(error, BackendError) else "internal error: see trainbot's log"
