"""Caches rows that were read since the database last changed, so that repeating a query costs next to nothing.

The cache is correct however the database is written.  SQLite counts the rows that this connection inserts, updates or
deletes (sqlite3_total_changes), and reports whether another connection has committed (PRAGMA data_version).  It does
not count what is rolled back, so code that rolls back must call ``forget``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable
from typing import Any

from sqlalchemy import Connection

MOST = 2000  # answers in the cache at most
LARGEST = 16  # an answer with more rows is not cached


class QueryCache:
    """Holds nothing outside a transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._found: dict[Hashable, list[Any]] = {}
        self._inside = False
        self._changes = self._version = -1

    def begins(self) -> None:
        """A transaction has begun: nobody else writes until it ends."""
        version = self._database.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self.forget()
        self._version, self._inside = version, True

    def ends(self) -> None:
        self._inside = False

    def forget(self) -> None:
        self._found.clear()

    def get(self, question: Hashable) -> list[Any] | None:
        """The cached answer; None if there is none that is known to be still valid."""
        if not self._inside:
            return None
        if self._changes != self._database.total_changes:
            self.forget()
            self._changes = self._database.total_changes
        return self._found.get(question)

    def keep(self, question: Hashable, answer: list[Any]) -> None:
        """Caches ``answer``, which ``question`` has just returned.  Nothing may have been written since ``get`` was
        called for it."""
        if self._inside and len(answer) <= LARGEST:
            if len(self._found) >= MOST:
                self.forget()
            self._found[question] = answer


def recall_of(connection: Connection) -> QueryCache:
    """The cache of this connection."""
    recall: QueryCache | None = connection.info.get("recall")
    if recall is None:
        database = connection.connection.dbapi_connection
        assert isinstance(database, sqlite3.Connection)
        recall = connection.info["recall"] = QueryCache(database)
    return recall
