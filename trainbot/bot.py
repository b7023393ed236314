"""Every feature, joined; one turn of events in, what is to be done out.  No I/O besides the store.

A turn is one transaction: each event has a savepoint, what goes out leaves after the commit.  If the commit fails,
every asker is told, and nothing has happened.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from typing import Any, TypeVar

from trainbot.chat.formatting import render_step
from trainbot.config import Config
from trainbot.errors import BackendError
from trainbot.exercises.classroom import Classroom, Plan
from trainbot.exercises.library import load_library
from trainbot.gateway.routes import OLD, Route
from trainbot.hosts.model import Finished, HostEvent, HostLost, HostUp, Mode
from trainbot.labs.ahead import Ahead
from trainbot.labs.doings import Booted, Check, Checked, Heard, HostStatus, HostWork, Listen, Probe
from trainbot.labs.draining import Draining
from trainbot.labs.early import Early
from trainbot.labs.fleet import Fleet
from trainbot.labs.hearing import Hearing
from trainbot.labs.images import Image
from trainbot.labs.lending import Around, Lending
from trainbot.labs.readiness import Readiness
from trainbot.labs.rehearsing import Rehearsing
from trainbot.labs.rescue import Rescue
from trainbot.lessons import Lessons
from trainbot.people.registry import Registry
from trainbot.questions.queue import QuestionQueue
from trainbot.records.archive import Archive
from trainbot.records.journal import Journal
from trainbot.rehearsal.desk import FAILED, Desk, RehearsalAsked
from trainbot.routing import routes
from trainbot.sessions.model import Session
from trainbot.sessions.planner import Planner
from trainbot.sessions.signups import SignUps
from trainbot.sessions.times import clock, describe_many
from trainbot.spine.access import Person, Role
from trainbot.spine.commands import Ask, Table, plain_kinds
from trainbot.spine.dispatch import Dispatch
from trainbot.spine.grammar import addressed
from trainbot.spine.help import Help
from trainbot.spine.messages import (
    Arrived,
    ChatEvent,
    Connected,
    Disconnected,
    Effect,
    Incoming,
    Left,
    Line,
    Outgoing,
    Renamed,
    Reply,
    RollCall,
    Sender,
    Spoken,
    Unspoken,
)
from trainbot.store import NOT_STORED, Store
from trainbot.telling import Telling, View

FROM_HOSTS = (HostUp, HostLost, Finished, Booted, Checked, Heard)  # after these there may be something to do
T = TypeVar("T")
log = logging.getLogger(__name__)
FILES_EVERY = 8  # ticks between two looks at the exercises' files


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: everything that is due is looked at."""


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """A command typed in a shell of the bot's own user, who is an organiser; ``answer`` gets the lines."""

    text: str
    answer: Callable[[list[str]], None]


Event = ChatEvent | HostEvent | Booted | Checked | Heard | HostStatus | Tick | ShellCommand | RehearsalAsked


@dataclass
class Outcome:
    """What a turn decided: to be carried out by the doors, in this order."""

    say: list[Outgoing] = field(default_factory=list)
    work: list[HostWork | Probe | Check | Listen] = field(default_factory=list)
    answers: list[tuple[ShellCommand, list[str]] | tuple[RehearsalAsked, dict[str, Any]]] = field(default_factory=list)
    routes: list[Route] | None = None  # None: as they were


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


class Bot:
    def __init__(self, config: Config, store: Store, view: View, installation: Installation) -> None:
        self.config, self.store, self.view = config, store, view
        self._library = load_library(config.exercises.folder)
        self._to_greet = set(config.irc.channels)
        self._published = False
        self._ticks = 0
        channels = lambda: config.irc.channels  # noqa: E731
        self.registry = Registry(store.people, store.leases, self._seen, view.fold, channels)
        self.journal = Journal(store.entries, store.classes, config.records.log)
        self.archive = Archive(store.classes, store.entries, store.questions, config.records.folder,
                               config.records.public_url,
                               lambda at: describe_many(at, config.schedule.zones, at).rpartition(" | ")[0])
        spare = {image.name: config.labs.spare if image.spare is None else image.spare for image in config.images}
        pool = {(name, Mode.ENFORCING): n for name, n in spare.items() if name in installation.images}
        with store.transaction():
            self.fleet = Fleet(store.labs, store.leases, store.notices, store.settings, config.labs,
                               installation.images, lambda now: self.ahead.pool(now), config.hosts, installation.owner,
                               installation.free_port)
        self.hearing = Hearing(self.fleet, store.labs, store.leases, store.notices, store.settings)
        self.lending = Lending(self.fleet, store, config.labs, config.require_account, installation.ssh_port,
                               installation.fingerprint, installation.new_password, installation.digest, installation.unready,
                               Around(Lessons(store, lambda: self._library), self._handed_out,
                                      lambda nick: self.telling.member(nick), self.registry.person_of, self.registry.known,
                                      view.fold, lambda person: self.telling.where(person) is not None,
                                      lambda: self.telling.seeing()))
        self.leasing = self.lending.leasing
        self.rescue = Rescue(self.fleet, store.labs, store.leases, store.notices, config.labs, self._class_channels,
                             f"ssh -p {installation.ssh_port} {OLD}@{config.labs.public_address}")
        self.draining = Draining(self.fleet, self.rescue)
        self.signups = SignUps(store.sessions, store.notices, store.people, config.schedule.zones,
                               config.require_account, lambda now: self.planner.upcoming(now), self._images_of,
                               self._has_labs, config.labs.early)
        self.planner = Planner(store.sessions, store.notices, store.people, config.schedule.folder,
                               config.schedule.zones, config.schedule.reminders, channels,
                               lambda: {run.session_uid for run in store.classes.running()} - {""}, self.signups)
        self.ahead = Ahead(self.fleet, store.leases, store.classes, config.labs, pool, self.planner.near,
                           self.signups.of, self._mode_of)
        self.early = Early(self.ahead, self.fleet, store.labs, store.leases, store.people, store.notices,
                           lambda person: self.telling.where(person) is not None, self.leasing.answer, self.lending.terms.end)
        self.readiness = Readiness(self.ahead, self.fleet, store.labs, store.leases, store.notices, self._staff, clock,
                                   lambda person: store.people.get(person).zone)
        self.rehearsing = Rehearsing(self.fleet, store.labs, store.leases, store.people, store.classes,
                                     installation.new_password, installation.digest)
        self.desk = Desk(self.rehearsing, self.planner.upcoming, self.signups.of, self._images_of, lambda: self._library,
                         config.labs.share)
        self.telling = Telling(store.notices, store.people, view, channels, self.registry.mask,
                               {"lab": self.leasing.notice, "reminder": self.planner.notice, "seat": self.early.notice,
                                "place": self.early.notice, "readiness": self.readiness.notice}, self._guarded)
        self.queue = QuestionQueue(store.questions, store.classes, store.notices, self.telling.present,
                                   store.people.get)
        self.classroom = Classroom(store.classes, store.notices, lambda: self._library, self._planned, self._learners,
                                   self.journal.noted, lambda channel: len(store.questions.waiting(channel)),
                                   self.archive.place, render_step, config.records.log,
                                   self._has_labs)
        self.table = self._table()
        self.dispatch = Dispatch(self.table, config.roles, self.registry.person_of, self._channels_of,
                                 self.classroom.running, store.savepoint, lambda: view.nick)

    def _table(self) -> Table:
        table = Table(self.config.irc.prefix, kinds=plain_kinds())
        table.kinds |= {"image": self.leasing.image_kind, "mode": self.leasing.mode_kind,
                        "host": self.draining.host_kind, "now": self.draining.now_kind,
                        "question": self.queue.question_kind}
        for feature in (Help(table, self.config.irc.contact, lambda c: self.classroom.running(c)), self.lending,
                        self.draining, self.registry, self.classroom, self.queue, self.journal, self.planner,
                        self.signups):
            table.add(feature.commands())
        return table

    # -- what features ask of each other ---------------------------------------------------------

    def _seen(self, sender: Sender) -> bool:
        found = self.view.find(sender.nick)
        return found is not None and (found.user, found.host) == (sender.user, sender.host)

    def _channels_of(self, sender: Sender) -> list[str]:
        """The channels that this sender is in; all of ours for somebody who is in none."""
        fold = self.view.fold
        mine = [channel for channel in self.config.irc.channels
                if any(fold(member.nick) == fold(sender.nick) for member in self.view.members(channel))]
        return mine or list(self.config.irc.channels)

    def _learners(self, channel: str) -> list[Sender]:
        """Whoever is there and neither staff nor we."""
        return [member for member in self.view.members(channel)
                if self.view.fold(member.nick) != self.view.fold(self.view.nick)
                and self.config.roles.role_of(member) < Role.HELPER]

    def _handed_out(self, ask: Ask, what: str) -> None:
        """A lab asked for in a class: on its time line, and whoever asked takes part."""
        self.journal.noted(ask, "lab", what)
        self.classroom.attend(ask)

    def _has_labs(self, image: str) -> bool:
        return bool(self.fleet.hosts) and image in self.fleet.images

    def _images_of(self, session: Session) -> tuple[str, ...]:
        """What labs of that session are made from: as it says, else as its exercise does."""
        exercise = self._library.exercises.get(session.exercise or "")
        return session.images or ((exercise.image,) if exercise is not None and exercise.image else ())

    def _mode_of(self, session: Session) -> Mode:
        exercise = self._library.exercises.get(session.exercise or "")
        return Mode.PERMISSIVE if exercise is not None and exercise.permissive else Mode.ENFORCING

    def _staff(self, channel: str | None, now: datetime) -> list[Person]:
        """The presenters and organisers in that channel; in all of ours where we are not there."""
        ours = self.config.irc.channels
        there = [c for c in ours if channel is not None and self.view.fold(c) == self.view.fold(channel)] or ours
        seen = {member for channel in there for member in self.view.members(channel)
                if self.config.roles.role_of(member) >= Role.PRESENTER}
        return [self.registry.person_of(member, now) for member in sorted(seen, key=lambda member: member.nick)]

    def _class_channels(self) -> list[str]:
        """Where people are told what concerns everybody: the channels of classes, or all."""
        return [run.channel for run in self.store.classes.running()] or list(self.config.irc.channels)

    def _planned(self, ask: Ask, words: str) -> Plan | None:
        session = self.planner.next_start(ask, words)
        if session is None or session.exercise is None:
            return None
        return Plan(session.exercise, session.title, session.uid)

    # -- a turn --------------------------------------------------------------------------------------

    def turn(self, events: Sequence[Event], now: datetime) -> Outcome:
        outcome = Outcome()
        try:
            with self.store.transaction():
                self.telling.catch_up()
                for event in events:
                    self._guarded(type(event).__name__, self._handle, event, now, outcome)
                self._settle(events, now, outcome)
        except BackendError as error:
            log.error("%s", error)
            return self._failed(events, outcome, str(error))
        except Exception:
            log.exception("a turn of %d events failed", len(events))
            return self._failed(events, outcome, "the bot's log says more")
        self._to_greet -= {event.channel for event in events if isinstance(event, RollCall)}
        self.telling.on_their_way(outcome.say)
        return outcome

    def _settle(self, events: Sequence[Event], now: datetime, outcome: Outcome) -> None:
        """What follows from the rows, where they or the world changed."""
        changed = self.store.changed
        tick = any(isinstance(event, Tick) for event in events)
        from_hosts = any(isinstance(event, FROM_HOSTS) for event in events)
        if tick or from_hosts or changed & {"lab", "lease"}:
            self._guarded("seating", self.fleet.seat, now)
            outcome.work = [*(self._guarded("the hosts' work", self.fleet.work, now) or []), *self.rescue.work()]
        if tick or "class" in changed:
            self._guarded("the minutes", self.archive.settle)
        came = any(isinstance(event, RollCall | Arrived | Renamed) for event in events)
        if tick or came or "notice" in changed:
            outcome.say += self.telling.due(now)
        if changed & {"lab", "lease", "person", "public_key"} or not self._published:
            outcome.routes = self._guarded("the gateway's table", self._routes)
            self._published = outcome.routes is not None

    def _routes(self) -> list[Route]:
        return routes(self.store, self.fleet.images, {host.name: host.door for host in self.config.hosts})

    def _failed(self, events: Sequence[Event], outcome: Outcome, why: str) -> Outcome:
        """Nothing was written: every asker is told, and what was about to begin is not under way."""
        for item in (*outcome.work, *events):
            if isinstance(item, HostWork | Probe | Check | Finished | Booted | Checked):
                self.fleet.busy.pop(item.lab, None)
        self.planner.forget()
        self.rescue.forget()
        self._published = False
        failed = Outcome()
        for event in events:
            if isinstance(event, Incoming) and self._for_us(event):
                told = _addressed(Reply(NOT_STORED), event)
                failed.say += [told] if told is not None else []
            elif isinstance(event, ShellCommand):
                failed.answers.append((event, [f"not done: {why}"]))
            elif isinstance(event, RehearsalAsked):
                failed.answers.append((event, {"error": f"not done: {why}"}))
        return failed

    def _guarded(self, what: str, call: Callable[..., T], *values: object) -> T | None:
        """In a savepoint of its own: an error in one thing harms no other."""
        try:
            with self.store.savepoint():
                return call(*values)
        except Exception:
            log.exception("%s could not be handled", what)
            return None

    def _handle(self, event: Event, now: datetime, outcome: Outcome) -> None:
        match event:
            case Incoming():
                self._incoming(event, outcome)
            case ShellCommand():
                outcome.answers.append((event, self._shell(event, now, outcome)))
            case RehearsalAsked():
                told = self._guarded("a rehearsal", self.desk.answer, event.request, now)
                outcome.answers.append((event, told or FAILED))
            case HostUp():
                self.hearing.host_up(event, now)
                self.rescue.back(event.report.name, now)
            case HostLost():
                self.hearing.host_lost(event, now)
            case Finished():
                self.hearing.finished(event, now)
            case Booted():
                self.hearing.booted(event, now)
            case Checked():
                self.hearing.checked(event, now)
            case HostStatus():
                self.hearing.host_status(event, now)
            case Heard():
                self.rescue.heard(event, now)
            case Renamed():
                was = self.registry.known(event.before)
                self.registry.renamed(event)
                self.signups.merge(was, self.registry.known(event.after))
            case Left():
                self.registry.left(event)
            case Connected():
                self.registry.connected()
            case Disconnected():
                self.telling.disconnected()
            case RollCall():
                self.registry.roll_call(event)
                if event.channel in self._to_greet:
                    outcome.say += self.classroom.after_restart(event.channel)
            case Spoken():
                self.telling.spoken(event)
            case Unspoken():
                self.telling.unspoken(event, now)
            case Tick():
                self._tick(now)

    def _tick(self, now: datetime) -> None:
        for part in (self._look_at_database, self._read_exercises, self.planner.tick, self.lending.terms.tick,
                     self.lending.absent.tick, self.hearing.tick, self.rescue.tick, self.rehearsing.tick,
                     self.early.tick, self.readiness.tick):
            self._guarded("a tick", part, now)

    def _look_at_database(self, _now: datetime) -> None:
        if self.store.moved_away() and self._ticks % FILES_EVERY == 0:
            log.error("the database %s was moved away or deleted: what happens now is lost with the bot's end; end it, "
                      "put the file back, start it again", self.store.url)

    def _read_exercises(self, _now: datetime) -> None:
        if self._ticks % FILES_EVERY == 0:
            self._library = load_library(self.config.exercises.folder, self._library)
        self._ticks += 1

    def _incoming(self, event: Incoming, outcome: Outcome) -> None:
        if event.channel is not None:
            named = [c for c in self.config.irc.channels if self.view.fold(c) == self.view.fold(event.channel)]
            event = replace(event, channel=named[0] if named else event.channel)
        if not self._for_us(event):
            self.journal.heard(event)  # what is said to us is on the time line as what comes of it
        outcome.say += [out for effect in self.dispatch(event) if (out := _addressed(effect, event)) is not None]

    def _for_us(self, event: Incoming) -> bool:
        found = addressed(event.text, self.table.prefix, self.view.nick, private=event.channel is None)
        return found is not None and self.table.find(found.text) is not None

    def _shell(self, event: ShellCommand, now: datetime, outcome: Outcome) -> list[str]:
        """Runs as the organiser "shell"; what is said to channels goes there, the rest to the shell."""
        sender = Sender("shell", account="(shell)")
        incoming = Incoming(sender, None, event.text, now)
        effects = self.dispatch(incoming, role=Role.ORGANISER)
        outcome.say += [effect for effect in effects if not isinstance(effect, Reply)]
        return [effect.text for effect in effects if isinstance(effect, Reply)]


def _addressed(effect: Effect, event: Incoming) -> Outgoing | None:
    """A reply goes to the asker alone, or where it was asked, with their nick before it."""
    if not isinstance(effect, Reply):
        return effect
    alone = effect.private or event.channel is None
    target = event.sender.nick if alone else event.channel
    text = effect.text if alone else f"{event.sender.nick}: {effect.text}"
    return Line(target or "", text, effect.priority, owner=event.sender.nick, secret=effect.secret)
