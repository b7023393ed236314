"""The repositories: what each feature may ask of the store.  They return plain frozen values."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, and_, bindparam, case, func, insert, not_, select, update

from trainbot.adapters.db.full_text_search import learn
from trainbot.adapters.db.rows import RowFilter, Rows
from trainbot.adapters.db.tables import tables
from trainbot.core.access import Person
from trainbot.model.class_run import Attendance, ClassRun, Done, Quiz, QuizTry, ScriptKind, ScriptRun, ScriptState
from trainbot.model.host import Mode
from trainbot.model.lab import ALIVE, NEARNESS, PRESENT, Lab, Lease, SelfHosted
from trainbot.model.notice import Notice, NoticeKind
from trainbot.model.person import Login, PublicKey
from trainbot.model.record import Entry
from trainbot.model.session_rows import ChannelRow, PollLine, PollRow, SessionRow, SignUp


class SettingRepository:
    """Single values that belong to this installation."""

    def __init__(self, connection: Connection) -> None:
        self.connection, self.table = connection, tables["setting"]

    def get(self, name: str) -> str | None:
        query = select(self.table.c.value).where(self.table.c.name == name)
        return self.connection.execute(query).scalar_one_or_none()

    def set(self, name: str, value: str) -> None:
        self.connection.execute(insert(self.table).prefix_with("OR REPLACE").values(name=name, value=value))


class PersonRepository(Rows[Person]):
    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["person"], Person, changed)
        self.keys = Rows(connection, tables["public_key"], PublicKey, changed)
        self.logins = Rows(connection, tables["login"], Login, changed)
        lease = tables["lease"]
        self._with_leases = RowFilter(self.table.c.id.in_(select(lease.c.person_id).where(lease.c.ended_at.is_(None))))
        self._these = RowFilter(self.table.c.id.in_(bindparam("ids", expanding=True)))

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
        return self.chosen(self._with_leases, {})

    def these(self, ids: Collection[int]) -> list[Person]:
        return self.chosen(self._these, {"ids": tuple(ids)}) if ids else []

    def in_view_by_mask(self) -> list[Person]:
        return self.all(in_view=True, account=None)


class LabRepository(Rows[Lab]):
    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["lab"], Lab, changed)
        lab = self.table
        self._alive, self._present = (
            RowFilter(lab.c.state.in_(list(states)), order=(lab.c.made_at, lab.c.id)) for states in (ALIVE, PRESENT)
        )

    def get(self, id: str) -> Lab | None:
        return self.first(id=id)

    def alive(self) -> list[Lab]:
        return self.chosen(self._alive, {})

    def free(self, image: str, mode: Mode, hosts: Mapping[str, int]) -> Lab | None:
        """A free lab of that kind on one of these hosts, or None.  The lab nearest to its login prompt comes first;
        then the one on the host with the lowest number; then the oldest.  A lab that a rehearsal only looks at counts
        as free, but comes after the others."""
        if not hosts:
            return None
        lease, lab = tables["lease"], self.table
        lent = and_(lease.c.rehearsal != "", not_(lease.c.worked_in))
        held = select(lease.c.lab_id).where(lease.c.ended_at.is_(None), lease.c.lab_id.is_not(None))
        near = case(*((lab.c.state == state, place) for place, state in enumerate(NEARNESS)))
        found = self.all(
            lab.c.state.in_(NEARNESS),
            lab.c.id.not_in(held.where(not_(lent))),
            lab.c.host.in_(list(hosts)),
            image=image,
            mode=mode,
            limit=1,
            order=(near, lab.c.id.in_(held.where(lent)), case(hosts, value=lab.c.host), lab.c.made_at, lab.c.id),
        )
        return found[0] if found else None

    def present(self) -> list[Lab]:
        """All labs that may exist on a host."""
        return self.chosen(self._present, {})


class LeaseRepository(Rows[Lease]):
    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["lease"], Lease, changed)
        still, lent = self.table.c.ended_at.is_(None), self.table.c.rehearsal != ""
        self._open, self._rehearsing, self._every = (
            RowFilter(still, not_(lent)),
            RowFilter(still, lent),
            RowFilter(still),
        )

    def open(self, **exact: Any) -> list[Lease]:
        """People's open leases, in the order in which they were requested."""
        return self.chosen(self._open, {}, **exact)

    def rehearsals(self, **exact: Any) -> list[Lease]:
        """The open leases of rehearsals."""
        return self.chosen(self._rehearsing, {}, **exact)

    def every(self, **exact: Any) -> list[Lease]:
        """All open leases, of people and of rehearsals."""
        return self.chosen(self._every, {}, **exact)

    def by_host(self) -> dict[str, int]:
        """How many people have a lab on each host."""
        lab = tables["lab"]
        query = select(lab.c.host, func.count()).join(self.table, self.table.c.lab_id == lab.c.id)
        query = query.where(self.table.c.ended_at.is_(None)).group_by(lab.c.host)
        return {host: number for host, number in self.connection.execute(query)}


class SelfHostedRepository(Rows[SelfHosted]):
    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["home"], SelfHosted, changed)

    def people(self) -> frozenset[int]:
        """The ids of the people who don't need a lab of ours."""
        return frozenset(home.person_id for home in self.all())


class ClassRepository(Rows[ClassRun]):
    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["class"], ClassRun, changed)
        self.attendance = Rows(connection, tables["attendance"], Attendance, changed)
        self.done = Rows(connection, tables["done"], Done, changed)
        self.script_runs = Rows(connection, tables["play"], ScriptRun, changed)
        self.quizzes = Rows(connection, tables["quiz"], Quiz, changed)
        self.tries = Rows(connection, tables["quiz_try"], QuizTry, changed)
        ended = self.table.c.ended_at
        self._lately = RowFilter(ended.is_(None) | (ended > bindparam("since", type_=ended.type)))
        self._ended = RowFilter(ended.is_not(None))

    def running(self, **exact: Any) -> list[ClassRun]:
        return self.all(ended_at=None, **exact)

    def lately(self, since: datetime) -> list[ClassRun]:
        """The classes that are running or ended after ``since``."""
        return self.chosen(self._lately, {"since": since})

    def unwritten(self, most: int | None) -> list[ClassRun]:
        """Ended classes whose minutes are still to be written."""
        return self.chosen(self._ended, {}, limit=most, minutes_at=None)

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
        play = self.script_runs.table
        query = select(play.c.lab_id, play.c.step, play.c.kind, play.c.state).where(play.c.class_id == run.id)
        query = (
            query.order_by(play.c.id) if lab_id is None else query.where(play.c.lab_id == lab_id).order_by(play.c.id)
        )
        return [tuple(row) for row in self.connection.execute(query)]

    def attend(self, run: ClassRun, person: Person, nick: str, now: datetime) -> Attendance:
        """The person's row in this class; if it is new, it starts at the class step."""
        found = self.attendance.first(class_id=run.id, person_id=person.id)
        if found is None:
            found = Attendance(run.id, person.id, nick, run.step, None, "", 0, now)
            self.attendance.put(found)
        return found


class SignUpRepository(Rows[SignUp]):
    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["signup"], SignUp, changed)
        signup = self.table.c
        self._in_line = RowFilter(order=(signup.waiting, signup.at, signup.person_id))

    def line(self, session_uid: str, **exact: Any) -> list[SignUp]:
        """The people who have a seat, then those who are waiting for one."""
        return self.chosen(self._in_line, {}, session_uid=session_uid, **exact)


class SessionRepository(Rows[SessionRow]):
    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["session"], SessionRow, changed)
        self.signups = SignUpRepository(connection, changed)
        self.channels = Rows(connection, tables["channel"], ChannelRow, changed)
        start, uid = self.table.c.start, self.table.c.uid
        first, last = (bindparam(name, type_=start.type) for name in ("first", "last"))
        self._within = RowFilter(start > first, start < last, order=(start,))
        self._starting = RowFilter(start >= first, start <= last, order=(start,))
        self._begun = RowFilter(start > first, start <= last, order=(start, uid))
        self._later = RowFilter(start > first, order=(start, uid))

    def within(self, first: datetime, last: datetime, **exact: Any) -> list[SessionRow]:
        """The sessions that start after ``first`` and before ``last``."""
        return self.chosen(self._within, {"first": first, "last": last}, **exact)

    def starting(self, first: datetime, last: datetime, **exact: Any) -> list[SessionRow]:
        """The sessions that start from ``first`` to ``last``, both included."""
        return self.chosen(self._starting, {"first": first, "last": last}, **exact)

    def begun(self, first: datetime, last: datetime, **exact: Any) -> list[SessionRow]:
        """The sessions that start after ``first`` and no later than ``last``."""
        return self.chosen(self._begun, {"first": first, "last": last}, **exact)

    def later(self, first: datetime, most: int | None = None, **exact: Any) -> list[SessionRow]:
        """The sessions that start after ``first``."""
        return self.chosen(self._later, {"first": first}, limit=most, **exact)


class PollRepository(Rows[PollRow]):
    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["poll"], PollRow, changed)
        self.lines = Rows(connection, tables["poll_line"], PollLine, changed)
        closes = self.table.c.closes_at
        self._over = RowFilter(closes <= bindparam("now", type_=closes.type))

    def over(self, now: datetime) -> list[PollRow]:
        """The polls that are still open but should have closed by ``now``."""
        return self.chosen(self._over, {"now": now}, closed_at=None)


class NoticeRepository(Rows[Notice]):
    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["notice"], Notice, changed)
        notice = self.table
        self._waiting = RowFilter(notice.c.said_at.is_(None), order=(notice.c.due_at, notice.c.id))
        self._not_over = RowFilter(notice.c.not_after >= bindparam("now", type_=notice.c.not_after.type))

    def waiting(self) -> list[Notice]:
        return self.chosen(self._waiting, {})

    def not_over(self, kind: str, now: datetime) -> list[Notice]:
        """The notices of that kind, sent or not, that are not out of date yet."""
        return self.chosen(self._not_over, {"now": now}, kind=kind)

    def tell(
        self,
        due_at: datetime,
        text: str,
        *,
        person_id: int | None = None,
        channel: str | None = None,
        key: str | None = None,
        kind: NoticeKind = NoticeKind.TEXT,
        subject: str = "",
        not_after: datetime | None = None,
    ) -> None:
        """Stores a notice until it is sent.  Does nothing if there is already a notice with the same key."""
        self.changed.add(self.table.name)
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
        self.connection.execute(insert(self.table).prefix_with("OR IGNORE").values(**values))

    def said(self, id: int, at: datetime) -> None:
        self.change({"id": id}, said_at=at)


class EntryRepository(Rows[Entry]):
    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["entry"], Entry, changed)

    def add(self, **values: Any) -> int:
        learn(self.connection, values["text"])
        return super().add(**values)
