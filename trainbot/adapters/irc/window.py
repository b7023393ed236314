"""How much of what we said the server has not read yet.  Pure; times are monotonic seconds.

A server that wants us slower than bot.ini says does not tell: it reads our lines later and later (InspIRCd calls it fakelag, ircds
of the ircu and hybrid families penalties), and throws us out once too much waits.  Meanwhile a presenter's line waits there behind all
others, where we cannot put it first.  A PONG says that all before its PING was read: so a PING goes after every ``ROUND`` lines
at the latest, nothing more is said while one is late, and then no faster than the server was seen to read.
"""

from __future__ import annotations

from collections import deque

ROUND = 28
"""Lines without a PING at most: where people wait for each line, a PING costs one of them.  At two seconds a line that is just
less than ``Keepalive`` waits, which then asks nothing of its own."""

FIRST, MOST = 16, 12 * ROUND
"""Lines that may be unread before the server has shown what it takes, and ever."""

CAREFUL = 2.0
"""Seconds between two lines from which a pace needs no such proof."""

LATE = 5.0
"""Seconds to a PONG above which the server is behind; a busy line across the world is far below."""

FEW = 5
"""Lines from which a rate cannot be told."""


class SendWindow:
    """On one connection.  Every PING is ``asked``, every PONG is ``answered``.  ``interval``: seconds between two lines of
    the outbox's pace."""

    def __init__(self, interval: float) -> None:
        self._room = MOST if interval >= CAREFUL else FIRST
        self._lines = 0  # since the last PING
        self._asked: deque[tuple[float, int]] = deque()  # when, and how many lines before it, itself included
        self._reading_since = 0.0  # the server has had something of ours to read since then

    @property
    def unread(self) -> int:
        """Lines that no PONG came after."""
        return self._lines + sum(lines for _at, lines in self._asked)

    def wrote(self, now: float) -> None:
        if not self.unread:
            self._reading_since = now
        self._lines += 1

    def asked(self, now: float) -> None:
        self.wrote(now)
        self._asked.append((now, self._lines))
        self._lines = 0

    @property
    def wants_proof(self) -> bool:
        return self._lines >= min(ROUND, self._room // 2)

    def open(self, now: float) -> bool:
        """Whether more may be said; if not, only a PONG changes that."""
        return self.unread < self._room and (not self._asked or now - self._asked[0][0] < LATE)

    def answered(self, now: float) -> float | None:
        """A PONG came.  Seconds in which the server reads a line of ours; 0 where it was in no time, None where that
        cannot be told.  The server answers in order (RFC 1459 and all servers), whatever it says in a PONG."""
        if not self._asked:
            return None
        at, lines = self._asked.popleft()
        took, self._reading_since = now - self._reading_since, now
        if now - at >= LATE:
            return took / lines if lines >= FEW else None
        if lines >= min(ROUND, self._room // 2):  # fewer prove nothing
            self._room = min(MOST, 2 * self._room)
        return 0.0
