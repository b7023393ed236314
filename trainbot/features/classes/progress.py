"""Everybody's progress in a class, for its presenter and helpers."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Line, Priority, Reply
from trainbot.core.text import one_line
from trainbot.core.wording import as_many, span
from trainbot.features.classes.class_roster import Roster
from trainbot.features.classes.classroom import Classroom, position
from trainbot.features.classes.visits import Visits
from trainbot.model.class_run import Attendance, ClassRun
from trainbot.model.notice import Notice, NoticeKind

MARKS = (50, 80, 100)  # percent done at which the channel is told the numbers
PAUSE = timedelta(seconds=30)  # between two of them
FEW = 3  # people: fewer know without being told
ROOM = 380  # bytes of names in one line


@dataclass(frozen=True, slots=True)
class StepProgress:
    """Progress in one step of a class.  ``stuck``: longest first, those who have not done it."""

    done: int
    working: int
    stuck: tuple[Attendance, ...]
    silent: int

    @property
    def people(self) -> int:
        return self.done + self.working + len(self.stuck) + self.silent

    @property
    def percent(self) -> int:
        return 100 * self.done // self.people if self.people else 100


def worth_telling(progress: StepProgress, told: int, told_at: datetime | None, now: datetime) -> int:
    """The highest mark passed since the channel was last told ``told`` percent; 0 if none was."""
    if progress.people < FEW or (told_at is not None and now - told_at < PAUSE):
        return 0
    return max((mark for mark in MARKS if told < mark <= progress.percent), default=0)


class ProgressCommands:
    """``share``: percent of the people who should have done a step before the class goes on."""

    def __init__(self, room: Classroom, share: int, visits: Visits) -> None:
        self.room, self.classes, self.share, self.visits = room, room.classes, share, visits
        self.roster = Roster(room)

    def step_progress(self, run: ClassRun) -> StepProgress:
        step = min(max(run.step, 1), max(run.steps, 1))
        rows = self.classes.attendance.all(class_id=run.id)
        done = {d.person_id for d in self.classes.done.all(class_id=run.id, step=step)}
        left = [row for row in rows if row.person_id not in done]
        stuck = sorted((row for row in left if row.stuck_at is not None), key=lambda row: row.stuck_at or run.step_at)
        heard = {row.nick.lower() for row in rows}
        silent = sum(member.nick.lower() not in heard for member in self.room.people.learners(run.channel))
        return StepProgress(len(done), len(left) - len(stuck), tuple(stuck), silent)

    def progress(self, ask: Request, whom: str = "") -> list[Effect]:
        run = self.room.run(ask)
        if whom:
            return self.roster.of(ask, run, whom)
        now = self.step_progress(run)
        text = (
            f"{position(run)} for {span(ask.at - run.step_at)}: {now.done} done, {now.working} working, "
            f"{len(now.stuck)} stuck, {now.silent} silent"
        )
        home = self._at_home(run)
        if home:
            text += f"; at home, not checked: {as_many(home, ROOM)}"
        if now.stuck:
            text += f"; stuck: {as_many([_named(row) for row in now.stuck], ROOM)}"
        wait = f"; better wait: fewer than {self.share}% are done" if self._early(run, now) else ""
        return [Reply(text + wait)]

    def _at_home(self, run: ClassRun) -> list[str]:
        """The nicks of those who take part, or could, on a machine of their own."""
        exercise = self.room.readable(run)
        away = self.room.homes.people(exercise.image) if exercise is not None and exercise.image else frozenset()
        if not away:
            return []
        there = {row.person_id: row.nick for row in self.classes.attendance.all(class_id=run.id)}
        for member in self.room.people.learners(run.channel):
            known = self.room.people.known(member)
            if known is not None:
                there.setdefault(known.id, member.nick)
        return sorted(nick for id, nick in there.items() if id in away)

    def _early(self, run: ClassRun, progress: StepProgress) -> bool:
        """Whether !next would leave too many people behind; never in a lecture."""
        return 1 <= run.step <= run.steps and not run.lecture and progress.people > 0 and progress.percent < self.share

    def advice(self, run: ClassRun) -> list[Effect]:
        """Tells a presenter who goes on how many people that leaves behind, if it is many."""
        progress = self.step_progress(run)
        if not self._early(run, progress):
            return []
        stuck = f", {len(progress.stuck)} stuck (!hands)" if progress.stuck else ""
        return [
            Reply(
                f"only {progress.done} of {progress.people} had finished step {run.step}{stuck}; !prev goes back",
                private=True,
            )
        ]

    def hands(self, ask: Request) -> list[Effect]:
        run = self.room.run(ask)
        rows = [row for row in self.classes.attendance.all(class_id=run.id) if row.stuck_at is not None]
        if not rows:
            return [Reply("nobody is stuck")]
        rows.sort(key=lambda row: (bool(row.helper), row.stuck_at))
        named = [
            f"{_named(row)} for {span(ask.at - (row.stuck_at or ask.at))}"
            + (f", {row.helper} is helping" if row.helper else "")
            for row in rows
        ]
        return [Reply(f"{len(rows)} stuck: {as_many(named, ROOM, '; ', '; and {} more')}")]

    def helping(self, ask: Request, nick: str) -> list[Effect]:
        """Tells somebody who is stuck who is coming to help; the other helpers see it in !hands."""
        run = self.room.run(ask)
        rows = [row for row in self.classes.attendance.all(class_id=run.id) if row.stuck_at is not None]
        row = next((row for row in rows if row.nick.lower() == nick.lower()), None)
        if row is None:
            raise UserError(f"{nick[:30]} is not stuck; !hands shows who is")
        if row.helper and row.helper.lower() != ask.nick.lower():
            raise UserError(f"{row.helper} is already helping {row.nick}; !hands shows who else is waiting")
        self.classes.attendance.change({"class_id": run.id, "person_id": row.person_id}, helper=ask.nick)
        self.room.journal.noted(ask, "helping", row.nick)
        way = self.visits.helped(ask, run, row)
        said = f"{row.nick}: {ask.nick} is helping you now"
        if way is None and ask.person.id != row.person_id and self.visits.can_agree(run, row.person_id):
            said += "; !come lets them work at your terminal"
        return [Line(run.channel, said, Priority.CALL), *([way] if way is not None else [])]

    def tick(self, now: datetime) -> None:
        """Tells the channels of classes the numbers now and then, not about each person."""
        for run in self.classes.running():
            if not 1 <= run.step <= run.steps:
                continue
            progress = self.step_progress(run)
            mark = worth_telling(progress, run.told, run.told_at, now)
            if mark:
                self.classes.change({"id": run.id}, told=mark, told_at=now)
                self.room.notices.tell(
                    now,
                    _numbers(run.step, progress),
                    channel=run.channel,
                    kind=NoticeKind.PROGRESS,
                    subject=f"{run.id} {run.step}",
                    not_after=now + PAUSE,
                )

    def notice(self, notice: Notice, _now: datetime) -> Reply | None:
        """The numbers as they are when they are sent; None if the class has gone on since."""
        run = next((run for run in self.classes.running() if f"{run.id} {run.step}" == notice.subject), None)
        return Reply(_numbers(run.step, self.step_progress(run))) if run is not None else None

    def commands(self) -> list[Command]:
        return [
            Command(
                "progress",
                self.progress,
                "show how many people are done, working, stuck and silent, and who is stuck; in private how NICK is doing, "
                "who is at step N, or who is silent, done, working or stuck",
                (Argument("NICK, N or silent", "word", optional=True),),
                example="progress alice",
                role=Role.HELPER,
                scope=Scope.CLASS,
                group="class",
            ),
            Command(
                "hands",
                self.hands,
                "list who is stuck, longest first, with what they said and who is helping them",
                role=Role.HELPER,
                scope=Scope.CLASS,
                group="class",
            ),
            Command(
                "helping",
                self.helping,
                "say that you are helping NICK, who is told",
                (Argument("NICK", "nick"),),
                example="helping alice",
                role=Role.HELPER,
                scope=Scope.CLASS,
                group="class",
            ),
        ]


def _numbers(step: int, progress: StepProgress) -> str:
    stuck = f", {len(progress.stuck)} stuck" if progress.stuck else ""
    return f"Step {step}: {progress.done} of {progress.people} done{stuck}"


def _named(row: Attendance) -> str:
    return f"{row.nick} ({one_line(row.stuck_words, 80)})" if row.stuck_words else row.nick
