"""A class that runs, and where everybody in it stands, as values."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class ClassRun:
    """One class in one channel.  ``step`` is the class step: 0 is the introduction, ``steps`` + 1 the end.
    ``minutes``: the file they were written to, '' until then; ``minutes_at``: when."""

    id: int
    channel: str
    session_uid: str
    exercise: str
    title: str
    presenter_id: int
    presenter: str
    step: int
    steps: int
    step_at: datetime
    minutes: str
    started_at: datetime
    ended_at: datetime | None
    minutes_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Attendance:
    """One person in one class.  ``step`` is their own step; ``stuck_at`` is None unless they are stuck;
    ``hints``: how many of their step's they have seen."""

    class_id: int
    person_id: int
    nick: str
    step: int
    stuck_at: datetime | None
    stuck_words: str
    hints: int
    since: datetime


@dataclass(frozen=True, slots=True)
class Done:
    """Somebody said that they have done a step."""

    class_id: int
    person_id: int
    step: int
    at: datetime


def own_step(run: ClassRun, row: Attendance, done: Collection[int]) -> int:
    """The first from where they are that they have not ``done``, never beyond the class."""
    last = min(run.step, run.steps)
    return next((step for step in range(max(1, min(row.step, last)), last + 1) if step not in done), last)
