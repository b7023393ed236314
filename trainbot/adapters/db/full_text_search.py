"""Queries on the full-text indexes.  Every word is quoted, so nothing that people type is read as FTS5 syntax."""

from __future__ import annotations

from collections.abc import Generator, Iterable, Sequence

from sqlalchemy import Connection

from trainbot.adapters.db.fulltext import INDEXES
from trainbot.adapters.db.recall import recall_of
from trainbot.adapters.db.rows import ranges
from trainbot.core.wording import vocabulary

MANY = 3000
"""A word in this many rows is common; its rows are not counted any further."""

#: The text that the vocabulary is built from.
SAID = (("question", "words || ' ' || answer"), ("entry", "text"))
READ = 1500  # rows read in one step
FORGOTTEN = 100  # words removed in one step
MERGED = 200  # pages of an index written in one step


def quoted(word: str) -> str:
    """``word`` as an FTS5 string (sqlite.org/fts5.html, "FTS5 Strings"), in which everything is text.  Zero bytes are
    replaced, because they would end the string."""
    return '"' + word.replace("\0", " ").replace('"', '""') + '"'


def learn(connection: Connection, text: str) -> None:
    """Adds the words of ``text`` to the vocabulary, from which later searches correct typos."""
    rows = [(word,) for word in vocabulary(text)]
    if rows:
        recall = recall_of(connection)
        before = recall.changes
        connection.exec_driver_sql("INSERT OR IGNORE INTO question_word (word) VALUES (?)", rows)
        recall.wrote("question_word", before)


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

    def forget(self) -> Generator[None, None, None]:
        """Removes from the vocabulary what no text contains any more, and from the indexes all traces of removed text.
        To be called after a redaction; each step in a transaction of its own, or all in one."""
        newest = self.connection.exec_driver_sql("SELECT max(id) FROM question_word").scalar_one() or 0
        said: set[str] = set()
        for table, text in SAID:
            for span in ranges(self.connection, table, READ):
                query = f"SELECT {text} FROM {table} WHERE rowid > ? AND rowid <= ?"
                rows = self.connection.exec_driver_sql(query, span)
                said.update(vocabulary("\n".join(row[0] for row in rows)))
                yield
        # what was learnt meanwhile stays
        words = self.connection.exec_driver_sql("SELECT id, word FROM question_word WHERE id <= ?", (newest,))
        gone = [(id,) for id, word in words if word not in said]
        for start in range(0, len(gone), FORGOTTEN):
            self.connection.exec_driver_sql("DELETE FROM question_word WHERE id = ?", gone[start : start + FORGOTTEN])
            yield
        for index, *_rest in INDEXES:
            while self._merge(index, -MERGED):
                yield
                while self._merge(index, MERGED):
                    yield
        self._common.clear()

    def _merge(self, index: str, pages: int) -> bool:
        """Writes parts of an index into one, without what was removed; some pages at a time.  Returns False if there is
        nothing left to do (sqlite.org/fts5.html, "The 'merge' Command")."""
        recall = recall_of(self.connection)
        before = recall.changes
        self.connection.exec_driver_sql(f"INSERT INTO {index}({index}, rank) VALUES ('merge', {pages:d})")
        return recall.changes - before >= 2
