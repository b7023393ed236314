"""Watches files while the bot runs: rereads changed exercises, and logs an error if the database has been moved
away."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime

from trainbot.adapters.db import Store
from trainbot.adapters.scenario_files.library import ExerciseFolder
from trainbot.core.hooks import Feature, Hook, OnTick

log = logging.getLogger(__name__)
FILES_EVERY = 8  # ticks between two checks


class FilesWatch(Feature):
    def __init__(self, store: Store, exercises: ExerciseFolder) -> None:
        self.store, self.exercises = store, exercises
        self._ticks = 0

    def hooks(self) -> Sequence[Hook]:
        return (OnTick(self._look_at_database), OnTick(self._read_exercises))

    def _look_at_database(self, _now: datetime) -> None:
        if self.store.moved_away() and self._ticks % FILES_EVERY == 0:
            log.error(
                "the database %s was moved away or deleted: what happens now is lost when the bot stops; stop it, "
                "put the file back, start it again",
                self.store.url,
            )

    def _read_exercises(self, _now: datetime) -> None:
        if self._ticks % FILES_EVERY == 0:
            self.exercises.reload()
        self._ticks += 1
