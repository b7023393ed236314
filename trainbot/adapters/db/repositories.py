"""The repositories: what each feature may ask of the store.  They return plain frozen values."""

from __future__ import annotations

import json
from collections.abc import Collection
from dataclasses import replace
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam, func, insert, select, update

from trainbot.adapters.db.full_text_search import learn
from trainbot.adapters.db.prepared import Prepared
from trainbot.adapters.db.recall import recall_of
from trainbot.adapters.db.rows import RowFilter, Rows
from trainbot.adapters.db.savepoints import savepoints_of
from trainbot.adapters.db.tables import tables
from trainbot.core.access import Person, fold_account
from trainbot.model.class_run import Attendance, ClassRun, Done, Quiz, QuizTry, ScriptKind, ScriptRun, ScriptState
from trainbot.model.notice import Notice, NoticeKind
from trainbot.model.person import Login, PublicKey
from trainbot.model.record import Entry
from trainbot.model.session_rows import ChannelRow, PollLine, PollRow, SessionRow, SignUp

_setting = tables["setting"].c
_SETTING = Prepared(select(_setting.value).where(_setting.name == bindparam("name")))
_SET = Prepared(insert(tables["setting"]).prefix_with("OR REPLACE"), ["name", "value"])


class SettingRepository:
    """Single values that belong to this installation."""

    def __init__(self, connection: Connection) -> None:
        self._recall, self._savepoints = recall_of(connection), savepoints_of(connection)

    def get(self, name: str) -> str | None:
        found = _SETTING.rows(self._recall.database, {"name": name})
        return found[0][0] if found else None

    def set(self, name: str, value: str) -> None:
        self._savepoints.writing()
        before = self._recall.changes
        _SET.run(self._recall.database, {"name": name, "value": value})
        self._recall.wrote("setting", before)


class PersonRepository(Rows[Person]):
    _WITH_LEASES = RowFilter(
        tables["person"].c.id.in_(select(tables["lease"].c.person_id).where(tables["lease"].c.ended_at.is_(None)))
    )
    _THESE = RowFilter(
        tables["person"].c.id.in_(select(func.json_each(bindparam("ids")).table_valued("value").c.value))
    )

    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["person"], Person, changed)
        self.keys = Rows(connection, tables["public_key"], PublicKey, changed)
        self.logins = Rows(connection, tables["login"], Login, changed)

    def get(self, id: int) -> Person:
        found = self.first(id=id)
        assert found is not None, f"no person {id}"
        return found

    def by_account(self, account: str) -> Person | None:
        return self.first(account=account)

    def by_mask(self, mask: str) -> Person | None:
        return self.first(mask=mask, in_view=True, account=None)

    def with_leases(self) -> list[Person]:
        """Everybody who has an open lease."""
        return self.chosen(self._WITH_LEASES, {})

    def these(self, ids: Collection[int]) -> list[Person]:
        return self.chosen(self._THESE, {"ids": json.dumps(list(ids))}) if ids else []

    def behind(self, bridge: str, since: datetime) -> list[Person]:
        """Everybody whom we have heard for the first time since then through that relay and channel (``Person.bridge``)."""
        return self.all(self.table.c.account.endswith(f" {bridge}", autoescape=True), self.table.c.seen_at > since)

    def bridged(self, name: str) -> list[Person]:
        """Everybody of that name behind a relay."""
        return self.all(self.table.c.account.startswith(f"{fold_account(name)} ", autoescape=True))

    def in_view_by_mask(self) -> list[Person]:
        return self.all(in_view=True, account=None)


_PLAY = tables["play"].c
_PLAYED = (
    select(_PLAY.lab_id, _PLAY.step, _PLAY.kind, _PLAY.state)
    .where(_PLAY.class_id == bindparam("class"))
    .order_by(_PLAY.id)
)
_RAN, _RAN_THERE = Prepared(_PLAYED), Prepared(_PLAYED.where(_PLAY.lab_id == bindparam("lab")))


class ClassRepository(Rows[ClassRun]):
    _ended_at = tables["class"].c.ended_at
    _LATELY = RowFilter(_ended_at.is_(None) | (_ended_at > bindparam("since", type_=_ended_at.type)))
    _ENDED = RowFilter(_ended_at.is_not(None))

    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["class"], ClassRun, changed)
        self.attendance = Rows(connection, tables["attendance"], Attendance, changed)
        self.done = Rows(connection, tables["done"], Done, changed)
        self.script_runs = Rows(connection, tables["play"], ScriptRun, changed)
        self.quizzes = Rows(connection, tables["quiz"], Quiz, changed)
        self.tries = Rows(connection, tables["quiz_try"], QuizTry, changed)

    def running(self, **exact: Any) -> list[ClassRun]:
        return self.all(ended_at=None, **exact)

    def lately(self, since: datetime) -> list[ClassRun]:
        """The classes that are running or ended after ``since``."""
        return self.chosen(self._LATELY, {"since": since})

    def unwritten(self, most: int | None) -> list[ClassRun]:
        """Ended classes whose minutes are still to be written."""
        return self.chosen(self._ENDED, {}, limit=most, minutes_at=None)

    def rewrite(self, ids: Collection[int]) -> None:
        """Marks the minutes of these classes, if they have any, to be written again."""
        for id in ids:
            self.connection.execute(
                update(self.table).where(self.table.c.id == id, self.table.c.minutes != "").values(minutes_at=None)
            )

    def written(self) -> list[ClassRun]:
        """The classes that have minutes, newest first."""
        return self.all(
            self.table.c.minutes != "",
            self.table.c.minutes_at.is_not(None),
            order=(self.table.c.started_at.desc(), self.table.c.id.desc()),
        )

    def answered_late(self, since: int) -> None:
        """Marks the minutes of classes to be written again if an event of one of their questions (with an id above
        ``since``) happened after the minutes were written."""
        events, questions, runs = tables["question_event"], tables["question"], self.table.alias()
        late = (
            select(runs.c.id)
            .select_from(events)
            .join(questions, events.c.question_id == questions.c.id)
            .join(runs, runs.c.id == questions.c.class_id)
            .where(events.c.id > since, events.c.at > runs.c.minutes_at)
        )
        again = update(self.table).where(self.table.c.minutes != "", self.table.c.id.in_(late)).values(minutes_at=None)
        self.connection.execute(again)

    def in_channel(self, channel: str) -> ClassRun | None:
        return next(iter(self.running(channel=channel)), None)

    def ran(self, run: ClassRun, lab_id: str | None = None) -> list[tuple[str, int, ScriptKind, ScriptState]]:
        """(lab, step, kind, state) of the scripts of a class, in one lab or in all.  It returns no more because it is
        called at each tick."""
        query = _RAN if lab_id is None else _RAN_THERE
        return query.rows(self._recall.database, {"class": run.id, "lab": lab_id})

    def attend(self, run: ClassRun, person: Person, nick: str, now: datetime) -> Attendance:
        """The person's row in this class; if it is new, it starts at the class step."""
        found = self.attendance.first(class_id=run.id, person_id=person.id)
        if found is None:
            found = Attendance(run.id, person.id, nick, run.step, None, "", 0, now)
            self.attendance.put(found)
        return found

    def merge(self, old: int, new: int) -> None:
        """What the person ``old`` did in classes belongs to ``new``; where both took part, ``new`` keeps their place."""
        for row in self.attendance.all(person_id=old):
            self.attendance.remove(class_id=row.class_id, person_id=old)
            if self.attendance.first(class_id=row.class_id, person_id=new) is None:
                self.attendance.put(replace(row, person_id=new))
        for done in self.done.all(person_id=old):
            self.done.remove(class_id=done.class_id, person_id=old, step=done.step)
            if self.done.first(class_id=done.class_id, person_id=new, step=done.step) is None:
                self.done.put(replace(done, person_id=new))
        self.script_runs.change({"person_id": old}, person_id=new)


class SignUpRepository(Rows[SignUp]):
    _IN_LINE = RowFilter(order=(tables["signup"].c.waiting, tables["signup"].c.at, tables["signup"].c.person_id))

    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["signup"], SignUp, changed)

    def line(self, session_uid: str, **exact: Any) -> list[SignUp]:
        """The people who have a seat, then those who are waiting for one."""
        return self.chosen(self._IN_LINE, {}, session_uid=session_uid, **exact)


class SessionRepository(Rows[SessionRow]):
    _start, _uid = tables["session"].c.start, tables["session"].c.uid
    _first, _last = bindparam("first", type_=_start.type), bindparam("last", type_=_start.type)
    _WITHIN = RowFilter(_start > _first, _start < _last, order=(_start,))
    _STARTING = RowFilter(_start >= _first, _start <= _last, order=(_start,))
    _BEGUN = RowFilter(_start > _first, _start <= _last, order=(_start, _uid))
    _LATER = RowFilter(_start > _first, order=(_start, _uid))
    _BY_START = RowFilter(order=(_start, _uid))

    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["session"], SessionRow, changed)
        self.signups = SignUpRepository(connection, changed)
        self.channels = Rows(connection, tables["channel"], ChannelRow, changed)

    def within(self, first: datetime, last: datetime, **exact: Any) -> list[SessionRow]:
        """The sessions that start after ``first`` and before ``last``."""
        return self.chosen(self._WITHIN, {"first": first, "last": last}, **exact)

    def starting(self, first: datetime, last: datetime, **exact: Any) -> list[SessionRow]:
        """The sessions that start from ``first`` to ``last``, both included."""
        return self.chosen(self._STARTING, {"first": first, "last": last}, **exact)

    def begun(self, first: datetime, last: datetime, **exact: Any) -> list[SessionRow]:
        """The sessions that start after ``first`` and no later than ``last``."""
        return self.chosen(self._BEGUN, {"first": first, "last": last}, **exact)

    def later(self, first: datetime, most: int | None = None, **exact: Any) -> list[SessionRow]:
        """The sessions that start after ``first``."""
        return self.chosen(self._LATER, {"first": first}, limit=most, **exact)

    def of_course(self, course: str) -> list[SessionRow]:
        """The published sessions of a course, by start; not cancelled ones."""
        return self.chosen(self._BY_START, {}, course=course, cancelled=False, draft=False)


class PollRepository(Rows[PollRow]):
    _closes = tables["poll"].c.closes_at
    _OVER = RowFilter(_closes <= bindparam("now", type_=_closes.type))

    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["poll"], PollRow, changed)
        self.lines = Rows(connection, tables["poll_line"], PollLine, changed)

    def over(self, now: datetime) -> list[PollRow]:
        """The polls that are still open but should have closed by ``now``."""
        return self.chosen(self._OVER, {"now": now}, closed_at=None)


class NoticeRepository(Rows[Notice]):
    _until = tables["notice"].c.not_after
    _WAITING = RowFilter(tables["notice"].c.said_at.is_(None), order=(tables["notice"].c.due_at, tables["notice"].c.id))
    _NOT_OVER = RowFilter(_until >= bindparam("now", type_=_until.type))

    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["notice"], Notice, changed)

    def waiting(self) -> list[Notice]:
        return self.chosen(self._WAITING, {})

    def not_over(self, kind: str, now: datetime) -> list[Notice]:
        """The notices of that kind, sent or not, that are not out of date yet."""
        return self.chosen(self._NOT_OVER, {"now": now}, kind=kind)

    def tell(
        self,
        due_at: datetime,
        text: str,
        *,
        command: str = "",
        person_id: int | None = None,
        channel: str | None = None,
        key: str | None = None,
        kind: NoticeKind = NoticeKind.TEXT,
        subject: str = "",
        not_after: datetime | None = None,
    ) -> None:
        """Stores a notice until it is sent, and ``command`` (as in core.messages.Line) as its second line.  Does nothing
        if there is already a notice with the same key."""
        text = " ".join(text.splitlines()) + (f"\n{command}" if command else "")
        values = dict(
            key=key,
            person_id=person_id,
            channel=channel,
            kind=kind,
            subject=subject,
            text=text,
            due_at=due_at,
            not_after=not_after,
        )
        self._write("tell", lambda: Prepared(insert(self.table).prefix_with("OR IGNORE"), list(values)), values)

    def said(self, id: int, at: datetime) -> None:
        self.change({"id": id}, said_at=at)


class EntryRepository(Rows[Entry]):
    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["entry"], Entry, changed)

    def add(self, **values: Any) -> int:
        learn(self.connection, values["text"])
        return super().add(**values)
