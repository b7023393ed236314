"""Notices: messages that nobody asks for again (a reminder, an answer, a lab that is ready), kept until they are sent.

A notice is a row with its person or channel, its time, and ``said_at``.  It is sent at least once, and twice only if
the bot is killed between writing to the socket and storing ``said_at``.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum


class NoticeKind(StrEnum):
    """Decides who writes the text of a notice when it is sent: a feature for its own kinds; other notices are sent as
    stored.  ``CLASS``: a whole class waits for it, so it is sent as the presenter's lines are."""

    TEXT = "text"
    ANNOUNCEMENT = "announcement"
    ANSWER = "answer"
    CLASS = "class"
    INVITATION = "invitation"
    LAB = "lab"
    MY_REMINDER = "my reminder"
    POLL_RESULT = "poll result"
    POSITION = "place"
    PROGRESS = "progress"
    QUESTIONS_WAIT = "queue"
    READINESS = "readiness"
    REMINDER = "reminder"
    SEAT = "seat"
    SSH_COMMAND = "ssh command"

    @classmethod
    def _missing_(cls, _value: object) -> NoticeKind:
        """A kind of an older or newer program: its text is sent as stored."""
        return cls.TEXT


#: These tell somebody how to log in.
WITH_PASSWORDS = frozenset({NoticeKind.LAB, NoticeKind.SEAT, NoticeKind.SSH_COMMAND})


@dataclass(frozen=True, slots=True)
class Notice:
    """A message for ``person_id`` or for ``channel``.  ``key``: makes it unique (a reminder's session, revision,
    offset).  ``text``: sent as it is, unless ``kind`` names who writes it when it is sent (``subject`` is for them).
    ``not_after``: it is pointless from then on."""

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
    """The notices to send now, oldest first but for what a class waits for: due, not sent, and not being sent already."""
    busy = set(under_way)
    ready = [n for n in notices if n.said_at is None and n.due_at <= now and n.id not in busy]
    return sorted(ready, key=lambda n: (n.kind is not NoticeKind.CLASS, n.due_at, n.id))


def stale(notices: Iterable[Notice], now: datetime) -> list[Notice]:
    """The notices that became pointless before they could be sent."""
    return [n for n in notices if n.said_at is None and n.not_after is not None and n.not_after < now]
