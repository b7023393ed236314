"""Plays a class with this checkout's code and prints its database as SQL, before a version is tagged (CONTRIBUTING.md):
`python -m tests.upgrades.play > tests/upgrades/VERSION.sql`."""

from __future__ import annotations

import sqlite3
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

from tests.features.labs.test_rehearsal_dialogs import begin, rehearse
from tests.stage import Stage
from trainbot.adapters.db.fulltext import INDEXES, is_index
from trainbot.adapters.db.migrate import upgrade
from trainbot.model.kept_files import KeptState
from trainbot.model.visit import VisitKind

KEY = "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG8A2cuJCKYXQyeZPyl28jkKTyrCGfKzVbpOJpsk7pLh"
BEFORE = """
olga: !session add selinux fri 27 nov 19:30 melbourne 90min "SE Linux for all" by russell seats 3 course selinux
olga: !yes
olga: !session publish
olga: !session add sat 5 dec 19:00 melbourne 2h "Squid and its ports"
olga: !yes
olga: !session add sun 6 dec 10:00 berlin 1h "Called off"
olga: !yes
olga: !session publish all
olga: !session add mon 7 dec 10:00 berlin 1h "A draft"
olga: !yes
alice: !signup 1 debian
bob: !signup 1 debian
carol: !signup 1 debian
hannah: !signup 1 debian
olga: !session cancel 3
olga: !yes
olga: !when open 7-15 mar 07:00-22:00 melbourne 2h max 2 until 3 mar for SE Linux
olga: !yes
"""
CLASS = """
russell: !next
alice: !done
bob: !done
bob: !stuck getenforce is not there
hannah: !helping bob
carol: !hint
alice: !ask why is port 11371 taken?
bob: QUESTION: what does semanage port do?
bob: !vote 1
alice: !vote 2
stranger: !ask is it Zürich's “port”, or: 'anything'?
alice: !ask what does the command semanage port do exactly?
alice: !yes
hannah: !merge 4 2
russell: !take 1
russell: PGP key servers use it.
russell: !answered
hannah: !answer 2 it adds a port to a type
hannah: !edit 2 it adds a port to a type, or removes it
bob: !ask spam spam
hannah: !delete 5 rude
hannah: !ignore stranger
"""
AFTER = """
olga: !lab for hannah debian
hannah: !lab return
hannah: !yes
olga: !drain xen2
russell: !quiet on
russell: !end
russell: !yes
russell: !start selinux
alice: !ask after the second start, does it count?
russell: !take
russell: Half an answer, and
"""


def talk(stage: Stage, dialog: str) -> None:
    for line in dialog.strip().splitlines():
        nick, _, text = line.partition(": ")
        said = stage.talk(nick, text)
        print(line, *said, sep="\n    ", file=sys.stderr)
        stage.hosts_work()
        stage.labs_run()


def play(folder: Path) -> Path:
    """The database of a class in which much has happened, made by its migrations."""
    stage = Stage(folder, hosts=("xen1", "xen2"), labs=3, log="yes", require_account="no")
    index = folder / "exercises" / "selinux" / "index.json"
    index.write_text(index.read_text().replace('"1.md",', '"1.md", "background": "setup.sh", "verify": "verify.sh",'))
    for name in ("setup.sh", "verify.sh"):
        index.with_name(name).write_text("true\n")
    stage.store.close()
    for part in folder.glob("trainbot.db*"):
        part.unlink()
    upgrade(stage.config.store.url)
    stage.restart()
    stage.host_up("xen1")
    stage.host_up("xen2")
    rehearse(stage, do="work", rehearsal=begin(stage, seats=1), seats=[1])
    stage.wait(minutes=1)
    stage.whisper("alice", "tz Melbourne")
    stage.whisper("bob", "tz Wroclaw")
    stage.use_key("alice", KEY)
    talk(stage, BEFORE)
    stage.whisper("alice", "when after 6pm weekdays")
    stage.whisper("bob", "when weekends 10-14")
    stage.wait(minutes=15)
    stage.hosts_work()
    talk(stage, "russell: !start")
    stage.wait(seconds=3)
    stage.whisper("carol", "nolog on")
    stage.whisper("stranger", "lab debian")
    talk(stage, CLASS)
    stage.whisper("carol", "ask anonymously what is a port?")
    stage.whisper("russell", "quiz which port do key servers use? = 11371|hkp")
    talk(stage, "alice: 11371\nbob: 80\nalice: !lab snapshot")
    stage.wait(seconds=21)
    stage.loses("xen1")
    stage.hosts_work()
    stage.host_up("xen1")
    talk(stage, AFTER)
    with stage.store.transaction():  # as the gateway and somebody without a lab here would have it
        person = stage.store.people.all()[-1].id
        words = {"lab": "tb-debian-1", "method": "key", "address": "192.0.2.7"}
        stage.store.people.logins.add(person_id=person, at=stage.now, seconds=60, received=1, sent=2, **words)
        visit = stage.store.visits.add(
            kind=VisitKind.PAIR,
            owner_id=stage.store.people.all()[0].id,
            lease_id=stage.store.leases.all()[0].id,
            guest_id=person,
            asked_at=stage.now,
            agreed_at=stage.now,
            ends_at=stage.now,
            ended_at=stage.now,
            ended_why="its time is over",
        )
        stage.store.visits.logins.add(
            visit_id=visit,
            guest_id=person,
            owner_id=stage.store.people.all()[0].id,
            at=stage.now,
            ended_at=stage.now,
            lab="tb-debian-1",
            address="192.0.2.7",
        )
        stage.store.homes.add(person_id=person, image="debian", since=stage.now)
        stage.store.courses.catch_ups.add(
            person_id=person, course="selinux", number=1, image="debian", lab_id="", asked_at=stage.now
        )
        moments = dict.fromkeys(("made_at", "expires_at", "due_at"), stage.now)
        stage.store.kept_files.add(
            person_id=person, image="debian", state=KeptState.KEPT, lab_id="", size=3, digest="0" * 64, **moments
        )
    stage.store.close()
    return folder / "trainbot.db"


def dump(path: Path) -> Iterator[str]:
    """SQL that makes that database, line by line; full-text indexes are built anew, and triggers come last."""
    with closing(sqlite3.connect(path)) as found:
        objects = found.execute(
            "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL ORDER BY rowid"
        ).fetchall()
        names = {index for index, *_rest in INDEXES}
        made = [(name, sql) for kind, name, sql in objects if kind == "table" and not name.startswith("sqlite_")]
        yield from (f"{sql};" for name, sql in made if name in names or not is_index(name))
        for name, _sql in made:
            if not is_index(name):
                columns = [row[1] for row in found.execute(f'PRAGMA table_info("{name}")')]
                values = " || ', ' || ".join(f'quote("{column}")' for column in columns)
                yield from (
                    f'INSERT INTO "{name}" VALUES({row[0]});' for row in found.execute(f'SELECT {values} FROM "{name}"')
                )
        yield from (f"INSERT INTO {name}({name}) VALUES('rebuild');" for name in names)
        yield from (f"{sql};" for kind, _name, sql in objects if kind != "table")


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as folder:
        print(*dump(play(Path(folder))), sep="\n")
