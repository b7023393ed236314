"""What all parts of a class share: the running class, its exercise, and everybody's progress.

The class step is where the presenter is: 0 the introduction, 1…n the steps, n+1 the end.  A learner's own step is the
first one that they have not done, never beyond the class step.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from trainbot.core.commands import Request
from trainbot.core.errors import UserError
from trainbot.model.class_run import Attendance, ClassRun, own_step
from trainbot.model.exercise import Exercise
from trainbot.model.ports import Journal, Pages, Ports
from trainbot.model.session import Session

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


class PlannedClass(Protocol):
    """The sessions planned for a channel (features.sessions)."""

    def next_start(self, ask: Request, words: str) -> Session | None:
        """The session to begin there, given the words after ``!start`` ('' if there were none)."""


class Classroom:
    """``per_person``: how many labs a person may have."""

    def __init__(self, store: Store, ports: Ports, journal: Journal, sessions: PlannedClass, per_person: int) -> None:
        self.classes, self.notices, self.homes, self.questions = (
            store.classes,
            store.notices,
            store.homes,
            store.questions,
        )
        self.entries = store.entries
        self.audience, self.access = ports.audience, ports.access
        self.exercises, self.people, self.stock, self.pages = ports.exercises, ports.people, ports.stock, ports.pages
        self.journal, self.sessions, self.per_person = journal, sessions, per_person
        self._good: dict[str, Exercise] = {}

    def running(self, channel: str) -> bool:
        return self.classes.in_channel(channel) is not None

    def run(self, ask: Request) -> ClassRun:
        run = self.classes.in_channel(ask.channel) if ask.channel else None
        if run is None:
            raise UserError("no class runs here now")
        return run

    def begin(self, exercise: Exercise) -> None:
        """Remembers the exercise as it is now, in case a fault later makes it unreadable."""
        self._good[exercise.slug] = exercise

    def readable(self, run: ClassRun) -> Exercise | None:
        """The exercise as it is in its files, or the last readable version: a class does not stop for a fault."""
        found = self.exercises.get(run.exercise) or self._good.get(run.exercise)
        if found is not None:
            self._good[run.exercise] = found
        return found

    def exercise(self, run: ClassRun) -> Exercise:
        found = self.readable(run)
        if found is None:
            raise UserError(
                f"the exercise {run.exercise} is missing or broken; trainbot exercise check says what's wrong. Fix it and try again"
            )
        return found

    def second_lab(self, exercise: Exercise) -> str:
        """The words after ``!lab IMAGE gives you a machine`` about the exercise's second image, if it has one."""
        second = exercise.second_image
        if not second:
            return ""
        if not self.stock.has_labs(second):
            return f" (there is no {second} image here; the text says what you would see on it)"
        if self.per_person < 2:
            return f" (one lab each here; the text says what you would see on {second})"
        return f", !lab {second} another"

    def solves(self, run: ClassRun) -> bool:
        """Whether a script does any of the steps before the class step."""
        exercise = self.readable(run)
        return exercise is not None and any(
            step.solve for step in exercise.in_first_lab().steps[: max(0, run.step - 1)]
        )

    def unchecked(self, exercise: Exercise, step: int = 0) -> str:
        """Why nothing of the exercise is prepared or checked here, or why that step is not; '' if it is, or if it has no
        scripts."""
        why = exercise.unchecked(self.stock.has_labs(exercise.image))
        image = exercise.image_of(step)
        if why or image == exercise.image or exercise.steps[step - 1].verify is None:
            return why
        if not self.stock.has_labs(image):
            return f"there are no {image} labs here"
        return "it needs a second lab, and people can have one here" if self.per_person < 2 else ""

    # -- who is where --------------------------------------------------------------------------------

    def mine(self, ask: Request, run: ClassRun) -> tuple[Attendance, int]:
        """The caller's row and their own step."""
        row = self.classes.attend(run, ask.person, ask.nick, ask.at)
        return row, self.step_of(run, row)

    def step_of(self, run: ClassRun, row: Attendance) -> int:
        """The first step that they have not done, up to the class step; the class step if they have done all."""
        done = {d.step for d in self.classes.done.all(class_id=run.id, person_id=row.person_id)}
        return own_step(run, row, done)

    def farthest(self, run: ClassRun) -> int:
        """The last step that the class has been shown."""
        shown = (entry.text.partition(" ")[0] for entry in self.entries.all(class_id=run.id, kind="step"))
        return max([run.step, *(int(number) for number in shown if number.isascii() and number.isdigit())])

    def has_done(self, run: ClassRun, person_id: int, step: int) -> bool:
        return self.classes.done.first(class_id=run.id, person_id=person_id, step=step) is not None

    def change(self, ask: Request, run: ClassRun, **values: object) -> None:
        """The caller's row."""
        self.classes.attendance.change({"class_id": run.id, "person_id": ask.person.id}, nick=ask.nick, **values)


def position(run: ClassRun) -> str:
    """The class step in words."""
    if run.step == 0:
        return "the introduction"
    return f"step {run.step} of {run.steps}" if run.step <= run.steps else "the end"


def title_of(exercise: Exercise, step: int) -> str:
    if step == 0:
        return exercise.intro.title if exercise.intro and exercise.intro.title else exercise.title
    if step > len(exercise.steps):
        return exercise.finish.title if exercise.finish and exercise.finish.title else "The end"
    return exercise.steps[step - 1].title


def step_lines(pages: Pages, exercise: Exercise, step: int, limit: int, more: str, unchecked: str = "") -> list[str]:
    """The step (0: introduction, after the last one: the end) as IRC lines, at most ``limit`` (0: all of it).
    ``unchecked``: why nothing of it is prepared or checked."""
    title = title_of(exercise, step)
    if step == 0:
        text = exercise.intro.text if exercise.intro else exercise.description
    elif step > len(exercise.steps):
        text = exercise.finish.text if exercise.finish else "That was the last step."
    else:
        text, number = exercise.steps[step - 1].text, f"Step {step} of {len(exercise.steps)}"
        title = number if title == f"Step {step}" else f"{number}: {title}"  # it may have no title
        title += f" (not checked: {unchecked})" if unchecked else ""
    return pages.step_lines(exercise, title, text, limit, more)
