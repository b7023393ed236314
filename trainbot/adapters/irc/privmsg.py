"""Works out from a PRIVMSG what was said, where, and whether it is new.  Pure.

CTCP: an ACTION becomes ordinary text that begins with ``/me``; VERSION, PING and a few other queries are answered;
anything else is ignored.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trainbot.adapters.irc.features import Features
from trainbot.adapters.irc.queued_line import CtcpReply
from trainbot.adapters.irc.wire import Message
from trainbot.adapters.irc.wire_text import plain

SKEW = timedelta(seconds=10)
"""How far the clocks of two servers of a network may differ before a line counts as old."""

LONGEST_PING = 64
SOURCE = "trainbot, under the MIT licence; ask the person who runs this bot for the source"


@dataclass(frozen=True, slots=True)
class Privmsg:
    """``channel`` is None for a private message."""

    channel: str | None
    text: str


def said_at(message: Message) -> datetime | None:
    """Returns the time in the server-time tag, or None if it is missing or invalid."""
    try:
        at = datetime.fromisoformat(message.tags.get("time") or "")
    except ValueError:
        return None
    return at if at.tzinfo else None


class HistoryBatches:
    """The history batches that are open now (IRCv3 batch, chathistory; ZNC's playback)."""

    _HISTORY = ("chathistory", "znc.in/playback")
    _MOST = 64

    def __init__(self) -> None:
        self._open: set[str] = set()

    def receive(self, message: Message) -> None:
        """Handles a BATCH line: ``+reference type`` opens, ``-reference`` closes."""
        mark, reference = message.param(0)[:1], message.param(0)[1:]
        if mark == "-":
            self._open.discard(reference)
        elif mark == "+" and message.param(1).lower() in self._HISTORY and len(self._open) < self._MOST:
            self._open.add(reference)

    def hold(self, message: Message) -> bool:
        return message.tags.get("batch") in self._open


def is_history(message: Message, since: datetime | None) -> bool:
    """For servers without batches: whether a bouncer or a channel's history is repeating what was said before ``since``
    (the server's time when we joined).  Commands in it were obeyed at the time, or were not meant for us."""
    at = said_at(message) if since is not None else None
    return bool(at and since and at < since - SKEW)


def destination(target: str, me: str, features: Features) -> tuple[bool, str | None]:
    """Returns (whether it is for us at all, the channel or None)."""
    bare = target.lstrip(features.status_marks) if features.status_marks else target
    if features.is_channel(bare):
        return True, bare
    return features.fold(target) == features.fold(me), None


def understand(message: Message, channel: str | None, version: str) -> Privmsg | CtcpReply | None:
    """Returns the message in the line, a CtcpReply to send, or None if the line says nothing.

    Formatting, colours and control codes are removed: they are not part of a command, and must not appear in anything
    that we send.
    """
    raw = message.param(1)
    if not raw.startswith("\x01"):
        text = plain(raw)
        return Privmsg(channel, text) if text.strip() else None
    tag, _, rest = raw.strip("\x01").partition(" ")
    if tag.upper() == "ACTION":
        return Privmsg(channel, f"/me {plain(rest)}".rstrip())
    answer = None if channel else _ctcp(tag.upper(), plain(rest), version)
    return CtcpReply(message.nick, answer) if answer else None


def _ctcp(query: str, rest: str, version: str) -> str:
    """Returns the answer to a private CTCP query (modern.ircdocs.horse/ctcp), '' if the query is unknown."""
    match query:
        case "VERSION":
            return f"VERSION {version}"
        case "PING":
            return f"PING {rest[:LONGEST_PING]}"
        case "TIME":
            return f"TIME {datetime.now(UTC):%a, %d %b %Y %H:%M:%S} UTC"
        case "SOURCE":
            return f"SOURCE {SOURCE}"
        case "CLIENTINFO":
            return "CLIENTINFO ACTION CLIENTINFO PING SOURCE TIME VERSION"
    return ""
