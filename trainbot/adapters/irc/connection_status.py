"""The state of our connection to a network: our status in each channel, the channel's modes, and why it refuses us.
Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field, replace
from typing import Any

from trainbot.adapters.irc.features import TOPIC_OCTETS, Features
from trainbot.adapters.irc.keepalive import JOIN_REFUSED
from trainbot.adapters.irc.roster import Roster
from trainbot.adapters.irc.wire import Message
from trainbot.adapters.irc.wire_text import sanitise

_LONGEST_TOPIC = 1000
_MOST_MARKED = 5_000  # people per channel tracked as voiced or higher
_LETTERS = 64  # mode letters and marks kept: no server has that many


@dataclass(frozen=True, slots=True)
class ChannelMembership:
    """One of our channels.  ``status``: our own mode letters there ("ov"); ``modes``: the channel's mode letters, None
    until the server has sent them; ``refused``: why it does not let us in, '' if nothing is known; ``topic``: '' if
    none is set; ``topic_octets``: the longest topic that the server keeps; ``topic_fix``: what lets us set the topic, in a
    report of a bot that may not."""

    joined: bool = False
    status: str = ""
    modes: str | None = None
    refused: str = ""
    topic: str = ""
    topic_octets: int = TOPIC_OCTETS
    topic_fix: str = ""

    @property
    def privileged(self) -> bool:
        """True if we are voiced or higher, so that we may speak where others may not."""
        return bool(self.status)


class AccountSystem(enum.StrEnum):
    """How people get an account on a network, as far as it shows."""

    NONE = ""
    NICKSERV = "nickserv"
    COMMAND = "command"  # REGISTER (IRCv3 draft/account-registration), and no services that we know of


@dataclass(frozen=True, slots=True)
class ConnectionStatus:
    """The status of one connection.  ``trouble``: why we are not connected; ``server``: the server's software (004);
    ``network``: its name (005); ``certificate_ends``: epoch seconds, None if the certificate was not verified;
    ``channels``: all channels in bot.ini; ``host``: the server that we are connected to or are trying to reach;
    ``lost``: why the previous connection ended; ``lost_at``: when it ended (epoch seconds); ``tls``: the protocol
    ("TLSv1.3"), '' without TLS; ``lag``: seconds from our last answered PING to its PONG; ``accounts``: how people get an
    account."""

    connected: bool
    trouble: str
    nick: str
    account: str | None = None
    server: str = ""
    network: str = ""
    certificate_ends: float | None = None
    channels: dict[str, ChannelMembership] = field(default_factory=dict)
    host: str = ""
    lost: str = ""
    lost_at: float | None = None
    tls: str = ""
    lag: float | None = None
    accounts: str = AccountSystem.NONE

    @property
    def settled(self) -> bool:
        """True once we know, for every channel, whether we are in it and which modes it has."""
        return self.connected and all(
            membership.refused or membership.modes is not None for membership in self.channels.values()
        )

    @classmethod
    def from_json(cls, value: dict[str, Any]) -> ConnectionStatus:
        """Creates a status from what ``dataclasses.asdict`` returned for one.  Raises ValueError, KeyError or TypeError
        if ``value`` is not such a dict."""
        return cls(
            **{
                **value,
                "channels": {name: ChannelMembership(**membership) for name, membership in value["channels"].items()},
            }
        )


class ConnectionTracker:
    """Tracks our ``channels`` on one connection, line by line.  Lines that are too short change nothing."""

    def __init__(self, features: Features, roster: Roster, channels: tuple[str, ...]) -> None:
        self._features, self._roster, self._channels = features, roster, channels
        self._memberships: dict[str, ChannelMembership] = {}
        self._marked: dict[str, dict[str, str]] = {}  # folded channel -> folded nick -> their mode letters there
        self.server = ""

    def of(self, channel: str) -> ChannelMembership:
        return self._memberships.get(self._features.fold(channel), ChannelMembership())

    def memberships(self) -> list[tuple[str, ChannelMembership]]:
        return [(channel, self.of(channel)) for channel in self._channels]

    def marked(self, channel: str, nick: str) -> bool:
        """Whether ``nick`` is voiced or higher in ``channel``."""
        return bool(self._marked.get(self._features.fold(channel), {}).get(self._features.fold(nick)))

    def receive(self, message: Message) -> None:
        """Handles a message.  Must be called before the roster sees it, so that our nick is still the old one when it
        changes."""
        self._follow(message)
        match message.command:
            case "004":
                self.server = sanitise(message.param(2))[:_LETTERS]
            case "JOIN" if self._roster.is_me(message.nick):
                self._change(message.param(0), joined=True, status="", modes=None, refused="", topic="")
            case "PART" if self._roster.is_me(message.nick):
                self._change(message.param(0), joined=False, status="")
            case "KICK" if self._roster.is_me(message.param(1)):
                self._change(message.param(0), joined=False, status="")
            case "332":
                self._change(message.param(1), topic=sanitise(message.param(-1))[:_LONGEST_TOPIC])
            case "TOPIC" if len(message.params) > 1:
                self._change(message.param(0), topic=sanitise(message.param(-1))[:_LONGEST_TOPIC])
            case "353":
                self._named(message.param(2), message.param(-1))
            case "324":
                self._moded(message.param(1), message.params[2:], fresh=True)
            case "MODE":
                self._moded(message.param(0), message.params[1:], fresh=False)
            case "470":
                self._change(message.param(1), refused=f"it sends us on to {sanitise(message.param(2))[:_LETTERS]}")
            case refusal if refusal in JOIN_REFUSED and not self.of(message.param(1)).joined:
                self._change(message.param(1), refused=sanitise(message.param(-1))[:200] or f"numeric {refusal}")

    def _follow(self, message: Message) -> None:
        """Keeps the marks of other people up to date as they join, leave and change nicks."""
        fold = self._features.fold
        match message.command:
            case "JOIN" if self._roster.is_me(message.nick):
                self._marked.pop(fold(message.param(0)), None)
            case "NICK":
                for marked in self._marked.values():
                    if (letters := marked.pop(fold(message.nick), None)) is not None:
                        marked[fold(message.param(0))] = letters
            case "QUIT":
                for marked in self._marked.values():
                    marked.pop(fold(message.nick), None)
            case "PART" | "KICK":
                gone = message.nick if message.command == "PART" else message.param(1)
                self._marked.get(fold(message.param(0)), {}).pop(fold(gone), None)

    def _marks_of(self, channel: str, nick: str) -> str:
        return self._marked.get(self._features.fold(channel), {}).get(self._features.fold(nick), "")

    def _mark(self, channel: str, nick: str, letters: str) -> None:
        folded = self._features.fold(channel)
        if not any(self._features.fold(name) == folded for name in self._channels):
            return
        marked = self._marked.setdefault(folded, {})
        if not letters:
            marked.pop(self._features.fold(nick), None)
        elif len(marked) < _MOST_MARKED:
            marked[self._features.fold(nick)] = letters

    def _change(self, channel: str, **values: Any) -> None:
        folded = self._features.fold(channel)
        if any(self._features.fold(name) == folded for name in self._channels):
            self._memberships[folded] = replace(self.of(channel), **values)

    def _named(self, channel: str, names: str) -> None:
        """Handles RPL_NAMREPLY: every nick, ours included, preceded by its status marks."""
        marks = self._features.marks
        for name in names.split(" "):
            nick = name.lstrip("".join(marks))
            if nick and self._roster.is_me(nick):
                letters = dict.fromkeys(marks[mark] for mark in name[: len(name) - len(nick)][:_LETTERS])
                self._change(channel, status="".join(letters))
            elif nick:
                self._mark(channel, nick, "".join(marks[mark] for mark in name[: len(name) - len(nick)][:_LETTERS]))

    def _moded(self, channel: str, words: tuple[str, ...], *, fresh: bool) -> None:
        """Handles a channel's modes: all of them (``fresh``), or a change."""
        if not words or not self._features.is_channel(channel):
            return
        membership = self.of(channel)
        status = dict.fromkeys(membership.status)
        modes = dict.fromkeys("" if fresh else membership.modes or "")
        arguments, sign = list(words[1:]), "+"
        for letter in words[0]:
            if letter in "+-":
                sign = letter
                continue
            argument = arguments.pop(0) if self._features.takes_argument(letter, sign) and arguments else ""
            if letter in self._features.marks.values():
                if self._roster.is_me(argument):
                    _set(status, letter, sign)
                elif argument:
                    theirs = dict.fromkeys(self._marks_of(channel, argument))
                    _set(theirs, letter, sign)
                    self._mark(channel, argument, "".join(theirs)[:_LETTERS])
            elif not self._features.is_list(letter):
                _set(modes, letter, sign)
        known = fresh or membership.modes is not None
        self._change(channel, status="".join(status)[:_LETTERS], modes="".join(modes)[:_LETTERS] if known else None)


def _set(letters: dict[str, None], letter: str, sign: str) -> None:
    if sign == "+":
        letters[letter] = None
    else:
        letters.pop(letter, None)
