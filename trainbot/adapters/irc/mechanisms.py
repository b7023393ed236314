"""The SASL mechanisms that trainbot supports.  Pure; no error ever contains a credential."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainbot.adapters.irc.sasl import Credentials, Mechanism, SaslRefused
from trainbot.config.irc_login import load_key

if TYPE_CHECKING:
    from scramp import ScramClient

MOST_ITERATIONS = 1_000_000
"""The most PBKDF2 iterations a server may ask for (about half a second here); RFC 7677 and scramp require at least
4096."""


class Plain:
    """RFC 4616: authzid (our account), NUL, authcid (our account), NUL, password; in UTF-8."""

    name = "PLAIN"

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self.complete = False

    def respond(self, challenge: bytes) -> bytes:
        if self.complete:
            raise SaslRefused("the server asks for more steps than PLAIN has")
        self.complete = True
        account = self._credentials.account
        return f"{account}\0{account}\0{self._credentials.password()}".encode()


class External:
    """RFC 4422 appendix A: the client certificate of the TLS connection identifies us (CertFP).

    We send no account: Atheme 7.2 refuses even the right one, and a certificate belongs to one account anyway.
    """

    name = "EXTERNAL"

    def __init__(self, credentials: Credentials) -> None:
        self.complete = False

    def respond(self, challenge: bytes) -> bytes:
        if self.complete:
            raise SaslRefused("the server asks for more steps than EXTERNAL has")
        self.complete = True
        return b""


class ScramSha256:
    """RFC 5802 and RFC 7677: neither side sends the password, and the login succeeds only if the server proves that it
    knows it too."""

    name = "SCRAM-SHA-256"

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._client: ScramClient | None = None
        self._proved = False
        self.complete = False

    def respond(self, challenge: bytes) -> bytes:
        from scramp import ScramException  # few networks use it, and it takes a tenth of a second

        try:
            return self._step(challenge.decode())
        except (ScramException, ValueError, KeyError):
            # the library's text may quote what went over the wire
            if self._proved:
                raise SaslRefused("the server cannot prove that it knows our password: it may be an impostor") from None
            raise SaslRefused(
                "the server's SCRAM message is invalid, or our account or password cannot be used in it"
            ) from None

    def _step(self, challenge: str) -> bytes:
        if self.complete:
            raise SaslRefused("the server asks for more steps than SCRAM has")
        if self._client is None:
            from scramp import ScramClient

            self._client = ScramClient([self.name], self._credentials.account, self._credentials.password())
            first: str = self._client.get_client_first()
            return first.encode()
        if not self._proved:
            asked = [part[2:] for part in challenge.split(",") if part.startswith("i=")]
            if any(not number.isdecimal() or len(number) > 9 or int(number) > MOST_ITERATIONS for number in asked):
                raise SaslRefused("the server asks for too many SCRAM iterations")
            self._client.set_server_first(challenge)
            self._proved = True
            final: str = self._client.get_client_final()
            return final.encode()
        self._client.set_server_final(challenge)
        self.complete = True
        return b""


class EcdsaChallenge:
    """Atheme's ECDSA-NIST256P-CHALLENGE: sends our account, then signs the server's 32 octets as if they were a SHA-256
    hash."""

    name = "ECDSA-NIST256P-CHALLENGE"

    def __init__(self, credentials: Credentials) -> None:
        self._credentials = credentials
        self._named = False
        self.complete = False

    def respond(self, challenge: bytes) -> bytes:
        if not self._named:
            self._named = True
            return self._credentials.account.encode()
        from cryptography.hazmat.primitives.asymmetric import ec  # few networks use it, and it takes 5 MiB
        from cryptography.hazmat.primitives.asymmetric.utils import Prehashed
        from cryptography.hazmat.primitives.hashes import SHA256

        if self.complete or len(challenge) != SHA256.digest_size:
            raise SaslRefused("the server's challenge is not 32 octets to be signed once")
        self.complete = True
        return load_key(self._credentials.key()).sign(challenge, ec.ECDSA(Prehashed(SHA256())))


MECHANISMS: dict[str, Callable[[Credentials], Mechanism]] = {
    "external": External,
    "scram-sha-256": ScramSha256,
    "ecdsa-nist256p-challenge": EcdsaChallenge,
    "plain": Plain,
}
"""The mechanisms by their names in bot.ini (lower case)."""
