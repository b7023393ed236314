"""An ssh connection that bounds what a stranger can send, and refuses every request that is not on a list of ours.

asyncssh has no such bounds: it normalises a password of any length (quadratic in its combining marks), reads thousands
of packets in one callback, and answers every request that one of its versions has learned.  Here, before login, a
connection has a budget of bytes, packets and key exchanges, each packet has a maximum size, and all strangers together
are read one small slice for each turn of the event loop.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable

import asyncssh
from asyncssh.constants import (
    MSG_CHANNEL_OPEN,
    MSG_CHANNEL_REQUEST,
    MSG_GLOBAL_REQUEST,
    MSG_KEXINIT,
    MSG_USERAUTH_REQUEST,
)
from asyncssh.packet import PacketDecodeError, SSHPacket, String

from trainbot.gateway.learner.limits import PASSWORD, USER_NAME
from trainbot.gateway.userauth import usable
from trainbot.gateway.wire import packed
from trainbot.gateway.worker.link import GatewayLink

BYTES = 64 << 10  # from the first byte to the login: version, key exchange, 20 keys and 6 passwords take a quarter
SLICE = 1 << 10  # bytes that are read in one turn of the loop
PACKETS = 100  # that are not part of a key exchange; OpenSSH sends about one for each key and password
LONGEST = 8 << 10  # bytes of one packet: an RSA key of 16,384 bits and its signature take half

#: What a client may ask for (RFC 4254, https://github.com/openssh/openssh-portable/blob/master/PROTOCOL).
CHANNELS = frozenset({b"session", b"direct-tcpip"})
GLOBAL_REQUESTS = frozenset({b"keepalive@openssh.com"})
SESSION_REQUESTS = frozenset(
    {
        b"pty-req",
        b"env",
        b"shell",
        b"exec",
        b"subsystem",
        b"window-change",
        b"signal",
        b"break",
        b"keepalive@openssh.com",
    }
)
_REFUSED = b"refused@trainbot"  # a name that asyncssh does not know, so it refuses it, in order


class Turns:
    """Reads strangers' data in turn: one slice for each turn of the event loop, whoever they are and how many."""

    def __init__(self) -> None:
        self._waiting: deque[Callable[[], bool]] = deque()

    def add(self, read: Callable[[], bool]) -> None:
        """Calls ``read`` in a later turn, and again as long as it returns True."""
        self._waiting.append(read)
        if len(self._waiting) == 1:
            asyncio.get_running_loop().call_soon(self._next)

    def _next(self) -> None:
        read = self._waiting[0]
        try:
            again = read()
        finally:
            self._waiting.popleft()
            if self._waiting:
                asyncio.get_running_loop().call_soon(self._next)
        if again:
            self.add(read)


class GuardedConnection(asyncssh.SSHServerConnection):
    """A server connection with these bounds; ``logged_in`` lifts those that hold before login.  ``closed`` is set at its
    end."""

    def __init__(
        self,
        loop: asyncio.AbstractEventLoop,
        options: asyncssh.SSHServerConnectionOptions,
        turns: Turns,
        link: GatewayLink,
    ) -> None:
        super().__init__(loop, options)
        self._turns, self.link = turns, link
        self.closed = asyncio.Event()
        self._unread = bytearray()
        self._received = self._packets = self._exchanges = 0
        self._inside = self._over = False

    def logged_in(self) -> None:
        self._inside = True

    def data_received(self, data: bytes, datatype: int | None = None) -> None:
        if self._over:
            return
        if self._inside and not self._unread:
            super().data_received(data, datatype)
            return
        self._received += len(data)
        if self._received > BYTES and not self._inside:
            self._refuse("too much data before login")
            return
        if not self._unread:
            self._turns.add(self._read)
        self._unread += data

    def connection_lost(self, exc: Exception | None = None) -> None:
        self._over = True
        self._unread.clear()
        super().connection_lost(exc)
        self.closed.set()

    def disconnect(self, code: int, reason: str, lang: str = "en-US") -> None:
        """Sends ``reason``, closes the connection, and reads nothing more."""
        self._over = True
        self._unread.clear()
        super().disconnect(code, reason, lang)

    async def validate_public_key(self, username: str, key_data: bytes, msg: bytes, signature: bytes) -> bool:
        if not usable(key_data):  # asyncssh would check the signature of a certificate, whoever made it
            await self.link.ask("key", user=username[:USER_NAME], key=packed(key_data))  # an attempt like others
            return False
        valid = await super().validate_public_key(username, key_data, msg, signature)
        if valid and msg:
            assert isinstance(self._owner, SigningServer)
            return await self._owner.signed(String(self._session_id) + msg, signature)
        return valid

    def create_server_channel(
        self, encoding: str | None = "", errors: str = "", window: int = 0, max_pktsize: int = 0
    ) -> asyncssh.SSHServerChannel[bytes]:
        channel = super().create_server_channel(encoding, errors, window, max_pktsize)
        channel.__class__ = GuardedChannel  # asyncssh cannot be told to create another class
        return channel

    def _read(self) -> bool:
        if self._over:
            return False
        size = len(self._unread) if self._inside else SLICE
        part = bytes(self._unread[:size])
        del self._unread[:size]
        super().data_received(part)
        return bool(self._unread)

    def _refuse(self, reason: str) -> None:
        self.link.say("broke")
        self.disconnect(asyncssh.DISC_PROTOCOL_ERROR, reason)

    def process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> bool | Awaitable[None]:
        if self._over:
            return True
        if not self._inside:
            self._check(pkttype, packet)
        if pkttype == MSG_CHANNEL_OPEN:
            packet = allowed(packet, CHANNELS)
        elif pkttype == MSG_GLOBAL_REQUEST:
            packet = allowed(packet, GLOBAL_REQUESTS)
        return super().process_packet(pkttype, pktid, packet)

    def _check(self, pkttype: int, packet: SSHPacket) -> None:
        """ProtocolError, which asyncssh sends before it disconnects, if the packet exceeds a bound before login."""
        self._packets += 1
        self._exchanges += pkttype == MSG_KEXINIT
        if self._packets > PACKETS or self._exchanges > 1 or len(packet.get_full_payload()) > LONGEST:
            self.link.say("broke")
            raise asyncssh.ProtocolError("too much data before login")
        if pkttype == MSG_USERAUTH_REQUEST and (fault := _fault(SSHPacket(packet.get_remaining_payload()))):
            self.link.say("broke")
            raise asyncssh.ProtocolError(fault)


class SigningServer(asyncssh.SSHServer):
    """An SSHServer that hears of each valid signature."""

    async def signed(self, data: bytes, signature: bytes) -> bool:
        """The key that ``validate_public_key`` was last asked about has signed.  Returns whether that is a login."""
        raise NotImplementedError


class GuardedChannel(asyncssh.SSHServerChannel[bytes]):
    """A session channel that refuses every request that is not in ``SESSION_REQUESTS``."""

    def process_packet(self, pkttype: int, pktid: int, packet: SSHPacket) -> bool | Awaitable[None]:
        if pkttype == MSG_CHANNEL_REQUEST:
            packet = allowed(packet, SESSION_REQUESTS)
        return super().process_packet(pkttype, pktid, packet)


def allowed(packet: SSHPacket, names: frozenset[bytes]) -> SSHPacket:
    """The packet, whose next field is the name of a request; under a name that nobody knows if it is not in ``names``."""
    rest = SSHPacket(packet.get_remaining_payload())
    if rest.get_string() in names:
        return packet
    return SSHPacket(String(_REFUSED) + rest.get_remaining_payload())


def _fault(request: SSHPacket) -> str:
    """What is too long in a login request (RFC 4252, sections 5 and 8), '' if nothing is."""
    try:
        name, _, method = request.get_string(), request.get_string(), request.get_string()
        if len(name) > USER_NAME:
            return "the user name is too long"
        if method == b"password":
            if request.get_boolean():
                return "a password cannot be changed here"
            if len(request.get_string().decode("utf-8", "replace")) > PASSWORD:
                return "the password is too long"
    except PacketDecodeError:
        return "invalid login request"
    return ""
