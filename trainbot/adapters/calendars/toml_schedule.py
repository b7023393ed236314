"""Course files, ``*.toml`` (TOML 1.0): one ``[course]`` and a ``[[session]]`` for each class.

docs/schedules.md shows an example.  All faults of a file are reported at once.  A session is left out only if a field
that it needs is wrong; a wrong number of seats does not cancel a class.
"""

from __future__ import annotations

import re
import tomllib
from datetime import date, datetime, time
from typing import Any

from trainbot.core.errors import UserError
from trainbot.core.times import offset_refused, to_utc
from trainbot.model import session_fields as fields
from trainbot.model.session import MOST_PROBLEMS, ScheduleProblem, Session
from trainbot.model.session_fields import FIELDS, FieldFault

MOST_SESSIONS = 1000
LONGEST_LINE = 500  # tomllib's memory grows with the square of a dotted key's length, and a key is on one line
COURSE_KEYS = [key for key in FIELDS if key != "cancelled"]
SESSION_KEYS = ["id", "start", *FIELDS]
NEEDED = {"title", "zone", "minutes", "cancelled"}  # a session without one of these would mislead
_START = "write it as start = 2027-03-05T19:00:00, the local time in the session's zone"


def read_toml(text: str, file: str) -> tuple[list[Session], list[ScheduleProblem]]:
    """Returns the sessions of a course file named ``file``, and every fault in it.  Raises nothing."""
    for number, line in enumerate(text.split("\n"), 1):
        if len(line) > LONGEST_LINE:
            return [], [
                ScheduleProblem(file, number, f"the line is longer than {LONGEST_LINE} characters: break it up")
            ]
    try:
        data = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        where = re.search(r"\(at line (\d+), column \d+\)", str(error))
        what = fields.plain(str(error).split(" (at ")[0])
        return [], [ScheduleProblem(file, int(where[1]) if where else None, f"this is not TOML: {what}")]
    except (RecursionError, ValueError) as error:  # nested too deeply; an impossible date
        return [], [ScheduleProblem(file, None, f"this is not TOML: {fields.plain(str(error))}")]
    return _TomlReader(text, file).read(data)


class _TomlReader:
    """Reads one file; collects faults with the lines they are most likely on."""

    def __init__(self, text: str, file: str) -> None:
        self.file, self.stem = file, file.rpartition(".")[0] or file
        self.lines = text.splitlines()
        self.problems: list[ScheduleProblem] = []

    def read(self, data: dict[str, Any]) -> tuple[list[Session], list[ScheduleProblem]]:
        for key in sorted(data.keys() - {"course", "session"}):
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
            self.fault(
                None,
                "session",
                f"{len(entries)} sessions are too many: split them into files of at most {MOST_SESSIONS}",
            )
            entries = []
        defaults, broken = self.checked(course, COURSE_KEYS, None)
        sessions = [self.session(n, entry, defaults, broken) for n, entry in enumerate(entries)]
        return self.unique([session for session in sessions if session]), self.problems

    def session(self, n: int, entry: dict[str, Any], defaults: dict[str, Any], lost: set[str]) -> Session | None:
        """The n-th session, or None if it has faults (which are recorded).  ``lost``: the course's keys that have a
        fault of their own; a session that needs one of them gets no second fault for it."""
        own, broken = self.checked({k: v for k, v in entry.items() if k not in ("id", "start")}, SESSION_KEYS, n)
        ident, local = self.ident(n, entry), self.start(n, entry)
        values = {**defaults, **own}
        missing = {"title", "zone"} - values.keys() - lost - broken
        for key in sorted(missing):
            self.fault(n, None, f"{key} is missing: write it here or under [course]")
        if ident is None or local is None or missing or NEEDED & (broken | (lost - own.keys())):
            return None
        try:
            start = to_utc(local, values["zone"])
        except UserError as error:
            self.fault(n, "start", f"start: {error}")
            return None
        values.setdefault("minutes", fields.DEFAULT_MINUTES)
        return Session.of(uid=f"{self.stem}/{ident}", start=start, local=local, origin=self.file, **values)

    def checked(self, table: dict[str, Any], known: list[str], n: int | None) -> tuple[dict[str, Any], set[str]]:
        """The table's values as a Session holds them, and the keys that have a fault (which is recorded)."""
        values, broken = {}, set()
        for key, value in table.items():
            try:
                if key not in known:
                    raise FieldFault(fields.unknown(key, known))
                values[key] = FIELDS[key](value)
            except FieldFault as fault:
                self.fault(n, key, f"{key} {fault}" if key in known else str(fault))
                broken.add(key)
        return values, broken

    def ident(self, n: int, entry: dict[str, Any]) -> str | None:
        if "id" not in entry:
            self.fault(n, None, 'id is missing: give the session a permanent name, such as id = "melbourne"')
            return None
        try:
            return fields.name(entry["id"])
        except FieldFault as fault:
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
            said += " is in quotes"
        elif isinstance(value, date):
            said += " has no time"
        elif isinstance(value, time):
            said += " has no date"
        else:
            said += " is not a time"
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
        if len(self.problems) < MOST_PROBLEMS:  # nobody reads more, and finding their lines takes time
            self.problems.append(ScheduleProblem(self.file, self.line(n, key), named))

    def line(self, n: int | None, key: str | None) -> int | None:
        """The likely line of a key.  tomllib gives none, so the text is searched for the table's heading and then for
        the key; a heading inside a long string may mislead the search."""
        at, end = 0, len(self.lines)
        if n is not None:
            heads = [i for i, line in enumerate(self.lines) if re.match(r"\s*\[\[\s*session\s*\]\]", line)]
            if n >= len(heads):
                return None
            at, end = heads[n], (*heads, end)[n + 1]
        if key is not None:
            pattern = re.compile(rf"\s*\[*\s*[\"']?{re.escape(key)}[\"']?\s*[=.\]]")
            for i in range(at, end):
                if pattern.match(self.lines[i]):
                    return i + 1
        return at + 1 if n is not None else None
