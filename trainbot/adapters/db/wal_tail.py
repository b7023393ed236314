"""Follows the write-ahead log of the one database that we write, so that a copy of it elsewhere can be kept up to date.

SQLite appends each transaction to the log, and begins the log again some time after a checkpoint.  As long as nobody but
us makes checkpoints, and the log is read before each of them, nothing is missed: what is read, in its order, turns a copy of
the database file into the database (sqlite.org/wal.html).
"""

from __future__ import annotations

import logging
import os
from collections import deque
from dataclasses import dataclass
from pathlib import Path

from trainbot.adapters.db.wal import HEADER, committed, salts_of

log = logging.getLogger(__name__)
MOST = 64 << 20  # bytes that wait at most


@dataclass(frozen=True, slots=True)
class WalPart:
    """A part of a log that ends with a transaction.  ``generation`` increases with each log, ``offset`` is in bytes; a
    generation begins with the log's header."""

    generation: int
    offset: int
    data: bytes


class WalTail:
    """``held``: the database file is being read, so no checkpoint may change it.  ``broken``: something was missed, and
    only a new copy of the whole file helps."""

    def __init__(self, database: Path) -> None:
        self._path = database.with_name(database.name + "-wal")
        self._salts, self._at, self._generation = b"", 0, 0
        self._parts: deque[WalPart] = deque()
        self._waiting = 0
        self.held = False
        self.broken = True

    def begin(self) -> None:
        """A copy of the database file is going to be made: what is read from now on belongs to it."""
        self._salts, self._at = b"", 0
        self._parts.clear()
        self._waiting = 0
        self.broken = False

    def abandon(self) -> None:
        """Nobody needs what would be read, until ``begin``."""
        self.begin()
        self.held, self.broken = False, True

    def read(self) -> None:
        """Reads what was committed since the last time.  To be called between transactions; takes no lock."""
        if self.broken:
            return
        try:
            self._read()
        except OSError as error:
            log.warning("%s cannot be read (%s): the next copy is a whole one", self._path, error.strerror)
            self.broken = True

    def take(self) -> list[WalPart]:
        """What was read and not taken yet."""
        parts = list(self._parts)
        self._parts.clear()
        self._waiting = 0
        return parts

    def _read(self) -> None:
        try:
            handle = os.open(self._path, os.O_RDONLY | os.O_CLOEXEC)
        except FileNotFoundError:
            return
        try:
            header = os.pread(handle, HEADER, 0)
            if len(header) < HEADER:
                return  # a checkpoint has emptied it
            if salts_of(header) != self._salts:
                self._salts, self._at = salts_of(header), 0
                self._generation += 1
            size = os.fstat(handle).st_size
            rest = os.pread(handle, max(size - max(self._at, HEADER), 0), max(self._at, HEADER))
        finally:
            os.close(handle)
        end = committed(header + rest) - HEADER
        if not end:
            return
        part = WalPart(self._generation, self._at, rest[:end] if self._at else header + rest[:end])
        self._at = max(self._at, HEADER) + end
        self._waiting += len(part.data)
        self._parts.append(part)
        if self._waiting > MOST:
            log.warning("copies are behind by more than %d MiB: the next copy is a whole one", MOST >> 20)
            self.abandon()
