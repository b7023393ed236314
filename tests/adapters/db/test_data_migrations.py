"""What a running bot holds is there after an upgrade, wherever a migration moved it."""

from __future__ import annotations

import sqlite3
from dataclasses import replace
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


def old_database(folder: Path, revision: str) -> str:
    """The URL of a database as that revision left it, with one person."""
    url = f"sqlite:///{folder}/bot.db"
    engine = connect(url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), revision)
    engine.dispose()
    with sqlite3.connect(folder / "bot.db") as old:
        old.execute(
            "INSERT INTO person (id, account, nick, zone, in_view, seen_at) VALUES (1, 'a', 'a', '', 1, ?)", (AT,)
        )
    return url


def test_a_running_rehearsal_goes_on(tmp_path: Path) -> None:
    """What was lent, and in which labs something was changed, is known as before; people's leases are as they were."""
    url = old_database(tmp_path, "0009")
    with sqlite3.connect(tmp_path / "bot.db") as old:
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


def test_keys_that_were_only_named_have_to_be_confirmed(tmp_path: Path) -> None:
    """Nobody knows whose they are: each opens a lab again once its owner has signed with it."""
    url = old_database(tmp_path, "0011")
    with sqlite3.connect(tmp_path / "bot.db") as old:
        old.execute("INSERT INTO public_key (person_id, key, added_at) VALUES (1, 'ssh-ed25519 AAAA', ?)", (AT,))
    upgrade(url)
    store = Store(url)
    with store.transaction():
        assert [(key.key, key.proven) for key in store.people.keys.all()] == [("ssh-ed25519 AAAA", False)]
    store.close()


def test_labs_keep_their_slots_and_notices_their_kinds(tmp_path: Path) -> None:
    """A lab has the same number on its host, so the same address; a kind that nobody knows any more is plain text."""
    url = old_database(tmp_path, "0010")
    with sqlite3.connect(tmp_path / "bot.db") as old:
        old.execute(
            "INSERT INTO lab (id, name, image, mode, host, state, port, address, ssh_port, tries, fault,"
            " made_at, state_at, seat) VALUES ('u', 'tb-1', 'debian', 'enforcing', 'xen1', 'ready', 0, '10.0.0.9',"
            " 22, 0, '', ?, ?, 8)",
            (AT, AT),
        )
        old.executemany(
            "INSERT INTO notice (person_id, kind, subject, text, due_at) VALUES (1, ?, '', 'x', ?)",
            [("my reminder", AT), ("place", AT), ("something older", AT)],
        )
    upgrade(url)
    store = Store(url)
    with store.transaction():
        assert [lab.slot for lab in store.labs.present()] == [8]
        assert [notice.kind for notice in store.notices.waiting()] == ["my reminder", "place", "text"]
    store.close()


def test_labs_stay_where_they_are(tmp_path: Path) -> None:
    """A host that was one machine is still one: its labs are on no node, and one that is made later may be."""
    url = old_database(tmp_path, "0016")
    with sqlite3.connect(tmp_path / "bot.db") as old:
        old.execute(
            "INSERT INTO lab (id, name, image, mode, host, state, port, address, ssh_port, tries, fault, made_at, state_at)"
            f" VALUES ('l', 'tb-l', 'debian', 'enforcing', 'xen1', 'ready', 0, '10.0.0.9', 22, 0, '', '{AT}', '{AT}')"
        )
        old.execute(
            "INSERT INTO lease (id, person_id, image, mode, lab_id, digest, asked_at, expires_at, ended_why)"
            f" VALUES (1, 1, 'debian', 'enforcing', 'l', 'd', '{AT}', '{AT}', '')"
        )
    upgrade(url)
    store = Store(url)
    with store.transaction():
        (lab,) = store.labs.at("xen1")
        assert (lab.node, lab.machine, lab.endpoint) == ("", "xen1", ("10.0.0.9", 22))
        assert store.leases.by_host() == {"xen1": 1}
        store.labs.change({"id": "l"}, node="n1")
        assert store.labs.at("xen1/n1") == [replace(lab, node="n1")] and store.labs.at("xen1/n2") == []
        assert store.leases.by_host() == {"xen1/n1": 1}
    store.close()


def test_what_was_there_before_answers_were_kept(tmp_path: Path) -> None:
    """Labs and questions are as they were; what is said after !take can be stored, and is not yet."""
    url = old_database(tmp_path, "0014")
    with sqlite3.connect(tmp_path / "bot.db") as old:
        old.execute(
            "INSERT INTO lab (id, name, image, mode, host, state, port, address, ssh_port, tries, fault, made_at, state_at)"
            f" VALUES ('l', 'tb-l', 'debian', 'enforcing', 'xen1', 'ready', 0, '', 0, 0, '', '{AT}', '{AT}')"
        )
        old.execute(
            "INSERT INTO question (id, channel, person_id, nick, step, words, state, asked_at)"
            f" VALUES (1, '#class', 1, 'a', 0, 'why?', 'taken', '{AT}')"
        )
    upgrade(url)
    store = Store(url)
    with store.transaction():
        assert [lab.name for lab in store.labs.on_host("xen1")] == ["tb-l"] and store.labs.on_host("xen2") == []
        (question,) = store.questions.all()
        assert store.questions.drafts.all() == []
        store.questions.drafts.add(
            question_id=1, person_id=1, channel="#class", at=question.asked_at, words="so", listening=True
        )
        assert [draft.words for draft in store.questions.drafts.all()] == ["so"]
    store.close()
