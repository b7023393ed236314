"""A stage behind a network that takes a line in two seconds: what is said, and when, by the stage's own clock."""

from __future__ import annotations

from datetime import datetime

from tests.stage import CHANNEL, Stage, plain
from trainbot.adapters.irc.outbox import Outbox
from trainbot.core.messages import LineUndelivered, Sender

BURST, INTERVAL = 4, 2.0  # as bot.ini's flood_burst and flood_interval


class SlowNetwork:
    """``heard``: (seconds since the start, target, text) of each line that came through."""

    def __init__(self, stage: Stage) -> None:
        self.stage, self.outbox = stage, Outbox(BURST, INTERVAL)
        self.began: datetime = stage.now
        self.heard: list[tuple[float, str, str]] = []
        self.waits(30)  # the usual burst is there

    @property
    def now(self) -> float:
        return (self.stage.now - self.began).total_seconds()

    def says(self, nick: str, text: str, channel: str | None = CHANNEL) -> None:
        self.stage.hear(nick, text, channel)
        self._goes_out()

    def waits(self, seconds: float) -> None:
        for _ in range(int(seconds)):
            self.stage.wait(seconds=1)
            self._goes_out()

    def _goes_out(self) -> None:
        for out in self.stage.said:
            self._undelivered(self.outbox.put(out, self.now))
        self.stage.said = []
        self._undelivered(self.outbox.expire(self.now))
        for piece in self.outbox.take(self.now):
            if piece.wire.startswith("PRIVMSG "):
                self.heard.append((self.now, piece.target, plain(piece.wire.split(" :", 1)[1])))

    def _undelivered(self, refused: list[tuple[int, str]]) -> None:
        if refused:
            self.stage.happens(*(LineUndelivered(ticket, why, self.stage.now) for ticket, why in refused))

    def crowd(self, number: int) -> list[str]:
        """So many more people with accounts in the channel."""
        nicks = [f"learner{n:02}" for n in range(number)]
        for nick in nicks:
            self.stage.net.people[nick] = Sender(nick, nick, "example.net", nick)
            self.stage.net.channels[CHANNEL].add(nick)
        return nicks

    def in_channel(self, since: float = 0.0) -> list[str]:
        return [text for at, target, text in self.heard if target == CHANNEL and at >= since]

    def to(self, nick: str) -> list[str]:
        return [text for _at, target, text in self.heard if target == nick]

    def after(self, since: float, text: str) -> float:
        """Seconds from ``since`` to the line that holds ``text``."""
        return next(at for at, _target, line in self.heard if at >= since and text in line) - since
