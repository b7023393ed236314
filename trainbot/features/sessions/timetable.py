"""Sessions for the labs feature (implements trainbot.model.ports.Timetable)."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from trainbot.features.sessions.session_store import SessionStore
from trainbot.features.sessions.signups import SignUps
from trainbot.model.host import Mode
from trainbot.model.session import Session
from trainbot.model.session_rows import SignUp


class SessionTimetable:
    """Sessions for the labs feature.  ``per_person``: how many labs one person may have."""

    def __init__(self, session_store: SessionStore, signups: SignUps, per_person: int) -> None:
        self.session_store, self.signups, self.per_person = session_store, signups, per_person
        self.exercises, self.stock = signups.exercises, signups.stock

    def near(self, now: datetime) -> list[Session]:
        return self.session_store.near(now)

    def upcoming(self, now: datetime) -> list[Session]:
        """The sessions to come, as ``!sessions`` numbers them."""
        return self.session_store.upcoming(now)

    def images_of(self, session: Session) -> tuple[str, ...]:
        return self.signups.images_of(session)

    def seats_of(self, session: Session) -> list[SignUp]:
        """The sign-ups, one per lab: two per person if the exercise compares two images and both are available."""
        exercise, rows = self.exercises.get(session.exercise), self.signups.of(session)
        second = exercise.second_image if exercise is not None else ""
        if (
            exercise is None
            or self.per_person < 2
            or not self.stock.has_labs(second)
            or second not in (session.images or (second,))
        ):
            return rows
        return [
            each
            for row in rows
            for each in ((row, replace(row, image=second)) if row.image == exercise.image else (row,))
        ]

    def mode_of(self, session: Session) -> Mode:
        exercise = self.exercises.get(session.exercise)
        return Mode.PERMISSIVE if exercise is not None and exercise.permissive else Mode.ENFORCING
