"""A running class and everybody's progress in it, as values."""

from __future__ import annotations

import enum
from collections.abc import Collection
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainbot.model.lab import Lease
from trainbot.model.session import Session

BEGUN_EARLY = timedelta(hours=12)  # a class that ended longer before the planned start was a rehearsal
LONGEST = timedelta(hours=12)  # a class that nobody ended counts as over this long after its start


@dataclass(frozen=True, slots=True)
class ClassRun:
    """One class in one channel.  ``step``: the class step; 0 is the introduction, ``steps`` + 1 the end.  ``minutes``:
    the file to which its minutes were written, '' until then; ``minutes_at``: when.  ``told``: how many percent of
    people had done the class step when the channel was last told, at ``told_at``.  ``lecture``: the class goes on
    without labs.  ``course``: of its session, '' if it belongs to none."""

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
    course: str = ""


def held(run: ClassRun, session: Session) -> bool:
    """Whether the session is over because this class of it has ended: at its planned start or later, or shortly before it
    and after half of the planned length.  A class that was begun by mistake, or to try something, is not the session."""
    if run.ended_at is None or run.ended_at < session.start - BEGUN_EARLY:
        return False
    return run.ended_at >= session.start or run.ended_at - run.started_at >= timedelta(minutes=session.minutes) / 2


@dataclass(frozen=True, slots=True)
class Attendance:
    """One person in one class.  ``step``: their own step; ``stuck_at``: None unless they are stuck; ``hints``: how many
    hints for their step they have seen; ``helper``: who helps them, '' if nobody does; ``lab_id``: the lab in which the
    class's scripts were last run for them, '' until one was; ``behind``: the step to which the lab is being brought, 0
    if it is not."""

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
    FOREGROUND = "foreground"  # the same, in the learner's view (Katacoda)
    SOLVE = "solve"  # does the step for them
    VERIFY = "verify"
    HINT = "hint"


class ScriptState(enum.StrEnum):
    WAITING = "waiting"  # to be run, or running
    PASSED = "passed"  # exit code 0
    FAILED = "failed"
    UNKNOWN = "unknown"  # it could not be run, or did not finish


@dataclass(frozen=True, slots=True)
class ScriptRun:
    """One script of an exercise in one lab.  ``due_at``: the earliest time to run it; ``tries``: how often the lab
    could not be reached; ``said``: the last thing that it printed, in the lab's words."""

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
    """A question to the class.  ``answer``: as the presenter wrote it; ``drawn_at``: when the winner was drawn, None
    until then."""

    id: int
    channel: str
    words: str
    answer: str
    asker: str
    asked_at: datetime
    drawn_at: datetime | None


@dataclass(frozen=True, slots=True)
class QuizTry:
    """One person's answers to a quiz: ``tries`` of them, and whether one was right."""

    quiz_id: int
    person_id: int
    nick: str
    tries: int
    right: bool


def own_step(run: ClassRun, row: Attendance, done: Collection[int]) -> int:
    """The first step, from their own on, that they have not ``done``; never beyond the class step."""
    last = min(run.step, run.steps)
    return next((step for step in range(max(1, min(row.step, last)), last + 1) if step not in done), last)


@dataclass(frozen=True, slots=True)
class ClassWindow:
    """A class as labs see it: who takes part, the image of its exercise ('' if it has none), and when."""

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
