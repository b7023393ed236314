"""Rows of one table as frozen values of one dataclass, whose fields have the names of the columns."""

from __future__ import annotations

import sqlite3
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    or_,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert
from sqlalchemy.sql.visitors import iterate

from trainbot.adapters.db.prepared import Prepared, Raw
from trainbot.adapters.db.recall import LARGEST, WHOLE, recall_of
from trainbot.adapters.db.savepoints import savepoints_of


class RowValue(Protocol):
    """An instance of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


V = TypeVar("V")
R = TypeVar("R", bound=RowValue)


class RowFilter:
    """Conditions and an order that are built only once, because building a query takes longer than running it.  Values
    that differ from call to call are bindparams in it.  ``tables``: the names of those that it looks at, other than its
    own repository's."""

    def __init__(self, *conditions: ColumnElement[bool], order: Sequence[ColumnElement[Any]] = ()) -> None:
        self.conditions, self.order = conditions, order
        parts = (part for condition in [*conditions, *order] for part in iterate(condition))
        self.tables = {part.name for part in parts if isinstance(part, Table)}


def one_of(column: ColumnElement[V], values: Iterable[V]) -> ColumnElement[bool]:
    """The same as ``in_`` for values that never change."""
    return or_(*(column == value for value in values))


ANY = RowFilter()
_prepared: dict[Hashable, Prepared] = {}  # of all stores: what is compiled does not depend on the database


class Rows(Generic[R]):
    """What every repository needs.  ``changed``: the set that gets the names of tables that were written."""

    def __init__(self, connection: Connection, table: Table, value: type[R], changed: set[str] | None = None) -> None:
        self.connection, self.table, self.value = connection, table, value
        self.changed = set() if changed is None else changed
        self._recall, self._savepoints = recall_of(connection), savepoints_of(connection)
        self._columns = [table.c[field.name] for field in fields(value)]
        self._read: dict[RowFilter, frozenset[str]] = {}  # the tables whose rows decide
        self._values: dict[RowFilter, dict[Raw, R]] = {}  # what the rows were when they were last read

    def _where(self, exact: dict[str, Any]) -> ColumnElement[bool]:
        return and_(True, *(self.table.c[name] == value for name, value in exact.items()))

    def all(
        self, *conditions: ColumnElement[bool], order: Any = None, limit: int | None = None, **exact: Any
    ) -> list[R]:
        if conditions or order is not None or limit not in (None, 1):
            query = select(*self._columns).where(self._where(exact), *conditions)
            query = query.order_by(*(order if order is not None else self.table.primary_key.columns)).limit(limit)
            return [self.value(*row) for row in self.connection.execute(query)]
        return self.chosen(ANY, {}, limit=limit, **exact)

    def chosen(self, which: RowFilter, given: Mapping[str, Any], *, limit: int | None = None, **exact: Any) -> list[R]:
        """The rows that match the filter with these values, in the filter's order or by primary key."""
        tables, question = (
            self._read.get(which) or self._looks_at(which),
            (self.table.name, which, limit, *given.items(), *exact.items()),
        )
        known = self._recall.get(tables, question)
        if known is None:
            query, database = self._query(which, exact, limit), self._recall.database
            if given or exact or limit:
                known = query.made(database, {**given, **_compared(exact)}, self.value)
                self._recall.keep(tables, question, known, LARGEST)
            else:  # often asked, and few of the rows have changed since
                known, values = query.made_again(database, self.value, self._values.get(which, {}))
                self._values[which] = values if len(values) <= WHOLE else {}
                self._recall.keep(tables, question, known, WHOLE)
        return known.copy()

    def known(self, which: RowFilter) -> list[R] | None:
        """What ``chosen`` would return without values, if the cache has it."""
        return self._recall.get(self._looks_at(which), (self.table.name, which, None))

    def _looks_at(self, which: RowFilter) -> frozenset[str]:
        """The names of the tables whose rows decide what ``which`` finds here."""
        if which not in self._read:
            self._read[which] = frozenset({self.table.name, *which.tables})
        return self._read[which]

    def _query(self, which: RowFilter, exact: dict[str, Any], limit: int | None) -> Prepared:
        key = (self.table, which, limit, *_names(exact))
        if key not in _prepared:
            query = select(*self._columns).where(self._same(exact), *which.conditions)
            query = query.order_by(*(which.order or self.table.primary_key.columns)).limit(limit)
            _prepared[key] = Prepared(query)
        return _prepared[key]

    def _same(self, exact: dict[str, Any]) -> ColumnElement[bool]:
        """Whether a row has these values: ``_compared`` gives those that are not None."""
        columns = [self.table.c[name] for name in exact]
        return and_(
            True,
            *(
                column.is_(None)
                if exact[column.name] is None
                else column == bindparam(f"is_{column.name}", type_=column.type)
                for column in columns
            ),
        )

    def each(self, *conditions: ColumnElement[bool], time: str = "at", **exact: Any) -> Iterator[R]:
        """The rows one at a time, ordered by the column ``time``: for more rows than should be in memory at once."""
        query = select(*self._columns).where(self._where(exact), *conditions)
        query = query.order_by(self.table.c[time], *self.table.primary_key.columns)
        for row in self.connection.execute(query, execution_options={"yield_per": 500}):
            yield self.value(*row)

    def first(self, *conditions: ColumnElement[bool], **exact: Any) -> R | None:
        found = self.all(*conditions, limit=1, **exact) if conditions else self.chosen(ANY, {}, limit=1, **exact)
        return found[0] if found else None

    def count(self, *conditions: ColumnElement[bool], **exact: Any) -> int:
        if conditions:
            query = select(func.count()).select_from(self.table).where(self._where(exact), *conditions)
            return self.connection.execute(query).scalar_one()
        key = (self.table, "count", *_names(exact))
        if key not in _prepared:
            _prepared[key] = Prepared(select(func.count()).select_from(self.table).where(self._same(exact)))
        number: int = _prepared[key].rows(self._recall.database, _compared(exact))[0][0]
        return number

    def _write(self, key: Hashable, build: Callable[[], Prepared], values: Mapping[str, Any]) -> sqlite3.Cursor:
        """Executes what ``build`` builds, or has built for the same ``key``; it writes this table only."""
        statement = _prepared.get((self.table, key))
        if statement is None:
            statement = _prepared[self.table, key] = build()
        self._savepoints.writing()
        before = self._recall.changes
        result = statement.run(self._recall.database, values)
        self._recall.wrote(self.table.name, before)
        if result.rowcount:
            self.changed.add(self._part(values))
        return result

    def _part(self, _values: Mapping[str, Any]) -> str:
        """What ``changed`` gets for a statement with these values: the table, or what it calls a part of it."""
        return self.table.name

    def add(self, **values: Any) -> int:
        """Adds a row; returns its id (if the table has an integer key)."""
        key = ("add", *values)
        return self._write(key, lambda: Prepared(insert(self.table), list(values)), values).lastrowid or 0

    def put(self, value: R) -> None:
        """Inserts ``value`` as a row, or replaces the row that has the same key."""

        def build() -> Prepared:
            keys = [column.name for column in self.table.primary_key.columns]
            statement = upsert(self.table)
            rest = {name: statement.excluded[name] for name in values if name not in keys}
            statement = (
                statement.on_conflict_do_update(index_elements=keys, set_=rest)
                if rest
                else statement.on_conflict_do_nothing()
            )
            return Prepared(statement, list(values))

        values = asdict(value)
        self._write("put", build, values)

    def change(self, exact: dict[str, Any], **values: Any) -> int:
        """Changes the matching rows; returns how many there were."""

        def build() -> Prepared:
            columns = [self.table.c[name] for name in values]
            new = {column: bindparam(f"new_{column.name}", type_=column.type) for column in columns}
            return Prepared(update(self.table).where(self._same(exact)).values(new))

        given = _compared(exact) | {f"new_{name}": value for name, value in values.items()}
        return self._write(("change", *_names(exact), None, *values), build, given).rowcount

    def remove(self, **exact: Any) -> int:
        key = ("remove", *_names(exact))
        return self._write(
            key, lambda: Prepared(delete(self.table).where(self._same(exact))), _compared(exact)
        ).rowcount


def _names(exact: dict[str, Any]) -> Iterator[str | None]:
    """What of ``exact`` decides the text of a statement: the names, and which of their values are None."""
    yield from exact
    yield None
    yield from (name for name, value in exact.items() if value is None)


def _compared(exact: dict[str, Any]) -> dict[str, Any]:
    return {f"is_{name}": value for name, value in exact.items() if value is not None}


def ranges(connection: Connection, table: str, most: int) -> Iterator[tuple[int, int]]:
    """(before, last): numbers of rows, so that all rows of the table are in these ranges, and no more than ``most`` in
    one.  Rows that are added meanwhile are in the last ones."""
    last = 0
    query = f'SELECT max(row) FROM (SELECT rowid AS row FROM "{table}" WHERE rowid > ? ORDER BY rowid LIMIT {most:d})'
    while (found := connection.exec_driver_sql(query, (last,)).scalar_one()) is not None:
        before, last = last, found
        yield before, last
