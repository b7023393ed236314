"""A database of every released version is upgraded with all that is in it, and its migrations stay as they were released."""

from __future__ import annotations

import hashlib
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest
from alembic import command

from tests.stage import Stage
from tests.upgrades.play import dump, play
from tests.upgrades.released import HERE, VERSIONS, columns, database_of, rows, schema
from trainbot import shipped
from trainbot.adapters.db import Store
from trainbot.adapters.db.engine import connect
from trainbot.adapters.db.migrate import _config, revision_of, revisions, upgrade
from trainbot.adapters.db.tables import tables
from trainbot.adapters.db.upkeep import check
from trainbot.core.errors import BackendError

MIGRATIONS = shipped.folder("migrations") / "versions"
#: What migrations since 0.1.0 say of columns that were there: (table, column) -> its name now.
RENAMED = {("lab", "seat"): "slot"}
#: A rehearsal's lease says so in a column of its own since 0010.
MOVED = {("lease", "session"): lambda text: "" if str(text).startswith("(rehearsal) ") else text}


@pytest.mark.parametrize("version", VERSIONS)
def test_every_row_is_there_after_the_upgrade(version: str, tmp_path: Path) -> None:
    """No table loses or gains a row, and no column changes but as the migrations say; the result is as it should be."""
    before, after = tmp_path / "before.db", tmp_path / "bot.db"
    database_of(version, before)
    shutil.copy(before, after)
    assert upgrade(f"sqlite:///{after}")[1] == revisions()[-1]
    compared = 0
    for table, names in columns(before).items():
        if table == "alembic_version":
            continue
        old = [
            tuple(MOVED.get((table, name), lambda value: value)(value) for name, value in zip(names, row, strict=True))
            for row in rows(before, *names, table=table)
        ]
        now = rows(after, *(RENAMED.get((table, name), name) for name in names), table=table)
        assert now == sorted(old, key=repr), table
        assert old, f"{table} is empty: it says nothing"
        compared += len(old)
    assert compared > 100
    assert set(columns(after)) - set(columns(before)) == {
        name for name in set(tables) - set(columns(before)) if rows(after, table=name) == []
    }
    assert check(f"sqlite:///{after}", tmp_path).faults == ()
    if version == "0.1.0":
        assert rows(after, "id", "session", "rehearsal", table="lease")[:2] == [
            (1, "", "146d5c98"),
            (2, "", "146d5c98"),
        ]
        assert rows(after, "proven", table="public_key") == [(0,)]


@pytest.mark.parametrize("version", VERSIONS)
def test_every_row_can_be_read(version: str, tmp_path: Path) -> None:
    """Words that an older version stored, such as states and kinds, still mean something."""
    store = Store(upgraded(version, tmp_path))
    with store.transaction():
        for table in tables.values():
            store.connection.execute(table.select()).all()
        if version == "0.1.0":
            assert [lab.slot for lab in store.labs.present()] == [1, 1, 2, 2, 3]
    store.close()


def upgraded(version: str, folder: Path) -> str:
    url = database_of(version, folder / "bot.db")
    upgrade(url)
    return url


@pytest.fixture
def later(stages: Callable[..., Stage], tmp_path: Path) -> Stage:
    """Today's bot on the upgraded database of 0.1.0, a minute later."""
    stage = stages(hosts=("xen1", "xen2"))
    stage.store.close()
    path = stage.folder / "trainbot.db"
    for part in stage.folder.glob("trainbot.db*"):
        part.unlink()
    database_of("0.1.0", path)
    upgrade(f"sqlite:///{path}")
    stage.now = stage.now.replace(minute=20)
    stage.restart()
    return stage


def test_the_class_goes_on_where_it_was(later: Stage) -> None:
    """Questions, votes, answers, seats, time zones, leases and the step are as people left them."""
    assert later.talk("russell", "!next")[0] == "Step 1 of 3: Look"
    assert later.talk("alice", "!q") == ["1 open: 7 alice: after the second start, does it count? (taken)"]
    assert "PGP key servers use it." in " ".join(later.talk("bob", "!q 1"))
    assert "it adds a port to a type, or removes it" in " ".join(later.talk("bob", "!faq semanage ports"))
    assert "Warsaw" in later.whisper("bob", "tz")[0]
    assert later.talk("alice", "!sessions") == [
        "1: SE Linux for all, with russell, 3 of 3 seats, one is yours, 1 waiting, Fri 27 Nov 19:30 +1100 Melbourne "
        "(in 10 min)",
        "2: Squid and its ports, Sat 5 Dec 19:00 +1100 Melbourne (in 8 d); for a seat type !signup and its "
        "number, as in !signup 2",
    ]
    assert {route.name: route.endpoint is not None for route in later.routes() if route.image == "debian"} == {
        "alice": True,
        "bob": True,
        "stranger": True,
    }


def test_whoever_was_ignored_still_is(later: Stage) -> None:
    """0.1.0 ignored people; without an account they are ignored by their host since then."""
    assert later.whisper("stranger", "ask may I again?") == []
    assert later.whisper("hannah", "ignored") == [
        "ignored: stranger (example.net) by hannah; !unignore NICK undoes that"
    ]


def test_keys_of_before_are_confirmed_once(later: Stage) -> None:
    """A key that 0.1.0 took at its word opens nothing, and its owner is told how to confirm it."""
    assert [route.keys for route in later.routes() if route.name == "alice"] == [()]
    assert "ssh" in " ".join(later.whisper("alice", "key"))


# -- what was released stays as it is ------------------------------------------------------------------


@pytest.mark.parametrize("version", VERSIONS)
def test_released_migrations_are_never_edited(version: str) -> None:
    """Each file is what it was when it was released, and none is missing: a database that it has made is out there."""
    listed = [line.split() for line in (HERE / f"{version}.sha256").read_text().splitlines()]
    there = {name: hashlib.sha256((MIGRATIONS / name).read_bytes()).hexdigest() for _digest, name in listed}
    assert there == {name: digest for digest, name in listed}
    assert [name[:4] for _digest, name in listed] == revisions()[: len(listed)]


@pytest.mark.parametrize("version", VERSIONS)
def test_the_old_schema_is_what_the_migrations_make(version: str, tmp_path: Path) -> None:
    """Up to that version's last revision they make, to the letter, the schema that its own code had made."""
    url = database_of(version, tmp_path / "before.db")
    revision = revision_of(url)
    assert revision is not None
    engine = connect(f"sqlite:///{tmp_path}/made.db")
    with engine.begin() as connection:
        command.upgrade(_config(connection), revision)
    engine.dispose()
    assert schema(tmp_path / "made.db") == schema(tmp_path / "before.db")
    assert (HERE / f"{version}.sha256").read_text().splitlines()[-1].split()[1].startswith(revision)


def test_a_damaged_old_database_is_left_alone(tmp_path: Path) -> None:
    """What cannot be migrated stays at its version."""
    url = database_of("0.1.0", tmp_path / "bot.db")
    with closing(sqlite3.connect(tmp_path / "bot.db")) as broken:
        broken.execute("DROP TABLE ignored")
    with pytest.raises(BackendError, match="no such table: ignored"):
        upgrade(url)
    assert revision_of(url) == "0009" and "slot" not in columns(tmp_path / "bot.db")["lab"]


def test_the_next_release_can_be_kept(tmp_path: Path) -> None:
    """What `tests.upgrades.play` writes has rows in every table, and is the same database when it is read."""
    played, again = play(tmp_path / "stage"), tmp_path / "again.db"
    with closing(sqlite3.connect(again)) as made:
        made.executescript("\n".join(dump(played)))
    assert {table for table in columns(played) if not rows(played, table=table)} == set()
    assert columns(again) == columns(played)
    assert [rows(again, table=table) for table in columns(again)] == [
        rows(played, table=table) for table in columns(played)
    ]
    assert schema(again) == schema(played)
    assert check(f"sqlite:///{again}", tmp_path).faults == ()
