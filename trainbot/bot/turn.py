"""One turn of events in, what is to be done out.  No I/O besides the store.

A turn is one transaction: each event has a savepoint, what goes out leaves after the commit.  If the commit fails,
every asker is told, and nothing has happened.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from trainbot.adapters.db import NOT_STORED, Store
from trainbot.adapters.scenario_files.library import load_library
from trainbot.bot.events import Event, Outcome, ShellCommand, Tick
from trainbot.bot.gateway import status_lines as captions
from trainbot.bot.gateway.requests import DoorAsked
from trainbot.bot.gateway.route_table import Ways, guests, routes
from trainbot.bot.notifier import View
from trainbot.bot.rehearsal_requests import FAILED, RehearsalAsked
from trainbot.bot.wiring import Installation, Parts
from trainbot.config import Config
from trainbot.core.access import Role
from trainbot.core.dispatch import Vouched
from trainbot.core.errors import BackendError
from trainbot.core.messages import (
    Arrived,
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
    Unreached,
    Unspoken,
)
from trainbot.features.sessions.publishing import Published
from trainbot.gateway.routes import Route
from trainbot.model.host import Finished, HostLost, HostUp
from trainbot.model.lab_events import Booted, Check, Checked, Heard, HostStatus, HostWork, Probe
from trainbot.model.script_events import RunScript, ScriptEnded

FROM_HOSTS = (HostUp, HostLost, Finished, Booted, Checked, Heard)  # after these there may be something to do
MOVED = (Arrived, Left, Renamed, RollCall, Disconnected)  # after these others can be told things
log = logging.getLogger(__name__)
FILES_EVERY = 8  # ticks between two looks at the exercises' files


class Bot(Parts):
    def __init__(self, config: Config, store: Store, view: View, installation: Installation) -> None:
        super().__init__(config, store, view, installation)
        self._to_greet = set(config.irc.channels)
        self._published = False
        self._ways = Ways(config.hosts)
        self._captions_due = True
        self._ticks = 0

    def reconfigure(self, config: Config) -> None:
        """``config`` differs in its roles only, as far as we are concerned (reloading.taken_up)."""
        self.config, self.dispatch.roles = config, config.roles

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
        if tick or changed & {"play", "lab", "class"}:
            look = tick or "class" in changed
            outcome.work += self._guarded("scripts in labs", lambda: self.teaching.work(now, look=look)) or []
        if tick or "class" in changed:
            self._guarded("the minutes", self.archive.settle, now)
        if tick or "session" in changed:
            outcome.publish = self.publishing.due(now, "session" in changed)
        came = any(isinstance(event, RollCall | Arrived | Renamed) for event in events)
        if tick or came or changed & {"class", "session", "channel"}:
            outcome.say += self._guarded("the channels' manners", self.manners.settle, now) or []
        if tick or came or "notice" in changed:
            outcome.say += self.telling.due(now)
        if tick:
            outcome.say += self.telling.shut_out(now)
        if changed & {"lab", "lease", "person", "public_key"} or not self._published:
            outcome.routes = self._guarded("the gateway's table", self._routes)
            outcome.guests = self._guarded("the gateway's guests", guests, self.store) or []
            self._published = outcome.routes is not None
        self._captions_due |= bool(changed & captions.TABLES) or any(isinstance(event, MOVED) for event in events)
        if tick and self._captions_due:  # not at each line that is said in a class
            outcome.lines = self._guarded("the lines above the labs' screens", self.captions, now)
            self._captions_due = outcome.lines is None

    def _routes(self) -> list[Route]:
        return routes(self.store, self.fleet.images, self._ways)

    def _failed(self, events: Sequence[Event], outcome: Outcome, why: str) -> Outcome:
        """Nothing was written: every asker is told, and what was about to begin is not under way."""
        for item in (*outcome.work, *events):
            if isinstance(item, HostWork | Probe | Check | Finished | Booted | Checked):
                self.fleet.busy.pop(item.lab, None)
            elif isinstance(item, RunScript | ScriptEnded):
                self.teaching.plays.busy.pop(item.play, None)
        self.planner.forget()
        if outcome.publish is not None:
            self.publishing.forget()
        self.rescue.forget()
        self._published, self._captions_due = False, True
        failed = Outcome()
        for event in events:
            if isinstance(event, Incoming) and self._for_us(event):
                told = _addressed(Reply(NOT_STORED), event)
                failed.say += [told] if told is not None else []
            elif isinstance(event, ShellCommand):
                failed.answers.append((event, [f"not done: {why}"]))
            elif isinstance(event, RehearsalAsked | DoorAsked):
                failed.answers.append((event, {"error": f"not done: {why}"}))
        return failed

    def _handle(self, event: Event, now: datetime, outcome: Outcome) -> None:
        match event:
            case Incoming():
                self._incoming(event, outcome)
            case ShellCommand():
                outcome.answers.append((event, self._shell(event, now, outcome)))
            case RehearsalAsked():
                told = self._guarded("a rehearsal", self.desk.answer, event.request, now)
                outcome.answers.append((event, told or FAILED))
            case DoorAsked():
                found = self._guarded("the door's question", self.porter.answer, event.request, now)
                outcome.answers.append((event, found.value if found is not None else FAILED))
                outcome.say += found.say if found is not None else []
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
            case ScriptEnded():
                self.teaching.plays.ended(event, now)
            case Published():
                self.publishing.done(event)
            case Renamed():
                was = self.registry.known(event.before)
                self.registry.renamed(event)
                self.signups.merge(was, self.registry.known(event.after))
                self.when.merge(was, self.registry.known(event.after))
                self.questions.queue.merge(was, self.registry.known(event.after))
                self.presence.renamed(event)
                self.manners.renamed(event.before.nick, event.after.nick)
            case Arrived():
                self.presence.arrived(event)
                self.teaching.joining.arrived(event)
            case Left():
                self.manners.left(event.sender.nick, event.channel)
                self.presence.left(event)
                self.registry.left(event)
            case Connected():
                self.registry.connected()
            case Disconnected():
                self.telling.disconnected()
            case RollCall():
                self.registry.roll_call(event)
                self.presence.roll_call(event)
                self.manners.came_back(event.channel)
                if event.channel in self._to_greet:
                    outcome.say += self.teaching.stepping.after_restart(event.channel)
            case Spoken():
                self.telling.spoken(event)
            case Unspoken():
                self.telling.unspoken(event, now)
            case Unreached():
                self.telling.unreached(event)
            case Tick():
                self._tick(now)

    def _tick(self, now: datetime) -> None:
        for part in (
            self._look_at_database,
            self._read_exercises,
            self.planner.reload,
            self.when.tick,
            self.signups.tick,
            self.reminding.tick,
            self.lending.terms.tick,
            self.lending.absent.tick,
            self.hearing.tick,
            self.rescue.tick,
            self.rehearsing.tick,
            self.early.tick,
            self.readiness.tick,
            self.teaching.tick,
            self.questions.pressing.tick,
        ):
            self._guarded("a tick", part, now)

    def _look_at_database(self, _now: datetime) -> None:
        if self.store.moved_away() and self._ticks % FILES_EVERY == 0:
            log.error(
                "the database %s was moved away or deleted: what happens now is lost with the bot's end; end it, "
                "put the file back, start it again",
                self.store.url,
            )

    def _read_exercises(self, _now: datetime) -> None:
        if self._ticks % FILES_EVERY == 0:
            self._library = load_library(self.config.exercises.folder, self._library)
        self._ticks += 1

    def _incoming(self, event: Incoming, outcome: Outcome) -> None:
        if event.channel is not None and event.channel not in self.config.irc.channels:
            named = [c for c in self.config.irc.channels if self.view.fold(c) == self.view.fold(event.channel)]
            event = replace(event, channel=named[0] if named else event.channel)
        there = event  # as it was said; what is said in a channel for talk is about the class in the channel beside it
        if event.channel is not None:
            event = replace(event, channel=self.config.irc.about(event.channel))
        meant = self.dispatch.meant(event)
        effects: Sequence[Effect] | None
        if meant is not None and meant.call is not None:
            self.questions.talk.commanded(event)
            effects = self.dispatch(event, meant=meant)
        else:
            self.journal.heard(there)  # what is said to us is on the time line as what comes of it
            self.questions.talk.heard(event)
            effects = self._quizzed(event)
            if effects is None and meant is not None:
                effects = self.dispatch(event, meant=meant)
        outcome.say += [out for effect in effects or () if (out := _addressed(effect, there)) is not None]

    def _for_us(self, event: Incoming) -> bool:
        meant = self.dispatch.meant(event)
        return meant is not None and meant.call is not None

    def _shell(self, event: ShellCommand, now: datetime, outcome: Outcome) -> list[str]:
        """Runs as the organiser "shell"; what is said to channels goes there, the rest to the shell."""
        sender = Sender("shell", account="(shell)")
        incoming = Incoming(sender, None, event.text, now)
        effects = self.dispatch(incoming, Vouched(Role.ORGANISER))
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
