"""Serves the metrics over HTTP/1.1 (RFC 9112): one answer on each connection, which is then closed.

It runs on the bot's loop, so what it reads is consistent, and a bot whose loop hangs does not pretend to be well.
Anybody on this machine may connect: requests are bounded in size and time, connections in number (a new one takes the
place of the one that has said nothing for longest), and the bot is asked at most once in ``FRESH`` seconds.
"""

from __future__ import annotations

import asyncio
import logging
import os
import re
from collections.abc import Sequence
from typing import Any, Protocol

from trainbot.adapters.metrics.exposition import CONTENT_TYPE, Exposition
from trainbot.core.errors import BackendError
from trainbot.core.tasks import Tasks

log = logging.getLogger(__name__)
PATH = b"/metrics"
MOST = 16  # connections
LONGEST = 8192  # bytes of a request
PATIENCE = 10.0  # seconds for a request and its answer
FRESH = 1.0  # seconds
_ABSOLUTE = re.compile(rb"^http://[^/?]*", re.IGNORECASE)  # RFC 9112, section 3.2.2


class Reporter(Protocol):
    async def report(self) -> dict[str, Any]:
        """The bot's report on itself (bot.status).  BackendError if it cannot be had."""


class MetricsServer:
    """``listen``: addresses and ports."""

    def __init__(self, listen: Sequence[tuple[str, int]], reporter: Reporter) -> None:
        self._listen, self._reporter = listen, reporter
        self._exposition = Exposition()
        self._servers: list[asyncio.Server] = []
        self._clients = Tasks()
        self._silent: dict[asyncio.StreamWriter, None] = {}  # those whose request has not been read, the oldest first
        self._asking = asyncio.Lock()
        self._latest: tuple[float, bytes] | None = None  # when it was made, on the loop's clock

    async def start(self) -> list[tuple[str, int]]:
        """The addresses it listens on; BackendError if it cannot."""
        for host, port in self._listen:
            try:
                self._servers.append(await asyncio.start_server(self._connected, host, port, limit=LONGEST))
            except OSError as error:
                await self.close()
                number = error.errno or 0
                why = os.strerror(number).lower() if number > 0 else str(error)
                raise BackendError(
                    f"no metrics at {host}:{port} ({why}): correct [metrics] listen and restart"
                ) from None
        return [socket.getsockname()[:2] for server in self._servers for socket in server.sockets]

    async def close(self) -> None:
        for server in self._servers:
            server.close()
        self._servers.clear()
        await self._clients.close()

    def _connected(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._clients) >= MOST:
            oldest = next(iter(self._silent), writer)
            self._silent.pop(oldest, None)
            oldest.transport.abort()
            if oldest is writer:
                return
        self._silent[writer] = None
        self._clients.start(self._serve(reader, writer), "a request for metrics")

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        writer.transport.set_write_buffer_limits(high=0)  # drain() waits until all of it is written
        try:
            async with asyncio.timeout(PATIENCE):
                request = await reader.readuntil(b"\r\n\r\n")
                self._silent.pop(writer, None)
                writer.write(await self._answer(request))
                await writer.drain()
            writer.close()
        except (TimeoutError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, ConnectionError):
            pass  # it is slow, gone, or speaks something else
        finally:
            self._silent.pop(writer, None)
            writer.transport.abort()

    async def _answer(self, request: bytes) -> bytes:
        method, target, version = (*request.split(b"\r\n", 1)[0].split(b" "), b"", b"", b"")[:3]
        if not version.startswith(b"HTTP/1."):
            return _response("400 Bad Request", "not an HTTP/1 request\n")
        if _ABSOLUTE.sub(b"", target).partition(b"?")[0] != PATH:
            return _response("404 Not Found", "the metrics are at /metrics\n")
        if method not in (b"GET", b"HEAD"):
            return _response("405 Method Not Allowed", "use GET\n", "Allow: GET, HEAD\r\n")
        try:
            answer = _response("200 OK", await self._text(), kind=CONTENT_TYPE)
        except BackendError as error:
            log.warning("no metrics: %s", error)
            answer = _response("503 Service Unavailable", "the bot cannot report now: see its log\n")
        return answer if method == b"GET" else answer.partition(b"\r\n\r\n")[0] + b"\r\n\r\n"

    async def _text(self) -> bytes:
        loop = asyncio.get_running_loop()
        async with self._asking:
            if self._latest is None or loop.time() - self._latest[0] >= FRESH:
                text = self._exposition.text(await self._reporter.report())
                self._latest = loop.time(), text
            return self._latest[1]


def _response(status: str, body: str | bytes, more: str = "", kind: str = "text/plain; charset=utf-8") -> bytes:
    content = body.encode() if isinstance(body, str) else body
    head = f"HTTP/1.1 {status}\r\nContent-Type: {kind}\r\nContent-Length: {len(content)}\r\n{more}Connection: close\r\n"
    return head.encode() + b"\r\n" + content
