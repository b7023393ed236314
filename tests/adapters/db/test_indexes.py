"""The full-text indexes: in step with the rows, whoever changes those; and made for a database that was there before."""

from __future__ import annotations

import sqlite3
from collections import deque
from datetime import UTC, datetime
from pathlib import Path

import pytest
from alembic import command

from trainbot.adapters.db import Store
from trainbot.adapters.db.engine import connect
from trainbot.adapters.db.migrate import _config, upgrade
from trainbot.core.access import Person
from trainbot.core.wording import vocabulary

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
AT = "2026-11-27T08:00:00.000000Z"


@pytest.fixture
def store(tmp_path: Path) -> Store:
    """A database with one person, as a start leaves it."""
    upgrade(f"sqlite:///{tmp_path}/bot.db")
    found = Store(f"sqlite:///{tmp_path}/bot.db")
    with found.transaction():
        found.people.add(account="alice", mask=None, nick="alice", zone="", in_view=True, seen_at=NOW)
    return found


def ask(store: Store, words: str, answer: str = "") -> int:
    person = store.people.get(1)
    question = store.questions.ask(person, person.nick, NOW, words, class_id=None, channel="#class", step=0)
    if answer:
        store.questions.record(question, person, "alice", NOW, "answered", answer)
    return question.id


def rows(store: Store, word: str) -> list[int]:
    return sorted(row for row, _score in store.search.ranked("question_fts", [word], 10))


def whole(store: Store) -> None:
    """FTS5's own look at whether each index is what its table says (sqlite.org/fts5.html, "The 'integrity-check' Command")."""
    for index in ("question_fts", "entry_fts", "word_fts"):
        store.connection.exec_driver_sql(f"INSERT INTO {index}({index}, rank) VALUES ('integrity-check', 1)")


def test_in_step_with_any_change(store: Store) -> None:
    """By our own repositories or by hand: added, changed and removed rows are found as they are."""
    with store.transaction():
        first, second = ask(store, "why is port 11371 taken?", "the policy"), ask(store, "what is a port?")
        assert (rows(store, "ports"), rows(store, "policy")) == ([first, second], [first])
        store.questions.change({"id": first}, words="why is door 11371 taken?")
        store.connection.exec_driver_sql("UPDATE question SET answer = 'nobody' WHERE id = ?", (first,))
        assert (rows(store, "port"), rows(store, "policy"), rows(store, "nobody")) == ([second], [], [first])
        store.questions.events.remove(question_id=second)
        store.questions.remove(id=second)
        assert rows(store, "port") == []
        whole(store)


def test_what_is_undone_is_not_found(store: Store) -> None:
    """A savepoint that is rolled back takes its words out of the index again."""
    with store.transaction():
        with pytest.raises(ValueError, match="no"), store.savepoint():
            ask(store, "why is port 11371 taken?")
            raise ValueError("no")
        assert rows(store, "port") == [] and store.search.near("prot", ["port"]) == []
        whole(store)


def test_forgotten_words_are_nowhere(store: Store, tmp_path: Path) -> None:
    """After a redaction and ``forget`` neither indexes nor vocabulary hold a word of it, and everything else is found."""
    with store.transaction():
        first = ask(store, "my telephone is abracadabra?", "call hocuspocus")
        second = ask(store, "what is a port?")
        event = store.questions.events.first(question_id=first, kind="answered")
        assert event is not None
        store.questions.events.change({"question_id": first}, words="(redacted)")
        store.questions.change({"id": first}, words="(redacted)")
        store.questions.settle(first)
        deque(store.search.forget(), maxlen=0)
        whole(store)
        assert rows(store, "port") == [second] and rows(store, "hocuspocus") == []
        assert store.search.near("abracadabra", ["abracadabra"]) == []
    store.close()
    with sqlite3.connect(tmp_path / "bot.db") as database:
        database.execute("VACUUM")
        database.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    everything = b"".join(path.read_bytes() for path in tmp_path.glob("bot.db*"))
    assert b"abracadabra" not in everything and b"hocuspocus" not in everything and b"redacted" in everything


def test_what_was_there_before_is_found(tmp_path: Path) -> None:
    """A database of before the indexes: its questions, answers and talk are found after the upgrade, also with typos."""
    url = f"sqlite:///{tmp_path}/bot.db"
    engine = connect(url)
    with engine.begin() as connection:
        command.upgrade(_config(connection), "0006")
    engine.dispose()
    with sqlite3.connect(tmp_path / "bot.db") as old:
        old.execute(
            "INSERT INTO person (id, account, nick, zone, in_view, seen_at) VALUES (1, 'a', 'a', '', 1, ?)", (AT,)
        )
        old.execute(
            "INSERT INTO question VALUES (1, NULL, '#class', 1, 'a', 0, 'Wo ist die Prüfsumme?', 'answered', ?)", (AT,)
        )
        for kind, words in (("asked", "x"), ("answered", "neben dem Abbild"), ("answered", "und im Netz")):
            old.execute(
                "INSERT INTO question_event (question_id, at, person_id, nick, kind, words) VALUES (1, ?, 1, 'a', ?, ?)",
                (AT, kind, words),
            )
        old.execute(
            "INSERT INTO entry (class_id, channel, at, kind, nick, text) VALUES (NULL, '#class', ?, 'said', 'a', 'hallo')",
            (AT,),
        )
    upgrade(url)
    store = Store(url)
    with store.transaction():
        question = store.questions.get(1)
        assert question is not None and question.answer == "neben dem Abbild | und im Netz" and not question.anonymous
        assert rows(store, "prufsumme") == rows(store, "netz") == [1]
        assert store.search.newest("entry_fts", ["hallo"], 5) == [1]
        assert store.search.near("prufsume", [])[0] == "prufsumme" and store.search.near("haollo", [])[0] == "hallo"
        whole(store)
        before = store.connection.exec_driver_sql("SELECT word FROM question_word ORDER BY word").scalars().all()
        deque(store.search.forget(), maxlen=0)
        assert (
            store.connection.exec_driver_sql("SELECT word FROM question_word ORDER BY word").scalars().all() == before
        )
    store.close()


def test_votes_are_people(store: Store) -> None:
    """A vote counts once whoever writes it, and the votes of merged questions are counted together."""
    with store.transaction():
        first, second = (store.questions.get(ask(store, words)) for words in ("one?", "two?"))
        assert first is not None and second is not None
        bob = Person(
            store.people.add(account="bob", mask=None, nick="bob", zone="", in_view=True, seen_at=NOW),
            "bob",
            None,
            "bob",
            "",
            True,
            NOW,
        )
        for question in (first, second):
            store.questions.record(question, bob, "bob", NOW, "voted")
        store.questions.change({"id": second.id}, merged_into=first.id)
        assert store.questions.counted(first).votes == 1
        with pytest.raises(Exception, match="UNIQUE"), store.savepoint():
            store.questions.record(first, bob, "bob", NOW, "voted")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Prüfsumme, ÀÉ naïve", ["prufsumme", "naive"]),
        ("a an the 11371 x11", ["the", "x11"]),
        ("squid_connect_any", ["squid", "connect", "any"]),
        ("Straße", ["strasse"]),
        ("x" * 31, ["x" * 30]),
        ("", []),
        ("🎉 \0 \ud800", []),
    ],
)
def test_vocabulary(text: str, words: list[str]) -> None:
    """What a typo is compared with: words without case and accents, no numbers, nothing tiny or huge."""
    assert vocabulary(text) == words
