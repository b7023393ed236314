"""A rehearsal that goes on while the bot is upgraded: its state moves from the session's text into columns."""

from __future__ import annotations

import sqlite3
from pathlib import Path

from alembic import command

from trainbot.adapters.db import Store
from trainbot.adapters.db.engine import connect
from trainbot.adapters.db.migrate import _config, upgrade

AT = "2026-11-27T08:00:00.000000Z"
ENDED = "2026-11-27T09:00:00.000000Z"
#: id, session, ended_at
LEASES = (
    (1, "", None),
    (2, "2026-12-05/selinux", None),
    (3, "(rehearsal) ab12cd34", None),
    (4, "(rehearsal) ab12cd34 worked in", None),
    (5, "(rehearsal) 00ff00ff worked in", ENDED),
    (6, "a rehearsal worked in", None),  # somebody's own uid
)


def test_a_running_rehearsal_goes_on(tmp_path: Path) -> None:
    """What was lent, and in which labs something was changed, is known as before; people's leases are as they were."""
    url = f"sqlite:///{tmp_path}/bot.db"
    engine = connect(url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0009")
    engine.dispose()
    with sqlite3.connect(tmp_path / "bot.db") as old:
        old.execute(
            "INSERT INTO person (id, account, nick, zone, in_view, seen_at) VALUES (1, 'a', 'a', '', 1, ?)", (AT,)
        )
        old.executemany(
            "INSERT INTO lease (id, person_id, image, mode, digest, asked_at, expires_at, ended_why, session, ended_at)"
            f" VALUES (?, 1, 'debian', 'enforcing', '', '{AT}', '{AT}', '', ?, ?)",
            LEASES,
        )
    upgrade(url)
    store = Store(url)
    with store.transaction():
        assert [(lease.id, lease.session) for lease in store.leases.open()] == [
            (1, ""),
            (2, "2026-12-05/selinux"),
            (6, "a rehearsal worked in"),
        ]
        assert [(lease.id, lease.rehearsal, lease.lent) for lease in store.leases.rehearsals()] == [
            (3, "ab12cd34", True),
            (4, "ab12cd34", False),
        ]
        over = store.leases.first(rehearsal="00ff00ff")
        assert over is not None and over.id == 5 and over.worked_in and over.session == ""
    store.close()
