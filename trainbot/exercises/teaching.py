"""A class, joined from its parts."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.exercises.classroom import Around, Classroom
from trainbot.exercises.learning import Learning
from trainbot.exercises.library import Library
from trainbot.exercises.overseeing import Overseeing
from trainbot.exercises.plays import Plays
from trainbot.exercises.stepping import Stepping
from trainbot.labs.doings import Way
from trainbot.labs.model import Lab
from trainbot.spine.commands import Command

if TYPE_CHECKING:
    from trainbot.store.repositories import Classes, Notices


class Teaching:
    """``labs`` and ``way``: as for Plays; ``share``: as for Overseeing."""

    def __init__(self, classes: Classes, notices: Notices, library: Callable[[], Library], around: Around,
                 labs: Callable[[], dict[str, Lab]], way: Callable[[Lab], Way | None], share: int) -> None:
        self.room = Classroom(classes, notices, library, around)
        self.plays = Plays(classes, labs, way, self.room.readable)
        self.learning = Learning(self.room, self.plays)
        self.overseeing = Overseeing(self.room, share)
        self.stepping = Stepping(self.room, self.overseeing)

    def tick(self, now: datetime) -> None:
        self.overseeing.tick(now)

    def commands(self) -> list[Command]:
        return [command for part in (self.stepping, self.overseeing, self.learning) for command in part.commands()]
