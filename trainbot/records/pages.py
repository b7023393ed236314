"""Minutes, logs and their index as HTML: self-contained pages from ``templates/``.  The only importer of jinja2.

Every value is escaped (autoescape); a policy in each page forbids scripts and whatever is not in it.
"""

from __future__ import annotations

import functools
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from trainbot.exercises.classes import ClassRun
from trainbot.records.minutes import SOMEBODY, TITLES, Minutes, base_name, clock
from trainbot.records.timeline import Row
from trainbot.spine.words import span

#: How each kind of row is told after the nick.
TOLD = {"start": "begins the class", "end": "ends the class", "step": "goes to step", "lab": "has a lab:",
        "home": "works at home on",
        "stuck": "is stuck:", "info": "notes:", "link": "links:", "action": "to be done:", "joined": "joined",
        "left": "left", "quit": "quit", "renamed": "is now", "done": "has done step", "check": "was checked, step", "there": "in the channel:",
        "asked": "asks", "answered": "answers", "taken": "takes", "skipped": "puts aside", "reworded": "asks anew", "edited": "corrects an answer to", "merged": "merges",
        "reopened": "opens again"}


@functools.cache
def _templates() -> Environment:
    found = Environment(loader=FileSystemLoader(Path(__file__).with_name("templates")), autoescape=True,
                        undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    found.filters |= {"clock": clock, "span": span, "iso": _iso, "day": _day}
    found.globals |= {"titles": TITLES, "somebody": SOMEBODY, "told": TOLD}
    return found


def _iso(at: datetime) -> str:
    """As a time element has it (HTML, "Valid global date and time string")."""
    return f"{at.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}"


def _day(at: datetime) -> str:
    return f"{at.astimezone(UTC):%a %d %b %Y}"


def minutes_page(minutes: Minutes, name: str) -> str:
    """``name``: of its files, without ending."""
    return _templates().get_template("minutes.html").render(m=minutes, name=name)


def log_page(minutes: Minutes, rows: Iterable[Row], name: str) -> str:
    return _templates().get_template("log.html").render(m=minutes, rows=rows, name=name)


def index_page(runs: Sequence[ClassRun]) -> str:
    return _templates().get_template("index.html").render(runs=runs, base_name=base_name)


def minutes_json(minutes: Minutes) -> str:
    """Times as ISO 8601 in UTC, spans in seconds."""
    def plain(value: Any) -> Any:
        return value.astimezone(UTC).isoformat() if isinstance(value, datetime) else value.total_seconds() \
            if isinstance(value, timedelta) else str(value)

    return json.dumps(asdict(minutes), ensure_ascii=False, indent=1, default=plain) + "\n"
