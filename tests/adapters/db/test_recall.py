"""What the store remembers of what it read is what it would read now."""

from __future__ import annotations

import itertools
import sqlite3
from collections.abc import Iterator
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, text

from trainbot.adapters.db import Store
from trainbot.adapters.db.rows import RowFilter
from trainbot.adapters.db.tables import metadata, tables
from trainbot.core.access import Person
from trainbot.model.host import Mode

AT = datetime(2026, 11, 27, 8, 0, tzinfo=UTC)


def made(path: Path) -> Store:
    store = Store(f"sqlite:///{path}")
    metadata.create_all(store.connection)
    store.connection.commit()
    return store


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    store = made(tmp_path / "trainbot.db")
    with store.transaction():
        store.people.add(account="alice", nick="alice", zone="", in_view=True, seen_at=AT)
    yield store
    store.close()


def zone(store: Store) -> str:
    alice = store.people.by_account("alice")
    assert alice is not None
    return alice.zone


def queries(store: Store) -> list[str]:
    said: list[str] = []
    database = store.connection.connection.dbapi_connection
    assert isinstance(database, sqlite3.Connection)
    database.set_trace_callback(said.append)
    return said


def test_the_same_question_is_asked_once(store: Store) -> None:
    """Also in the next turn, where nothing was written in between."""
    said = queries(store)
    for _turn in range(3):
        with store.transaction():
            assert zone(store) == ""
    assert sum(line.startswith("SELECT") for line in said) == 1


def test_a_question_that_is_built_once_has_other_values_each_time(store: Store) -> None:
    """By what is said, and by rows of another table that it looks at."""
    first = RowFilter(tables["person"].c.nick >= bindparam("from"), order=(tables["person"].c.nick.desc(),))
    with store.transaction():
        id = store.people.add(account="bob", nick="bob", zone="", in_view=True, seen_at=AT)
        for _again in range(2):
            assert [one.nick for one in store.people.chosen(first, {"from": "a"})] == ["bob", "alice"]
            assert [one.nick for one in store.people.chosen(first, {"from": "b"})] == ["bob"]
            assert [one.nick for one in store.people.chosen(first, {"from": "a"}, limit=1, zone="")] == ["bob"]
            assert store.people.chosen(first, {"from": "a"}, zone="UTC") == []
        assert [one.nick for one in store.people.these([id])] == ["bob"] and store.people.these([]) == []
        assert store.people.with_leases() == []
        values = dict(mode=Mode.ENFORCING, lab_id=None, session="", asked_at=AT, expires_at=AT, ended_why="", digest="")
        store.leases.add(person_id=id, image="debian", **values)
        assert [one.nick for one in store.people.with_leases()] == ["bob"]


def test_what_was_written_is_seen_at_once(store: Store) -> None:
    """By a repository, or past all of them."""
    with store.transaction():
        assert zone(store) == ""
        store.people.change({"account": "alice"}, zone="Europe/Berlin")
        assert zone(store) == "Europe/Berlin"
        store.connection.execute(text("update person set zone = 'Asia/Tokyo'"))
        assert zone(store) == "Asia/Tokyo"


def test_what_was_written_elsewhere_is_kept(store: Store) -> None:
    """A notice or a setting changes nothing about people; a lease does, where people with leases were asked for."""
    said = queries(store)

    def asked() -> int:
        before = sum(line.startswith("SELECT") for line in said)
        store.people.all()
        store.people.with_leases()
        return sum(line.startswith("SELECT") for line in said) - before

    with store.transaction():
        assert asked() == 2
        store.notices.tell(AT, "hello", person_id=1)
        store.notices.said(1, AT)
        store.settings.set("boot.debian", "12")
        assert asked() == 0
        store.leases.change({"id": 1}, session="")
        assert asked() == 0  # there is no such lease
        lease(store)
        assert asked() == 1
        store.connection.execute(text("update setting set value = ''"))  # past the repositories: it could be anything
        assert asked() == 2


def lease(store: Store) -> None:
    values = dict(mode=Mode.ENFORCING, lab_id=None, session="", asked_at=AT, expires_at=AT, ended_why="", digest="")
    store.leases.add(person_id=1, image="debian", **values)


WRITES: dict[str, Any] = {
    "zone": lambda store: store.people.change({"account": "alice"}, zone=str(store.leases.count())),
    "lease": lease,
    "ended": lambda store: store.leases.change({"person_id": 1}, ended_at=AT),
    "gone": lambda store: store.leases.remove(person_id=1),
    "notice": lambda store: store.notices.tell(AT, "hello", person_id=1),
    "by hand": lambda store: store.connection.execute(text("update lease set ended_at = null")),
    "nothing": lambda store: store.leases.change({"id": 0}, ended_at=AT),
}


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(st.sampled_from(sorted(WRITES)), st.booleans()), max_size=12))
def test_answers_from_several_tables(steps: list[tuple[str, bool]]) -> None:
    """Whatever is written to which table, and undone or not, in whichever order."""
    store = Store("sqlite:///:memory:")
    metadata.create_all(store.connection)
    store.connection.commit()
    asked = (store.people.all, store.people.with_leases, store.leases.every, store.leases.open, store.notices.waiting)
    with store.transaction():
        store.people.add(account="alice", nick="alice", zone="", in_view=True, seen_at=AT)
        for name, undone in steps:
            with suppress(ZeroDivisionError), store.savepoint():
                WRITES[name](store)
                known = [ask() for ask in asked]
                if undone:
                    raise ZeroDivisionError
                store._recall.forget()
                assert known == [ask() for ask in asked]
    store.close()


def test_what_was_undone_is_forgotten(store: Store) -> None:
    """In a savepoint, and with the whole turn."""
    with pytest.raises(KeyError), store.transaction():
        with pytest.raises(ValueError), store.savepoint():
            store.people.change({"account": "alice"}, zone="Europe/Berlin")
            assert zone(store) == "Europe/Berlin"
            raise ValueError
        assert zone(store) == ""
        store.people.change({"account": "alice"}, zone="Asia/Tokyo")
        assert zone(store) == "Asia/Tokyo"
        raise KeyError
    with store.transaction():
        assert zone(store) == ""


def test_another_program_may_write_between_two_turns(store: Store) -> None:
    """A shell of sqlite3 beside the bot: the next turn sees it."""
    with store.transaction():
        assert zone(store) == ""
    other = sqlite3.connect(store.url.removeprefix("sqlite:///"))
    other.execute("update person set zone = 'Asia/Tokyo'")
    other.commit()
    other.close()
    with store.transaction():
        assert zone(store) == "Asia/Tokyo"


def test_an_answer_belongs_to_who_asked(store: Store) -> None:
    """What a caller does with the list is not told to the next one."""
    with store.transaction():
        store.people.all(account="alice").clear()
        assert len(store.people.all(account="alice")) == 1


#: A write, or what is done in a savepoint and whether that is undone.
STEPS = st.recursive(
    st.just("write"), lambda inner: st.tuples(st.lists(inner, max_size=3), st.booleans()), max_leaves=6
)
TURNS = st.lists(st.tuples(st.lists(STEPS, max_size=3), st.booleans()), max_size=3)


@settings(max_examples=60, deadline=None)
@given(TURNS)
def test_whatever_is_written_and_undone_it_is_what_sqlite_says(turns: list[Any]) -> None:
    """Savepoints in savepoints, undone or kept, over several turns."""
    store = Store("sqlite:///:memory:")
    for name in ("person", "setting"):  # each transaction is counted in setting
        tables[name].create(store.connection)
    store.connection.commit()
    numbers = itertools.count()

    def agrees() -> None:
        raw = store.connection.execute(text("select zone from person")).scalar_one_or_none()
        known = store.people.by_account("alice")
        assert (known.zone if known is not None else None) == raw

    def does(steps: list[Any], undone: bool) -> None:
        for step in steps:
            if step == "write":
                store.people.put(Person(1, "alice", None, "alice", str(next(numbers)), True, AT))
            else:
                with suppress(ZeroDivisionError), store.savepoint():
                    does(*step)
            agrees()
        if undone:
            raise ZeroDivisionError

    for steps, undone in turns:
        with suppress(ZeroDivisionError), store.transaction():
            agrees()
            does(steps, undone)
    store.close()
