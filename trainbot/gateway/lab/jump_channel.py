"""A way through a host's door: one ssh channel, on our side a real socket.

A real one because whoever gets it (``asyncssh.connect``, or a look at the first byte) takes it for a connection to the
lab itself.  What does not get read on one side is not read on the other, either.
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

WORDS = 400  # bytes of what the door says on stderr that are kept
LEAVE = 5.0  # seconds that what was said last has to get out to a lab that does not read
LOOK = 5.0  # seconds between looks whether anybody is still there, while nothing can be read


class JumpChannel(PipeEnd, asyncssh.SSHClientSession[bytes]):
    """The end at the host: the channel of a command of the door.  ``gone`` is called once, when it is closed."""

    def __init__(self, line: SocketBackpressure, gone: Callable[[], None]) -> None:
        super().__init__(line)
        self._gone = gone
        self.words = b""  # the door's, about why not: never part of the stream

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if datatype is None:
            super().data_received(data, datatype)
        elif len(self.words) < WORDS:
            self.words += data[: WORDS - len(self.words)]

    def finish(self, exc: Exception | None) -> None:
        """Nobody is there any more.  asyncssh's close waits for ever for a peer that does not read, abort does not."""
        if self.chan.get_write_buffer_size():
            asyncio.get_running_loop().call_later(LEAVE, self.chan.abort)
        else:
            self.chan.close()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._gone()


class LocalEnd(PipeEnd, asyncio.Protocol):
    """The end on our side: half of a pair of sockets."""

    _look: asyncio.TimerHandle | None = None

    def connection_made(self, transport: Any) -> None:
        super().connection_made(_SocketChannel(transport))

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        super().data_received(data, datatype)

    def eof_received(self) -> bool:
        """True: what still comes from the lab is wanted, unless nobody is there any more to read it."""
        if self.other is not None and self.chan.deserted:
            self.other.finish(None)
            return False
        return super().eof_received()

    def hold(self, reason: str) -> None:
        """While nothing is read from it, nobody would hear that the other half was closed: somebody has to look."""
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
    """The socket that leads through ``channel``, not blocking; closing it closes the passage.  OSError where the system
    has no more of them."""
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
