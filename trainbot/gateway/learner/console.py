"""Serial consoles of labs: one connection per lab, shared by everybody who views it.

A console works even if the lab's network does not.  On this machine it is a unix socket of QEMU; on other hosts, a
command of lab-door.  Viewers may also type, as on a shared terminal.  The latest output is kept for some time after the
last viewer left, and all buffers are bounded.
"""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

from trainbot.core.tasks import Tasks
from trainbot.gateway.lab.jump_channel import JumpChannel
from trainbot.gateway.lab.jump_hosts import JumpHosts, JumpHostUnreachable
from trainbot.gateway.lab.lab_link import ENDED, RouteLookup
from trainbot.gateway.lab.pipe import SocketBackpressure
from trainbot.gateway.routes import Route
from trainbot.gateway.settings import GatewayConfig

log = logging.getLogger(__name__)

HISTORY = 64 << 10  # bytes of output that are kept
TYPED = 64 << 10  # bytes of input that may wait; more is dropped
EARLY = 1 << 10  # bytes of input kept before the connection is open
AT_ONCE, MOMENT = 64 << 10, 0.1  # bytes, and the pause in seconds after them
KEPT = 300.0  # seconds after the last viewer left
AGAIN = 1.0  # seconds between tries
CERTAIN = 2.0  # seconds in which the bot would have noticed that the lab is off
UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
NONE = "labs on that host have no console"
OLDER = (
    "this lab has no console: either it is too old (!lab reset recreates it from its image, with a console), or it was "
    "turned off just now (try again)"
)
OFF = "the lab is off or starting: its console will appear here"


class Viewer(Protocol):
    """Somebody who views a console."""

    def show(self, data: bytes) -> None: ...
    def say(self, sentence: str) -> None: ...
    def over(self, sentence: str) -> None: ...


class _ConsoleStream(Protocol):
    """The connection to a console; ``over`` is done when it is cut."""

    over: asyncio.Future[None]

    def type(self, data: bytes) -> None: ...
    def close(self) -> None: ...


class Consoles:
    """The consoles of all leases, while somebody views them."""

    def __init__(self, config: GatewayConfig, table: RouteLookup, jump_hosts: JumpHosts) -> None:
        self._config, self._table, self._jump_hosts = config, table, jump_hosts
        self._open: dict[str, Console] = {}

    def look(self, lease: str, viewer: Viewer) -> Console:
        console = self._open.get(lease)
        if console is None or console.ended:
            console = self._open[lease] = Console(self._config, self._table, self._jump_hosts, lease)
        console.come(viewer)
        return console

    def tell(self, lease: str, sentence: str) -> None:
        """Shows ``sentence`` to everybody who views that console now."""
        console = self._open.get(lease)
        for viewer in console.viewers if console is not None else ():
            viewer.say(sentence)

    def close(self) -> None:
        for console in self._open.values():
            console.close()


class Console:
    """The console of ``lease``'s lab, reopened when the lab was replaced or was off."""

    def __init__(self, config: GatewayConfig, table: RouteLookup, jump_hosts: JumpHosts, lease: str) -> None:
        self._config, self._table, self._jump_hosts, self._lease = config, table, jump_hosts, lease
        self._viewers: list[Viewer] = []
        self._said = bytearray()
        self._wire: _ConsoleStream | None = None
        self._early = bytearray()  # typed while the connection is being opened
        self._idle: asyncio.TimerHandle | None = None
        self._tasks = Tasks()
        self._task = self._tasks.start(self._keep(), f"the console of lease {lease}")

    @property
    def ended(self) -> bool:
        return self._task.done()

    @property
    def viewers(self) -> tuple[Viewer, ...]:
        return tuple(self._viewers)

    def come(self, viewer: Viewer) -> None:
        if self._idle is not None:
            self._idle.cancel()
        if self._said:
            viewer.show(bytes(self._said))
        self._viewers.append(viewer)

    def go(self, viewer: Viewer) -> None:
        with suppress(ValueError):
            self._viewers.remove(viewer)
        if not self._viewers:
            self._idle = asyncio.get_running_loop().call_later(KEPT, self.close)

    def type(self, data: bytes) -> None:
        if self._wire is not None:
            self._wire.type(data)
        elif len(self._early) < EARLY:
            self._early += data

    def close(self) -> None:
        self._tasks.cancel()

    def _heard(self, data: bytes) -> None:
        self._said += data
        del self._said[:-HISTORY]
        for viewer in list(self._viewers):
            viewer.show(data)

    # -- the line ------------------------------------------------------------------------------------

    async def _keep(self) -> None:
        try:
            sentence = await self._stay()
        except Exception:
            log.exception("lease %s: its console failed", self._lease)
            sentence = "internal error in the gateway: try again, or tell the presenter"
        for viewer in list(self._viewers):
            viewer.over(sentence)

    async def _stay(self) -> str:
        """Shows the console until it ends; the sentence that says why."""
        loop = asyncio.get_running_loop()
        silent_since, told, complaint, missing = loop.time(), False, OFF, None
        while True:
            route = self._table.route(self._lease)
            if route is None:
                return ENDED
            if route.lab and not (route.console or route.via) and route.endpoint is not None:
                return NONE
            if UUID.fullmatch(route.lab) and (route.console or route.via):
                try:
                    await self._through(route)
                    silent_since, told, complaint, missing = loop.time(), False, OFF, None
                except FileNotFoundError:
                    missing = None if route.endpoint is None else missing or loop.time()
                    if missing and loop.time() - missing >= CERTAIN:
                        return OLDER
                except JumpHostUnreachable as shut:
                    complaint = str(shut)
                    log.debug("lease %s: no console: %s", self._lease, shut)
                except OSError as error:
                    log.debug("lease %s: no console: %s", self._lease, error)
            self._early.clear()  # there is no console to type it into
            if not told and missing is None:
                told = True
                for viewer in list(self._viewers):
                    viewer.say(OFF)
            if loop.time() - silent_since > self._config.boot_wait:
                return complaint
            await self._table.changed(AGAIN)

    async def _through(self, route: Route) -> None:
        """Shows the console of that route until it is cut or the lab is another.  OSError, JumpHostUnreachable."""
        wire: Any
        if route.via:
            wire = await self._jump_hosts.open(
                route.via, f"console {route.lab}", lambda line, gone: _RemoteSerial(line, gone, self._heard)
            )
        else:
            _, wire = await asyncio.get_running_loop().create_unix_connection(
                lambda: _LocalSerial(self._heard), route.console
            )
        self._wire = wire
        if self._early:
            wire.type(bytes(self._early))
            self._early.clear()
        try:
            while not wire.over.done():
                changed = self._tasks.start(self._table.changed(60.0), "a change of the routes")
                try:
                    await asyncio.wait({wire.over, changed}, return_when=asyncio.FIRST_COMPLETED)
                finally:
                    changed.cancel()
                now = self._table.route(self._lease)
                if now is None or (now.lab, now.via, now.console) != (route.lab, route.via, route.console):
                    return
        finally:
            self._wire = None
            wire.close()


class _RateLimit:
    """Pauses reading from a lab that prints too much at once, so that it does not slow down others."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._heard = heard
        self._source: Any = None  # what can pause and resume reading
        self._got = 0

    def take(self, source: Any, data: bytes) -> None:
        self._heard(data)
        self._got += len(data)
        if self._got > AT_ONCE and self._source is None:
            self._source = source
            source.pause_reading()
            asyncio.get_running_loop().call_later(MOMENT, self._again)

    def _again(self) -> None:
        source, self._source, self._got = self._source, None, 0
        with suppress(RuntimeError):  # it is closed
            source.resume_reading()


class _LocalSerial(asyncio.Protocol):
    """A serial line of QEMU on this machine."""

    def __init__(self, heard: Callable[[bytes], None]) -> None:
        self._pace = _RateLimit(heard)
        self._transport: Any = None
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        self._pace.take(self._transport, data)

    def connection_lost(self, exc: Exception | None) -> None:
        if not self.over.done():
            self.over.set_result(None)

    def type(self, data: bytes) -> None:
        if self._transport.get_write_buffer_size() < TYPED:
            self._transport.write(data)

    def close(self) -> None:
        self._transport.abort()


class _RemoteSerial(JumpChannel):
    """The same through a jump host."""

    def __init__(self, line: SocketBackpressure, gone: Callable[[], None], heard: Callable[[bytes], None]) -> None:
        super().__init__(line, gone)
        self._pace = _RateLimit(heard)
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if datatype is None:
            self._pace.take(self.chan, data)
        else:
            super().data_received(data, datatype)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        if not self.over.done():
            self.over.set_result(None)

    def type(self, data: bytes) -> None:
        if not self.chan.is_closing() and self.chan.get_write_buffer_size() < TYPED:
            self.chan.write(data)

    def close(self) -> None:
        self.chan.abort()
