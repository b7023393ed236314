"""One SQLite file, one connection, one writer.

Everything that one turn of the loop decides is written in one transaction, with a savepoint for each message.  We issue
BEGIN IMMEDIATE ourselves; with WAL and synchronous=FULL, what was committed survives a power cut.
"""

from __future__ import annotations

import logging
import os
import sqlite3
from contextlib import AbstractContextManager, suppress
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from urllib.parse import quote

from sqlalchemy import URL, Connection, Engine, create_engine, event
from sqlalchemy.exc import DatabaseError, OperationalError, SQLAlchemyError

from trainbot.adapters.db.clock_shift import shift_times
from trainbot.adapters.db.course_rows import CourseRepository, KeptFileRepository
from trainbot.adapters.db.errors import DAMAGED, DatabaseDamaged, DatabaseLocked, explain, is_damage
from trainbot.adapters.db.full_text_search import Search
from trainbot.adapters.db.lab_rows import LabRepository, LeaseRepository, SelfHostedRepository
from trainbot.adapters.db.lock import lock_of
from trainbot.adapters.db.pruning import Pruning
from trainbot.adapters.db.question_rows import QuestionRepository
from trainbot.adapters.db.recall import recall_of
from trainbot.adapters.db.repositories import (
    ClassRepository,
    EntryRepository,
    NoticeRepository,
    PersonRepository,
    PollRepository,
    SessionRepository,
    SettingRepository,
)
from trainbot.adapters.db.row_redaction import Redaction
from trainbot.adapters.db.savepoints import NOT_STORED, Savepoints, savepoints_of
from trainbot.adapters.db.visit_rows import VisitRepository
from trainbot.adapters.db.wal_tail import WalTail
from trainbot.core.errors import BackendError
from trainbot.model.database_url import database_path

log = logging.getLogger(__name__)
COMMITS = "commits"  # the setting that counts transactions
PATIENT = 2.0  # seconds that a transaction waits for another program to finish writing
BRIEF = 0.05  # the same, where the event loop waits for it


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
    engine = create_engine(file, connect_args={"timeout": PATIENT, "check_same_thread": False})

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
        raw = connection.connection.dbapi_connection
        if not (isinstance(raw, sqlite3.Connection) and raw.in_transaction):  # Store.transaction begins its own
            connection.exec_driver_sql("BEGIN" if read_only else "BEGIN IMMEDIATE")

    @event.listens_for(engine, "before_cursor_execute")
    def _writing(connection: Connection, _cursor: object, statement: str, *_more: object) -> None:
        if not statement.startswith("SELECT"):
            savepoints_of(connection).writing()

    return engine


class Store:
    """The repositories, and the ``transaction()`` that all work with them happens in.

    Raises ``BackendError`` (one sentence) if the database cannot be opened, read or written; the transaction is then
    rolled back, and the next one may work.
    """

    def __init__(self, url: str, *, read_only: bool = False) -> None:
        self.url = url
        self._engine = connect(url, read_only=read_only)
        self._dialect: Any = self._engine.dialect  # commits SQLite's own connection, too
        self._begin = "BEGIN" if read_only else "BEGIN IMMEDIATE"
        self._lock: int | None = None
        self._file: tuple[int, int] | None = None  # device and inode, as first seen by moved_away
        try:
            self.connection = self._engine.connect()
        except SQLAlchemyError as error:
            raise BackendError(explain(url, error)) from None
        self._recall, self._savepoints = recall_of(self.connection), savepoints_of(self.connection)
        self._savepoint = _Savepoint(self, self._savepoints)
        self._patience = PATIENT
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
        self.courses = CourseRepository(self.connection, self.changed)
        self.kept_files = KeptFileRepository(self.connection, self.changed)
        self.polls = PollRepository(self.connection, self.changed)
        self.visits = VisitRepository(self.connection, self.changed)
        self.notices = NoticeRepository(self.connection, self.changed)
        self.entries = EntryRepository(self.connection, self.changed)
        self.settings = SettingRepository(self.connection)
        self.tail: WalTail | None = None
        self.damage = ""
        """The first damage that was come across, as a sentence."""
        self.commits, self.committed_at = self._counted()

    def transaction(self, patience: float = PATIENT) -> AbstractContextManager[None]:
        """Everything done inside is on disk when this returns.  Otherwise nothing is, and it raises BackendError.  Waits
        up to ``patience`` seconds for another program that is writing, then raises DatabaseLocked."""
        return _Transaction(self, patience)

    def begin(self, patience: float) -> int:
        """Begins a transaction; how many rows this connection has written so far."""
        self.changed.clear()
        begun = False
        raw = self._recall.database
        try:
            if patience != self._patience:
                self._wait_for_others(patience)
            raw.execute(self._begin)  # SQLAlchemy's own begin and commit would take longer than most turns
            begun = True
            self._savepoints.restart()
            self._recall.begins()
        except BaseException as error:
            self._failed(error, begun=begun)
            raise
        return raw.total_changes

    def end(self, changes: int, error: BaseException | None) -> None:
        """Commits; ``error``: rolls back instead, because of what was raised since ``begin``, which returned ``changes``."""
        if error is not None:
            self._failed(error)
            return
        try:
            self._commit(changes)
        except BaseException as failure:
            self._failed(failure)
            raise
        self._recall.ends()

    def _commit(self, changes: int) -> None:
        raw = self._recall.database
        if not raw.in_transaction or self._savepoints.missed:
            raise BackendError(f"the database {self.url} rolled back what was to be stored")
        counted = self._count(raw) if raw.total_changes != changes else None
        if self.connection.in_transaction():  # SQLAlchemy has taken part in it
            self.connection.commit()
        else:
            self._dialect.do_commit(raw)
        self.unpublished |= self.changed
        if counted is not None:
            self.commits, self.committed_at = counted

    def _failed(self, error: BaseException, *, begun: bool = True) -> None:
        """Rolls back, and raises an error of the database as a BackendError."""
        self._recall.forget()
        self._recall.ends()
        self._undo()
        if not isinstance(error, SQLAlchemyError | sqlite3.Error):
            return
        if is_damage(error):
            raise DatabaseDamaged(self._damaged(error)) from error
        locked = not begun and "locked" in str(error)
        raise (DatabaseLocked if locked else BackendError)(explain(self.url, error)) from error

    def _damaged(self, error: Exception) -> str:
        self.damage = self.damage or explain(self.url, error)
        return self.damage

    @staticmethod
    def _count(raw: sqlite3.Connection) -> tuple[int, datetime]:
        """Counts this transaction in the database itself, so that an older copy can be told from what it is taken for."""
        counted = _counter(raw)[0] + 1, datetime.now(UTC)
        value = f"{counted[0]} {counted[1].isoformat()}"
        raw.execute("INSERT OR REPLACE INTO setting (name, value) VALUES (?, ?)", (COMMITS, value))
        return counted

    def _counted(self) -> tuple[int, datetime | None]:
        """How many transactions were ever stored, and when the last one was; (0, None) in an empty database."""
        raw = self._raw()
        assert raw is not None
        try:
            return _counter(raw)
        except sqlite3.DatabaseError:  # no such table yet; damage is found by whoever reads next
            return 0, None

    def _wait_for_others(self, seconds: float) -> None:
        """Sets how long SQLite waits for another program's lock (sqlite.org/pragma.html, "busy_timeout")."""
        raw = self._raw()
        if raw is not None and seconds != self._patience:
            raw.execute(f"PRAGMA busy_timeout={round(seconds * 1000)}")
            self._patience = seconds

    def _raw(self) -> sqlite3.Connection | None:
        """SQLite's own connection; None if SQLAlchemy has released it."""
        raw = self.connection.connection.dbapi_connection
        assert raw is None or isinstance(raw, sqlite3.Connection)
        return raw

    def _undo(self) -> None:
        """Rolls back, also after a failed COMMIT, which leaves SQLite in the transaction (sqlite.org/lang_transaction.html)
        although SQLAlchemy considers it finished."""
        try:
            raw = self._raw()
            if raw is not None:
                raw.rollback()
            self.connection.rollback()
        except (SQLAlchemyError, sqlite3.Error) as error:
            log.error("%s", explain(self.url, error))

    def savepoint(self) -> AbstractContextManager[None]:
        """Inside a transaction: an exception undoes what was done since here and is passed on to the caller.  Raises
        BackendError if the database itself failed."""
        return self._savepoint

    def fail_savepoint(self, error: BaseException) -> None:
        """Undoes what was done in the innermost one, and raises an error of the database as a BackendError."""
        try:
            if self._savepoints.undo():
                self._recall.forget()
        except (DatabaseError, sqlite3.DatabaseError) as failure:
            error = failure
        self.explain_savepoint(error)

    def explain_savepoint(self, error: BaseException) -> None:
        if not isinstance(error, DatabaseError | sqlite3.DatabaseError):
            return
        if is_damage(error):
            self._damaged(error)
            raise DatabaseDamaged(DAMAGED) from error
        if not isinstance(error, OperationalError | sqlite3.OperationalError):
            raise error
        log.error("%s", explain(self.url, error))
        raise BackendError(NOT_STORED) from error

    def shift_times(self, by: timedelta, now: datetime) -> None:
        """Adds ``by`` to all moments that something is counted from (clock_shift.py).  ``now``: by the new clock."""
        shift_times(self.connection, self.changed, by, now)

    def lock(self) -> None:
        """Makes this process the writer (flock on FILE.lock, kept until close).  BackendError if another process is."""
        if database_path(self.url) is not None:
            self._lock = lock_of(self.url)

    def follow(self) -> WalTail:
        """From now on the log is read before each checkpoint, and SQLite makes none by itself."""
        path, raw = database_path(self.url), self._raw()
        assert path is not None and raw is not None
        raw.execute("PRAGMA wal_autocheckpoint=0")
        self.tail = WalTail(path)
        return self.tail

    def checkpoint(self, patience: float = 0) -> bool:
        """Moves what is in the write-ahead log into the database and empties the log, so that losing the log loses nothing.
        To be called between transactions; waits for the disk, and ``patience`` seconds for readers: False if one still
        needs the log."""
        raw = self._raw()
        assert raw is not None
        if self.tail is not None:
            self.tail.read()
            if self.tail.held:
                return False
        try:
            self._wait_for_others(patience)
            return not raw.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()[0]
        except sqlite3.Error as error:
            log.error("%s", explain(self.url, error))
            return False

    def vacuum(self) -> bool:
        """Rewrites the file without free pages and empties the write-ahead log.  To be called between transactions;
        takes as much time and disk space as a copy.  Returns False if a reader still uses old pages."""
        raw = self.connection.connection.dbapi_connection
        assert raw is not None
        self._wait_for_others(PATIENT)
        try:
            raw.execute("VACUUM")
        except sqlite3.Error as error:
            log.error("%s", explain(self.url, error))
            return False
        return self.empty_log()

    def empty_log(self) -> bool:
        """Empties the write-ahead log; to be called between transactions.  Returns False if a reader still uses it."""
        return self.checkpoint(PATIENT)

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
        with suppress(sqlite3.Error):
            # an interrupt that came too late would keep SQLite from emptying the log: the next statement ends it
            self._recall.database.execute("SELECT 1")
        self.connection.close()
        self._engine.dispose()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None


# Both are classes, because generators cost twice as much, and each line that somebody says begins several.


class _Transaction:
    __slots__ = ("_changes", "_patience", "_store")

    def __init__(self, store: Store, patience: float) -> None:
        self._store, self._patience, self._changes = store, patience, 0

    def __enter__(self) -> None:
        self._changes = self._store.begin(self._patience)

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        self._store.end(self._changes, error)


class _Savepoint:
    """The same object serves for all, one inside another."""

    __slots__ = ("_savepoints", "_store")

    def __init__(self, store: Store, savepoints: Savepoints) -> None:
        self._store, self._savepoints = store, savepoints

    def __enter__(self) -> None:
        self._savepoints.begin()

    def __exit__(self, _kind: object, error: BaseException | None, _trace: object) -> None:
        if error is not None:
            self._store.fail_savepoint(error)
            return
        try:
            self._savepoints.keep()
        except (DatabaseError, sqlite3.DatabaseError) as failure:
            self._store.explain_savepoint(failure)


def _counter(database: sqlite3.Connection) -> tuple[int, datetime | None]:
    row = database.execute("SELECT value FROM setting WHERE name = ?", (COMMITS,)).fetchone()
    try:
        number, at = str(row[0] if row else "").split(" ")
        return int(number), datetime.fromisoformat(at)
    except ValueError:
        return 0, None
