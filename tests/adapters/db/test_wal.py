"""What SQLite will drop of a write-ahead log is found before it does; what is normal is not called damage."""

from __future__ import annotations

import os
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.adapters.db.wal import WalContent, read_wal

FRAME = 24 + 4096


def copied(path: Path, target: Path) -> Path:
    """The database with its log, as kill -9 or a power cut leaves it."""
    target.mkdir(exist_ok=True)
    for ending in ("", "-wal"):
        shutil.copyfile(f"{path}{ending}", target / f"{path.name}{ending}")
    return target / path.name


@pytest.fixture(scope="module")
def written(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Ten transactions in the log, behind which frames of an earlier round are left."""
    folder = tmp_path_factory.mktemp("wal")
    path = folder / "x.db"
    with closing(sqlite3.connect(path, isolation_level=None)) as database:
        database.execute("PRAGMA journal_mode=WAL")
        database.execute("CREATE TABLE t (n INTEGER PRIMARY KEY, text TEXT)")
        for number in range(20):
            database.execute("INSERT INTO t (text) VALUES (?)", (f"old {number}" * 200,))
        database.execute("PRAGMA wal_checkpoint(RESTART)")
        for number in range(10):
            database.execute("INSERT INTO t VALUES (?, 'new')", (100 + number,))
        return copied(path, folder / "copy")


@pytest.fixture
def database(written: Path, tmp_path: Path) -> Path:
    return copied(written, tmp_path)


def wal(path: Path) -> Path:
    return Path(f"{path}-wal")


def kept(path: Path) -> int:
    """How many of the ten SQLite finds."""
    with closing(sqlite3.connect(path)) as found:
        return int(found.execute("SELECT count(*) FROM t WHERE n >= 100").fetchone()[0])


def spoil(path: Path, at: int) -> None:
    with wal(path).open("r+b") as file:
        file.seek(at)
        byte = file.read(1)
        file.seek(at)
        file.write(bytes([byte[0] ^ 0x40]))


def test_a_log_with_what_an_earlier_round_left(database: Path) -> None:
    """The usual state of a log: nothing is wrong, and all ten are there."""
    found = read_wal(wal(database))
    assert found.damage == "" and found.frames >= 10
    assert wal(database).stat().st_size > 32 + found.frames * FRAME
    assert kept(database) == 10


def test_none_and_an_empty_one(tmp_path: Path) -> None:
    """After a clean end there is no log, or an empty one."""
    assert read_wal(tmp_path / "none") == WalContent(0)
    (tmp_path / "empty").touch()
    assert read_wal(tmp_path / "empty").damage == ""


@pytest.mark.parametrize("where", [8, 24 + 100])
def test_a_damaged_frame_in_the_middle(database: Path, where: int) -> None:
    """A flipped bit in a frame's header or page: SQLite drops it and all that follows, and we say which and how many."""
    spoil(database, 32 + 3 * FRAME + where)
    found = read_wal(wal(database))
    assert found.frame == 4 and found.commits >= 6
    assert found.damage.startswith("frame 4 of its write-ahead log is damaged, and ")
    assert kept(database) < 10


def test_a_last_transaction_that_was_not_finished(database: Path) -> None:
    """A power cut in the middle of the last one, which nobody was told of: normal."""
    frames = read_wal(wal(database)).frames
    spoil(database, 32 + (frames - 1) * FRAME + 24)
    found = read_wal(wal(database))
    assert found.damage == "" and found.frames < frames and kept(database) == 9


def test_a_damaged_header(database: Path) -> None:
    """Then SQLite ignores the whole log."""
    spoil(database, 17)
    assert read_wal(wal(database)).damage == "the header of its write-ahead log is damaged"
    assert kept(database) == 0


@settings(max_examples=150)
@given(data=st.data())
def test_what_is_called_intact_is_what_sqlite_reads(
    written: Path, tmp_path_factory: pytest.TempPathFactory, data: st.DataObject
) -> None:
    """Any byte flipped, or cut off anywhere: never an exception; and more than one lost transaction behind a flip is always
    named."""
    path = copied(written, tmp_path_factory.getbasetemp() / "any")
    whole = wal(path).stat().st_size
    cut = data.draw(st.booleans())
    at = data.draw(st.integers(0, whole - 1))
    if cut:
        os.truncate(wal(path), at)
    else:
        spoil(path, at)
    found = read_wal(wal(path))
    lost = 10 - kept(path)
    if not cut:
        assert bool(found.damage) == (lost > 1), (at, found, lost)
    for ending in ("", "-wal", "-shm"):
        Path(f"{path}{ending}").unlink(missing_ok=True)
