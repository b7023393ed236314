"""Whether an initrd has the drivers of a lab's disk: without them the lab waits for a root that never appears.

An initrd is a sequence of cpio archives ("newc", cpio(5)), each compressed or not, with zeros between them
(Documentation/driver-api/early-userspace/buffer-format.rst).  Only names are read.  The file comes from an image and is
not trusted: it is read as a stream, with a limit.
"""

from __future__ import annotations

import bz2
import io
import lzma
import re
import struct
import subprocess
import tempfile
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import IO

from trainbot.core.errors import BackendError
from trainbot.images.build import lz4
from trainbot.images.build.command import environment, missing_program

XEN, QEMU = "xen-blkfront", "virtio_blk"
_DRIVER = re.compile(rb"/(xen-blkfront|virtio_blk)\.ko(?:\.[a-z0-9]+)?$")
_MOST = 2 << 30  # bytes, unpacked
_PIECE = 1 << 20
_LONGEST_NAME = 4096
_HEADER = 110
_MOST_ZEROS = 1 << 16
_MAGIC = (b"070701", b"070702")


def drivers_in(initrd: Path) -> frozenset[str] | None:
    """Those of XEN and QEMU that it has as modules; None if its content cannot be read.  BackendError without zstd(1)."""
    found: set[str] = set()
    names = 0
    with initrd.open("rb") as file, tempfile.TemporaryFile(dir=initrd.parent) as scratch:
        try:
            for name in _names(file, scratch):
                names += 1
                if match := _DRIVER.search(b"/" + name):
                    found.add(match[1].decode())
        except (ValueError, EOFError, OSError, lzma.LZMAError, zlib.error, struct.error, MemoryError):
            pass  # what was found until there counts
    return frozenset(found) if names else None


def _names(file: IO[bytes], scratch: IO[bytes]) -> Iterator[bytes]:
    """The names in all archives of the file."""
    while head := _after_zeros(file):
        if head[:6] in _MAGIC:
            yield from _archive(_Stream(lambda: file.read(_PIECE), file))
        else:  # what follows a compressed archive is compressed with it, or is nothing of ours
            yield from _all_archives(_Stream(_unpacked(head, file, scratch)))
            return


def _after_zeros(file: IO[bytes]) -> bytes:
    """Goes on to the next archive; its first bytes, b"" at the end."""
    while piece := file.read(4096):
        if stripped := piece.lstrip(b"\0"):
            file.seek(-len(stripped), io.SEEK_CUR)
            head = file.read(8)
            file.seek(-len(head), io.SEEK_CUR)
            return head
    return b""


class _Stream:
    """Bytes from ``more``, with how many were read; ``file``: goes back there when the archive has ended."""

    def __init__(self, more: Callable[[], bytes], file: IO[bytes] | None = None) -> None:
        self.more, self.file, self.held, self.next, self.at = more, file, b"", 0, 0

    def read(self, length: int) -> bytes:
        while len(self.held) - self.next < length:
            self.held, self.next = self.held[self.next :] + self._piece(), 0
        self.next += length
        self._count(length)
        return self.held[self.next - length : self.next]

    def skip(self, length: int) -> None:
        self._count(length)
        while length > (there := len(self.held) - self.next):
            self.held, self.next = self._piece(), 0
            length -= there
        self.next += length

    def ended(self) -> None:
        if self.file is not None:
            self.file.seek(self.next - len(self.held), io.SEEK_CUR)

    def _piece(self) -> bytes:
        if piece := self.more():
            return piece
        raise EOFError

    def _count(self, length: int) -> None:
        self.at += length
        if self.at > _MOST:
            raise ValueError("too large")


def _archive(stream: _Stream, first: bytes = b"") -> Iterator[bytes]:
    start = stream.at - len(first)
    while True:
        header = first or stream.read(_HEADER)
        first = b""
        if header[:6] not in _MAGIC:
            raise ValueError("no cpio archive")
        size, length = int(header[54:62], 16), int(header[94:102], 16)
        if not 0 < length <= _LONGEST_NAME:
            raise ValueError("a name of absurd length")
        name = stream.read(length).rstrip(b"\0")
        stream.skip(-(stream.at - start) % 4)
        if name == b"TRAILER!!!":
            stream.ended()
            return
        yield name
        stream.skip(size)
        stream.skip(-(stream.at - start) % 4)


def _all_archives(stream: _Stream) -> Iterator[bytes]:
    """One after another, with zeros between them, until the stream ends (EOFError)."""
    zeros = 0
    while zeros < _MOST_ZEROS:
        byte = stream.read(1)
        if byte == b"\0":
            zeros += 1
        else:
            zeros = 0
            yield from _archive(stream, byte + stream.read(_HEADER - 1))


def _unpacked(head: bytes, file: IO[bytes], scratch: IO[bytes]) -> Callable[[], bytes]:
    if head[:2] == b"\x1f\x8b":
        return _with(zlib.decompressobj(31).decompress, file)
    if head[:6] == b"\xfd7zXZ\0":
        return _with(lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=_MOST).decompress, file)
    if head[:3] == b"BZh":
        return _with(bz2.BZ2Decompressor().decompress, file)
    if head[:3] == b"\x5d\0\0":
        return _with(lzma.LZMADecompressor(lzma.FORMAT_ALONE, memlimit=_MOST).decompress, file)
    if head[:4] == lz4.MAGIC:
        return _blocks(lz4.LegacyFrames(file.read()))
    if head[:4] == b"\x28\xb5\x2f\xfd":
        return _zstd(file, scratch)
    raise ValueError("of an unknown type")


def _with(decompress: Callable[[bytes], bytes], file: IO[bytes]) -> Callable[[], bytes]:
    def more() -> bytes:
        while piece := file.read(64 << 10):
            if unpacked := decompress(piece):
                return unpacked
        return b""

    return more


def _blocks(frames: lz4.LegacyFrames) -> Callable[[], bytes]:
    at = 0

    def more() -> bytes:
        nonlocal at
        piece = frames.read(at, _PIECE)
        at += len(piece)
        return piece

    return more


def _zstd(file: IO[bytes], scratch: IO[bytes]) -> Callable[[], bytes]:
    """Unpacked by zstd(1) into ``scratch``."""
    with Path(file.name).open("rb") as rest:
        rest.seek(file.tell())
        try:
            subprocess.run(
                ["prlimit", f"--fsize={_MOST}", "zstd", "-q", "-d", "-c"],
                stdin=rest,
                stdout=scratch,
                stderr=subprocess.DEVNULL,
                env=environment(),
                check=False,
            )
        except FileNotFoundError:
            raise BackendError(missing_program("zstd")) from None
    scratch.seek(0)
    return lambda: scratch.read(_PIECE)
