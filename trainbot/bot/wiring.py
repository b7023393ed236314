"""Creates every feature and gives it what it needs from others (trainbot.model.ports).

``declared`` is the only list of features: a new feature needs its own folder and a line there.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from datetime import datetime

from trainbot.adapters.calendars.schedule_folder import ScheduleFolder
from trainbot.adapters.db import Store
from trainbot.adapters.scenario_files.library import ExerciseFolder
from trainbot.bot.audience import IrcAudience, NetworkView
from trainbot.bot.classes_ahead import ClassesAhead
from trainbot.bot.clock_steps import ClockSteps
from trainbot.bot.database_watch import DatabaseWatch
from trainbot.bot.files_watch import FilesWatch
from trainbot.bot.gateway.gateway_requests import GatewayRequests
from trainbot.bot.gateway.gateway_tables import GatewayTables
from trainbot.bot.gateway.login_requests import LoginRequests
from trainbot.bot.gateway.manage_requests import ManageRequests
from trainbot.bot.gateway.route_table import LabRoutes
from trainbot.bot.gateway.status_lines import StatusLines
from trainbot.bot.guard import Guard
from trainbot.bot.irc_status import IrcStatus
from trainbot.bot.notifier import Notifier
from trainbot.bot.pages import minutes_pages
from trainbot.bot.pages.written import WrittenPages
from trainbot.bot.ranks import Ranks
from trainbot.bot.rehearsal_requests import RehearsalRequests
from trainbot.bot.relays import RelayPolicy
from trainbot.core.access import Person, Role
from trainbot.core.commands import Request, Table, plain_kinds
from trainbot.core.dispatch import Dispatch
from trainbot.core.help import Help
from trainbot.core.hooks import Feature, NextStep
from trainbot.core.messages import Sender
from trainbot.features.classes.feature import Classes
from trainbot.features.courses.feature import Courses
from trainbot.features.kept_files.feature import KeptFiles
from trainbot.features.labs.feature import Labs
from trainbot.features.labs.scheduler import Scheduler
from trainbot.features.labs.stock import LabInventory
from trainbot.features.people.key_commands import KeyCommands
from trainbot.features.people.registry import Registry
from trainbot.features.questions.feature import Questions
from trainbot.features.records.feature import Records
from trainbot.features.sessions.feature import Sessions
from trainbot.model.config import Config
from trainbot.model.ports import Deliveries, Installation, Ports


class Wiring:
    """The features of one bot."""

    def __init__(self, config: Config, store: Store, view: NetworkView, installation: Installation) -> None:
        self.config, self.store, self.view = config, store, view
        self.audience = IrcAudience(view, config.irc)
        self.people = Registry(store, self.audience, config)
        self.ranks = Ranks(store, self.people)
        self.keys = KeyCommands(store, installation.access)
        self.exercises = ExerciseFolder(config.exercises, tuple(installation.images))
        with store.transaction():
            self.scheduler = Scheduler(store, config, installation)
        self.ports = Ports(
            self.audience,
            self.people,
            installation.access,
            self.exercises,
            LabInventory(self.scheduler, store),
            WrittenPages(config.records, installation.access),
            Deliveries(),
        )
        self.guard, self.clock_steps = Guard(store), ClockSteps(store)
        self.table = Table(config.irc.prefix, kinds=plain_kinds())
        self.dispatch = Dispatch(self.table, self)
        self.relays = RelayPolicy(config.irc.relays, store.people)
        self.records = Records(store, config, self.ports, minutes_pages)
        self.sessions = Sessions(store, config, self.ports, ScheduleFolder(config.schedule), view)
        self.classes = Classes(store, config, self.ports, self.records, self.sessions)
        self.labs = Labs(self.scheduler, store, self.ports, self.classes, self.sessions.timetable)
        self.classes.course_catch_up.handout = self.labs.requests
        self.questions = Questions(store, config.questions, self.ports, self.records)
        self.classes_ahead = ClassesAhead(store, self.sessions.timetable)
        self.database_watch = DatabaseWatch(store, self.people, self.audience)
        self.features = self.declared()
        writers = {kind: writer for each in self.features for kind, writer in each.notice_writers().items()}
        self.notifier = Notifier(store, self.audience, self.ports.deliveries.under_way, self.guard, writers)
        self.status_lines = StatusLines(store, self.exercises, self.audience, self.labs.expiry)
        self.gateway = GatewayTables(
            store,
            self.scheduler.images,
            LabRoutes(config.hosts, installation.access, self.ports.deliveries),
            self.status_lines,
        )
        self.features += (self.notifier, self.gateway)  # last, because they pass on what the others have written
        for feature in self.features:
            self.table.add(feature.commands())
            self.table.kinds |= feature.argument_kinds()

    def declared(self) -> tuple[Feature, ...]:
        """All features, in the order in which their hooks are called and ``!help`` lists their commands."""
        return (
            self.clock_steps,
            self.database_watch,
            self.classes_ahead,
            FilesWatch(self.store, self.exercises, self.people, self.sessions),
            Help(self.table, self.config.irc.contact, self),
            IrcStatus(self.view, self.clock_steps, self.sessions.channel_state.topics),
            self.labs,
            KeptFiles(self.store, self.config, self.ports),
            self.people,
            self.keys,
            self.classes,
            self.questions,
            self.records,
            self.sessions,
            Courses(self.store, self.ports),
            RehearsalRequests(self.labs.rehearsals, self.sessions.timetable, self.exercises, self.config.labs.share),
            self.ranks,
            GatewayRequests(
                self.store,
                (
                    ManageRequests(self.dispatch, self.store, self.audience, self.questions.ignore_list),
                    LoginRequests(self.store, self.keys, self.classes.visits),
                ),
            ),
        )

    def reconfigure(self, config: Config) -> None:
        """Takes over a ``config`` that, as far as features are concerned, differs only in its roles
        (config_reload.taken_up)."""
        self.config, self.people.roles = config, config.roles

    # -- what dispatch needs (trainbot.core.dispatch.Surroundings) --------------------------------------

    @property
    def nick(self) -> str:
        return self.audience.nick

    def person_of(self, sender: Sender, now: datetime) -> Person:
        return self.people.person_of(sender, now)

    def role_of(self, sender: Sender) -> Role:
        return self.people.role_of(sender)

    def channels_of(self, sender: Sender) -> Sequence[str]:
        return self.audience.channels_of(sender)

    def running(self, channel: str) -> bool:
        return self.classes.running(channel)

    def openers(self, channel: str | None) -> Sequence[str]:
        return self.questions.openers(channel)

    def by_account(self, role: Role) -> bool:
        return self.people.roles.by_account(role)

    def login_help(self) -> str:
        return self.audience.login_help()

    def next_steps(self, ask: Request) -> Sequence[NextStep]:
        """What help may say (trainbot.core.help.Situation)."""
        return [step for feature in self.features for step in feature.next_steps(ask)]

    def savepoint(self) -> AbstractContextManager[None]:
        return self.guard.savepoint
