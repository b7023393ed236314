"""Messages between the gateway and its workers: one JSON object in each packet of a unix socket (unix(7), SOCK_SEQPACKET),
with at most one open socket beside it (SCM_RIGHTS).

The kernel keeps the packets apart, so a hostile worker can send a wrong message and never half of one.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import json
import os
import socket
from collections import deque
from contextlib import suppress
from typing import Any, Protocol

from trainbot.adapters.control.lines import decode

LARGEST = 64 << 10  # bytes of a message
PART = 16 << 10  # bytes of terminal data in a message
FULL = 1 << 20  # bytes that may wait for a slow reader before terminal data is dropped
STUCK = 8 << 20  # bytes that wait for one who does not read at all
_ROOM = socket.CMSG_SPACE(4)  # for one file descriptor


class Receiver(Protocol):
    """Who gets the messages of a wire."""

    def heard(self, message: dict[str, Any], sock: socket.socket | None) -> None:
        """ValueError if the other side must not send that: the wire is closed then."""

    def lost(self, why: str) -> None:
        """The wire is closed; nothing more comes."""


class Wire:
    """One end.  ``sockets``: whether the other side may send open sockets; otherwise the kernel closes them."""

    def __init__(self, sock: socket.socket, receiver: Receiver, *, sockets: bool) -> None:
        self._sock, self._receiver, self._sockets = sock, receiver, sockets
        self._unsent: deque[tuple[bytes, int]] = deque()  # and the descriptor, or -1
        self.waiting = 0  # bytes that the other side has not taken
        self._closed = False
        self._loop = asyncio.get_running_loop()
        sock.setblocking(False)
        self._loop.add_reader(sock, self._readable)

    def send(self, message: dict[str, Any], sock: socket.socket | None = None) -> None:
        """Sends it as soon as possible.  ``sock`` stays the caller's: the other side gets a duplicate."""
        if self._closed:
            return
        data, handle = json.dumps(message, separators=(",", ":")).encode(), -1 if sock is None else sock.fileno()
        if len(data) > LARGEST:
            raise ValueError(f"a message of {len(data)} bytes")
        if not self._unsent and self._sent(data, handle):
            return
        self._unsent.append((data, -1 if handle < 0 else os.dup(handle)))
        self.waiting += len(data)
        if self.waiting > STUCK:
            self._end("it reads nothing")
        else:
            self._loop.add_writer(self._sock, self._writable)

    def close(self) -> None:
        """Closes it, without ``lost``."""
        if not self._closed:
            self._closed = True
            self._loop.remove_reader(self._sock)
            self._loop.remove_writer(self._sock)
            self._sock.close()
            for _, handle in self._unsent:
                if handle >= 0:
                    os.close(handle)
            self._unsent.clear()

    def _end(self, why: str) -> None:
        if not self._closed:
            self.close()
            self._loop.call_soon(self._receiver.lost, why)

    def _sent(self, data: bytes, handle: int) -> bool:
        """Whether it has been sent; False if there is no room yet."""
        try:
            if handle < 0:
                self._sock.send(data)
            else:
                socket.send_fds(self._sock, [data], [handle])
        except (BlockingIOError, InterruptedError):
            return False
        except OSError as error:
            self._end(error.strerror or "it is gone")
        return True

    def _writable(self) -> None:
        while self._unsent:
            data, handle = self._unsent[0]
            if not self._sent(data, handle) or self._closed:
                return
            self._unsent.popleft()
            self.waiting -= len(data)
            if handle >= 0:
                os.close(handle)
        self._loop.remove_writer(self._sock)

    def _readable(self) -> None:
        sock: socket.socket | None = None
        try:
            data, extra, flags, _ = self._sock.recvmsg(LARGEST, _ROOM if self._sockets else 0)
            for level, kind, handles in extra:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    sock = socket.socket(fileno=int.from_bytes(handles[:4], "little"))
            if not data:
                self._end("it is gone")
            elif flags & socket.MSG_TRUNC:
                raise ValueError("a message that is too large")
            else:
                self._receiver.heard(decode(data), sock)
                sock = None
        except (BlockingIOError, InterruptedError):
            pass
        except OSError as error:
            self._end(error.strerror or "it is gone")
        except ValueError as error:
            self._end(f"it sent {error}")
        finally:
            if sock is not None:
                with suppress(OSError):
                    sock.close()


def text(message: dict[str, Any], name: str, most: int) -> str:
    """A string of at most ``most`` characters; ValueError if it is anything else."""
    value = message.get(name)
    if not isinstance(value, str) or len(value) > most:
        raise ValueError(f"a message whose {name} is not one")
    return value


def number(message: dict[str, Any], name: str) -> int:
    """An integer that is not negative; ValueError if it is anything else."""
    value = message.get(name)
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value < 1 << 53:
        raise ValueError(f"a message whose {name} is not one")
    return value


def raw(message: dict[str, Any], name: str) -> bytes:
    """What ``packed`` made of bytes; ValueError if it is anything else."""
    try:
        return base64.b64decode(text(message, name, LARGEST), validate=True)
    except binascii.Error:
        raise ValueError(f"a message whose {name} is not one") from None


def packed(data: bytes) -> str:
    return base64.b64encode(data).decode("ascii")
