"""Timeouts, retries, and the check that the link is alive.  Pure; times are monotonic seconds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

NOT_READING = "the server does not read what we send"

JOIN_REFUSED = {"403", "405", "437", "471", "473", "474", "475", "476", "477", "480", "489", "520"}
"""Numerics (second parameter: the channel) that mean we are not let in (RFC 2812 5.2, and others)."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for each thing, in seconds."""

    connect: float = 20.0  # TCP and TLS
    register: float = 45.0  # until the server welcomes us
    silence: float = 20.0  # without a line from the server before we PING
    answer: float = 20.0  # for any line after that PING; then the link is dead
    deaf: float = 120.0  # for a PONG while other lines arrive: a server that throttles us reads our lines late
    stable: float = 30.0  # registered for that long: the next reconnect starts with the shortest wait
    shortest: float = 1.0  # between connections, and between tries to join a channel
    longest: float = 60.0
    banned: float = 300.0  # at least, before we reconnect to a network that bans us
    nick: float = 15.0  # between checks whether our nick is free
    regain: float = 60.0  # between requests to NickServ to give it back
    roll_call: float = 30.0  # for the end of a WHO reply; then we ask again
    hold: float = 10.0  # at most, that messages are held for the end of a WHO reply
    goodbye: float = 2.0  # for the server to close the connection after our QUIT


class Backoff:
    """Waits that double from ``shortest`` to ``longest``, each jittered by up to a half, so that many bots do not
    reconnect at the same time."""

    def __init__(self, patience: Timeouts, chance: Callable[[], float] = random.random) -> None:
        self._patience, self._chance = patience, chance
        self._next = patience.shortest

    def wait(self) -> float:
        """Returns the seconds to wait now; never less than ``shortest`` or more than ``longest``."""
        jittered = self._next * (1 + self._chance() / 2)
        self._next = min(self._patience.longest, self._next * 2)
        return min(self._patience.longest, max(self._patience.shortest, jittered))

    def reset(self) -> None:
        self._next = self._patience.shortest


class JoinSchedule:
    """When to try to join each channel: at once, then after longer and longer waits when we are kicked or refused."""

    def __init__(self, names: Iterable[str], patience: Timeouts) -> None:
        self._patience = patience
        self._due: dict[str, float | None] = dict.fromkeys(names, 0.0)
        self._backoffs = {name: Backoff(patience) for name in self._due}
        self._since: dict[str, float] = {}

    def joins(self, now: float) -> list[str]:
        """Returns the channels to join now.  Each is tried again later unless ``joined`` is called for it."""
        ready = [name for name, due in self._due.items() if due is not None and due <= now]
        for name in ready:
            self._due[name] = now + self._patience.roll_call
        return ready

    def joined(self, name: str, now: float) -> None:
        if name in self._due:
            self._due[name] = None
            self._since[name] = now

    def lost(self, name: str, now: float) -> None:
        """Handles a kick or a refusal: the wait grows each time, unless we had been in the channel for long."""
        if name in self._due:
            if now - self._since.pop(name, now) > self._patience.stable:
                self._backoffs[name].reset()
            self._due[name] = now + self._backoffs[name].wait()

    def due(self) -> float | None:
        times = [due for due in self._due.values() if due is not None]
        return min(times, default=None)


BUSY = 3
"""How many times longer ``silence`` is while a queue moves."""


class Keepalive:
    """Detects a link on which nothing arrives within ``silence + answer + slack`` seconds, or on which lines arrive but
    the server does not read ours within ``silence + deaf`` seconds.  While ``busy``, ``silence`` is ``BUSY`` times as
    long."""

    def __init__(self, patience: Timeouts, now: float) -> None:
        self._patience = patience
        self._heard_at = now
        self._asked_at: float | None = None
        self._said_at: float | None = None  # when we wrote the first line that no PONG has followed
        self._proof_asked = False
        self.busy = False
        """True while a queue moves at the network's pace: a PING would take the place of a line that people wait
        for."""
        self.slack = 0.0
        """Seconds that a server reading at our pace needs for what we wrote; an answer that is late by no more than
        this is normal."""

    @property
    def _silence(self) -> float:
        return self._patience.silence * (BUSY if self.busy else 1)

    def heard(self, now: float) -> None:
        self._heard_at, self._asked_at = now, None

    def said(self, now: float) -> None:
        """Records that a line was written that the server should read."""
        if self._said_at is None:
            self._said_at, self._proof_asked = now, False

    def proven(self) -> None:
        """Handles a PONG: the server reads our lines."""
        self._said_at = None

    def due(self) -> float:
        times = [
            self._heard_at + self._silence
            if self._asked_at is None
            else self._asked_at + self._patience.answer + self.slack
        ]
        if self._said_at is not None:
            times.append(self._said_at + self._silence + (self._patience.deaf if self._proof_asked else 0))
        return min(times)

    def check(self, now: float) -> str:
        """Returns ``ping`` if a PING is due, ``dead`` if the server is silent, ``deaf`` if it does not read our lines,
        else ''."""
        if now < self.due():
            return ""
        if self._said_at is not None and now >= self._said_at + self._silence:
            if self._proof_asked and now >= self._said_at + self._silence + self._patience.deaf:
                return "deaf"
            asked, self._proof_asked = self._proof_asked, True
            if not asked:
                return "ping"
        if self._asked_at is not None:
            return "dead" if now >= self._asked_at + self._patience.answer + self.slack else ""
        if now < self._heard_at + self._silence:
            return ""
        self._asked_at = now
        return "ping"
