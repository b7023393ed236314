"""A learner's own step: shown, hinted at, done and checked."""

from __future__ import annotations

from datetime import datetime, timedelta

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Priority, Reply, Withdraw
from trainbot.core.wording import span
from trainbot.features.classes.classroom import Classroom, position, step_lines
from trainbot.features.classes.script_runs import ScriptRuns, script_of
from trainbot.features.classes.visits import Visits
from trainbot.model.class_run import ClassRun, ScriptKind, ScriptRun, ScriptState
from trainbot.model.exercise import Exercise
from trainbot.model.lab import Lab

IN_PRIVATE = 16  # lines of a step
HINTED = 6  # lines of what a hint script prints
NEWS = timedelta(minutes=30)  # how long somebody may still be told what a check found


class LearnerCommands:
    def __init__(self, room: Classroom, script_runs: ScriptRuns, visits: Visits) -> None:
        self.room, self.classes, self.script_runs, self.visits = room, room.classes, script_runs, visits
        script_runs.after[ScriptKind.VERIFY] = self.verified
        script_runs.after[ScriptKind.HINT] = self.hinted

    def step(self, ask: Request, number: int | None = None, part: int | None = None) -> list[Effect]:
        run = self.room.run(ask)
        _row, mine = self.room.mine(ask, run)
        if number is not None:
            mine = self._seen(ask, run, number)
        elif run.step > run.steps and self.room.has_done(run, ask.person.id, mine):
            mine = run.step
        exercise = self.room.exercise(run)
        lines = step_lines(self.room.pages, exercise, mine, 0, "", self.room.unchecked(exercise, mine))
        return self._in_parts(ask, lines, part or 1, f"!step {mine}", exercise)

    def _in_parts(self, ask: Request, lines: list[str], part: int, command: str, exercise: Exercise) -> list[Effect]:
        """The part of these lines that fits into one answer; its last line says how to get the next one.  It replaces what still waits
        of the part before."""
        series, size = f"step {ask.person.id}", IN_PRIVATE - 1
        parts = max(1, -(-len(lines) // size)) if len(lines) > IN_PRIVATE else 1
        if not 1 <= part <= parts:
            raise UserError(f"it has {'only one part' if parts == 1 else f'{parts} parts'}: {command}")
        shown = lines if parts == 1 else lines[(part - 1) * size : part * size]
        left = len(lines) - part * size
        if part < parts:
            url = self.room.pages.handout_url(exercise)
            more = "1 more line" if left == 1 else f"{left} more lines"
            shown = [*shown, f"({more}: {command} {part + 1}{f', or {url}' if url else ''})"]
        return [
            Withdraw(series),
            *(
                Reply(line, private=True, priority=Priority.LISTING if n else Priority.ANSWER, series=series)
                for n, line in enumerate(shown)
            ),
        ]

    def _seen(self, ask: Request, run: ClassRun, number: int) -> int:
        """A step that the class has been shown, even if it has gone back since; any step for its staff.  The end counts as
        one."""
        last = run.steps + 1 if ask.role >= Role.HELPER else self.room.farthest(run) if number > run.step else run.step
        if not 0 <= number <= last:
            raise UserError(
                f"the class is at {position(run)}; !step shows your step, !step N any step up to {min(last, run.steps)}"
            )
        return number

    # -- done ----------------------------------------------------------------------------------------

    def done(self, ask: Request) -> list[Effect]:
        run = self.room.run(ask)
        _row, mine = self.room.mine(ask, run)
        if mine == 0:
            raise UserError("the class is at the introduction; there is nothing to do yet")
        already = self.room.has_done(run, ask.person.id, mine)
        if not already:
            self.classes.done.add(class_id=run.id, person_id=ask.person.id, step=mine, at=ask.at)
        checking = not already and self._verify(ask, run, mine)
        self.room.change(ask, run, stuck_at=None, stuck_words="", helper="", hints=0)
        unchecked = self._unchecked(ask, run, mine)
        said = f"step {mine} is done{' and being checked' if checking else unchecked}"
        if already and run.step > run.steps:
            return [Reply("you have done all the steps", private=True)]
        if already:
            return [Reply(f"you're up to date (step {mine} is done); the class will go on soon", private=True)]
        if mine < min(run.step, run.steps):
            return [
                Reply(
                    f"{said}; the class is at {position(run)}. Type !done again if you have done more; !step shows your next step",
                    private=True,
                )
            ]
        return [Reply(said, private=True)] if ask.private or unchecked else []

    def _unchecked(self, ask: Request, run: ClassRun, step: int) -> str:
        """Why the check of a step is not run for somebody who may not expect that; '' if it is, or if there is none."""
        exercise = self.room.exercise(run)
        image, why = exercise.image_of(step), self.room.unchecked(exercise, step)
        if run.lecture or script_of(exercise, step, ScriptKind.VERIFY)[0] is None:
            return ""
        if self.room.homes.first(person_id=ask.person.id, image=image) is None:
            if not why and image != exercise.image and self._their_lab(ask, run, step)[1] is None:
                return f" but not checked, because you have no {image} lab; !lab {image} gives you one"
            return f" but not checked, because {why}" if why and ask.private else ""  # the channel is told at each step
        here = f"; !lab {image} gives you a lab here" if self.room.stock.has_labs(image) else ""
        return f" but not checked, because you run {image} on a machine of your own{here}"

    def _verify(self, ask: Request, run: ClassRun, step: int) -> bool:
        """Starts the step's check in the background.  False if there is none, or they have no lab."""
        exercise, lab = self._their_lab(ask, run, step)
        if lab is None or script_of(exercise, step, ScriptKind.VERIFY)[0] is None:
            return False
        if not self.script_runs.waits(run, ask.person.id, step, ScriptKind.VERIFY):
            self.script_runs.add(run, ask.person.id, lab, (step, ScriptKind.VERIFY), ask.at)
        return True

    def _their_lab(self, ask: Request, run: ClassRun, step: int) -> tuple[Exercise, Lab | None]:
        exercise = self.room.exercise(run)
        return exercise, None if run.lecture else self.room.stock.lab_of(ask.person.id, exercise.image_of(step))

    def verified(self, play: ScriptRun, run: ClassRun, exercise: Exercise, now: datetime) -> None:
        """A check that found something missing marks the step as not done; one that did not finish does not."""
        step = play.step
        if play.state is ScriptState.FAILED:
            self.classes.done.remove(class_id=run.id, person_id=play.person_id, step=step)
            said = play.said or "its check gives no reason"
            text = f"step {step} is not done yet: {said} (type !done again when you've fixed it)"
        elif play.state is ScriptState.UNKNOWN and not play.tries:  # otherwise the login failed, which its person knows
            text = f"the check of step {step} gave no result ({play.said}); the step counts as done"
        else:
            return
        self.room.notices.tell(now, text, person_id=play.person_id, not_after=now + NEWS)

    # -- help ----------------------------------------------------------------------------------------

    def hint(self, ask: Request) -> list[Effect]:
        run = self.room.run(ask)
        row, mine = self.room.mine(ask, run)
        exercise, lab = self._their_lab(ask, run, mine)
        hints = exercise.steps[mine - 1].hints if mine else ()
        if row.hints >= len(hints) and mine and exercise.steps[mine - 1].hint_script is not None:
            return self._hint_from_lab(ask, run, mine, lab)
        if row.hints >= len(hints):
            raise UserError(
                "there are no more hints for this step; !stuck WORDS calls for help"
                if row.hints
                else "this step has no hints; !stuck WORDS calls for help"
            )
        self.room.change(ask, run, hints=row.hints + 1)
        more = f" ({len(hints) - row.hints - 1} more: !hint)" if row.hints + 1 < len(hints) else ""
        lines = self.room.pages.step_lines(exercise, "", hints[row.hints] + more, IN_PRIVATE, "…")
        return [Reply(line, private=True) for line in lines]

    def _hint_from_lab(self, ask: Request, run: ClassRun, step: int, lab: Lab | None) -> list[Effect]:
        """Runs a Killercoda hint script in the lab; its output is sent when it is there."""
        if lab is None:
            raise UserError(
                "the hint for this step looks into your lab, and you don't have one; !stuck WORDS calls for help"
            )
        if not self.script_runs.waits(run, ask.person.id, step, ScriptKind.HINT):
            self.script_runs.add(run, ask.person.id, lab, (step, ScriptKind.HINT), ask.at)
        return [Reply("looking into your lab for a hint", private=True)] if ask.private else []

    def hinted(self, play: ScriptRun, run: ClassRun, exercise: Exercise, now: datetime) -> None:
        """Sends the first lines that a hint script printed."""
        lines = (
            self.room.pages.step_lines(exercise, "", play.said, HINTED, "…") if play.state is ScriptState.PASSED else []
        )
        for line in lines or ["there is no hint for this step right now; !stuck WORDS calls for help"]:
            self.room.notices.tell(now, line, person_id=play.person_id, not_after=now + NEWS)

    def solution(self, ask: Request, number: int | None = None, part: int | None = None) -> list[Effect]:
        run = self.room.run(ask)
        _row, mine = self.room.mine(ask, run)
        mine = mine if number is None else self._seen(ask, run, number)
        exercise = self.room.exercise(run)
        text = exercise.steps[mine - 1].solution if 1 <= mine <= len(exercise.steps) else ""
        if not text:
            raise UserError("this step has no written solution; !stuck WORDS calls for help")
        ready_at = run.step_at + exercise.solution_after
        if mine >= run.step and ask.at < ready_at and ask.role < Role.HELPER:
            step = exercise.steps[mine - 1]
            meanwhile = "!hint helps" if step.hints or step.hint_script else "!stuck WORDS calls for help"
            raise UserError(f"the solution will be shown in {span(ready_at - ask.at)}; until then, {meanwhile}")
        lines = self.room.pages.step_lines(exercise, f"Solution of step {mine}", text, 0, "")
        return self._in_parts(ask, lines, part or 1, f"!solution {mine}", exercise)

    def stuck(self, ask: Request, words: str = "") -> list[Effect]:
        run = self.room.run(ask)
        row = self.classes.attend(run, ask.person, ask.nick, ask.at)
        self.room.change(ask, run, stuck_at=row.stuck_at or ask.at, stuck_words=words or row.stuck_words)
        self.room.journal.noted(ask, "stuck", words)
        since = row.stuck_at or ask.at
        before = sum(
            other.stuck_at is not None and other.stuck_at < since and not other.helper
            for other in self.classes.attendance.all(class_id=run.id)
        )
        where = f"noted, {before} before you" if before else "noted, you are next"
        series = f"stuck {ask.person.id}"  # who calls twice is answered once
        come = ", !come lets a helper work at your terminal" if self.visits.can_agree(run, ask.person.id) else ""
        heard = Reply(f"{where}; !done clears it{come}", private=True, priority=Priority.CALL, series=series)
        return [Withdraw(series), heard]

    def commands(self) -> list[Command]:
        number = (Argument("N", "number", optional=True), Argument("PART", "number", optional=True))
        return [
            Command(
                "step",
                self.step,
                "show your step (or step N) again, in private and with all of its text; PART is the next part of a long one",
                number,
                scope=Scope.CLASS,
                group="class",
            ),
            Command(
                "hint", self.hint, "show the next hint for your step, in private", scope=Scope.CLASS, group="class"
            ),
            Command(
                "solution",
                self.solution,
                "show how your step (or step N) is done, in private, once it has been running for some minutes",
                number,
                scope=Scope.CLASS,
                group="class",
            ),
            Command(
                "done",
                self.done,
                "mark your step as done; its check runs in the background and only reports what is missing",
                aliases=("check",),
                scope=Scope.CLASS,
                group="class",
            ),
            Command(
                "stuck",
                self.stuck,
                "call for help; a word about what is wrong helps the helpers",
                (Argument("WORDS", "words", optional=True, rest=True),),
                example="stuck nginx does not start",
                scope=Scope.CLASS,
                group="class",
            ),
        ]
