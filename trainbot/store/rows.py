"""Rows of one table as frozen values of one dataclass: columns are named as its fields."""

from __future__ import annotations

from dataclasses import asdict, fields
from typing import Any, Generic, TypeVar

from sqlalchemy import ColumnElement, Connection, Table, and_, delete, func, insert, select, update
from sqlalchemy.dialects.sqlite import insert as upsert

V = TypeVar("V")


class Rows(Generic[V]):
    """The few things that every repository needs.  ``changed``: where the names of tables that were written go."""

    def __init__(self, connection: Connection, table: Table, value: type[V], changed: set[str] | None = None) -> None:
        self.connection, self.table, self.value = connection, table, value
        self.changed = set() if changed is None else changed
        self._columns = [table.c[field.name] for field in fields(value)]  # type: ignore[arg-type]

    def _where(self, exact: dict[str, Any]) -> ColumnElement[bool]:
        return and_(True, *(self.table.c[name] == value for name, value in exact.items()))

    def all(self, *conditions: ColumnElement[bool], order: Any = None, limit: int | None = None,
            **exact: Any) -> list[V]:
        query = select(*self._columns).where(self._where(exact), *conditions)
        query = query.order_by(*(order if order is not None else self.table.primary_key.columns))
        return [self.value(*row) for row in self.connection.execute(query.limit(limit))]

    def first(self, *conditions: ColumnElement[bool], **exact: Any) -> V | None:
        found = self.all(*conditions, limit=1, **exact)
        return found[0] if found else None

    def count(self, *conditions: ColumnElement[bool], **exact: Any) -> int:
        query = select(func.count()).select_from(self.table).where(self._where(exact), *conditions)
        return self.connection.execute(query).scalar_one()

    def add(self, **values: Any) -> int:
        """The new row's id (where the table has an integer key)."""
        self.changed.add(self.table.name)
        result = self.connection.execute(insert(self.table).values(**values))
        key = result.inserted_primary_key
        return key[0] if key else 0

    def put(self, value: V) -> None:
        """Written whole: new, or over the row of the same key."""
        self.changed.add(self.table.name)
        values = asdict(value)  # type: ignore[call-overload]
        keys = [column.name for column in self.table.primary_key.columns]
        rest = {name: values[name] for name in values if name not in keys}
        statement = upsert(self.table).values(**values)
        self.connection.execute(statement.on_conflict_do_update(index_elements=keys, set_=rest) if rest
                                else statement.on_conflict_do_nothing())

    def change(self, exact: dict[str, Any], **values: Any) -> int:
        """How many rows were changed."""
        self.changed.add(self.table.name)
        return self.connection.execute(update(self.table).where(self._where(exact)).values(**values)).rowcount

    def remove(self, **exact: Any) -> int:
        self.changed.add(self.table.name)
        return self.connection.execute(delete(self.table).where(self._where(exact))).rowcount
