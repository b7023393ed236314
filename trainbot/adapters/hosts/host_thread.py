"""The threads that run one host's driver.  They decide nothing: one call in, one answer out."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trainbot.core.errors import HostDown
from trainbot.model.host import HostDriver, LabSpec


@dataclass(frozen=True, slots=True, eq=False)
class HostCall:
    """One call: an action on a lab (worker.ACTIONS), or the host's open, report or ping."""

    action: str
    lab: str = ""
    spec: LabSpec | None = None


class HostThreads:
    """Daemon threads with a driver of their own: one at first, and more as soon as several calls are under way, which
    the caller limits to ``at_once``.  ``open`` is given alone.

    For each ``give`` there is one ``done(generation, call, value, error)``, for ``end`` one ``ended(generation)``; both are
    called in a thread.  When told to end, they close the driver once all calls have returned, however late: threads that
    were given up leave no connection behind.
    """

    def __init__(
        self,
        name: str,
        generation: int,
        new_driver: Callable[[], HostDriver],
        done: Callable[[int, HostCall, Any, Exception | None], None],
        ended: Callable[[int], None],
    ) -> None:
        self._name, self._generation = name, generation
        self._new_driver = new_driver
        self._done = done
        self._ended = ended
        self._driver: HostDriver | None = None
        self._inbox: queue.SimpleQueue[HostCall | None] = queue.SimpleQueue()
        self._lock = threading.Lock()
        self._threads = self._given = 0  # how many there are; calls that have not returned
        self._one_more()

    @property
    def at_once(self) -> int:
        """How many calls its driver takes at a time: one until it is open."""
        return 1 if self._driver is None else self._driver.at_once

    def give(self, work: HostCall) -> None:
        with self._lock:
            self._given += 1
            if self._given > self._threads:
                self._one_more()
        self._inbox.put(work)

    def end(self) -> None:
        with self._lock:
            for _ in range(self._threads):
                self._inbox.put(None)

    def _one_more(self) -> None:
        self._threads += 1
        name = f"host-{self._name}-{self._generation}" + (f"-{self._threads}" if self._threads > 1 else "")
        threading.Thread(target=self._run, name=name, daemon=True).start()

    def _run(self) -> None:
        for work in iter(self._inbox.get, None):
            try:
                value, error = self._call(work), None
            except Exception as raised:
                value, error = None, raised
            with self._lock:
                self._given -= 1
            self._done(self._generation, work, value, error)
        with self._lock:
            self._threads -= 1
            last = not self._threads
        if last:
            self._close()
            self._ended(self._generation)

    def _call(self, work: HostCall) -> Any:
        if work.action == "open":
            self._close()
            self._driver = self._new_driver()
            self._driver.open()
            return self._driver.report()
        driver = self._driver
        if driver is None:
            raise HostDown("the host is not open")
        if work.action == "report":
            return driver.report()
        if work.action == "ping":
            return driver.ping()
        if work.spec is not None and work.action not in ("reboot", "pause", "resume", "destroy"):
            return getattr(driver, work.action)(work.spec)
        return getattr(driver, work.action)(work.lab)

    def _close(self) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            with contextlib.suppress(Exception):  # it is being thrown away
                driver.close()
