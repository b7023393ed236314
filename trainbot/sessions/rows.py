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


@dataclass(frozen=True, slots=True)
class SignUp:
    """Somebody's seat in a session; ``image``: of the lab that they will have, '' where it has no labs."""

    session_uid: str
    person_id: int
    image: str
    at: datetime
