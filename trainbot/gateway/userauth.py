"""Which keys may log in, and what is signed with one (RFC 4252, section 7).  Pure."""

from __future__ import annotations

from dataclasses import dataclass

from asyncssh.constants import MSG_USERAUTH_REQUEST
from asyncssh.packet import PacketDecodeError, SSHPacket

#: What OpenSSH's ssh-keygen makes (RFC 8709, RFC 5656, https://github.com/openssh/openssh-portable/blob/master/PROTOCOL.u2f).
KEY_TYPES = frozenset(
    {
        b"ssh-ed25519",
        b"ecdsa-sha2-nistp256",
        b"ecdsa-sha2-nistp384",
        b"ecdsa-sha2-nistp521",
        b"sk-ssh-ed25519@openssh.com",
        b"sk-ecdsa-sha2-nistp256@openssh.com",
        b"ssh-rsa",
    }
)
RSA_BITS = range(1024, 16384 + 1)  # of the modulus, as OpenSSH has it
EXPONENT = 1 << 32  # everybody's is 65537; a check with one as long as the modulus takes a thousand times as long


def usable(key: bytes) -> bool:
    """Whether logins with that public key (RFC 4253, section 6.6) are considered: no certificates, no other types, and
    no RSA key with which a check is slow."""
    packet = SSHPacket(key)
    try:
        kind = packet.get_string()
        if kind != b"ssh-rsa":
            return kind in KEY_TYPES
        exponent, modulus = packet.get_mpint(), packet.get_mpint()
        return 0 < exponent < EXPONENT and modulus.bit_length() in RSA_BITS
    except PacketDecodeError:
        return False


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
