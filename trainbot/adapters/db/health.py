"""Reports the state of a database.  Reads only."""

from __future__ import annotations

import sqlite3
from collections import Counter
from dataclasses import dataclass
from datetime import datetime
from itertools import islice

from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from trainbot.adapters.db.engine import Store
from trainbot.adapters.db.errors import explain
from trainbot.adapters.db.migrate import refuse_newer, revisions
from trainbot.adapters.db.opening import Loss, loss_of
from trainbot.adapters.db.schema import differences
from trainbot.adapters.db.tables import tables
from trainbot.core.errors import BackendError
from trainbot.model.database_url import database_path
from trainbot.model.notice import Notice

_FAULTS = 3  # at most this many of SQLite's faults are reported


@dataclass(frozen=True, slots=True)
class Health:
    """``revision``: the schema that the database is at, None if it is empty; ``head``: this program's schema.
    ``faults``: what SQLite's own check found.  The rest is set only if the schema is ``head``: ``owner``: the
    installation's id; ``labs``: the number of labs on each host; ``waiting``: notices not sent yet; ``seen``: person ->
    (in view, since); ``loss``: what was found to be missing at a start."""

    revision: str | None
    head: str
    faults: tuple[str, ...]
    owner: str = ""
    labs: dict[str, int] | None = None
    waiting: tuple[Notice, ...] = ()
    seen: dict[int, tuple[bool, datetime]] | None = None
    loss: Loss | None = None


def health(url: str) -> Health:
    """The state of the database.  BackendError if it cannot be opened, is not a database, or is from a newer
    program."""
    store = Store(url, read_only=True)
    try:
        with store.transaction():
            revision = refuse_newer(url, store.connection)
            head = revisions()[-1]
            rows = store.connection.exec_driver_sql(f"PRAGMA quick_check({_FAULTS})").scalars().all()
            faults = tuple(" ".join(str(row).split())[:200] for row in rows if row != "ok")
            if revision == head and not faults:
                raw = store.connection.connection.dbapi_connection
                assert isinstance(raw, sqlite3.Connection)
                faults = tuple(islice(differences(raw), _FAULTS))
            if revision != head or faults:
                return Health(revision, head, faults)
            waiting = tuple(store.notices.waiting())
            people = tables["person"]
            wanted = {notice.person_id for notice in waiting if notice.person_id is not None}
            seen = {
                row[0]: (row[1], row[2])
                for row in store.connection.execute(select(people.c.id, people.c.in_view, people.c.seen_at))
                if row[0] in wanted
            }
            return Health(
                revision,
                head,
                (),
                store.settings.get("owner") or "",
                dict(Counter(lab.host for lab in store.labs.present())),
                waiting,
                seen,
                loss_of(store),
            )
    except (SQLAlchemyError, sqlite3.Error) as error:
        raise BackendError(explain(url, error)) from None
    finally:
        store.close()


def size(url: str) -> tuple[int, int]:
    """The sizes in bytes of the database and of its write-ahead log (sqlite.org/wal.html)."""
    path = database_path(url)
    if path is None:
        return 0, 0
    ahead = path.with_name(path.name + "-wal")
    return path.stat().st_size if path.exists() else 0, ahead.stat().st_size if ahead.exists() else 0
