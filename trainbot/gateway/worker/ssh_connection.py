"""One connection to the gateway: authentication and what it may do (RFC 4252, RFC 4254)."""

from __future__ import annotations

import asyncio
from typing import Any

import asyncssh

from trainbot.gateway.lab.lab_link import ENDED, LabLink, LabUnavailable
from trainbot.gateway.lab.pipe import ForwardedEnd, SocketBackpressure, join
from trainbot.gateway.learner import tmux as screen
from trainbot.gateway.learner.limits import PASSWORD, USER_NAME
from trainbot.gateway.learner.status_line import StatusLine, StatusText
from trainbot.gateway.settings import GatewayConfig
from trainbot.gateway.wire import packed
from trainbot.gateway.worker.guarded_connection import GuardedConnection, SigningServer
from trainbot.gateway.worker.guest_session import ONLY, GuestEnd
from trainbot.gateway.worker.link import GatewayLink
from trainbot.gateway.worker.manage_view import ManageView
from trainbot.gateway.worker.ssh_session import LearnerEnd

NO_LAB = "you have no lab: create one with ssh … xen-manage create IMAGE, or with !lab IMAGE on IRC"
NOT_SHARED = (
    "terminals are not shared here: without tmux ([gateway] tmux = no in bot.ini) each login has a shell of its own"
)
OWN = ("localhost", "127.0.0.1", "::1")  # allowed targets of -L: the lab's own loopback, seen from the lab
MARKED = 5.0  # seconds between two marks over the screen while somebody else is at it
FLUSH = 2.0  # seconds for the last message to be sent


class SshConnection(SigningServer):
    """Passes what somebody shows at the login to the gateway, and leads whom it lets in to their lab and nowhere else.

    asyncssh refuses everything that is not handled here: reverse and socket forwards, tunnels,
    agents, X11, other subsystems.
    """

    _conn: GuardedConnection
    _gateway: GatewayLink

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._lease = ""  # '': without a lab
        self._hint = ""
        self._visiting = False  # the lab is somebody else's
        self._refusal = ""  # why a visit does not begin
        self._hello = ""
        self._marking: asyncio.TimerHandle | None = None
        self._ending = ""  # why the connection ends with its last session
        self._lab: LabLink | None = None
        self._line = SocketBackpressure()
        self._status_line = StatusLine()
        self._plain = False  # asked for by the user name
        self._sessions: set[LearnerEnd] = set()
        self._views: dict[LearnerEnd, ManageView] = {}
        self._viewed = 0
        self._forwards: set[object] = set()  # a token for each forward
        self._silent: asyncio.TimerHandle | None = None
        self._inside = asyncio.Event()  # the gateway has let them in

    # -- coming and going

    def connection_made(self, conn: Any) -> None:
        self._conn, self._gateway = conn, conn.link
        self._gateway.listener = self
        self._line.watch(conn)
        self._silent = asyncio.get_running_loop().call_later(self._config.silent, self._cut_if_silent)

    def connection_lost(self, exc: Exception | None) -> None:
        if self._silent is not None:
            self._silent.cancel()
        if self._marking is not None:
            self._marking.cancel()
        self._status_line.close()
        if self._lab is not None:
            self._lab.close()
        self._gateway.gone()
        self._inside.set()  # who waits for it hears that the connection is lost

    def told(self, message: dict[str, Any]) -> None:
        match message["do"]:
            case "end":
                self._end(message["sentence"], message["code"])
            case "lease_ended":
                self._lease_ended(message["sentence"])
            case "route":
                self._moved()
            case "above":
                self._show(message["before"], self._gateway.above)
            case "tell":
                self._tell(message["sentence"])
            case "key_is_new":
                self._hint = " | !key yes on IRC saves your ssh key, for login without a password"
            case "write" | "exit":
                for view in list(self._views.values()):
                    view.told(message)

    def _end(self, sentence: str, code: int = asyncssh.DISC_BY_APPLICATION) -> None:
        """Every session is told ``sentence``; then the connection is closed."""
        for session in list(self._sessions):
            session.end(sentence)
        if self._sessions:
            asyncio.get_running_loop().call_later(FLUSH, self._conn.disconnect, code, sentence)
        else:
            self._conn.disconnect(code, sentence)

    def _lease_ended(self, sentence: str) -> None:
        """As ``_end``, but xen-manage sessions get their answer first."""
        if not any(session.managing for session in self._sessions):
            self._end(sentence)
            return
        self._ending = sentence
        for session in list(self._sessions):
            if not session.managing:
                session.end(sentence)

    def _moved(self) -> None:
        """Handles a new route of the lease: ends sessions if the lab has moved or was restarted."""
        old, route = self._lab, self._gateway.route(self._lease)
        sentence = old.moved(route) if old is not None and route is not None else ""
        if old is None or not sentence:
            return
        self._lab = None
        for session in list(self._sessions):
            if not session.managing:
                session.end(sentence)
        old.close()

    def _cut_if_silent(self) -> None:
        if self._conn.get_extra_info("client_version") is None:
            self._conn.abort()

    # -- who it is (RFC 4252)

    def begin_auth(self, username: str) -> bool:
        return True

    def password_auth_supported(self) -> bool:
        return True

    def public_key_auth_supported(self) -> bool:
        return True

    async def validate_password(self, username: str, password: str) -> bool:
        _, self._plain = screen.read_user(username)
        user, password = username[:USER_NAME], password[: PASSWORD + 1]
        return bool((await self._gateway.ask("password", user=user, password=password))["ok"])

    async def validate_public_key(self, username: str, key: asyncssh.SSHKey) -> bool:
        """Whether a signature with it is wanted; asyncssh checks that, and ``signed`` lets the gateway check it again."""
        _, self._plain = screen.read_user(username)
        return bool((await self._gateway.ask("key", user=username[:USER_NAME], key=packed(key.public_data)))["ok"])

    async def signed(self, data: bytes, signature: bytes) -> bool:
        said = await self._gateway.ask("signed", data=packed(data), signature=packed(signature))
        return bool(said["ok"])

    async def auth_completed(self) -> None:
        """Sessions and forwards that the client has asked for by now wait for this."""
        self._conn.logged_in()
        said = await self._gateway.ask("enter")
        if "refused" in said:
            self._conn.disconnect(asyncssh.DISC_TOO_MANY_CONNECTIONS, said["refused"])
            return
        self._gateway.take_route(said["route"])
        self._gateway.take_above(said)
        self._lease, self._refusal, self._hello = said["lease"], said.get("guest", ""), said.get("hello", "")
        self._visiting = bool(self._refusal or self._hello)
        self._inside.set()

    # -- the screens

    def screen(self) -> str | None:
        """The command for a login with a terminal; None: the lab's login shell."""
        line = self._gateway.above.line + self._hint
        if self._visiting:
            return screen.visit(self._gateway.above.line)
        if self._gateway.guests:
            self._mark_in(FLUSH)
        return screen.start(line) if self._config.tmux and not self._plain else None

    def watched(self) -> list[str]:
        return self._gateway.watched

    def guests(self) -> list[str]:
        if self._visiting:
            return [self._hello] if self._hello else []
        return self._gateway.guests

    def _mark_in(self, seconds: float) -> None:
        if self._marking is not None:
            self._marking.cancel()
        self._marking = asyncio.get_running_loop().call_later(seconds, self._mark)

    def _mark(self) -> None:
        """Shows who is at this terminal over what the lab shows, again and again: both are root there, and could hide it."""
        if self._marking is not None:
            self._marking.cancel()
            self._marking = None
        on_screen = [session for session in self._sessions if session.on_screen]
        if self._gateway.guests and not self._visiting:
            late = [session for session in on_screen if not session.mark(" | ".join(self._gateway.guests))]
            self._mark_in(FLUSH if late else MARKED)

    def _show(self, before: StatusText, above: StatusText) -> None:
        """Shows a new status line and message on the screens of this lease."""
        if above.word and above.word != before.word:
            self._tell(above.word)
        self._mark()
        connection = self._lab.opened if self._lab is not None else None
        if above.line != before.line and connection is not None and any(each.on_screen for each in self._sessions):
            self._status_line.show(connection, above.line)

    def _tell(self, sentence: str) -> None:
        """Shows ``sentence`` on the terminals of this connection: on tmux's message line, so that nothing is overwritten."""
        connection = self._lab.opened if self._lab is not None else None
        if connection is not None and any(each.on_screen for each in self._sessions):
            self._status_line.tell(connection, sentence)
        for session in self._sessions:
            if session.terminal and not session.on_screen:
                session.say(sentence)

    # -- what it may do (RFC 4254)

    def link(self) -> LabLink:
        """The link to the lab; LabUnavailable if the lease is over or there is none."""
        if self._refusal:
            raise LabUnavailable(self._refusal)
        if self._visiting and not self._config.tmux:
            raise LabUnavailable(NOT_SHARED)
        if not self._lease:
            raise LabUnavailable(NO_LAB)
        if self._gateway.route(self._lease) is None:
            raise LabUnavailable(ENDED)
        if self._lab is None:
            self._lab = LabLink(self._config, self._gateway, self._gateway, self._lease)
        return self._lab

    def manage(self, session: LearnerEnd) -> ManageView:
        """The terminal of xen-manage."""
        self._viewed += 1
        view = self._views[session] = ManageView(self._gateway, self._viewed, session)
        return view

    def session_requested(self) -> Any:
        return self._session()

    async def _session(self) -> LearnerEnd:
        await self._inside.wait()
        if not (await self._gateway.ask("session"))["ok"]:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "too many sessions: close one first")
        session = (GuestEnd if self._visiting else LearnerEnd)(self, self._line)
        self._sessions.add(session)
        return session

    def session_gone(self, session: LearnerEnd) -> None:
        if session in self._sessions:
            self._sessions.discard(session)
            self._views.pop(session, None)
            self._gateway.say("session_gone")
            if self._ending and not self._sessions:
                self._end(self._ending)

    def connection_requested(self, dest_host: str, dest_port: int, orig_host: str, orig_port: int) -> Any:
        """-L, to the lab's own loopback only.  The lab's sshd makes the connection, never the gateway."""
        if dest_host.lower() not in OWN or not 0 < dest_port < 65536:
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, "you can only forward to localhost of your own lab"
            )
        return self._forward(dest_port)

    async def _forward(self, port: int) -> ForwardedEnd:
        await self._inside.wait()
        if self._visiting:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_ADMINISTRATIVELY_PROHIBITED, ONLY)
        if not (await self._gateway.ask("forward"))["ok"]:
            raise asyncssh.ChannelOpenError(asyncssh.OPEN_RESOURCE_SHORTAGE, "too many forwarded connections")
        token = object()
        self._forwards.add(token)
        try:
            link = self.link()
            connection = await link.connection(lambda sentence: None)
            lab = ForwardedEnd(link.line)
            await connection.create_connection(lambda: lab, "localhost", port)
        except (LabUnavailable, asyncssh.Error, OSError):
            self.forward_gone(token)
            raise asyncssh.ChannelOpenError(
                asyncssh.OPEN_CONNECT_FAILED, "your lab does not answer on that port"
            ) from None
        return _LearnerForward(self, self._line, lab, token)

    def forward_gone(self, token: object) -> None:
        if token in self._forwards:
            self._forwards.discard(token)
            self._gateway.say("forward_gone")


class _LearnerForward(ForwardedEnd):
    """The learner's end of -L, joined to the lab's end once it is open."""

    def __init__(self, owner: SshConnection, line: SocketBackpressure, lab: ForwardedEnd, token: object) -> None:
        super().__init__(line)
        self._owner, self._lab, self._token = owner, lab, token

    def connection_made(self, chan: Any) -> None:
        super().connection_made(chan)
        join(self, self._lab)

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._owner.forward_gone(self._token)
