"""All classes that were: their records from the store, minutes on disk, exports."""

from __future__ import annotations

import csv
import io
import json
import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Any

from trainbot.errors import UserError
from trainbot.exercises.classes import ClassRun
from trainbot.records.minutes import ClassRecord, file_name, minutes, write_whole

if TYPE_CHECKING:
    from trainbot.store.questions import Questions
    from trainbot.store.repositories import Classes, Entries

log = logging.getLogger(__name__)


class Archive:
    """``times``: a moment in the configured zones, in words."""

    def __init__(self, classes: Classes, entries: Entries, questions: Questions, folder: Path, public_url: str,
                 times: Callable[[datetime], str]) -> None:
        self.classes, self.entries, self.questions = classes, entries, questions
        self.folder, self.public_url, self.times = folder, public_url, times
        self._failed: str = ""

    def record(self, run: ClassRun) -> ClassRecord:
        questions = self.questions.all(class_id=run.id)
        ids = {question.id for question in questions}
        events = [e for id in sorted(ids) for e in self.questions.events.all(question_id=id)]
        return ClassRecord(run, self.entries.all(class_id=run.id), self.classes.attendance.all(class_id=run.id),
                           self.classes.done.all(class_id=run.id), questions, events, self.times(run.started_at))

    def place(self, run: ClassRun) -> str:
        """What people are told about where the minutes are."""
        if self.public_url:
            return f"Minutes: {self.public_url}/minutes/{file_name(run)}"
        return f"Minutes: trainbot log show {run.id}"

    def settle(self) -> None:
        """Writes the minutes of classes that have ended and have none: also those whose end we did not survive.
        What cannot be written is said in the log and tried again later; nothing else waits for it."""
        for run in self.classes.all(self.classes.table.c.ended_at.is_not(None), minutes=""):
            path = self.folder / "minutes" / file_name(run)
            try:
                write_whole(path, minutes(self.record(run)))
            except OSError as error:
                if self._failed != str(error):
                    log.error("the minutes %s cannot be written: %s; I try again", path, error)
                self._failed = str(error)
                return
            self._failed = ""
            self.classes.change({"id": run.id}, minutes=str(path))

    def find(self, id: int) -> ClassRun:
        found = self.classes.first(id=id)
        if found is None:
            raise UserError(f"there is no class {id}; trainbot log list shows them")
        return found

    def export(self, runs: Sequence[ClassRun], form: str) -> str:
        """Classes: ``markdown`` (their minutes), ``jsonl`` or ``csv`` (everything that happened, by time)."""
        records = [self.record(run) for run in runs]
        if form == "markdown":
            return "\n".join(minutes(record) for record in records)
        rows = [row for record in records for row in _rows(record)]
        return _written(sorted(rows, key=lambda row: row["at"]), form)

    def export_all(self, form: str) -> str:
        """Every class, and in ``jsonl`` and ``csv`` also what was asked outside of classes."""
        runs = self.classes.all()
        if form == "markdown":
            return self.export(runs, form)
        rows = [row for run in runs for row in _rows(self.record(run))]
        loose = {question.id: question for question in self.questions.all(class_id=None)}
        rows += [_row("", e.at, e.kind, e.nick, e.words, question=e.question_id)
                 for e in self.questions.events.all() if e.question_id in loose]
        return _written(sorted(rows, key=lambda row: row["at"]), form)


def _written(rows: list[dict[str, Any]], form: str) -> str:
    if form == "jsonl":
        return "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows)
    out = io.StringIO()
    writer = csv.DictWriter(out, ["class", "at", "kind", "nick", "step", "question", "text"], lineterminator="\n")
    writer.writeheader()
    writer.writerows({**row, "text": _no_formula(row["text"]), "nick": _no_formula(row["nick"])} for row in rows)
    return out.getvalue()


def _no_formula(text: str) -> str:
    """Spreadsheets run cells that begin so; a quote before makes them text (OWASP, "CSV Injection")."""
    return f"'{text}" if text[:1] in ("=", "+", "-", "@", "\t") else text


def _row(number: int | str, at: datetime, kind: str, nick: str, text: str, *, step: int | str = "",
         question: int | str = "") -> dict[str, Any]:
    return {"class": number, "at": at.isoformat(), "kind": kind, "nick": nick, "step": step, "question": question,
            "text": text}


def _rows(record: ClassRecord) -> list[dict[str, Any]]:
    id = record.run.id
    names = {a.person_id: a.nick for a in record.attendance}
    steps = {question.id: question.step for question in record.questions}
    return [*(_row(id, e.at, e.kind, e.nick, e.text) for e in record.entries),
            *(_row(id, d.at, "done", names.get(d.person_id, ""), "", step=d.step) for d in record.done),
            *(_row(id, e.at, e.kind, e.nick, e.words, step=steps.get(e.question_id, ""), question=e.question_id)
              for e in record.events)]
