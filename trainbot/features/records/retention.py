"""What is kept about people, and for how long: redacts a person, and prunes old records.

With a large database that takes minutes, so it is done in steps (generators): between two of them others can
use the store, and each step is done completely or not at all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Generator
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any, TypeVar

from trainbot.core.errors import UserError
from trainbot.features.records.archive import Archive
from trainbot.model.question import WAITING, QuestionState
from trainbot.model.redaction import Traces, wanted

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

T = TypeVar("T")
Steps = Generator[None, None, str]
"""Pieces of work; returns what was done, in words."""

LATER = "; another program is reading the database, so some of it stays in the database's files until that program ends and you run this again"


class RetentionCommands:
    def __init__(self, store: Store, archive: Archive) -> None:
        self.store, self.archive = store, archive

    def answer(self, request: dict[str, Any], now: datetime) -> Steps:
        """``redact``: whom to redact; or ``prune``: days to keep; ``sure``: do it, instead of only saying what would be
        done."""
        match request:
            case {"redact": str(who)}:
                return (
                    (yield from self.redact(who, now)) if request.get("sure") is True else (yield from self.found(who))
                )
            case {"prune": int(days)} if 1 <= days <= 36500:
                before = now - timedelta(days=days)
                return (yield from self.prune(before)) if request.get("sure") is True else self.old(before)
        raise UserError("expected redact and who, or prune and how many days to keep")

    def found(self, who: str) -> Steps:
        """What a redaction would remove, in words; UserError if there is nobody, or they have a lab now."""
        return (yield from self._traces(who)).words

    def redact(self, who: str, now: datetime) -> Steps:
        """Removes a person from the database, its indexes and its log, and rewrites minutes; returns what was done."""
        yield from self.finish(now)
        traces = yield from self._traces(who)
        yield from self._in_turn(self._leave_queues(traces, now))
        quoted = yield from self._in_turn(self.store.redaction.quoted(traces))
        with self.store.transaction():
            self._refuse_busy(traces)
            self.store.redaction.begin(traces, quoted)
        yield
        return (yield from self.finish(now))

    def finish(self, now: datetime) -> Steps:
        """Goes on with a redaction that has begun; returns what was done, '' if there is none.  In the database nothing
        is left of them when it ends, since SQLite overwrites what is deleted (``secure_delete``)."""
        with self.store.transaction():
            words = self.store.redaction.pending
        if words is None:
            return ""
        yield from self._in_turn(self.store.redaction.rest())
        yield from self._in_turn(self.store.search.forget())
        yield
        again = yield from self._minutes(now)
        with self.store.transaction():
            waiting = len(self.store.classes.unwritten(None))
            self.store.redaction.done()
        clean = self.store.empty_log()
        late = f"; {waiting} could not be written, the bot will try again" if waiting else ""
        return f"removed: {words}; minutes written again: {again}{late}{'' if clean else LATER}"

    def _in_turn(self, steps: Generator[None, None, T]) -> Generator[None, None, T]:
        """Takes each step in a transaction of its own."""
        while True:
            with self.store.transaction():
                try:
                    next(steps)
                except StopIteration as end:
                    value: T = end.value
                    return value
            yield

    def _minutes(self, now: datetime) -> Generator[None, None, int]:
        """Writes the minutes of each class that needs it; returns how many."""
        with self.store.transaction():
            left = [run.id for run in self.store.classes.unwritten(None)]
        again = 0
        for id in left:
            yield
            with self.store.transaction():
                again += self.archive.write(self.archive.find(id), now)
        with self.store.transaction():
            self.archive.write_index()
        return again

    def old(self, before: datetime) -> str:
        """What pruning would remove, in words."""
        with self.store.transaction():
            return _words(self.store.retention.old(before))

    def prune(self, before: datetime) -> Steps:
        """Removes everything older; returns what was done."""
        with self.store.transaction():
            files = [run.minutes for run in self.store.retention.classes(before)]
            counts = self.store.retention.prune(before)
            deque(self.store.search.forget(), maxlen=0)  # all at once
            self.archive.withdraw(files)
        yield
        clean = self.store.vacuum()
        return f"removed: {_words(counts)}" + ("" if clean else LATER)

    def _traces(self, who: str) -> Generator[None, None, Traces]:
        traces = yield from self._in_turn(self.store.redaction.traces(wanted(who)))
        if not traces.ids and not any(traces.counts.values()) and not traces.others:
            raise UserError(f'nobody called "{who[:60]}" is in the records')
        with self.store.transaction():
            self._refuse_busy(traces)
        return traces

    def _leave_queues(self, traces: Traces, now: datetime) -> Generator[None, None, None]:
        """Nobody can help somebody who is no longer known, or answer a question without words, unless others asked it, too."""
        for id in traces.ids:
            self.store.classes.attendance.change({"person_id": id}, stuck_at=None, stuck_words="", helper="")
            person, questions = self.store.people.get(id), self.store.questions
            for question in questions.all(person_id=id):
                if question.state in WAITING and not questions.joined(question):
                    questions.record(question, person, person.nick, now, "deleted", state=QuestionState.DELETED)
                    yield

    def _refuse_busy(self, traces: Traces) -> None:
        busy = [lease for id in traces.ids for lease in self.store.leases.open(person_id=id)]
        if busy:
            nick = self.store.people.get(busy[0].person_id).nick
            raise UserError(f"{nick} has a lab or is waiting for one; type !lab revoke {nick} first")
        if any(run.presenter_id in traces.ids for run in self.store.classes.running()):
            raise UserError("they are presenting a running class; !end it first")


def _words(counts: dict[str, int]) -> str:
    return ", ".join(f"{number} {what}" for what, number in counts.items() if number) or "nothing"
