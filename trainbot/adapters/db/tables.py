"""The tables.  ``migrations/`` creates them; a test compares the two.

Columns have the names of the fields they hold.  Times are aware UTC, stored as ISO 8601 text of fixed width, so that
they sort as text and are readable in any SQLite shell.
"""

from __future__ import annotations

from datetime import datetime

from sqlalchemy import (
    Boolean,
    Column,
    ForeignKey,
    Index,
    Integer,
    MetaData,
    String,
    Table,
    Text,
    text,
)

from trainbot.adapters.db.column_types import EnumText, EnumWord, Instant
from trainbot.adapters.db.fulltext import made_with
from trainbot.model.notice import NoticeKind


def _tables(metadata: MetaData) -> dict[str, Table]:
    from trainbot.model.class_run import ScriptKind, ScriptState
    from trainbot.model.host import Mode
    from trainbot.model.lab import LabState
    from trainbot.model.question import QuestionState

    def key() -> Column[int]:
        return Column("id", Integer, primary_key=True)

    def ref(name: str, table: str, *, null: bool = False, primary_key: bool = False) -> Column[int]:
        return Column(name, ForeignKey(f"{table}.id"), nullable=null, primary_key=primary_key)

    def words(name: str, *, null: bool = False, primary_key: bool = False, default: str | None = None) -> Column[str]:
        return Column(name, Text, nullable=null, primary_key=primary_key, server_default=default)

    def count(name: str) -> Column[int]:
        return Column(name, Integer, nullable=False, server_default="0")

    def flag(name: str) -> Column[bool]:
        return Column(name, Boolean, nullable=False, server_default="0")

    def at(name: str, *, null: bool = False) -> Column[datetime]:
        return Column(name, Instant, nullable=null)

    tables = [
        Table("setting", metadata, Column("name", String(40), primary_key=True), words("value")),
        Table(
            "person",
            metadata,
            key(),
            words("account", null=True),
            words("mask", null=True),
            words("nick"),
            words("zone"),
            Column("in_view", Boolean, nullable=False),
            at("seen_at"),
            flag("nolog"),
            Index("person_account", "account", unique=True),
            Index("person_mask", "mask", unique=True, sqlite_where=text("in_view AND account IS NULL")),
        ),
        Table(
            "public_key",
            metadata,
            key(),
            ref("person_id", "person"),
            words("key"),
            at("added_at"),
            flag("proven"),
            Index("public_key_person", "person_id"),
        ),
        Table(
            "lab",
            metadata,
            Column("id", String(36), primary_key=True),
            words("name"),
            words("image"),
            Column("mode", EnumWord(Mode), nullable=False),
            words("host"),
            Column("state", EnumWord(LabState), nullable=False),
            Column("port", Integer, nullable=False),
            words("address"),
            Column("ssh_port", Integer, nullable=False),
            Column("tries", Integer, nullable=False),
            words("fault"),
            at("made_at"),
            at("state_at"),
            count("slot"),
            words("run", default=""),
            count("boots"),
            count("stops"),
            at("checked_at", null=True),
            at("saved_at", null=True),
            Index("lab_state", "state"),
        ),
        Table(
            "lease",
            metadata,
            key(),
            ref("person_id", "person"),
            words("image"),
            Column("mode", EnumWord(Mode), nullable=False),
            Column("lab_id", ForeignKey("lab.id"), nullable=True),
            Column("left_id", ForeignKey("lab.id"), nullable=True),
            words("digest"),
            at("asked_at"),
            at("expires_at"),
            at("warned_at", null=True),
            at("ended_at", null=True),
            words("ended_why"),
            words("session", default=""),
            words("offered", default=""),
            words("rehearsal", default=""),
            flag("worked_in"),
            Index("lease_open_lab", "lab_id", unique=True, sqlite_where=text("ended_at IS NULL")),
            Index("lease_ended", "ended_at"),
        ),
        Table("home", metadata, ref("person_id", "person", primary_key=True), words("image"), at("since")),
        Table(
            "class",
            metadata,
            key(),
            words("channel"),
            words("session_uid"),
            words("exercise"),
            words("title"),
            ref("presenter_id", "person"),
            words("presenter"),
            Column("step", Integer, nullable=False),
            Column("steps", Integer, nullable=False),
            at("step_at"),
            words("minutes"),
            at("started_at"),
            at("ended_at", null=True),
            at("minutes_at", null=True),
            count("told"),
            at("told_at", null=True),
            flag("lecture"),
            Index("class_running", "channel", unique=True, sqlite_where=text("ended_at IS NULL")),
        ),
        Table(
            "attendance",
            metadata,
            ref("class_id", "class", primary_key=True),
            ref("person_id", "person", primary_key=True),
            words("nick"),
            Column("step", Integer, nullable=False),
            at("stuck_at", null=True),
            words("stuck_words"),
            Column("hints", Integer, nullable=False),
            at("since"),
            words("helper", default=""),
            words("lab_id", default=""),
            count("behind"),
        ),
        Table(
            "play",
            metadata,
            key(),
            ref("class_id", "class"),
            ref("person_id", "person"),
            Column("lab_id", ForeignKey("lab.id"), nullable=False),
            Column("step", Integer, nullable=False),
            Column("kind", EnumWord(ScriptKind), nullable=False),
            Column("state", EnumWord(ScriptState), nullable=False),
            at("due_at"),
            count("tries"),
            words("said"),
            at("ended_at", null=True),
            Index("play_lab", "lab_id"),
            Index("play_waiting", "id", sqlite_where=text("state = 'waiting'")),
        ),
        Table(
            "quiz",
            metadata,
            key(),
            words("channel"),
            words("words"),
            words("answer"),
            words("asker"),
            at("asked_at"),
            at("drawn_at", null=True),
        ),
        Table(
            "quiz_try",
            metadata,
            ref("quiz_id", "quiz", primary_key=True),
            ref("person_id", "person", primary_key=True),
            words("nick"),
            Column("tries", Integer, nullable=False),
            flag("right"),
        ),
        Table(
            "done",
            metadata,
            ref("class_id", "class", primary_key=True),
            ref("person_id", "person", primary_key=True),
            Column("step", Integer, primary_key=True),
            at("at"),
        ),
        Table(
            "question",
            metadata,
            key(),
            ref("class_id", "class", null=True),
            words("channel"),
            ref("person_id", "person"),
            words("nick"),
            Column("step", Integer, nullable=False),
            words("words"),
            Column("state", EnumWord(QuestionState), nullable=False),
            at("asked_at"),
            Column("anonymous", Boolean, nullable=False, server_default="0"),
            words("image", default=""),
            count("votes"),
            ref("merged_into", "question", null=True),
            words("answer", default=""),
            Index("question_waiting", "channel", "state"),
            Index("question_class", "class_id"),
            Index("question_merged", "merged_into", sqlite_where=text("merged_into IS NOT NULL")),
            Index("question_asker", "person_id", "asked_at"),
        ),
        Table(
            "question_event",
            metadata,
            key(),
            ref("question_id", "question"),
            at("at"),
            ref("person_id", "person"),
            words("nick"),
            words("kind"),
            words("words"),
            ref("about_id", "question_event", null=True),
            Index("question_event_question", "question_id"),
            Index("question_event_vote", "question_id", "person_id", unique=True, sqlite_where=text("kind = 'voted'")),
        ),
        Table("question_word", metadata, key(), words("word"), Index("question_word_word", "word", unique=True)),
        Table(
            "ignored",
            metadata,
            key(),
            ref("person_id", "person"),
            words("nick"),
            at("at"),
            ref("by_id", "person"),
            words("by_nick"),
            at("ended_at", null=True),
            words("ended_by"),
            words("host", default=""),
            Index("ignored_now", "person_id", unique=True, sqlite_where=text("ended_at IS NULL")),
        ),
        Table(
            "session",
            metadata,
            Column("uid", Text, primary_key=True),
            words("title"),
            at("start"),
            words("zone"),
            words("value"),
            words("revision"),
            Column("cancelled", Boolean, nullable=False),
            at("changed_at"),
            count("sequence"),
            flag("draft"),
            Index("session_start", "start"),
        ),
        Table(
            "signup",
            metadata,
            words("session_uid", primary_key=True),
            ref("person_id", "person", primary_key=True),
            words("image"),
            at("at"),
            flag("waiting"),
        ),
        Table(
            "channel",
            metadata,
            Column("name", Text, primary_key=True),
            words("topic"),
            words("base"),
            words("quiet"),
            words("voiced"),
        ),
        Table(
            "login",
            metadata,
            key(),
            ref("person_id", "person"),
            at("at"),
            count("seconds"),
            words("lab"),
            words("method"),
            words("address"),
            count("received"),
            count("sent"),
            Index("login_at", "at"),
        ),
        Table(
            "poll",
            metadata,
            key(),
            words("channel"),
            ref("person_id", "person"),
            words("title"),
            words("zone"),
            words("first_day"),
            words("last_day"),
            *(
                Column(name, Integer, nullable=False)
                for name in ("window_from", "window_to", "minutes", "most", "step")
            ),
            at("opened_at"),
            at("closes_at"),
            at("closed_at", null=True),
            words("result"),
            Index("poll_open", "channel", unique=True, sqlite_where=text("closed_at IS NULL")),
        ),
        Table(
            "poll_line",
            metadata,
            key(),
            ref("poll_id", "poll"),
            ref("person_id", "person"),
            words("zone"),
            words("words"),
            at("at"),
            Index("poll_line_person", "poll_id", "person_id"),
        ),
        Table(
            "notice",
            metadata,
            key(),
            Column("key", Text, nullable=True, unique=True),
            ref("person_id", "person", null=True),
            words("channel", null=True),
            Column("kind", EnumText(NoticeKind), nullable=False),
            words("subject"),
            words("text"),
            at("due_at"),
            at("not_after", null=True),
            at("said_at", null=True),
            Index("notice_waiting", "due_at", sqlite_where=text("said_at IS NULL")),
        ),
        Table(
            "entry",
            metadata,
            key(),
            ref("class_id", "class", null=True),
            words("channel"),
            at("at"),
            words("kind"),
            words("nick"),
            words("text"),
            ref("person_id", "person", null=True),
            Index("entry_class", "class_id"),
            Index("entry_person", "person_id"),
            Index("entry_at", "at"),
        ),
    ]
    return {table.name: table for table in tables}


metadata = MetaData()
tables = _tables(metadata)
made_with(metadata)
