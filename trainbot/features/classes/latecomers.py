"""Tells latecomers once, in as few lines as possible, where the class is and how to catch up."""

from __future__ import annotations

from datetime import datetime, timedelta

from trainbot.core.access import Role
from trainbot.core.commands import Request
from trainbot.core.messages import Arrived
from trainbot.features.classes.classroom import Classroom, position
from trainbot.model.class_run import ClassRun

PAUSE = timedelta(minutes=1)  # between two lines to those who came
NAMED = 6
NEWS = timedelta(minutes=10)


class Latecomers:
    def __init__(self, room: Classroom) -> None:
        self.room, self.classes = room, room.classes
        self._came: dict[str, list[str]] = {}
        self._greeted: dict[str, datetime] = {}

    def arrived(self, event: Arrived, _now: datetime) -> None:
        """Notes a latecomer.  Anyone who took part, or was here before the first step, already knows."""
        run = self.classes.in_channel(event.channel)
        if run is None or run.step == 0 or event.sender not in self.room.people.learners(run.channel):
            return
        known = self.room.people.known(event.sender)
        if known is None or self.classes.attendance.first(class_id=run.id, person_id=known.id) is None:
            self._came.setdefault(run.channel, []).append(event.sender.nick)

    def tick(self, now: datetime) -> None:
        for channel, nicks in list(self._came.items()):
            if now - self._greeted.get(channel, now - PAUSE) < PAUSE:
                continue
            run = self.classes.in_channel(channel)
            del self._came[channel]
            here = {member.nick for member in self.room.people.learners(channel)}
            still = [nick for nick in dict.fromkeys(nicks) if nick in here]
            if run is None or not still:
                continue
            self._greeted[channel] = now
            names = ", ".join(still[:NAMED]) + (f" and {len(still) - NAMED} more" if len(still) > NAMED else "")
            self.room.notices.tell(
                now,
                f"{names}: {run.title} is at {position(run)}; {self._how(run)}",
                channel=channel,
                not_after=now + NEWS,
            )

    def _how(self, run: ClassRun) -> str:
        """What somebody new should type first."""
        exercise = self.room.readable(run)
        if exercise is None or run.lecture or not self.room.stock.has_labs(exercise.image):
            return "!step shows it"
        more = ", !catchup does the earlier steps in your lab" if run.step > 1 and self._can(run) else ""
        return f"!lab {exercise.image} gives you a machine{self.room.second_lab(exercise)}, !step shows the step{more}"

    def _can(self, run: ClassRun) -> bool:
        exercise = self.room.readable(run)
        return exercise is not None and any(step.solve for step in exercise.steps[: max(0, run.step - 1)])

    def attend(self, ask: Request) -> None:
        """Counts somebody who asks for a lab as taking part, and tells a latecomer how to catch up."""
        run = self.classes.in_channel(ask.channel) if ask.channel else None
        if run is None or ask.role >= Role.HELPER:
            return
        late = self.classes.attendance.first(class_id=run.id, person_id=ask.person.id) is None and run.step > 1
        self.classes.attend(run, ask.person, ask.nick, ask.at)
        if late and self._can(run):
            self.room.notices.tell(
                ask.at,
                f"the class is at {position(run)}; !step shows it, !catchup does the earlier steps in your lab",
                person_id=ask.person.id,
                not_after=ask.at + NEWS,
            )
