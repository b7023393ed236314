"""The timeline, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened in a class.  ``kind``: start, step, said, end, lab, stuck, info, link, action; quiz, won (its result;
    ``nick``: the winner); there (how many are in the channel), joined, left, quit, renamed.  ``nick``: '' if nobody is to be named."""

    id: int
    class_id: int | None
    channel: str
    at: datetime
    kind: str
    nick: str
    text: str
    person_id: int | None = None
