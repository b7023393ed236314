"""The gateway's connection to a lab; each learner's connection has its own."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from typing import NamedTuple, Protocol

import asyncssh

from trainbot.core.tasks import Tasks
from trainbot.core.text import plain_ascii
from trainbot.gateway.lab.connect import LabLogin, LabUnreachable, UnreachableReason, log_in
from trainbot.gateway.lab.dial import LabDialer
from trainbot.gateway.lab.pipe import SocketBackpressure
from trainbot.gateway.routes import Route
from trainbot.gateway.settings import GatewayConfig

log = logging.getLogger(__name__)

ENDED = "your lease has ended: !lab IMAGE on IRC gives you a new lab"
GONE = "your lab is gone (reset, returned or moved to another host): run ssh again, or type !lab on IRC"
MOVED = "your lab was moved to another node of its host, and everything in it is as it was: run ssh again"
BROKE = "the connection to your lab was lost (the lab is off, or its host is down): run the same ssh command again in a moment"
RESTARTS = "your lab is restarting: run ssh again"
SILENT = "your lab does not answer: run ssh again in a minute, or type !lab on IRC"
AWAY = "your lab's host cannot be reached: run ssh again in a minute, or type !lab on IRC"
WRONG_KEY = "your lab has the wrong ssh host key, so you were not connected: tell the presenter"
REFUSED = "your lab no longer lets the gateway in: !lab reset on IRC recreates it from its image"
NO_KEY = "the gateway has no key for the labs: tell the organiser"
COMPLAINTS = {
    UnreachableReason.SILENT: SILENT,
    UnreachableReason.JUMP_HOST: AWAY,
    UnreachableReason.HOST_KEY: WRONG_KEY,
    UnreachableReason.REFUSED: REFUSED,
    UnreachableReason.NO_KEY: NO_KEY,
}
HOPELESS = (UnreachableReason.HOST_KEY, UnreachableReason.NO_KEY)  # waiting does not help
AGAIN = 0.5  # seconds between tries to reach a lab
AGAIN_VIA = 1.0  # the same through a jump host: each try is a process on the host
DENIED_WAIT = 10.0  # seconds: a lab that is booting may refuse logins for a while (pam_nologin)


class LabUnavailable(Exception):
    """The lab cannot be reached now; the text is one sentence for the learner."""


class RouteLookup(Protocol):
    """Access to the current routes."""

    def route(self, lease: str) -> Route | None: ...
    async def changed(self, timeout: float) -> None:
        """Returns when the table has changed, or after ``timeout`` seconds."""


class LabBoot(NamedTuple):
    """One boot of a lab: a reboot, or a new lab at the same address, is a different one."""

    lab: str
    via: str
    endpoint: tuple[str, int] | None
    boots: int

    @classmethod
    def of(cls, route: Route) -> LabBoot:
        return cls(route.lab, route.via, route.endpoint, route.boots)

    def leads_to(self, route: Route) -> bool:
        """Whether it is that route's machine; also true while the lab's address is unknown."""
        other = LabBoot.of(route)
        if (other.lab and self.lab and other.lab != self.lab) or other.boots != self.boots:
            return False
        return other.endpoint is None or other == self._replace(lab=other.lab)

    def moves(self, route: Route) -> bool:
        """Whether it is the same machine, which another jump host leads to now."""
        return bool(self.lab) and LabBoot.of(route) == self._replace(via=route.via)

    def restarts(self, route: Route) -> bool:
        """Whether it is the same lab, restarted."""
        other = LabBoot.of(route)
        return other.lab == self.lab and other.boots > self.boots and other.endpoint in (None, self.endpoint)


class LabLink:
    """The connection to the lab of ``lease``, opened at first use and shared by all sessions of a learner's
    connection: logging in as the route's user with the installation's key, to the route's host key only."""

    def __init__(self, config: GatewayConfig, table: RouteLookup, dialer: LabDialer, lease: str) -> None:
        self._config = config
        self._table = table
        self._dialer = dialer
        self._lease = lease
        self._tasks = Tasks()
        self._opening: asyncio.Task[asyncssh.SSHClientConnection] | None = None
        self._attempt: asyncio.Task[asyncssh.SSHClientConnection] | None = None
        self._quiet = asyncio.Event()  # no sshd is speaking with us (yet)
        self.line = SocketBackpressure()
        self.machine: LabBoot | None = None  # where it leads, once it does, or is about to

    async def connection(self, tell: Callable[[str], None]) -> asyncssh.SSHClientConnection:
        """The open connection.  Waits for a lab that is booting, and says so once through ``tell``.

        LabUnavailable if it is not open within config.boot_wait seconds, or must not be opened.
        """
        if self._opening is None or (self._opening.done() and self._dead(self._opening)):
            self._quiet.set()
            self._opening = self._tasks.start(self._open(), "opening a lab link", awaited=True)
            # Where everybody who waited has left by then, nobody else looks at the exception.
            self._opening.add_done_callback(lambda done: done.cancelled() or done.exception())
        notice = self._tasks.start(self._notice(tell), "a boot notice")
        try:
            return await asyncio.shield(self._opening)
        finally:
            notice.cancel()

    @property
    def opened(self) -> asyncssh.SSHClientConnection | None:
        """The connection, if it is open already."""
        there = self._opening is not None and self._opening.done() and not self._dead(self._opening)
        return self._opening.result() if there and self._opening is not None else None

    def close(self) -> None:
        """Ends the connection, or the attempt at one."""
        if self._opening is None:
            return
        if not self._opening.done():
            self._tasks.cancel()
        elif not self._opening.cancelled() and self._opening.exception() is None:
            self._opening.result().close()

    @staticmethod
    def _dead(opening: asyncio.Task[asyncssh.SSHClientConnection]) -> bool:
        return opening.cancelled() or opening.exception() is not None or opening.result().is_closed()

    async def _notice(self, tell: Callable[[str], None]) -> None:
        """Tells the learner that the lab is booting, unless its sshd has answered and is only slow."""
        await asyncio.sleep(self._config.patience)
        await self._quiet.wait()
        tell(self._booting())

    def _booting(self) -> str:
        route = self._table.route(self._lease)
        why = route.why if route is not None and route.endpoint is None else ""
        why = why or f"waiting up to {self._config.boot_wait:.0f} s"
        return f"your lab is still booting: {plain_ascii(why, 200)}"

    def moved(self, route: Route) -> str:
        """Handles a new ``route``: '' if this connection is still right, else the sentence for the learner.

        A connection that is just being opened goes to the new machine by itself.
        """
        led, opening = self.machine, self._opening
        if led is None or opening is None or led.leads_to(route):
            return ""
        if not opening.done():
            if self._attempt is not None:
                self._attempt.cancel()
            return ""
        if self._dead(opening):
            return ""
        return RESTARTS if led.restarts(route) else MOVED if led.moves(route) else GONE

    async def _open(self) -> asyncssh.SSHClientConnection:
        loop = asyncio.get_running_loop()
        began = loop.time()
        complaint = SILENT
        while True:
            route = self._table.route(self._lease)
            if route is None:
                raise LabUnavailable(ENDED)
            if route.endpoint is not None:
                try:
                    connection = await self._try(route)
                    if connection is None:
                        continue  # the lab has changed meanwhile
                    return connection
                except LabUnreachable as error:
                    complaint = COMPLAINTS[error.reason]
                    self._log(route, error)
                    late = error.reason is UnreachableReason.REFUSED and loop.time() - began > DENIED_WAIT
                    if late or error.reason in HOPELESS:
                        raise LabUnavailable(complaint) from None
            elif route.why:
                complaint = f"your lab is not ready yet: {plain_ascii(route.why, 200)}"
            self._quiet.set()
            left = began + self._config.boot_wait - loop.time()
            if left <= 0:
                raise LabUnavailable(complaint)
            await self._table.changed(min(AGAIN_VIA if route.via else AGAIN, left))

    async def _try(self, route: Route) -> asyncssh.SSHClientConnection | None:
        """The connection; None if the route changed before it was open.  LabUnreachable if it fails."""
        self.machine = LabBoot.of(route)
        self._attempt = self._tasks.start(self._connect(route), "a connection to a lab", awaited=True)
        try:
            connection = await self._attempt
        except asyncio.CancelledError:
            if (us := asyncio.current_task()) is not None and us.cancelling():
                raise
            return None
        now = self._table.route(self._lease)
        if now is None or LabBoot.of(now) != self.machine:
            connection.abort()
            return None
        return connection

    async def _connect(self, route: Route) -> asyncssh.SSHClientConnection:
        sock, dialled, key = await self._dialer.dial(route)
        self._quiet.clear()
        return await log_in(self._config, sock, LabLogin(dialled.user, dialled.host_key, key), self.line)

    def _log(self, route: Route, error: LabUnreachable) -> None:
        level = logging.ERROR if error.reason in HOPELESS else logging.DEBUG
        log.log(level, "lease %s: %s (%s port %d)", route.lease, error, *(route.endpoint or ("?", 0)))
