"""What is read of the write-ahead log, after a copy of the file, makes the database as it is."""

from __future__ import annotations

import io
import shutil
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.adapters.db import Store
from trainbot.adapters.db.migrate import upgrade
from trainbot.adapters.db.wal import HEADER, WalReplay


class Followed:
    """A store whose file was copied at some moment, and everything that was read since."""

    def __init__(self, folder: Path) -> None:
        self.file, self.copy = folder / "bot.db", folder / "copy.db"
        url = f"sqlite:///{self.file}"
        upgrade(url)
        self.store = Store(url)
        self.store.lock()
        self.tail = self.store.follow()
        self.parts = []
        self.begin()

    def begin(self, *, checkpoint: bool = True) -> None:
        self.parts.clear()
        if checkpoint:
            assert self.store.checkpoint()
        self.tail.begin()
        shutil.copyfile(self.file, self.copy)

    def note(self, name: str, text: str) -> None:
        with self.store.transaction():
            self.store.settings.set(name, text)

    def rolled_back(self) -> None:
        """A transaction so large that SQLite writes parts of it to the log before it is undone."""
        raw = self.store._raw()
        raw.execute("PRAGMA cache_size=10")
        with pytest.raises(ZeroDivisionError), self.store.transaction():
            for number in range(60):
                self.store.settings.set(f"gone {number}", "x" * 3000)
            _ = 1 / 0

    def read(self) -> None:
        self.tail.read()
        self.parts += self.tail.take()

    def settings(self, replayed: bool = True) -> dict[str, str]:
        """Of the copy, with what was read."""
        target = self.copy.with_name("replayed.db")
        shutil.copyfile(self.copy, target)
        with target.open("r+b") as file:
            replay, current = WalReplay(file), -1
            for part in self.parts:
                if part.generation != current:
                    assert part.offset == 0
                    current = part.generation
                    replay.header(part.data[:HEADER])
                    replay.frames(part.data[HEADER:])
                else:
                    replay.frames(part.data)
            file.seek(18)
            file.write(b"\1\1")
        with closing(sqlite3.connect(target)) as database:
            assert database.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
            return dict(database.execute("SELECT name, value FROM setting"))

    def truth(self) -> dict[str, str]:
        with closing(sqlite3.connect(f"file:{self.file}?mode=ro", uri=True)) as database:
            return dict(database.execute("SELECT name, value FROM setting"))


@pytest.fixture
def followed(tmp_path):
    made = Followed(tmp_path)
    yield made
    made.store.close()


@settings(max_examples=12)
@given(
    st.lists(
        st.sampled_from(["note", "note", "large", "undone", "read", "checkpoint", "reader", "reader ends"]),
        min_size=8,
        max_size=20,
    )
)
def test_whatever_happens_the_copy_is_the_database(tmp_path_factory, what):
    """Transactions, large ones that are undone, checkpoints that succeed or that a reader hinders: read in any rhythm."""
    made = Followed(tmp_path_factory.mktemp("tail"))
    readers = []
    for number, each in enumerate(what):
        match each:
            case "note":
                made.note(f"n{number % 5}", f"text {number}")
            case "large":
                made.note("large", "y" * 40_000)
            case "undone":
                made.rolled_back()
            case "read":
                made.read()
            case "checkpoint":
                made.store.checkpoint()
            case "reader":
                readers.append(sqlite3.connect(f"file:{made.file}?mode=ro", uri=True))
                readers[-1].execute("BEGIN")
                readers[-1].execute("SELECT count(*) FROM setting").fetchone()
            case "reader ends" if readers:
                readers.pop().close()
    made.read()
    assert made.settings() == made.truth()
    assert not made.tail.broken
    for reader in readers:
        reader.close()
    made.store.close()


def test_a_copy_that_begins_with_a_full_log(followed):
    """Where a reader hinders the checkpoint, the log is read from its beginning."""
    with closing(sqlite3.connect(f"file:{followed.file}?mode=ro", uri=True)) as reader:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM setting").fetchone()
        followed.note("a", "1")
        followed.begin(checkpoint=False)
        followed.note("b", "2")
        followed.read()
        assert followed.settings() == followed.truth()


def test_while_the_file_is_read_no_checkpoint_changes_it(followed):
    """Held, it is never written to, and what is stored meanwhile is read from the log."""
    followed.tail.held = True
    before = followed.file.read_bytes()
    for number in range(12):  # more than SQLite would leave in the log by itself
        followed.note("n", f"{number} {'z' * 400_000}")
    assert not followed.store.checkpoint()
    assert followed.file.read_bytes() == before
    followed.tail.held = False
    followed.read()
    assert followed.settings() == followed.truth()


def test_too_much_at_once_breaks_it(followed, monkeypatch):
    """Nobody takes it: it is dropped, and said to be broken, until a new copy begins."""
    monkeypatch.setattr("trainbot.adapters.db.wal_tail.MOST", 50_000)
    for _ in range(3):
        followed.note("large", "y" * 40_000)
        followed.tail.read()
    assert followed.tail.broken and followed.tail.take() == []
    followed.begin()
    followed.note("a", "1")
    followed.read()
    assert followed.settings() == followed.truth()


@pytest.mark.parametrize("where", [0, 8, HEADER + 4, HEADER + 8, HEADER + 100])
def test_a_damaged_part_is_refused(followed, where):
    """Header, frame header or page: one changed byte is noticed, and nothing of that transaction is written."""
    followed.note("a", "1")
    followed.read()
    [part] = followed.parts
    data = bytearray(part.data)
    data[where] ^= 1
    file = io.BytesIO(b"untouched")
    replay = WalReplay(file)
    with pytest.raises(ValueError):
        replay.header(bytes(data[:HEADER]))
        replay.frames(bytes(data[HEADER:]))
    assert file.getvalue() == b"untouched"
