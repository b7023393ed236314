"""Course files, ``*.toml`` (TOML 1.0): one ``[course]`` and a ``[[session]]`` for each class.

docs/schedules.md shows one.  All faults of a file are found at once; sessions without a fault are
read all the same.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, time
from typing import Any

from trainbot.errors import UserError
from trainbot.sessions import fields
from trainbot.sessions.fields import FIELDS, Fault
from trainbot.sessions.model import Problem, Session
from trainbot.sessions.times import offset_refused, to_utc

MOST_SESSIONS = 1000
COURSE_KEYS = [key for key in FIELDS if key != "cancelled"]
SESSION_KEYS = ["id", "start", *FIELDS]
_START = "write it as start = 2027-03-05T19:00:00, the time on the wall in the session's zone"


def read_toml(text: str, file: str) -> tuple[list[Session], list[Problem]]:
    """The sessions of a course file named ``file``, and every fault in it.  Raises nothing."""
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at line (\d+), column \d+\)", str(error))
        what = fields.plain(str(error).split(" (at ")[0])
        return [], [Problem(file, int(where[1]) if where else None, f"this is not TOML: {what}")]
    except (RecursionError, ValueError) as error:  # nested too deep; a date that is none
        return [], [Problem(file, None, f"this is not TOML: {fields.plain(str(error))}")]
    return _Reader(text, file).read(data)


class _Reader:
    """One file being read; collects faults with the lines they are most likely on."""

    def __init__(self, text: str, file: str) -> None:
        self.file, self.stem = file, file.rpartition(".")[0] or file
        self.lines = text.splitlines()
        self.problems: list[Problem] = []

    def read(self, data: dict[str, Any]) -> tuple[list[Session], list[Problem]]:
        for key in data.keys() - {"course", "session"}:
            self.fault(None, key, fields.unknown(key, ["course", "session"]))
        course, entries = data.get("course", {}), data.get("session", [])
        if not isinstance(course, dict):
            self.fault(None, "course", "course must be a table: write [course] on a line of its own")
            course = {}
        if not isinstance(entries, list) or not all(isinstance(entry, dict) for entry in entries):
            self.fault(None, "session", "sessions must be tables: write [[session]] on a line of its own before each")
            entries = []
        if not entries:
            self.fault(None, "session", "there is no session: write [[session]], then its id and start")
        if len(entries) > MOST_SESSIONS:
            self.fault(None, "session", f"{len(entries)} sessions are too many: make several files of {MOST_SESSIONS}")
            entries = []
        defaults = self.checked(course, COURSE_KEYS, None)
        if defaults is None:
            defaults = {key: value for key, value in course.items() if self.stands(key, value)}
            broken = course.keys() - defaults.keys()
        else:
            broken = set()
        sessions = [self.session(n, entry, defaults, broken) for n, entry in enumerate(entries)]
        return self.unique([s for s in sessions if s]), self.problems

    def session(self, n: int, entry: dict[str, Any], defaults: dict[str, Any], broken: set[str]) -> Session | None:
        """The n-th session, or None with its faults told.  ``broken`` are defaults that have a
        fault of their own: what leans on one is left out without a second fault."""
        own = self.checked({k: v for k, v in entry.items() if k not in ("id", "start")}, SESSION_KEYS, n)
        ident = self.ident(n, entry)
        local = self.start(n, entry)
        if own is None or ident is None or local is None or broken - entry.keys():
            return None
        values = {**defaults, **own}
        missing = [key for key in ("title", "zone") if key not in values]
        for key in missing:
            self.fault(n, None, f"{key} is missing: write it here or under [course]")
        if missing:
            return None
        try:
            start = to_utc(local, values["zone"])
        except UserError as error:
            self.fault(n, "start", f"start: {error}")
            return None
        values.setdefault("minutes", fields.DEFAULT_MINUTES)
        return Session.of(uid=f"{self.stem}/{ident}", start=start, local=local, origin=self.file, **values)

    def checked(self, table: dict[str, Any], known: list[str], n: int | None) -> dict[str, Any] | None:
        """The table's values as a Session holds them, or None with every fault told."""
        values, sound = {}, True
        for key, value in table.items():
            try:
                if key not in known:
                    raise Fault(fields.unknown(key, known))
                values[key] = FIELDS[key](value)
            except Fault as fault:
                self.fault(n, key, str(fault) if key not in known else f"{key} {fault}")
                sound = False
        return values if sound else None

    def stands(self, key: str, value: Any) -> bool:
        try:
            return key in COURSE_KEYS and FIELDS[key](value) == value
        except Fault:
            return False

    def ident(self, n: int, entry: dict[str, Any]) -> str | None:
        if "id" not in entry:
            self.fault(n, None, "id is missing: give the session a name that it keeps, such as id = \"melbourne\"")
            return None
        try:
            return fields.name(entry["id"])
        except Fault as fault:
            self.fault(n, "id", f"id {fault}")
            return None

    def start(self, n: int, entry: dict[str, Any]) -> datetime | None:
        value = entry.get("start")
        if isinstance(value, datetime) and value.tzinfo is None and not (value.second or value.microsecond):
            return value
        said = f"start {fields.shown(value)}"
        if value is None:
            said = "start is missing"
        elif isinstance(value, datetime) and value.tzinfo is not None:
            self.fault(n, "start", f"start: {offset_refused(value)}")
            return None
        elif isinstance(value, datetime):
            said += " is not on a whole minute"
        elif isinstance(value, str):
            said += " stands in quotes"
        elif isinstance(value, date):
            said += " has no time"
        elif isinstance(value, time):
            said += " has no date"
        else:
            said += " is no time"
        self.fault(n, "start", f"{said}: {_START}")
        return None

    def unique(self, sessions: list[Session]) -> list[Session]:
        found: dict[str, Session] = {}
        for session in sessions:
            if session.uid in found:
                ident = session.uid.rpartition("/")[2]
                self.fault(None, None, f"two sessions have the id {ident}: give each its own")
            found.setdefault(session.uid, session)
        return list(found.values())

    def fault(self, n: int | None, key: str | None, text: str) -> None:
        named = f"session {n + 1}: {text}" if n is not None else text
        self.problems.append(Problem(self.file, self.line(n, key), named))

    def line(self, n: int | None, key: str | None) -> int | None:
        """The likely line of a key: tomllib tells none, so the text is looked through for the
        table's heading and then for the key; a heading inside a long string may mislead it."""
        at, end = 0, len(self.lines)
        if n is not None:
            heads = [i for i, line in enumerate(self.lines) if re.match(r"\s*\[\[\s*session\s*\]\]", line)]
            if n >= len(heads):
                return None
            at, end = heads[n], (*heads, end)[n + 1]
        pattern = rf"\s*\[*\s*[\"']?{re.escape(key)}[\"']?\s*[=.\]]" if key is not None else None
        for i in range(at, end) if pattern else ():
            if re.match(pattern, self.lines[i]):
                return i + 1
        return at + 1 if n is not None else None
