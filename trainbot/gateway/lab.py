"""The way from the gateway to one lab: a connection of its own for each learner's connection."""

from __future__ import annotations

import asyncio
import logging
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any, Protocol

import asyncssh

from trainbot.gateway.crowd import printable
from trainbot.gateway.model import GatewayConfig
from trainbot.gateway.pipe import Line
from trainbot.gateway.routes import Route

log = logging.getLogger(__name__)

ENDED = "your lease has ended: !lab IMAGE on IRC gives you a new lab"
GONE = "your lab went away (reset or returned): ssh again, or !lab on IRC"
SILENT = "your lab does not answer: ssh again in a minute, or !lab on IRC"
WRONG_KEY = "your lab did not prove that it is yours, so you were not let in: tell the presenter"
REFUSED = "your lab does not let the gateway in any more: !lab reset on IRC makes it as new"
NO_KEY = "the gateway has no key for labs: tell the organiser"
AGAIN = 0.5  # seconds between tries to reach a lab
DENIED_WAIT = 10.0  # seconds: a lab that is booting may refuse logins for a while (pam_nologin)
CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr")  # fastest first; all that sshd has


class LabAway(Exception):
    """There is no way into the lab now; the text is one sentence for the learner."""


class Table(Protocol):
    """The routes as they are now."""

    def route(self, lease: str) -> Route | None: ...
    async def changed(self, timeout: float) -> None:
        """Returns when the table changed, or after ``timeout`` seconds."""


class LabLink:
    """The connection to the lab of ``lease``, opened when it is first wanted and shared by all of a learner's
    connection: logging in as the route's user with the installation's key, to the route's host key only."""

    def __init__(self, config: GatewayConfig, table: Table, lease: str) -> None:
        self._config = config
        self._table = table
        self._lease = lease
        self._opening: asyncio.Task[asyncssh.SSHClientConnection] | None = None
        self._quiet = asyncio.Event()  # no sshd is speaking with us (yet)
        self.line = Line()
        self.endpoint: tuple[str, int] | None = None  # where it leads, once it does

    async def connection(self, tell: Callable[[str], None]) -> asyncssh.SSHClientConnection:
        """The open connection.  Waits for a lab that is booting, and says so once through ``tell``.

        LabAway where there is none within config.boot_wait seconds, or must not be one.
        """
        if self._opening is None or (self._opening.done() and self._dead(self._opening)):
            self._quiet.set()
            self._opening = asyncio.create_task(self._open())
            # Where everybody who waited has left by then, nobody else looks at the exception.
            self._opening.add_done_callback(lambda done: done.cancelled() or done.exception())
        notice = asyncio.create_task(self._notice(tell))
        try:
            return await asyncio.shield(self._opening)
        finally:
            notice.cancel()

    def close(self) -> None:
        """Ends the connection, or the attempt at one."""
        if self._opening is None:
            return
        if not self._opening.done():
            self._opening.cancel()
        elif not self._opening.cancelled() and self._opening.exception() is None:
            self._opening.result().close()

    @staticmethod
    def _dead(opening: asyncio.Task[asyncssh.SSHClientConnection]) -> bool:
        return opening.cancelled() or opening.exception() is not None or opening.result().is_closed()

    async def _notice(self, tell: Callable[[str], None]) -> None:
        """Says that the lab is booting, unless its sshd speaks with us already and is only slow."""
        await asyncio.sleep(self._config.patience)
        await self._quiet.wait()
        tell(self._booting())

    def _booting(self) -> str:
        route = self._table.route(self._lease)
        why = route.why if route is not None and route.endpoint is None else ""
        why = why or f"waiting up to {self._config.boot_wait:.0f} s for it"
        return f"your lab is still booting: {printable(why, 200)}"

    async def _open(self) -> asyncssh.SSHClientConnection:
        loop = asyncio.get_running_loop()
        began = loop.time()
        complaint = SILENT
        while True:
            route = self._table.route(self._lease)
            if route is None:
                raise LabAway(ENDED)
            if route.endpoint is not None:
                try:
                    return await self._connect(route, route.endpoint)
                except asyncssh.HostKeyNotVerifiable:
                    log.error("lease %s: the lab at %s port %d showed another host key", route.lease, *route.endpoint)
                    raise LabAway(WRONG_KEY) from None
                except asyncssh.PermissionDenied:
                    complaint = REFUSED
                    if loop.time() - began > DENIED_WAIT:
                        raise LabAway(REFUSED) from None
                except (OSError, asyncssh.Error, TimeoutError, EOFError) as error:
                    complaint = SILENT
                    log.debug("lease %s: no ssh at %s port %d yet: %r", route.lease, *route.endpoint, error)
            elif route.why:
                complaint = f"your lab is not there yet: {printable(route.why, 200)}"
            self._quiet.set()
            left = began + self._config.boot_wait - loop.time()
            if left <= 0:
                raise LabAway(complaint)
            await self._table.changed(min(AGAIN, left))

    async def _connect(self, route: Route, endpoint: tuple[str, int]) -> asyncssh.SSHClientConnection:
        try:
            known = asyncssh.import_public_key(route.host_key)
        except asyncssh.KeyImportError:  # no key known must never become any key accepted
            log.error("lease %s: the route has no host key that can be read", route.lease)
            raise LabAway(WRONG_KEY) from None
        try:
            key = asyncssh.read_private_key(self._config.lab_key)
        except (OSError, asyncssh.KeyImportError) as error:
            log.error("the key for labs cannot be read: %s", error)
            raise LabAway(NO_KEY) from None
        sock = await _banner(endpoint, self._config.banner_wait)
        self._quiet.clear()
        try:
            connection = await asyncssh.connect(
                sock=sock, config=None, options=None, client_factory=lambda: _Client(self.line),
                username=route.user, client_keys=[key], agent_path=None, known_hosts=([known], [], []),
                preferred_auth=["publickey"], gss_host=None, compression_algs=None, encryption_algs=CIPHERS,
                login_timeout=30, keepalive_interval=self._config.keepalive, keepalive_count_max=4,
            )
        except BaseException:
            sock.close()
            raise
        self.endpoint = endpoint
        return connection


class _Client(asyncssh.SSHClient):
    """The gateway as the lab's client.  Everything that a lab could ask of it is refused by default."""

    def __init__(self, line: Line) -> None:
        self._line = line

    def connection_made(self, conn: Any) -> None:
        self._line.watch(conn)


async def _banner(endpoint: tuple[str, int], wait: float) -> socket.socket:
    """A socket on which the lab's ssh has begun to speak (RFC 4253 4.2), nothing of it read yet.

    QEMU's port forwarding accepts connections before the guest does: only the banner says that sshd is there.
    OSError or TimeoutError where it does not speak within ``wait`` seconds.
    """
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(wait):
        family, kind, proto, _, address = (await loop.getaddrinfo(*endpoint, type=socket.SOCK_STREAM))[0]
        sock = socket.socket(family, kind, proto)
        try:
            sock.setblocking(False)
            await loop.sock_connect(sock, address)
            spoken = loop.create_future()
            loop.add_reader(sock, lambda: spoken.done() or spoken.set_result(None))
            try:
                await spoken
            finally:
                loop.remove_reader(sock)
            if not sock.recv(1, socket.MSG_PEEK):
                raise ConnectionResetError("closed before it spoke")
            with suppress(OSError):
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
            return sock
        except BaseException:
            sock.close()
            raise
