"""Rows that were read since the database last changed, so that asking the same again costs next to nothing.

It is right whoever writes, and by whichever way.  SQLite counts each row that this connection inserts, updates or deletes
(sqlite3_total_changes), and tells whether another connection committed (PRAGMA data_version).  What is undone it does not
count: whoever undoes says ``forget``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable
from typing import Any

from sqlalchemy import Connection

MOST = 2000  # answers that are kept
LARGEST = 16  # rows of one of them


class QueryCache:
    """Holds nothing outside of a transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._found: dict[Hashable, list[Any]] = {}
        self._inside = False
        self._changes = self._version = -1

    def begins(self) -> None:
        """A transaction has begun: until its end nobody else writes."""
        version = self._database.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self.forget()
        self._version, self._inside = version, True

    def ends(self) -> None:
        self._inside = False

    def forget(self) -> None:
        self._found.clear()

    def get(self, question: Hashable) -> list[Any] | None:
        """The answer of before; None where there is none that is known to hold still."""
        if not self._inside:
            return None
        if self._changes != self._database.total_changes:
            self.forget()
            self._changes = self._database.total_changes
        return self._found.get(question)

    def keep(self, question: Hashable, answer: list[Any]) -> None:
        """``answer`` came of ``question`` just now, and nothing was written since ``get`` was asked for it."""
        if self._inside and len(answer) <= LARGEST:
            if len(self._found) >= MOST:
                self.forget()
            self._found[question] = answer


def recall_of(connection: Connection) -> QueryCache:
    """The one of this connection."""
    recall: QueryCache | None = connection.info.get("recall")
    if recall is None:
        database = connection.connection.dbapi_connection
        assert isinstance(database, sqlite3.Connection)
        recall = connection.info["recall"] = QueryCache(database)
    return recall
