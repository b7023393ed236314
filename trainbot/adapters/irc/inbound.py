"""Turns what people say to us on one connection into events.  No I/O; times are monotonic seconds passed in.

A message is held while we ask who is in a channel that we have just joined: until then we know nobody's account unless
it comes with the line itself.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime

from trainbot.adapters.irc.features import Features
from trainbot.adapters.irc.joiner import ChannelJoiner
from trainbot.adapters.irc.privmsg import HistoryBatches, Privmsg, destination, is_history, said_at, understand
from trainbot.adapters.irc.queued_line import CtcpReply
from trainbot.adapters.irc.roster import Roster
from trainbot.adapters.irc.wire import Message
from trainbot.core.messages import ChatEvent, Incoming

log = logging.getLogger(__name__)
MOST_HELD = 500  # messages held until a WHO reply ends


class Inbound:
    """The messages that we receive.  ``tell`` receives what was said and anything it reveals about the sender;
    ``answer`` receives the replies to CTCP queries.  ``hold``: the longest that messages are held for a WHO reply, in
    seconds; ``version``: the answer to CTCP VERSION."""

    def __init__(
        self,
        features: Features,
        roster: Roster,
        joining: ChannelJoiner,
        *,
        hold: float,
        version: str,
        tell: Callable[[ChatEvent], None],
        answer: Callable[[CtcpReply], object],
    ) -> None:
        self._features, self._roster, self._joining = features, roster, joining
        self._hold, self._version = hold, version
        self._tell, self._answer = tell, answer
        self._batches = HistoryBatches()
        self._held: list[tuple[Message, str | None]] = []
        self._until = 0.0
        # folded channel (None: private messages) -> the server's time when we joined
        self._since: dict[str | None, datetime | None] = {}

    def welcomed(self, message: Message) -> None:
        """Handles the server's first line to us: anything said before it is history."""
        self._since[None] = said_at(message)

    def joined(self, message: Message, now: float) -> None:
        """Handles our joining one of our channels."""
        self._since[self._features.fold(message.param(0))] = said_at(message)
        self._until = now + self._hold

    def batch(self, message: Message) -> None:
        self._batches.receive(message)

    def due(self) -> float | None:
        """Returns when held messages must be handled even if the WHO reply has not ended, or None if none are held."""
        return self._until if self._held else None

    def receive(self, message: Message, now: float) -> None:
        """Handles a PRIVMSG.  Ignores history, our own lines, and messages that are not for us or come from channels we
        are not in."""
        if self._roster.is_me(message.nick):
            return
        for_us, channel = destination(message.param(0), self._roster.me.nick, self._features)
        if not for_us or (channel and not self._roster.in_channel(channel)):
            return
        since = self._since.get(self._features.fold(channel) if channel else None)
        if self._batches.hold(message) or is_history(message, since):
            return
        if self._joining.counting and now < self._until and len(self._held) < MOST_HELD:
            self._held.append((message, channel))
        else:
            self.release()
            self._hear(message, channel)

    def release(self) -> None:
        """Handles the held messages: everybody here is known, or we waited long enough."""
        while self._held:
            try:
                self._hear(*self._held.pop(0))
            except Exception:
                log.exception("a line that was held could not be handled")

    def _hear(self, message: Message, channel: str | None) -> None:
        now = datetime.now(UTC)
        sender, news = self._roster.speaker(message, now)
        for event in news:
            self._tell(event)
        if sender is None:
            return
        heard = understand(message, channel, self._version)
        if isinstance(heard, Privmsg):
            where = self._roster.channel_name(channel) if channel else None
            self._tell(Incoming(sender, where, heard.text, now))
        elif heard is not None:
            self._answer(heard)
