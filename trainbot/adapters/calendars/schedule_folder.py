"""Reads a folder of schedules, ``*.toml`` and ``*.ics``, as one schedule."""

from __future__ import annotations

import stat
from datetime import datetime, timedelta
from pathlib import Path

from trainbot.adapters.calendars.ics_text import folded_between_characters
from trainbot.adapters.calendars.toml_schedule import read_toml
from trainbot.model.config import ScheduleConfig
from trainbot.model.session import HERE, Schedule, ScheduleProblem, Session
from trainbot.model.session_fields import plain

MOST_BYTES = {".toml": 256_000, ".ics": 2_000_000}  # a larger file must be a mistake
MOST_FILES = 200
HORIZON = timedelta(days=400)
KEPT = timedelta(days=1)  # how long a session is still shown after its end

Read = tuple[list[Session], list[ScheduleProblem]]


class ScheduleFolder:
    """The [schedule] folder, as the planner uses it.  The usual one need not be there, but if it goes that is a fault."""

    def __init__(self, config: ScheduleConfig) -> None:
        self.path, self._wanted = config.folder, config.named

    def read(self, now: datetime) -> Schedule:
        self._wanted = self._wanted or self.path.exists()
        return load_schedules(self.path, now, may_lack=not self._wanted)

    def stamps(self) -> tuple[tuple[str, int, int], ...]:
        """(name, mtime in ns, size in bytes) of each file in the folder, to tell whether one has changed."""
        try:
            return tuple(sorted(_stamp(file) for file in self.path.iterdir()))
        except OSError:
            return ()


def _stamp(file: Path) -> tuple[str, int, int]:
    """A link that leads nowhere is there as well."""
    try:
        found = file.stat()
    except OSError:
        return file.name, 0, 0
    return file.name, found.st_mtime_ns, found.st_size


def load_schedules(folder: Path, now: datetime, horizon: timedelta = HORIZON, *, may_lack: bool = False) -> Schedule:
    """Returns every session in ``folder`` that did not end more than KEPT ago, ordered by start, and every fault.
    Repeating events are expanded up to ``horizon`` after ``now``; single sessions are kept however far off they are.  A
    broken file does not affect the others; no content raises an exception.  ``may_lack``: it is no fault if there is no
    such folder."""
    try:
        paths = sorted(path for path in folder.iterdir() if path.suffix in MOST_BYTES and path.name[0] != ".")
    except OSError as error:
        if may_lack and isinstance(error, FileNotFoundError):
            return Schedule((), (), readable=False)
        text = f"the schedule folder cannot be read ({error.strerror}): set folder in [schedule]"
        return Schedule((), (ScheduleProblem(folder.name, None, text),), readable=False)
    problems: list[ScheduleProblem] = []
    found: dict[str, Session] = {}
    for path in paths[MOST_FILES:]:
        problems.append(
            ScheduleProblem(plain(path.name), None, f"not read: a folder can hold at most {MOST_FILES} schedules")
        )
    for path in paths[:MOST_FILES]:
        sessions, faults = _read(path, now, horizon)
        problems += faults
        for session in sessions:
            if session.made_here:
                text = f"UIDs that start with {HERE} are reserved for sessions made on IRC: rename the file, or change the event's UID"
                problems.append(ScheduleProblem(session.origin, None, text))
                continue
            if (other := found.setdefault(session.uid, session)) is not session:
                text = f"{session.uid} is already in {other.origin}: give it another id, or remove one file"
                problems.append(ScheduleProblem(session.origin, None, text))
    kept = (session for session in found.values() if session.end > now - KEPT)
    ordered = sorted(kept, key=lambda session: (session.start, session.uid))
    return Schedule(tuple(ordered), tuple(problems))


def _read(path: Path, now: datetime, horizon: timedelta) -> Read:
    name, most = plain(path.name), MOST_BYTES[path.suffix]
    try:
        status = path.stat()
        if not stat.S_ISREG(status.st_mode):  # opening a pipe would block until it has a writer
            return [], [ScheduleProblem(name, None, "this is not a file: remove it from the schedule folder")]
        with path.open("rb") as file:
            content = file.read(most + 1)
        if len(content) > most:
            return [], [ScheduleProblem(name, None, f"larger than {most} bytes: split it")]
        if path.suffix == ".ics":
            content = folded_between_characters(content)
        text = content.decode("utf-8-sig")
    except OSError as error:
        return [], [ScheduleProblem(name, None, f"cannot be read: {error.strerror}")]
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        return [], [ScheduleProblem(name, line, "this is not UTF-8 text: save it as UTF-8")]
    try:
        if path.suffix != ".ics":
            return read_toml(text, name)
        from trainbot.adapters.calendars.ics_schedule import read_ics  # with 6 MiB of libraries

        return read_ics(text, name, now - KEPT, now + horizon)
    except Exception as error:
        return [], [ScheduleProblem(name, None, f"could not be understood ({type(error).__name__})")]
