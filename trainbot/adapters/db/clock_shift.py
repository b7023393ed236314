"""Moves the moments that something is counted from when somebody sets the wall clock (``core.clock.ClockStepped``)."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import ColumnElement, Connection, and_, func, or_, select, update

from trainbot.adapters.db.column_types import Instant
from trainbot.adapters.db.tables import tables
from trainbot.model.lab import LabState
from trainbot.model.notice import NoticeKind

RECENT = timedelta(days=1)  # after a class or the start of a session, its moments still move
_TEXT = Instant()
#: Notices that are pointless after a time of day: the start of a session, the end of a poll.
AT_A_TIME_OF_DAY = (
    NoticeKind.ANNOUNCEMENT,
    NoticeKind.MY_REMINDER,
    NoticeKind.READINESS,
    NoticeKind.REMINDER,
    NoticeKind.SEAT,
)


def shift_times(connection: Connection, changed: set[str], by: timedelta, now: datetime) -> None:
    """Adds ``by`` to all moments that are counted from: of labs and leases that exist, of running and recent classes with all
    that was said in them, of open questions, of sign-ups (their order), of notices not sent yet.  Sessions, polls and reminders
    are times of day and stay, as does history.  ``now``: by the new clock."""

    def moved(text: str | None) -> str | None:
        at = _TEXT.process_result_value(text, None)
        try:
            return _TEXT.process_bind_param(None if at is None else at + by, None)
        except OverflowError:
            return text

    database = connection.connection.dbapi_connection
    assert isinstance(database, sqlite3.Connection)
    database.create_function("moved", 1, moved, deterministic=True)
    for table, columns, condition in _counted_from(now - by):
        chosen = tables[table]
        values = {name: func.moved(chosen.c[name], type_=Instant()) for name in columns}
        if connection.execute(update(chosen).where(condition).values(values)).rowcount:
            changed.add(table)


def _counted_from(now: datetime) -> Iterator[tuple[str, tuple[str, ...], ColumnElement[bool]]]:
    """(table, columns, which rows).  Rows that others are chosen by come last."""
    t, since = tables, now - RECENT
    run, question = t["class"].c, t["question"].c
    recent = or_(run.ended_at.is_(None), run.ended_at > since)
    classes = select(run.id).where(recent)
    asked = or_(question.class_id.in_(classes), question.asked_at > since)
    yield "lab", ("made_at", "state_at", "checked_at", "saved_at"), t["lab"].c.state != LabState.GONE
    yield "lease", ("asked_at", "expires_at", "warned_at"), t["lease"].c.ended_at.is_(None)
    yield "kept_file", ("made_at", "expires_at", "due_at"), t["kept_file"].c.id.is_not(None)
    yield "catch_up", ("asked_at",), t["catch_up"].c.ended_at.is_(None)
    yield "visit", ("asked_at", "agreed_at", "ends_at", "away_at"), t["visit"].c.ended_at.is_(None)
    yield "attendance", ("stuck_at", "since"), t["attendance"].c.class_id.in_(classes)
    yield "done", ("at",), t["done"].c.class_id.in_(classes)
    yield "play", ("due_at", "ended_at"), t["play"].c.class_id.in_(classes)
    yield "quiz", ("asked_at",), t["quiz"].c.drawn_at.is_(None)
    yield "entry", ("at",), or_(t["entry"].c.class_id.in_(classes), t["entry"].c.at > since)
    yield "question_event", ("at",), t["question_event"].c.question_id.in_(select(question.id).where(asked))
    yield "answer_draft", ("at",), t["answer_draft"].c.at > since
    yield "question", ("asked_at",), asked
    yield "class", ("started_at", "step_at", "told_at", "ended_at", "minutes_at"), recent
    sessions = select(t["session"].c.uid).where(t["session"].c.start > since)
    yield "signup", ("at",), t["signup"].c.session_uid.in_(sessions)
    notice = t["notice"].c
    waiting = notice.said_at.is_(None)
    yield "notice", ("due_at",), waiting
    yield "notice", ("not_after",), and_(waiting, notice.kind.not_in(AT_A_TIME_OF_DAY))
