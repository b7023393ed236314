"""The presenter's commands: begin a class, move through its steps, end it."""

from __future__ import annotations

from datetime import timedelta

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import UserError
from trainbot.core.help import before_class
from trainbot.core.messages import Effect, Line, Priority, Reply, Withdraw
from trainbot.core.wording import span
from trainbot.features.classes.classroom import Classroom, position, step_lines, title_of
from trainbot.features.classes.progress import ProgressCommands
from trainbot.features.classes.quiz import Quizzes
from trainbot.model.class_run import ClassRun
from trainbot.model.exercise import Exercise, ExerciseLibrary
from trainbot.model.notice import NoticeKind

TWICE = timedelta(seconds=5)
IN_CHANNEL = 6  # lines of a step
MORE = "({{lines}}: !step {step})"

#: What still waits of these when a class begins is written anew: it may be about this one, which is no longer to come.
SUPERSEDED = (NoticeKind.ANNOUNCEMENT, NoticeKind.REMINDER)


class PresenterCommands:
    def __init__(self, room: Classroom, overseeing: ProgressCommands, quizzes: Quizzes) -> None:
        self.room, self.classes, self.overseeing, self.quizzes = room, room.classes, overseeing, quizzes

    # -- begin and end -----------------------------------------------------------------------------

    def start(self, ask: Request, what: str = "") -> list[Effect]:
        assert ask.channel is not None  # Scope.CHANNEL
        run = self.classes.in_channel(ask.channel)
        if run is not None:
            raise UserError(f"{run.title} is already running here, at {position(run)}; !end ends it")
        session, library = self.room.sessions.next_start(ask, what), self.room.exercises.library
        planned = session.exercise if session is not None else None
        exercise = library.find(planned or what or _only(library), "!start ")
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
        why = self.room.unchecked(exercise)
        if why:
            about = f" Nothing is prepared or checked, because {why}: !done counts as you say it."
        elif exercise.written_for:
            about = (
                f" It was written for {exercise.written_for} and runs in {exercise.image} labs here, so names and versions "
                "may differ."
            )
        else:
            about = ""
        note = (
            " This class is logged, except lines starting with [nolog] and people who said !nolog on."
            if self.room.journal.logged
            else ""
        )
        effects: list[Effect] = [
            *(Withdraw(f"{kind} {ask.channel}") for kind in SUPERSEDED),
            Withdraw(before_class(ask.channel)),
            Line(
                ask.channel,
                f"{title} begins, with {ask.nick}: {image}!done when you have done a step, !stuck when "
                f"you need help, !ask for questions.{about}{note}",
                Priority.PRESENTER,
            ),
        ]
        if why:
            effects.append(
                Reply(
                    f"{why}, so no script of {exercise.slug} runs; !end ends the class. To have them run, an organiser adds "
                    'the image (trainbot image list), or sets "image" in the exercise\'s index to one that is here',
                    private=True,
                )
            )
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
        self.quizzes.close(run.channel, ask.at)
        self.room.journal.noted(ask, "end", "")
        self.classes.change({"id": run.id}, ended_at=ask.at)
        people = self.classes.attendance.count(class_id=run.id)
        # kept until it is sent: the class is told of its end even if the bot dies right after storing it
        self.room.notices.tell(
            ask.at,
            f"{run.title} is over after {span(ask.at - run.started_at)}; {people} took part. "
            f"Thank you! {self.room.journal.minutes_at(run)}".rstrip(),
            channel=run.channel,
            kind=NoticeKind.CLASS,
        )
        progress = Withdraw(f"{NoticeKind.PROGRESS} {run.channel}")
        return [Withdraw(_series(run.channel)), progress] if run.step <= run.steps else [progress]

    # -- the class step ------------------------------------------------------------------------------

    def next(self, ask: Request) -> list[Effect]:
        run = self.room.run(ask)
        if run.step > 0 and ask.at - run.step_at < TWICE:
            raise UserError(
                f"the class has only just gone to step {run.step}, so I'm staying there; type !next again to go on"
            )
        if run.step > run.steps:
            raise UserError("that was the last step; !end ends the class")
        advice = self.overseeing.advice(run)  # a private answer, which is sent before the step's lines
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
        return [Withdraw(_series(run.channel)), *self._show(run.channel, self.room.exercise(run), run.step)]

    def _move(self, ask: Request, run: ClassRun, step: int) -> list[Effect]:
        exercise = self.room.exercise(run)
        self.classes.change({"id": run.id}, step=step, step_at=ask.at, steps=len(exercise.steps), told=0, told_at=None)
        self.room.journal.noted(ask, "step", f"{step} {title_of(exercise, step)}")
        return [*_outdated(run), *self._show(run.channel, exercise, step)]

    def _show(self, channel: str, exercise: Exercise, step: int) -> list[Effect]:
        lines = step_lines(
            self.room.pages, exercise, step, IN_CHANNEL, MORE.format(step=step), self.room.unchecked(exercise, step)
        )
        return [Line(channel, line, Priority.PRESENTER, series=_series(channel)) for line in lines]

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


def _series(channel: str) -> str:
    """The lines of a step, which the next step's replace."""
    return f"step {channel}"


def _outdated(run: ClassRun) -> list[Effect]:
    """What must not come after the next step: the rest of this one, which people can have in private, and how many
    have done it."""
    rest = f"(the rest of step {run.step}: type !step {run.step})"
    shown = 1 <= run.step <= run.steps
    return [
        Withdraw(_series(run.channel), Line(run.channel, rest, Priority.PRESENTER) if shown else None),
        Withdraw(f"{NoticeKind.PROGRESS} {run.channel}"),
    ]


def _only(library: ExerciseLibrary) -> str:
    """The name of the only exercise of one's own, or of all; UserError if there are several, or none."""
    names = list(library.exercises)
    if len(only := library.own or names) == 1:
        return only[0]
    raise UserError(
        f"which exercise? Type !start and one of: {', '.join(names[:8])}; !exercises lists them all"
        if names
        else "there are no exercises yet; put one in the exercises folder"
    )
