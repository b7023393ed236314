"""Statements that SQLAlchemy builds and compiles once, and SQLite's own driver then runs.

What SQLAlchemy does around each execution takes many times as long as SQLite takes for one of our small statements, and
a turn has dozens of them.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

from sqlalchemy import ClauseElement, Select
from sqlalchemy.dialects.sqlite import pysqlite
from sqlalchemy.sql.compiler import SQLCompiler

V = TypeVar("V")
Raw = tuple[Any, ...]
DIALECT = pysqlite.dialect()


class Prepared:
    """``statement``, compiled.  Values are given by the names of its bindparams; what was given when it was built (a
    constant, a limit) need not be given again.  ``columns``: those that an insert has values for.  No ``expanding``
    bindparams, such as ``in_`` with a list: their SQL depends on the values."""

    def __init__(self, statement: ClauseElement, columns: Sequence[str] | None = None) -> None:
        compiled = statement.compile(dialect=DIALECT, column_keys=columns)
        assert isinstance(compiled, SQLCompiler)
        assert not compiled.post_compile_params, f"the SQL depends on the values: {compiled.string}"
        self.sql = compiled.string
        given = compiled.params
        self._values = [
            (name, given[name], compiled.binds[name].type.dialect_impl(DIALECT).bind_processor(DIALECT))
            for name in compiled.positiontup or ()
        ]
        found = statement.selected_columns if isinstance(statement, Select) else ()
        readers = (column.type.dialect_impl(DIALECT).result_processor(DIALECT, None) for column in found)
        self._readers = [(index, reader) for index, reader in enumerate(readers) if reader is not None]

    def run(self, database: sqlite3.Connection, values: Mapping[str, Any]) -> sqlite3.Cursor:
        return database.execute(
            self.sql,
            [
                values.get(name, given) if process is None else process(values.get(name, given))
                for name, given, process in self._values
            ],
        )

    def rows(self, database: sqlite3.Connection, values: Mapping[str, Any]) -> list[Raw]:
        """The rows that a select finds."""
        return [tuple(self._read(row)) for row in self.run(database, values)]

    def made(self, database: sqlite3.Connection, values: Mapping[str, Any], make: Callable[..., V]) -> list[V]:
        """What ``make`` makes of the columns of each row."""
        return [make(*self._read(row)) for row in self.run(database, values)]

    def made_again(
        self, database: sqlite3.Connection, make: Callable[..., V], known: Mapping[Raw, V]
    ) -> tuple[list[V], dict[Raw, V]]:
        """The same for a select without values.  ``known``: what rows, as SQLite has them, became the last time; they are
        not made again.  Returns what was found, and what is known now."""
        found = self.run(database, {}).fetchall()
        now = {row: known.get(row) or make(*self._read(row)) for row in found}
        return [now[row] for row in found], now

    def _read(self, row: Raw) -> list[Any]:
        values = list(row)
        for index, reader in self._readers:
            values[index] = reader(values[index])
        return values
