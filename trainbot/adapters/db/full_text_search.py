"""Queries on the full-text indexes.  Every word is quoted, so nothing that people type is read as FTS5 syntax."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from sqlalchemy import Connection

from trainbot.adapters.db.fulltext import INDEXES
from trainbot.core.wording import vocabulary

MANY = 3000
"""A word in this many rows is common; its rows are not counted any further."""

#: Selects all the text that the vocabulary is built from.
SAID = "SELECT words || ' ' || answer FROM question UNION ALL SELECT text FROM entry"


def quoted(word: str) -> str:
    """``word`` as an FTS5 string (sqlite.org/fts5.html, "FTS5 Strings"), in which everything is text.  Zero bytes are
    replaced, because they would end the string."""
    return '"' + word.replace("\0", " ").replace('"', '""') + '"'


def learn(connection: Connection, text: str) -> None:
    """Adds the words of ``text`` to the vocabulary, from which later searches correct typos."""
    rows = [(word,) for word in vocabulary(text)]
    if rows:
        connection.exec_driver_sql("INSERT OR IGNORE INTO question_word (word) VALUES (?)", rows)


class Search:
    """Full-text searches; only ``forget`` writes.  ``index``: question_fts or entry_fts."""

    many = MANY

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._common: set[tuple[str, str]] = set()

    def frequency(self, index: str, word: str) -> int:
        """The number of rows that contain the word, counted up to ``MANY``."""
        if (index, word) in self._common:
            return MANY
        query = f"SELECT count(*) FROM (SELECT 1 FROM {index} WHERE {index} MATCH ? LIMIT {MANY})"
        found: int = self.connection.exec_driver_sql(query, (quoted(word),)).scalar_one()
        if found == MANY:
            self._common.add((index, word))
        return found

    def ranked(self, index: str, words: Iterable[str], limit: int) -> list[tuple[int, float]]:
        """(row, bm25: lower is better) of the best rows that contain any of these words."""
        match = " OR ".join(quoted(word) for word in words)
        query = f"SELECT rowid, bm25({index}) FROM {index} WHERE {index} MATCH ? ORDER BY rank LIMIT {limit:d}"
        return [(row, score) for row, score in self.connection.exec_driver_sql(query, (match,))]

    def newest(self, index: str, words: Iterable[str], limit: int) -> list[int]:
        """The newest rows that contain all of these words."""
        match = " AND ".join(quoted(word) for word in words)
        query = f"SELECT rowid FROM {index} WHERE {index} MATCH ? ORDER BY rowid DESC LIMIT {limit:d}"
        return list(self.connection.exec_driver_sql(query, (match,)).scalars())

    def near(self, word: str, others: Sequence[str], limit: int = 100) -> list[str]:
        """Words of the vocabulary that share trigrams with ``word``, best match first, then those of ``others`` that
        are in the vocabulary."""
        trigrams = dict.fromkeys(word[at : at + 3] for at in range(len(word) - 2))
        match = " OR ".join(quoted(trigram) for trigram in trigrams)
        query = f"SELECT word FROM word_fts WHERE word_fts MATCH ? ORDER BY rank LIMIT {limit:d}"
        found = list(self.connection.exec_driver_sql(query, (match,)).scalars()) if match else []
        marks = ", ".join("?" * len(others))
        said = f"SELECT word FROM question_word WHERE word IN ({marks})"
        return [*found, *self.connection.exec_driver_sql(said, tuple(others)).scalars()]

    def forget(self) -> None:
        """Rebuilds the indexes from the current tables, and the vocabulary too.  To be called after a redaction, in the
        same transaction.  Takes as long as building them did (a million questions: one to two minutes)."""
        self.connection.exec_driver_sql("DELETE FROM question_word")
        rows = self.connection.exec_driver_sql(SAID)
        said: set[str] = set()
        while some := rows.fetchmany(10_000):
            said.update(vocabulary("\n".join(row[0] for row in some)))
        for word in sorted(said):
            self.connection.exec_driver_sql("INSERT INTO question_word (word) VALUES (?)", (word,))
        for index, *_rest in INDEXES:
            self.connection.exec_driver_sql(f"INSERT INTO {index}({index}) VALUES ('rebuild')")
        self._common.clear()
