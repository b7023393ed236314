"""The database and the secrets, as real files: each finding once, and nothing is changed."""

from __future__ import annotations

import asyncio
import os
import sqlite3
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from trainbot.adapters.control.server import ControlServer
from trainbot.adapters.db.migrate import upgrade
from trainbot.adapters.state_folder import PEPPER
from trainbot.config import load
from trainbot.ops.doctor.examine_store import _loose
from trainbot.ops.doctor.finding import Level
from trainbot.ops.doctor.store_findings import LoosePermissions, store_findings

NOW = datetime(2026, 11, 23, tzinfo=UTC)


@pytest.fixture
def database(installed):
    """One that is up to date, with the modes that trainbot gives."""
    config = installed.change()
    upgrade(config.store.url)
    installed.database.chmod(0o600)
    installed.state.mkdir(mode=0o700)
    (installed.state / PEPPER).write_text("pepper")
    (installed.state / PEPPER).chmod(0o600)
    return installed


def execute(path: Path, *statements: str) -> None:
    with sqlite3.connect(path) as connection:
        for statement in statements:
            connection.execute(statement)
    connection.close()


def test_a_database_that_is_well(database):
    """Whole and current: nothing is wrong, and not a byte of the folder is another one afterwards."""
    before = database.names()
    heard = database.say("store")
    assert heard.wrong == []
    heard.one("the database is intact", Level.OK)
    assert database.names() == before


def test_none_yet(installed):
    """Before the first start there is none, which is no fault; none is made."""
    heard = installed.say("store")
    assert heard.wrong == [] and not installed.database.exists()
    heard.one("there is no database yet", Level.NOTE)


def test_in_memory(installed):
    """A database in memory only loses everything."""
    installed.say("store", store={"url": "sqlite:///:memory:"}).one("in memory only")


@pytest.mark.parametrize("how", ["rubbish", "damaged", "newer", "older"])
def test_a_database_that_is_not(database, how):
    """Rubbish, a damaged page, another program's schema: each is told apart, and left as it was."""
    path = database.database
    level, words = (
        Level.WRONG,
        {
            "rubbish": "is not a database",
            "damaged": "the database is damaged",
            "newer": "is from a newer trainbot",
            "older": "the database is at schema 0001",
        }[how],
    )
    if how == "rubbish":
        path.write_bytes(b"no database at all, but something of somebody's" * 200)
    elif how == "damaged":
        execute(
            path,
            "pragma journal_mode=delete",
            "with recursive n(x) as (select 1 union all select x + 1 from n where x < 20000) "
            "insert into person (id, account, nick, zone, in_view, seen_at) "
            "select x, 'acc' || x, 'nick', 'UTC', 0, '2026-01-01T00:00:00.000000Z' from n",
        )
        raw = bytearray(path.read_bytes())
        for page in range(len(raw) // 4096 // 2, len(raw) // 4096):
            raw[page * 4096 : page * 4096 + 200] = os.urandom(200)
        path.write_bytes(raw)
    else:
        execute(path, f"update alembic_version set version_num = '{'9999' if how == 'newer' else '0001'}'")
        level = Level.NOTE if how == "older" else Level.WRONG
    before = database.names()
    assert database.say("store").one(words, level).mend
    after = database.names()
    assert {name: after[name] for name in before} == before


def test_written_by_another_program(database):
    """A program that holds the database for itself is named as what is in the way."""
    with sqlite3.connect(database.database, isolation_level=None) as connection:
        connection.execute("pragma locking_mode=exclusive")
        connection.execute("begin exclusive")
        heard = database.say("store")
        connection.execute("rollback")
    connection.close()
    assert "stop that program" in heard.one("locked by another program").mend


def test_who_may_read_the_secrets(database):
    """Folder, pepper, database and a bot.ini with a password in it: whichever others may read."""
    database.state.chmod(0o755)
    (database.state / PEPPER).chmod(0o644)
    database.database.chmod(0o640)
    config = database.change(irc={"sasl": "plain", "account": "bot", "password": "hunter2", "allow_plaintext": "yes"})
    config.path.chmod(0o644)
    loose = {each.path.name: each for each in _loose(load(config.path), database.database)}
    assert set(loose) == {"state", PEPPER, "trainbot.db", "bot.ini"}
    config.path.chmod(0o600)
    heard = database.say("store")
    assert heard.one("state (mode 0755)").mend == f"chmod 700 {database.state}"
    assert heard.one(f"{PEPPER} (mode 0644)").mend == f"chmod 600 {database.state / PEPPER}"
    heard.one("trainbot.db (mode 0640)")
    assert len(heard.wrong) == 3 and "hunter2" not in repr(heard.found)


def test_rows_that_nobody_comes_for(database):
    """Labs on a host that bot.ini no longer has, announcements for a channel that it no longer has, and lines for
    somebody who was not seen for a week."""
    old = (datetime.now(UTC) - timedelta(days=9)).strftime("%Y-%m-%dT%H:%M:%S.%fZ")
    execute(
        database.database,
        "insert into lab (id, name, image, mode, host, state, port, address, ssh_port, tries, fault, "
        "made_at, state_at) values "
        f"('u', 'tb-x', 'debian', 'enforcing', 'xen9', 'ready', 0, '', 0, 0, '', '{old}', '{old}')",
        "insert into person (id, account, nick, zone, in_view, seen_at) values "
        f"(1, 'alice', 'alice', 'UTC', 0, '{old}')",
        f"insert into notice (channel, kind, subject, text, due_at) values ('#gone', 'text', '', 'soon', '{old}')",
        f"insert into notice (channel, kind, subject, text, due_at) values ('#class', 'text', '', 'soon', '{old}')",
        f"insert into notice (person_id, kind, subject, text, due_at) values (1, 'text', '', 'lab', '{old}')",
    )
    heard = database.say("store")
    assert "[host.xen9]" in heard.one("1 labs are on host xen9").mend and len(heard.wrong) == 1
    heard.one("1 announcements wait for channels that are not in bot.ini (#gone)", Level.NOTE)
    heard.one("1 messages wait for 1 people", Level.NOTE)


@pytest.mark.parametrize(
    ("free", "ahead", "loose", "wrong"),
    [
        (50_000, 0, (), []),
        (500, 0, (), []),
        (100, 0, (), ["100 MiB of disk space are free"]),
        (50_000, 65 << 20, (), ["write-ahead log has 65 MiB"]),
        (50_000, 0, (LoosePermissions(Path("/s/pepper"), 0o600, 0o600, True),), []),
    ],
)
def test_disk_and_what_is_written_ahead(installed, free, ahead, loose, wrong):
    """Little disk is wrong, some is worth a note; a large file of what is written ahead is wrong."""
    found = store_findings(installed.change(), None, 0, ahead, free, loose, (), NOW)
    said = [finding.what for finding in found if finding.level is Level.WRONG]
    assert len(said) == len(wrong) and all(words in what for words, what in zip(wrong, said, strict=True))


def test_labs_beside_the_database(database):
    """Labs of this machine that write to the database's file system are worth a note; those of other machines, or on a file
    system of their own, are not."""
    heard = database.say(
        "store",
        host_here={"uri": "qemu:///embed?root=/tmp/v", "folder": "labs"},
        host_there={"uri": "qemu:///embed?root=/tmp/w", "folder": "/dev/shm/labs"},
        host_xen9={"uri": "xen:///system"},
    )
    found = heard.one("the labs' disks of here are on the database's file system", Level.NOTE)
    assert found.mend == "set folder in [host.here] to a file system of its own"
    assert not [finding for finding in heard.found if "of there" in finding.what or "of xen9" in finding.what]


async def test_a_bot_that_does_not_answer(database, monkeypatch):
    """The bot holds its socket and is stuck: doctor says so, goes nowhere on IRC, and ends."""
    monkeypatch.setattr("trainbot.ops.doctor.here.BOT", 0.5)

    async def never(request):
        await asyncio.Event().wait()

    server = ControlServer(database.state / "control.sock", never)
    await server.start()
    try:
        heard = await database.hears("irc")
    finally:
        await server.close()
    heard.one("the running bot does not report its status")
    assert "127.0.0.1 port 1" not in repr(heard.found)
