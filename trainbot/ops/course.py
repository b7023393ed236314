"""``trainbot course``: reads the database even while the bot runs."""

from __future__ import annotations

import csv
import io
import json
from collections.abc import Iterator
from typing import Any

from trainbot.config import Config
from trainbot.core.errors import UserError
from trainbot.features.courses.report import CourseReport, report_of
from trainbot.features.records.timeline import no_formula
from trainbot.ops.log import reading

#: The fields of an export, in this order: programs rely on them, so more may be added, at the end.
FIELDS = (
    "course", "session", "uid", "title", "start", "over", "nick", "account", "seat", "came", "steps", "done", "all",
    "caught_up", "questions",
)  # fmt: skip


def courses(config: Config) -> list[dict[str, Any]]:
    with reading(config) as store:
        return [
            {
                "course": name,
                "sessions": [
                    {"session": s.number, "uid": s.uid, "title": s.title, "start": s.start.isoformat(), "over": s.over}
                    for s in store.courses.sessions(name)
                ],
            }
            for name in store.courses.names()
        ]


def export(config: Config, course: str, form: str) -> Iterator[str]:
    """The rows of ``CourseReport.rows`` as ``csv`` or ``json``.  UserError if there is no such course."""
    with reading(config) as store:
        there = store.courses.names()
        if course.lower() not in there:
            raise UserError(f'no course called "{course[:60]}" (there is {", ".join(there) or "none yet"})')
        found = report_of(store, course.lower())
    yield from _json(found) if form == "json" else _csv(found)


def _json(found: CourseReport) -> Iterator[str]:
    rows = [json.dumps(row, ensure_ascii=False) for row in found.rows()]
    yield "[" + ",\n ".join(rows) + "]\n"


def _csv(found: CourseReport) -> Iterator[str]:
    text = io.StringIO()
    writer = csv.DictWriter(text, FIELDS, lineterminator="\n")
    writer.writeheader()
    for row in found.rows():
        writer.writerow({name: _cell(value) for name, value in row.items()})
    yield text.getvalue()


def _cell(value: Any) -> Any:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return no_formula(value) if isinstance(value, str) else value
