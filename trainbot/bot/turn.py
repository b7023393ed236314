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

from trainbot.adapters.db import NOT_STORED
from trainbot.bot.control_requests import FAILED, ControlRequest, Response, ShellCommand, ShellResponse
from trainbot.bot.events import Event, Outcome, Tick
from trainbot.bot.wiring import Wiring
from trainbot.core.access import Role
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
        self._on_tick = [hook for hook in hooks if isinstance(hook, OnTick)]
        self._on_change = [hook for hook in hooks if isinstance(hook, OnChange)]

    def reconfigure(self, config: Config) -> None:
        self.wiring.reconfigure(config)

    def turn(self, events: Sequence[Event], now: datetime) -> Outcome:
        """Handles the events, then what is due, then what follows from changed rows."""
        outcome = Outcome()
        try:
            with self.store.transaction():
                self.wiring.notifier.catch_up()
                for event in events:
                    self._hear(event, now, outcome)
                self._look_at_rows(events, now, outcome)
        except BackendError as error:
            log.error("%s", error)
            return self._failed(events, outcome, str(error))
        except Exception:
            log.exception("a turn of %d events failed", len(events))
            return self._failed(events, outcome, "the bot's log says more")
        self.store.unpublished.clear()
        self.wiring.notifier.on_their_way(outcome.say)
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
                for heard in self._on:
                    if isinstance(event, heard.event):
                        self._take(self.guard(type(event).__name__, partial(heard.call, event, now)), now, outcome)
                if isinstance(event, ControlRequest) and len(outcome.answers) == answers:
                    outcome.take(Response(event, FAILED))

    def _look_at_rows(self, events: Sequence[Event], now: datetime, outcome: Outcome) -> None:
        self.store.changed.update(self.store.unpublished)  # what maintenance has written
        turn = Turn(now, any(isinstance(event, Tick) for event in events), self.store.changed)
        for hook in self._on_change:
            came = any(isinstance(event, hook.events) for event in events)
            if turn.tick or came or hook.tables & turn.changed:
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
        audience = self.wiring.audience
        there = event  # where it was said; a message in a talk channel is about the class in its class channel
        if event.channel is not None:
            there = replace(event, channel=audience.channel_named(event.channel))
            event = replace(event, channel=audience.irc.about(there.channel or ""))
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
        rank = (
            self.wiring.ranks.of(event.sender) if any(isinstance(effect, Reply) for effect in effects or ()) else None
        )
        outcome.say += [out for effect in effects or () if (out := _addressed(effect, there, rank)) is not None]

    def _answered(self, event: Incoming) -> Sequence[Effect] | None:
        found = (feature.answered(event) for feature in self.wiring.features)
        return next((effects for effects in found if effects is not None), None)

    def _for_us(self, event: Incoming) -> bool:
        meant = self.dispatch.meant(event)
        return meant is not None and meant.call is not None

    def _shell(self, event: ShellCommand, now: datetime, outcome: Outcome) -> None:
        """Runs the command as the organiser "shell".  Messages to channels go to the channels, replies to the shell."""
        incoming = Incoming(Sender("shell", account="(shell)"), None, event.text, now)
        effects = self.dispatch(incoming, Attested(Role.ORGANISER))
        outcome.say += [effect for effect in effects if not isinstance(effect, Reply)]
        outcome.take(ShellResponse(event, [effect.text for effect in effects if isinstance(effect, Reply)]))

    # -- what could not be stored --------------------------------------------------------------------

    def _failed(self, events: Sequence[Event], outcome: Outcome, why: str) -> Outcome:
        """The outcome if nothing was stored: every asker is told, and features forget what was about to begin."""
        begun = [*outcome.work, *events, *([outcome.publish] if outcome.publish is not None else [])]
        for feature in self.wiring.features:
            feature.undone(begun)
        failed = Outcome()
        for event in events:
            if isinstance(event, Incoming) and self._for_us(event):
                told = _addressed(Reply(NOT_STORED), event)
                failed.say += [told] if told is not None else []
            elif isinstance(event, ShellCommand):
                failed.take(ShellResponse(event, [f"not done: {why}"]))
            elif isinstance(event, ControlRequest):
                failed.take(Response(event, {"error": f"not done: {why}"}))
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
    )
