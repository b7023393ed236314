"""Reads a write-ahead log as SQLite will at the next start (sqlite.org/walformat.html): to find what it would drop, and to
carry its transactions over into a copy of the database.

SQLite uses the frames from the beginning up to the last commit before the first frame that is not valid, and says nothing
about the rest.  Frames with other salts are left over from before the last checkpoint, and a last transaction without
its end was never acknowledged.  A valid commit behind an invalid frame is damage.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

HEADER, _FRAME = 32, 24  # bytes
_MAGIC = 0x377F0682  # with the lowest bit set, checksums are big-endian
_LARGEST = 64 << 20  # bytes that are read at most: some seconds' work


@dataclass(frozen=True, slots=True)
class WalContent:
    """``frames``: that are used; ``frame``: the first one that cannot be, from 1, if commits follow it, else 0 (``header``:
    the header itself is damaged); ``commits``: how many transactions are dropped, at least."""

    frames: int
    frame: int = 0
    commits: int = 0
    header: bool = False

    @property
    def damage(self) -> str:
        """What is damaged, as a clause; '' if nothing is."""
        if self.header:
            return "the header of its write-ahead log is damaged"
        if self.frame:
            return (
                f"frame {self.frame} of its write-ahead log is damaged, and {self.commits} transactions come after it"
            )
        return ""


def read_wal(path: Path) -> WalContent:
    """What SQLite will make of the write-ahead log ``path``; nothing if there is none.  OSError if it cannot be read."""
    try:
        with path.open("rb") as file:
            data = file.read(_LARGEST)
    except FileNotFoundError:
        return WalContent(0)
    if len(data) <= HEADER:
        return WalContent(0)
    magic, _version, page, _sequence, *salts, one, two = struct.unpack(">8I", data[:HEADER])
    order = ">" if magic & 1 else "<"
    sums = _checksum(data[: HEADER - 8], order, (0, 0))
    if magic & ~1 != _MAGIC or sums != (one, two) or page < 512 or page & (page - 1):
        return WalContent(0, header=any(data[HEADER:]))
    used = last = first_bad = dropped = 0
    for number, frame in enumerate(_frames(data, page), 1):
        _page, size, *fields = struct.unpack(">6I", frame[:_FRAME])
        if fields[:2] != salts:
            if not first_bad:
                first_bad = number
            continue
        if not first_bad:
            sums = _checksum(frame[_FRAME:], order, _checksum(frame[:8], order, sums))
            if sums == tuple(fields[2:]):
                used = number
                last = number if size else last
                continue
            first_bad = number
        dropped += size != 0
    # One transaction without all of its frames is the last one, which a power cut has interrupted.
    return WalContent(last, first_bad, dropped) if dropped > 1 else WalContent(last if used else 0)


def committed(data: bytes) -> int:
    """Where the last committed transaction ends in ``data``: a log's header, then frames from one that begins a
    transaction.  To be called while nobody writes: checksums are not compared."""
    page, salts, at, end = struct.unpack(">I", data[8:12])[0], salts_of(data), HEADER, HEADER
    while at + _FRAME + page <= len(data) and data[at + 8 : at + 16] == salts:
        commits = data[at + 4 : at + 8] != b"\0\0\0\0"  # the size of the database after a commit, else 0
        at += _FRAME + page
        end = at if commits else end
    return end


def salts_of(data: bytes) -> bytes:
    """What tells a log from the one before it: new ones are chosen whenever a log begins again."""
    return data[16:24]


class WalReplay:
    """Writes the transactions of logs into ``file``, a copy of the database as it was before them."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._salts, self._order, self._page = b"", ">", 0
        self._sums = (0, 0)
        self._pages: dict[int, bytes] = {}  # of a transaction that has not ended
        self.commits = 0

    def header(self, data: bytes) -> None:
        """A log begins; ValueError if that is no header."""
        magic, _version, page, _sequence, _one, _two, *sums = struct.unpack(">8I", data)
        self._order = ">" if magic & 1 else "<"
        self._sums = _checksum(data[: HEADER - 8], self._order, (0, 0))
        if magic & ~1 != _MAGIC or self._sums != tuple(sums) or page < 512 or page & (page - 1):
            raise ValueError("the header of a write-ahead log is damaged")
        self._salts, self._page = salts_of(data), page
        self._pages.clear()

    def frames(self, data: bytes) -> None:
        """The next frames of that log, which end with a transaction; ValueError if one is damaged or missing."""
        step = _FRAME + self._page
        if not self._page or len(data) % step:
            raise ValueError("frames of a write-ahead log are missing")
        for start in range(0, len(data), step):
            frame = data[start : start + step]
            number, size, *fields = struct.unpack(">6I", frame[:_FRAME])
            self._sums = _checksum(frame[_FRAME:], self._order, _checksum(frame[:8], self._order, self._sums))
            if frame[8:16] != self._salts or self._sums != tuple(fields[2:]) or not number:
                raise ValueError("a frame of a write-ahead log is damaged or missing")
            self._pages[number] = frame[_FRAME:]
            if size:
                self._commit(size)

    def _commit(self, size: int) -> None:
        for number, page in self._pages.items():
            self._file.seek((number - 1) * self._page)
            self._file.write(page)
        self._pages.clear()
        self._file.truncate(size * self._page)
        self.commits += 1


def _frames(data: bytes, page: int) -> Iterator[bytes]:
    for start in range(HEADER, len(data) - _FRAME - page + 1, _FRAME + page):
        yield data[start : start + _FRAME + page]


def _checksum(data: bytes, order: str, before: tuple[int, int]) -> tuple[int, int]:
    """The cumulative checksum after ``data``, whose length is a multiple of 8."""
    one, two = before
    words = struct.unpack(f"{order}{len(data) // 4}I", data)
    for first, second in zip(words[::2], words[1::2], strict=True):
        one = (one + first + two) & 0xFFFFFFFF
        two = (two + second + one) & 0xFFFFFFFF
    return one, two
