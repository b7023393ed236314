"""Caches rows that were read since their tables last changed, so that repeating a query costs next to nothing.

The cache is correct however the database is written.  SQLite counts the rows that this connection inserts, updates or
deletes (sqlite3_total_changes), and reports whether another connection has committed (PRAGMA data_version).  Code that
says which table it writes (``wrote``) keeps the answers about other tables; whatever else is written empties the cache.
SQLite does not count what is rolled back, so code that rolls back must call ``forget``.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Hashable
from typing import Any

from sqlalchemy import Connection

MOST = 2000  # answers about the same tables at most
LARGEST = 16  # rows: a larger answer to a query with values of its own is not cached
WHOLE = 4000  # rows: the same of a query that is always the same, such as all labs; there are few of them


class QueryCache:
    """Holds nothing outside a transaction."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self.database = database
        self._found: dict[frozenset[str], dict[Hashable, list[Any]]] = {}  # by the tables that were read
        self._inside = False
        self._changes = self._version = -1

    def begins(self) -> None:
        """A transaction has begun: nobody else writes until it ends."""
        version = self.database.execute("PRAGMA data_version").fetchone()[0]
        if version != self._version:
            self.forget()
        self._version, self._inside = version, True

    def ends(self) -> None:
        self._inside = False

    def forget(self) -> None:
        self._found.clear()

    @property
    def changes(self) -> int:
        """How many rows this connection has written."""
        return self.database.total_changes

    def wrote(self, table: str, before: int) -> None:
        """Everything written since ``changes`` was ``before`` is in ``table``."""
        if before != self._changes or before == self.database.total_changes:
            return  # something else was written before that: ``get`` will see it; or nothing was
        self._changes = self.database.total_changes
        for tables, answers in self._found.items():
            if table in tables:
                answers.clear()

    def get(self, tables: frozenset[str], question: Hashable) -> list[Any] | None:
        """The cached answer from these tables; None if there is none that is known to be still valid."""
        if not self._inside:
            return None
        if self._changes != self.database.total_changes:
            self.forget()
            self._changes = self.database.total_changes
        answers = self._found.get(tables)
        return answers.get(question) if answers is not None else None

    def keep(self, tables: frozenset[str], question: Hashable, answer: list[Any], most: int = LARGEST) -> None:
        """Caches ``answer``, which ``question`` has just returned, unless it has more than ``most`` rows.  Nothing may
        have been written since ``get`` was called for it."""
        if self._inside and len(answer) <= most:
            answers = self._found.setdefault(tables, {})
            if len(answers) >= MOST:
                answers.clear()
            answers[question] = answer


def recall_of(connection: Connection) -> QueryCache:
    """The cache of this connection."""
    recall: QueryCache | None = connection.info.get("recall")
    if recall is None:
        database = connection.connection.dbapi_connection
        assert isinstance(database, sqlite3.Connection)
        recall = connection.info["recall"] = QueryCache(database)
    return recall
