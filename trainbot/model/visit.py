"""Visits: somebody works at the terminal of somebody else's lab, who has agreed to it, as values."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class VisitKind(enum.StrEnum):
    HELP = "help"  # a helper, to somebody who is stuck
    PAIR = "pair"  # another learner


@dataclass(frozen=True, slots=True)
class Visit:
    """The consent of ``owner_id``: ``guest_id`` may come to the terminal of the lab of ``lease_id``.  ``guest_id``: None until
    a helper has taken whoever is stuck; ``class_id``: the class in which they are; ``agreed_at``: None until the other
    learner has agreed, too; ``ends_at``: the latest end; ``away_at``: since when the owner is not on IRC."""

    id: int
    kind: VisitKind
    owner_id: int
    lease_id: int
    class_id: int | None
    guest_id: int | None
    asked_at: datetime
    agreed_at: datetime | None
    ends_at: datetime
    away_at: datetime | None
    ended_at: datetime | None
    ended_why: str

    @property
    def open_to_somebody(self) -> bool:
        """Whether somebody may come."""
        return self.ended_at is None and self.agreed_at is not None and self.guest_id is not None


@dataclass(frozen=True, slots=True)
class VisitLogin:
    """One login of a visit, written before it reaches the lab: who was at whose terminal, from which address, when.
    ``lab``: its name; ``ended_at``: None while it lasts."""

    id: int
    visit_id: int
    guest_id: int
    owner_id: int
    at: datetime
    ended_at: datetime | None
    lab: str
    address: str
