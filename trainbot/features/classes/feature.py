"""Classes: a channel that moves through an exercise together, with scripts in everybody's lab."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.clock import ClockStepped
from trainbot.core.commands import Command, Request
from trainbot.core.hooks import Feature, Hook, NextStep, NoticeWriter, On, OnChange, OnTick, PersonRenamed, Turn
from trainbot.core.messages import Arrived, ChannelMembers, Effect, Incoming, Left, Line, Renamed
from trainbot.features.classes.class_windows import ClassWindows
from trainbot.features.classes.classroom import Classroom, PlannedClass
from trainbot.features.classes.course_catch_up import CourseCatchUp
from trainbot.features.classes.exercise_list import ExerciseList
from trainbot.features.classes.lab_setup import LabSetup
from trainbot.features.classes.latecomers import Latecomers
from trainbot.features.classes.learner_commands import LearnerCommands
from trainbot.features.classes.lecture_mode import LectureMode
from trainbot.features.classes.next_steps import ClassNextSteps
from trainbot.features.classes.presenter_commands import PresenterCommands
from trainbot.features.classes.progress import ProgressCommands
from trainbot.features.classes.quiz import Quizzes
from trainbot.features.classes.script_runs import ScriptRuns
from trainbot.features.classes.visits import TABLES, Visits
from trainbot.model.class_run import ClassWindow
from trainbot.model.config import Config
from trainbot.model.lab import Lab
from trainbot.model.notice import NoticeKind
from trainbot.model.ports import Journal, Ports
from trainbot.model.script_events import RunScript, ScriptEnded

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


class Classes(Feature):
    """Also the port ``ClassContext`` (trainbot.model.ports)."""

    def __init__(self, store: Store, config: Config, ports: Ports, journal: Journal, sessions: PlannedClass) -> None:
        self.audience, self.people, self.irc = ports.audience, ports.people, config.irc
        self.room = Classroom(store, ports, journal, sessions, config.labs.per_person)
        self._windows = ClassWindows(self.room)
        self.script_runs = ScriptRuns(self.room)
        self.lab_setup = LabSetup(self.room, self.script_runs)
        self.course_catch_up = CourseCatchUp(self.room, self.script_runs, self.lab_setup)
        self.latecomers = Latecomers(self.room)
        self.visits = Visits(self.room, store)
        self.progress = ProgressCommands(self.room, config.exercises.share, self.visits)
        self.quizzes = Quizzes(self.room)
        self.presenting = PresenterCommands(self.room, self.progress, self.quizzes)
        self._next_steps = ClassNextSteps(self.room, self.progress)
        self._with_commands = (
            ExerciseList(self.room),
            self.presenting,
            self.progress,
            LearnerCommands(self.room, self.script_runs, self.visits),
            self.visits,
            self.course_catch_up,
            self.quizzes,
            LectureMode(self.room),
        )
        self._to_greet = set(
            config.irc.channels
        )  # channels that have not been told since our start which step the class is at

    def commands(self) -> list[Command]:
        return [command for part in self._with_commands for command in part.commands()]

    def next_steps(self, ask: Request) -> Sequence[NextStep]:
        return [*self._next_steps.next_steps(ask), *self.course_catch_up.next_steps(ask)]

    def notice_writers(self) -> Mapping[str, NoticeWriter]:
        return {NoticeKind.PROGRESS: self.progress.notice}

    def hooks(self) -> Sequence[Hook]:
        return (
            On(Arrived, self.latecomers.arrived),
            On(Left, self.latecomers.gone),
            On(Renamed, self.latecomers.renamed),
            On(ChannelMembers, self._greet),
            On(ScriptEnded, self.script_runs.ended),
            On(PersonRenamed, self._person_renamed),
            On(ClockStepped, self._clock_stepped),
            OnTick(self.progress.tick),
            OnTick(self.latecomers.tick),
            OnTick(self.quizzes.tick),
            OnChange(frozenset({"play", "lab", "class"}), self._work),
            OnChange(TABLES, self.visits.settle),
        )

    def _greet(self, event: ChannelMembers, _now: datetime) -> list[Line]:
        if event.channel not in self._to_greet:
            return []
        self._to_greet.discard(event.channel)
        return self.presenting.after_restart(event.channel)

    def _clock_stepped(self, event: ClockStepped, _now: datetime) -> None:
        self.latecomers.clock_stepped(event.by)

    def _person_renamed(self, event: PersonRenamed, _now: datetime) -> None:
        if event.logged_in is not None:
            self.same_person(*event.logged_in)

    def _work(self, turn: Turn) -> list[RunScript]:
        """The scripts to run in labs now."""
        if turn.tick or "class" in turn.changed:  # labs or the class step may have changed
            self.course_catch_up.settle(turn.now)
            self.lab_setup.settle(turn.now)
        return self.script_runs.work(turn.now)

    def answered(self, said: Incoming) -> Sequence[Effect] | None:
        """The reply to an answer to a quiz; None if it was not one."""
        channels = [said.channel] if said.channel is not None else self.audience.channels_of(said.sender)
        return self.quizzes.heard(said, self.people.role_of(said.sender), channels)

    def undone(self, items: Sequence[object]) -> None:
        for item in items:
            if isinstance(item, ClockStepped):
                self.latecomers.clock_stepped(item.back.by)
            elif isinstance(item, RunScript | ScriptEnded):
                self.script_runs.busy.pop(item.play, None)
            elif isinstance(item, ChannelMembers):
                self._to_greet.add(item.channel)

    # -- what others ask of classes ------------------------------------------------------------------

    def running(self, channel: str) -> bool:
        return self.room.running(channel)

    def windows(self, since: datetime) -> list[ClassWindow]:
        return self._windows.since(since)

    def image_of(self, ask: Request) -> str:
        run = self.room.classes.in_channel(ask.channel) if ask.channel else None
        exercise = self.room.exercises.get(run.exercise) if run is not None else None
        return exercise.image if exercise is not None else ""

    def channels(self) -> list[str]:
        return [run.channel for run in self.room.classes.running()] or list(self.irc.class_channels)

    def handed_out(self, ask: Request, what: str) -> None:
        self.room.journal.noted(ask, "lab", what)
        self.latecomers.attend(ask)

    def went_home(self, ask: Request, image: str) -> None:
        if image == self.image_of(ask):
            self.room.journal.noted(ask, "home", image)
            self.latecomers.attend(ask, lab=False)

    def same_person(self, old: int, new: int) -> None:
        if old != new:
            self.room.classes.merge(old, new)
            self.course_catch_up.merge(old, new)

    def renewed(self, person_id: int, lab: Lab, since: datetime | None) -> str:
        return self.lab_setup.renewed(person_id, lab, since)
