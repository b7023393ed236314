"""One turn: takes events, returns what is to be done.  No I/O except the store.

A turn is one transaction.  Each hook has a savepoint; nothing is sent before the commit.  If the commit fails, every
asker is told, and nothing has happened.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from dataclasses import replace
from datetime import datetime
from functools import partial

from trainbot.adapters.db import BRIEF, DAMAGED, NOT_STORED, DatabaseLocked
from trainbot.bot.control_requests import FAILED, ControlRequest, Response, ShellCommand, ShellResponse
from trainbot.bot.events import Event, Outcome, Tick
from trainbot.bot.wiring import Wiring
from trainbot.core.access import Role
from trainbot.core.commands import PREFIX
from trainbot.core.dispatch import Attested
from trainbot.core.errors import BackendError
from trainbot.core.hooks import CommandHeard, On, OnChange, OnTick, OwnEvent, TalkHeard, Turn
from trainbot.core.messages import Effect, Incoming, Line, Outgoing, Rank, Reply, Sender
from trainbot.model.config import Config

log = logging.getLogger(__name__)


class Bot:
    """Runs turns.  Its features are in ``wiring``; it keeps their hooks in the tables that a turn goes through."""

    def __init__(self, wiring: Wiring) -> None:
        self.wiring = wiring
        self.store, self.guard, self.dispatch = wiring.store, wiring.guard, wiring.dispatch
        hooks = [hook for feature in wiring.features for hook in feature.hooks()]
        heard = [hook for hook in hooks if isinstance(hook, On)]
        self._on = [*(hook for hook in heard if not hook.last), *(hook for hook in heard if hook.last)]
        self._on_type: dict[type, list[On]] = {}  # of these, by the type of event
        self._on_tick = [hook for hook in hooks if isinstance(hook, OnTick)]
        self._on_change = [hook for hook in hooks if isinstance(hook, OnChange)]
        self._looked_at = (Tick, *(event for hook in self._on_change for event in hook.events))  # whatever has changed

    def reconfigure(self, config: Config) -> None:
        self.wiring.reconfigure(config)

    def turn(self, events: Sequence[Event], now: datetime) -> Outcome:
        """Handles the events, then what is due, then what follows from changed rows.  DatabaseLocked if another program is
        writing: nothing has happened, and the same events may be given again."""
        outcome = Outcome()
        try:
            with self.store.transaction(BRIEF):
                self.wiring.notifier.catch_up()
                for event in events:
                    self._hear(event, now, outcome)
                self._look_at_rows(events, now, outcome)
        except DatabaseLocked:
            raise
        except BackendError as error:
            log.error("%s", error)
            outcome = self._failed(events, outcome, str(error))
        except Exception:
            log.exception("a turn of %d events failed", len(events))
            outcome = self._failed(events, outcome, "the bot's log says more")
        else:
            self.store.unpublished.clear()
            self.wiring.notifier.on_their_way(outcome.say)
        outcome.say += self.wiring.database_watch.alarm()
        if self.wiring.table.prefix != PREFIX:
            outcome.say = [
                replace(out, text=self.wiring.table.worded(out.text)) if isinstance(out, Line) else out
                for out in outcome.say
            ]
        return outcome

    def _hear(self, event: object, now: datetime, outcome: Outcome) -> None:
        match event:
            case Incoming():
                self.guard("a line", partial(self._said, event, now, outcome))
            case ShellCommand():
                self.guard("a shell command", partial(self._shell, event, now, outcome))
            case Tick():
                for hook in self._on_tick:
                    self._take(self.guard("a tick", partial(hook.call, now)), now, outcome)
            case _:
                answers = len(outcome.answers)
                for heard in self._hooks_on(type(event)):
                    self._take(self.guard(type(event).__name__, partial(heard.call, event, now)), now, outcome)
                if isinstance(event, ControlRequest) and len(outcome.answers) == answers:
                    outcome.take(Response(event, FAILED))

    def _hooks_on(self, kind: type) -> list[On]:
        hooks = self._on_type.get(kind)
        if hooks is None:
            hooks = self._on_type[kind] = [hook for hook in self._on if issubclass(kind, hook.event)]
        return hooks

    def _look_at_rows(self, events: Sequence[Event], now: datetime, outcome: Outcome) -> None:
        self.store.changed.update(self.store.unpublished)  # what maintenance has written
        kinds = {type(event) for event in events}
        if not (self.store.changed or any(issubclass(kind, self._looked_at) for kind in kinds)):
            return
        turn = Turn(now, Tick in kinds, self.store.changed)
        for hook in self._on_change:
            came = hook.events and any(issubclass(kind, hook.events) for kind in kinds)
            if turn.tick or came or not hook.tables.isdisjoint(turn.changed):
                self._take(self.guard(hook.call.__qualname__, partial(hook.call, turn)), now, outcome)

    def _take(self, done: Iterable[object] | None, now: datetime, outcome: Outcome) -> None:
        for item in done or ():
            if isinstance(item, OwnEvent):
                self._hear(item, now, outcome)
            else:
                outcome.take(item)

    # -- what people say -----------------------------------------------------------------------------

    def _said(self, event: Incoming, now: datetime, outcome: Outcome) -> None:
        """Commands come before answers (to a quiz), and answers before unknown commands."""
        if self.wiring.questions.ignore_list.ignores(event.sender):
            return
        if self.wiring.relays.relays.label(event.sender):
            self._relayed(event, now, outcome)
            return
        there, event = self._about(event)
        meant = self.dispatch.meant(event)
        effects: Sequence[Effect] | None
        if meant is not None and meant.call is not None:
            self._hear(CommandHeard(event), now, outcome)
            effects = self.dispatch(event, meant=meant)
        else:
            self._hear(TalkHeard(there, event), now, outcome)
            effects = self._answered(event)
            if effects is None and meant is not None:
                effects = self.dispatch(event, meant=meant)
        self._answer(effects or (), there, now, outcome)

    def _about(self, event: Incoming) -> tuple[Incoming, Incoming]:
        """(the line where it was said, the line in the channel of the class that it is about)."""
        if event.channel is None:
            return event, event
        audience = self.wiring.audience
        channel = audience.channel_named(event.channel)
        there = event if channel == event.channel else replace(event, channel=channel)
        about = audience.irc.about(channel)  # a message in a talk channel is about the class in its class channel
        return there, there if about == channel else replace(event, channel=about)

    def _relayed(self, event: Incoming, now: datetime, outcome: Outcome) -> None:
        """A relay's line: its own talk is never a command, and whoever it speaks for is a learner."""
        policy, ignored = self.wiring.relays, self.wiring.questions.ignore_list.ignores
        there, about = self._about(event)
        said = policy.relays.unwrapped(there, self.wiring.nick)
        if said is None:
            self._hear(TalkHeard(there, about), now, outcome)
            return
        if ignored(said.sender):
            return
        about = replace(said, channel=about.channel)
        meant, known = self.dispatch.meant(about), policy.admits(said)
        effects: Sequence[Effect] = ()
        if meant is None or meant.call is None:
            who = said.sender if known else there.sender
            self._hear(TalkHeard(replace(said, sender=who), replace(about, sender=who)), now, outcome)
        elif not known:
            effects = policy.crowded(said)
        else:
            self.wiring.people.seen(said.sender, now)  # also if the command fails: it is a name that we have answered
            refused = policy.refusal(said, meant.call.command)
            if refused is None:
                self._hear(CommandHeard(about), now, outcome)
                effects = self.dispatch(about, Attested(Role.LEARNER), meant)
            else:
                effects = refused
        before = len(outcome.say)
        self._answer(policy.in_channel(effects), said, now, outcome)
        # all who talk over one bridge take turns with others as one person does, and wait longer than a stranger may
        outcome.say[before:] = [
            replace(out, owner=event.sender.nick, rank=min(out.rank, Rank.ACCOUNT))
            if isinstance(out, Line) and out.owner == said.sender.nick
            else out
            for out in outcome.say[before:]
        ]

    def _answer(self, effects: Sequence[Effect], there: Incoming, now: datetime, outcome: Outcome) -> None:
        rank = self.wiring.ranks.of(there.sender) if any(isinstance(effect, Reply) for effect in effects) else None
        for effect in effects:
            out = _addressed(effect, there, rank)
            if isinstance(out, Line) and isinstance(effect, Reply) and effect.lease is not None:
                out = replace(out, ticket=self.wiring.notifier.keep(effect.lease, now))
            if out is not None:
                outcome.say.append(out)

    def _answered(self, event: Incoming) -> Sequence[Effect] | None:
        found = (feature.answered(event) for feature in self.wiring.features)
        return next((effects for effects in found if effects is not None), None)

    def _for_us(self, event: Incoming) -> bool:
        if self.wiring.relays.relays.label(event.sender):
            said = self.wiring.relays.relays.unwrapped(event, self.wiring.nick)
            if said is None:
                return False
            event = said
        meant = self.dispatch.meant(event)
        return meant is not None and meant.call is not None

    def _shell(self, event: ShellCommand, now: datetime, outcome: Outcome) -> None:
        """Runs the command as the organiser "shell".  Messages to channels go to the channels, replies to the shell."""
        incoming = Incoming(Sender("shell", account="(shell)"), None, event.text, now)
        effects = self.dispatch(incoming, Attested(Role.ORGANISER))
        outcome.say += [effect for effect in effects if not isinstance(effect, Reply)]
        outcome.take(
            ShellResponse(event, [line for effect in effects if isinstance(effect, Reply) for line in effect.lines])
        )

    # -- what could not be stored --------------------------------------------------------------------

    def not_now(self, events: Sequence[Event], why: str) -> tuple[Outcome, list[Event]]:
        """If the database has been locked for too long: (the outcome that tells whoever asked, the events that nobody
        waits for and that are still to be handled).  Ticks are neither: the next one comes."""
        asked: list[Event] = []
        left: list[Event] = []
        for event in events:
            if not isinstance(event, Tick):
                (asked if self._asks(event) else left).append(event)
        return self._failed(asked, Outcome(), why), left

    def _asks(self, event: Event) -> bool:
        """Whether somebody waits for an answer."""
        match event:
            case Incoming():
                return self._for_us(event)
            case ShellCommand() | ControlRequest():
                return True
        return False

    def _failed(self, events: Sequence[Event], outcome: Outcome, why: str) -> Outcome:
        """The outcome if nothing was stored: every asker is told, and features forget what was about to begin."""
        begun = [*outcome.work, *events, *([outcome.publish] if outcome.publish is not None else [])]
        for feature in self.wiring.features:
            feature.undone(begun)
        failed = Outcome(stored=False)
        for event in events:
            if isinstance(event, Incoming) and self._asks(event):
                said = self.wiring.relays.relays.unwrapped(event, self.wiring.nick) or event
                told = _addressed(Reply(DAMAGED if self.store.damage else NOT_STORED), said)
                failed.say += [told] if told is not None else []
            elif isinstance(event, ShellCommand):
                failed.take(ShellResponse(event, [f"not done: {why}"]))
            elif isinstance(event, ControlRequest):
                failed.take(Response(event, {"error": f"not done: {why}", "again": True}))
        return failed


def _addressed(effect: Effect, event: Incoming, rank: Rank | None = None) -> Outgoing | None:
    """A reply goes privately to the asker, or to the channel where it was asked, with their nick before it."""
    if not isinstance(effect, Reply):
        return effect
    alone = effect.private or event.channel is None
    target = event.sender.nick if alone else event.channel
    text = effect.text if alone else f"{event.sender.nick}: {effect.text}"
    return Line(
        target or "",
        text,
        effect.priority,
        owner=event.sender.nick,
        secret=effect.secret,
        rank=Rank.CLASS if rank is None else rank,
        command=effect.command,
        addressee="" if alone else event.sender.nick,
        series=effect.series,
    )
