"""Every feature, made and joined: the only place where one feature's question becomes another's answer."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import TypeVar

from trainbot.adapters.calendars.feed import where_of
from trainbot.adapters.calendars.schedule_folder import ScheduleFolder
from trainbot.adapters.db import Store
from trainbot.adapters.markdown.irc_lines import render_step
from trainbot.adapters.scenario_files.library import load_library
from trainbot.bot.class_windows import Lessons
from trainbot.bot.gateway.requests import Porter
from trainbot.bot.gateway.status_lines import Captions
from trainbot.bot.irc_status import Network
from trainbot.bot.notifier import Telling, View
from trainbot.bot.pages import handout, minutes_pages
from trainbot.bot.rehearsal_requests import Desk
from trainbot.bot.workers.calendar_writer import Press
from trainbot.config import Config
from trainbot.core.access import Person, Role
from trainbot.core.commands import Ask, Table, plain_kinds
from trainbot.core.dispatch import Dispatch
from trainbot.core.errors import UserError
from trainbot.core.files import write_whole
from trainbot.core.help import Help
from trainbot.core.messages import Effect, Incoming, Sender
from trainbot.core.times import clock, describe_many
from trainbot.features.classes.classroom import Around as AroundClass
from trainbot.features.classes.classroom import Plan
from trainbot.features.classes.feature import Teaching
from trainbot.features.labs.draining import Draining
from trainbot.features.labs.early_handout import Early
from trainbot.features.labs.failover import Rescue
from trainbot.features.labs.feature import Around, Lending
from trainbot.features.labs.host_events import Hearing
from trainbot.features.labs.preallocation import Ahead
from trainbot.features.labs.readiness import Readiness
from trainbot.features.labs.rehearsal_leases import Rehearsing
from trainbot.features.labs.scheduler import Fleet
from trainbot.features.people.registry import Registry
from trainbot.features.questions.feature import QuestionParts
from trainbot.features.questions.question_queue import ANSWER
from trainbot.features.records.archive import Archive
from trainbot.features.records.journal import Journal
from trainbot.features.records.presence import Presence
from trainbot.features.records.retention import Keeping
from trainbot.features.sessions.announcements import Announcing
from trainbot.features.sessions.channel_state import Manners
from trainbot.features.sessions.organiser_commands import Organising
from trainbot.features.sessions.planner import Planner
from trainbot.features.sessions.polls.poll_commands import WhenDesk
from trainbot.features.sessions.publishing import Publishing
from trainbot.features.sessions.reminder_notices import Reminding
from trainbot.features.sessions.session_store import Book
from trainbot.features.sessions.signups import SignUps
from trainbot.gateway.routes import OLD
from trainbot.images.publishing.published import published
from trainbot.model.exercise import Exercise
from trainbot.model.host import Mode
from trainbot.model.lab import Lab, LabState
from trainbot.model.lab_image import Image
from trainbot.model.reminder import parse_offsets
from trainbot.model.session import Session
from trainbot.model.session_rows import SignUp

T = TypeVar("T")
log = logging.getLogger(__name__)


@dataclass(frozen=True)
class Installation:
    """What this installation is besides its configuration.  ``owner``: its id on hosts; ``digest`` and
    ``new_password``: labs.passwords with its pepper; ``fingerprint``: the gateway's key, '' until there is one;
    ``ssh_port``: where learners' ssh goes; ``unready``: images that cannot be used, with the reason."""

    owner: str
    digest: Callable[[str], str]
    new_password: Callable[[], str]
    fingerprint: Callable[[], str]
    ssh_port: int
    free_port: Callable[[set[int]], int]
    images: dict[str, Image]
    unready: dict[str, str]


class Parts:
    """The features of one bot."""

    def __init__(self, config: Config, store: Store, view: View, installation: Installation) -> None:
        self.config, self.store, self.view = config, store, view
        self._library = load_library(config.exercises.folder)
        self.registry = Registry(store.people, store.leases, self._seen, view.fold, self._channels)
        self._join_records()
        self._join_labs(installation)
        self._join_sessions(installation)
        self._join_rehearsals(installation)
        self.telling = Telling(
            store.notices,
            store.people,
            view,
            self._channels,
            self.registry.mask,
            {
                "lab": self.leasing.notice,
                "reminder": self.reminding.notice,
                "my reminder": self.reminding.my_notice,
                "seat": self.early.notice,
                "place": self.early.notice,
                "readiness": self.readiness.notice,
                "queue": lambda notice, now: self.questions.pressing.notice(notice, now),
            },
            self._guarded,
            {ANSWER},
        )
        self._join_class()
        self.captions = Captions(store, lambda: self._library, self.telling.where, self.lending.terms.warned)
        self.table = self._table()
        self.dispatch = Dispatch(
            self.table,
            config.roles,
            self.registry.person_of,
            self._channels_of,
            self.classroom.running,
            store.savepoint,
            lambda: view.nick,
            self.questions.openers,
        )
        self.porter = Porter(self.dispatch, store, self.telling.where, view.fold)

    def _join_records(self) -> None:
        config, store = self.config, self.store
        self.journal = Journal(store.entries, store.classes, store.people, config.records.log, self._person)
        self.presence = Presence(
            self.journal, config.irc.channels, self.view.members, self.view.fold, lambda: self.view.nick
        )
        self.archive = Archive(
            store.classes,
            store.entries,
            store.questions,
            store.people,
            config.records.folder,
            config.records.public_url,
            lambda at: describe_many(at, config.schedule.zones, at).rpartition(" | ")[0],
            minutes_pages,
        )
        self.keeping = Keeping(store, self.archive)

    def _join_labs(self, installation: Installation) -> None:
        config, store, view = self.config, self.store, self.view
        with store.transaction():
            self.fleet = Fleet(
                store.labs,
                store.leases,
                store.notices,
                store.settings,
                config.labs,
                installation.images,
                lambda now: self.ahead.pool(now),
                config.hosts,
                installation.owner,
                installation.free_port,
            )
        self.hearing = Hearing(self.fleet, store.labs, store.leases, store.notices, store.settings)
        self.lending = Lending(
            self.fleet,
            store,
            config.labs,
            config.require_account,
            installation.ssh_port,
            installation.fingerprint,
            installation.new_password,
            installation.digest,
            installation.unready,
            Around(
                Lessons(store, lambda: self._library),
                self._handed_out,
                self._at_home,
                lambda nick: self.telling.member(nick),
                self.registry.person_of,
                self.registry.known,
                view.fold,
                self._there,
                lambda: self.telling.seeing(),
                lambda image: published(config.records.folder, config.records.public_url, image),
                self._class_image,
                self._renewed,
            ),
        )
        self.leasing = self.lending.leasing
        self.rescue = Rescue(
            self.fleet,
            store.labs,
            store.leases,
            store.notices,
            config.labs,
            self._class_channels,
            f"ssh -p {installation.ssh_port} {OLD}@{config.labs.public_address}",
        )
        self.draining = Draining(self.fleet, self.rescue)

    def _join_sessions(self, installation: Installation) -> None:
        config, store = self.config, self.store
        zones, offsets = config.schedule.zones, parse_offsets(" ".join(config.schedule.reminders))
        self.book = Book(store.sessions, store.settings, lambda: self.config.irc.class_channels)
        self.signups = SignUps(
            store.sessions,
            store.notices,
            store.people,
            zones,
            config.require_account,
            self.book.upcoming,
            self._images_of,
            self._has_labs,
            config.labs.early,
            self._holds,
        )
        announcing = Announcing(self.book, store.notices, self.signups, zones, offsets)
        self.reminding = Reminding(self.book, store.notices, store.people, self.signups, zones, offsets)
        self.planner = Planner(
            self.book,
            announcing,
            store.people,
            ScheduleFolder(config.schedule.folder),
            zones,
            lambda: {run.session_uid for run in store.classes.running()} - {""},
            self.signups,
            lambda person, zone: self.when.zone_said(person, zone),
        )
        self.organising = Organising(
            self.book, announcing, self.signups, zones, lambda: self._library.exercises, self.signups.too_many
        )
        self.when = WhenDesk(
            store.polls,
            store.notices,
            store.people,
            self.book,
            lambda: self._library.exercises,
            config.require_account,
            lambda: self.view.nick,
        )
        self.manners = Manners(
            store.sessions,
            store.classes,
            self.book,
            self.view.place,
            self.view.members,
            self.view.marked,
            lambda sender: self.config.roles.role_of(sender),
            self.view.fold,
            lambda: self.view.nick,
            lambda channel: self.config.irc.talk_of(channel),
        )
        self.publishing = Publishing()
        self.press = Press(
            where_of(config, installation.owner),
            zones,
            offsets,
            write_whole,
        )

    def _join_rehearsals(self, installation: Installation) -> None:
        """What is made ready before a class, and tried."""
        config, store = self.config, self.store
        spare = {image.name: config.labs.spare if image.spare is None else image.spare for image in config.images}
        pool = {(name, Mode.ENFORCING): n for name, n in spare.items() if name in installation.images}
        self.ahead = Ahead(
            self.fleet,
            store.leases,
            store.classes,
            config.labs,
            pool,
            self.book.near,
            self._seats_of,
            self._mode_of,
            store.homes.people,
        )
        self.early = Early(
            self.ahead,
            self.fleet,
            store.labs,
            store.leases,
            store.people,
            store.notices,
            self._there,
            self.leasing.answer,
            self.lending.terms.end,
        )
        self.readiness = Readiness(
            self.ahead,
            self.fleet,
            store.labs,
            store.leases,
            store.notices,
            self._staff,
            clock,
            lambda person: store.people.get(person).zone,
        )
        self.rehearsing = Rehearsing(
            self.fleet,
            store.labs,
            store.leases,
            store.people,
            store.classes,
            installation.new_password,
            installation.digest,
        )
        self.desk = Desk(
            self.rehearsing,
            self.book.upcoming,
            self._seats_of,
            self._images_of,
            lambda: self._library,
            config.labs.share,
        )

    def _join_class(self) -> None:
        config, store = self.config, self.store
        self.questions = QuestionParts(
            store,
            config.questions,
            self.telling.present,
            self._named,
            self._worked_on,
            self.registry.known,
            self._class_place,
        )
        around = AroundClass(
            self._planned,
            self._learners,
            self.registry.known,
            self._noted,
            lambda channel: len(store.questions.waiting(channel)),
            self.archive.place,
            render_step,
            config.records.log,
            self._has_labs,
            config.labs.per_person,
            self._lab_of,
            self._page,
            self._handout,
            store.homes.people,
        )
        self.teaching = Teaching(
            store.classes,
            store.notices,
            lambda: self._library,
            around,
            lambda: {lab.id: lab for lab in store.labs.alive()},
            self.fleet.way_in,
            self._labs_of,
            config.exercises.share,
        )
        self.classroom = self.teaching.room

    def _table(self) -> Table:
        table = Table(self.config.irc.prefix, kinds=plain_kinds())
        table.kinds |= {
            "image": self.leasing.image_kind,
            "mode": self.leasing.mode_kind,
            "host": self.draining.host_kind,
            "now": self.draining.now_kind,
            "question": self.questions.queue.question_kind,
        }
        network = Network(lambda: self.view.standing(), lambda channel: len(self.view.members(channel)))
        for feature in (
            Help(table, self.config.irc.contact, lambda c: self.classroom.running(c)),
            network,
            self.lending,
            self.draining,
            self.registry,
            self.teaching,
            self.questions,
            self.journal,
            self.planner,
            self.signups,
            self.organising,
            self.when,
            self.manners,
        ):
            table.add(feature.commands())
        return table

    # -- what features ask of each other ---------------------------------------------------------

    def _channels(self) -> tuple[str, ...]:
        return self.config.irc.channels

    def _there(self, person: Person) -> bool:
        """Whether somebody who can be told things now is that person."""
        return self.telling.where(person) is not None

    def _seen(self, sender: Sender) -> bool:
        found = self.view.find(sender.nick)
        return found is not None and (found.user, found.host) == (sender.user, sender.host)

    def _channels_of(self, sender: Sender) -> list[str]:
        """The channels of classes that this sender is in; all of ours for somebody who is in none."""
        mine = [
            self.config.irc.about(channel)
            for channel in self.config.irc.channels
            if self.view.holds(channel, sender.nick)
        ]
        return list(dict.fromkeys(mine)) or list(self.config.irc.class_channels)

    def _quizzed(self, event: Incoming) -> list[Effect] | None:
        """What comes of an answer to a quiz; None where it is none."""
        channels = [event.channel] if event.channel is not None else self._channels_of(event.sender)
        return self.teaching.quizzes.heard(
            event,
            lambda: self.registry.person_of(event.sender, event.at),
            self.config.roles.role_of(event.sender),
            channels,
        )

    def _learners(self, channel: str) -> list[Sender]:
        """Whoever is there and neither staff nor we."""
        return [
            member
            for member in self.view.members(channel)
            if self.view.fold(member.nick) != self.view.fold(self.view.nick)
            and self.config.roles.role_of(member) < Role.HELPER
        ]

    def _person(self, sender: Sender, at: datetime) -> Person | None:
        """Their row, made where there may be one."""
        try:
            return self.registry.person_of(sender, at)
        except UserError:
            return self.registry.known(sender)

    def _noted(self, ask: Ask, kind: str, text: str) -> None:
        self.journal.noted(ask, kind, text)
        if kind == "start" and ask.channel is not None:
            self.presence.begins(ask.channel, ask.at)

    def _handed_out(self, ask: Ask, what: str) -> None:
        """A lab asked for in a class: on its time line, and whoever asked takes part."""
        self.journal.noted(ask, "lab", what)
        self.teaching.joining.attend(ask)

    def _at_home(self, ask: Ask, image: str) -> None:
        """The same of somebody who runs that image on a machine of their own."""
        self.journal.noted(ask, "home", image)
        self.teaching.joining.attend(ask)

    def _renewed(self, person_id: int, lab: Lab, since: datetime | None) -> str:
        return self.teaching.preparing.renewed(person_id, lab, since)

    def _class_image(self, ask: Ask) -> str:
        """Of the exercise of the class that runs where this was asked; '' where none does."""
        run = self.store.classes.in_channel(ask.channel) if ask.channel else None
        exercise = self._library.exercises.get(run.exercise) if run is not None else None
        return exercise.image if exercise is not None else ""

    def _has_labs(self, image: str) -> bool:
        return bool(self.fleet.hosts) and image in self.fleet.images

    def _lab_of(self, person_id: int, image: str) -> Lab | None:
        """That person's lab of that image, unless they work on a machine of their own."""
        if self.store.homes.first(person_id=person_id) is not None:
            return None
        lease = next(iter(self.store.leases.open(person_id=person_id, image=image)), None)
        return self.store.labs.get(lease.lab_id) if lease is not None and lease.lab_id is not None else None

    def _holds(self, now: datetime) -> tuple[int, int]:
        found = self.lending.overview.capacity(now)
        return found.seats, found.survive

    def _labs_of(self, image: str) -> dict[int, Lab]:
        """The labs of that image that run, by person; without those whose people work on machines of their own."""
        labs = {lab.id: lab for lab in self.store.labs.all(state=LabState.READY)}
        away = self.store.homes.people()
        return {
            lease.person_id: labs[lease.lab_id]
            for lease in self.store.leases.open(image=image)
            if lease.lab_id in labs and lease.person_id not in away
        }

    def _page(self, exercise: Exercise) -> str:
        url = self.config.records.public_url
        return f"{url.rstrip('/')}/{handout.FOLDER}/{exercise.slug}.html" if url else ""

    def _handout(self, exercise: Exercise) -> str:
        """It is written anew, so that it is what the class does."""
        command, records = f"trainbot exercise handout {exercise.slug}", self.config.records
        try:
            handout.write(exercise, records.folder / handout.FOLDER, handout.run_yourself(records, exercise))
        except OSError as error:
            log.error("the handout of %s cannot be written: %s", exercise.slug, error)
            return command
        return self._page(exercise) or command

    def _images_of(self, session: Session) -> tuple[str, ...]:
        """What labs of that session are made from: as it says, else as its exercise does."""
        exercise = self._library.exercises.get(session.exercise or "")
        return session.images or ((exercise.image,) if exercise is not None and exercise.image else ())

    def _seats_of(self, session: Session) -> list[SignUp]:
        """Its sign-ups, each a lab: two for somebody in an exercise that compares two images, where both can be had."""
        exercise, rows = self._library.exercises.get(session.exercise or ""), self.signups.of(session)
        second = exercise.second_image if exercise is not None else ""
        if (
            exercise is None
            or self.config.labs.per_person < 2
            or not self._has_labs(second)
            or second not in (session.images or (second,))
        ):
            return rows
        return [
            each
            for row in rows
            for each in ((row, replace(row, image=second)) if row.image == exercise.image else (row,))
        ]

    def _mode_of(self, session: Session) -> Mode:
        exercise = self._library.exercises.get(session.exercise or "")
        return Mode.PERMISSIVE if exercise is not None and exercise.permissive else Mode.ENFORCING

    def _named(self, nick: str, ask: Ask) -> tuple[Person, bool] | None:
        """Whoever goes by that nick, or asked something by it that waits, or is ignored; and whether they are staff."""
        fold, questions = self.view.fold, self.store.questions
        member = self.telling.member(nick)
        if member is not None:
            return self.registry.person_of(member, ask.at), self.config.roles.role_of(member) >= Role.HELPER
        rows = [
            *(q for channel in self._channels() for q in questions.waiting(channel)),
            *questions.ignored.all(ended_at=None),
        ]
        found = next((self.store.people.get(row.person_id) for row in rows if fold(row.nick) == fold(nick)), None)
        return (
            None
            if found is None
            else (found, self.config.roles.role_of(Sender(nick, account=found.account)) >= Role.HELPER)
        )

    def _worked_on(self, person: Person, exercise: str) -> str:
        """The image of their lab; where they have none, or several, the one of the exercise."""
        about = self._library.exercises.get(exercise)
        held = {lease.image for lease in self.store.leases.all(person_id=person.id, ended_at=None)}
        return held.pop() if len(held) == 1 else about.image if about is not None else ""

    def _class_place(self, id: int) -> str:
        """A class in a few words, and where its minutes are, if they are somewhere for everybody."""
        run = self.store.classes.first(id=id)
        if run is None:
            return ""
        return f"({run.title})" + (f" {self.archive.place(run)}" if run.ended_at and self.archive.public_url else "")

    def _staff(self, channel: str | None, now: datetime) -> list[Person]:
        """The presenters and organisers in that channel; in all of ours where we are not there."""
        ours = self.config.irc.channels
        there = [c for c in ours if channel is not None and self.view.fold(c) == self.view.fold(channel)] or ours
        seen = {
            member
            for channel in there
            for member in self.view.members(channel)
            if self.config.roles.role_of(member) >= Role.PRESENTER
        }
        return [self.registry.person_of(member, now) for member in sorted(seen, key=lambda member: member.nick)]

    def _class_channels(self) -> list[str]:
        """Where people are told what concerns everybody: the channels of classes, or all."""
        return [run.channel for run in self.store.classes.running()] or list(self.config.irc.class_channels)

    def _planned(self, ask: Ask, words: str) -> Plan | None:
        session = self.planner.next_start(ask, words)
        if session is None or session.exercise is None:
            return None
        return Plan(session.exercise, session.title, session.uid)

    def _guarded(self, what: str, call: Callable[..., T], *values: object) -> T | None:
        """In a savepoint of its own: an error in one thing harms no other."""
        try:
            with self.store.savepoint():
                return call(*values)
        except Exception:
            log.exception("%s could not be handled", what)
            return None
