"""Labs are gone: the class goes on without them."""

from __future__ import annotations

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Line, Priority
from trainbot.features.classes.classroom import Classroom


class LectureMode:
    def __init__(self, room: Classroom) -> None:
        self.room = room

    def switch(self, ask: Request, on: bool) -> list[Effect]:
        run, word = self.room.run(ask), "on" if on else "off"
        if run.lecture == on:
            raise UserError(f"it is {word} already")
        exercise = self.room.exercise(run)
        self.room.classes.change({"id": run.id}, lecture=on)
        self.room.journal.noted(ask, "lecture", word)
        if not on:
            return [
                Line(
                    run.channel,
                    f"labs are back: !lab {exercise.image} gives you one, !catchup brings it to where the class is",
                    Priority.PRESENTER,
                )
            ]
        home = f"; !lab home {exercise.image} says how to run it on a machine of your own" if exercise.image else ""
        return [
            Line(
                run.channel,
                f"we go on without labs, and !done still counts; all of it on one page: "
                f"{self.room.pages.write_handout(exercise)}{home}",
                Priority.PRESENTER,
            )
        ]

    def commands(self) -> list[Command]:
        return [
            Command(
                "lecture",
                self.switch,
                "labs are gone, or back: the class goes on without them, with the handout",
                (Argument("on|off", "switch"),),
                role=Role.PRESENTER,
                scope=Scope.CLASS,
                example="lecture on",
                group="class",
            )
        ]
