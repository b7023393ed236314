"""The store: what was committed is there, what was not never was, and one program writes."""

from __future__ import annotations

import sqlite3
import threading
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from tests.adapters.db.conftest import made
from trainbot.adapters.db import NOT_STORED, Store
from trainbot.adapters.db.engine import connect
from trainbot.adapters.db.fulltext import is_index
from trainbot.adapters.db.migrate import _config, revisions, upgrade, version
from trainbot.adapters.db.tables import metadata
from trainbot.core.errors import BackendError

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)


def person(store: Store, nick: str, **more: object) -> int:
    return store.people.add(
        **{"account": nick, "mask": None, "nick": nick, "zone": "", "in_view": True, "seen_at": NOW, **more}
    )


@pytest.fixture
def url(tmp_path: Path) -> str:
    """A database as a start leaves it."""
    found = f"sqlite:///{tmp_path}/bot.db"
    upgrade(found)
    return found


@pytest.fixture
def store(url: str) -> Store:
    return Store(url)


def test_migrations_make_the_tables(url: str) -> None:
    """A fresh database that was upgraded is what the code believes it to be: columns, indexes, types."""
    engine = connect(url)
    with engine.connect() as connection:
        context = MigrationContext.configure(
            connection,
            opts={
                "include_name": lambda name, kind, _parents: kind != "table" or not is_index(name),
                "compare_type": lambda _context, _there, _ours, found, declared: (
                    found.compile(dialect=engine.dialect) != declared.compile(dialect=engine.dialect)
                ),
            },
        )
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_files_of_migrations_say_their_order(url: str) -> None:
    """What is read off their names is what Alembic reads in them."""
    script = ScriptDirectory.from_config(_config())
    assert revisions() == [revision.revision for revision in script.walk_revisions()][::-1]
    engine = connect(url)
    with engine.connect() as connection:
        assert version(url, connection) == MigrationContext.configure(connection).get_current_revision()
    engine.dispose()
    assert upgrade(url) == (script.get_current_head(),) * 2


def test_migrations_make_the_same_indexes(url: str, tmp_path: Path) -> None:
    """Partial indexes too, which alembic does not compare: they keep two leases from one lab.  And full-text indexes with
    their triggers."""
    other = connect(f"sqlite:///{tmp_path}/made.db")
    with other.begin() as connection:
        metadata.create_all(connection)
    other.dispose()

    def indexes(path: Path) -> set[tuple[str, str]]:
        with sqlite3.connect(path) as found:
            rows = found.execute(
                "select name, sql from sqlite_master where sql is not null and (type in ('index', 'trigger') "
                "or sql like '%virtual table%')"
            )
            return {(name, " ".join(sql.replace('"', "").split())) for name, sql in rows if "alembic" not in name}

    assert indexes(tmp_path / "bot.db") == indexes(tmp_path / "made.db")


def test_upgrading_twice_changes_nothing(url: str) -> None:
    """Every start does it."""
    assert upgrade(url)[0] == upgrade(url)[1]


def test_a_newer_database_is_refused(url: str, tmp_path: Path) -> None:
    """A database from a newer trainbot is not touched: the sentence says both versions and what to do."""
    with sqlite3.connect(tmp_path / "bot.db") as found:
        found.execute("update alembic_version set version_num = '9999'")
    before = (tmp_path / "bot.db").read_bytes()
    with pytest.raises(
        BackendError, match=r"is from a newer trainbot \(its schema is 9999, ours \w+\): upgrade trainbot, or "
    ):
        upgrade(url)
    assert (tmp_path / "bot.db").read_bytes() == before


def test_what_is_no_database(tmp_path: Path) -> None:
    """A file of something else, a folder that is not there: one sentence, and the file stays as it is."""
    (tmp_path / "x.db").write_text("hello, I am a letter to my grandmother" * 100)
    with pytest.raises(
        BackendError, match="is not a database or is damaged: restore a backup with trainbot db restore FILE"
    ):
        upgrade(f"sqlite:///{tmp_path}/x.db")
    assert (tmp_path / "x.db").read_text().startswith("hello")
    with pytest.raises(BackendError, match="cannot be opened: check that its folder exists"):
        Store(f"sqlite:///{tmp_path}/nowhere/bot.db")


def test_a_second_bot_is_refused(store: Store, url: str) -> None:
    """One writer: the second process on the same database ends with one sentence; when the first has ended it may."""
    store.lock()
    second = Store(url)
    with pytest.raises(BackendError, match="another trainbot already uses .*bot.db: stop it first"):
        second.lock()
    store.close()
    second.lock()
    second.close()


def test_a_lock_that_cannot_be_made(tmp_path: Path) -> None:
    """What to make writable."""
    found = Store(f"sqlite:///{tmp_path}/bot.db")
    (tmp_path / "bot.db.lock").mkdir()
    with pytest.raises(BackendError, match="bot.db.lock cannot be written"):
        found.lock()
    found.close()


def test_committed_is_on_disk(store: Store, url: str) -> None:
    """What a transaction held is there for whoever opens the file after a kill."""
    with store.transaction():
        person(store, "alice")
    other = Store(url)  # the first is never closed, as after kill -9
    with other.transaction():
        assert [p.nick for p in other.people.all()] == ["alice"]
    other.close()


def test_an_exception_undoes_the_transaction(store: Store) -> None:
    """All or nothing, and the next one works."""
    with pytest.raises(ValueError, match="x"), store.transaction():
        person(store, "alice")
        raise ValueError("x")
    with store.transaction():
        assert store.people.count() == 0
        person(store, "bob")
    with store.transaction():
        assert store.people.count() == 1


def test_a_savepoint_undoes_only_itself(store: Store) -> None:
    """Group commit: what one message wrote goes, what the others wrote stays."""
    with store.transaction():
        person(store, "alice")
        with pytest.raises(KeyError), store.savepoint():
            person(store, "bob")
            raise KeyError
        with store.savepoint():
            person(store, "carol")
            with pytest.raises(KeyError), store.savepoint():
                person(store, "dave")
                raise KeyError
    with store.transaction():
        assert [p.nick for p in store.people.all()] == ["alice", "carol"]


def test_a_read_only_database(store: Store, caplog: pytest.LogCaptureFixture) -> None:
    """What people read says that nothing was done; the log names the file and what to do."""
    with pytest.raises(BackendError, match="^" + NOT_STORED), store.transaction():
        store.connection.exec_driver_sql("PRAGMA query_only=ON")
        with store.savepoint():
            person(store, "alice")
    assert "is read-only: make the file and its folder writable" in caplog.text
    with pytest.raises(BackendError, match="is read-only"), store.transaction():
        person(store, "alice")
    store.connection.connection.dbapi_connection.execute("PRAGMA query_only=OFF")
    with store.transaction():
        assert store.people.count() == 0


def test_a_commit_that_fails(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """The disk is full when it is written: BackendError, nothing is there, and later it works again."""

    def full(_connection: object) -> None:
        raise sqlite3.OperationalError("database or disk is full")

    monkeypatch.setattr(store._engine.dialect, "do_commit", full)
    for _ in range(2):
        with pytest.raises(BackendError, match="disk under .* is full"), store.transaction():
            person(store, "alice")
    monkeypatch.undo()
    with store.transaction():
        assert store.people.count() == 0


def test_a_really_full_database(store: Store) -> None:
    """SQLite's own "full": the same sentence, and the rows from before are there."""
    with store.transaction():
        person(store, "alice")
        pages = store.connection.exec_driver_sql("PRAGMA page_count").scalar_one()
        store.connection.exec_driver_sql(f"PRAGMA max_page_count={pages}")
    with (
        pytest.raises(BackendError, match="the disk under the database .* is full: free some space"),
        store.transaction(),
    ):
        for n in range(2000):
            person(store, f"p{n}")
    with store.transaction():
        assert store.people.count() == 1


def test_a_locked_database(store: Store, tmp_path: Path) -> None:
    """Somebody's SQLite shell holds the file: told after the timeout, and nothing is lost."""
    other = sqlite3.connect(tmp_path / "bot.db", isolation_level=None)
    store._engine.dispose()
    with store.transaction():
        store.connection.exec_driver_sql("PRAGMA busy_timeout=10")
    other.execute("BEGIN IMMEDIATE")
    with pytest.raises(BackendError, match="is locked by another program: stop that program"), store.transaction():
        person(store, "alice")
    other.execute("ROLLBACK")
    other.close()
    with store.transaction():
        person(store, "alice")


@pytest.mark.parametrize("folder", ["plain", "with space", "100%41", "ünï", "a&b=c"])
def test_reading_beside_the_writer(tmp_path: Path, folder: str) -> None:
    """``trainbot log`` reads while the bot writes: neither waits, and what is read is whole; it cannot write."""
    (tmp_path / folder).mkdir()
    url = f"sqlite:///{tmp_path}/{folder}/bot.db"
    upgrade(url)
    writer = Store(url)
    with writer.transaction():
        person(writer, "alice")
    reader = Store(url, read_only=True)
    with writer.transaction():
        person(writer, "bob")
        with reader.transaction():
            assert [p.nick for p in reader.people.all()] == ["alice"]
    with reader.transaction():
        assert reader.people.count() == 2
    with pytest.raises(BackendError, match="is read-only"), reader.transaction():
        person(reader, "mallory")
    writer.close()
    reader.close()
    again = Store(url, read_only=True)  # the bot has ended: no -wal, no -shm
    with again.transaction():
        assert again.people.count() == 2
    again.close()


def test_many_readers_while_writing(store: Store, url: str) -> None:
    """A reader in a thread sees whole transactions only: two people at a time."""
    counts, errors, done = set(), [], threading.Event()

    def read() -> None:
        try:
            found = Store(url, read_only=True)
            while not done.is_set():
                with found.transaction():
                    counts.add(found.people.count())
            found.close()
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=read) for _ in range(3)]
    for thread in threads:
        thread.start()
    for n in range(50):
        with store.transaction():
            person(store, f"a{n}")
            person(store, f"b{n}")
    done.set()
    for thread in threads:
        thread.join()
    assert errors == [] and all(count % 2 == 0 for count in counts)


def test_times_and_words_come_back_as_they_were(store: Store) -> None:
    """Aware UTC to the microsecond, sorting as text; members of their enumerations."""
    odd = datetime(2026, 11, 27, 19, 0, 0, 7, tzinfo=UTC)
    with store.transaction():
        id = person(store, "alice", seen_at=odd)
        assert store.people.get(id).seen_at == odd
        assert (
            store.connection.exec_driver_sql("select seen_at from person").scalar_one() == "2026-11-27T19:00:00.000007Z"
        )


def test_what_was_changed_is_known(store: Store) -> None:
    """The tables that a transaction wrote, and only they, are named until the next."""
    with store.transaction():
        person(store, "alice")
        assert store.changed == {"person"}
    with store.transaction():
        store.people.all()
        assert store.changed == set()
        store.notices.tell(NOW, "x", channel="#c")
        store.people.change({"nick": "alice"}, nick="bob")
        assert store.changed == {"notice", "person"}


def test_a_notice_with_a_key_is_there_once(store: Store) -> None:
    """A reminder that is written again adds nothing."""
    with store.transaction():
        for _ in range(3):
            store.notices.tell(NOW, "x", channel="#c", key="k")
        store.notices.tell(NOW, "x", channel="#c")
        store.notices.tell(NOW, "x", channel="#c")
        assert store.notices.count() == 3


def test_the_database_itself_refuses_two_leases_on_a_lab(store: Store) -> None:
    """Even a bug could not give one lab to two people."""
    with store.transaction():
        for nick in ("alice", "bob"):
            person(store, nick)
        store.labs.add(
            id="u",
            name="n",
            image="debian",
            mode="enforcing",
            host="h",
            state="ready",
            port=0,
            address="",
            ssh_port=0,
            tries=0,
            fault="",
            made_at=NOW,
            state_at=NOW,
        )
    lease = dict(
        image="debian",
        mode="enforcing",
        lab_id="u",
        digest="",
        told=False,
        asked_at=NOW,
        expires_at=NOW,
        warned_at=None,
        ended_at=None,
        ended_why="",
    )
    with pytest.raises(BackendError), store.transaction():
        store.leases.add(person_id=1, **lease)
        store.leases.add(person_id=2, **lease)


def test_a_database_that_was_moved_away_is_noticed(store: Store, url: str, tmp_path: Path) -> None:
    """While it is where it was nothing is said; moved away, deleted or replaced, that is known; put back, all is well."""
    path = Path(url.removeprefix("sqlite:///"))
    assert not store.moved_away() and not store.moved_away()
    path.rename(tmp_path / "elsewhere")
    assert store.moved_away()
    path.write_bytes(b"")
    assert store.moved_away()
    (tmp_path / "elsewhere").replace(path)
    assert not store.moved_away()


def test_an_interrupt_just_before_the_end(tmp_path: Path) -> None:
    """The log is emptied into the database all the same, as at every end."""
    store = made(f"sqlite:///{tmp_path}/trainbot.db")
    store.follow()
    with store.transaction():
        person(store, "alice")
    store.interrupt()
    store.close()
    assert [path.name for path in tmp_path.iterdir()] == ["trainbot.db"]
