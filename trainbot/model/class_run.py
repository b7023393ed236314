"""A class that runs, and where everybody in it stands, as values."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainbot.model.lab import Lease

LONGEST = timedelta(hours=12)  # a class that nobody ended counts as over so long after its start


@dataclass(frozen=True, slots=True)
class ClassRun:
    """One class in one channel.  ``step`` is the class step: 0 is the introduction, ``steps`` + 1 the end.
    ``minutes``: the file they were written to, '' until then; ``minutes_at``: when.  ``told``: percent of the class
    step's done that the channel was told of last, at ``told_at``.  ``lecture``: it goes on without labs."""

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
    told: int = 0
    told_at: datetime | None = None
    lecture: bool = False


@dataclass(frozen=True, slots=True)
class Attendance:
    """One person in one class.  ``step`` is their own step; ``stuck_at`` is None unless they are stuck;
    ``hints``: how many of their step's they have seen; ``helper``: who helps them, '' for nobody; ``lab_id``: the lab
    in which the class's scripts were last run for them, '' until one was; ``behind``: the lab is being brought to this
    step, 0 where it is not."""

    class_id: int
    person_id: int
    nick: str
    step: int
    stuck_at: datetime | None
    stuck_words: str
    hints: int
    since: datetime
    helper: str = ""
    lab_id: str = ""
    behind: int = 0


@dataclass(frozen=True, slots=True)
class Done:
    """Somebody said that they have done a step."""

    class_id: int
    person_id: int
    step: int
    at: datetime


class ScriptKind(enum.StrEnum):
    """What a script in a lab is for."""

    ASSETS = "assets"  # the exercise's files
    SETUP = "setup"  # before a step
    FOREGROUND = "foreground"  # the same; Katacoda's, in the learner's view
    SOLVE = "solve"  # does the step for them
    VERIFY = "verify"
    HINT = "hint"


class ScriptState(enum.StrEnum):
    WAITING = "waiting"  # it is to be run, or runs
    PASSED = "passed"  # it ended with 0
    FAILED = "failed"
    UNKNOWN = "unknown"  # it could not be run, or did not come to its end


@dataclass(frozen=True, slots=True)
class ScriptRun:
    """One script of an exercise in one lab.  ``due_at``: not before this; ``tries``: how often there was no way into the
    lab; ``said``: the last that it said, the lab's words."""

    id: int
    class_id: int
    person_id: int
    lab_id: str
    step: int
    kind: ScriptKind
    state: ScriptState
    due_at: datetime
    tries: int
    said: str
    ended_at: datetime | None


@dataclass(frozen=True, slots=True)
class Quiz:
    """A question to the class; ``answer`` as the presenter wrote it.  ``drawn_at`` is None until lots were drawn."""

    id: int
    channel: str
    words: str
    answer: str
    asker: str
    asked_at: datetime
    drawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class QuizTry:
    """What one person answered: ``tries`` times, and whether one was right."""

    quiz_id: int
    person_id: int
    nick: str
    tries: int
    right: bool


def own_step(run: ClassRun, row: Attendance, done: Collection[int]) -> int:
    """The first from where they are that they have not ``done``, never beyond the class."""
    last = min(run.step, run.steps)
    return next((step for step in range(max(1, min(row.step, last)), last + 1) if step not in done), last)


@dataclass(frozen=True, slots=True)
class ClassWindow:
    """A class as labs see it: who takes part, the image of its exercise ('' where it has none), when."""

    people: frozenset[int]
    image: str
    started_at: datetime
    ended_at: datetime | None

    @property
    def over_at(self) -> datetime:
        return self.ended_at if self.ended_at is not None else self.started_at + LONGEST

    def runs(self, now: datetime) -> bool:
        return self.ended_at is None and now < self.over_at

    def concerns(self, lease: Lease) -> bool:
        return lease.person_id in self.people or (self.image != "" and lease.image == self.image)
