"""Rows of one table as frozen values of one dataclass, whose fields have the names of the columns."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, fields
from typing import Any, ClassVar, Generic, Protocol, TypeVar

from sqlalchemy import (
    ColumnElement,
    Connection,
    Select,
    Table,
    and_,
    bindparam,
    delete,
    func,
    insert,
    select,
    update,
)
from sqlalchemy.dialects.sqlite import insert as upsert

from trainbot.adapters.db.recall import recall_of


class RowValue(Protocol):
    """An instance of a dataclass."""

    __dataclass_fields__: ClassVar[dict[str, Any]]


V = TypeVar("V", bound=RowValue)


class RowFilter:
    """Conditions and an order that are built only once, because building a query takes longer than running it.  Values
    that differ from call to call are bindparams in it."""

    def __init__(self, *conditions: ColumnElement[bool], order: Sequence[ColumnElement[Any]] = ()) -> None:
        self.conditions, self.order = conditions, order


class Rows(Generic[V]):
    """What every repository needs.  ``changed``: the set that gets the names of tables that were written."""

    def __init__(self, connection: Connection, table: Table, value: type[V], changed: set[str] | None = None) -> None:
        self.connection, self.table, self.value = connection, table, value
        self.changed = set() if changed is None else changed
        self._recall = recall_of(connection)
        self._columns = [table.c[field.name] for field in fields(value)]
        self._insert = insert(table)  # the values are passed separately, so it is compiled once
        self._any = RowFilter()
        self._built: dict[tuple[RowFilter | str | None, ...], Select[Any]] = {}

    def _where(self, exact: dict[str, Any]) -> ColumnElement[bool]:
        return and_(True, *(self.table.c[name] == value for name, value in exact.items()))

    def all(
        self, *conditions: ColumnElement[bool], order: Any = None, limit: int | None = None, **exact: Any
    ) -> list[V]:
        if conditions or order is not None or limit not in (None, 1):
            query = select(*self._columns).where(self._where(exact), *conditions)
            query = query.order_by(*(order if order is not None else self.table.primary_key.columns)).limit(limit)
            return [self.value(*row) for row in self.connection.execute(query)]
        return self.chosen(self._any, {}, limit=limit, **exact)

    def chosen(self, which: RowFilter, given: Mapping[str, Any], *, limit: int | None = None, **exact: Any) -> list[V]:
        """The rows that match the filter with these values, in the filter's order or by primary key."""
        question = (self.table.name, which, limit, *given.items(), *exact.items())
        known = self._recall.get(question)
        if known is None:
            query, values = self._equal(which, exact, limit)
            known = [self.value(*row) for row in self.connection.execute(query, {**given, **values})]
            self._recall.keep(question, known)
        return known.copy()

    def _equal(self, which: RowFilter, exact: dict[str, Any], limit: int | None) -> tuple[Select[Any], dict[str, Any]]:
        """The query and its values; the query is built once for each set of column names."""
        key = (which, str(limit), *exact, None, *(name for name in exact if exact[name] is None))
        if key not in self._built:
            columns = [(self.table.c[name], exact[name] is None) for name in exact]
            same = (
                column.is_(None) if none else column == bindparam(f"is_{column.name}", type_=column.type)
                for column, none in columns
            )
            query = select(*self._columns).where(and_(True, *same, *which.conditions))
            self._built[key] = query.order_by(*(which.order or self.table.primary_key.columns)).limit(limit)
        return self._built[key], {f"is_{name}": value for name, value in exact.items() if value is not None}

    def each(self, *conditions: ColumnElement[bool], time: str = "at", **exact: Any) -> Iterator[V]:
        """The rows one at a time, ordered by the column ``time``: for more rows than should be in memory at once."""
        query = select(*self._columns).where(self._where(exact), *conditions)
        query = query.order_by(self.table.c[time], *self.table.primary_key.columns)
        for row in self.connection.execute(query, execution_options={"yield_per": 500}):
            yield self.value(*row)

    def first(self, *conditions: ColumnElement[bool], **exact: Any) -> V | None:
        found = self.all(*conditions, limit=1, **exact)
        return found[0] if found else None

    def count(self, *conditions: ColumnElement[bool], **exact: Any) -> int:
        query = select(func.count()).select_from(self.table).where(self._where(exact), *conditions)
        return self.connection.execute(query).scalar_one()

    def add(self, **values: Any) -> int:
        """Adds a row; returns its id (if the table has an integer key)."""
        self.changed.add(self.table.name)
        result = self.connection.execute(self._insert, values)
        key = result.inserted_primary_key
        return key[0] if key else 0

    def put(self, value: V) -> None:
        """Inserts ``value`` as a row, or replaces the row that has the same key."""
        self.changed.add(self.table.name)
        values = asdict(value)
        keys = [column.name for column in self.table.primary_key.columns]
        rest = {name: values[name] for name in values if name not in keys}
        statement = upsert(self.table).values(**values)
        self.connection.execute(
            statement.on_conflict_do_update(index_elements=keys, set_=rest)
            if rest
            else statement.on_conflict_do_nothing()
        )

    def change(self, exact: dict[str, Any], **values: Any) -> int:
        """Changes the matching rows; returns how many there were."""
        self.changed.add(self.table.name)
        return self.connection.execute(update(self.table).where(self._where(exact)).values(**values)).rowcount

    def remove(self, **exact: Any) -> int:
        self.changed.add(self.table.name)
        return self.connection.execute(delete(self.table).where(self._where(exact))).rowcount
