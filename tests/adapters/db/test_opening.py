"""What became of the database since the last time is noticed before the bot goes on with it."""

from __future__ import annotations

import logging
import os
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trainbot.adapters.db import DAMAGED, DatabaseDamaged, Store, opening
from trainbot.adapters.db.health import health
from trainbot.adapters.db.opening import begin_anew, loss_of, open_store, refuse_missing
from trainbot.adapters.db.upkeep import backup, check, restore
from trainbot.core import heartbeat
from trainbot.core.errors import BackendError

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
GONE = (
    r"is (missing|empty), but .* belongs to one: put it back, restore a backup with trainbot db restore FILE, or start"
)


class Installation:
    """A database and its state folder."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.state, self.database = folder, folder / "state", folder / "bot.db"
        self.url = f"sqlite:///{self.database}"
        self.state.mkdir()

    def run(self, *texts: str, beat: bool = True) -> None:
        """A bot that stores these, with a heartbeat, and is killed: they are in the log alone."""
        store = open_store(self.url, self.state)
        store.checkpoint()
        for text in texts:
            note(store, text)
        if beat:
            heartbeat.write(self.state, heartbeat.heartbeat(store.commits))
        for ending in ("", "-wal"):
            shutil.copyfile(f"{self.database}{ending}", self.folder / f"killed{ending}")
        store.close()
        for ending in ("", "-wal"):
            shutil.copyfile(self.folder / f"killed{ending}", f"{self.database}{ending}")
            (self.folder / f"killed{ending}").unlink()

    def texts(self) -> list[str]:
        with closing(sqlite3.connect(self.database)) as found:
            return [row[0] for row in found.execute("select text from entry order by id")]

    def lost(self) -> str:
        """What the next start says is missing, and that the one after it says nothing new."""
        store = open_store(self.url, self.state)
        loss = loss_of(store)
        store.close()
        store = open_store(self.url, self.state)
        assert loss_of(store) == loss
        store.close()
        return loss.sentence if loss is not None else ""


def note(store: Store, text: str) -> None:
    with store.transaction():
        store.entries.add(class_id=None, channel="#class", at=NOW, kind="said", nick="alice", text=text)


@pytest.fixture
def here(tmp_path: Path) -> Installation:
    return Installation(tmp_path)


def test_a_killed_bot_has_lost_nothing(here: Installation) -> None:
    """The log is read as ever, nothing is said."""
    here.run("one", "two")
    assert here.lost() == "" and here.texts() == ["one", "two"]
    assert check(here.url, here.state).faults == ()


def test_a_log_that_is_gone(here: Installation) -> None:
    """Somebody removed -wal: what was acknowledged is missing, and it is said from when to when; check says it too."""
    here.run("one")
    before = datetime.now(UTC)
    here.run("two", "three")
    Path(f"{here.database}-wal").unlink()
    (said,) = check(here.url, here.state).faults
    told = here.lost()
    assert told == said
    assert "may be missing from my database (it is older than what I had stored: 2 changes are gone)" in told
    assert f"{before:%d %b %H:}" in told and here.texts() == ["one"]
    assert check(here.url, here.state).faults == ()


def test_a_log_with_a_damaged_frame(here: Installation) -> None:
    """Named before SQLite drops the rest; the log is kept for whoever can still read it."""
    here.run("one", *(f"more {number}" for number in range(10)), beat=False)
    with Path(f"{here.database}-wal").open("r+b") as log:
        log.seek(32 + 3 * 4120)
        log.write(b"\xff" * 100)
    told = here.lost()
    assert "of its write-ahead log is damaged, and " in told
    kept = next(here.folder.glob("bot.db-wal.damaged-*"))
    assert str(kept) in told and kept.stat().st_size > 40_000 and kept.stat().st_mode & 0o077 == 0
    assert len(here.texts()) < 11


@pytest.mark.parametrize("how", ["missing", "empty", "no tables"])
def test_a_database_that_is_gone(here: Installation, how: str) -> None:
    """Refused, and nothing is made in its place, until somebody says what to do."""
    here.run("one")
    backup(here.url, here.folder / "kept")
    for path in (here.database, Path(f"{here.database}-wal")):
        path.unlink()
    if how == "empty":
        here.database.touch()
    elif how == "no tables":
        with closing(sqlite3.connect(here.database)) as made:
            made.execute("vacuum")
    before = here.database.read_bytes() if here.database.exists() else None
    with pytest.raises(BackendError, match=GONE):
        open_store(here.url, here.state)
    assert (here.database.read_bytes() if here.database.exists() else None) == before or how == "no tables"
    if how != "no tables":
        with pytest.raises(BackendError, match=GONE):
            refuse_missing(here.url, here.state)
        with pytest.raises(BackendError, match=GONE):
            check(here.url, here.state)
    restore(here.url, here.state, here.folder / "kept", NOW)
    assert here.lost() == "" and here.texts() == ["one"]


@pytest.mark.parametrize("make", [Path.mkdir, os.mkfifo], ids=["folder", "fifo"])
def test_something_else_in_its_place(here: Installation, make: Callable[[Path], None]) -> None:
    """It is named as what it is; nothing waits for a fifo, and nothing is written into it."""
    here.run("one")
    here.database.rename(here.folder / "kept")
    make(here.database)
    for ask in (open_store, refuse_missing, check):
        with pytest.raises(
            BackendError, match=r"is (a folder|not a regular file): move it away, and put the database back"
        ):
            ask(here.url, here.state)
    assert not here.database.is_file()


def without_row(path: Path) -> None:
    with closing(sqlite3.connect(path)) as found, found:
        found.execute("DELETE FROM alembic_version")


def without_table(path: Path) -> None:
    with closing(sqlite3.connect(path)) as found, found:
        found.execute("DROP TABLE alembic_version")


def of_another_program(path: Path) -> None:
    path.unlink()
    with closing(sqlite3.connect(path)) as made, made:
        made.execute("CREATE TABLE bookmark (x)")


@pytest.mark.parametrize("first", [False, True], ids=["later", "first start"])
@pytest.mark.parametrize("spoil", [without_row, without_table, of_another_program])
def test_tables_of_no_known_schema(here: Installation, spoil: Callable[[Path], None], first: bool) -> None:
    """Another program's database, or ours without its schema's number: it is neither empty nor in need of an upgrade, and
    nothing is written into it."""
    here.run("one")
    backup(here.url, here.folder / "kept")
    restore(here.url, here.state, here.folder / "kept", NOW)  # without a write-ahead log
    spoil(here.database)
    if first:
        heartbeat.forget(here.state)
    with closing(sqlite3.connect(here.database)) as found:
        before = list(found.iterdump())
    asked = (lambda: open_store(here.url, here.state), lambda: check(here.url, here.state), lambda: health(here.url))
    for ask in asked:
        with pytest.raises(BackendError, match="belongs to another program, or has lost the number of its schema: "):
            ask()
    with closing(sqlite3.connect(here.database)) as found:
        assert list(found.iterdump()) == before
    restore(here.url, here.state, here.folder / "kept", NOW + timedelta(hours=1))
    assert here.lost() == "" and here.texts() == ["one"]


def test_a_heartbeat_that_a_power_cut_has_emptied(here: Installation) -> None:
    """It still says that there was a database."""
    here.run("one")
    (here.state / heartbeat.NAME).write_bytes(b"")
    assert here.lost() == "" and here.texts() == ["one"]
    (here.state / heartbeat.NAME).write_bytes(b"")
    here.database.unlink()
    with pytest.raises(BackendError, match=GONE):
        open_store(here.url, here.state)
    begin_anew(here.url, here.state, NOW)
    assert here.lost() == "" and here.texts() == []


def test_a_new_beginning_on_purpose(here: Installation) -> None:
    """--new makes an empty one if there is none, and never touches one that is there."""
    here.run("one")
    with pytest.raises(BackendError, match="move it away first, then use --new"):
        begin_anew(here.url, here.state, NOW)
    here.database.unlink()
    ahead = Path(f"{here.database}-wal").read_bytes()
    begin_anew(here.url, here.state, NOW)
    assert here.lost() == "" and here.texts() == []
    [kept] = here.folder.glob("*.before-*")
    assert kept.name.endswith("-wal") and kept.read_bytes() == ahead


def test_a_new_beginning_beside_a_bot_that_still_runs(here: Installation) -> None:
    """Whoever deleted the database under it has not ended it."""
    store = open_store(here.url, here.state)
    here.database.unlink()
    with pytest.raises(BackendError, match="another trainbot already uses"):
        begin_anew(here.url, here.state, NOW)
    store.close()


def test_an_older_copy_is_noticed_and_a_restore_is_not(here: Installation) -> None:
    """Put in place by hand it is told once; by ``db restore`` it is meant."""
    here.run("one")
    backup(here.url, here.folder / "kept")
    here.run("two", "three")
    restore(here.url, here.state, here.folder / "kept", NOW)
    assert check(here.url, here.state).faults == () and here.lost() == ""
    here.run("four")
    Path(f"{here.database}-wal").unlink()
    shutil.copyfile(here.folder / "kept", here.database)
    assert "(it is older than what I had stored: 1 change is gone)" in here.lost()
    assert here.lost() != "" and here.texts() == ["one"]


def test_no_heartbeat_no_claim(here: Installation) -> None:
    """An installation from before, or a power cut that took the heartbeat with it."""
    here.run("one", "two")
    heartbeat.forget(here.state)
    Path(f"{here.database}-wal").unlink()
    assert here.lost() == ""


def test_each_transaction_that_writes_is_counted(here: Installation) -> None:
    """One that only reads is not, nor one that was rolled back; the count is in the database, whoever opens it."""
    store = open_store(here.url, here.state)
    began = store.commits
    note(store, "one")
    with store.transaction():
        store.entries.all()
    with pytest.raises(ZeroDivisionError), store.transaction():
        store.settings.set("x", "y")
        raise ZeroDivisionError
    note(store, "two")
    assert store.commits == began + 2
    assert store.committed_at is not None and datetime.now(UTC) - store.committed_at < timedelta(minutes=5)
    store.close()
    again = Store(here.url, read_only=True)
    assert again.commits == began + 2
    again.close()


def test_a_checkpoint_empties_the_log(here: Installation) -> None:
    """Then losing the log loses nothing; a reader who still needs it is not waited for."""
    store, log = open_store(here.url, here.state), Path(f"{here.database}-wal")
    note(store, "one")
    assert log.stat().st_size > 0 and store.checkpoint() and log.stat().st_size == 0
    with closing(sqlite3.connect(here.database, isolation_level=None)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM entry").fetchall()
        note(store, "two")
        assert not store.checkpoint()
        reader.execute("ROLLBACK")
    assert store.checkpoint() and log.stat().st_size == 0
    store.close()


@pytest.fixture
def damaged(here: Installation) -> Iterator[Store]:
    """Pages of a table are rubbish."""
    store = open_store(here.url, here.state)
    for number in range(200):
        note(store, f"{number} " * 200)
    page = store.connection.exec_driver_sql("SELECT rootpage FROM sqlite_master WHERE name = 'entry'").scalar_one()
    store.close()
    with here.database.open("r+b") as file:
        file.seek((page - 1) * 4096)
        file.write(b"\xff" * 4096)
    store = Store(here.url)
    yield store
    store.close()


def test_damaged_pages_are_called_damaged(damaged: Store) -> None:
    """Not "try again in a minute": another error, whose words say what helps.  What does not need those pages works."""
    with pytest.raises(DatabaseDamaged, match="is damaged: restore a backup with trainbot"), damaged.transaction():
        damaged.entries.all()
    with pytest.raises(DatabaseDamaged, match="^" + DAMAGED), damaged.transaction(), damaged.savepoint():
        damaged.entries.all()
    with damaged.transaction():
        damaged.settings.set("x", "y")
    assert damaged.settings.get("x") == "y"
    assert "is damaged: restore a backup with trainbot db restore FILE" in damaged.damage


@pytest.mark.parametrize(
    ("statement", "named"),
    [
        ("DROP TABLE quiz_try", "the table quiz_try is missing"),
        ("ALTER TABLE question DROP COLUMN votes", "the column votes of the table question is missing"),
        ("DROP INDEX lease_open_lab", "the index lease_open_lab is missing"),
        ("DROP TRIGGER question_fts_added", "the trigger question_fts_added is missing"),
        ("DROP TABLE question_fts", "the table question_fts is missing"),
        ("DELETE FROM entry_fts_docsize", "the full-text index entry_fts"),
        (
            "DROP INDEX lease_open_lab; CREATE INDEX lease_open_lab ON lease (lab_id)",
            "the index lease_open_lab is CREATE INDEX lease_open_lab ON lease (lab_id), not CREATE UNIQUE INDEX "
            "lease_open_lab ON lease (lab_id) WHERE ended_at IS NULL",
        ),
        (
            "ALTER TABLE question DROP COLUMN votes; ALTER TABLE question ADD COLUMN votes TEXT",
            "the column votes of the table question is TEXT, not INTEGER NOT NULL",
        ),
        (
            "DROP TABLE home; CREATE TABLE home (person_id INTEGER PRIMARY KEY NOT NULL, image TEXT NOT NULL, since "
            "VARCHAR(27) NOT NULL)",
            "the column person_id of the table home is INTEGER NOT NULL PRIMARY KEY, not INTEGER NOT NULL PRIMARY KEY "
            "REFERENCES person",
        ),
        (
            "DROP TRIGGER entry_fts_removed; CREATE TRIGGER entry_fts_removed AFTER DELETE ON entry BEGIN SELECT 1; END",
            "the trigger entry_fts_removed is CREATE TRIGGER entry_fts_removed AFTER DELETE ON entry BEGIN SELECT 1; "
            "END, not CREATE TRIGGER entry_fts_removed AFTER DELETE ON entry BEGIN INSERT INTO entry_fts",
        ),
    ],
)
def test_what_the_schema_lacks_is_named(here: Installation, statement: str, named: str) -> None:
    """Each object that is gone or another one, in one sentence; what somebody has added is not."""
    here.run("one")
    with closing(sqlite3.connect(here.database)) as found, found:
        found.execute("CREATE TABLE mine (x)")
        found.execute("CREATE INDEX mine_too ON entry (nick)")
    assert check(here.url, here.state).faults == ()
    with closing(sqlite3.connect(here.database)) as found, found:
        found.executescript(statement)
    assert [fault for fault in check(here.url, here.state).faults if named in fault]


class _Frees(logging.Handler):
    """Ends another program's transaction when a start says that it waits."""

    def __init__(self, other: sqlite3.Connection) -> None:
        super().__init__()
        self._other = other

    def emit(self, record: logging.LogRecord) -> None:
        if "waiting for it" in record.getMessage():
            self._other.execute("ROLLBACK")


def test_a_start_waits_for_another_program(here: Installation, monkeypatch: pytest.MonkeyPatch) -> None:
    """It says so, goes on when the database is free, and ends with one sentence if that takes too long."""
    here.run("one")
    monkeypatch.setattr(opening, "LOCKED", 0.1)
    with closing(sqlite3.connect(here.database, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(BackendError, match="is locked by another program: stop that program"):
            open_store(here.url, here.state)
        frees = _Frees(other)
        logging.getLogger(opening.__name__).addHandler(frees)
        try:
            store = open_store(here.url, here.state)
        finally:
            logging.getLogger(opening.__name__).removeHandler(frees)
        store.close()
    assert here.texts() == ["one"]
