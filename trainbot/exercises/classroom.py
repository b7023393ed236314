"""A class: begun, stepped, ended; and where everybody in it stands.

The class step is where the presenter is: 0 the introduction, 1…n the steps, n+1 the end.  A learner's own step is
the first that they have not done, never beyond the class.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING, Protocol

from trainbot.errors import UserError
from trainbot.exercises.classes import Attendance, ClassRun, own_step
from trainbot.exercises.library import Library
from trainbot.exercises.model import Exercise
from trainbot.spine.access import Role
from trainbot.spine.commands import Argument, Ask, Command, Place
from trainbot.spine.messages import Effect, Line, Priority, Reply, Sender, Topic
from trainbot.spine.words import span

if TYPE_CHECKING:
    from trainbot.store.repositories import Classes, Notices

TWICE = timedelta(seconds=5)
IN_CHANNEL, IN_PRIVATE = 6, 16  # lines of a step


class Render(Protocol):
    """Markdown as lines for the chat (chat.formatting.render_step)."""

    def __call__(self, title_line: str, markdown: str, limit: int, more: str) -> list[str]: ...


@dataclass(frozen=True, slots=True)
class Plan:
    """What ``!start`` is about: a session that is due, or just an exercise."""

    exercise: str
    title: str
    session_uid: str = ""


class Classroom:
    """``planned``: what is to begin in that channel, given the words after !start ('' where none were said).
    ``members``: the learners in the channel.  ``journal``: writes the time line.
    ``has_labs``: whether labs of that image can be had."""

    def __init__(self, classes: Classes, notices: Notices, library: Callable[[], Library], planned: Callable[[Ask, str], Plan | None],
                 members: Callable[[str], Sequence[Sender]], journal: Callable[[Ask, str, str], None],
                 open_questions: Callable[[str], int], minutes_at: Callable[[ClassRun], str],
                 render: Render, logged: bool, has_labs: Callable[[str], bool]) -> None:
        self.classes, self.notices, self.library, self.planned, self.members = classes, notices, library, planned, members
        self.render, self.has_labs = render, has_labs
        self.journal, self.open_questions, self.minutes_at, self.logged = journal, open_questions, minutes_at, logged
        self._good: dict[str, Exercise] = {}

    def running(self, channel: str) -> bool:
        return self.classes.in_channel(channel) is not None

    def _run(self, ask: Ask) -> ClassRun:
        run = self.classes.in_channel(ask.channel) if ask.channel else None
        if run is None:
            raise UserError("no class runs here now")
        return run

    def _exercise(self, run: ClassRun) -> Exercise:
        """As it is in its files; as it was while a fault keeps it from being read: a class does not stop for that."""
        found = self.library().exercises.get(run.exercise) or self._good.get(run.exercise)
        if found is None:
            raise UserError(f"the exercise {run.exercise} is not there any more, or has a fault that trainbot exercise "
                            "check names; mend it and say that again")
        self._good[run.exercise] = found
        return found

    # -- begin and end -----------------------------------------------------------------------------

    def start(self, ask: Ask, what: str = "") -> list[Effect]:
        assert ask.channel is not None  # Place.CHANNEL
        run = self.classes.in_channel(ask.channel)
        if run is not None:
            raise UserError(f"{run.title} runs here already, at {_place(run)}; !end ends it")
        plan = self.planned(ask, what)
        exercise = self.library().find(plan.exercise if plan else what or _only(self.library()))
        self._good[exercise.slug] = exercise
        title = plan.title if plan else exercise.title
        self.classes.add(channel=ask.channel, session_uid=plan.session_uid if plan else "", exercise=exercise.slug,
                         title=title, presenter_id=ask.person.id, presenter=ask.nick, step=0, steps=len(exercise.steps),
                         step_at=ask.at, minutes="", started_at=ask.at, ended_at=None)
        self.journal(ask, "start", f"{title} ({exercise.slug}), presented by {ask.nick}")
        image = f"!lab {exercise.image} gives you a machine of your own, " if self.has_labs(exercise.image) else ""
        note = " This class is logged; not lines that begin with [nolog], nor people who said !nolog on." if self.logged else ""
        effects: list[Effect] = [
            Topic(ask.channel, f"{title} | a class runs here, with {ask.nick} | !help"),
            Line(ask.channel, f"{title} begins, with {ask.nick}: {image}!done when you have done a step, !stuck when "
                              f"you need help, !ask for questions.{note}", Priority.PRESENTER)]
        return effects + self._show(ask.channel, exercise, 0)

    def ask_end(self, ask: Ask) -> str:
        run = self._run(ask)
        waiting = self.open_questions(run.channel)
        still = f" {waiting} questions wait." if waiting > 1 else " One question waits." if waiting else ""
        return f"that ends {run.title} for everybody.{still}"

    def end(self, ask: Ask) -> list[Effect]:
        run = self._run(ask)
        self.journal(ask, "end", "")
        self.classes.change({"id": run.id}, ended_at=ask.at)
        people = self.classes.attendance.count(class_id=run.id)
        # kept until it was said: the class hears of its end even if we die right after storing it
        self.notices.tell(ask.at, f"{run.title} is over after {span(ask.at - run.started_at)}; {people} took part. "
                                  f"Thank you! {self.minutes_at(run)}".rstrip(), channel=run.channel)
        return [Topic(run.channel, f"{run.title} is over | !sessions says when the next one is")]

    # -- the class step ------------------------------------------------------------------------------

    def next(self, ask: Ask) -> list[Effect]:
        run = self._run(ask)
        if run.step > 0 and ask.at - run.step_at < TWICE:
            raise UserError(f"the class went to step {run.step} just now, so I stay there; say !next again for more")
        if run.step > run.steps:
            raise UserError("that was the last step; !end ends the class")
        return self._move(ask, run, run.step + 1)

    def prev(self, ask: Ask) -> list[Effect]:
        run = self._run(ask)
        if run.step == 0:
            raise UserError("this is the beginning; !next goes on")
        return self._move(ask, run, run.step - 1)

    def goto(self, ask: Ask, number: int) -> list[Effect]:
        run = self._run(ask)
        if not 0 <= number <= run.steps:
            raise UserError(f"there is no step {number}: {run.title} has steps 1 to {run.steps} (0 is the introduction)")
        return self._move(ask, run, number)

    def repeat(self, ask: Ask) -> list[Effect]:
        run = self._run(ask)
        return self._show(run.channel, self._exercise(run), run.step)

    def _move(self, ask: Ask, run: ClassRun, step: int) -> list[Effect]:
        exercise = self._exercise(run)
        self.classes.change({"id": run.id}, step=step, step_at=ask.at, steps=len(exercise.steps))
        self.journal(ask, "step", f"{step} {_title(exercise, step)}")
        return self._show(run.channel, exercise, step)

    def _show(self, channel: str, exercise: Exercise, step: int) -> list[Effect]:
        lines = step_lines(self.render, exercise, step, IN_CHANNEL, "({n} more lines: say !step)")
        return [Line(channel, line, Priority.PRESENTER) for line in lines]

    # -- my step -------------------------------------------------------------------------------------

    def _mine(self, ask: Ask, run: ClassRun) -> tuple[Attendance, int]:
        """The caller's row and their own step: the first one not done, up to the class step."""
        row = self.classes.attend(run, ask.person, ask.nick, ask.at)
        done = {d.step for d in self.classes.done.all(class_id=run.id, person_id=ask.person.id)}
        return row, own_step(run, row, done)

    def step(self, ask: Ask) -> list[Effect]:
        run = self._run(ask)
        _row, mine = self._mine(ask, run)
        if run.step > run.steps and self._has_done(ask, run, mine):
            mine = run.step
        lines = step_lines(self.render, self._exercise(run), mine, IN_PRIVATE, "({n} more lines are in the exercise's text)")
        return [Reply(line, private=True, priority=Priority.ANSWER if n == 0 else Priority.LISTING)
                for n, line in enumerate(lines)]

    def done(self, ask: Ask) -> list[Effect]:
        run = self._run(ask)
        row, mine = self._mine(ask, run)
        if mine == 0:
            raise UserError("the class is at the introduction: there is nothing to be done yet")
        already = self._has_done(ask, run, mine)
        if not already:
            self.classes.done.add(class_id=run.id, person_id=ask.person.id, step=mine, at=ask.at)
        self._change(ask, run, stuck_at=None, stuck_words="", hints=0)
        if already and run.step > run.steps:
            return [Reply("you have done all of it", private=True)]
        if already:
            return [Reply(f"you have done all {mine} so far; the class goes on soon", private=True)]
        if mine < min(run.step, run.steps):
            return [Reply(f"step {mine} is done; the class is at {_place(run)}: !done again if you have done more, "
                          "!step shows your next", private=True)]
        return [Reply(f"step {mine} is done", private=True)] if ask.private else []

    def _has_done(self, ask: Ask, run: ClassRun, step: int) -> bool:
        return self.classes.done.first(class_id=run.id, person_id=ask.person.id, step=step) is not None

    def _change(self, ask: Ask, run: ClassRun, **values: object) -> None:
        self.classes.attendance.change({"class_id": run.id, "person_id": ask.person.id}, nick=ask.nick, **values)

    def hint(self, ask: Ask) -> list[Effect]:
        run = self._run(ask)
        row, mine = self._mine(ask, run)
        hints = self._exercise(run).steps[mine - 1].hints if mine else ()
        if row.hints >= len(hints):
            raise UserError("there are no more hints for this step; !stuck WORDS calls for help" if row.hints else
                            "this step has no hints; !stuck WORDS calls for help")
        self._change(ask, run, hints=row.hints + 1)
        more = f" ({len(hints) - row.hints - 1} more: !hint)" if row.hints + 1 < len(hints) else ""
        lines = self.render("", hints[row.hints] + more, limit=IN_PRIVATE, more="…")
        return [Reply(line, private=True) for line in lines]

    def solution(self, ask: Ask) -> list[Effect]:
        run = self._run(ask)
        _row, mine = self._mine(ask, run)
        exercise = self._exercise(run)
        text = exercise.steps[mine - 1].solution if mine else ""
        if not text:
            raise UserError("this step has no written solution; !stuck WORDS calls for help")
        ready_at = run.step_at + exercise.solution_after
        if mine == run.step and ask.at < ready_at:
            raise UserError(f"the solution comes in {span(ready_at - ask.at)}; !hint helps until then")
        lines = self.render(f"Solution of step {mine}", text, limit=IN_PRIVATE, more="({n} more lines)")
        return [Reply(line, private=True) for line in lines]

    def attend(self, ask: Ask) -> None:
        """Whoever asks takes part in the class that runs there, if one does; staff do not count."""
        run = self.classes.in_channel(ask.channel) if ask.channel else None
        if run is not None and ask.role < Role.HELPER:
            self.classes.attend(run, ask.person, ask.nick, ask.at)

    def stuck(self, ask: Ask, words: str = "") -> list[Effect]:
        run = self._run(ask)
        self.classes.attend(run, ask.person, ask.nick, ask.at)
        self._change(ask, run, stuck_at=ask.at, stuck_words=words)
        self.journal(ask, "stuck", words)
        return [Reply("noted, presenter and helpers see it; !done clears it", private=True)]

    def progress(self, ask: Ask) -> list[Effect]:
        run = self._run(ask)
        step = min(max(run.step, 1), max(run.steps, 1))
        rows = self.classes.attendance.all(class_id=run.id)
        done = {d.person_id for d in self.classes.done.all(class_id=run.id, step=step)}
        stuck = [row for row in rows if row.stuck_at is not None and row.person_id not in done]
        working = [row for row in rows if row.stuck_at is None and row.person_id not in done]
        heard = {row.nick.lower() for row in rows}
        others = sum(member.nick.lower() not in heard for member in self.members(run.channel))
        text = (f"{_place(run)} since {span(ask.at - run.step_at)}: {len(done)} done, "
                f"{len(working)} working, {len(stuck)} stuck, {others} silent")
        named = ", ".join(f"{row.nick} ({row.stuck_words[:60]})" if row.stuck_words else row.nick
                          for row in sorted(stuck, key=lambda row: row.stuck_at or ask.at))
        return [Reply(f"{text}; stuck: {named}" if named else text)]

    def after_restart(self, channel: str) -> list[Line]:
        """Where the class that runs there stands, in one line."""
        return [Line(run.channel, f"I was away and am back: {run.title} is at {_place(run)}; labs, questions and "
                     "places are as they were", Priority.PRESENTER) for run in self.classes.running(channel=channel)]

    def commands(self) -> list[Command]:
        staff = dict(role=Role.PRESENTER, place=Place.CLASS, group="class")
        mine = dict(place=Place.CLASS, group="class")
        return [
            Command("start", self.start, "begins the session that is due, or that exercise",
                    (Argument("SESSION or EXERCISE", "words", optional=True, rest=True),), role=Role.PRESENTER,
                    place=Place.CHANNEL, example="start selinux-debian", group="class"),
            Command("end", self.end, "ends the class (asks first); the minutes are written", confirm=self.ask_end, **staff),
            Command("next", self.next, "the class goes to the next step and sees it", **staff),
            Command("prev", self.prev, "back one step", aliases=("back",), **staff),
            Command("goto", self.goto, "to step N", (Argument("N", "number"),), example="goto 3", **staff),
            Command("repeat", self.repeat, "shows the class step again", **staff),
            Command("progress", self.progress, "how many are done, working, stuck, silent; names the stuck",
                    role=Role.HELPER, place=Place.CLASS, group="class"),
            Command("step", self.step, "my step again, privately and longer", **mine),
            Command("hint", self.hint, "the next hint for my step, privately", **mine),
            Command("solution", self.solution, "how my step is done, some minutes after it began", **mine),
            Command("done", self.done, "I have done my step", aliases=("check",), **mine),
            Command("stuck", self.stuck, "I need help; a word about what is wrong helps the helpers",
                    (Argument("WORDS", "words", optional=True, rest=True),), example="stuck nginx does not start", **mine),
        ]


def _place(run: ClassRun) -> str:
    """The class step in words."""
    if run.step == 0:
        return "the introduction"
    return f"step {run.step} of {run.steps}" if run.step <= run.steps else "the end"


def _only(library: Library) -> str:
    """The name of the only exercise there is; UserError otherwise."""
    names = list(library.exercises)
    if len(names) == 1:
        return names[0]
    raise UserError(f"which exercise? say !start and one of: {', '.join(names[:8])}" if names else
                    "there are no exercises yet; put one into the exercises folder")


def _title(exercise: Exercise, step: int) -> str:
    if step == 0:
        return exercise.intro.title if exercise.intro and exercise.intro.title else exercise.title
    if step > len(exercise.steps):
        return exercise.finish.title if exercise.finish and exercise.finish.title else "The end"
    return exercise.steps[step - 1].title


def step_lines(render: Render, exercise: Exercise, step: int, limit: int, more: str) -> list[str]:
    """The step (0: introduction, beyond the last: the end) as IRC lines, at most ``limit``."""
    if step == 0:
        text = exercise.intro.text if exercise.intro else exercise.description
        return render(_title(exercise, 0), text, limit=limit, more=more)
    if step > len(exercise.steps):
        text = exercise.finish.text if exercise.finish else "That was the last step."
        return render(_title(exercise, step), text, limit=limit, more=more)
    head = f"Step {step} of {len(exercise.steps)}: {_title(exercise, step)}"
    return render(head, exercise.steps[step - 1].text, limit=limit, more=more)

