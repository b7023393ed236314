"""Joins our channels, stays in them, and learns who else is there.  Pure: messages in, lines out; times are monotonic
seconds.

If a channel does not let us in and we are logged in, we ask ChanServ (INVITE, UNBAN): the channel's owner has to give
the bot's account that right.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping

from trainbot.adapters.irc.features import Features
from trainbot.adapters.irc.keepalive import JOIN_REFUSED, JoinSchedule, Timeouts
from trainbot.adapters.irc.roster import WHOX_FIELDS, Roster
from trainbot.adapters.irc.wire import Message
from trainbot.adapters.irc.wire_text import sanitise

log = logging.getLogger(__name__)

_ASK_CHANSERV = {"471": "INVITE", "473": "INVITE", "475": "INVITE", "474": "UNBAN"}  # full, +i, key, banned
_SHOWN = 200


class ChannelJoiner:
    """Joins the channels ``names``.  ``keys``: the keys of those that have one; ``account``: the account we are logged
    in to."""

    def __init__(
        self,
        names: tuple[str, ...],
        keys: Mapping[str, Callable[[], str]],
        patience: Timeouts,
        roster: Roster,
        features: Features,
        account: Callable[[], str | None],
    ) -> None:
        self._names, self._keys, self._patience = names, keys, patience
        self._roster, self._features, self._account = roster, features, account
        self._channels = JoinSchedule(names, patience)
        self._who_due: dict[str, float] = {}  # folded name -> when to repeat a WHO whose reply did not end

    @property
    def counting(self) -> bool:
        """True if one of our channels may hold somebody whom we do not know yet."""
        return bool(self._who_due)

    def lines(self, now: float, *, wait: bool) -> list[str]:
        """Returns the lines that are due; ``wait``: joins no channel yet."""
        lines = [] if wait else [self._join(name) for name in self._channels.joins(now)]
        for channel in self._roster.uncounted():
            if now >= self._who_due.get(self._features.fold(channel), now):
                lines.append(self._who(channel, now))
        return lines

    def due(self) -> list[float]:
        joins = self._channels.due()
        return [*self._who_due.values(), *([] if joins is None else [joins])]

    def receive(self, message: Message, now: float) -> list[str]:
        match message.command:
            case "JOIN" if self._roster.is_me(message.nick) and message.param(0):
                return self._joined(self._roster.channel_name(message.param(0)), now)
            case "315":
                self._counted(self._roster.channel_name(message.param(1)))
            case "PART":
                self._lost(message.nick, message.param(0), now)
            case "KICK":
                self._lost(message.param(1), message.param(0), now)
            case "470":
                self._channels.lost(self._roster.channel_name(message.param(1)), now)
            case "INVITE" if self._roster.is_me(message.param(0)):
                return self._invited(self._roster.channel_name(message.param(1)))
            case refusal if refusal in JOIN_REFUSED:
                return self._refused(self._roster.channel_name(message.param(1)), message, now)
        return []

    def _join(self, name: str) -> str:
        key = self._keys.get(name)
        return f"JOIN {name} {key()}" if key else f"JOIN {name}"

    def _joined(self, channel: str, now: float) -> list[str]:
        if channel not in self._names:
            return [f"PART {channel}"]  # forwarded or forced into it: not one of our channels
        self._channels.joined(channel, now)
        return [f"MODE {channel}", self._who(channel, now)]

    def _who(self, channel: str, now: float) -> str:
        self._who_due[self._features.fold(channel)] = now + self._patience.roll_call
        return f"WHO {channel} {WHOX_FIELDS}" if self._features.has("WHOX") else f"WHO {channel}"

    def _counted(self, name: str) -> None:
        if self._who_due.pop(self._features.fold(name), None) is not None:
            log.info("in %s with %d people", name, len(self._roster.members(name)))

    def _lost(self, nick: str, channel: str, now: float) -> None:
        if self._roster.is_me(nick):
            self._who_due.pop(self._features.fold(channel), None)
            self._channels.lost(self._roster.channel_name(channel), now)

    def _refused(self, channel: str, message: Message, now: float) -> list[str]:
        if channel not in self._names or self._roster.in_channel(channel):
            return []
        log.warning("cannot join %s: %s", channel, sanitise(message.param(-1))[:_SHOWN])
        self._channels.lost(channel, now)
        verb = _ASK_CHANSERV.get(message.command)
        return [f"PRIVMSG ChanServ :{verb} {channel}"] if verb and self._account() else []

    def _invited(self, channel: str) -> list[str]:
        wanted = channel in self._names and not self._roster.in_channel(channel)
        return [self._join(channel)] if wanted else []
