"""Backs up, restores and checks the database file (sqlite.org/backup.html)."""

from __future__ import annotations

import os
import sqlite3
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from trainbot.adapters.db.engine import Store, connect
from trainbot.adapters.db.errors import explain
from trainbot.adapters.db.fulltext import INDEXES
from trainbot.adapters.db.lock import lock_is_held, lock_of
from trainbot.adapters.db.migrate import refuse_newer, revisions
from trainbot.adapters.db.opening import accept, damage, lost, refuse_missing
from trainbot.adapters.db.schema import differences
from trainbot.core import heartbeat
from trainbot.core.errors import BackendError
from trainbot.core.files import draft_of, sync_folder
from trainbot.model.database_url import database_path, database_url

FAULTS = 20  # reported at most
NONE_YET = "there is no database {} yet: trainbot run creates it"


@dataclass(frozen=True, slots=True)
class DatabaseSummary:
    """``bytes``: size of the whole database; ``revision``: of its schema, None if it is empty."""

    bytes: int
    revision: str | None
    faults: tuple[str, ...]


def backup(url: str, target: Path, *, force: bool = False) -> DatabaseSummary:
    """Copies the current database, even while it is in use, into one file that only its owner can read.  The copy is
    checked and complete, or it isn't created.  An existing file is replaced only with ``force``."""
    file = _file(url)
    if not file.is_file():
        raise BackendError(NONE_YET.format(url))
    if target.exists() and (not force or target.samefile(file) or not target.is_file()):
        raise BackendError(
            f"{target} already exists: name another file"
            + ("" if force or target.samefile(file) else ", or use --force")
        )
    with _whole(target) as draft:
        found = _copy(url, draft)
        if found.faults:
            raise BackendError(f"{url} is damaged, nothing was written: trainbot db check shows the details")
        if not force:
            with suppress(PermissionError, NotImplementedError):  # file systems without hard links
                _link(draft, target)
    return found


def restore(url: str, state: Path, source: Path, now: datetime) -> tuple[DatabaseSummary, Path | None]:
    """Replaces the database with a backup; returns where the old one is now (None if there was none).  The bot of the folder
    ``state`` does not complain of what the backup lacks.  Raises
    BackendError, and changes nothing, if a trainbot is running, or if ``source`` is damaged, from a newer trainbot or
    not a trainbot database."""
    if not source.is_file():
        raise BackendError(f"no such file: {source}")
    file = _file(url)
    lock = lock_of(url)
    try:
        with _whole(file) as draft:
            found = _copy(database_url(source), draft)
            if found.faults or found.revision is None:
                why = found.faults[0] if found.faults else "it is not a trainbot database"
                raise BackendError(f"{source} cannot be restored: {why}")
            before = _put_aside(file, now)
        accept(url, state)
        return found, before
    finally:
        os.close(lock)


def check(url: str, state: Path) -> DatabaseSummary:
    """Checks the file with all of SQLite's own checks, its write-ahead log, the references between rows, the schema and the
    full-text indexes, and whether it holds what the bot of the folder ``state`` has stored."""
    refuse_missing(url, state)
    file = _file(url)
    if not file.is_file():
        raise BackendError(NONE_YET.format(url))
    found = _copy(url, None, schema=True)
    return replace(found, faults=(*_behind(url, state), *found.faults))


def _behind(url: str, state: Path) -> Iterator[str]:
    """What is missing by the bot's own count."""
    running = lock_is_held(url)
    store = Store(url, read_only=True)
    try:
        found = None if running else lost(store, heartbeat.read(state), damage(url), datetime.now(UTC))
        if found is not None:
            yield found.sentence
    finally:
        store.close()


def _file(url: str) -> Path:
    path = database_path(url)
    if path is None:
        raise BackendError(NONE_YET.format(url))
    return path


def _copy(url: str, draft: Path | None, *, schema: bool = False) -> DatabaseSummary:
    """Copies the database and checks the copy, with ``schema`` its schema too if it is this program's.  If ``draft`` is None,
    the copy is a temporary file of SQLite's."""
    engine = connect(url, read_only=True)
    try:
        with engine.connect() as connection, closing(sqlite3.connect(draft or "")) as copy:
            raw = connection.connection.dbapi_connection
            assert isinstance(raw, sqlite3.Connection)
            raw.backup(copy)  # all in one step: writers need not wait, and no transaction is copied in part
            copy.execute("PRAGMA journal_mode=DELETE")  # a single file, without -wal and -shm
            revision = refuse_newer(url, connection)
            lacks = differences(copy) if schema and revision in (None, revisions()[-1]) else ()
            faults = (*faults_of(copy), *lacks)
            pages = copy.execute("PRAGMA page_count").fetchone()[0] * copy.execute("PRAGMA page_size").fetchone()[0]
            return DatabaseSummary(pages, revision, faults)
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise BackendError(explain(url, error)) from None
    finally:
        engine.dispose()


def faults_of(copy: sqlite3.Connection) -> Iterator[str]:
    for row in copy.execute(f"PRAGMA integrity_check({FAULTS})"):
        if row[0] != "ok":
            yield " ".join(str(row[0]).split())[:200]
    for table, row, other, _key in copy.execute("PRAGMA foreign_key_check").fetchmany(FAULTS):
        yield f"row {row} of {table} refers to a missing row of {other}"
    there = {row[0] for row in copy.execute("SELECT name FROM sqlite_master")}
    for index, table, *_rest in INDEXES:
        if index in there and table in there:
            try:  # rank 1: compares it with the rows it indexes (sqlite.org/fts5.html, "integrity-check")
                copy.execute(f"INSERT INTO {index}({index}, rank) VALUES ('integrity-check', 1)")
                (indexed, rows), *_ = copy.execute(
                    f"SELECT (SELECT count(*) FROM {index}_docsize), (SELECT count(*) FROM {table})"
                )
            except sqlite3.DatabaseError:
                yield f"the full-text index {index} does not match {table}"
                continue
            if indexed != rows:
                yield f"the full-text index {index} has {indexed} rows, but {table} has {rows}"
    copy.rollback()


def settings_of(file: Path, new: dict[str, str] | None = None) -> dict[str, str]:
    """The settings in the database ``file``, which no bot uses, after those in ``new`` are stored; {} if it cannot be read."""
    try:
        with closing(sqlite3.connect(file)) as database, database:
            for name, value in (new or {}).items():
                database.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (name, value))
            return {str(name): str(value) for name, value in database.execute("SELECT name, value FROM setting")}
    except sqlite3.Error as error:
        if new:
            raise BackendError(explain(str(file), error)) from None
        return {}


@contextmanager
def _whole(target: Path) -> Iterator[Path]:
    """A temporary file beside ``target`` that only its owner can read.  If nothing is raised, it is synced to disk and
    renamed to ``target``."""
    try:
        with draft_of(target, 0o600) as draft:
            yield draft
    except OSError as error:
        raise BackendError(f"{target} cannot be written ({error.strerror or error})") from None


def _link(draft: Path, target: Path) -> None:
    """Links ``draft`` as ``target``.  BackendError if that file has been created in the meantime."""
    try:
        os.link(draft, target)
    except FileExistsError:
        raise BackendError(f"{target} already exists: name another file, or use --force") from None


def _put_aside(file: Path, now: datetime) -> Path | None:
    """Links the database to a second name, together with its write-ahead log, and removes the log's old name so that no
    other database picks it up."""
    if not file.exists():
        return None
    with suppress(sqlite3.Error), closing(sqlite3.connect(file)) as old:  # a damaged one is kept as it is
        old.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    aside = file.with_name(f"{file.name}.before-{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}")
    for ending in ("", "-wal"):
        part = file.with_name(file.name + ending)
        if part.exists():
            os.link(part, aside.with_name(aside.name + ending))
    for ending in ("-wal", "-shm"):
        file.with_name(file.name + ending).unlink(missing_ok=True)
    sync_folder(file.parent)
    return aside
