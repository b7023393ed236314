"""Tracks whether our messages are delivered on one connection: whom we may write to now, what the server refused, and
who must be told.  No I/O; times are monotonic seconds passed in.

A private line that the network had no room for is sent again.  If somebody cannot be written to at all, or not yet,
that is reported (RecipientUnreachable), so that the channel can tell them without revealing what the line said.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable
from datetime import UTC, datetime

from trainbot.adapters.irc.connection_status import ConnectionTracker
from trainbot.adapters.irc.features import Features
from trainbot.adapters.irc.outbox import Outbox
from trainbot.adapters.irc.queued_line import Piece
from trainbot.adapters.irc.receipts import LIMITS, MENDS, REFUSALS, Receipts
from trainbot.adapters.irc.recipients import Recipients
from trainbot.adapters.irc.roster import Roster
from trainbot.adapters.irc.wire import Message
from trainbot.adapters.irc.wire_text import sanitise
from trainbot.core.messages import ChatEvent, LineSent, LineUndelivered, RecipientUnreachable

log = logging.getLogger(__name__)
REMEMBERED = 50  # lines that a refusal may refer to: it arrives within a round trip
ANSWER = 30.0  # seconds after a line in which a refusal may refer to it
LOOK = 1.0  # seconds between two checks of the waiting lines
HELD = 3.0  # seconds that a line waits for the network's limit before its recipient is told


class Delivery:
    """The delivery of our messages.  ``now`` returns the time of the event being handled; ``tell`` receives the
    events."""

    def __init__(
        self,
        features: Features,
        roster: Roster,
        tracker: ConnectionTracker,
        outbox: Outbox,
        receipts: Receipts,
        now: Callable[[], float],
        tell: Callable[[ChatEvent], None],
    ) -> None:
        self._features, self._roster, self._tracker = features, roster, tracker
        self._outbox, self._receipts, self._now, self._tell = outbox, receipts, now, tell
        self.recipients = Recipients(features.fold, self._vouched)
        self._recent: deque[tuple[Piece, float]] = deque(maxlen=REMEMBERED)
        self._look_due = 0.0
        self._told: set[str] = set()  # targets held by the limit that have been reported

    def may_send(self, target: str) -> bool:
        if self._features.is_channel(target):
            return self._roster.in_channel(target)
        return self.recipients.may(target, self._now())

    def wrote(self, piece: Piece) -> None:
        now = self._now()
        if not self._features.is_channel(piece.target):
            self.recipients.said(piece.target, now)
            self._recent.append((piece, now))
        if piece.ticket is not None:
            self._receipts.wrote(piece.ticket, piece.target, now)
            self._tell(LineSent(piece.ticket, datetime.now(UTC)))

    def tick(self) -> None:
        """Drops lines that waited too long, and reports people whom the network does not let us write to yet."""
        now = self._now()
        if now < self._look_due:
            return
        self._look_due = now + LOOK
        held = {target for target in self._outbox.held(now, HELD) if not self._features.is_channel(target)}
        for target in sorted(held - self._told):
            self._unreached(target, "707")
        self._told = held
        self.unspoken(self._outbox.expire(now))

    def refused(self, message: Message) -> None:
        """Handles a numeric in ``REFUSALS``."""
        target, reason = message.param(1), REFUSALS[message.command]
        folded, now = self._features.fold(target), self._now()

        def same(name: str) -> bool:
            return self._features.fold(name) == folded

        lines = [piece for piece, at in self._recent if same(piece.target) and now - at <= ANSWER]
        self._recent = deque((kept for kept in self._recent if not same(kept[0].target)), maxlen=REMEMBERED)
        tickets = self._receipts.refused(same) + [ticket for ticket, _ in self._outbox.refused(same)]
        self.unspoken([(ticket, reason) for ticket in tickets])
        log.info("not delivered to %s: %s", sanitise(target)[:100], reason)
        if message.command in LIMITS:
            self.recipients.refused(target, now)
            for piece in lines:
                if piece.ticket is None and not piece.ticketed and "\x01" not in piece.wire:  # not an answer to CTCP
                    self._outbox.again(piece, now)
        if lines and message.command in MENDS:
            self._unreached(lines[0].target, message.command)

    def unspoken(self, refused: list[tuple[int, str]]) -> None:
        for ticket, reason in refused:
            self._tell(LineUndelivered(ticket, reason, datetime.now(UTC)))

    def _unreached(self, nick: str, numeric: str) -> None:
        mend = MENDS[numeric].format(bot=self._roster.me.nick, nick=nick)
        self._tell(RecipientUnreachable(nick, REFUSALS[numeric], mend, datetime.now(UTC)))

    def _vouched(self, nick: str) -> bool:
        return any(
            membership.privileged and self._roster.holds(channel, nick)
            for channel, membership in self._tracker.memberships()
        )
