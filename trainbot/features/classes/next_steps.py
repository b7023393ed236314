"""What people in a class, before one and after one can type next, for ``!help``."""

from __future__ import annotations

from datetime import timedelta

from trainbot.core.access import Role
from trainbot.core.commands import Request
from trainbot.core.hooks import NextStep, Urgency
from trainbot.features.classes.classroom import Classroom, position
from trainbot.features.classes.progress import ProgressCommands
from trainbot.model.class_run import ClassRun

LATELY = timedelta(hours=12)  # for so long after a class its people are told where its answers are


class ClassNextSteps:
    def __init__(self, room: Classroom, progress: ProgressCommands) -> None:
        self.room, self.classes, self.progress = room, room.classes, progress

    def next_steps(self, ask: Request) -> list[NextStep]:
        run = self.classes.in_channel(ask.channel) if ask.channel else None
        if run is not None:
            text = self._staff(ask, run) if ask.role >= Role.HELPER else self._learner(ask, run)
            return [NextStep(Urgency.CLASS, text)]
        several = [channel for channel in self.room.audience.channels_of(ask.sender) if self.room.running(channel)]
        if ask.channel is None and several:
            text = f"Classes are running in {' and '.join(several)}: put one first, as in {several[0]} !help."
            return [NextStep(Urgency.CLASS, text)]
        steps = []
        if (over := self._over(ask)) is not None:
            steps.append(NextStep(Urgency.CLASS, self._afterwards(over)))
        if ask.role >= Role.PRESENTER:
            begin = "!start EXERCISE begins a class, and !exercises lists what can be taught."
            steps.append(NextStep(Urgency.IDLE, begin))
        return steps

    # -- during a class ------------------------------------------------------------------------------

    def _learner(self, ask: Request, run: ClassRun) -> str:
        if run.step == 0:
            return f"{run.title} is at the introduction: !step shows it, !ask WORDS asks a question."
        row = self.classes.attendance.first(class_id=run.id, person_id=ask.person.id)
        if row is None:
            return (
                f"{run.title} is at {position(run)}: !step shows it, !done marks a step as done, !stuck calls for help."
            )
        mine = self.room.step_of(run, row)
        if row.stuck_at is not None:
            hint = "!hint shows a hint, " if self._has_hint(run, mine, row.hints) else ""
            return f"You are marked as stuck at step {mine}: {hint}!done says that it is solved."
        if self.room.has_done(run, ask.person.id, mine):
            if run.step > run.steps:
                return f"You have done all steps of {run.title}: !ask WORDS asks a question."
            return f"You have done step {mine} and the class will go on soon: !ask WORDS asks a question meanwhile."
        if mine < min(run.step, run.steps):
            catch_up = ", !catchup does the steps before the class's in your lab" if self.room.solves(run) else ""
            return (
                f"You are at step {mine}, and the class is at {position(run)}: !step shows yours, !done marks it as "
                f"done{catch_up}."
            )
        return f"You are at step {mine} of {run.steps}: !step shows it, !done marks it as done, !stuck calls for help."

    def _has_hint(self, run: ClassRun, step: int, shown: int) -> bool:
        exercise = self.room.readable(run)
        if exercise is None or not 1 <= step <= len(exercise.steps):
            return False
        found = exercise.steps[step - 1]
        return shown < len(found.hints) or found.hint_script is not None

    def _staff(self, ask: Request, run: ClassRun) -> str:
        presents = ask.role >= Role.PRESENTER
        if run.step > run.steps:
            return f"{run.title} has reached its end: {'!end ends it' if presents else '!progress shows who is done'}."
        if run.step == 0:
            return (
                f"{run.title} is at the introduction: {'!next shows step 1' if presents else '!q lists the questions'}."
            )
        now = self.progress.step_progress(run)
        stuck = f", {len(now.stuck)} stuck" if now.stuck else ""
        commands = ["!hands shows who is stuck" if now.stuck else "!progress shows how far everybody is"]
        commands += ["!next goes on"] if presents else []
        return f"{run.title} is at {position(run)}, {now.done} of {now.people} done{stuck}: {', '.join(commands)}."

    # -- after one -----------------------------------------------------------------------------------

    def _over(self, ask: Request) -> ClassRun | None:
        """The last class there that they took part in, if it ended lately."""
        over = [
            run
            for run in self.classes.lately(ask.at - LATELY)
            if run.ended_at is not None
            and run.channel == ask.channel
            and self.classes.attendance.first(class_id=run.id, person_id=ask.person.id) is not None
        ]
        return max(over, key=lambda run: run.started_at, default=None)

    def _afterwards(self, run: ClassRun) -> str:
        journal = self.room.journal
        minutes = f" ({journal.minutes_at(run)})" if journal.public_url else ""
        return f"{run.title} is over{minutes}: !faq WORDS searches its questions and answers."
