"""From a PRIVMSG to what was said, where, and whether it is new.  Pure.

CTCP: an ACTION is ordinary text that begins with ``/me``; VERSION and PING are queries to be
answered; any other is nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from trainbot.adapters.irc.features import Features
from trainbot.adapters.irc.outbox import CtcpReply
from trainbot.adapters.irc.wire import Message
from trainbot.adapters.irc.wire_text import plain

SKEW = timedelta(seconds=10)
"""How far the clocks of two servers of a network may be apart before we call a line old."""

LONGEST_PING = 64
SOURCE = "trainbot, under the MIT licence; ask the person who runs this bot for the source"


@dataclass(frozen=True, slots=True)
class Privmsg:
    """``channel`` is None for a private message."""

    channel: str | None
    text: str


def said_at(message: Message) -> datetime | None:
    """The server-time tag, or None where there is none that can be read."""
    try:
        at = datetime.fromisoformat(message.tags.get("time") or "")
    except ValueError:
        return None
    return at if at.tzinfo else None


class HistoryBatches:
    """The batches of history that are open now (IRCv3 batch, chathistory; ZNC's playback)."""

    _HISTORY = ("chathistory", "znc.in/playback")
    _MOST = 64

    def __init__(self) -> None:
        self._open: set[str] = set()

    def receive(self, message: Message) -> None:
        """Takes a BATCH line: ``+reference type`` opens, ``-reference`` closes."""
        mark, reference = message.param(0)[:1], message.param(0)[1:]
        if mark == "-":
            self._open.discard(reference)
        elif mark == "+" and message.param(1).lower() in self._HISTORY and len(self._open) < self._MOST:
            self._open.add(reference)

    def hold(self, message: Message) -> bool:
        return message.tags.get("batch") in self._open


def is_history(message: Message, since: datetime | None) -> bool:
    """Where the server has no batches: whether a bouncer or a channel's history says again what was
    said before ``since`` (the server's time when we came).  Commands in it were obeyed, or not
    meant for us, back then."""
    at = said_at(message)
    return bool(at and since and at < since - SKEW)


def destination(target: str, me: str, features: Features) -> tuple[bool, str | None]:
    """(whether it is for us at all, the channel or None)."""
    bare = target.lstrip(features.status_marks) if features.status_marks else target
    if features.is_channel(bare):
        return True, bare
    return features.fold(target) == features.fold(me), None


def understand(message: Message, channel: str | None, version: str) -> Privmsg | CtcpReply | None:
    """What the line says; a CtcpReply to give; or None where it says nothing.

    Formatting, colours and control codes are taken out: they are no part of a command, and
    nothing of them may come out again elsewhere.
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
    """The answer to a private CTCP query (modern.ircdocs.horse/ctcp), '' to one that we do not know."""
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
