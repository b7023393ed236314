"""Tracks who is in our channels, and their services accounts.  Pure: messages in, events out.

Accounts come from extended-join, account-tag, account-notify and WHOX, never from a nick.  If the network offers
account-tag, the account of a line is exactly its tag: no tag means not logged in.  Somebody who is in none of our
channels has an account only by account-tag.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime

from trainbot.adapters.irc.wire import Message
from trainbot.core.messages import Arrived, ChannelMembers, ChatEvent, Left, Renamed, Sender

log = logging.getLogger(__name__)

WHOX_TOKEN = "152"  # noqa: S105  a marker, not a secret
"""Marks WHOX replies (354) as answers to our own request."""

WHOX_FIELDS = f"%tcuhnaf,{WHOX_TOKEN}"

MOST_PEOPLE = 20_000
"""The most people tracked in one channel: no network's channel is as large, and a server that makes people up cannot
fill our memory."""

LONGEST_NAME = 255
"""The longest nick, user or host that we accept, in characters."""

_UNKNOWN_USER, _UNKNOWN_HOST = 11, 64
"""Octets to assume until the server has shown us ours: the longest that common servers show."""


def account_of(name: str | None) -> str | None:
    """Returns the account name, or None if ``name`` means not logged in: ``*`` (extended-join, ACCOUNT) or ``0``
    (WHOX)."""
    return None if name in (None, "", "*", "0") or len(name) > LONGEST_NAME else name


@dataclass(slots=True)
class _Channel:
    name: str
    members: set[str] = field(default_factory=set)
    counted: bool = False
    full: bool = False


class Roster:
    """The channels of one connection and the people in them.

    ``fold`` folds names as the server compares them.  ``caps`` is the live set of enabled capabilities.  ``channels``
    are our channels as bot.ini spells them; nobody is tracked in any other.
    """

    def __init__(
        self,
        me: str,
        *,
        fold: Callable[[str], str] = str.lower,
        caps: Iterable[str] = (),
        channels: Iterable[str] = (),
    ) -> None:
        self.me = Sender(me)
        self._fold = fold
        self._caps = caps if isinstance(caps, set) else set(caps)
        self._spelling = tuple(channels)
        self._channels: dict[str, _Channel] = {}
        self._people: dict[str, Sender] = {}
        self._handlers: dict[str, Callable[[Message, datetime], list[ChatEvent]]] = {
            "JOIN": self._join,
            "PART": self._part,
            "KICK": self._kick,
            "QUIT": self._quit,
            "NICK": self._nick,
            "ACCOUNT": self._account,
            "CHGHOST": self._chghost,
            "352": self._who,
            "354": self._whox,
            "315": self._who_ends,
            "396": self._my_host,
        }

    # -- queries ------------------------------------------------------------------------------

    def channel_name(self, channel: str) -> str:
        """Returns ``channel`` as bot.ini spells it if it is one of ours, else unchanged."""
        if channel in self._spelling:
            return channel
        folded = self._fold(channel)
        return next((name for name in self._spelling if self._fold(name) == folded), channel)

    def is_me(self, nick: str) -> bool:
        return self._fold(nick) == self._fold(self.me.nick)

    def in_channel(self, channel: str) -> bool:
        return self._fold(channel) in self._channels

    def uncounted(self) -> list[str]:
        """Channels whose WHO reply has not ended yet."""
        return [channel.name for channel in self._channels.values() if not channel.counted]

    def members(self, channel: str) -> tuple[Sender, ...]:
        """Returns everybody in ``channel`` except us."""
        held = self._channels.get(self._fold(channel))
        keys = sorted(held.members) if held else ()
        return tuple(self._people[key] for key in keys)

    def holds(self, channel: str, nick: str) -> bool:
        held = self._channels.get(self._fold(channel))
        return held is not None and self._fold(nick) in held.members

    def find(self, nick: str) -> Sender | None:
        return self._people.get(self._fold(nick))

    def prefix_octets(self) -> int:
        """Returns the octets of ``:nick!user@host``, its space included, that the server puts before our messages."""
        me = self.me
        user = len(me.user.encode()) if me.user else _UNKNOWN_USER
        host = len(me.host.encode()) if me.host else _UNKNOWN_HOST
        return len(f":{me.nick}!@ ".encode()) + user + host

    # -- what happened ------------------------------------------------------------------------

    def receive(self, message: Message, at: datetime) -> list[ChatEvent]:
        """Returns the events that ``message`` causes.  Lines that are too short cause none."""
        handler = self._handlers.get(message.command)
        return handler(message, at) if handler else []

    def speaker(self, message: Message, at: datetime) -> tuple[Sender | None, list[ChatEvent]]:
        """Returns who sent ``message``, and events for anything new that it reveals about them.

        The sender is None for a server, and for a bare nick that is in none of our channels.
        """
        seen = self._seen(message)
        known = self.find(message.nick)
        if seen is None:
            return known, []
        if known is None:
            return seen, []
        if known.account is not None and "account-tag" not in self._caps:
            same = (seen.user, seen.host) == (known.user, known.host)
            seen = replace(seen, account=known.account if same or not known.host else None)
        return seen, self._became(known, seen, at)

    def _seen(self, message: Message) -> Sender | None:
        """The sender as this line alone shows them; None without a full ``nick!user@host``."""
        nick, user, host = message.source.parts
        if not user or not host or not nick or len(message.source) > 2 * LONGEST_NAME:
            return None
        account = account_of(message.tags.get("account")) if "account-tag" in self._caps else None
        return Sender(nick, user, host, account)

    def _became(self, before: Sender, after: Sender, at: datetime) -> list[ChatEvent]:
        if before == after:
            return []
        old, new = self._fold(before.nick), self._fold(after.nick)
        if old != new:
            self._people.pop(old, None)
            for channel in self._channels.values():
                if old in channel.members:
                    channel.members.remove(old)
                    channel.members.add(new)
        self._people[new] = after
        return [Renamed(before, after, at)]

    def _join(self, message: Message, at: datetime) -> list[ChatEvent]:
        name, nick = message.param(0), message.nick
        if not name or not nick:
            return []
        name = self.channel_name(name)
        seen = self._seen(message)
        if self.is_me(nick):
            self.me = seen or self.me
            if name in self._spelling:
                self._channels[self._fold(name)] = _Channel(name)
            return []
        channel = self._channels.get(self._fold(name))
        if channel is None or seen is None:
            return []
        known = self.find(nick)
        if "extended-join" in self._caps and len(message.params) > 1:
            seen = replace(seen, account=account_of(message.param(1)))
        elif known and "account-tag" not in self._caps:
            seen = replace(seen, account=known.account)
        events = self._became(known, seen, at) if known else []
        key = self._fold(nick)
        if not self._room(channel, key):
            return events
        self._people[key] = seen
        if key not in channel.members:
            channel.members.add(key)
            events.append(Arrived(seen, channel.name, at))
        return events

    def _part(self, message: Message, at: datetime) -> list[ChatEvent]:
        return self._gone(message.nick, message.param(0), at)

    def _kick(self, message: Message, at: datetime) -> list[ChatEvent]:
        return self._gone(message.param(1), message.param(0), at)

    def _gone(self, nick: str, name: str, at: datetime) -> list[ChatEvent]:
        """Handles ``nick`` leaving ``name``.  If it is us, everybody in the channel counts as having left."""
        folded, channel = self._fold(name), self._channels.get(self._fold(name))
        if channel is None or not nick:
            return []
        if self.is_me(nick):
            del self._channels[folded]
            leavers = sorted(channel.members)
        else:
            leavers = [key for key in (self._fold(nick),) if key in channel.members]
            channel.members.difference_update(leavers)
        return [self._left(key, channel.name, at) for key in leavers]

    def _left(self, key: str, name: str, at: datetime) -> ChatEvent:
        last = not any(key in channel.members for channel in self._channels.values())
        sender = self._people.pop(key) if last else self._people[key]
        return Left(sender, name, last, at)

    def _quit(self, message: Message, at: datetime) -> list[ChatEvent]:
        key = self._fold(message.nick)
        sender = self._people.pop(key, None)
        for channel in self._channels.values():
            channel.members.discard(key)
        return [Left(sender, None, True, at)] if sender else []

    def _nick(self, message: Message, at: datetime) -> list[ChatEvent]:
        new, nick = message.param(0), message.nick
        if (
            not new or not nick or " " in new or not new.isprintable() or len(new) > LONGEST_NAME
        ):  # not a nick (RFC 2812 2.3.1)
            return []
        if self.is_me(nick):
            self.me = replace(self.me, nick=new)
            return []
        known = self.find(nick)
        return self._became(known, replace(known, nick=new), at) if known else []

    def _account(self, message: Message, at: datetime) -> list[ChatEvent]:
        known = self.find(message.nick)
        if known is None or not message.params:
            return []
        return self._became(known, replace(known, account=account_of(message.param(0))), at)

    def _chghost(self, message: Message, at: datetime) -> list[ChatEvent]:
        user, host = message.param(0), message.param(1)
        if not user or not host or max(len(user), len(host)) > LONGEST_NAME:
            return []
        if self.is_me(message.nick):
            self.me = replace(self.me, user=user, host=host)
            return []
        known = self.find(message.nick)
        return self._became(known, replace(known, user=user, host=host), at) if known else []

    def _my_host(self, message: Message, at: datetime) -> list[ChatEvent]:
        user, _, host = message.param(1).rpartition("@")
        if host and len(host) <= LONGEST_NAME:
            self.me = replace(self.me, user=user or self.me.user, host=host)
        return []

    # -- WHO replies --------------------------------------------------------------------------

    def _who(self, message: Message, at: datetime) -> list[ChatEvent]:
        # me channel user host server nick flags :hops realname
        channel, user, host, nick = (message.param(index) for index in (1, 2, 3, 5))
        known = self.find(nick)
        account = known.account if known and (known.user, known.host) == (user, host) else None
        return self._listed(channel, Sender(nick, user, host, account), at)

    def _whox(self, message: Message, at: datetime) -> list[ChatEvent]:
        # me token channel user host nick flags account
        if message.param(1) != WHOX_TOKEN or len(message.params) < 8:
            return []
        channel, user, host, nick = (message.param(index) for index in (2, 3, 4, 5))
        return self._listed(channel, Sender(nick, user, host, account_of(message.param(7))), at)

    def _listed(self, name: str, seen: Sender, at: datetime) -> list[ChatEvent]:
        channel = self._channels.get(self._fold(name))
        if channel is None or not seen.nick or not seen.user or not seen.host:
            return []
        if max(map(len, (seen.nick, seen.user, seen.host))) > LONGEST_NAME:
            return []
        if self.is_me(seen.nick):
            self.me = replace(seen, account=self.me.account)
            return []
        key = self._fold(seen.nick)
        known = self._people.get(key)
        events = self._became(known, seen, at) if known else []
        if self._room(channel, key):
            self._people[key] = seen
            channel.members.add(key)
        return events

    def _room(self, channel: _Channel, key: str) -> bool:
        """Whether one more person may be tracked in ``channel``, or is tracked there already."""
        if len(channel.members) < MOST_PEOPLE or key in channel.members:
            return True
        if not channel.full:
            log.warning("more than %d people in %s: the rest are not tracked", MOST_PEOPLE, channel.name)
        channel.full = True
        return False

    def _who_ends(self, message: Message, at: datetime) -> list[ChatEvent]:
        channel = self._channels.get(self._fold(message.param(1)))
        if channel is None or channel.counted:
            return []
        channel.counted = True
        return [ChannelMembers(channel.name, self.members(channel.name), at)]
