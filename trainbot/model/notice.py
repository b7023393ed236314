"""What nobody asks for again (a reminder, an answer, a lab that is ready) is kept until it was said.

A notice is a row with who or where, when, and ``said_at``: never zero times, and twice only when we are killed
between the socket and the mark.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class NoticeKind(StrEnum):
    """Who words a notice when it is said: a feature for its own kinds; the others are said as they stand."""

    TEXT = "text"
    ANNOUNCEMENT = "announcement"
    ANSWER = "answer"
    LAB = "lab"
    MY_REMINDER = "my reminder"
    POSITION = "place"
    QUESTIONS_WAIT = "queue"
    READINESS = "readiness"
    REMINDER = "reminder"
    SEAT = "seat"

    @classmethod
    def _missing_(cls, _value: object) -> NoticeKind:
        """A kind of an older or newer program: said as it stands."""
        return cls.TEXT


@dataclass(frozen=True, slots=True)
class Notice:
    """For ``person_id``, or for ``channel``.  ``key`` makes it once only (a reminder's session, revision, offset).
    ``text`` is said as it is, unless ``kind`` names who writes it when it is said (``subject`` is for them).
    ``not_after``: pointless from then on."""

    id: int
    key: str | None
    person_id: int | None
    channel: str | None
    kind: NoticeKind
    subject: str
    text: str
    due_at: datetime
    not_after: datetime | None
    said_at: datetime | None


def due(notices: Iterable[Notice], now: datetime, under_way: Iterable[int] = ()) -> list[Notice]:
    """Those to be said now, oldest first: due, not said, not on their way already."""
    busy = set(under_way)
    ready = [n for n in notices if n.said_at is None and n.due_at <= now and n.id not in busy]
    return sorted(ready, key=lambda n: (n.due_at, n.id))


def stale(notices: Iterable[Notice], now: datetime) -> list[Notice]:
    """Those that have become pointless before they could be said."""
    return [n for n in notices if n.said_at is None and n.not_after is not None and n.not_after < now]
