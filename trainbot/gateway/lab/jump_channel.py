"""A connection through a jump host: one ssh channel, on our side a real socket.

It is a real socket because its users (``asyncssh.connect``, or a check for the first byte) treat it as a connection to
the lab itself.  If one side does not read, the other is not read from either.
"""

from __future__ import annotations

import asyncio
import select
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import asyncssh

from trainbot.gateway.lab.pipe import PipeEnd, SocketBackpressure, join

WORDS = 400  # bytes of the jump host's stderr that are kept
LEAVE = 5.0  # seconds for the last output to reach a lab that does not read
LOOK = 5.0  # seconds between checks for a closed peer while nothing is read


class JumpChannel(PipeEnd, asyncssh.SSHClientSession[bytes]):
    """The end at the host: the channel of one lab-door command.  ``gone`` is called once, when it is closed."""

    def __init__(self, line: SocketBackpressure, gone: Callable[[], None]) -> None:
        super().__init__(line)
        self._gone = gone
        self.words = b""  # stderr, which says what is wrong: never part of the stream

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if datatype is None:
            super().data_received(data, datatype)
        elif len(self.words) < WORDS:
            self.words += data[: WORDS - len(self.words)]

    def finish(self, exc: Exception | None) -> None:
        """The other end is gone.  asyncssh's close waits for ever for a peer that does not read; abort does not."""
        if self.chan.get_write_buffer_size():
            asyncio.get_running_loop().call_later(LEAVE, self.chan.abort)
        else:
            self.chan.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._gone()


class LocalEnd(PipeEnd, asyncio.Protocol):
    """The end on our side: one half of a socket pair."""

    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(_SocketChannel(transport))

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        super().data_received(data, datatype)

    def eof_received(self) -> bool:
        """True: output from the lab is still wanted, unless nobody reads it any more."""
        if self.other is not None and self.chan.deserted:
            self.other.finish(None)
            return False
        return super().eof_received()

    def hold(self, reason: str) -> None:
        """While nothing is read, a close of the other half goes unnoticed, so it has to be checked."""
        super().hold(reason)
        if self._look is None:
            self._look = asyncio.get_running_loop().call_later(LOOK, self._still_there)

    def _still_there(self) -> None:
        self._look = None
        if self._held and not self.chan.is_closing():
            if self.chan.deserted:
                self.chan.close()
            else:
                self.hold(next(iter(self._held)))


class _SocketChannel:
    """An asyncio transport with the face of an ssh channel, as far as ``PipeEnd`` knows one."""

    def __init__(self, transport: Any) -> None:
        self._transport = transport

    @property
    def deserted(self) -> bool:
        """The other half is closed altogether, not only for writing (poll(2): POLLHUP needs both directions)."""
        poll = select.poll()
        poll.register(self._transport.get_extra_info("socket").fileno(), select.POLLIN)
        return any(event & select.POLLHUP for _, event in poll.poll(0))

    def pause_reading(self) -> None:
        self._transport.pause_reading()

    def resume_reading(self) -> None:
        with suppress(RuntimeError):  # it is closing
            self._transport.resume_reading()

    def is_closing(self) -> bool:
        return bool(self._transport.is_closing())

    def write(self, data: bytes, datatype: int | None) -> None:
        self._transport.write(data)

    def write_eof(self) -> None:
        with suppress(OSError):  # nobody is there to hear it
            self._transport.write_eof()

    def close(self) -> None:
        self._transport.close()


async def landing(channel: JumpChannel) -> socket.socket:
    """A non-blocking socket connected to ``channel``; closing it closes the channel.  OSError if the system has no more
    sockets."""
    near, far = socket.socketpair()
    try:
        near.setblocking(False)
        far.setblocking(False)
        _, local = await asyncio.get_running_loop().create_connection(lambda: LocalEnd(SocketBackpressure()), sock=far)
    except BaseException:
        near.close()
        far.close()
        raise
    join(channel, local)
    return near
