"""Which lines with a ticket the server is known to have received.  Pure; times are monotonic seconds.

A line that was written may still be lost in a dead link, or be refused (401 and the like) a moment later.  A PING after
it settles that: the server answers in order, so its PONG proves that every earlier line arrived and that no refusal is
still to come.  One PING covers all lines before it.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

PROOF_EVERY = 4.0
"""Seconds that lines may wait for their PING, so that a busy queue needs few PINGs."""

REFUSALS = {
    "401": "nobody has that nick",
    "402": "there is no such server",
    "403": "there is no such channel",
    "404": "the channel does not let us send",
    "407": "too many targets",
    "439": "the network limits whom we can write to now",
    "477": "they accept messages only from registered nicks",
    "486": "they accept messages only from registered nicks",
    "489": "they do not accept our messages",
    "531": "they do not accept our messages",
    "707": "the network limits whom we can write to first",
    "716": "they accept messages only from people they know (+g)",
    "718": "they accept messages only from people they know (+g)",
}
"""Numerics (second parameter: the target) that mean a message was not delivered.  RFC 2812 5.2; 707 and 716
charybdis/solanum; 439, 489 and 531 InspIRCd, ircu."""

LIMITS = frozenset({"439", "707"})
"""Refusals that mean too many people in a short time; the same line may go later."""

_OPEN = "allow me: /accept {bot}, or /mode {nick} -R where you are +R"
MENDS = {
    **dict.fromkeys(LIMITS, "type /msg {bot} help"),
    **dict.fromkeys(("477", "486"), "type /mode {nick} -R"),
    **dict.fromkeys(("489", "531"), _OPEN),
    **dict.fromkeys(("716", "718"), "type /accept {bot}"),
}
"""For each refusal of a private line: what the person can do so that we may write to them."""


@dataclass(frozen=True, slots=True)
class _Written:
    ticket: int
    target: str
    at: float
    number: int


class Receipts:
    """The tickets that were written and are not yet proven, on one connection."""

    def __init__(self) -> None:
        self._written: list[_Written] = []
        self._number = 0
        self._asked: int | None = None

    def wrote(self, ticket: int, target: str, now: float) -> None:
        self._number += 1
        self._written.append(_Written(ticket, target, now, self._number))

    def due(self) -> float | None:
        """Returns when the next PING should be sent, or None if none is needed."""
        if self._asked is not None or not self._written:
            return None
        return self._written[0].at + PROOF_EVERY

    def ask(self) -> str:
        """Returns the token to PING with; pass its PONG to ``proven``."""
        self._asked = self._number
        return f"said-{self._number}"

    def proven(self, token: str) -> None:
        """Handles a PONG with ``token``."""
        if self._asked is not None and token == f"said-{self._asked}":
            self._written = [line for line in self._written if line.number > self._asked]
            self._asked = None

    def refused(self, same: Callable[[str], bool]) -> list[int]:
        """Returns the tickets that a refusal for this target may refer to: reporting a line twice is better than not at
        all."""
        tickets = [line.ticket for line in self._written if same(line.target)]
        self._written = [line for line in self._written if not same(line.target)]
        return tickets

    def lost(self) -> list[int]:
        """Handles a lost connection: lines that were not proven count as not sent."""
        tickets = [line.ticket for line in self._written]
        self._written, self._asked = [], None
        return tickets
