"""Runs scripts in labs from rows in the database: one at a time in each lab, limited per host and in total.

The record of scripts under way only prevents starting one twice; after a restart the rows alone say what to run, and
interrupted scripts are run again (scripts may run twice without harm: docs/writing-exercises.md).
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable
from datetime import datetime, timedelta

from trainbot.features.classes.classroom import Classroom
from trainbot.features.classes.lab_script import TIMED_OUT, command, last_words
from trainbot.model.class_run import ClassRun, ScriptKind, ScriptRun, ScriptState
from trainbot.model.exercise import Exercise, Script
from trainbot.model.lab import Lab
from trainbot.model.script_events import RunScript, ScriptEnded

log = logging.getLogger(__name__)
ON_A_HOST, IN_ALL = 8, 40  # scripts at once; the gateway has room for 64, the rest is for checking the labs
TRIES, AGAIN = 5, timedelta(seconds=10)  # if the lab cannot be reached
LOGIN = 30.0  # seconds that the login may take
PAGE = 300  # seconds for the scripts of the introduction and the end, which have no timeout of their own
SOMEBODY_WAITS = (ScriptKind.VERIFY, ScriptKind.HINT)

At = tuple[int, ScriptKind]

#: Called when a script run has ended, with its class and exercise.
Ended = Callable[[ScriptRun, ClassRun, Exercise, datetime], None]


class ScriptRuns:
    def __init__(self, room: Classroom) -> None:
        self.room, self.classes, self.rows = room, room.classes, room.classes.script_runs
        self.busy: dict[int, str] = {}
        self.after: dict[ScriptKind, Ended] = {}
        self.replayed: Ended | None = None  # called for classes that are over

    def add(
        self,
        run: ClassRun,
        person_id: int,
        lab: Lab,
        at: At,
        now: datetime,
        state: ScriptState = ScriptState.WAITING,
    ) -> None:
        """Queues a script after everything that is already queued for that lab; in another ``state`` it counts as over."""
        step, kind = at
        ended = None if state is ScriptState.WAITING else now
        self.rows.add(
            class_id=run.id,
            person_id=person_id,
            lab_id=lab.id,
            step=step,
            kind=kind,
            state=state,
            due_at=now,
            tries=0,
            said="",
            ended_at=ended,
        )

    def begin(self, run: ClassRun, exercise: Exercise, person_id: int, lab: Lab, at: At, now: datetime) -> bool:
        """Queues a script of the exercise.  False if there is nothing to run: recorded as such until they say that they did
        it by hand."""
        there = script_of(exercise, *at)[0] is not None
        self.add(run, person_id, lab, at, now, ScriptState.WAITING if there else ScriptState.UNKNOWN)
        return there

    def waits(self, run: ClassRun, person_id: int, step: int, kind: ScriptKind) -> bool:
        return (
            self.rows.first(class_id=run.id, person_id=person_id, step=step, kind=kind, state=ScriptState.WAITING)
            is not None
        )

    def forget(self, lab_id: str, since: datetime | None = None) -> None:
        """Forgets what was run in a lab that was reset, or rolled back to ``since``."""
        for play in self.rows.all(lab_id=lab_id):
            if play.kind in SOMEBODY_WAITS and play.ended_at is not None:
                continue  # the results of checks belong to the class's records
            if since is None or play.ended_at is None or play.ended_at > since:
                self.rows.remove(id=play.id)
                self.busy.pop(play.id, None)

    def work(self, now: datetime) -> list[RunScript]:
        """The scripts to begin now, marked as running.  Scripts that somebody is waiting for come first."""
        waiting = self.rows.all(state=ScriptState.WAITING)
        if not waiting:
            return []
        heads: dict[str, ScriptRun] = {}
        for play in waiting:
            heads.setdefault(play.lab_id, play)
        labs, on_host, work = self.room.stock.alive(), Counter(self.busy.values()), []
        for play in sorted(heads.values(), key=lambda play: (play.kind not in SOMEBODY_WAITS, play.id)):
            if len(self.busy) >= IN_ALL:
                break
            lab = labs.get(play.lab_id)
            if play.id in self.busy or (lab is not None and (play.due_at > now or on_host[lab.machine] >= ON_A_HOST)):
                continue
            wanted = self._wanted(play, lab, now)
            if wanted is not None:
                self.busy[play.id] = wanted.host
                on_host[wanted.host] += 1
                work.append(wanted)
        return work

    def _wanted(self, play: ScriptRun, lab: Lab | None, now: datetime) -> RunScript | None:
        run = self.classes.first(id=play.class_id)
        exercise = self.room.readable(run) if run is not None and self._counts(run, play) else None
        script, seconds = script_of(exercise, play.step, play.kind) if exercise is not None else (None, 0)
        if run is None or exercise is None or script is None or lab is None:
            self.rows.change({"id": play.id}, state=ScriptState.UNKNOWN, ended_at=now)
            return None
        way = self.room.stock.way_in(lab)
        if way is None:
            return None  # it is booting, or its host does not answer: the next try may succeed
        arguments = [str(max(0, int((now - run.step_at).total_seconds())))] if play.kind is ScriptKind.HINT else []
        return RunScript(play.id, lab.machine, way, command(script, seconds, *arguments), script.text, seconds + LOGIN)

    def _counts(self, run: ClassRun, play: ScriptRun) -> bool:
        """Whether its class is running, or is being replayed in that lab."""
        return run.ended_at is None or self.room.courses.catch_ups.first(lab_id=play.lab_id, ended_at=None) is not None

    def ended(self, event: ScriptEnded, now: datetime) -> None:
        """Records the end of a script.  The row is read again, so a late or repeated event does no harm."""
        self.busy.pop(event.play, None)
        play = self.rows.first(id=event.play)
        run = self.classes.first(id=play.class_id) if play is not None else None
        exercise = self.room.readable(run) if run is not None else None
        if play is None or run is None or exercise is None or play.state is not ScriptState.WAITING:
            return
        if event.exit is None and not event.slow and play.tries + 1 < TRIES:
            tries = play.tries + 1
            self.rows.change({"id": play.id}, tries=tries, due_at=now + AGAIN * tries)
            return
        log.info("%s of step %d in lab %s: exit %s", play.kind, play.step, play.lab_id, event.exit)
        self.rows.change({"id": play.id}, state=_state(event), said=_said(event, exercise, play), ended_at=now)
        told = self.rows.first(id=play.id)
        after = self.after.get(play.kind) if run.ended_at is None else self.replayed
        if told is not None and after is not None:
            after(told, run, exercise, now)


def _state(event: ScriptEnded) -> ScriptState:
    if event.exit is None or event.exit in TIMED_OUT:
        return ScriptState.UNKNOWN
    return ScriptState.PASSED if event.exit == 0 else ScriptState.FAILED


def _said(event: ScriptEnded, exercise: Exercise, play: ScriptRun) -> str:
    """The part of the output that people may see: several lines of markdown for a hint, one line for anything else."""
    if play.kind is ScriptKind.HINT:
        return event.said
    if event.slow or event.exit in TIMED_OUT:
        return f"it didn't finish within {script_of(exercise, play.step, play.kind)[1]} s"
    return last_words(event.said)


def script_of(exercise: Exercise, step: int, kind: ScriptKind) -> tuple[Script | None, int]:
    """The script (None if there is none) and its time limit in seconds.  Step 0 is the introduction, the one after the
    last the end."""
    if not 1 <= step <= len(exercise.steps):
        page = exercise.intro if step == 0 else exercise.finish
        if kind is ScriptKind.ASSETS and step == 0:
            return exercise.assets, PAGE
        found = {ScriptKind.SETUP: page.setup, ScriptKind.FOREGROUND: page.foreground}.get(kind) if page else None
        return found, PAGE
    found_at = exercise.steps[step - 1]
    return {
        ScriptKind.SETUP: found_at.setup,
        ScriptKind.FOREGROUND: found_at.foreground,
        ScriptKind.SOLVE: found_at.solve,
        ScriptKind.VERIFY: found_at.verify,
        ScriptKind.HINT: found_at.hint_script,
    }.get(kind), found_at.timeout
