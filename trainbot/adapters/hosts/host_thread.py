"""The thread that runs one host's driver.  It keeps no state: one call in, one answer out."""

from __future__ import annotations

import contextlib
import queue
import threading
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from trainbot.core.errors import HostDown
from trainbot.model.host import HostDriver, LabSpec


@dataclass(frozen=True, slots=True)
class HostCall:
    """One call: an action on a lab (worker.ACTIONS), or the host's open, report or ping."""

    action: str
    lab: str = ""
    spec: LabSpec | None = None


class HostThread:
    """A daemon thread with its own driver, which no other thread uses.

    For each ``give`` there is one ``done(generation, value, error)``, for ``end`` one ``ended(generation)``; both are
    called in the thread.  When told to end, it closes the driver once the current call returns, however late: a thread
    that was given up leaves no connection behind.
    """

    def __init__(
        self,
        name: str,
        generation: int,
        new_driver: Callable[[], HostDriver],
        done: Callable[[int, Any, Exception | None], None],
        ended: Callable[[int], None],
    ) -> None:
        self._generation = generation
        self._new_driver = new_driver
        self._done = done
        self._ended = ended
        self._driver: HostDriver | None = None
        self._inbox: queue.SimpleQueue[HostCall | None] = queue.SimpleQueue()
        threading.Thread(target=self._run, name=f"host-{name}-{generation}", daemon=True).start()

    def give(self, work: HostCall) -> None:
        self._inbox.put(work)

    def end(self) -> None:
        self._inbox.put(None)

    def _run(self) -> None:
        for work in iter(self._inbox.get, None):
            try:
                value, error = self._call(work), None
            except Exception as raised:
                value, error = None, raised
            self._done(self._generation, value, error)
        self._close()
        self._ended(self._generation)

    def _call(self, work: HostCall) -> Any:
        if work.action == "open":
            self._close()
            self._driver = self._new_driver()
            self._driver.open()
            return self._driver.report()
        if self._driver is None:
            raise HostDown("the host is not open")
        if work.action == "report":
            return self._driver.report()
        if work.action == "ping":
            return self._driver.ping()
        if work.spec is not None and work.action not in ("reboot", "pause", "resume", "destroy"):
            return getattr(self._driver, work.action)(work.spec)
        return getattr(self._driver, work.action)(work.lab)

    def _close(self) -> None:
        driver, self._driver = self._driver, None
        if driver is not None:
            with contextlib.suppress(Exception):  # it is being thrown away
                driver.close()
