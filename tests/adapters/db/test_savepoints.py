"""Savepoints: what fails is undone and nothing else, and what only reads costs nothing."""

from __future__ import annotations

import sqlite3
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.adapters.db.conftest import made
from trainbot.adapters.db import Store
from trainbot.core.errors import BackendError

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)


def person(store: Store, nick: str) -> None:
    store.people.add(account=nick, nick=nick, zone="", in_view=True, seen_at=NOW)


def raw(store: Store) -> sqlite3.Connection:
    database = store.connection.connection.dbapi_connection
    assert isinstance(database, sqlite3.Connection)
    return database


#: A step writes somebody, or is a savepoint with steps of its own that fails in the end or not.
Step = Any
STEPS = st.recursive(
    st.lists(st.none(), max_size=2),
    lambda inner: st.lists(st.one_of(st.none(), st.tuples(inner, st.booleans())), max_size=4),
    max_leaves=12,
)


@settings(max_examples=100, deadline=None)
@given(STEPS)
def test_what_fails_is_undone_and_nothing_else(steps: list[Step]) -> None:
    """However savepoints are nested, and whenever the first one in them writes."""
    store, names = made("sqlite:///:memory:"), iter(range(1000))

    def play(steps: list[Step]) -> list[str]:
        """What is there afterwards."""
        kept: list[str] = []
        for step in steps:
            if step is None:
                kept.append(f"p{next(names)}")
                person(store, kept[-1])
                continue
            inner, fails = step
            written: list[str] = []
            try:
                with store.savepoint():
                    written = play(inner)
                    if fails:
                        raise KeyError
            except KeyError:
                written = []
            kept += written
        return kept

    with store.transaction():
        expected = play(steps)
    with store.transaction():
        assert [one.nick for one in store.people.all()] == expected
    store.close()


def test_what_only_reads_makes_none(store: Store) -> None:
    """SQLite hears of a savepoint when something is written in it, and of those around it."""
    said: list[str] = []
    with store.transaction():
        raw(store).set_trace_callback(said.append)
        with store.savepoint(), store.savepoint():
            store.people.all()
        assert [line for line in said if "SAVEPOINT" in line] == []
        with store.savepoint():
            with store.savepoint():
                person(store, "alice")
            with store.savepoint():
                store.people.all()
        assert [line for line in said if "SAVEPOINT" in line or "RELEASE" in line] == [
            "SAVEPOINT s1",
            "SAVEPOINT s2",
            "RELEASE s2",
            "RELEASE s1",
        ]


def test_what_is_written_by_hand_is_undone(store: Store) -> None:
    """Any statement that SQLAlchemy executes counts as writing unless it is a SELECT."""
    with store.transaction():
        person(store, "alice")
        with pytest.raises(KeyError), store.savepoint():
            store.connection.exec_driver_sql("UPDATE person SET zone = 'Europe/Berlin'")
            raise KeyError
        assert store.people.all()[0].zone == ""


def test_what_nobody_announced_is_not_committed(store: Store) -> None:
    """Written past all of this and not to be undone alone: then nothing of the transaction is stored."""
    with pytest.raises(BackendError, match="rolled back what was to be stored"), store.transaction():
        person(store, "alice")
        with pytest.raises(KeyError), store.savepoint():
            raw(store).execute("UPDATE person SET zone = 'Europe/Berlin'")
            raise KeyError
    with store.transaction():
        assert store.people.all() == []
