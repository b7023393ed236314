"""Being where we should be: in our channels, under our nick, on a live link.  Pure; monotonic seconds."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass

NOT_READING = "the server does not read what we send"

JOIN_REFUSED = {"403", "405", "437", "471", "473", "474", "475", "476", "477", "480", "489", "520"}
"""Numerics (second parameter: the channel) that say we are not let in (RFC 2812 5.2, and others)."""


@dataclass(frozen=True, slots=True)
class Timeouts:
    """How long to wait for what, in seconds."""

    connect: float = 20.0  # TCP and TLS
    register: float = 45.0  # until the server welcomes us
    silence: float = 20.0  # hearing nothing before we PING
    answer: float = 20.0  # for any line after that; then the link is dead
    deaf: float = 120.0  # for a PONG, where other lines come: a server that slows us down reads ours late
    stable: float = 30.0  # registered that long: the next reconnect starts at the shortest wait
    shortest: float = 1.0  # between connections, and between tries of a channel
    longest: float = 60.0
    banned: float = 300.0  # before a network that bans us is asked again, at least
    nick: float = 15.0  # between questions whether our nick is free
    regain: float = 60.0  # between NickServ's chances to give it back
    roll_call: float = 30.0  # for the end of a WHO reply, then it is asked again
    hold: float = 10.0  # talk is held that long at most for the end of a WHO reply
    goodbye: float = 2.0  # for the server to take our QUIT


class Backoff:
    """Waits that double from ``shortest`` to ``longest``, each jittered by up to a half, so that
    many bots do not come back at once."""

    def __init__(self, patience: Timeouts, chance: Callable[[], float] = random.random) -> None:
        self._patience, self._chance = patience, chance
        self._next = patience.shortest

    def wait(self) -> float:
        """Seconds to wait now; never under ``shortest`` nor over ``longest``."""
        jittered = self._next * (1 + self._chance() / 2)
        self._next = min(self._patience.longest, self._next * 2)
        return min(self._patience.longest, max(self._patience.shortest, jittered))

    def reset(self) -> None:
        self._next = self._patience.shortest


class JoinSchedule:
    """When to try which channel: at once, after a KICK or a refusal later and later."""

    def __init__(self, names: Iterable[str], patience: Timeouts) -> None:
        self._patience = patience
        self._due: dict[str, float | None] = dict.fromkeys(names, 0.0)
        self._backoffs = {name: Backoff(patience) for name in self._due}
        self._since: dict[str, float] = {}

    def joins(self, now: float) -> list[str]:
        """Channels to join now.  Each is tried again later unless ``joined`` says it is done."""
        ready = [name for name, due in self._due.items() if due is not None and due <= now]
        for name in ready:
            self._due[name] = now + self._patience.roll_call
        return ready

    def joined(self, name: str, now: float) -> None:
        if name in self._due:
            self._due[name] = None
            self._since[name] = now

    def lost(self, name: str, now: float) -> None:
        """Kicked, or not let in: wait, each time longer, unless we had been in for long."""
        if name in self._due:
            if now - self._since.pop(name, now) > self._patience.stable:
                self._backoffs[name].reset()
            self._due[name] = now + self._backoffs[name].wait()

    def due(self) -> float | None:
        times = [due for due in self._due.values() if due is not None]
        return min(times, default=None)


BUSY = 3
"""So many times longer nothing is asked while a queue moves."""


class Keepalive:
    """Notices a link on which nothing comes within ``silence + answer + slack`` seconds, and within ``silence + deaf`` one on which
    much comes, but nothing of ours arrives; while ``busy``, ``silence`` is ``BUSY`` times as long."""

    def __init__(self, patience: Timeouts, now: float) -> None:
        self._patience = patience
        self._heard_at = now
        self._asked_at: float | None = None
        self._said_at: float | None = None  # the first of what we said that no PONG came after
        self._proof_asked = False
        self.busy = False
        """A queue moves at the network's pace: a PING would be one of the lines that people wait for."""
        self.slack = 0.0
        """Seconds that a server which reads at our pace needs for what we said: so much later is its answer no sign."""

    @property
    def _silence(self) -> float:
        return self._patience.silence * (BUSY if self.busy else 1)

    def heard(self, now: float) -> None:
        self._heard_at, self._asked_at = now, None

    def said(self, now: float) -> None:
        """Something was written that the server should read."""
        if self._said_at is None:
            self._said_at, self._proof_asked = now, False

    def proven(self) -> None:
        """A PONG came: the server reads."""
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
        """``ping``: ask now; ``dead``: it is silent; ``deaf``: it does not read; else ''."""
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
