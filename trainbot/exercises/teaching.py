"""A class, joined from its parts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.exercises.classroom import Around, Classroom
from trainbot.exercises.doings import RunScript
from trainbot.exercises.joining import Joining
from trainbot.exercises.learning import Learning
from trainbot.exercises.lecture import Lecture
from trainbot.exercises.library import Library
from trainbot.exercises.overseeing import Overseeing
from trainbot.exercises.plays import Plays
from trainbot.exercises.preparing import Preparing
from trainbot.exercises.quiz import Quizzes
from trainbot.exercises.stepping import Stepping
from trainbot.labs.doings import Way
from trainbot.labs.model import Lab
from trainbot.spine.commands import Command

if TYPE_CHECKING:
    from trainbot.store.repositories import Classes, Notices


class Teaching:
    """``labs`` and ``way``: as for Plays; ``labs_of``: as for Preparing; ``share``: as for Overseeing."""

    def __init__(self, classes: Classes, notices: Notices, library: Callable[[], Library], around: Around,
                 labs: Callable[[], dict[str, Lab]], way: Callable[[Lab], Way | None],
                 labs_of: Callable[[str], dict[int, Lab]], share: int) -> None:
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
        return [command for part in (self.stepping, self.overseeing, self.learning, self.preparing, self.quizzes,
                                       self.lecture) for command in part.commands()]
