"""Which classes are running or begin soon, for whoever prepares something for them (copies)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta

from trainbot.adapters.db import Store
from trainbot.core.hooks import Feature, Hook, OnTick
from trainbot.features.sessions.timetable import SessionTimetable

BEFORE = timedelta(minutes=15)


class ClassesAhead(Feature):
    """``names``: as of the last tick."""

    def __init__(self, store: Store, timetable: SessionTimetable) -> None:
        self._store, self._timetable = store, timetable
        self.names: frozenset[str] = frozenset()

    def hooks(self) -> Sequence[Hook]:
        return (OnTick(self._look),)

    def _look(self, now: datetime) -> None:
        running = {f"class {each.id}" for each in self._store.classes.running()}
        soon = {f"session {each.uid}" for each in self._timetable.upcoming(now) if each.start - BEFORE <= now}
        self.names = frozenset(running | soon)
