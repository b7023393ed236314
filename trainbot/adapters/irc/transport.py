"""The socket: bytes in as lines, lines out as bytes.  The only part of IRC it knows is the line ends."""

from __future__ import annotations

import asyncio
import logging
import socket
import ssl
from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, cast

from trainbot.adapters.irc.features import LONGEST_LINE
from trainbot.adapters.irc.keepalive import NOT_READING
from trainbot.adapters.irc.trust import tls_context, verify_pin
from trainbot.adapters.irc.wire import LineReader

if TYPE_CHECKING:
    from trainbot.config import IrcConfig

log = logging.getLogger(__name__)

_LONGEST_OUT = LONGEST_LINE - 2
MOST_UNSENT = 64 * 1024
"""Octets that the server may leave unread before we consider it stuck: more than a whole outbox at its pace."""
_LINGER = 2.0
_FORBIDDEN = str.maketrans("", "", "\r\n\0")


class Transport(asyncio.Protocol):
    """One TCP or TLS connection.  ``hear`` is called with the lines of each read, ``woken`` whenever the state of the link changes.
    ``closed`` is set at the end."""

    def __init__(self, hear: Callable[[Iterable[str]], None], woken: Callable[[], None]) -> None:
        self._hear, self._woken = hear, woken
        self._reader = LineReader()
        self._transport: asyncio.Transport | None = None
        self._waiting: list[bytes] = []  # lines of this turn of the loop, written with one system call
        self._batch = False
        self._acknowledged = False  # what was read, by what was written since
        self.closed = asyncio.Event()
        self.writable = True
        self.reason = "the server closed the connection"
        self.certificate_ends: float | None = None  # epoch seconds; None if it was not verified
        self.tls = ""  # such as TLSv1.3

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        # a small buffer, so that "written" means that the kernel has it
        self._transport.set_write_buffer_limits(high=4096)

    def data_received(self, data: bytes) -> None:
        self._acknowledged = False
        self._hear(self._reader.feed(data))
        if not self._acknowledged and not self._waiting:
            self._acknowledge()

    def _acknowledge(self) -> None:
        """Acknowledges at once what needs no answer.  Linux would wait for up to 40 ms (tcp(7), TCP_QUICKACK), and so long a
        server that uses Nagle's algorithm (RFC 896), such as ngircd, keeps the next line."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.get_extra_info("socket").setsockopt(socket.IPPROTO_TCP, socket.TCP_QUICKACK, 1)

    def connection_lost(self, exc: Exception | None) -> None:
        if exc is not None:
            self.reason = f"the connection broke: {exc}"
        self.writable = False
        self.closed.set()
        self._woken()

    def pause_writing(self) -> None:
        self.writable = False

    def resume_writing(self) -> None:
        self.writable = True
        self._woken()

    def hold(self) -> None:
        """Stops reading until ``go_on``."""
        if self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()

    def go_on(self) -> None:
        if self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def write(self, line: str) -> None:
        """Writes one line, together with the other lines of this turn of the event loop.  CR, LF and NUL in it are
        removed."""
        if self._transport is None or self.closed.is_set():
            return
        if not self._waiting and not self._batch:
            asyncio.get_running_loop().call_soon(self._flush)
        self._waiting.append(line.translate(_FORBIDDEN).encode("utf-8", "replace")[:_LONGEST_OUT])

    def collect(self) -> None:
        """Lines that are written from now on wait for ``flush``."""
        self._batch = True

    def flush(self) -> None:
        """Writes what waits, with one system call."""
        self._batch = False
        self._flush()

    def _flush(self) -> None:
        if self._waiting and self._transport is not None and not self._transport.is_closing():
            self._transport.write(b"".join(raw + b"\r\n" for raw in self._waiting))
            self._acknowledged = True
            if self._transport.get_write_buffer_size() > MOST_UNSENT:
                self._abandon()
        self._waiting.clear()

    def _abandon(self) -> None:
        """Aborts the connection and drops what waits, because the server no longer reads."""
        assert self._transport is not None
        self.reason = NOT_READING
        self._transport.abort()

    def close(self) -> None:
        """Writes what is waiting and closes the connection, within ``_LINGER`` seconds in any case."""
        if (
            self._transport is not None and not self._transport.is_closing()
        ):  # in Python 3.11 a second close breaks abort
            self._flush()
            self._transport.close()
            asyncio.get_running_loop().call_later(_LINGER, self._cut)

    def _cut(self) -> None:
        if self._transport is not None and not self.closed.is_set():
            self._transport.abort()


async def connect(config: IrcConfig, hear: Callable[[Iterable[str]], None], woken: Callable[[], None]) -> Transport:
    """Connects to the configured server and verifies its certificate.  Raises OSError, of which ssl.SSLError and
    UntrustedServer are subclasses."""
    context: ssl.SSLContext | None = tls_context(config) if config.tls else None
    transport, link = await asyncio.get_running_loop().create_connection(
        lambda: Transport(hear, woken),
        config.server,
        config.port,
        ssl=context,
        server_hostname=config.server if context else None,
        happy_eyeballs_delay=0.25,  # an unreachable IPv6 address must not use up the timeout
    )
    try:
        if (session := transport.get_extra_info("ssl_object")) is not None:
            verify_pin(config, session.getpeercert(binary_form=True))
            ends = (session.getpeercert() or {}).get("notAfter")
            link.certificate_ends = ssl.cert_time_to_seconds(ends) if ends else None
            link.tls = session.version() or ""
    except OSError:
        transport.abort()
        raise
    return link
