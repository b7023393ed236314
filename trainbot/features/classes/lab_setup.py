"""Prepares labs for a class: setups when it reaches a step, and all earlier steps in a replacement lab.

What to run next in a lab follows from rows alone (``sequence``, ``next_of``): one script after the other, so that a
failed script stops what depends on it, and a restart continues where it was.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainbot.core.access import Person
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Reply, Sender
from trainbot.features.classes.classroom import Classroom
from trainbot.features.classes.script_runs import ScriptRuns, script_of
from trainbot.model.class_run import Attendance, ClassRun, ScriptKind, ScriptRun, ScriptState
from trainbot.model.exercise import Exercise
from trainbot.model.lab import Lab

BEFORE = (ScriptKind.ASSETS, ScriptKind.SETUP, ScriptKind.FOREGROUND)  # what runs before a step, in this order
NEWS = timedelta(minutes=30)
PATIENCE = timedelta(minutes=3)  # after which the presenter is told how far the setup of a step is

At = tuple[int, ScriptKind]


def sequence(exercise: Exercise, upto: int, behind: int) -> list[At]:
    """What a lab should have run, in order: what prepares steps 0 to ``upto``, and the solves of the steps before
    ``behind``."""
    wanted = []
    for step in range(upto + 1):
        wanted += [(step, kind) for kind in BEFORE if script_of(exercise, step, kind)[0] is not None]
        if (
            1 <= step < behind
            and step <= len(exercise.steps)
            and (needs_hands(exercise, step) or exercise.steps[step - 1].solve is not None)
        ):
            wanted.append((step, ScriptKind.SOLVE))
    return wanted


def needs_hands(exercise: Exercise, step: int) -> bool:
    """Whether only the learner can do this step: it has a check and no solve.  One with neither changes nothing."""
    found = exercise.steps[step - 1]
    return found.solve is None and found.verify is not None


def next_of(wanted: list[At], ran: Mapping[At, ScriptState]) -> At | None:
    """What to run next; None while something runs, after a solve that failed, and when everything has been run."""
    for at in wanted:
        state = ran.get(at)
        if state is None:
            return at
        if state is ScriptState.WAITING or (at[1] is ScriptKind.SOLVE and state is not ScriptState.PASSED):
            return None
    return None


def complete(wanted: list[At], ran: Mapping[At, ScriptState]) -> bool:
    """Whether everything has been run, and every solve passed."""
    states = {at: ran.get(at) for at in wanted}
    return all(
        state is ScriptState.PASSED or (at[1] is not ScriptKind.SOLVE and state not in (None, ScriptState.WAITING))
        for at, state in states.items()
    )


@dataclass(frozen=True, slots=True)
class LearnerWithLab:
    """Somebody in a class with a running lab; ``row`` is None for anyone who has not said anything yet."""

    person_id: int
    nick: str
    lab: Lab
    row: Attendance | None


class LabSetup:
    def __init__(self, room: Classroom, script_runs: ScriptRuns) -> None:
        self.room, self.classes, self.script_runs = room, room.classes, script_runs
        self._known: dict[Sender, Person | None] = {}  # one look into the store for each person who is there
        self._counted: set[tuple[int, datetime]] = set()
        for kind in (*BEFORE, ScriptKind.SOLVE):
            script_runs.after[kind] = self.ended

    # -- all labs of a class ---------------------------------------------------------------------------

    def settle(self, now: datetime) -> None:
        """Starts the next script in each lab of each class."""
        for run in self.classes.running():
            exercise = self._exercise(run)
            if exercise is None or run.lecture or not exercise.has_scripts:
                continue
            learners = self._learners(run, exercise)
            ran = self._ran(run)
            for learner in learners:
                self._go_on(run, exercise, learner, ran.setdefault(learner.lab.id, {}), now)
            self._count(run, exercise, learners, ran, now)

    def _exercise(self, run: ClassRun) -> Exercise | None:
        found = self.room.readable(run)
        return found.in_first_lab() if found is not None else None

    def _learners(self, run: ClassRun, exercise: Exercise) -> list[LearnerWithLab]:
        labs = self.room.stock.labs_of(exercise.image)
        rows = {row.person_id: row for row in self.classes.attendance.all(class_id=run.id)}
        people = {id: row.nick for id, row in rows.items()}
        if labs.keys() - rows.keys():  # somebody who has not said anything yet, or who is in another class
            members = self.room.people.learners(run.channel)
            self._known = {member: self._known.get(member) or self.room.people.known(member) for member in members}
            people = {**{known.id: member.nick for member, known in self._known.items() if known is not None}, **people}
        return [LearnerWithLab(id, nick, labs[id], rows.get(id)) for id, nick in people.items() if id in labs]

    def _ran(self, run: ClassRun, lab_id: str | None = None) -> dict[str, dict[At, ScriptState]]:
        """Lab -> what has been run there, or is about to be."""
        found: dict[str, dict[At, ScriptState]] = {}
        for lab, step, kind, state in self.classes.ran(run, lab_id):
            if kind in BEFORE or kind is ScriptKind.SOLVE:
                found.setdefault(lab, {})[step, kind] = state
        return found

    def _go_on(
        self, run: ClassRun, exercise: Exercise, learner: LearnerWithLab, ran: dict[At, ScriptState], now: datetime
    ) -> None:
        row, lab = learner.row, learner.lab
        if row is not None and row.lab_id != lab.id:
            self.classes.attendance.change({"class_id": run.id, "person_id": row.person_id}, lab_id=lab.id, behind=0)
            step = self.room.step_of(run, row)
            if row.lab_id and step > 1 and not ran:
                self._bring(run, exercise, learner, step, now, asked=False)
                return
            row = None  # a first lab, or one that they got back: run only what prepares its steps
        wanted = sequence(exercise, min(run.step, run.steps + 1), row.behind if row is not None else 0)
        at = next_of(wanted, ran)
        if at is not None:
            self._begin(run, exercise, learner.person_id, lab, at, now)
            ran[at] = ScriptState.WAITING
        elif row is not None and row.behind and complete(wanted, ran):
            self._landed(run, learner.person_id, row.behind, lab, now)

    def _begin(self, run: ClassRun, exercise: Exercise, person_id: int, lab: Lab, at: At, now: datetime) -> None:
        step, kind = at
        if script_of(exercise, step, kind)[0] is not None:
            self.script_runs.add(run, person_id, lab, step, kind, now)
            return
        # there is nothing to run: recorded as such until they say that they did it by hand
        self.script_runs.rows.add(
            class_id=run.id,
            person_id=person_id,
            lab_id=lab.id,
            step=step,
            kind=kind,
            state=ScriptState.UNKNOWN,
            due_at=now,
            tries=0,
            said="",
            ended_at=now,
        )
        self._stopped(run, person_id, step, "no script for it", now)

    def ended(self, play: ScriptRun, run: ClassRun, exercise: Exercise, now: datetime) -> None:
        """Handles the end of a script: the next one starts at once."""
        exercise = exercise.in_first_lab()
        if play.kind is ScriptKind.SOLVE and play.state is not ScriptState.PASSED:
            self._stopped(run, play.person_id, play.step, play.said or "its script failed", now)
        lab = self.room.stock.lab_of(play.person_id, exercise.image)
        if lab is None or lab.id != play.lab_id or run.lecture:
            return
        row = self.classes.attendance.first(class_id=run.id, person_id=play.person_id)
        learner = LearnerWithLab(play.person_id, row.nick if row is not None else "", lab, row)
        self._go_on(run, exercise, learner, self._ran(run, lab_id=lab.id).get(lab.id, {}), now)

    def _count(
        self,
        run: ClassRun,
        exercise: Exercise,
        learners: list[LearnerWithLab],
        ran: Mapping[str, Mapping[At, ScriptState]],
        now: datetime,
    ) -> None:
        """Tells the presenter once how the setup of the class step went."""
        told = (run.id, run.step_at)
        if told in self._counted or not learners or script_of(exercise, run.step, ScriptKind.SETUP)[0] is None:
            return
        states = {
            learner: ran.get(learner.lab.id, {}).get((run.step, ScriptKind.SETUP), ScriptState.WAITING)
            for learner in learners
        }
        if ScriptState.WAITING in states.values() and now - run.step_at < PATIENCE:
            return
        self._counted.add(told)
        passed = sum(state is ScriptState.PASSED for state in states.values())
        text = f"step {run.step} is set up in {passed} of {len(states)} labs"
        others = [learner.nick for learner, state in states.items() if state is not ScriptState.PASSED]
        failed = self.script_runs.rows.first(
            class_id=run.id, step=run.step, kind=ScriptKind.SETUP, state=ScriptState.FAILED
        )
        if others:
            text += f", but not for {', '.join(others[:5])}" + (" and others" if len(others) > 5 else "")
        if failed is not None and failed.said:
            text += f": {failed.said}"
        self.room.notices.tell(
            now,
            text,
            person_id=run.presenter_id,
            not_after=now + NEWS,
            key=f"setup {run.id} {run.step} {run.step_at:%H%M%S}",
        )  # so that a restart does not send it again

    # -- a lab that is behind --------------------------------------------------------------------------

    def _bring(
        self, run: ClassRun, exercise: Exercise, learner: LearnerWithLab, step: int, now: datetime, *, asked: bool
    ) -> None:
        """Brings their lab to ``step``.  If nobody asked for it, one line tells the whole class."""
        replayed = sum(found.solve is not None for found in exercise.steps[: step - 1])
        name = f"your {learner.lab.image} lab"
        if not replayed:
            self._tell(
                learner.person_id,
                f"{name} is a fresh copy of its image, and this exercise can't do the steps for you; !step 1 shows what to do again, up to step {step - 1}",
                now,
            )
            return
        self.classes.attendance.change({"class_id": run.id, "person_id": learner.person_id}, behind=step)
        for play in self.script_runs.rows.all(lab_id=learner.lab.id, class_id=run.id):
            if play.kind is ScriptKind.SOLVE or (
                play.step and play.kind in BEFORE
            ):  # it is run again, between the solves
                self.script_runs.rows.remove(id=play.id)
        if asked:
            self._tell(
                learner.person_id,
                f"bringing {name} to step {step} (earlier steps to replay: {replayed}); I'll tell you when it's ready",
                now,
            )
        else:
            self.room.notices.tell(
                now,
                "new labs are being brought to the step their users had reached; I'll tell each of you when yours is ready",
                channel=run.channel,
                not_after=now + NEWS,
                key=f"bringing {run.id} {now:%H%M}",
            )

    def _tell(self, person_id: int, text: str, now: datetime) -> None:
        self.room.notices.tell(now, text, person_id=person_id, not_after=now + NEWS)

    def _landed(self, run: ClassRun, person_id: int, step: int, lab: Lab, now: datetime) -> None:
        self.classes.attendance.change({"class_id": run.id, "person_id": person_id}, behind=0, step=step)
        self._tell(person_id, f"your {lab.image} lab is now at step {step}; !step shows it", now)

    def _stopped(self, run: ClassRun, person_id: int, step: int, why: str, now: datetime) -> None:
        self._tell(
            person_id,
            f"I couldn't do step {step} in your lab ({why}). Do it by hand (!step {step} and !solution {step} show how), then !catchup continues",
            now,
        )

    def renewed(self, person_id: int, lab: Lab, since: datetime | None) -> str:
        """What a person can type to redo their steps in a lab that is reset or rolled back to ``since``; '' if nothing."""
        self.script_runs.forget(lab.id, since)
        for run in self.classes.running():
            row = self.classes.attendance.first(class_id=run.id, person_id=person_id)
            exercise = self._exercise(run) if row is not None else None
            if row is None or exercise is None or exercise.image != lab.image:
                continue
            self.classes.attendance.change({"class_id": run.id, "person_id": person_id}, behind=0)
            step = self.room.step_of(run, row)
            if since is None and any(found.solve for found in exercise.steps[: max(0, step - 1)]):
                return f"!catchup {step} redoes the steps before yours"
        return ""

    def catch_up(self, ask: Request, number: int | None = None) -> list[Effect]:
        run = self.room.run(ask)
        exercise, last = self.room.exercise(run).in_first_lab(), min(run.step, run.steps)
        row, _mine = self.room.mine(ask, run)
        lab = self.room.stock.labs_of(exercise.image).get(ask.person.id)
        if not run.lecture and not self.room.stock.has_labs(exercise.image):
            raise UserError(
                f"{self.room.unchecked(exercise) or 'there are no labs for this exercise'}, so I can't do its steps for "
                "you; !step 1 shows the first one"
            )
        if run.lecture or lab is None:
            raise UserError(
                "the class is continuing without labs now"
                if run.lecture
                else f"you have no running {exercise.image} lab; !lab {exercise.image} gives you one, then type !catchup again"
            )
        if number is not None and not 1 <= number <= last:
            raise UserError(f"the class is at step {last}; type !catchup, or !catchup N with N from 1 to {last}")
        if row.behind and row.lab_id == lab.id:
            return self._go_on_by_hand(run, exercise, row, lab, ask.at)
        step = number or last
        if step < 2:
            raise UserError("there is nothing to catch up on: the class is at its first step")
        self.classes.attendance.change({"class_id": run.id, "person_id": ask.person.id}, lab_id=lab.id)
        self._bring(run, exercise, LearnerWithLab(ask.person.id, ask.nick, lab, row), step, ask.at, asked=True)
        return []

    def _go_on_by_hand(
        self, run: ClassRun, exercise: Exercise, row: Attendance, lab: Lab, now: datetime
    ) -> list[Effect]:
        """Counts a failed solve as done by hand, and continues with what comes after it."""
        stopped = [
            play
            for play in self.script_runs.rows.all(class_id=run.id, lab_id=lab.id, kind=ScriptKind.SOLVE)
            if play.state in (ScriptState.FAILED, ScriptState.UNKNOWN)
        ]
        if not stopped:
            raise UserError(f"your lab is on its way to step {row.behind}; I'll tell you when it's ready")
        for play in stopped:
            self.script_runs.rows.change({"id": play.id}, state=ScriptState.PASSED)
        learner = LearnerWithLab(row.person_id, row.nick, lab, row)
        self._go_on(run, exercise, learner, self._ran(run, lab_id=lab.id).get(lab.id, {}), now)
        return [Reply(f"continuing after step {stopped[-1].step}, up to step {row.behind}", private=True)]

    def commands(self) -> list[Command]:
        return [
            Command(
                "catchup",
                self.catch_up,
                "do the steps before the class's (or before step N) in your lab; after a step you did by hand, continue",
                (Argument("N", "number", optional=True),),
                scope=Scope.CLASS,
                group="class",
            )
        ]
