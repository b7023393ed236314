"""Who a connection belongs to: the gateway decides, and believes its workers nothing (RFC 4252)."""

from __future__ import annotations

import asyncio
import logging
from typing import Protocol

import asyncssh
from asyncssh.public_key import decode_ssh_public_key
from asyncssh.saslprep import SASLPrepError, saslprep

from trainbot.gateway.learner import tmux as screen
from trainbot.gateway.learner.limits import PASSWORD, USER_NAME
from trainbot.gateway.routes import Guest, Route, Routes, same_key
from trainbot.gateway.settings import GatewayConfig
from trainbot.gateway.userauth import SignedRequest, usable

log = logging.getLogger(__name__)


class LoginTable(Protocol):
    """What logins are decided with."""

    config: GatewayConfig

    async def routes(self) -> Routes: ...

    def failed(self, address: str, user: str) -> None: ...

    def fresh(self, session: bytes, login: object) -> bool:
        """Whether nobody else has signed in that ssh session."""


class Login:
    """The attempts of one connection from ``peer``.  ``spent``: it has had enough of them.

    An attempt counts when it arrives, not when it is answered, and each one replaces the attempt before.
    """

    def __init__(self, table: LoginTable, peer: str) -> None:
        self._table, self._config, self._peer = table, table.config, peer
        self._itself = object()
        self._attempts = self._tries = self._key_tries = 0
        self.spent = False
        self._claim: Route | Guest | None = None  # who the last attempt belongs to, if it is a login
        self.user = ""  # with which it is a login
        self._user, self._key = "", b""  # of the last attempt with a key
        self._owner: Route | Guest | None = None  # whose key it is
        self._by_password = False
        self._unproven = ""  # the key in question, if a signature with it is no login
        self._signed: list[str] = []  # keys that have signed without being a login
        self._confirmed = ""  # the candidate whose code is the user name
        self._stranger = ""  # the first key that nobody has named
        self.method = "password"  # or the fingerprint of the key

    @property
    def who(self) -> Route | Guest | None:
        """Whose login it is; None if the last attempt was none."""
        return self._claim

    @property
    def keys(self) -> list[str]:
        """Keys that have signed, and that this login shows to be its person's."""
        return self._signed if self._by_password else [self._confirmed] if self._confirmed else []

    async def password(self, user: str, password: str) -> bool:
        """Whether it is somebody's.  A wrong one is answered late."""
        attempt = self._begin()
        self._tries += 1
        if self._tries > self._config.tries or len(password) > PASSWORD:
            self.spent = True
            return False
        name, _ = screen.read_user(user)
        claim = (await self._table.routes()).by_password(name, password)
        if claim is None:
            self._table.failed(self._peer, user)
            await asyncio.sleep(self._config.wrong_delay)
            # A bot that has just been restarted may have given out this password before it could send its table.
            claim = (await self._table.routes()).by_password(name, password)
        if claim is None:
            self.spent |= self._tries >= self._config.tries
        elif attempt == self._attempts:
            self._claim, self._by_password, self.method, self.user = claim, True, "password", user
            return True
        return False

    async def key(self, user: str, key: bytes) -> bool:
        """Whether a signature with that public key is wanted; it need not be a login."""
        attempt = self._begin()
        self._key_tries += 1
        if self._key_tries > self._config.key_tries:
            self.spent = True
            return False
        line = _line(key)
        routes = await self._table.routes()
        if attempt != self._attempts or not line:
            return False
        owner = routes.by_key(screen.read_user(user)[0], line)
        if owner is None and (owner := routes.by_code(user, line)) is not None:
            self._confirmed = line
        self.spent |= self._key_tries >= self._config.key_tries
        self._user, self._key, self._owner = user, key, owner
        if owner is None and (routes.is_candidate(line) or self._stranger in ("", line)):
            if not routes.is_candidate(line):
                self._stranger = line
            self._unproven = line  # let the client sign with it, so that a password can prove it
        return bool(owner or self._unproven)

    def signed(self, data: bytes, signature: bytes) -> bool:
        """Whether this signature over ``data`` (RFC 4252, section 7) with the key of the last attempt is a login."""
        key, self._key = self._key, b""
        if not key or not self._valid(key, data, signature):
            return False
        if self._unproven:
            self._signed = [*(line for line in self._signed if line != self._unproven), self._unproven]
        elif self._owner is not None:
            self._claim, self.method = self._owner, decode_ssh_public_key(key).get_fingerprint()
            self.user = self._user
        return self._claim is not None

    def _begin(self) -> int:
        self._claim = self._owner = None
        self._by_password, self._unproven, self._confirmed, self._key = False, "", "", b""
        self._attempts += 1
        return self._attempts

    def _valid(self, key: bytes, data: bytes, signature: bytes) -> bool:
        try:
            request = SignedRequest.read(data)
            ours = request.key == key and saslprep(request.user.decode())[:USER_NAME] == self._user
            return (
                ours
                and decode_ssh_public_key(key).verify(data, signature)
                and self._table.fresh(request.session, self._itself)
            )
        except (ValueError, SASLPrepError):
            return False
        except Exception as error:  # whatever keys and signatures provoke
            log.debug("a signature could not be checked: %r", error)
            return False


def _line(key: bytes) -> str:
    """ "TYPE BASE64" of a public key; '' if it is none, or none that may log in."""
    try:
        if not usable(key):
            return ""
        return same_key(decode_ssh_public_key(key).export_public_key().decode("ascii"))
    except (asyncssh.KeyImportError, ValueError):
        return ""
