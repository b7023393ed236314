"""One SQLite file, one connection, one writer.

Everything that one turn of the loop decides is written in one transaction, with a savepoint for each message.  We issue
BEGIN IMMEDIATE ourselves; with WAL and synchronous=FULL, what was committed survives a power cut.
"""

from __future__ import annotations

import fcntl
import logging
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import OperationalError, SQLAlchemyError

from trainbot.adapters.db.full_text_search import Search
from trainbot.adapters.db.pruning import Pruning
from trainbot.adapters.db.question_rows import QuestionRepository
from trainbot.adapters.db.recall import recall_of
from trainbot.adapters.db.repositories import (
    ClassRepository,
    EntryRepository,
    LabRepository,
    LeaseRepository,
    NoticeRepository,
    PersonRepository,
    PollRepository,
    SelfHostedRepository,
    SessionRepository,
    SettingRepository,
)
from trainbot.adapters.db.row_redaction import Redaction
from trainbot.core.errors import BackendError
from trainbot.model.database_url import database_path

log = logging.getLogger(__name__)
NOT_STORED = "not done: I can't write to my database right now; try again in a minute"


def connect(url: str, *, read_only: bool = False) -> Engine:
    """An engine whose transactions begin only when we begin them (SQLAlchemy's SQLite page, "pysqlite
    transactions")."""
    path = str(database_path(url) or ":memory:")
    file = URL.create("sqlite", database=path)  # not as a URL: a path may contain % and ?
    if read_only:
        query = {"mode": "ro", "uri": "true"}
        if not Path(path + "-wal").exists():
            # Nobody has it open.  Without this, SQLite would leave -wal and -shm behind (sqlite.org/wal.html,
            # "Read-Only Databases"), perhaps owned by a user whose files the bot may not write.
            query["immutable"] = "1"
        file = URL.create("sqlite", database=f"file:{quote(path)}", query=query)
    engine = create_engine(file, connect_args={"timeout": 2.0, "check_same_thread": False})

    @event.listens_for(engine, "connect")
    def _connected(connection: Any, _record: object) -> None:
        connection.isolation_level = None
        cursor = connection.cursor()
        if not read_only:
            cursor.execute("PRAGMA journal_mode=WAL")
            cursor.execute("PRAGMA synchronous=FULL")
            cursor.execute("PRAGMA secure_delete=ON")  # deleted data does not stay in free pages
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.close()

    @event.listens_for(engine, "begin")
    def _begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    return engine


class Store:
    """The repositories, and the ``transaction()`` that all work with them happens in.

    Raises ``BackendError`` (one sentence) if the database cannot be opened, read or written; the transaction is then
    rolled back, and the next one may work.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.url = url
        self._engine = connect(url, read_only=read_only)
        self._lock: int | None = None
        self._file: tuple[int, int] | None = None  # device and inode, as first seen by moved_away
        try:
            self.connection = self._engine.connect()
        except SQLAlchemyError as error:
            raise BackendError(explain(url, error)) from None
        self._recall = recall_of(self.connection)
        self._depth = 0  # number of nested savepoints
        self.changed: set[str] = set()
        """The names of the tables written since the transaction began."""
        self.unpublished: set[str] = set()
        """The tables written by committed transactions that no turn has looked at since."""
        self.people = PersonRepository(self.connection, self.changed)
        self.labs = LabRepository(self.connection, self.changed)
        self.leases = LeaseRepository(self.connection, self.changed)
        self.homes = SelfHostedRepository(self.connection, self.changed)
        self.classes = ClassRepository(self.connection, self.changed)
        self.questions = QuestionRepository(self.connection, self.changed)
        self.search = Search(self.connection)
        self.redaction = Redaction(self.connection, self.questions.settle, self.changed)
        self.retention = Pruning(self.connection, self.changed)
        self.sessions = SessionRepository(self.connection, self.changed)
        self.polls = PollRepository(self.connection, self.changed)
        self.notices = NoticeRepository(self.connection, self.changed)
        self.entries = EntryRepository(self.connection, self.changed)
        self.settings = SettingRepository(self.connection)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """Everything done inside is on disk when this returns.  Otherwise nothing is, and it raises BackendError."""
        self.changed.clear()
        try:
            with self.connection.begin():
                self._recall.begins()
                yield
                if not self._is_open():
                    raise BackendError(f"the database {self.url} rolled back what was to be stored")
            self.unpublished |= self.changed
        except BaseException as error:
            self._recall.forget()
            if not isinstance(error, SQLAlchemyError | sqlite3.Error):
                raise
            self._undo()
            raise BackendError(explain(self.url, error)) from error
        finally:
            self._recall.ends()

    def _is_open(self) -> bool:
        """Whether the transaction is still open.  After an error SQLite may have rolled it back by itself
        (sqlite.org/lang_transaction.html, "Response To Errors"): then committing nothing would succeed, and a savepoint
        would be a transaction of its own."""
        raw = self._raw()
        return raw is not None and raw.in_transaction

    def _raw(self) -> sqlite3.Connection | None:
        """SQLite's own connection; None if SQLAlchemy has released it."""
        raw = self.connection.connection.dbapi_connection
        assert raw is None or isinstance(raw, sqlite3.Connection)
        return raw

    def _undo(self) -> None:
        """Rolls back after a failed COMMIT, which leaves SQLite in the transaction (sqlite.org/lang_transaction.html).
        SQLAlchemy considers it finished, so the next transaction could not begin."""
        try:
            raw = self._raw()
            if raw is not None:
                raw.rollback()
            self.connection.rollback()
        except (SQLAlchemyError, sqlite3.Error) as error:
            log.error("%s", explain(self.url, error))

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """Inside a transaction: an exception undoes what was done since here and is passed on to the caller.  Raises
        BackendError if the database itself failed."""
        database = self._raw()
        if database is None or not database.in_transaction:
            raise BackendError(NOT_STORED)
        # directly in SQLite: SQLAlchemy's begin_nested would take most of the time of a trivial command
        self._depth += 1
        name = f"s{self._depth}"
        try:
            database.execute(f"SAVEPOINT {name}")
            try:
                yield
            except BaseException:
                self._recall.forget()
                database.execute(f"ROLLBACK TO {name}")
                database.execute(f"RELEASE {name}")
                raise
            database.execute(f"RELEASE {name}")
        except (OperationalError, sqlite3.OperationalError) as error:
            log.error("%s", explain(self.url, error))
            raise BackendError(NOT_STORED) from error
        finally:
            self._depth -= 1

    def lock(self) -> None:
        """Makes this process the writer (flock on FILE.lock, kept until close).  BackendError if another process is."""
        if database_path(self.url) is not None:
            self._lock = lock_of(self.url)

    def vacuum(self) -> bool:
        """Rewrites the file without free pages and empties the write-ahead log.  To be called between transactions;
        takes as much time and disk space as a copy.  Returns False if a reader still uses old pages."""
        raw = self.connection.connection.dbapi_connection
        assert raw is not None
        try:
            raw.execute("VACUUM")
            return not raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.Error as error:
            log.error("%s", explain(self.url, error))
            return False

    def interrupt(self) -> None:
        """Interrupts the current database operation, which fails and is rolled back.  Called from another thread."""
        raw = self.connection.connection.dbapi_connection
        assert isinstance(raw, sqlite3.Connection)
        raw.interrupt()

    def moved_away(self) -> bool:
        """Whether the file has been replaced or removed since this was first called.  SQLite goes on writing to the
        file it has open, which the next start would not find."""
        path = database_path(self.url)
        if path is None:
            return False
        try:
            found = path.stat()
            now = (found.st_dev, found.st_ino)
        except OSError:
            now = None
        self._file = self._file or now
        return now != self._file

    def close(self) -> None:
        self.connection.close()
        self._engine.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


def lock_of(url: str) -> int:
    """Opens and locks FILE.lock, which stays locked until it is closed.  BackendError if another process holds it."""
    database = database_path(url)
    assert database is not None  # a database in memory is never shared
    path = database.with_name(database.name + ".lock")
    lock = None
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with suppress(FileNotFoundError):
            database.chmod(0o600)  # it contains people's host names and messages
        return lock
    except OSError as error:
        if lock is not None:
            os.close(lock)
        if isinstance(error, BlockingIOError):
            raise BackendError(f"another trainbot already uses {url}: stop it first") from None
        raise BackendError(f"{path} cannot be written ({error.strerror}): make its folder writable") from None


def explain(url: str, error: Exception) -> str:
    """SQLite's error as a sentence that says what to do."""
    text = str(getattr(error, "orig", None) or error)
    if "readonly" in text or "read-only" in text:
        return f"the database {url} is read-only: make the file and its folder writable"
    if "unable to open" in text:
        return f"the database {url} cannot be opened: check that its folder exists and is writable"
    if "full" in text:
        return f"the disk under the database {url} is full: free some space"
    if "interrupted" in text:
        return "interrupted and undone: try again"
    if "locked" in text:
        return f"the database {url} is locked by another program: stop that program"
    if "not a database" in text or "malformed" in text:
        return f"{url} is not a database or is damaged: restore the backup"
    return f"the database {url}: {' '.join(text.split())[:200]}"
