"""A class, joined from its parts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.commands import Command
from trainbot.features.classes.classroom import Around, Classroom
from trainbot.features.classes.lab_setup import Preparing
from trainbot.features.classes.latecomers import Joining
from trainbot.features.classes.learner_commands import Learning
from trainbot.features.classes.lecture_mode import Lecture
from trainbot.features.classes.presenter_commands import Stepping
from trainbot.features.classes.progress import Overseeing
from trainbot.features.classes.quiz import Quizzes
from trainbot.features.classes.script_runs import Plays
from trainbot.model.exercise import Library
from trainbot.model.lab import Lab
from trainbot.model.lab_events import Way
from trainbot.model.script_events import RunScript

if TYPE_CHECKING:
    from trainbot.adapters.db.repositories import Classes, Notices


class Teaching:
    """``labs`` and ``way``: as for Plays; ``labs_of``: as for Preparing; ``share``: as for Overseeing."""

    def __init__(
        self,
        classes: Classes,
        notices: Notices,
        library: Callable[[], Library],
        around: Around,
        labs: Callable[[], dict[str, Lab]],
        way: Callable[[Lab], Way | None],
        labs_of: Callable[[str], dict[int, Lab]],
        share: int,
    ) -> None:
        self.room = Classroom(classes, notices, library, around)
        self.plays = Plays(classes, labs, way, self.room.readable)
        self.preparing = Preparing(self.room, self.plays, labs_of)
        self.joining = Joining(self.room)
        self.learning = Learning(self.room, self.plays)
        self.overseeing = Overseeing(self.room, share)
        self.stepping = Stepping(self.room, self.overseeing)
        self.quizzes = Quizzes(classes, notices, around.journal)
        self.lecture = Lecture(self.room)

    def tick(self, now: datetime) -> None:
        self.overseeing.tick(now)
        self.joining.tick(now)
        self.quizzes.tick(now)

    def work(self, now: datetime, *, look: bool) -> list[RunScript]:
        """What is to be run in labs now; ``look``: labs or the class step may have changed."""
        if look:
            self.preparing.settle(now)
        return self.plays.work(now)

    def commands(self) -> list[Command]:
        return [
            command
            for part in (self.stepping, self.overseeing, self.learning, self.preparing, self.quizzes, self.lecture)
            for command in part.commands()
        ]
