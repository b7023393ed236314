"""Courses of several sessions, and who catches up with them, as values."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trainbot.model.class_run import ClassRun


@dataclass(frozen=True, slots=True)
class CatchUp:
    """Somebody's lab is brought to where the course stood after session ``number``.  ``lab_id``: the lab in which that is
    being done, '' until they have one; ``told``: of how many sessions they were told that they are done; ``reached``:
    it got there."""

    id: int
    person_id: int
    course: str
    number: int
    image: str
    lab_id: str
    asked_at: datetime
    ended_at: datetime | None = None
    reached: bool = False
    told: int = 0


@dataclass(frozen=True, slots=True)
class CourseSession:
    """One session of a course.  ``number``: its place by start, from 1; ``runs``: its classes, oldest first, none if it is
    still to come."""

    number: int
    uid: str
    title: str
    start: datetime
    runs: tuple[ClassRun, ...] = ()

    @property
    def over(self) -> bool:
        return bool(self.runs) and all(run.ended_at is not None for run in self.runs)

    @property
    def steps(self) -> int:
        """How many steps the class was shown."""
        return max((min(run.step, run.steps) for run in self.runs), default=0)


def did_all(session: CourseSession, done: Mapping[int, Collection[int]]) -> bool:
    """Whether somebody did every step that the class was shown; ``done``: the steps that they did, by class."""
    steps = {step for run in session.runs for step in done.get(run.id, ())}
    return session.steps > 0 and steps >= set(range(1, session.steps + 1))


def steps_done(session: CourseSession, done: Mapping[int, Collection[int]]) -> int:
    """How many of the steps that the class was shown somebody did."""
    steps = {step for run in session.runs for step in done.get(run.id, ())}
    return len(steps & set(range(1, session.steps + 1)))


def numbered(found: Sequence[CourseSession]) -> list[CourseSession]:
    """The sessions of a course with their numbers."""
    by_start = sorted(found, key=lambda session: (session.start, session.uid))
    return [
        CourseSession(number, session.uid, session.title, session.start, session.runs)
        for number, session in enumerate(by_start, 1)
    ]
