"""Minutes, logs and their index as HTML, and minutes as JSON."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from typing import Any

from trainbot.adapters.html import render
from trainbot.features.records.minutes import SOMEBODY, TITLES, Minutes, base_name
from trainbot.features.records.timeline import TimelineRow
from trainbot.model.class_run import ClassRun

#: The words for each kind of row, written after the nick.
TOLD = {
    "start": "begins the class",
    "end": "ends the class",
    "step": "goes to step",
    "lab": "has a lab:",
    "home": "works from home on",
    "stuck": "is stuck:",
    "quiz": "asks in a quiz:",
    "won": "is the winner of:",
    "info": "notes:",
    "link": "links:",
    "action": "to do:",
    "joined": "joined",
    "left": "left",
    "quit": "quit",
    "renamed": "is now",
    "done": "has done step",
    "check": "was checked, step",
    "there": "in the channel:",
    "asked": "asks",
    "answered": "answers",
    "taken": "takes",
    "skipped": "skips",
    "reworded": "rewords",
    "edited": "corrects an answer to",
    "merged": "merges",
    "reopened": "reopens",
}


def minutes_page(minutes: Minutes, name: str) -> str:
    """The page.  ``name``: of the minutes' files, without extension."""
    return render("minutes.html", m=minutes, name=name, titles=TITLES, somebody=SOMEBODY)


def log_page(minutes: Minutes, rows: Iterable[TimelineRow], name: str) -> str:
    return render("log.html", m=minutes, rows=rows, name=name, told=TOLD, somebody=SOMEBODY)


def index_page(runs: Sequence[ClassRun]) -> str:
    return render("index.html", runs=runs, base_name=base_name, somebody=SOMEBODY)


def minutes_json(minutes: Minutes) -> str:
    """The minutes as JSON, with times as ISO 8601 in UTC and spans in seconds."""

    def plain(value: Any) -> Any:
        return (
            value.astimezone(UTC).isoformat()
            if isinstance(value, datetime)
            else value.total_seconds()
            if isinstance(value, timedelta)
            else str(value)
        )

    return json.dumps(asdict(minutes), ensure_ascii=False, indent=1, default=plain) + "\n"
