"""Sessions, faults in schedule files, and the result of reading a folder of them."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

from trainbot.core.zones import TZDATA_VERSION

_OCCURRENCE = re.compile(r"^(?P<series>.+)#(?P<planned>\d{8}T\d{6}Z)$")

MOST_PROBLEMS = 50  # of one file
LONGEST_NAME = 100  # bytes
HERE = "made-here/"  # uids of sessions that were not read from a file begin with this

# A session's revision is computed from these: what people see, and its file, whose faults affect its sessions.
_CONTENT = (
    "uid", "title", "start", "zone", "local", "minutes", "exercise", "presenter", "channel",
    "seats", "images", "zones", "link", "slides", "cancelled", "origin",
)  # fmt: skip


def cut(text: str, most: int) -> str:
    """``text`` in at most ``most`` bytes of UTF-8; a longer text is cut and ends in ``…``."""
    raw = text.encode()
    return text if len(raw) <= most else raw[: most - 3].decode(errors="ignore").rstrip() + "…"


@dataclass(frozen=True, slots=True)
class Session:
    """One scheduled class.

    ``uid`` does not change when the session is edited: in TOML the course file's stem and the session's id
    (``selinux-course/melbourne``), in iCalendar the UID, with ``#`` and the RECURRENCE-ID in UTC
    if the event repeats.  ``start`` is aware UTC and derived from ``local`` (naive local time) in
    ``zone`` (IANA) by the rules of ``tzdata``; ``minutes`` is the length.  ``presenter`` is only a name
    to show; it grants nothing.  ``origin`` is the name of the file, or says where the session was made
    if there is none (``IRC``, ``poll 3``).  ``course``: the name that the sessions of a course share.  ``revision`` changes with the file and with anything that
    people see, but not with ``tzdata`` alone.
    """

    uid: str
    title: str
    start: datetime
    zone: str
    local: datetime
    minutes: int
    exercise: str | None = None
    presenter: str | None = None
    channel: str | None = None
    seats: int | None = None
    images: tuple[str, ...] = ()
    zones: tuple[str, ...] = ()
    link: str | None = None
    slides: str | None = None
    cancelled: bool = False
    origin: str = ""
    tzdata: str = ""
    revision: str = ""
    course: str | None = None

    @classmethod
    def of(cls, **fields: Any) -> Session:
        """A session with its revision and the tzdata version filled in."""
        session = cls(**fields, tzdata=TZDATA_VERSION)
        return replace(session, revision=_revision(session))

    @property
    def end(self) -> datetime:
        return self.start + timedelta(minutes=self.minutes)

    @property
    def made_here(self) -> bool:
        """Whether it is in no file, and so is changed on IRC."""
        return self.uid.startswith(HERE)

    @property
    def number(self) -> str:
        """The name by which organisers call a session made here, for as long as it exists: ``d7``."""
        return f"d{self.uid.removeprefix(HERE)}"

    @property
    def name(self) -> str:
        """The title for a line with five time zones: at most LONGEST_NAME bytes."""
        return cut(self.title, LONGEST_NAME)

    @property
    def series(self) -> str | None:
        """The UID of the repeating event that this is one occurrence of, or None."""
        found = _OCCURRENCE.match(self.uid)
        return found["series"] if found else None

    @property
    def planned(self) -> datetime:
        """When this occurrence of a repeating event would have started if it had not been moved."""
        found = _OCCURRENCE.match(self.uid)
        return datetime.strptime(found["planned"], "%Y%m%dT%H%M%S%z") if found else self.start

    def shown_in(self, zones: Iterable[str]) -> tuple[str, ...]:
        """The time zones in which its start is announced, besides UTC: its own, then those that it names, else ``zones``
        (those of bot.ini)."""
        return tuple(dict.fromkeys((self.zone, *(self.zones or zones))))

    def as_cancelled(self) -> Session:
        """The same session, cancelled."""
        session = replace(self, cancelled=True)
        return replace(session, revision=_revision(session))


def _revision(session: Session) -> str:
    content = [getattr(session, name) for name in _CONTENT]
    content += [session.course] if session.course else []  # without one, revisions are those of 0.2
    text = json.dumps(content, default=datetime.isoformat, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


@dataclass(frozen=True, slots=True)
class PublishedSession:
    """A session as the calendar shows it: ``sequence`` counts its changes (RFC 5545 3.8.7.4)."""

    session: Session
    sequence: int
    changed_at: datetime


@dataclass(frozen=True, slots=True)
class Withheld:
    """Sessions that must not be announced, because a change of them is not understood: those of ``series`` (a uid
    without its ``#…``) that start, or would have started without the change, from ``first`` to ``last``; None: no limit."""

    series: str
    first: datetime | None = None
    last: datetime | None = None

    def covers(self, *starts: datetime) -> bool:
        """Whether one of the starts is within the limits."""
        return any(
            (self.first is None or self.first <= start) and (self.last is None or start <= self.last)
            for start in starts
        )


@dataclass(frozen=True, slots=True)
class ScheduleProblem:
    """One fault in a schedule: the file's name, the line if known, a sentence that says what is wrong and what
    would be right, and the sessions that are withheld because of it."""

    file: str
    line: int | None
    text: str
    withheld: tuple[Withheld, ...] = ()

    def __str__(self) -> str:
        return f"{self.file}:{self.line}: {self.text}" if self.line else f"{self.file}: {self.text}"


@dataclass(frozen=True, slots=True)
class Schedule:
    """The contents of a folder: sessions by start, and every fault.

    A session that is missing here may only be unreadable: ``doubtful`` holds the names of the files
    with faults, and ``readable`` is False if the folder itself could not be listed.  Sessions that are withheld are
    missing too.
    """

    sessions: tuple[Session, ...] = ()
    problems: tuple[ScheduleProblem, ...] = ()
    readable: bool = True

    @property
    def doubtful(self) -> frozenset[str]:
        return frozenset(problem.file for problem in self.problems)

    def withholds(self, session: Session) -> bool:
        """Whether the session must not be announced until its file is corrected."""
        series, planned = session.series or session.uid, session.planned
        return any(
            withheld.series == series and withheld.covers(planned, session.start)
            for problem in self.problems
            if problem.file == session.origin
            for withheld in problem.withheld
        )
