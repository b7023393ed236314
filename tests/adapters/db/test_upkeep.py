"""Backups are consistent and private, restores keep what was there, checks find what is wrong."""

from __future__ import annotations

import os
import re
import sqlite3
import threading
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest

from trainbot.adapters.db import Store
from trainbot.adapters.db.engine import connect
from trainbot.adapters.db.migrate import revisions, upgrade
from trainbot.adapters.db.tables import metadata
from trainbot.adapters.db.upkeep import backup, check, restore
from trainbot.core.errors import BackendError

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)


def note(store: Store, text: str) -> None:
    store.entries.add(class_id=None, channel="#class", at=NOW, kind="said", nick="alice", text=text)


def texts(path: Path) -> list[str]:
    with closing(sqlite3.connect(path)) as found:
        return [row[0] for row in found.execute("select text from entry order by id")]


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database as a bot leaves it, with one entry."""
    found = f"sqlite:///{tmp_path}/bot.db"
    upgrade(found)
    store = Store(found)
    with store.transaction():
        note(store, "first")
    store.close()
    return found


def test_a_backup_while_somebody_writes(url: str, tmp_path: Path) -> None:
    """It holds what was committed at one moment, is whole, one file, and readable by its owner alone."""
    store = Store(url)
    store.lock()
    done = threading.Event()

    def write() -> None:
        n = 0
        while not done.is_set() or n < 20:
            with store.transaction():  # two rows that belong together
                note(store, f"{n} a")
                note(store, f"{n} b")
            n += 1

    writer = threading.Thread(target=write)
    writer.start()
    try:
        for n in range(5):
            target = tmp_path / f"{n}.db"
            assert backup(url, target).faults == ()
            assert oct(target.stat().st_mode)[-3:] == "600"
            kept = texts(target)
            assert len(kept) % 2 == 1 and kept[0] == "first"
            assert all(re.match(r"\d+ [ab]$", text) for text in kept[1:])
    finally:
        done.set()
        writer.join()
        store.close()
    assert sorted(p.name for p in tmp_path.iterdir()) == [
        "0.db",
        "1.db",
        "2.db",
        "3.db",
        "4.db",
        "bot.db",
        "bot.db.lock",
    ]


def test_a_backup_overwrites_nothing_unless_told_to(url: str, tmp_path: Path) -> None:
    """Neither a file that is there nor, ever, the database itself; what could not be written leaves nothing."""
    target = tmp_path / "kept"
    target.write_text("mine")
    with pytest.raises(BackendError, match="already exists: name another file, or use --force"):
        backup(url, target)
    assert target.read_text() == "mine"
    backup(url, target, force=True)
    assert texts(target) == ["first"]
    for force in (False, True):
        with pytest.raises(BackendError, match="already exists: name another file$"):
            backup(url, tmp_path / "bot.db", force=force)
    with pytest.raises(BackendError, match="cannot be written"):
        backup(url, tmp_path / "no" / "such" / "folder")
    with pytest.raises(BackendError, match="there is no database"):
        backup(f"sqlite:///{tmp_path}/none.db", tmp_path / "x")
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bot.db", "kept"]


def test_a_restore_brings_back_what_was(url: str, tmp_path: Path) -> None:
    """And keeps what was there, with what was only in its write-ahead log."""
    backup(url, tmp_path / "b")
    store = Store(url)
    with store.transaction():
        note(store, "second")
    os.link(tmp_path / "bot.db-wal", tmp_path / "wal")
    store.close()
    os.rename(tmp_path / "wal", tmp_path / "bot.db-wal")  # as kill -9 leaves it
    found, before = restore(url, tmp_path / "state", tmp_path / "b", NOW)
    assert found.revision is not None and before is not None
    assert texts(tmp_path / "bot.db") == ["first"] and texts(before) == ["first", "second"]
    assert oct((tmp_path / "bot.db").stat().st_mode)[-3:] == "600"
    store = Store(url)
    with store.transaction():
        note(store, "third")
    store.close()
    assert check(url, tmp_path).faults == () and texts(tmp_path / "bot.db") == ["first", "third"]


def test_a_restore_over_a_damaged_database_or_none(url: str, tmp_path: Path) -> None:
    """It is what backups are for: the ruins are kept beside."""
    backup(url, tmp_path / "b")
    (tmp_path / "bot.db").write_bytes(b"ruins")
    _found, before = restore(url, tmp_path / "state", tmp_path / "b", NOW)
    assert before is not None and before.read_bytes() == b"ruins" and texts(tmp_path / "bot.db") == ["first"]
    (tmp_path / "bot.db").unlink()
    assert restore(url, tmp_path / "state", tmp_path / "b", NOW)[1] is None and texts(tmp_path / "bot.db") == ["first"]


def newer(path: Path) -> None:
    with closing(sqlite3.connect(path)) as found, found:
        found.execute("update alembic_version set version_num = '9999'")


def damaged(path: Path) -> None:
    data = bytearray(path.read_bytes())
    data[8192:40960] = b"\xff" * 32768
    path.write_bytes(data)


def emptied(path: Path) -> None:
    path.write_bytes(b"")


def rubbish(path: Path) -> None:
    path.write_bytes(b"rubbish" * 1000)


@pytest.mark.parametrize(
    ("spoil", "why"),
    [
        (newer, "is from a newer trainbot"),
        (damaged, "cannot be restored|damaged"),
        (emptied, "it is not a trainbot database"),
        (rubbish, "is not a database or is damaged"),
        (Path.unlink, "no such file"),
    ],
)
def test_what_is_no_good_backup_changes_nothing(url: str, tmp_path: Path, spoil: object, why: str) -> None:
    """Looked at first: the database stays where it is, and nothing is left lying about."""
    backup(url, tmp_path / "b")
    spoil(tmp_path / "b")  # type: ignore[operator]
    with pytest.raises(BackendError, match=why):
        restore(url, tmp_path / "state", tmp_path / "b", NOW)
    assert texts(tmp_path / "bot.db") == ["first"]
    assert {p.name for p in tmp_path.iterdir()} - {"b", "bot.db.lock"} == {"bot.db"}


def test_no_restore_under_a_running_bot(url: str, tmp_path: Path) -> None:
    """Whoever works on it is told of first."""
    backup(url, tmp_path / "b")
    store = Store(url)
    store.lock()
    with pytest.raises(BackendError, match="another trainbot already uses .*: stop it first"):
        restore(url, tmp_path / "state", tmp_path / "b", NOW)
    store.close()


def test_a_check_finds_damage_lost_references_and_a_wrong_index(url: str, tmp_path: Path) -> None:
    """Each in one sentence; a good one has none."""
    assert check(url, tmp_path).faults == ()
    with closing(sqlite3.connect(tmp_path / "bot.db")) as found, found:
        found.execute("insert into done values (7, 8, 1, '')")
        found.execute("drop trigger entry_fts_changed")
        found.execute("update entry set text = 'other'")
    faults = check(url, tmp_path).faults
    assert "row 1 of done refers to a missing row of class" in faults
    assert "the full-text index entry_fts does not match entry" in faults
    damaged(tmp_path / "bot.db")
    try:
        assert check(url, tmp_path).faults != ()
    except BackendError as error:
        assert "damaged" in str(error)


def test_a_database_made_from_tables_is_checked_as_well(tmp_path: Path) -> None:
    """The indexes are those of ``fulltext``, however they were made."""
    engine = connect(f"sqlite:///{tmp_path}/made.db")
    with engine.begin() as connection:
        metadata.create_all(connection)
        connection.exec_driver_sql("CREATE TABLE alembic_version (version_num VARCHAR(32) NOT NULL)")
        connection.exec_driver_sql("INSERT INTO alembic_version VALUES (?)", (revisions()[-1],))
    engine.dispose()
    assert check(f"sqlite:///{tmp_path}/made.db", tmp_path).faults == ()
