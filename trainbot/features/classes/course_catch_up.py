"""``!catchup`` between the sessions of a course: brings a lab to where the course stood after a session.

The setups and solves of the sessions that are over are run again, one script after the other, in the order in which the
classes ran them (``lab_setup.sequence``).  What to run next follows from rows alone, so a restart continues where it was.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.hooks import NextStep, Urgency
from trainbot.core.messages import Effect, Reply
from trainbot.features.classes.classroom import Classroom, title_of
from trainbot.features.classes.lab_setup import BEFORE, LabSetup, complete, next_of, sequence
from trainbot.features.classes.script_runs import At, ScriptRuns
from trainbot.model.class_run import ClassRun, ScriptKind, ScriptRun, ScriptState
from trainbot.model.course import CatchUp, CourseSession
from trainbot.model.exercise import Exercise
from trainbot.model.host import Mode
from trainbot.model.lab import Lab, LabState, Lease
from trainbot.model.ports import LabHandout

NEWS = timedelta(hours=12)
_WORDS = re.compile(r"(?:(?P<course>[A-Za-z0-9][A-Za-z0-9._-]{0,59})(?:\s+(?:session\s+)?(?P<number>[0-9]{1,4}))?)?")
USAGE = "type !catchup, or !catchup COURSE, or !catchup COURSE N for session N"


@dataclass(frozen=True, slots=True)
class Replay:
    """One exercise, as far as ``session`` (the last one with it) got: its setups, and the solves of the steps before
    ``behind``."""

    session: CourseSession
    run: ClassRun
    exercise: Exercise
    behind: int

    @property
    def wanted(self) -> list[At]:
        return sequence(self.exercise, min(self.run.step, len(self.exercise.steps) + 1), self.behind)

    @property
    def solves(self) -> int:
        return sum(kind is ScriptKind.SOLVE for _step, kind in self.wanted)


@dataclass(frozen=True, slots=True)
class Target:
    """Where somebody wants to be: after ``session`` of ``course``, in a lab of ``image``."""

    course: str
    session: CourseSession
    image: str
    mode: Mode
    replays: Sequence[Replay]

    @property
    def named(self) -> str:
        return f"{self.course} was after session {self.session.number} ({self.session.title})"


def read_words(words: str) -> tuple[str, int | None]:
    """(course, '' if none is named; the number of a session).  UserError for anything else."""
    found = _WORDS.fullmatch(words.strip())
    if found is None:
        raise UserError(f'I don\'t understand "{words.strip()[:40]}": {USAGE}')
    course, number = found["course"] or "", found["number"]
    if course.isdigit() and number is None:
        course, number = "", course[:5]
    return course.lower(), None if number is None else int(number)


class CourseCatchUp:
    handout: LabHandout  # set by the wiring: labs are made after classes

    def __init__(self, room: Classroom, script_runs: ScriptRuns, lab_setup: LabSetup) -> None:
        self.room, self.courses, self.lab_setup, self.script_runs = room, room.courses, lab_setup, script_runs
        script_runs.replayed = self.replayed

    # -- the command -----------------------------------------------------------------------------------

    def ask_first(self, ask: Request, words: str = "") -> Reply | None:
        """What is asked before scripts run in a lab that may have work in it; None if there is no such lab."""
        if self._in_class(ask, words):
            return None
        target = self._target(ask, words)
        if self._open_row(ask, target, words) is not None:
            return None
        lab = self.room.stock.lab_of(ask.person.id, target.image)
        if lab is None:
            return None
        return Reply(
            f"you have a {lab.image} lab, and there may be work in it: I would run the steps there, up to where "
            f"{target.named}, and they may change your files. (!lab return first: the steps are run in a new lab.)",
            private=True,
        )

    def catch_up(self, ask: Request, words: str = "") -> list[Effect]:
        if self._in_class(ask, words):
            return self.lab_setup.catch_up(ask, read_words(words)[1])
        target = self._target(ask, words)
        row = self._open_row(ask, target, words)
        if row is not None:
            return self._go_on_by_hand(row, ask.at)
        if not sum(replay.solves for replay in target.replays):
            raise UserError(f"the exercises of {target.course} can't do their steps for you{self._page(target)}")
        if self.room.homes.first(person_id=ask.person.id, image=target.image) is not None:
            raise UserError(
                f"you run {target.image} on a machine of your own, where I can't do anything; !lab {target.image} gives "
                "you a lab here"
            )
        effects: list[Effect] = []
        if self._lease(ask.person.id, target.image) is None:
            effects += self.handout.request_lab(ask, target.image, target.mode)
            if self._lease(ask.person.id, target.image) is None:
                return effects  # it says why there is none
        lab = self.room.stock.lab_of(ask.person.id, target.image)
        for old in self.courses.catch_ups.all(person_id=ask.person.id, ended_at=None):
            self._end(old, ask.at)
        if lab is not None:
            self._forget(lab, target.replays)
        self.courses.catch_ups.add(
            person_id=ask.person.id,
            course=target.course,
            number=target.session.number,
            image=target.image,
            lab_id=lab.id if lab is not None else "",
            asked_at=ask.at,
        )
        steps = sum(replay.solves for replay in target.replays)
        text = f"bringing your {target.image} lab to where {target.named}; steps to do: {steps}. I'll tell you when it's ready"
        return [*effects, Reply(text, private=True)]

    def _in_class(self, ask: Request, words: str) -> bool:
        """Whether this is about the class that runs there: it is, unless a course is named."""
        if words.strip() and not words.strip().isdigit():
            return False
        if ask.channel is not None:
            return self.room.running(ask.channel)
        running = [channel for channel in self.room.audience.channels_of(ask.sender) if self.room.running(channel)]
        if running:
            raise UserError(f"which channel? Put it first: {running[0]} !catchup")
        return False

    def _open_row(self, ask: Request, target: Target, words: str) -> CatchUp | None:
        """Their catch-up that is not complete, if this is about the same."""
        row = self.courses.catch_ups.first(person_id=ask.person.id, ended_at=None)
        if row is None or row.course != target.course:
            return None
        return row if read_words(words)[1] in (None, row.number) else None

    def _page(self, target: Target) -> str:
        url = self.room.pages.handout_url(target.replays[-1].exercise) if target.replays else ""
        return f": {url} shows them" if url else ""

    def _lease(self, person_id: int, image: str) -> Lease | None:
        return next(iter(self.room.leases.open(person_id=person_id, image=image)), None)

    # -- where to ----------------------------------------------------------------------------------------

    def _target(self, ask: Request, words: str) -> Target:
        course, number = read_words(words)
        sessions = self._over(course or self._course_of(ask))
        name = course or self._course_of(ask)
        if not sessions:
            there = self.courses.names()
            raise UserError(
                f"no session of {name} is over yet, so there is nothing to catch up on"
                if name in there
                else f'no course called "{name[:40]}"' + (f" (there is {', '.join(there[:8])})" if there else "")
            )
        if number is not None and number not in [session.number for session in sessions]:
            over = ", ".join(str(session.number) for session in sessions)
            raise UserError(f"sessions of {name} that are over: {over}; {USAGE}")
        session = next((session for session in sessions if session.number == number), sessions[-1])
        last = self.room.exercise(session.runs[-1])
        if not self.room.stock.has_labs(last.image):
            raise UserError(
                f"{self.room.unchecked(last) or f'{last.title} has no labs'}, so I can't do its steps for you"
            )
        replays = self._replays(name, session.number, last.image)
        mode = Mode.PERMISSIVE if last.permissive else Mode.ENFORCING
        return Target(name, session, last.image, mode, replays or ())

    def _over(self, course: str) -> list[CourseSession]:
        return [session for session in self.courses.sessions(course) if session.over]

    def _course_of(self, ask: Request) -> str:
        """The course that somebody who names none means: the only one of theirs, or the only one."""
        for names in (self.courses.of_person(ask.person.id), self.courses.names()):
            over = [name for name in names if self._over(name)]
            if len(over) == 1:
                return over[0]
            if over:
                raise UserError(f"which course? Type !catchup {' or !catchup '.join(over[:5])}")
        raise UserError(
            "there is nothing to catch up on: no class is running here, and no session of a course is over; !sessions "
            "shows what is planned"
        )

    def _replays(self, course: str, number: int, image: str) -> list[Replay] | None:
        """What is run in a lab of that image, exercise by exercise; None while one of them can't be read.  An exercise
        that several sessions went through is run once, as far as any of them got."""
        found: dict[str, Replay] = {}
        for session in self._over(course):
            for run in session.runs if session.number <= number else ():
                exercise = self.room.readable(run)
                if exercise is None:
                    return None
                exercise = exercise.in_first_lab()
                behind = run.step + (self.room.classes.done.first(class_id=run.id, step=run.step) is not None)
                before = found.get(run.exercise)
                if exercise.image == image and (before is None or behind >= before.behind):
                    found[run.exercise] = Replay(session, run, exercise, behind)
        return list(found.values())

    # -- what runs in the lab ----------------------------------------------------------------------------

    def settle(self, now: datetime) -> None:
        """Starts the next script of everybody who catches up."""
        for row in self.courses.catch_ups.all(ended_at=None):
            self._go_on(row, now)

    def _go_on(self, row: CatchUp, now: datetime) -> None:
        if self._lease(row.person_id, row.image) is None:
            self._end(row, now)
            return
        lab = self.room.stock.lab_of(row.person_id, row.image)
        replays = self._replays(row.course, row.number, row.image)
        if lab is None or lab.state is not LabState.READY or replays is None:
            return
        told = row.told if lab.id == row.lab_id else 0
        if lab.id != row.lab_id:  # the first one, or one that replaces it
            self.courses.catch_ups.change({"id": row.id}, lab_id=lab.id, told=0)
        ran = self._ran(lab)
        for place, replay in enumerate(replays):
            wanted, states = replay.wanted, ran.get(replay.run.id, {})
            at = next_of(wanted, states)
            if at is not None:
                if not self.script_runs.begin(replay.run, replay.exercise, row.person_id, lab, at, now):
                    self._stopped(row, replay, at[0], "no script for it", now)
                return
            if not complete(wanted, states):
                return
            if told <= place < len(replays) - 1:
                self.courses.catch_ups.change({"id": row.id}, told=place + 1)
                self._tell(
                    row,
                    f"{_in_words(replay)} is done in your {row.image} lab, {_in_words(replays[place + 1])} is next",
                    now,
                )
        self._end(row, now, reached=True)
        titles = {session.number: f" ({session.title})" for session in self._over(row.course)}
        where = f"{row.course} was after session {row.number}{titles.get(row.number, '')}"
        self._tell(row, f"your {row.image} lab is ready: it is where {where}", now)

    def _ran(self, lab: Lab) -> Mapping[int, Mapping[At, ScriptState]]:
        """What has been run in the lab, or is about to be, by class."""
        found: dict[int, dict[At, ScriptState]] = {}
        for play in self.script_runs.rows.all(lab_id=lab.id):
            found.setdefault(play.class_id, {})[play.step, play.kind] = play.state
        return found

    def _forget(self, lab: Lab, replays: Sequence[Replay]) -> None:
        """What these classes have run there is run again, between the solves."""
        for replay in replays:
            for play in self.script_runs.rows.all(lab_id=lab.id, class_id=replay.run.id):
                if play.kind is ScriptKind.SOLVE or play.kind in BEFORE:
                    self.script_runs.rows.remove(id=play.id)

    def replayed(self, play: ScriptRun, run: ClassRun, exercise: Exercise, now: datetime) -> None:
        """A script of a class that is over has ended in a lab: the next one starts at once."""
        row = self.courses.catch_ups.first(person_id=play.person_id, lab_id=play.lab_id, ended_at=None)
        replays = self._replays(row.course, row.number, row.image) if row is not None else None
        replay = next((replay for replay in replays or () if replay.run.id == run.id), None)
        if row is None or replay is None:
            return
        if play.kind is ScriptKind.SOLVE and play.state is not ScriptState.PASSED:
            self._stopped(row, replay, play.step, play.said or "its script failed", now)
        self._go_on(row, now)

    def _stopped(self, row: CatchUp, replay: Replay, step: int, why: str, now: datetime) -> None:
        url = self.room.pages.handout_url(replay.exercise)
        named = f"step {step} ({title_of(replay.exercise, step)}) of {_in_words(replay)}"
        how = f" ({url} shows how)" if url else ""
        self._tell(
            row,
            f"I couldn't do {named} in your lab: {why}. Do it by hand{how}, then !catchup {row.course} continues",
            now,
        )

    def _go_on_by_hand(self, row: CatchUp, now: datetime) -> list[Effect]:
        """Counts a failed solve as done by hand, and continues with what comes after it."""
        replays = self._replays(row.course, row.number, row.image) or []
        ids = {replay.run.id for replay in replays}
        plays = [play for play in self.script_runs.rows.all(lab_id=row.lab_id) if play.class_id in ids]
        stopped = [
            play
            for play in plays
            if play.kind is ScriptKind.SOLVE and play.state in (ScriptState.FAILED, ScriptState.UNKNOWN)
        ]
        if not stopped:
            solved = sum(play.kind is ScriptKind.SOLVE and play.state is ScriptState.PASSED for play in plays)
            steps = sum(replay.solves for replay in replays)
            raise UserError(
                f"your {row.image} lab is on its way to where {row.course} was after session {row.number}: {solved} of "
                f"{steps} steps are done; I'll tell you when it's ready"
            )
        for play in stopped:
            self.script_runs.rows.change({"id": play.id}, state=ScriptState.PASSED)
        self._go_on(row, now)
        return [Reply(f"continuing after step {stopped[-1].step}", private=True)]

    def _tell(self, row: CatchUp, text: str, now: datetime) -> None:
        self.room.notices.tell(now, text, person_id=row.person_id, not_after=now + NEWS)

    def _end(self, row: CatchUp, now: datetime, *, reached: bool = False) -> None:
        self.courses.catch_ups.change({"id": row.id}, ended_at=now, reached=reached)

    # -- around it ---------------------------------------------------------------------------------------

    def merge(self, old: int, new: int) -> None:
        """``old`` turned out to be the person ``new``."""
        if self.courses.catch_ups.first(person_id=new, ended_at=None) is not None:
            self.courses.catch_ups.remove(person_id=old, ended_at=None)
        self.courses.catch_ups.change({"person_id": old}, person_id=new)

    def next_steps(self, ask: Request) -> Sequence[NextStep]:
        """Tells somebody with a seat in a session to come that they missed one before it."""
        for course in self.courses.of_person(ask.person.id):
            sessions = self.courses.sessions(course)
            seats = [
                session.number
                for session in sessions
                if not session.runs and self.room.signups.first(session_uid=session.uid, person_id=ask.person.id)
            ]
            there = [
                row.number for row in self.courses.catch_ups.all(person_id=ask.person.id, course=course, reached=True)
            ]
            missed = [session for session in sessions if session.over and session.number > max(there, default=0)]
            missed = [session for session in missed if session.number < max(seats, default=0)]
            missed = [session for session in missed if not self._came(session, ask.person.id)]
            if missed and self.courses.catch_ups.first(person_id=ask.person.id, ended_at=None) is None:
                text = f"You missed session {missed[-1].number} of {course}: !catchup {course} does its steps in a lab for you."
                return (NextStep(Urgency.SESSION, text),)
        return ()

    def _came(self, session: CourseSession, person_id: int) -> bool:
        attendance = self.room.classes.attendance
        return any(attendance.first(class_id=run.id, person_id=person_id) is not None for run in session.runs)

    def commands(self) -> list[Command]:
        return [
            Command(
                "catchup",
                self.catch_up,
                "do the steps before the class's (or before step N) in your lab; between classes those of a course's sessions; "
                "after a step you did by hand, continue",
                (Argument("N or COURSE", "words", optional=True, rest=True),),
                confirm=self.ask_first,
                example="catchup selinux",
                group="class",
            )
        ]


def _in_words(replay: Replay) -> str:
    return f"session {replay.session.number} ({replay.session.title})"
