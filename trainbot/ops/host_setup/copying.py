"""Copies images to a host: only the parts of a file that hold data, compressed, and verified there with SHA-256.

An interrupted copy resumes: receive.sh keeps the chunks that arrived.
"""

from __future__ import annotations

import contextlib
import os
import shlex
import threading
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO, BinaryIO

from trainbot.core.errors import BackendError
from trainbot.ops.host_setup.remote_shell import RemoteShell
from trainbot.ops.host_setup.state import ImageFileCopy

MIB = 1 << 20
CHUNK = 8 * MIB  # bytes of a file that are sent and recorded together
_FORM = "1"  # version of the chunks' layout: raise it when that changes
_LINE = 100
_SECONDS = 24 * 3600.0
_SCRIPT = Path(__file__).with_name("receive.sh")


def chunks(file: BinaryIO, size: int) -> Iterator[tuple[int, int]]:
    """(offset, length) of each chunk that holds data, in order (lseek(2), SEEK_DATA)."""
    at = 0
    while at < size:
        try:
            data = os.lseek(file.fileno(), at, os.SEEK_DATA)
        except OSError:  # ENXIO: no more data
            return
        at = max(at, data - data % CHUNK)
        yield at, min(CHUNK, size - at)
        at += CHUNK


def copy(reach: RemoteShell, item: ImageFileCopy, folder: Path, step: Callable[[int, int], None]) -> int:
    """Copies one file and returns the number of bytes sent; ``step`` gets (bytes on the host, bytes of data).

    Raises BackendError if it fails; chunks that arrived are kept for the next try.
    """
    values = {"folder": folder, "name": item.name, "size": item.size, "sum": item.sha256, "version": _FORM}
    script = "".join(f"{key}={shlex.quote(str(value))}\n" for key, value in values.items()) + _SCRIPT.read_text(
        encoding="utf-8"
    )
    try:
        file = item.source.open("rb")
    except OSError as error:
        raise BackendError(f"{item.source} can't be read: {error.strerror}") from None
    with file, reach.stream(f"sh -c {shlex.quote(script)}", _SECONDS) as (process, words):
        assert process.stdin is not None and process.stdout is not None
        heard = _ReceiverReply(process.stdout)
        there = heard.kept()
        all_of = list(chunks(file, item.size))
        missing = [(at, length) for at, length in all_of if at // CHUNK not in there]
        whole = sum(length for _, length in all_of)
        kept = whole - sum(length for _, length in missing)
        step(kept, whole)
        sender = _Sender(file, missing, process.stdin)
        sender.start()
        lengths = {at // CHUNK: length for at, length in missing}
        for number in heard.arrived():
            kept += lengths.pop(number, 0)
            step(kept, whole)
        code = process.wait()
    # after the stream is closed, so that its last error lines have arrived
    if sender.fault:
        raise BackendError(sender.fault)
    if code or not heard.done:
        raise reach.failure(code, words or [f"{item.name} was not copied completely: try again to resume"])
    return sender.sent


class _ReceiverReply:
    """Reads receive.sh's replies."""

    def __init__(self, pipe: IO[bytes]) -> None:
        self._pipe = pipe
        self.done = False

    def kept(self) -> set[int]:
        found = set()
        for verb, number in self._lines():
            if verb == "ready":
                break
            if verb == "have":
                found.add(number)
        return found

    def arrived(self) -> Iterator[int]:
        for verb, number in self._lines():
            if verb == "done":
                self.done = True
                return
            if verb == "ok":
                yield number

    def _lines(self) -> Iterator[tuple[str, int]]:
        for raw in iter(lambda: self._pipe.readline(_LINE), b""):
            verb, _, number = raw.decode(errors="replace").strip().partition(" ")
            yield verb, int(number) if number.isascii() and number.isdigit() else -1


class _Sender(threading.Thread):
    """Sends chunks without waiting for replies, so that the connection is never idle."""

    def __init__(self, file: BinaryIO, missing: list[tuple[int, int]], pipe: IO[bytes]) -> None:
        super().__init__(daemon=True)
        self._file, self._missing, self._pipe = file, missing, pipe
        self.fault, self.sent = "", 0

    def run(self) -> None:
        try:
            for at, length in self._missing:
                data = os.pread(self._file.fileno(), length, at)
                if len(data) != length:
                    self.fault = "an image changed while it was being copied: try again"
                    return
                self._send(at, data)
            self._put(b"end\n")
        except (OSError, ValueError):
            return  # the other end is gone (ValueError: and we closed the pipe); its exit code says why
        finally:
            with contextlib.suppress(OSError, ValueError):
                self._pipe.close()

    def _send(self, at: int, data: bytes) -> None:
        packer = zlib.compressobj(1, zlib.DEFLATED, 31)  # gzip format
        packed = packer.compress(data) + packer.flush()
        kind, body = ("gzip", packed) if len(packed) < len(data) else ("raw", data)
        self._put(f"{kind} {at // CHUNK} {at // MIB} {len(body)}\n".encode())
        self._put(body + b".\n")
        self.sent += len(body)

    def _put(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[self._pipe.write(view) or 0 :]
        self._pipe.flush()
