"""What is signed in a login with a key (RFC 4252, section 7).  Pure."""

from __future__ import annotations

from dataclasses import dataclass

from asyncssh.constants import MSG_USERAUTH_REQUEST
from asyncssh.packet import PacketDecodeError, SSHPacket


@dataclass(frozen=True, slots=True)
class SignedRequest:
    """A login request with a key, without its signature; ``key`` is the public key (RFC 4253, section 6.6)."""

    session: bytes
    user: bytes
    algorithm: bytes
    key: bytes

    @classmethod
    def read(cls, data: bytes) -> SignedRequest:
        """ValueError if ``data`` is anything else."""
        packet = SSHPacket(data)
        try:
            session = packet.get_string()
            kind, user, service = packet.get_byte(), packet.get_string(), packet.get_string()
            method, signed = packet.get_string(), packet.get_boolean()
            algorithm, key = packet.get_string(), packet.get_string()
            packet.check_end()
        except PacketDecodeError:
            raise ValueError("data that is not a login request") from None
        if (kind, service, method, signed) != (MSG_USERAUTH_REQUEST, b"ssh-connection", b"publickey", True):
            raise ValueError("data that is not a login request with a key")
        if not 16 <= len(session) <= 64:
            raise ValueError("a login request without a session")
        return cls(session, user, algorithm, key)
