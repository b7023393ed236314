"""What labs need to know about classes: who takes part, and the image of the exercise."""

from __future__ import annotations

from datetime import datetime

from trainbot.features.classes.classroom import Classroom
from trainbot.model.class_run import ClassRun, ClassWindow


class ClassWindows:
    """Remembers the image of an exercise that can no longer be read."""

    def __init__(self, room: Classroom) -> None:
        self.room = room
        self._images: dict[str, str] = {}

    def since(self, since: datetime) -> list[ClassWindow]:
        """The classes that are running, or ended after ``since``."""
        attendance = self.room.classes.attendance
        return [
            ClassWindow(
                frozenset(row.person_id for row in attendance.all(class_id=run.id)) | {run.presenter_id},
                self._image(run),
                run.started_at,
                run.ended_at,
            )
            for run in self.room.classes.lately(since)
        ]

    def _image(self, run: ClassRun) -> str:
        found = self.room.exercises.get(run.exercise)
        if found is not None:
            self._images[run.exercise] = found.image
        return self._images.get(run.exercise, "")
