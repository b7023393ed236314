"""One connection to the gateway: authentication and what it may do (RFC 4252, RFC 4254)."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

import asyncssh

from trainbot.gateway.hub import Hub
from trainbot.gateway.lab.lab_link import ENDED, LabLink, LabUnavailable
from trainbot.gateway.lab.pipe import ForwardedEnd, SocketBackpressure, join
from trainbot.gateway.learner import tmux as screen
from trainbot.gateway.learner.console import Consoles
from trainbot.gateway.learner.guarded_connection import PASSWORD, SigningServer
from trainbot.gateway.learner.ssh_session import LearnerEnd
from trainbot.gateway.learner.status_line import StatusLine, StatusText
from trainbot.gateway.routes import Guest, Route, same_key

log = logging.getLogger(__name__)

NO_LAB = "you have no lab: create one with ssh … xen-manage create IMAGE, or with !lab IMAGE on IRC"
OWN = ("localhost", "127.0.0.1", "::1")  # allowed targets of -L: the lab's own loopback, seen from the lab
FLUSH = 2.0  # seconds for the last message to be sent


class SshConnection(SigningServer):
    """Lets people with a lease's password or its person's key into that lease's lab and nowhere else.

    asyncssh refuses everything that is not handled here: reverse and socket forwards, tunnels,
    agents, X11, other subsystems.
    """

    def __init__(self, hub: Hub) -> None:
        self._hub = hub
        self._config = hub.config
        self._conn: Any = None
        self._claim: Route | Guest | None = None  # who the last valid attempt belongs to
        self._by_password = False
        self._unproven = ""  # the key in question, if a signature with it is no login
        self._signed: list[str] = []  # keys that have signed without being a login
        self._method = "password"  # or the fingerprint of the key
        self._since = 0.0  # the time of the login, in seconds since 1970
        self._confirmed = ""  # the candidate whose code is the user name
        self._stranger = ""  # the first key that nobody has named
        self._hint = ""
        self._ending = ""  # why the connection ends with its last session
        self._link: LabLink | None = None
        self._line = SocketBackpressure()
        self._status_line = StatusLine()
        self._plain = False  # asked for by the user name
        self._sessions: set[LearnerEnd] = set()
        self._forwards: set[object] = set()  # a token for each forward
        self._tries = 0
        self._key_tries = 0
        self._silent: asyncio.TimerHandle | None = None
        self.who: Route | Guest | None = None  # set when logged in
        self.peer = "?"

    @property
    def route(self) -> Route | None:
        return self.who if isinstance(self.who, Route) else None

    # -- coming and going

    def connection_made(self, conn: Any) -> None:
        self._conn = conn
        self.peer = str((conn.get_extra_info("peername") or ("?",))[0])
        self._line.watch(conn)
        self._silent = asyncio.get_running_loop().call_later(self._config.silent, self._cut_if_silent)
        self._hub.came(self)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._silent is not None:
            self._silent.cancel()
        self._status_line.close()
        if self._link is not None:
            self._link.close()
        self._hub.went(self)
        # A channel that was being opened is dropped without notice to its session: count those, too.
        for session in list(self._sessions):
            self._session_gone(session)
        for token in list(self._forwards):
            self._forward_gone(token)
        if self.who is not None:
            log.info("%s: person %d logged out", self._named(), self.who.person)
            received, sent = self._conn.traffic()
            lab = f"tb-{self.route.image}-{self.route.lab[:8]}" if self.route is not None and self.route.lab else ""
            self._hub.logged_out(
                self.who.person,
                {
                    "at": self._since,
                    "seconds": max(0, round(time.time() - self._since)),
                    "lab": lab,
                    "method": self._method,
                    "address": self.peer,
                    "received": received,
                    "sent": sent,
                },
            )

    def _named(self) -> str:
        return f"lease {self.route.lease}" if self.route is not None else "no lease"

    def cut(self) -> None:
        """Closes the connection at once, without a message."""
        self._conn.abort()

    def end(self, sentence: str) -> None:
        """Every session is told ``sentence``; then the connection is closed."""
        for session in list(self._sessions):
            session.end(sentence)
        asyncio.get_running_loop().call_later(
            FLUSH if self._sessions else 0, self._conn.disconnect, asyncssh.DISC_BY_APPLICATION, sentence
        )

    def lease_ended(self, sentence: str) -> None:
        """As ``end``, but xen-manage sessions get their answer first."""
        if not any(session.managing for session in self._sessions):
            self.end(sentence)
            return
        self._ending = sentence
        for session in list(self._sessions):
            if not session.managing:
                session.end(sentence)

    def moved(self, route: Route) -> None:
        """Handles a new route of the lease: ends sessions if the lab has moved or was restarted."""
        old = self._link
        sentence = old.moved(route) if old is not None else ""
        if old is None or not sentence:
            return
        self._link = None
        for session in list(self._sessions):
            if not session.managing:
                session.end(sentence)
        old.close()

    def _cut_if_silent(self) -> None:
        if self._conn.get_extra_info("client_version") is None:
            self.cut()

    # -- who it is (RFC 4252)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        self._claim = None
        self._tries += 1  # before anything is awaited: asyncssh cancels this as soon as the next request comes
        if self._tries > self._config.tries or len(password) > PASSWORD:
            self._enough(self._tries, 0)
            return False
        routes = await self._hub.routes()
        name, self._plain = screen.read_user(username)
        claim = routes.by_password(name, password)
        if claim is None:
            self._hub.failed(self.peer, username)
            await asyncio.sleep(self._config.wrong_delay)
            # A bot that has just been restarted may have given out this password before it could send its table.
            claim = (await self._hub.routes()).by_password(name, password)
        if claim is None:
            self._enough(self._tries, self._config.tries)
            return False
        # Nothing is awaited from here until auth_completed: no other try can come between.
        self._claim, self._by_password, self._method = claim, True, "password"
        return True

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether the key belongs to somebody; asyncssh also checks the signature."""
        self._claim, self._by_password, self._unproven, self._confirmed = None, False, "", ""
        self._key_tries += 1
        if self._key_tries > self._config.key_tries:
            self._enough(self._key_tries, 0)
            return False
        routes = await self._hub.routes()
        name, self._plain = screen.read_user(username)
        self._method = key.get_fingerprint()
        line = same_key(key.export_public_key().decode("ascii"))
        claim = routes.by_key(name, line)
        if claim is None and (claim := routes.by_code(username, line)) is not None:
            self._confirmed = line
        self._enough(self._key_tries, self._config.key_tries)
        self._claim = claim
        if claim is None and (routes.is_candidate(line) or self._stranger in ("", line)):
            if not routes.is_candidate(line):
                self._stranger = line
            self._unproven = line  # let the client sign with it, so that a password can prove it
        return bool(claim or self._unproven)

    def signed(self) -> bool:
        if self._unproven:
            self._signed = [*(key for key in self._signed if key != self._unproven), self._unproven]
        return not self._unproven

    def auth_completed(self) -> None:
        who = self._claim
        if who is None or not self._hub.entered(self, who.person):
            self._conn.disconnect(asyncssh.DISC_TOO_MANY_CONNECTIONS, "you have too many connections: close one")
            return
        self.who, self._since = who, time.time()
        self._conn.logged_in()
        log.info("%s: person %d logged in", self._named(), who.person)
        keys = self._signed if self._by_password else [self._confirmed] if self._confirmed else []
        if keys:
            self._hub.signed(who, keys, self._key_is_new)

    def _key_is_new(self) -> None:
        self._hint = " | !key yes on IRC saves your ssh key, for login without a password"

    def _enough(self, tries: int, limit: int) -> None:
        if tries >= limit:
            self._conn.disconnect(
                asyncssh.DISC_NO_MORE_AUTH_METHODS_AVAILABLE,
                "too many attempts: get the password again with !lab on IRC",
            )

    # -- the screens

    def screen(self) -> str | None:
        """The command for a login with a terminal; None: the lab's login shell."""
        return screen.start(self._above().line + self._hint) if self._config.tmux and not self._plain else None

    def _above(self) -> StatusText:
        return self._hub.above(self.route.lease) if self.route is not None else StatusText()

    def show(self, before: StatusText, above: StatusText) -> None:
        """Shows a new status line and message on the screens of this lease."""
        if above.word and above.word != before.word:
            self.tell(above.word)
        connection = self._link.opened if self._link is not None else None
        if above.line != before.line and connection is not None and any(each.on_screen for each in self._sessions):
            self._status_line.show(connection, above.line)

    def tell(self, sentence: str) -> None:
        """Shows ``sentence`` on the terminals of this connection: on tmux's message line, so that nothing is overwritten."""
        connection = self._link.opened if self._link is not None else None
        if connection is not None and any(each.on_screen for each in self._sessions):
            self._status_line.tell(connection, sentence)
        for session in self._sessions:
            if session.terminal and not session.on_screen:
                session.say(sentence)

    # -- xen-manage

    @property
    def person(self) -> int:
        return self.who.person if self.who is not None else 0

    @property
    def consoles(self) -> Consoles:
        return self._hub.consoles

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

    # -- what it may do (RFC 4254)

    def link(self) -> LabLink:
        """The link to the lab; LabUnavailable if the lease is over or there is none."""
        if self.route is None:
            raise LabUnavailable(NO_LAB)
        if self._hub.route(self.route.lease) is None:
            raise LabUnavailable(ENDED)
        if self._link is None:
            self._link = LabLink(self._config, self._hub, self._hub.jump_hosts, self.route.lease)
        return self._link

    def session_requested(self) -> Any:
        if self.who is None:
            return False
        if not self._hub.sessions.take(self.who.person):
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "too many sessions: close one first")
        session = LearnerEnd(self, self._line, self._session_gone)
        self._sessions.add(session)
        return session

    def _session_gone(self, session: LearnerEnd) -> None:
        if session in self._sessions and self.who is not None:
            self._sessions.discard(session)
            self._hub.sessions.give_back(self.who.person)
            if self._ending and not self._sessions:
                self.end(self._ending)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        """-L, to the lab's own loopback only.  The lab's sshd makes the connection, never the gateway."""
        if self.route is None or dest_host.lower() not in OWN or not 0 < dest_port < 65536:
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "you can only forward to localhost of your own lab"
            )
        if not self._hub.forwards.take(self.route.person):
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "too many forwarded connections")
        token = object()
        self._forwards.add(token)
        return self._forward(dest_port, token)

    async def _forward(self, port: int, token: object) -> ForwardedEnd:
        try:
            link = self.link()
            connection = await link.connection(lambda sentence: None)
            lab = ForwardedEnd(link.line)
            await connection.create_connection(lambda: lab, "localhost", port)
        except (LabUnavailable, asyncssh.Error, OSError):
            self._forward_gone(token)
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_CONNECT_FAILED, "your lab does not answer on that port"
            ) from None
        return _LearnerForward(self._line, lab, lambda: self._forward_gone(token))

    def _forward_gone(self, token: object) -> None:
        if token in self._forwards and self.route is not None:
            self._forwards.discard(token)
            self._hub.forwards.give_back(self.route.person)


class _LearnerForward(ForwardedEnd):
    """The learner's end of -L, joined to the lab's end once it is open."""

    def __init__(self, line: SocketBackpressure, lab: ForwardedEnd, gone: Callable[[], None]) -> None:
        super().__init__(line)
        self._lab = lab
        self._gone = gone

    def connection_made(self, chan: Any) -> None:
        super().connection_made(chan)
        join(self, self._lab)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._gone()
