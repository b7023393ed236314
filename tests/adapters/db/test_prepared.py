"""Prepared statements: what they write and read is what SQLAlchemy would."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sqlalchemy import bindparam, select

from tests.adapters.db.conftest import made
from trainbot.adapters.db import Store
from trainbot.adapters.db.prepared import Prepared
from trainbot.adapters.db.tables import tables
from trainbot.model.host import Mode
from trainbot.model.lab import Lab, LabState

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)


def lab(store: Store, id: str, **more: object) -> None:
    store.labs.add(
        **{
            "id": id,
            "name": f"tb-{id}",
            "image": "debian",
            "mode": Mode.ENFORCING,
            "host": "xen1",
            "state": LabState.READY,
            "port": 0,
            "address": "",
            "ssh_port": 22,
            "tries": 0,
            "fault": "",
            "made_at": NOW,
            "state_at": NOW,
            **more,
        }
    )


MOMENTS = st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1), timezones=st.just(UTC))


@settings(max_examples=60, deadline=None)
@given(st.sampled_from(LabState), st.sampled_from(Mode), MOMENTS, st.none() | MOMENTS, st.text(max_size=20))
def test_values_come_back(
    state: LabState, mode: Mode, made_at: datetime, checked_at: datetime | None, fault: str
) -> None:
    """Of every type that a column has, None included; SQLAlchemy reads the same."""
    store = made("sqlite:///:memory:")
    with store.transaction():
        lab(store, "a", mode=mode, made_at=made_at, fault=fault)
        store.labs.change({"id": "a", "checked_at": None}, state=state, checked_at=checked_at)
        (found,) = store.labs.all(state=state, made_at=made_at, checked_at=checked_at)
        assert (found.mode, found.state, found.made_at, found.checked_at, found.fault) == (
            mode,
            state,
            made_at,
            checked_at,
            fault,
        )
        columns = [tables["lab"].c[name] for name in Lab.__dataclass_fields__]
        assert [Lab(*row) for row in store.connection.execute(select(*columns))] == [found]
    store.close()


def test_none_is_compared_as_none(store: Store) -> None:
    """Where a value is None the statement says IS NULL, whatever the same columns were compared with before."""
    with store.transaction():
        lab(store, "a")
        lab(store, "b", checked_at=NOW)
        for _ in range(2):
            assert [each.id for each in store.labs.all(checked_at=None)] == ["a"]
            assert [each.id for each in store.labs.all(checked_at=NOW)] == ["b"]
        assert store.labs.change({"checked_at": None}, fault="x") == 1
        assert store.labs.change({"checked_at": NOW}, fault="y") == 1
        assert store.labs.remove(checked_at=NOW + timedelta(1)) == 0
        assert (store.labs.count(checked_at=None), store.labs.count()) == (1, 2)
        assert store.labs.remove(checked_at=None) == 1


def test_rows_that_have_not_changed_are_the_same_values(store: Store) -> None:
    """Of many rows that are read again and again, only those that have changed are made anew."""
    with store.transaction():
        for id in "abc":
            lab(store, id)
        before = {each.id: each for each in store.labs.present()}
        store.labs.change({"id": "b"}, fault="x")
        store.labs.remove(id="c")
        after = {each.id: each for each in store.labs.present()}
        assert after["a"] is before["a"]
        assert (after["b"].fault, sorted(after)) == ("x", ["a", "b"])


def test_tables_count_as_changed_if_rows_were(store: Store) -> None:
    """A statement that finds no row wakes nobody; a new password alone is not a change of the lease."""
    with store.transaction():
        lab(store, "a")
        store.people.add(account="alice", nick="alice", zone="", in_view=True, seen_at=NOW)
        values = dict(mode=Mode.ENFORCING, asked_at=NOW, expires_at=NOW, ended_why="", digest="")
        id = store.leases.add(person_id=1, image="debian", lab_id=None, **values)
    with store.transaction():
        store.labs.change({"id": "b"}, fault="x")
        store.homes.remove(person_id=1)
        assert store.changed == set()
        store.leases.change({"id": id}, digest="x")
        assert store.changed == {"lease.digest"}
        store.leases.change({"id": id}, digest="x", lab_id="a")
        assert store.changed == {"lease.digest", "lease"}


def test_sql_that_depends_on_its_values_is_refused() -> None:
    """It would be compiled for the first of them only."""
    id = tables["lab"].c.id
    with pytest.raises(AssertionError, match="depends on the values"):
        Prepared(select(id).where(id.in_(bindparam("ids", expanding=True))))
