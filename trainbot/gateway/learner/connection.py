"""A learner's connection as the gateway has it: what its worker may ask, and what it is told.

The worker speaks ssh, and nothing that it says about itself is believed: whose the login is, which lab it leads to, what
is signed and what is counted is decided here.  ValueError: what an honest worker never sends.
"""

from __future__ import annotations

import asyncio
import logging
import socket
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any, NamedTuple, Protocol

import asyncssh

from trainbot.core.tasks import Tasks
from trainbot.gateway.hub import Hub
from trainbot.gateway.lab.connect import LabUnreachable, UnreachableReason
from trainbot.gateway.lab.dial import DirectDialer
from trainbot.gateway.lab.lab_link import ENDED
from trainbot.gateway.learner import tmux as screen
from trainbot.gateway.learner.limits import PASSWORD, USER_NAME
from trainbot.gateway.learner.login import Login
from trainbot.gateway.learner.status_line import StatusText
from trainbot.gateway.learner.traffic import lab_name, traffic
from trainbot.gateway.learner.xen_manage import LONGEST, ManageCommand, ManageSession
from trainbot.gateway.routes import Guest, Route
from trainbot.gateway.userauth import SignedRequest
from trainbot.gateway.wire import FULL, PART, number, packed, raw, text

log = logging.getLogger(__name__)
MOST = 256  # requests of one connection that wait for their answers; before login a stranger can send 100 packets
LONG = PASSWORD + 1  # characters: too long, however much longer
LEFT = 0.5  # seconds after which the way to the lab of a visit that was to end is cut
OBEYED = 5.0  # seconds after which a connection that was to end is cut
TOO_MANY = "you have too many connections: close one"
ENOUGH = "too many attempts: get the password again with !lab on IRC"
LOST = 255  # what OpenSSH's client itself exits with when a connection is lost
LEASE_OVER = "the visit is over"
FAILED = "internal error in the gateway: run ssh again, or tell the presenter"


class Messenger(Protocol):
    """The way to a worker."""

    @property
    def waiting(self) -> int:
        """Bytes that it has not taken."""

    def send(self, message: dict[str, Any], sock: socket.socket | None = None) -> None: ...


class Permission(NamedTuple):
    """One signature: for the login to the lab of the socket that request ``dial`` was answered with."""

    dial: int
    user: str
    key: asyncssh.SSHKey


class Connection:
    """One connection, from the address ``peer``, over ``sock``, a duplicate of the worker's."""

    def __init__(self, hub: Hub, worker: Messenger, number: int, sock: socket.socket, peer: str) -> None:
        self._hub, self._worker, self._number, self._sock = hub, worker, number, sock
        self.peer = peer
        self._login = Login(hub, peer)
        self.who: Route | Guest | None = None  # set when logged in
        self.closed = False
        self._at: Route | None = None  # the lab that the login leads to
        self._word: str | None = None  # of a visit to somebody else's lab
        self._lab_sock: socket.socket | None = None  # a duplicate of the worker's, of a visit: ours to end
        self._since = 0.0  # the time of the login, in seconds since 1970
        self._began = 0.0  # the same on the monotonic clock
        self._sessions = self._forwards = 0
        self._permission: Permission | None = None
        self._dialling: asyncio.Task[None] | None = None
        self._manage: dict[int, tuple[ManageCommand, asyncio.Task[None]]] = {}
        self._shown: tuple[StatusText, list[str]] = StatusText(), []
        self._led: Route | None = None  # what the worker knows of the route
        self._tasks = Tasks()

    @property
    def route(self) -> Route | None:
        return self._at

    @property
    def visiting(self) -> bool:
        return self._word is not None

    # -- what the hub says

    def cut(self) -> None:
        """Closes the connection at once, without a message."""
        with suppress(OSError):
            self._sock.shutdown(socket.SHUT_RDWR)

    def end(self, sentence: str, code: int = asyncssh.DISC_BY_APPLICATION) -> None:
        """Every session is told ``sentence``; then the connection is closed."""
        self._tell("end", sentence=sentence, code=code)
        asyncio.get_running_loop().call_later(OBEYED, self.cut)

    def leave(self, sentence: str) -> None:
        """Ends a visit: a worker that does not obey loses the way to the lab all the same."""
        self.end(sentence)
        asyncio.get_running_loop().call_later(LEFT, self._cut_lab)

    def _cut_lab(self) -> None:
        if self._lab_sock is not None:
            with suppress(OSError):
                self._lab_sock.shutdown(socket.SHUT_RDWR)
            self._lab_sock.close()
            self._lab_sock = None

    def lease_ended(self, sentence: str) -> None:
        """As ``end``, but xen-manage sessions get their answer first."""
        if self._led is not None:
            self._led = None
            self._tell("lease_ended", sentence=sentence)

    def moved(self, route: Route) -> None:
        if (led := route.without_secrets()) != self._led:
            self._led = led
            self._tell("route", route=led.to_json())

    def show(self, above: StatusText) -> None:
        if (shown := (above, self._seen_by())) != self._shown:
            self._shown = shown
            self._tell("above", **self._above())

    def tell(self, sentence: str) -> None:
        self._tell("tell", sentence=sentence)

    def _tell(self, event: str, **fields: Any) -> None:
        self._worker.send({"do": event, "id": self._number, **fields})

    def _above(self) -> dict[str, Any]:
        above, watched = self._shown
        return {"line": above.line, "word": above.word, "watched": watched, "guests": self._guests()}

    def _guests(self) -> list[str]:
        return self._hub.visits.at(self._at.lease) if self._at is not None and not self.visiting else []

    def _seen_by(self) -> list[str]:
        return [*self._guests(), *self.watched()]

    # -- what the worker says

    def heard(self, message: dict[str, Any]) -> None:
        """ValueError if an honest worker would not send that now."""
        if self.who is None:
            self._heard_before_login(message)
        else:
            self._heard_inside(message)

    def _heard_before_login(self, message: dict[str, Any]) -> None:
        match message.get("do"):
            case "password":
                n, user, password = (
                    number(message, "n"),
                    text(message, "user", USER_NAME),
                    text(message, "password", LONG),
                )
                self._start(self._answer(n, self._login.password(user, password)))
            case "key":
                n, user, key = number(message, "n"), text(message, "user", USER_NAME), raw(message, "key")
                self._start(self._answer(n, self._login.key(user, key)))
            case "signed":
                n, data, signature = number(message, "n"), raw(message, "data"), raw(message, "signature")
                self._reply(n, ok=self._login.signed(data, signature))
            case "broke":
                self._hub.broke(self.peer)
            case "enter":
                self._enter(number(message, "n"))
            case do:
                raise ValueError(f"{do!r} without a login"[:80])

    def _heard_inside(self, message: dict[str, Any]) -> None:
        match message.get("do"):
            case "session":
                n, taken = number(message, "n"), self._hub.sessions.take(self.person)
                self._reply(n, ok=taken)
                self._sessions += taken
            case "session_gone" if self._sessions:
                self._sessions -= 1
                self._hub.sessions.give_back(self.person)
            case "forward":
                n, may = number(message, "n"), self.route is not None and not self.visiting
                taken = may and self._hub.forwards.take(self.person)
                self._reply(n, ok=taken)
                self._forwards += taken
            case "forward_gone" if self._forwards:
                self._forwards -= 1
                self._hub.forwards.give_back(self.person)
            case "dial":
                n = number(message, "n")
                if self._dialling is not None:
                    self._dialling.cancel()
                self._permission = None
                self._dialling = self._start(self._dial(n))
            case "sign":
                self._sign(number(message, "n"), number(message, "dial"), raw(message, "data"))
            case "manage" | "typed" | "eof" | "closed" if not self.visiting:
                self._managed(message)
            case do:
                raise ValueError(f"{do!r} after a login"[:80])

    def gone(self) -> None:
        """The connection is closed, or its worker has ended."""
        self.closed = True
        self._tasks.cancel()
        self._hub.visits.end(self)
        self._cut_lab()
        self._hub.went(self)
        for _ in range(self._sessions):
            self._hub.sessions.give_back(self.person)
        for _ in range(self._forwards):
            self._hub.forwards.give_back(self.person)
        if self.who is not None:
            log.info("%s: person %d logged out", self._named(), self.person)
        if self.who is not None and not self.visiting:  # a visit has a record of its own
            seconds = max(0, round(time.monotonic() - self._began))
            record = {"at": self._since, "seconds": seconds, "method": self._login.method, "address": self.peer}
            self._hub.logged_out(self.person, {**record, "lab": lab_name(self._at), **traffic(self._sock)})
        self._sock.close()

    def _named(self) -> str:
        return f"lease {self.route.lease}" if self.route is not None else "no lease"

    def _reply(self, n: int, sock: socket.socket | None = None, **fields: Any) -> None:
        """Answers the request of that number."""
        self._worker.send({"do": "answer", "id": self._number, "to": n, **fields}, sock)

    def _start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        if len(self._tasks) >= MOST:
            work.close()
            raise ValueError("too many requests at once")
        return self._tasks.start(work, "a request of a worker")

    # -- who it is

    async def _answer(self, n: int, attempt: Coroutine[Any, Any, bool]) -> None:
        ok = await attempt
        if self._login.spent:
            self.end(ENOUGH, asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE)
        self._reply(n, ok=ok)

    def _enter(self, n: int) -> None:
        who = self._login.who
        if who is None:
            raise ValueError("an entry without a login")
        if not self._hub.entered(self, who.person):
            self._reply(n, refused=TOO_MANY)
            return
        self.who, self._since, self._began = who, time.time(), time.monotonic()
        self._word = screen.visit_word(self._login.user)
        if self._word is not None:
            self._hub.tasks.start(self._visit(n, self._word), "a visit")
            return
        self._at = who if isinstance(who, Route) else None
        log.info("%s: person %d logged in", self._named(), who.person)
        self._welcome(n, who)

    async def _visit(self, n: int, word: str) -> None:
        """Lets a guest in once that is recorded.  It is no task of the connection, which may be closed meanwhile."""
        why = await self._hub.visits.begin(self, word)
        if self.closed or self.who is None:
            return
        visit = self._hub.visits.of(self)
        self._at = self._hub.route(visit.lease) if visit is not None else None
        if visit is None or self._at is None:
            self._hub.visits.end(self)
            self._reply(n, lease="", route=None, guest=why or LEASE_OVER, **self._above())
            return
        self._welcome(n, self.who, f"you are at {visit.name}'s terminal, who is told; ctrl-b d leaves")

    def _welcome(self, n: int, who: Route | Guest, hello: str = "") -> None:
        now = None if self.route is None else self._hub.route(self.route.lease)
        self._led = None if now is None else now.without_secrets()
        self._shown = (StatusText() if self.route is None else self._hub.above(self.route.lease)), self._seen_by()
        route = None if self._led is None else self._led.to_json()
        self._reply(n, lease=self.route.lease if self.route else "", route=route, hello=hello, **self._above())
        if self.route is not None and now is None:
            self._tell("lease_ended", sentence=ENDED)
        if self._login.keys:
            self._hub.signed(who, self._login.keys, lambda: self._tell("key_is_new"))

    # -- the lab

    async def _dial(self, n: int) -> None:
        route = None if self.route is None or self._ended else self._hub.route(self.route.lease)
        try:
            if route is None:
                raise LabUnreachable(UnreachableReason.SILENT, ENDED)
            sock, _, key = await DirectDialer(self._hub.config, self._hub.jump_hosts).dial(route)
        except LabUnreachable as error:
            self._reply(n, reason=error.reason, text=str(error))
            return
        with sock:
            assert isinstance(key, asyncssh.SSHKey)
            if self.visiting:
                self._cut_lab()
                if self._ended:  # meanwhile
                    self._reply(n, reason=UnreachableReason.SILENT, text=LEASE_OVER)
                    return
                self._lab_sock = sock.dup()
            self._permission = Permission(n, route.user, key)
            public = key.export_public_key().decode("ascii")
            self._reply(n, sock, route=route.without_secrets().to_json(), key=public)

    def _sign(self, n: int, dial: int, data: bytes) -> None:
        """Signs one login to the lab that was dialled last; nothing else is ever signed."""
        permission = self._permission
        if permission is None or dial != permission.dial:
            log.warning("person %d: a second signature for one connection to a lab was refused", self.person)
            self._reply(n, signature="")
            return
        self._permission = None
        request = SignedRequest.read(data)
        known = request.algorithm in permission.key.sig_algorithms and request.key == permission.key.public_data
        if not known or request.user.decode("utf-8", "replace") != permission.user:
            raise ValueError("a login of somebody else to sign")
        self._reply(n, signature=packed(permission.key.sign(data, request.algorithm)))

    @property
    def _ended(self) -> bool:
        """Whether it is a visit that is over."""
        return self.visiting and self._hub.visits.of(self) is None

    # -- xen-manage

    def _managed(self, message: dict[str, Any]) -> None:
        """A session that runs xen-manage: the command here, its terminal in the worker."""
        view = number(message, "view")
        if message["do"] == "manage":
            if view in self._manage or len(self._manage) >= 2 * self._hub.config.sessions:
                raise ValueError("too many xen-manage sessions")
            pty, command = message.get("pty") is True, text(message, "command", LONGEST + 1)
            terms = ManageSession(
                pty, lambda data, error: self._write(view, data, error=error), lambda: self._worker.waiting
            )
            tool = ManageCommand(self, self._hub.consoles, terms)
            self._manage[view] = tool, self._start(self._run(view, tool, command))
        elif view in self._manage:  # otherwise it has ended by itself
            tool, running = self._manage[view]
            if message["do"] == "typed":
                tool.heard(raw(message, "data"))
            elif message["do"] == "eof":
                tool.ended()
            else:
                running.cancel()

    async def _run(self, view: int, tool: ManageCommand, command: str) -> None:
        try:
            self._tell("exit", view=view, code=await tool.run(command))
        except Exception:
            log.exception("xen-manage failed")
            self._tell("exit", view=view, code=LOST, sentence=FAILED)
        finally:
            del self._manage[view]

    def _write(self, view: int, data: bytes, *, error: bool) -> None:
        if self._worker.waiting < FULL:
            for start in range(0, len(data), PART):
                self._tell("write", view=view, data=packed(data[start : start + PART]), error=error)

    @property
    def person(self) -> int:
        return self.who.person if self.who is not None else 0

    def labs(self) -> list[Route]:
        return self._hub.labs_of(self.person)

    def own(self) -> Route | None:
        """The lab of this login: its lease's lab, or the newest."""
        found = self._hub.route(self.route.lease) if self.route is not None else None
        return found or next(iter(self.labs()), None)

    async def ask(self, request: dict[str, Any]) -> dict[str, Any]:
        return await self._hub.ask_bot(request)

    def watch(self, lease: str, by: str) -> Callable[[], None]:
        watched = self._hub.route(lease)
        if watched is not None and watched.person == self.person:
            return lambda: None
        return self._hub.watch(lease, by)

    def watched(self) -> list[str]:
        return self._hub.watched(self.route.lease) if self.route is not None else []
