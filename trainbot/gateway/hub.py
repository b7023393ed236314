"""The gateway's state: the latest table of routes, the limits, and all connections."""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from typing import Any, Protocol

from trainbot import __version__
from trainbot.adapters.control.client import asked
from trainbot.adapters.state_folder import PEPPER
from trainbot.core.errors import BackendError
from trainbot.core.tasks import Tasks
from trainbot.core.text import one_line
from trainbot.features.labs.passwords import load_or_make_secret
from trainbot.gateway import route_cache as table
from trainbot.gateway.lab.jump_hosts import JumpHosts
from trainbot.gateway.lab.lab_link import ENDED
from trainbot.gateway.learner.console import Consoles
from trainbot.gateway.learner.failed_logins import FailedLogins
from trainbot.gateway.learner.limits import (
    BROKEN,
    NO_LOGIN,
    WRONG_PASSWORD,
    KnownNetworks,
    Penalties,
    PreAuthLimiter,
    Quota,
)
from trainbot.gateway.learner.status_line import StatusText, read_lines
from trainbot.gateway.routes import Guest, Route, Routes, VisitRoute
from trainbot.gateway.rpc.handlers import RequestHandlers
from trainbot.gateway.settings import GatewayConfig
from trainbot.gateway.visits import Visits

log = logging.getLogger(__name__)
PENDING = 1000  # ended logins that wait for the bot
SIGNED = 10_000  # ssh sessions in which somebody has signed that are remembered
FIRST_TABLE = 5.0  # seconds that a login waits for the first table after the gateway has started


class LearnerConnection(Protocol):
    """A learner's connection as the hub sees it.  ``route``: None before login, or without a lab."""

    peer: str

    @property
    def route(self) -> Route | None: ...

    @property
    def visiting(self) -> bool:
        """Whether the lab of ``route`` is somebody else's."""

    def cut(self) -> None: ...

    def end(self, sentence: str) -> None: ...

    def lease_ended(self, sentence: str) -> None: ...

    def moved(self, route: Route) -> None: ...

    def show(self, above: StatusText) -> None: ...

    def tell(self, sentence: str) -> None: ...


class Hub:
    """The latest table from the bot, and all connections, logged in or not.

    While the bot is not running, the latest table stays in force, even if the gateway itself restarts.
    """

    def __init__(self, config: GatewayConfig) -> None:
        self.config = config
        self.jump_hosts = JumpHosts(config)
        self.consoles = Consoles(config, self, self.jump_hosts)
        self._watching: list[tuple[str, str]] = []  # (lease, who views its console)
        self.visits = Visits(self)
        self.left = asyncio.Event()  # told to leave, and nobody is logged in any more
        self._leaving = False
        self._handlers = RequestHandlers(config, self.jump_hosts)
        self.sessions = Quota(config.sessions)
        self.forwards = Quota(config.forwards)
        self._connections = Quota(config.connections)
        known = KnownNetworks()
        self._known, self._penalties = known, Penalties(known)
        self._waiting: PreAuthLimiter[LearnerConnection] = PreAuthLimiter(config.unauthenticated, known)
        self.failed_logins = FailedLogins()
        self._ssh_sessions: dict[bytes, object] = {}  # and the login that has signed in each
        self._logins: deque[tuple[int, dict[str, Any]]] = deque(maxlen=PENDING)
        self._reporting = False
        self._refused: set[str] = set()  # requests that this bot does not take, as logged
        self._inside: dict[LearnerConnection, int] = {}  # and the person
        self._pepper = load_or_make_secret(config.state / PEPPER)
        self._routes = self._last_table()
        self._lines: dict[str, StatusText] = {}
        self._told = asyncio.Event()  # a table came, or no bot is running
        self._changed = asyncio.Event()  # replaced at every change
        self.tasks = Tasks()

    # -- the table

    def take_table(self, value: Any) -> None:
        """Takes the bot's new table; ValueError (and no change) if it is invalid."""
        self._routes = Routes.from_json(value, self._pepper)
        table.keep(self.config.state, value)
        self._told.set()
        before, self._changed = self._changed, asyncio.Event()
        before.set()
        self.visits.settle()
        for connection in list(self._inside):
            if connection.route is None:
                continue
            route = self._routes.by_lease(connection.route.lease)
            if route is None and connection.visiting:
                continue  # the visit is over as well
            if (
                route is None
            ):  # a lease that another identity took over (!lab claim, a login to services) has a new person here
                connection.lease_ended(ENDED)
            else:
                connection.moved(route)

    def _last_table(self) -> Routes:
        """The table of the previous gateway, used until the bot sends one."""
        kept = table.last(self.config.state)
        try:
            return Routes((), self._pepper) if kept is None else Routes.from_json(kept, self._pepper)
        except ValueError as error:
            log.warning("the saved table of routes is invalid: %s", error)
            return Routes((), self._pepper)

    def bot_is(self, up: bool) -> None:
        log.info("connected to the bot" if up else "the bot cannot be asked: the last known routes stay in force")
        if up:
            self._refused.clear()
            self._report_logins()
            self.visits.report()
        else:
            self._told.set()

    async def routes(self) -> Routes:
        """The table; just after the gateway has started, waits briefly for the bot's."""
        if not self._told.is_set():
            with suppress(TimeoutError):
                await asyncio.wait_for(self._told.wait(), FIRST_TABLE)
        return self._routes

    def route(self, lease: str) -> Route | None:
        return self._routes.by_lease(lease)

    def visit(self, word: str) -> VisitRoute | None:
        return self._routes.visit(word)

    def labs_of(self, person: int) -> list[Route]:
        return self._routes.of_person(person)

    async def ask_bot(self, request: dict[str, Any], timeout: float = 10.0) -> dict[str, Any]:
        """The bot's answer; BackendError if it is not running or does not answer in time."""
        try:
            return await asked(self.config.control, request, timeout)
        except BackendError as error:
            log.warning("the bot cannot be asked: %s", error)
            raise

    def signed(self, who: Route | Guest, keys: list[str], tell: Callable[[], None]) -> None:
        """Reports the keys with which somebody has signed in a login that was theirs.  ``tell`` is called if one of them is
        new to the bot, so that they can save it."""
        self.tasks.start(self._say_signed(who, keys, tell), "reporting keys to the bot")

    async def _say_signed(self, who: Route | Guest, keys: list[str], tell: Callable[[], None]) -> None:
        lease = who.lease if isinstance(who, Route) else ""
        with suppress(BackendError):
            answer = await self.ask_bot(
                {"op": "door", "do": "signed", "person": who.person, "lease": lease, "keys": keys}
            )
            if answer.get("kept") is True:
                tell()
            self._note_refusal("a key", answer)

    def logged_out(self, person: int, login: dict[str, Any]) -> None:
        """Reports a login that has ended.  While the bot is away, the latest ``PENDING`` wait."""
        log.info("login of person %d ended", person, extra={"fields": {"person": person, **login}})
        self._logins.append((person, login))
        self._report_logins()

    def _report_logins(self) -> None:
        if not self._reporting:
            self._reporting = True
            self.tasks.start(self._say_logins(), "reporting logins to the bot")

    async def _say_logins(self) -> None:
        try:
            while self._logins:
                person, login = self._logins[0]
                answer = await self.ask_bot({"op": "door", "do": "login", "person": person, "login": login})
                if answer.get("again") is True:
                    return  # its database takes nothing now: again with the next login
                self._note_refusal("the record of a login", answer)
                if self._logins and self._logins[0][1] is login:
                    self._logins.popleft()
        except BackendError:
            return  # it is away: again when it is back
        finally:
            self._reporting = False

    def _note_refusal(self, what: str, answer: dict[str, Any]) -> None:
        """Logs once that this bot does not take ``what``, which is lost then."""
        if "error" in answer and what not in self._refused:
            self._refused.add(what)
            log.warning(
                "the bot does not take %s (%s); if it is older than this gateway (trainbot %s), restart it",
                what,
                one_line(str(answer["error"]), 200),
                __version__,
            )

    async def changed(self, timeout: float) -> None:
        with suppress(TimeoutError):
            await asyncio.wait_for(self._changed.wait(), timeout)

    def take_lines(self, value: Any) -> None:
        """Takes the new status lines; ValueError (and no change) if the table is invalid."""
        self._lines = read_lines(value)
        for connection in list(self._inside):
            if connection.route is not None:
                connection.show(self.above(connection.route.lease))

    def above(self, lease: str) -> StatusText:
        """The status line; viewers of the console come first, so that nobody is watched without knowing."""
        found = self._lines.get(lease, StatusText())
        seen = [*self.visits.at(lease), *self.watched(lease), found.line]
        return replace(found, line=" | ".join(each for each in seen if each))

    def watched(self, lease: str) -> list[str]:
        return [f"{by} is viewing your lab's console" for watched, by in self._watching if watched == lease]

    def watch(self, lease: str, by: str) -> Callable[[], None]:
        """Registers ``by`` as a viewer of that console and tells everybody in the lab; call the result at the end."""
        self._change_watching(lease, lambda: self._watching.append((lease, by)))
        sentence = f"{by} is now viewing your lab's console"
        self.consoles.tell(lease, sentence)
        for connection in self._in_lease(lease):
            connection.tell(sentence)
        return lambda: self._change_watching(lease, lambda: self._watching.remove((lease, by)))

    def guests_changed(self, lease: str, sentence: str) -> None:
        """Somebody has come to that terminal, or left it: everybody who has the lab is told."""
        for connection in self._in_lease(lease):
            connection.show(self.above(lease))
            connection.tell(sentence)

    def _change_watching(self, lease: str, change: Callable[[], None]) -> None:
        change()
        for connection in self._in_lease(lease):
            connection.show(self.above(lease))

    def _in_lease(self, lease: str) -> list[LearnerConnection]:
        return [
            connection
            for connection in self._inside
            if connection.route is not None and connection.route.lease == lease and not connection.visiting
        ]

    # -- who is here

    def refusal(self, address: str) -> str:
        """Why connections from ``address`` are refused now; '' if they are not."""
        seconds = self._penalties.refused(address)
        return f"too many failed logins from your network: try again in {seconds:.0f} s" if seconds else ""

    def broke(self, address: str) -> None:
        """A connection from ``address`` exceeded what a stranger may send."""
        self._penalties.add(address, BROKEN)

    def failed(self, address: str, user: str) -> None:
        """Somebody tried a wrong password."""
        self._penalties.add(address, WRONG_PASSWORD)
        self.failed_logins.failed(address, user)

    def fresh(self, session: bytes, login: object) -> bool:
        """Whether nobody else has signed in that ssh session: a worker could keep a signature and use it again."""
        found = self._ssh_sessions.setdefault(session, login) is login
        if len(self._ssh_sessions) > SIGNED:
            del self._ssh_sessions[next(iter(self._ssh_sessions))]
        return found

    def came(self, connection: LearnerConnection) -> LearnerConnection | None:
        """Registers a newcomer; returns the one to drop for it, which may be itself, or None."""
        return self._waiting.come(connection, connection.peer)

    def entered(self, connection: LearnerConnection, person: int) -> bool:
        """Registers a login; False if ``person`` has too many connections."""
        self._waiting.go(connection)
        if not self._connections.take(person):
            return False
        self._inside[connection] = person
        self._known.add(connection.peer)
        self._penalties.forgive(connection.peer)
        return True

    def went(self, connection: LearnerConnection) -> None:
        self._waiting.go(connection)
        if connection in self._inside:
            self._connections.give_back(self._inside.pop(connection))
        else:
            self._penalties.add(connection.peer, NO_LOGIN)
        self._leave_if_empty()

    # -- what the bot and shell commands ask

    async def answer(self, request: dict[str, Any]) -> dict[str, Any]:
        if request.get("op") not in ("leave", "inside"):
            return await self._handlers.answer(request)
        if request["op"] == "leave":
            self._leaving = True
            self._leave_if_empty()
        return {"inside": len(self._inside)}

    def _leave_if_empty(self) -> None:
        if self._leaving and not self._inside:
            self.left.set()

    def everybody(self) -> list[LearnerConnection]:
        return list(self._inside)
