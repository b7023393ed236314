"""SASL as IRC carries it (IRCv3 sasl-3.2): what a mechanism is, and the cutting of its messages.

``mechanisms`` has them.  Pure; nothing here prints or logs a credential.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

CHUNK = 400
"""Octets of base64 in one AUTHENTICATE line; a full last chunk is followed by ``+``."""

LONGEST_CHALLENGE = 64 * 1024


class SaslRefused(Exception):
    """The exchange must not go on; the text says why, without a secret."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Who we are to the services.  ``password`` and ``key`` (PEM, of an EC key on P-256) are called only when they
    are needed on the wire."""

    account: str = ""
    password: Callable[[], str] = str
    key: Callable[[], bytes] = bytes

    def __repr__(self) -> str:
        return f"Credentials({self.account!r}, ***)"


class Mechanism(Protocol):
    """One exchange.  ``respond`` takes the server's decoded challenge (empty at the start for
    mechanisms where the client speaks first) and returns our message, or raises SaslRefused.
    ``complete`` is True once a success reply from the server may be believed."""

    name: str
    complete: bool

    def respond(self, challenge: bytes) -> bytes: ...


def chunks(message: bytes) -> list[str]:
    """The parameters of the AUTHENTICATE lines that carry ``message``."""
    encoded = base64.b64encode(message).decode()
    parts = [encoded[at : at + CHUNK] for at in range(0, len(encoded), CHUNK)]
    if len(encoded) % CHUNK == 0:
        parts.append("+")
    return parts


class Assembler:
    """Puts the server's AUTHENTICATE parameters together again."""

    def __init__(self) -> None:
        self._parts = ""

    def feed(self, part: str) -> bytes | None:
        """The whole challenge once it is there, else None; raises SaslRefused on rubbish."""
        self._parts += "" if part == "+" else part
        if len(self._parts) > LONGEST_CHALLENGE:
            raise SaslRefused("the server's challenge never ends")
        if len(part) == CHUNK:
            return None
        whole, self._parts = self._parts, ""
        try:
            return base64.b64decode(whole, validate=True)
        except (binascii.Error, ValueError):
            raise SaslRefused("the server's challenge is not base64") from None
