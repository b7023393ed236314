"""Visits: somebody at the terminal of a lab that is not theirs, whose person has agreed to it.

The consent is an entry of the bot's table; whether it is there is looked at here, at each change of the table, and not in the lab,
where both are root.  A login is recorded by the bot before the gateway opens the way to the lab; without a record there is none.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections import deque
from dataclasses import dataclass
from typing import Any, Protocol

from trainbot.core.errors import BackendError
from trainbot.core.tasks import Tasks
from trainbot.core.text import one_line
from trainbot.gateway.routes import Route, VisitRoute

log = logging.getLogger(__name__)
PENDING = 1000  # ends of visits that wait for the bot
NOT_EXPECTED = "nobody expects you at that terminal: the ssh command that the bot sent you last is the one that works"
LEASE_ENDED = "the visit is over: the lease of that lab has ended"
UNRECORDED = "trainbot cannot record the visit now, so it cannot begin: try again in a minute"


class GuestConnection(Protocol):
    """A connection with a visit."""

    peer: str
    closed: bool

    @property
    def person(self) -> int: ...

    def leave(self, sentence: str) -> None:
        """Ends it, and at once the way to the lab."""


class VisitTable(Protocol):
    """What visits are decided with, and who hears of them."""

    def visit(self, word: str) -> VisitRoute | None: ...
    def route(self, lease: str) -> Route | None: ...
    async def ask_bot(self, request: dict[str, Any], timeout: float = 10.0) -> dict[str, Any]: ...
    def guests_changed(self, lease: str, sentence: str) -> None: ...


@dataclass
class Visiting:
    """One visit that has begun.  ``login``: its number in the bot's records; ``by``: the guest, as shown; ``name``: whose lab it
    is; ``timer``: calls ``settle`` when its time is up; ``over``: it was told to end."""

    word: str
    lease: str
    login: int
    by: str
    name: str
    timer: asyncio.TimerHandle | None = None
    over: bool = False


class Visits:
    """The visits that have begun, by connection."""

    def __init__(self, table: VisitTable) -> None:
        self._table = table
        self._here: dict[GuestConnection, Visiting] = {}
        self._left: deque[tuple[int, int, float]] = deque(maxlen=PENDING)  # person, login, when
        self._reporting = False
        self._tasks = Tasks()

    def refusal(self, word: str, person: int) -> str:
        """Why that person may not come with that word, in one sentence; '' if they may."""
        visit = self._table.visit(word)
        if visit is None or visit.guest != person:
            return NOT_EXPECTED
        over = visit.over or ("its time is over" if visit.until <= time.time() else "")
        return f"the visit is over: {one_line(over, 200)}" if over else ""

    async def begin(self, connection: GuestConnection, word: str) -> str:
        """'' once the visit is recorded and has begun, else why it cannot."""
        person = connection.person
        if why := self.refusal(word, person):
            return why
        request = {"op": "door", "do": "visit", "person": person, "word": word, "address": connection.peer}
        try:
            told = await self._table.ask_bot(request)
        except BackendError:
            return UNRECORDED
        login = told.get("visit")
        if not isinstance(login, int) or isinstance(login, bool):
            return one_line(str(told.get("error", UNRECORDED)), 200)
        visit, why = self._table.visit(word), self.refusal(word, person)
        if why or visit is None or connection.closed:  # it was ended meanwhile
            self._report(person, login)
            return why or NOT_EXPECTED
        by, name = (one_line(str(told.get(text, "")), 80) for text in ("by", "name"))
        here = self._here[connection] = Visiting(word, visit.lease, login, by, name)
        self._arm(here, visit)
        log.info("lease %s: person %d is at its terminal", here.lease, person)
        self._table.guests_changed(here.lease, f"{by} is at your terminal now; !alone on IRC ends it")
        return ""

    def of(self, connection: GuestConnection) -> Visiting | None:
        """The visit of that connection, unless it is over."""
        found = self._here.get(connection)
        return None if found is None or found.over else found

    def at(self, lease: str) -> list[str]:
        """Who is at that lease's terminal."""
        return [
            f"{here.by} is at your terminal (!alone ends it)" for here in self._here.values() if here.lease == lease
        ]

    def end(self, connection: GuestConnection) -> None:
        """The connection is closed, or its visit cannot go on."""
        here = self._here.pop(connection, None)
        if here is not None:
            if here.timer is not None:
                here.timer.cancel()
            log.info("lease %s: person %d has left its terminal", here.lease, connection.person)
            self._report(connection.person, here.login)
            self._table.guests_changed(here.lease, f"{here.by} has left your terminal")

    def settle(self) -> None:
        """Ends those that the table does not allow any more."""
        for connection, here in list(self._here.items()):
            if here.over:
                continue
            visit, why = self._table.visit(here.word), self.refusal(here.word, connection.person)
            if not why and self._table.route(here.lease) is None:
                why = LEASE_ENDED
            if why or visit is None or visit.lease != here.lease:
                here.over = True
                connection.leave(why or NOT_EXPECTED)
            else:
                self._arm(here, visit)

    def report(self) -> None:
        """Tells the bot which have ended."""
        if not self._reporting and self._left:
            self._reporting = True
            self._tasks.start(self._say_left(), "reporting visits to the bot")

    def close(self) -> None:
        self._tasks.cancel()

    def _arm(self, here: Visiting, visit: VisitRoute) -> None:
        if here.timer is not None:
            here.timer.cancel()
        here.timer = asyncio.get_running_loop().call_later(max(0.0, visit.until - time.time()), self.settle)

    def _report(self, person: int, login: int) -> None:
        self._left.append((person, login, time.time()))
        self.report()

    async def _say_left(self) -> None:
        try:
            while self._left:
                person, login, at = first = self._left[0]
                request = {"op": "door", "do": "left", "person": person, "visit": login, "at": at}
                if (await self._table.ask_bot(request)).get("again") is True:
                    return
                if self._left and self._left[0] is first:
                    self._left.popleft()
        except BackendError:
            return  # it is away: again when it is back
        finally:
            self._reporting = False
