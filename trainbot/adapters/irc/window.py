"""How many of our lines the server has not read yet.  Pure; times are monotonic seconds.

A server that wants us to be slower than bot.ini says does not tell us: it reads our lines later and later (InspIRCd
calls it fakelag, ircds of the ircu and hybrid families penalties), and disconnects us once too much waits.  Meanwhile a
presenter's line waits there behind all others, where we cannot move it to the front.  A PONG proves that everything
before its PING was read.  So we send a PING after every ``ROUND`` lines at the latest, send nothing more while a PONG
is late, and then send no faster than the server was seen to read.
"""

from __future__ import annotations

from collections import deque

ROUND = 28
"""The most lines without a PING: while people wait for each line, a PING costs one of them.  At two seconds a line this
is just less than ``Keepalive`` waits, which then sends no PING of its own."""

FIRST, MOST = 16, 12 * ROUND
"""Lines that may be unread: until the server has shown how many it accepts, and the maximum."""

CAREFUL = 2.0
"""Seconds between two lines: a pace this slow or slower needs no such proof."""

LATE = 5.0
"""Seconds: a PONG that takes this long means that the server is behind; a busy connection across the world takes far
less."""

FEW = 5
"""The fewest lines that show a rate."""


class SendWindow:
    """The window of one connection.  Call ``asked`` for every PING and ``answered`` for every PONG.  ``interval``:
    seconds between two lines at the outbox's pace."""

    def __init__(self, interval: float) -> None:
        self._room = MOST if interval >= CAREFUL else FIRST
        self._lines = 0  # since the last PING
        self._asked: deque[tuple[float, int]] = deque()  # per PING: when, and the lines up to and including it
        self._reading_since = 0.0  # since when the server has had lines of ours to read

    @property
    def unread(self) -> int:
        """The number of lines that no PONG has followed."""
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
        """Whether more lines may be sent; if not, only a PONG changes that."""
        return self.unread < self._room and (not self._asked or now - self._asked[0][0] < LATE)

    def answered(self, now: float) -> float | None:
        """Handles a PONG.  Returns the seconds that the server takes to read one of our lines: 0 if it keeps up, None
        if that is unknown.  The server answers in order (RFC 1459 and all servers), whatever its PONG contains."""
        if not self._asked:
            return None
        at, lines = self._asked.popleft()
        took, self._reading_since = now - self._reading_since, now
        if now - at >= LATE:
            return took / lines if lines >= FEW else None
        if lines >= min(ROUND, self._room // 2):  # fewer prove nothing
            self._room = min(MOST, 2 * self._room)
        return 0.0
