"""Takes the events that wait, turn after turn, and has done what each turn decided."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from datetime import timedelta
from time import perf_counter

from trainbot.adapters.db import DatabaseLocked
from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.bot.events import Event, Outcome
from trainbot.bot.inbox import Inbox
from trainbot.bot.turn import Bot
from trainbot.bot.turn_times import TurnTimes
from trainbot.bot.workers.maintenance import Maintenance
from trainbot.core.clock import Clock, ClockStepped

log = logging.getLogger(__name__)
TURN = 256  # at most this many events in one transaction
CROWDED = 5_000  # with this many events waiting, reading from IRC pauses
AGAIN = 0.2  # seconds until a locked database is tried again
LOCKED = 4.0  # seconds after which whoever waits for a locked database is told


class TurnLoop:
    """``carry_out`` does what a turn decided, after its commit."""

    def __init__(
        self,
        bot: Bot,
        clock: Clock,
        irc: IrcConnection,
        maintenance: Maintenance,
        carry_out: Callable[[Outcome], None],
    ) -> None:
        self._bot, self._clock, self._irc, self._maintenance = bot, clock, irc, maintenance
        self._carry_out = carry_out
        self.times = TurnTimes()
        self._inbox = Inbox()
        self._wake = asyncio.Event()
        self._idle = self._stopping = self._held = False
        self._failure: Exception | None = None
        self._locked = False  # and somebody was told
        self._step = timedelta()  # of the clock; the rows have not moved with it yet

    def post(self, event: Event) -> None:
        """Queues an event for the next turn."""
        self._inbox.put(event, time.monotonic())
        if len(self._inbox) == CROWDED:
            self._held = True
            self._irc.hold()
        if not self._irc.reading:
            self._wake.set()

    def read(self) -> None:
        """What IRC had sent is queued.  Takes the turn at once if nothing stands in its way: to wake ``run`` for it costs a
        tenth of what an answer costs."""
        if self._idle and self._inbox and not self._maintenance.free.locked():
            try:
                self._turn()
            except DatabaseLocked:
                pass  # ``run`` knows what to do
            except Exception as error:
                self._failure = error
                self.stop()
        if self._inbox:
            self._wake.set()

    async def run(self) -> None:
        """Until ``stop`` is called."""
        while not self._stopping:
            self._idle = True
            await self._wake.wait()
            self._idle = False
            self._wake.clear()
            while self._inbox and not self._stopping:
                await self._maintenance.pause()
                try:
                    self._turn()
                except DatabaseLocked as error:
                    self._wait_for_lock(str(error))
                    await asyncio.sleep(AGAIN)
                if self._inbox:
                    await asyncio.sleep(0)  # lets sockets be served between two transactions
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        self._idle, self._stopping = False, True
        self._wake.set()

    def _turn(self) -> None:
        """Handles the oldest events.  DatabaseLocked if another program is writing: they wait for the next try."""
        now, step = self._clock.look()
        self._step += step
        batch = self._inbox.first(TURN)
        began = perf_counter()
        events = [ClockStepped(self._step), *batch] if self._step else batch
        outcome = self._bot.turn(events, now)
        self.times.took(perf_counter() - began, stored=outcome.stored)
        self._inbox.remove(len(batch))
        if outcome.stored:
            self._step = timedelta()
        self._carry_out(outcome)
        if self._held and len(self._inbox) < TURN:
            self._held = False
            self._irc.go_on()
        if self._locked:
            log.warning("the database can be written again")
            self._locked = False

    def _wait_for_lock(self, why: str) -> None:
        """Tells those who have waited for too long that nothing was done.  All other events stay, in their order."""
        overdue = self._inbox.overdue(time.monotonic() - LOCKED)
        if overdue and not self._locked:
            log.error("%s", why)
            self._locked = True
        outcome, left = self._bot.not_now(overdue, why)
        self._inbox.keep(left)
        self._carry_out(outcome)
