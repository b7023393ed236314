"""``!exercises``: what can be taught."""

from __future__ import annotations

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Priority, Reply
from trainbot.core.wording import in_lines
from trainbot.features.classes.classroom import Classroom
from trainbot.model.exercise import Exercise
from trainbot.model.session import cut

LINE = 380  # bytes of a listing that surely fit one message
MOST = 3  # lines
TITLE = 60  # bytes


class ExerciseList:
    def __init__(self, room: Classroom) -> None:
        self.room = room

    def list_exercises(self, ask: Request, words: str = "") -> list[Effect]:
        library = self.room.exercises.library
        found = library.matching(words)
        if not found:
            if not library.exercises:
                raise UserError("there are no exercises yet; an organiser puts one in the exercises folder")
            raise UserError(f'no exercise has "{words[:40]}" in its title; !exercises lists them all')
        end = self._next(ask, found[0].slug)
        lines = in_lines([*map(self._row, found), end], LINE, " | ")
        if len(lines) > MOST:
            rows = [self._row(exercise) for exercise in found]
            shown = len(rows)
            while len(lines) > MOST:
                shown -= 1
                more = f"{len(rows) - shown} more: !exercises WORDS searches their titles"
                lines = in_lines([*rows[:shown], more, end], LINE, " | ")
        private = not ask.private and (ask.role < Role.HELPER or len(lines) > 1)
        return [
            Reply(line, private=private, priority=Priority.LISTING if n else Priority.ANSWER)
            for n, line in enumerate(lines)
        ]

    def _row(self, exercise: Exercise) -> str:
        """``selinux: SE Linux for beginners (3 steps, 90 min, debian)``."""
        count = len(exercise.steps)
        about = ["no steps" if not count else "1 step" if count == 1 else f"{count} steps"]
        about += [f"{exercise.minutes} min"] if exercise.minutes else []
        images = [image for image in (exercise.image, exercise.second_image) if image]
        missing = [image for image in images if not self.room.stock.has_labs(image)]
        about += [" and ".join(images) or "no labs"]
        about[-1] += f", no {' or '.join(missing)} labs here" if missing else ""
        return f"{exercise.slug}: {cut(exercise.title, TITLE)} ({', '.join(about)})"

    def _next(self, ask: Request, slug: str) -> str:
        if ask.role >= Role.ORGANISER:
            return f"!start {slug} teaches one now, !session add plans one"
        if ask.role >= Role.PRESENTER:
            return f"!start {slug} teaches one now"
        return "!sessions shows what is planned"

    def commands(self) -> list[Command]:
        return [
            Command(
                "exercises",
                self.list_exercises,
                "list what can be taught: title, steps, minutes, image; with words: those that have them in their title",
                (Argument("WORDS", "words", optional=True, rest=True),),
                example="exercises linux",
                group="sessions",
            )
        ]
