"""Classes as labs see them: who takes part, and the image of the exercise."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from trainbot.adapters.db import Store
from trainbot.features.labs.lease_expiry import Lesson
from trainbot.model.class_run import ClassRun
from trainbot.model.exercise import Library


class Lessons:
    """Called with a time: the classes that run, or ended after it.  An exercise that cannot be read any more keeps the
    image that it had when it could."""

    def __init__(self, store: Store, library: Callable[[], Library]) -> None:
        self.store, self.library = store, library
        self._images: dict[str, str] = {}

    def __call__(self, since: datetime) -> list[Lesson]:
        return [
            Lesson(
                frozenset(row.person_id for row in self.store.classes.attendance.all(class_id=run.id))
                | {run.presenter_id},
                self._image(run),
                run.started_at,
                run.ended_at,
            )
            for run in self.store.classes.lately(since)
        ]

    def _image(self, run: ClassRun) -> str:
        found = self.library().exercises.get(run.exercise)
        if found is not None:
            self._images[run.exercise] = found.image
        return self._images.get(run.exercise, "")
