"""Writers that are killed: `killed.py FOLDER ROUNDS SEED`.  Each is a process of its own that writes to the store as fast as
it can and says so after each commit, until kill -9 at a random moment; what it said is then looked for.

Writers are forked from this process, which has imported everything: a thousand fresh interpreters take ten minutes.
"""

from __future__ import annotations

import os
import random
import select
import signal
import sqlite3
import struct
import sys
import traceback
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

from trainbot.adapters.db import Store
from trainbot.adapters.db.migrate import upgrade
from trainbot.core.access import Person

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
SAID = struct.Struct("<II")  # question, what its words begin with


def write(url: str, out: int, chance: random.Random) -> None:
    """For ever: a question, a vote for it and an answer, each in a transaction, sometimes several; then it is said."""
    store = Store(url)
    with store.transaction():
        ids = [
            store.people.add(account=None, mask=None, nick=nick, zone="", in_view=False, seen_at=NOW)
            for nick in ("alice", "bob")
        ]
    people = [Person(id, None, None, nick, "", False, NOW) for id, nick in zip(ids, ("alice", "bob"), strict=True)]
    while True:
        done = []
        with store.transaction():
            for _ in range(chance.choice((1, 1, 3))):
                mark = chance.getrandbits(32)
                words = f"{mark} " + "why " * chance.choice((1, 20, 300))
                question = store.questions.ask(people[0], "alice", NOW, words, class_id=None, channel="#class", step=0)
                store.questions.record(question, people[1], "bob", NOW, "voted")
                store.questions.record(question, people[1], "bob", NOW, "answered", f"{mark} because")
                done.append((question.id, mark))
        os.write(out, b"".join(SAID.pack(*one) for one in done))


def one_round(url: str, chance: random.Random) -> list[tuple[int, int]]:
    """What one writer said before it was killed."""
    reading, writing = os.pipe()
    seed = chance.getrandbits(32)
    writer = os.fork()
    if writer == 0:
        try:
            os.close(reading)
            write(url, writing, random.Random(seed))
        except BaseException:
            traceback.print_exc()
        finally:
            os._exit(1)
    os.close(writing)
    said = b""
    try:
        for _ in range(chance.randint(0, 6)):
            said += os.read(reading, 4096)
        select.select([], [], [], chance.random() * 0.006)  # anywhere in what comes next
    finally:
        os.kill(writer, signal.SIGKILL)
        _pid, status = os.waitpid(writer, 0)
        while piece := os.read(reading, 65536):
            said += piece
        os.close(reading)
    if not os.WIFSIGNALED(status):
        sys.exit("a writer ended by itself")
    return [SAID.unpack_from(said, at) for at in range(0, len(said) - SAID.size + 1, SAID.size)]


def missing(path: Path, said: list[tuple[int, int]]) -> list[tuple[int, int]]:
    """What was said and is not there whole: question, three events, answer, in the index."""
    with closing(sqlite3.connect(path)) as found:
        query = (
            "select count(*) from question q join question_event e on e.question_id = q.id where q.id = ? and q.words "
            "like ? and q.answer = ? and exists (select 1 from question_fts where rowid = q.id and question_fts match ?)"
        )
        return [
            (id, mark)
            for id, mark in said
            if found.execute(query, (id, f"{mark} %", f"{mark} because", f'"{mark}"')).fetchone() != (3,)
        ]


def main(folder: Path, rounds: int, seed: int) -> None:
    url, chance = f"sqlite:///{folder}/bot.db", random.Random(seed)
    upgrade(url)
    said: list[tuple[int, int]] = []
    for number in range(1, rounds + 1):
        new = one_round(url, chance)
        if lost := missing(folder / "bot.db", new):
            sys.exit(f"round {number}: lost {lost}")
        said += new
    if lost := missing(folder / "bot.db", said):
        sys.exit(f"lost later: {lost}")
    with closing(sqlite3.connect(folder / "bot.db")) as found:
        print(rounds, len(said), found.execute("pragma integrity_check").fetchone()[0])


if __name__ == "__main__":
    main(Path(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]))
