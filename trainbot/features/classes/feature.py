"""Classes: a channel that moves through an exercise together, with scripts in everybody's lab."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.commands import Ask, Command
from trainbot.core.hooks import Feature, Hook, On, OnChange, OnTick, Turn
from trainbot.core.messages import Arrived, Effect, Incoming, Line, RollCall
from trainbot.features.classes.class_windows import ClassWindows
from trainbot.features.classes.classroom import Classroom, Planned
from trainbot.features.classes.lab_setup import Preparing
from trainbot.features.classes.latecomers import Joining
from trainbot.features.classes.learner_commands import Learning
from trainbot.features.classes.lecture_mode import Lecture
from trainbot.features.classes.presenter_commands import Stepping
from trainbot.features.classes.progress import Overseeing
from trainbot.features.classes.quiz import Quizzes
from trainbot.features.classes.script_runs import Plays
from trainbot.model.class_run import ClassWindow
from trainbot.model.config import Config
from trainbot.model.lab import Lab
from trainbot.model.ports import Journal, Ports
from trainbot.model.script_events import RunScript, ScriptEnded

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


class Classes(Feature):
    """Also the port ``ClassContext`` (trainbot.model.ports)."""

    def __init__(self, store: Store, config: Config, ports: Ports, journal: Journal, sessions: Planned) -> None:
        self.audience, self.people, self.irc = ports.audience, ports.people, config.irc
        self.room = Classroom(store, ports, journal, sessions, config.labs.per_person)
        self._windows = ClassWindows(self.room)
        self.plays = Plays(self.room)
        self.preparing = Preparing(self.room, self.plays)
        self.joining = Joining(self.room)
        self.overseeing = Overseeing(self.room, config.exercises.share)
        self.stepping = Stepping(self.room, self.overseeing)
        self.quizzes = Quizzes(self.room)
        self._with_commands = (
            self.stepping,
            self.overseeing,
            Learning(self.room, self.plays),
            self.preparing,
            self.quizzes,
            Lecture(self.room),
        )
        self._to_greet = set(config.irc.channels)  # that were not told yet since our start where the class stands

    def commands(self) -> list[Command]:
        return [command for part in self._with_commands for command in part.commands()]

    def hooks(self) -> Sequence[Hook]:
        return (
            On(Arrived, self.joining.arrived),
            On(RollCall, self._greet),
            On(ScriptEnded, self.plays.ended),
            OnTick(self.overseeing.tick),
            OnTick(self.joining.tick),
            OnTick(self.quizzes.tick),
            OnChange(frozenset({"play", "lab", "class"}), self._work),
        )

    def _greet(self, event: RollCall, _now: datetime) -> list[Line]:
        if event.channel not in self._to_greet:
            return []
        self._to_greet.discard(event.channel)
        return self.stepping.after_restart(event.channel)

    def _work(self, turn: Turn) -> list[RunScript]:
        """What is to be run in labs now."""
        if turn.tick or "class" in turn.changed:  # labs or the class step may have changed
            self.preparing.settle(turn.now)
        return self.plays.work(turn.now)

    def answered(self, said: Incoming) -> Sequence[Effect] | None:
        """What comes of an answer to a quiz."""
        channels = [said.channel] if said.channel is not None else self.audience.channels_of(said.sender)
        return self.quizzes.heard(said, self.people.role_of(said.sender), channels)

    def undone(self, items: Sequence[object]) -> None:
        for item in items:
            if isinstance(item, RunScript | ScriptEnded):
                self.plays.busy.pop(item.play, None)
            elif isinstance(item, RollCall):
                self._to_greet.add(item.channel)

    # -- what others ask of classes ------------------------------------------------------------------

    def running(self, channel: str) -> bool:
        return self.room.running(channel)

    def windows(self, since: datetime) -> list[ClassWindow]:
        return self._windows.since(since)

    def image_of(self, ask: Ask) -> str:
        run = self.room.classes.in_channel(ask.channel) if ask.channel else None
        exercise = self.room.exercises.get(run.exercise) if run is not None else None
        return exercise.image if exercise is not None else ""

    def channels(self) -> list[str]:
        return [run.channel for run in self.room.classes.running()] or list(self.irc.class_channels)

    def handed_out(self, ask: Ask, what: str) -> None:
        self.room.journal.noted(ask, "lab", what)
        self.joining.attend(ask)

    def went_home(self, ask: Ask, image: str) -> None:
        self.room.journal.noted(ask, "home", image)
        self.joining.attend(ask)

    def renewed(self, person_id: int, lab: Lab, since: datetime | None) -> str:
        return self.preparing.renewed(person_id, lab, since)
