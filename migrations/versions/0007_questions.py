"""Questions, found again: votes, merges, edits, and the full-text indexes.

A million questions with answers take one to two minutes here, once, at the first start.
"""

import re
import unicodedata

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"

STEMMED = "porter unicode61 remove_diacritics 2"
AT_ONCE = 10_000


def upgrade() -> None:
    for column in (
        "anonymous BOOLEAN NOT NULL DEFAULT '0'",
        "image TEXT NOT NULL DEFAULT ''",
        "votes INTEGER NOT NULL DEFAULT '0'",
        "merged_into INTEGER REFERENCES question(id)",
        "answer TEXT NOT NULL DEFAULT ''",
    ):
        op.execute(f"ALTER TABLE question ADD COLUMN {column}")
    op.execute("ALTER TABLE question_event ADD COLUMN about_id INTEGER REFERENCES question_event(id)")
    op.create_index(
        "question_event_vote",
        "question_event",
        ["question_id", "person_id"],
        unique=True,
        sqlite_where=sa.text("kind = 'voted'"),
    )
    op.create_index("question_class", "question", ["class_id"])
    op.create_index("question_merged", "question", ["merged_into"], sqlite_where=sa.text("merged_into IS NOT NULL"))
    op.create_index("question_asker", "question", ["person_id", "asked_at"])
    op.create_table(
        "ignored",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("person_id", sa.Integer(), nullable=False),
        sa.Column("nick", sa.Text(), nullable=False),
        sa.Column("at", sa.String(length=27), nullable=False),
        sa.Column("by_id", sa.Integer(), nullable=False),
        sa.Column("by_nick", sa.Text(), nullable=False),
        sa.Column("ended_at", sa.String(length=27), nullable=True),
        sa.Column("ended_by", sa.Text(), nullable=False),
        sa.ForeignKeyConstraint(["person_id"], ["person.id"]),
        sa.ForeignKeyConstraint(["by_id"], ["person.id"]),
        sa.PrimaryKeyConstraint("id"),
    )
    op.create_index("ignored_now", "ignored", ["person_id"], unique=True, sqlite_where=sa.text("ended_at IS NULL"))
    op.create_table(
        "question_word",
        sa.Column("id", sa.Integer(), nullable=False),
        sa.Column("word", sa.Text(), nullable=False),
        sa.PrimaryKeyConstraint("id"),
    )
    op.execute(
        "UPDATE question SET answer = coalesce((SELECT group_concat(words, ' | ') FROM (SELECT words FROM "
        "question_event WHERE question_id = question.id AND kind = 'answered' ORDER BY id)), '')"
    )
    _learn_words(op.get_bind())
    op.create_index("question_word_word", "question_word", ["word"], unique=True)
    for index, table, columns, tokenize in (
        ("question_fts", "question", ("words", "answer"), STEMMED),
        ("entry_fts", "entry", ("text",), STEMMED),
        ("word_fts", "question_word", ("word",), "trigram"),
    ):
        _index(index, table, columns, tokenize)


def _learn_words(connection: sa.Connection) -> None:
    """Every word of three letters or more that was said in a question, an answer or a class."""
    seen: set[str] = set()
    rows = connection.exec_driver_sql("SELECT words || ' ' || answer FROM question UNION ALL SELECT text FROM entry")
    while some := rows.fetchmany(AT_ONCE):
        text = unicodedata.normalize("NFKD", "\n".join(row[0] for row in some).casefold())
        seen.update(
            re.findall(
                r"[^\W_]{3,30}",
                "".join(sign for sign in text if not unicodedata.combining(sign)) if not text.isascii() else text,
            )
        )
    words = [(word,) for word in sorted(seen) if not word.isdigit()]
    for start in range(0, len(words), AT_ONCE):
        connection.exec_driver_sql("INSERT INTO question_word (word) VALUES (?)", words[start : start + AT_ONCE])


def _index(index: str, table: str, columns: tuple[str, ...], tokenize: str) -> None:
    names = ", ".join(columns)
    new, old = (", ".join(f"{row}.{name}" for name in ("id", *columns)) for row in ("new", "old"))
    add = f"INSERT INTO {index}(rowid, {names}) VALUES ({new});"
    drop = f"INSERT INTO {index}({index}, rowid, {names}) VALUES ('delete', {old});"
    op.execute(
        f"CREATE VIRTUAL TABLE {index} USING fts5({names}, content='{table}', content_rowid='id', "
        f"tokenize='{tokenize}')"
    )
    op.execute(f"INSERT INTO {index}({index}) VALUES ('rebuild')")
    op.execute(f"CREATE TRIGGER {index}_added AFTER INSERT ON {table} BEGIN {add} END")
    op.execute(f"CREATE TRIGGER {index}_removed AFTER DELETE ON {table} BEGIN {drop} END")
    op.execute(f"CREATE TRIGGER {index}_changed AFTER UPDATE OF {names} ON {table} BEGIN {drop} {add} END")
