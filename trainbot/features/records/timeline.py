"""Everything that happened, by time, as rows for exports and logs: entries, steps done, checks, questions."""

from __future__ import annotations

import csv
import heapq
import io
import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

from trainbot.model.class_run import Attendance, Done, ScriptRun
from trainbot.model.question import Question, QuestionEvent
from trainbot.model.record import Entry

FORMS = ("jsonl", "csv")


@dataclass(frozen=True, slots=True)
class TimelineRow:
    """``number``: the class, None outside of classes; ``step`` and ``question``: None if the row is about none."""

    number: int | None
    at: datetime
    kind: str
    nick: str
    step: int | None
    question: int | None
    text: str
    person_id: int | None = None


def rows(
    entries: Iterable[Entry],
    done: Iterable[Done],
    events: Iterable[QuestionEvent],
    checks: Iterable[ScriptRun],
    question: Callable[[int], Question | None],
    attendance: Callable[[int, int], Attendance | None],
) -> Iterator[TimelineRow]:
    """Merges the four, each sorted by time (``checks``: those that have ended), into one sequence by time."""

    def name(one: Done | ScriptRun) -> str:
        who = attendance(one.class_id, one.person_id)
        return who.nick if who else ""

    def of_done(one: Done) -> TimelineRow:
        return TimelineRow(one.class_id, one.at, "done", name(one), one.step, None, "", one.person_id)

    def of_check(one: ScriptRun) -> TimelineRow:
        return TimelineRow(
            one.class_id, one.ended_at or one.due_at, "check", name(one), one.step, None, one.state, one.person_id
        )

    def of_event(event: QuestionEvent) -> TimelineRow:
        about = question(event.question_id)
        return TimelineRow(
            about.class_id if about else None,
            event.at,
            event.kind,
            event.nick,
            about.step or None if about else None,
            event.question_id,
            event.words,
            event.person_id,
        )

    of_entries = (TimelineRow(e.class_id, e.at, e.kind, e.nick, None, None, e.text, e.person_id) for e in entries)
    return heapq.merge(
        of_entries, map(of_done, done), map(of_event, events), map(of_check, checks), key=lambda row: row.at
    )


def written(found: Iterable[TimelineRow], form: str) -> Iterator[str]:
    """The lines of an export in the format ``form``."""
    return _jsonl(found) if form == "jsonl" else _csv(found)


def _plain(row: TimelineRow) -> dict[str, Any]:
    value = asdict(row)
    del value["person_id"]
    return {"class": value.pop("number"), **value, "at": row.at.astimezone(UTC).isoformat()}


def _jsonl(found: Iterable[TimelineRow]) -> Iterator[str]:
    for row in found:
        yield json.dumps(_plain(row), ensure_ascii=False) + "\n"


def _csv(found: Iterable[TimelineRow]) -> Iterator[str]:
    line = io.StringIO()
    writer = csv.DictWriter(line, ["class", "at", "kind", "nick", "step", "question", "text"], lineterminator="\n")
    writer.writeheader()
    for row in found:
        yield _taken(line)
        writer.writerow(
            {name: no_formula(cell) if isinstance(cell, str) else cell for name, cell in _plain(row).items()}
        )
    yield _taken(line)


def _taken(line: io.StringIO) -> str:
    text = line.getvalue()
    line.seek(0)
    line.truncate()
    return text


def no_formula(text: str) -> str:
    """Spreadsheets run cells that start with these signs, even after blanks; a quote in front makes them text
    (OWASP, "CSV Injection")."""
    start = text.lstrip()[:1]
    return f"'{text}" if (start and start in "=+-@\uff1d\uff0b\uff0d\uff20") or text[:1] in ("\t", "\r", "\n") else text
