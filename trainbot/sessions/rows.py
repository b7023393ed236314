"""A session as the store keeps it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class SessionRow:
    """``value`` is the whole Session as JSON (sessions.planner writes and reads it)."""

    uid: str
    title: str
    start: datetime
    zone: str
    value: str
    revision: str
    cancelled: bool
    changed_at: datetime
