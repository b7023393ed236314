"""The gateway's ports."""

from __future__ import annotations

import asyncio
import errno
import logging
import os
import socket
from contextlib import suppress
from typing import Protocol

from trainbot.core.errors import BackendError

log = logging.getLogger(__name__)
BACKLOG = 512
AT_ONCE = 16  # connections accepted in one turn of the loop
AGAIN = 1.0  # seconds after the system had no room for another one


class Newcomers(Protocol):
    """Who gets the connections."""

    def take(self, sock: socket.socket, address: str) -> None: ...


class Listener:
    """Accepts connections on a socket, and reads nothing from them."""

    def __init__(self, sock: socket.socket, newcomers: Newcomers) -> None:
        self._sock, self._newcomers = sock, newcomers
        self._loop = asyncio.get_running_loop()
        sock.setblocking(False)

    @property
    def address(self) -> tuple[str, int]:
        host, port = self._sock.getsockname()[:2]
        return str(host), int(port)

    def close(self) -> None:
        self._loop.remove_reader(self._sock)
        self._sock.close()

    def start(self) -> None:
        """Until then newcomers wait in the system's queue."""
        if self._sock.fileno() >= 0:
            self._loop.add_reader(self._sock, self._accept)

    def _accept(self) -> None:
        for _ in range(AT_ONCE):
            try:
                sock, address = self._sock.accept()
            except (BlockingIOError, InterruptedError, ConnectionAbortedError):
                return
            except OSError as error:
                if error.errno not in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    raise
                log.error("no room for more connections: %s", error.strerror)
                self._loop.remove_reader(self._sock)
                self._loop.call_later(AGAIN, self.start)
                return
            sock.setblocking(False)
            with suppress(OSError):  # it is gone already
                self._newcomers.take(sock, str(address[0]))


async def listen(host: str, port: int, newcomers: Newcomers) -> list[Listener]:
    """Listens on all addresses of ``host``; BackendError if that is not possible."""
    loop = asyncio.get_running_loop()
    try:
        bound = await loop.create_server(asyncio.Protocol, host, port, start_serving=False)
        try:
            socks = [socket.socket(fileno=os.dup(each.fileno())) for each in bound.sockets]
        finally:
            bound.close()
        for sock in socks:
            sock.listen(BACKLOG)
    except OSError as error:
        reason = os.strerror(error.errno).lower() if error.errno else str(error)  # asyncio's own repeats the address
        raise BackendError(f"the gateway cannot listen on {host} port {port}: {reason}") from None
    return [Listener(sock, newcomers) for sock in socks]
