"""The time line, as values."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Entry:
    """One thing that happened in a class.  ``kind``: start, step, said, topic, end, lab, info, link, action, …"""

    id: int
    class_id: int | None
    channel: str
    at: datetime
    kind: str
    nick: str
    text: str
