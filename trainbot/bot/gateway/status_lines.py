"""The status line on a learner's screen in the lab, and the messages shown there: rows as the gateway's table of
lines."""

from __future__ import annotations

from datetime import datetime

from trainbot.adapters.db import Store
from trainbot.core.text import one_line
from trainbot.features.labs.lease_expiry import LeaseExpiry
from trainbot.model.class_run import Attendance, ClassRun, own_step
from trainbot.model.notice import Notice, NoticeKind
from trainbot.model.ports import Audience, Exercises

IDLE = "no class is running | ctrl-b d detaches; what runs here keeps running"
BETWEEN = " | "
TABLES = frozenset({"class", "attendance", "done", "notice", "lease", "person"})
#: Notices sent exactly as stored; the others get their text when they are sent, and may contain a password.
AS_IT_IS = (NoticeKind.TEXT, NoticeKind.ANSWER)


class StatusLines:
    def __init__(self, store: Store, exercises: Exercises, audience: Audience, expiry: LeaseExpiry) -> None:
        self.store, self.exercises, self.audience, self.expiry = store, exercises, audience, expiry

    def __call__(self, now: datetime) -> dict[str, dict[str, str]]:
        """{lease: {"line", "word"}}.  Makes two queries for each class and three more, however many leases there
        are."""
        store = self.store
        runs = {run.id: run for run in store.classes.running()}
        steps: dict[int, list[Attendance]] = {}
        done: dict[tuple[int, int], set[int]] = {}
        for run in runs:
            for row in store.classes.attendance.all(class_id=run):
                steps.setdefault(row.person_id, []).append(row)
            for each in store.classes.done.all(class_id=run):
                done.setdefault((run, each.person_id), set()).add(each.step)
        waiting: dict[int, list[Notice]] = {}
        for notice in store.notices.waiting():
            if notice.person_id is not None and notice.due_at <= now and notice.kind in AS_IT_IS:
                waiting.setdefault(notice.person_id, []).append(notice)
        people = {person.id: person for person in store.people.with_leases()}
        found = {}
        for lease in store.leases.open():
            mine, unheard = steps.get(lease.person_id, []), waiting.get(lease.person_id, [])
            parts = [
                self._progress(runs[row.class_id], row, done.get((row.class_id, row.person_id), set())) for row in mine
            ] or [self._elsewhere(run) for run in runs.values()]
            if (
                unheard and self.audience.where(people[lease.person_id]) is None
            ):  # a search through everybody, so only if there is something to show
                parts += _waiting(unheard)
            found[str(lease.id)] = {"line": BETWEEN.join(parts) or IDLE, "word": self.expiry.warned(lease)}
        return found

    def _progress(self, run: ClassRun, mine: Attendance, done: set[int]) -> str:
        step = own_step(run, mine, done)
        where = "which you've done" if step in done else "and so are you" if step == run.step else f"you at {step}"
        own = "" if not 0 < run.step <= run.steps else f", {where}"
        stuck = "; you asked for help" if mine.stuck_at is not None else ""
        return f"{one_line(run.title, 80)}: {self._step(run)}{own}{stuck}"

    def _elsewhere(self, run: ClassRun) -> str:
        return f"{one_line(run.title, 80)} runs in {run.channel}: {self._step(run)}"

    def _step(self, run: ClassRun) -> str:
        if run.step <= 0:
            return "the introduction"
        if run.step > run.steps:
            return "the end"
        exercise = self.exercises.get(run.exercise)
        steps = exercise.steps if exercise is not None else ()
        title = f" ({one_line(steps[run.step - 1].title, 40)})" if run.step <= len(steps) else ""
        return f"step {run.step} of {run.steps}{title}"


def _waiting(notices: list[Notice]) -> list[str]:
    """The messages that could not be delivered on IRC: the text if there is one, otherwise how many there are."""
    if len(notices) == 1:
        return [one_line(notices[0].text, 160)]
    return [f"{len(notices)} messages wait for you on IRC"]
