"""Two ssh channels joined: what comes out of one goes into the other, no faster than it takes it.

RFC 4254 section 5.2 gives each channel a window, and asyncssh tells when a channel's buffer is full.  That alone is
not enough: a peer may announce a window of 4 GiB and then not read, and everything would wait in our memory.  So
the fill of the whole connection's socket counts as well (``SocketBackpressure``).
"""

from __future__ import annotations

from typing import Any

import asyncssh

CIPHERS = ("aes128-gcm@openssh.com", "aes256-gcm@openssh.com", "aes128-ctr")  # fastest first; all that sshd has


class SocketBackpressure:
    """One ssh connection's socket: while it is full, nothing that would be written to it is read."""

    def __init__(self) -> None:
        self.full = False
        self.ends: set[PipeEnd] = set()

    def watch(self, connection: Any) -> None:
        """asyncio tells a protocol when its socket is full and when it has room again (asyncio.BaseProtocol);
        asyncssh's connections do nothing about it, so we are told instead."""
        connection.pause_writing = self._pause
        connection.resume_writing = self._resume

    def _pause(self) -> None:
        self.full = True
        for end in list(self.ends):
            if end.other is not None:
                end.other.hold("line")

    def _resume(self) -> None:
        self.full = False
        for end in list(self.ends):
            if end.other is not None:
                end.other.release("line")


class PipeEnd:
    """One end of a pipe: an asyncssh session whose channel's output goes to the ``other`` end.

    What arrives before the ends are joined is kept; it is at most one channel window (2 MiB).
    """

    def __init__(self, line: SocketBackpressure) -> None:
        self.chan: Any = None
        self.other: PipeEnd | None = None
        self._line = line
        self._held: set[str] = set()
        self._early: list[tuple[bytes, int | None]] = []
        self._early_eof = False

    # -- what asyncssh calls

    def connection_made(self, chan: Any) -> None:
        self.chan = chan
        self._line.ends.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._line.ends.discard(self)
        if self.other is not None:
            self.other.finish(exc)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if self.other is None:
            self._early.append((data, datatype))
            self.hold("early")
        else:
            self.other.take(data, datatype)

    def eof_received(self) -> bool:
        """True: the other direction stays open (RFC 4254 5.3)."""
        if self.other is None:
            self._early_eof = True
        else:
            self.other.take_eof()
        return True

    def pause_writing(self) -> None:
        if self.other is not None:
            self.other.hold("channel")

    def resume_writing(self) -> None:
        if self.other is not None:
            self.other.release("channel")

    # -- what the other end calls

    def hold(self, reason: str) -> None:
        """No more reading from this end, until every reason is released."""
        self._held.add(reason)
        self.chan.pause_reading()

    def release(self, reason: str) -> None:
        self._held.discard(reason)
        if not self._held:
            self.chan.resume_reading()

    def take(self, data: bytes, datatype: int | None) -> None:
        if not self.chan.is_closing():
            self.chan.write(data, datatype)

    def take_eof(self) -> None:
        if not self.chan.is_closing():
            self.chan.write_eof()

    def finish(self, exc: Exception | None) -> None:
        """The other end is gone: close this one once everything is written."""
        self.chan.close()

    def _start(self) -> None:
        other = self.other
        assert other is not None
        if other._line.full:
            self.hold("line")
        for data, datatype in self._early:
            other.take(data, datatype)
        self._early.clear()
        if self._early_eof:
            other.take_eof()
        self.release("early")


def join(one: PipeEnd, two: PipeEnd) -> None:
    """From now on each end's output goes into the other."""
    one.other, two.other = two, one
    one._start()
    two._start()


class ForwardedEnd(PipeEnd, asyncssh.SSHTCPSession[bytes]):
    """An end that is a forwarded TCP connection (RFC 4254 7.2)."""


class OutboundClient(asyncssh.SSHClient):
    """The gateway as the client of a lab or jump host.  Every request from them is refused by default."""

    def __init__(self, line: SocketBackpressure) -> None:
        self._line = line

    def connection_made(self, conn: Any) -> None:
        self._line.watch(conn)
