"""Savepoints that cost nothing until something is written: most of what people say only reads.

SQLite hears of a savepoint when the first statement in it is about to write.  What fails before has nothing to undo.
"""

from __future__ import annotations

import sqlite3

from sqlalchemy import Connection

from trainbot.core.errors import BackendError

NOT_STORED = "not done: I can't write to my database right now; try again in a minute"


class Savepoints:
    """The savepoints of one connection, nested.  ``missed``: something was written that nobody had announced, and could
    not be undone when its savepoint failed: the transaction must not be committed."""

    def __init__(self, database: sqlite3.Connection) -> None:
        self._database = database
        self._changes: list[int] = []  # for each savepoint: rows that the connection had written when it began
        self._made = 0  # how many of them SQLite knows
        self.missed = False

    def restart(self) -> None:
        """A transaction begins: there are none."""
        self._changes.clear()
        self._made, self.missed = 0, False

    def begin(self) -> None:
        """BackendError outside a transaction: after an error SQLite may have rolled back by itself
        (sqlite.org/lang_transaction.html, "Response To Errors")."""
        if not self._database.in_transaction:
            raise BackendError(NOT_STORED)
        self._changes.append(self._database.total_changes)

    def writing(self) -> None:
        """To be called before each statement that may write."""
        while self._made < len(self._changes):
            if not self._database.in_transaction:  # SAVEPOINT would begin one of its own
                raise BackendError(NOT_STORED)
            self._database.execute(f"SAVEPOINT s{self._made + 1}")
            self._made += 1

    def keep(self) -> None:
        """Ends the innermost one, and keeps what was written in it."""
        if self._made < len(self._changes):
            self._changes.pop()
        else:
            self._end("RELEASE s{0}")

    def undo(self) -> bool:
        """Ends the innermost one, and undoes what was written in it; returns whether there was anything."""
        if self._made < len(self._changes):
            self.missed = self.missed or self._changes[-1] != self._database.total_changes
        return self._end("ROLLBACK TO s{0}", "RELEASE s{0}")

    def _end(self, *statements: str) -> bool:
        """Whether SQLite knew it."""
        depth = len(self._changes)
        self._changes.pop()
        if self._made < depth:
            return False
        self._made -= 1
        for statement in statements:
            self._database.execute(statement.format(depth))
        return True


def savepoints_of(connection: Connection) -> Savepoints:
    """Those of this connection."""
    found: Savepoints | None = connection.info.get("savepoints")
    if found is None:
        database = connection.connection.dbapi_connection
        assert isinstance(database, sqlite3.Connection)
        found = connection.info["savepoints"] = Savepoints(database)
    return found
