"""Updates the sessions in the store from the files of schedules/ and announces changes."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta
from typing import Protocol

from trainbot.features.sessions.announcements import Announcements
from trainbot.features.sessions.changes import Change, changes, derived_again
from trainbot.model.session import Schedule, ScheduleProblem

log = logging.getLogger(__name__)


class ScheduleSource(Protocol):
    """The files in the folder of [schedule]."""

    def read(self, now: datetime) -> Schedule: ...

    def stamps(self) -> tuple[tuple[str, int, int], ...]:
        """Differs when a file was changed, added or removed."""


class ScheduleReader:
    def __init__(self, announcing: Announcements, schedules: ScheduleSource) -> None:
        self.session_store, self.announcing, self.schedules = announcing.session_store, announcing, schedules
        self.problems: tuple[ScheduleProblem, ...] = ()
        self._seen: tuple[tuple[str, int, int], ...] | None = None
        self._candidate: tuple[tuple[str, int, int], ...] | None = None
        self._read_on: datetime | None = None

    def reload(self, now: datetime) -> None:
        """Reads the folder where a file changed (and once a day, for repeating events); announces what changed."""
        seen = self.schedules.stamps()
        if seen == self._seen and self._read_on is not None and abs(now - self._read_on) < timedelta(days=1):
            return
        if seen != self._candidate and self._read_on is not None:
            self._candidate = seen  # may be half saved: read once it is unchanged at the next tick
            return
        self._seen, self._read_on = seen, now
        schedule = self.schedules.read(now)
        for problem in set(schedule.problems) - set(self.problems):
            log.warning("schedule %s", problem)
        self.problems = schedule.problems
        published = self.session_store.known(now)
        found = changes([*published, *self.session_store.withheld(now)], schedule, now)
        for session in published:
            if session.start > now and schedule.withholds(session):
                self.session_store.put(session, now, draft=True)
        for change in found:
            if change.kind == "cancelled":
                self.session_store.put(change.session, now)
        for session in schedule.sessions:
            self.session_store.put(session, now)
        self.announcing.tell(found + self.derive_again(now), now)

    def derive_again(self, now: datetime) -> list[Change]:
        """Recomputes sessions made on IRC by new time zone rules; returns the published ones whose start moved."""
        moved = []
        for session in [*self.session_store.known(now), *self.session_store.drafts(now)]:
            new = derived_again(session) if session.made_here and session.start > now else session
            if new is not session:
                draft = self.session_store.get(session.uid) is None
                self.session_store.put(new, now, draft=draft)
                if new.start != session.start and not (draft or session.cancelled):
                    moved.append(Change("moved", new, session))
        return moved

    def forget(self) -> None:
        """Called if what was read last could not be stored: the next tick reads again."""
        self._seen = self._read_on = None
