"""The presenter's commands: begin a class, move through its steps, end it."""

from __future__ import annotations

from datetime import timedelta

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Line, Priority
from trainbot.core.wording import span
from trainbot.features.classes.classroom import Classroom, position, step_lines, title_of
from trainbot.features.classes.progress import ProgressCommands
from trainbot.model.class_run import ClassRun
from trainbot.model.exercise import Exercise, ExerciseLibrary

TWICE = timedelta(seconds=5)
IN_CHANNEL = 6  # lines of a step
MORE = "({n} more lines: type !step)"


class PresenterCommands:
    def __init__(self, room: Classroom, overseeing: ProgressCommands) -> None:
        self.room, self.classes, self.overseeing = room, room.classes, overseeing

    # -- begin and end -----------------------------------------------------------------------------

    def start(self, ask: Request, what: str = "") -> list[Effect]:
        assert ask.channel is not None  # Scope.CHANNEL
        run = self.classes.in_channel(ask.channel)
        if run is not None:
            raise UserError(f"{run.title} is already running here, at {position(run)}; !end ends it")
        session, library = self.room.sessions.next_start(ask, what), self.room.exercises.library
        planned = session.exercise if session is not None else None
        exercise = library.find(planned or what or _only(library))
        self.room.begin(exercise)
        title = session.title if session is not None and planned else exercise.title
        self.classes.add(
            channel=ask.channel,
            session_uid=session.uid if session is not None and planned else "",
            exercise=exercise.slug,
            title=title,
            presenter_id=ask.person.id,
            presenter=ask.nick,
            step=0,
            steps=len(exercise.steps),
            step_at=ask.at,
            minutes="",
            started_at=ask.at,
            ended_at=None,
        )
        if self.room.pages.handout_url(exercise):
            self.room.pages.write_handout(exercise)
        self.room.journal.noted(ask, "start", f"{title} ({exercise.slug}), presented by {ask.nick}")
        image = (
            f"!lab {exercise.image} gives you a machine of your own{self.room.second_lab(exercise)}, "
            if self.room.stock.has_labs(exercise.image)
            else ""
        )
        note = (
            " This class is logged, except lines starting with [nolog] and people who said !nolog on."
            if self.room.journal.logged
            else ""
        )
        effects: list[Effect] = [
            Line(
                ask.channel,
                f"{title} begins, with {ask.nick}: {image}!done when you have done a step, !stuck when "
                f"you need help, !ask for questions.{note}",
                Priority.PRESENTER,
            )
        ]
        return effects + self._show(ask.channel, exercise, 0)

    def ask_end(self, ask: Request) -> str:
        run = self.room.run(ask)
        waiting = len(self.room.questions.waiting(run.channel))
        still = (
            f" {waiting} questions are still open."
            if waiting > 1
            else " One question is still open."
            if waiting
            else ""
        )
        return f"this ends {run.title} for everybody.{still}"

    def end(self, ask: Request) -> list[Effect]:
        run = self.room.run(ask)
        self.room.journal.noted(ask, "end", "")
        self.classes.change({"id": run.id}, ended_at=ask.at)
        people = self.classes.attendance.count(class_id=run.id)
        # kept until it is sent: the class is told of its end even if the bot dies right after storing it
        self.room.notices.tell(
            ask.at,
            f"{run.title} is over after {span(ask.at - run.started_at)}; {people} took part. "
            f"Thank you! {self.room.journal.minutes_at(run)}".rstrip(),
            channel=run.channel,
        )
        return []

    # -- the class step ------------------------------------------------------------------------------

    def next(self, ask: Request) -> list[Effect]:
        run = self.room.run(ask)
        if run.step > 0 and ask.at - run.step_at < TWICE:
            raise UserError(
                f"the class has only just gone to step {run.step}, so I'm staying there; type !next again to go on"
            )
        if run.step > run.steps:
            raise UserError("that was the last step; !end ends the class")
        advice = self.overseeing.advice(run)
        return [*self._move(ask, run, run.step + 1), *advice]

    def prev(self, ask: Request) -> list[Effect]:
        run = self.room.run(ask)
        if run.step == 0:
            raise UserError("this is the beginning; !next goes on")
        return self._move(ask, run, run.step - 1)

    def goto(self, ask: Request, number: int) -> list[Effect]:
        run = self.room.run(ask)
        if not 0 <= number <= run.steps:
            raise UserError(
                f"there is no step {number}: {run.title} has steps 1 to {run.steps} (0 is the introduction)"
            )
        return self._move(ask, run, number)

    def repeat(self, ask: Request) -> list[Effect]:
        run = self.room.run(ask)
        return self._show(run.channel, self.room.exercise(run), run.step)

    def _move(self, ask: Request, run: ClassRun, step: int) -> list[Effect]:
        exercise = self.room.exercise(run)
        self.classes.change({"id": run.id}, step=step, step_at=ask.at, steps=len(exercise.steps), told=0, told_at=None)
        self.room.journal.noted(ask, "step", f"{step} {title_of(exercise, step)}")
        return self._show(run.channel, exercise, step)

    def _show(self, channel: str, exercise: Exercise, step: int) -> list[Effect]:
        lines = step_lines(self.room.pages, exercise, step, IN_CHANNEL, MORE)
        return [Line(channel, line, Priority.PRESENTER) for line in lines]

    def after_restart(self, channel: str) -> list[Line]:
        """One line that says which step the running class is at."""
        return [
            Line(
                run.channel,
                f"I'm back after a restart: {run.title} is at {position(run)}; labs, questions and progress are as they were",
                Priority.PRESENTER,
            )
            for run in self.classes.running(channel=channel)
        ]

    def commands(self) -> list[Command]:
        return [
            Command(
                "start",
                self.start,
                "begin the session that is due, or the one you name",
                (Argument("SESSION or EXERCISE", "words", optional=True, rest=True),),
                role=Role.PRESENTER,
                scope=Scope.CHANNEL,
                example="start selinux-debian",
                group="class",
            ),
            Command(
                "end",
                self.end,
                "end the class (asks first) and write its minutes",
                confirm=self.ask_end,
                role=Role.PRESENTER,
                scope=Scope.CLASS,
                group="class",
            ),
            Command(
                "next",
                self.next,
                "move the class to the next step and show it",
                role=Role.PRESENTER,
                scope=Scope.CLASS,
                group="class",
            ),
            Command(
                "prev",
                self.prev,
                "move the class back one step",
                aliases=("back",),
                role=Role.PRESENTER,
                scope=Scope.CLASS,
                group="class",
            ),
            Command(
                "goto",
                self.goto,
                "move the class to step N",
                (Argument("N", "number"),),
                example="goto 3",
                role=Role.PRESENTER,
                scope=Scope.CLASS,
                group="class",
            ),
            Command(
                "repeat",
                self.repeat,
                "show the class step again",
                role=Role.PRESENTER,
                scope=Scope.CLASS,
                group="class",
            ),
        ]


def _only(library: ExerciseLibrary) -> str:
    """The name of the only exercise; UserError if there are several, or none."""
    names = list(library.exercises)
    if len(names) == 1:
        return names[0]
    raise UserError(
        f"which exercise? Type !start and one of: {', '.join(names[:8])}"
        if names
        else "there are no exercises yet; put one in the exercises folder"
    )
