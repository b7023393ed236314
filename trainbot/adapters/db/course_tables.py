"""The tables of courses: who catches up with which of their sessions, and which archives of own files are kept."""

from __future__ import annotations

from sqlalchemy import Column, Index, Integer, MetaData, Table, text

from trainbot.adapters.db.column_types import EnumWord, at, count, flag, key, ref, words


def course_tables(metadata: MetaData) -> list[Table]:
    from trainbot.model.kept_files import KeptState

    return [
        Table(
            "catch_up",
            metadata,
            key(),
            ref("person_id", "person"),
            words("course"),
            Column("number", Integer, nullable=False),
            words("image"),
            words("lab_id"),
            at("asked_at"),
            at("ended_at", null=True),
            flag("reached"),
            count("told"),
            Index("catch_up_person", "person_id"),
            Index("catch_up_open", "id", sqlite_where=text("ended_at IS NULL")),
        ),
        Table(
            "kept_file",
            metadata,
            key(),
            ref("person_id", "person"),
            words("image"),
            Column("state", EnumWord(KeptState), nullable=False),
            words("lab_id"),
            count("size"),
            words("digest"),
            *(at(name) for name in ("made_at", "expires_at", "due_at")),
            count("tries"),
            Index("kept_file_person", "person_id"),
        ),
    ]
