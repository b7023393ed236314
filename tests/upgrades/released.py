"""Databases as released versions left them."""

from __future__ import annotations

import sqlite3
from contextlib import closing
from pathlib import Path

HERE = Path(__file__).parent
#: Every version that was released, oldest first: VERSION.sql is its database, VERSION.sha256 its migrations.
VERSIONS = sorted((path.stem for path in HERE.glob("*.sql")), key=lambda name: [int(part) for part in name.split(".")])


def database_of(version: str, path: Path) -> str:
    """Makes that version's database at ``path``; its URL."""
    with closing(sqlite3.connect(path)) as made:
        made.executescript((HERE / f"{version}.sql").read_text("utf-8"))
    return f"sqlite:///{path}"


def rows(path: Path, *columns: str, table: str) -> list[tuple[object, ...]]:
    """The rows of a table, all columns or these."""
    names = ", ".join(f'"{name}"' for name in columns) or "*"
    with closing(sqlite3.connect(path)) as found:
        return sorted(found.execute(f'SELECT {names} FROM "{table}"'), key=repr)


def columns(path: Path) -> dict[str, list[str]]:
    """Each table that holds rows of its own, and its columns."""
    with closing(sqlite3.connect(path)) as found:
        names = [
            row[0]
            for row in found.execute("SELECT name FROM sqlite_master WHERE type = 'table' AND sql LIKE 'CREATE TABLE%'")
        ]
        return {
            name: [row[1] for row in found.execute(f"PRAGMA table_info({name})")]
            for name in names
            if "_fts" not in name and not name.startswith("sqlite_")
        }


def schema(path: Path) -> set[tuple[str, str, str]]:
    """(type, name, SQL) of everything in it."""
    with closing(sqlite3.connect(path)) as found:
        return set(found.execute("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"))
