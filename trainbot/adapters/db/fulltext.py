"""The full-text indexes (sqlite.org/fts5.html): created with the tables, kept up to date by triggers alone.

``question_fts`` and ``entry_fts`` hold no text of their own (external content).  Any change to ``question`` and
``entry``, whoever makes it, takes effect in them at once.  ``question_word`` holds every word ever used in questions,
answers and classes; ``word_fts`` holds their trigrams, to find similar words for a word with a typo.  Removed text
stays in old parts of an index until ``Search.forget`` has merged them.
"""

from __future__ import annotations

from sqlalchemy import Connection, MetaData, event

WORDS = "porter unicode61 remove_diacritics 2"
#: name of the index, the table whose text it indexes, its columns, its tokenizer
INDEXES = (
    ("question_fts", "question", ("words", "answer"), WORDS),
    ("entry_fts", "entry", ("text",), WORDS),
    ("word_fts", "question_word", ("word",), "trigram"),
)


def statements() -> list[str]:
    """The SQL statements that create the indexes and their triggers on existing tables."""
    made = []
    for index, table, columns, tokenize in INDEXES:
        names = ", ".join(columns)
        new, old = (", ".join(f"{row}.{name}" for name in ("id", *columns)) for row in ("new", "old"))
        add = f"INSERT INTO {index}(rowid, {names}) VALUES ({new});"
        drop = f"INSERT INTO {index}({index}, rowid, {names}) VALUES ('delete', {old});"
        made += [
            f"CREATE VIRTUAL TABLE {index} USING fts5({names}, content='{table}', content_rowid='id', "
            f"tokenize='{tokenize}')",
            f"CREATE TRIGGER {index}_added AFTER INSERT ON {table} BEGIN {add} END",
            f"CREATE TRIGGER {index}_removed AFTER DELETE ON {table} BEGIN {drop} END",
            f"CREATE TRIGGER {index}_changed AFTER UPDATE OF {names} ON {table} BEGIN {drop} {add} END",
        ]
    return made


def is_index(table: str) -> bool:
    """Whether that table is an index, or one of the tables in which FTS5 stores it."""
    return any(table == name or table.startswith(f"{name}_") for name, *_rest in INDEXES)


def made_with(metadata: MetaData) -> None:
    """Makes ``metadata.create_all`` create the indexes too."""

    @event.listens_for(metadata, "after_create")
    def _created(_metadata: MetaData, connection: Connection, tables: list[object], **_more: object) -> None:
        if tables:
            for statement in statements():
                connection.exec_driver_sql(statement)
