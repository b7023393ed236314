"""The rows of courses: their sessions and classes, who catches up, and which files of people are kept."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection

from sqlalchemy import Connection, func, select

from trainbot.adapters.db.rows import RowFilter, Rows
from trainbot.adapters.db.tables import tables
from trainbot.model.class_run import ClassRun
from trainbot.model.course import CatchUp, CourseSession, numbered
from trainbot.model.kept_files import KeptFile, KeptState
from trainbot.model.session_rows import SessionRow


class CourseRepository:
    """``catch_ups``: who catches up, or has."""

    def __init__(self, connection: Connection, changed: set[str]) -> None:
        self.connection = connection
        self.catch_ups = Rows(connection, tables["catch_up"], CatchUp, changed)
        self._sessions = Rows(connection, tables["session"], SessionRow, changed)
        self._classes = Rows(connection, tables["class"], ClassRun, changed)

    def names(self) -> list[str]:
        """All courses that have a published session, or had a class."""
        session, run = tables["session"].c, tables["class"].c
        planned = select(session.course).where(session.course != "", session.draft.is_(False))
        held = select(run.course).where(run.course != "")
        return sorted(set(self.connection.execute(planned).scalars()) | set(self.connection.execute(held).scalars()))

    def sessions(self, course: str) -> list[CourseSession]:
        """Its sessions by start: those to come, and those that had a class, also if they are no longer planned.  A class
        that was begun for no planned session of the course counts as one."""
        runs: defaultdict[str, list[ClassRun]] = defaultdict(list)
        for run in self._classes.chosen(_IN_ORDER, {}, course=course):
            runs[run.session_uid].append(run)
        rows = {row.uid: row for row in self._sessions.chosen(_SESSIONS, {}, course=course, draft=False)}
        found = [
            CourseSession(0, row.uid, row.title, row.start, tuple(runs.pop(row.uid, ())))
            for row in rows.values()
            if not row.cancelled or row.uid in runs
        ]
        found += [CourseSession(0, uid, of[-1].title, of[0].started_at, tuple(of)) for uid, of in runs.items()]
        return numbered(found)

    def of_person(self, person_id: int) -> list[str]:
        """The courses that somebody took part in, or has a seat in."""
        attendance, signup = tables["attendance"].c, tables["signup"].c
        session, run = tables["session"].c, tables["class"].c
        came = select(run.course).join(tables["attendance"], attendance.class_id == run.id)
        seat = select(session.course).join(tables["signup"], signup.session_uid == session.uid)
        found = set(self.connection.execute(came.where(attendance.person_id == person_id)).scalars())
        found |= set(self.connection.execute(seat.where(signup.person_id == person_id)).scalars())
        return sorted(found - {""})


_IN_ORDER = RowFilter(order=(tables["class"].c.started_at, tables["class"].c.id))
_SESSIONS = RowFilter(order=(tables["session"].c.start, tables["session"].c.uid))


class KeptFileRepository(Rows[KeptFile]):
    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["kept_file"], KeptFile, changed)

    def under_way(self) -> list[KeptFile]:
        """Those with which something is being done."""
        return [kept for kept in self.all() if kept.state is not KeptState.KEPT]

    def ids(self) -> Collection[int]:
        return frozenset(kept.id for kept in self.all())

    def total(self) -> int:
        """Bytes of all of them."""
        size: int | None = self.connection.execute(select(func.sum(self.table.c.size))).scalar_one()
        return size or 0
