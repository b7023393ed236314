"""Deletes old rows.  Questions and answers stay, for !faq, but without the names of their authors."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, delete, exists, func, insert, or_, select, update

from trainbot.adapters.db.rows import Rows
from trainbot.adapters.db.tables import tables
from trainbot.model.class_run import ClassRun
from trainbot.model.redaction import REMOVED


class Pruning:
    """Used inside a transaction of the caller."""

    def __init__(self, connection: Connection, changed: set[str]) -> None:
        self.connection, self.changed = connection, changed
        self._classes = Rows(connection, tables["class"], ClassRun, changed)

    def classes(self, before: datetime) -> list[ClassRun]:
        """The classes that ended before then and have not been pruned yet."""
        run = self._classes.table.c
        return self._classes.all(run.ended_at < before, run.presenter != REMOVED)

    def old(self, before: datetime) -> dict[str, int]:
        """The number of rows that would be deleted or lose their names, by description."""
        return {
            "classes (their log, who took part, their minutes)": len(self.classes(before)),
            "lines of logs": self._count("entry", self._entries(before)),
            "names at questions": self._count("question", self._questions(before)),
            "leases": self._count("lease", tables["lease"].c.ended_at < before),
            "notices": self._count("notice", tables["notice"].c.said_at < before),
            "sign-ups": self._count("signup", tables["signup"].c.at < before),
            "logins": self._count("login", tables["login"].c.at < before),
            "kept archives of own files": self._count("kept_file", tables["kept_file"].c.made_at < before),
            "visits to other people's labs": self._count("visit", tables["visit"].c.ended_at < before),
        }

    def prune(self, before: datetime) -> dict[str, int]:
        """Deletes these rows, then the people that nothing refers to any more.  Returns what ``old`` returns, and the
        number of people."""
        counts = self.old(before)
        self.changed.update(tables)  # rows of many may go
        ended = select(self._classes.table.c.id).where(self._classes.table.c.ended_at < before)
        self._delete("entry", self._entries(before))
        for table in ("attendance", "done", "play"):
            self._delete(table, tables[table].c.class_id.in_(ended))
        visits = select(tables["visit"].c.id).where(tables["visit"].c.ended_at < before)
        self._delete("visit_login", tables["visit_login"].c.visit_id.in_(visits))
        self._delete("visit", tables["visit"].c.ended_at < before)
        self._delete("lease", tables["lease"].c.ended_at < before)
        self._delete("notice", tables["notice"].c.said_at < before)
        self._delete("signup", tables["signup"].c.at < before)
        self._delete("login", tables["login"].c.at < before)
        self._delete("kept_file", tables["kept_file"].c.made_at < before)
        self._delete("catch_up", tables["catch_up"].c.asked_at < before)
        self._delete("ignored", tables["ignored"].c.ended_at < before)
        self._delete("answer_draft", tables["answer_draft"].c.at < before)
        quizzes = select(tables["quiz"].c.id).where(tables["quiz"].c.asked_at < before)
        self._delete("quiz_try", tables["quiz_try"].c.quiz_id.in_(quizzes))
        self._delete("quiz", tables["quiz"].c.asked_at < before)
        polls = select(tables["poll"].c.id).where(tables["poll"].c.closed_at < before)
        self._delete("poll_line", tables["poll_line"].c.poll_id.in_(polls))
        self._delete("poll", tables["poll"].c.closed_at < before)
        self._without_names(before)
        return {**counts, "people": self._people(before)}

    def _entries(self, before: datetime) -> Any:
        entry, run = tables["entry"].c, self._classes.table.c
        return entry.class_id.in_(select(run.id).where(run.ended_at < before)) | (
            entry.class_id.is_(None) & (entry.at < before)
        )

    def _questions(self, before: datetime) -> Any:
        """Questions asked before then that nothing has happened to since."""
        question, event = tables["question"].c, tables["question_event"].c
        since = exists().where(event.question_id == question.id, event.at >= before)
        return (question.asked_at < before) & (question.nick != REMOVED) & ~since

    def _without_names(self, before: datetime) -> None:
        nobody = self._nobody(before)
        question, event, run = tables["question"], tables["question_event"], self._classes.table
        ids = list(self.connection.execute(select(question.c.id).where(self._questions(before))).scalars())
        for start in range(0, len(ids), 500):
            some = ids[start : start + 500]
            self._delete("question_event", event.c.question_id.in_(some) & (event.c.kind == "voted"))
            self.connection.execute(
                update(event).where(event.c.question_id.in_(some)).values(nick=REMOVED, person_id=nobody)
            )
            self.connection.execute(
                update(question).where(question.c.id.in_(some)).values(nick=REMOVED, person_id=nobody)
            )
        self.connection.execute(
            update(run)
            .where(run.c.ended_at < before)
            .values(presenter=REMOVED, presenter_id=nobody, minutes="", minutes_at=run.c.ended_at)
        )

    def _nobody(self, now: datetime) -> int:
        """The id of the row that stands for every removed person, which is created if missing."""
        person = tables["person"]
        query = select(person.c.id).where(person.c.nick == REMOVED, person.c.account.is_(None), person.c.mask.is_(None))
        found: int | None = self.connection.execute(query).scalars().first()
        if found is not None:
            return found
        row = insert(person).values(account=None, mask=None, nick=REMOVED, zone="", in_view=False, seen_at=now)
        return self.connection.execute(row).lastrowid

    def _people(self, before: datetime) -> int:
        """Deletes people who have not been seen since then and whom no row refers to except their keys; returns how
        many."""
        person = tables["person"]
        unseen = (person.c.seen_at < before) & (person.c.nick != REMOVED)
        named = [
            exists().where(column == person.c.id)
            for table in tables.values()
            if table.name != "public_key"
            for column in table.c
            for key in column.foreign_keys
            if key.column.table is person
        ]
        gone = list(self.connection.execute(select(person.c.id).where(unseen, ~or_(*named))).scalars())
        for start in range(0, len(gone), 500):
            some = gone[start : start + 500]
            self._delete("public_key", tables["public_key"].c.person_id.in_(some))
            self._delete("person", person.c.id.in_(some))
        return len(gone)

    def _count(self, table: str, which: Any) -> int:
        return self.connection.execute(select(func.count()).select_from(tables[table]).where(which)).scalar_one()

    def _delete(self, table: str, which: Any) -> None:
        self.connection.execute(delete(tables[table]).where(which))
