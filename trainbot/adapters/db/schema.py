"""How a database's schema differs from the one that the tables declare."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator

from trainbot.adapters.db.engine import connect
from trainbot.adapters.db.fulltext import is_index
from trainbot.adapters.db.tables import metadata
from trainbot.model.database_url import MEMORY

#: (type, name) of each table, index and trigger -> its parts: what each column is, or '' -> the SQL
Objects = dict[tuple[str, str], dict[str, str]]


def differences(database: sqlite3.Connection) -> Iterator[str]:
    """Each table, column, index and trigger that is missing or declared otherwise, as a clause.  What others have added is
    left alone."""
    there = _objects(database)
    for (kind, name), parts in _declared().items():
        found = there.get((kind, name))
        if found is None:
            yield f"the {kind} {name} is missing"
            continue
        for part, wanted in parts.items():
            what = f"the column {part} of the {kind} {name}" if part else f"the {kind} {name}"
            if part not in found:
                yield f"{what} is missing"
            elif found[part] != wanted:
                yield f"{what} is {found[part][:200]}, not {wanted[:200]}"


def _declared() -> Objects:
    engine = connect(MEMORY)
    try:
        with engine.begin() as connection:
            metadata.create_all(connection)
            raw = connection.connection.dbapi_connection
            assert isinstance(raw, sqlite3.Connection)
            return _objects(raw)
    finally:
        engine.dispose()


def _objects(database: sqlite3.Connection) -> Objects:
    rows = database.execute(
        "SELECT type, name, sql FROM sqlite_master WHERE type IN ('table', 'index', 'trigger')"
    ).fetchall()
    return {
        (kind, name): _columns(database, name) if kind == "table" else {"": " ".join(sql.replace('"', "").split())}
        for kind, name, sql in rows
        if not name.startswith("sqlite_")
    }


def _columns(database: sqlite3.Connection, table: str) -> dict[str, str]:
    """What each column is; of full-text indexes only their names, since SQLite declares them itself."""
    rows = database.execute('SELECT name, type, "notnull", pk FROM pragma_table_info(?)', (table,)).fetchall()
    if is_index(table):
        return {name: "" for name, *_rest in rows}
    refers = dict(database.execute('SELECT "from", "table" FROM pragma_foreign_key_list(?)', (table,)))
    return {
        name: f"{kind}{' NOT NULL' * bool(notnull)}{' PRIMARY KEY' * bool(key)}"
        + (f" REFERENCES {refers[name]}" if name in refers else "")
        for name, kind, notnull, key in rows
    }
