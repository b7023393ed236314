"""Lecture mode: a class continues without labs when they are lost."""

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
            raise UserError(f"lecture mode is already {word}")
        exercise = self.room.exercise(run)
        self.room.classes.change({"id": run.id}, lecture=on)
        self.room.journal.noted(ask, "lecture", word)
        why = self.room.unchecked(exercise)
        if not on and (why or not self.room.stock.has_labs(exercise.image)):
            return [
                Line(
                    run.channel,
                    f"lecture mode is off{f'; nothing is checked, because {why}' if why else ''}",
                    Priority.PRESENTER,
                )
            ]
        if not on:
            return [
                Line(
                    run.channel,
                    f"labs are back: !lab {exercise.image} gives you one, !catchup brings it to the class's step",
                    Priority.PRESENTER,
                )
            ]
        self.room.pages.write_handout(exercise)
        url = self.room.pages.handout_url(exercise)
        page = f". Everything on one page: {url}" if url else ""
        offer = self.room.pages.offer(exercise.image) if exercise.image else None
        home = (
            f"; !lab home {exercise.image} tells you how to run it on your own machine"
            if offer is not None and offer.url
            else ""
        )
        return [
            Line(
                run.channel,
                f"we're continuing without labs: !step shows your step, and !done still counts{page}{home}",
                Priority.PRESENTER,
            )
        ]

    def commands(self) -> list[Command]:
        return [
            Command(
                "lecture",
                self.switch,
                "continue the class without labs, with the handout (on), or with labs again (off)",
                (Argument("on|off", "switch"),),
                role=Role.PRESENTER,
                scope=Scope.CLASS,
                example="lecture on",
                group="class",
            )
        ]
