"""SASL as IRC carries it (IRCv3 sasl-3.2): the interface of a mechanism, and how its messages are split.

The mechanisms are in ``mechanisms``.  Pure; nothing here prints or logs a credential.
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
    """The exchange must not continue; the text says why, without a secret."""


@dataclass(frozen=True, slots=True)
class Credentials:
    """Our credentials for the services.  ``password`` and ``key`` (PEM, an EC key on P-256) are called only when they
    are needed for sending."""

    account: str = ""
    password: Callable[[], str] = str
    key: Callable[[], bytes] = bytes

    def __repr__(self) -> str:
        return f"Credentials({self.account!r}, ***)"


class Mechanism(Protocol):
    """One exchange.  ``respond`` takes the server's decoded challenge (empty at the start for mechanisms in which the
    client speaks first) and returns our message, or raises SaslRefused.  ``complete`` is True once a success reply from
    the server can be trusted."""

    name: str
    complete: bool

    def respond(self, challenge: bytes) -> bytes: ...


def chunks(message: bytes) -> list[str]:
    """Returns the parameters of the AUTHENTICATE lines that carry ``message``."""
    encoded = base64.b64encode(message).decode()
    parts = [encoded[at : at + CHUNK] for at in range(0, len(encoded), CHUNK)]
    if len(encoded) % CHUNK == 0:
        parts.append("+")
    return parts


class Assembler:
    """Reassembles the server's AUTHENTICATE parameters."""

    def __init__(self) -> None:
        self._parts = ""

    def feed(self, part: str) -> bytes | None:
        """Returns the whole challenge once it is complete, else None.  Raises SaslRefused if it is invalid or too
        long."""
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
