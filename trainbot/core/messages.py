"""What passes between the doors and the features: plain frozen values, no behaviour.

Times are aware UTC ``datetime``; local time exists only where people read it.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a line came from, as the network shows it (RFC 2812 2.3.1 prefix, IRCv3 account-tag).

    ``account`` is the services account, or None where there is none or the network does not tell.
    ``nick`` compares as it is written: fold it with the server's CASEMAPPING before comparing.
    """

    nick: str
    user: str = ""
    host: str = ""
    account: str | None = None

    @property
    def mask(self) -> str:
        return f"{self.nick}!{self.user}@{self.host}"


@dataclass(frozen=True, slots=True)
class Incoming:
    """One line somebody said: in ``channel``, or privately to us where that is None."""

    sender: Sender
    channel: str | None
    text: str
    at: datetime


# -- what the chat door tells besides lines ---------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connected:
    """Registered with the server; channels are being joined."""

    nick: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone (the door goes on trying by itself)."""

    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ChannelMembers:
    """We are in ``channel`` (again), and these people are there: said once after each join of ours,
    when the WHO/WHOX reply is complete."""

    channel: str
    present: tuple[Sender, ...]
    at: datetime


@dataclass(frozen=True, slots=True)
class Arrived:
    """``sender`` joined ``channel``."""

    sender: Sender
    channel: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Left:
    """``sender`` left ``channel`` (PART, KICK), or the network where ``channel`` is None (QUIT).
    ``last`` is True when no channel that we are in holds them any more: they are out of view."""

    sender: Sender
    channel: str | None
    last: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Renamed:
    """The same connection goes by another nick, user, host or account from now on
    (NICK, CHGHOST, ACCOUNT)."""

    before: Sender
    after: Sender
    at: datetime


@dataclass(frozen=True, slots=True)
class LineSent:
    """The line with this ticket was handed to the server's socket."""

    ticket: int
    at: datetime


@dataclass(frozen=True, slots=True)
class LineUndelivered:
    """The line with this ticket did not reach its target and will not by itself
    (no such nick, message refused, target limit 707, connection lost before it was written)."""

    ticket: int
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RecipientUnreachable:
    """Whoever goes by ``nick`` cannot be written to privately now, and something was to be said to them.  ``reason`` and
    ``mend``, what they can do: clauses for people."""

    nick: str
    reason: str
    mend: str
    at: datetime


ChatEvent = (
    Incoming
    | Connected
    | Disconnected
    | ChannelMembers
    | Arrived
    | Left
    | Renamed
    | LineSent
    | LineUndelivered
    | RecipientUnreachable
)


# -- what goes out ----------------------------------------------------------------------------


class Priority(enum.IntEnum):
    """Who is let out first when the network takes only one line in two seconds."""

    PRESENTER = 0  # the class waits for it
    ANSWER = 1  # somebody asked
    ANNOUNCE = 2  # everybody should know
    LISTING = 3  # further lines of something long


@dataclass(frozen=True, slots=True)
class Line:
    """One message to a nick or channel.  It may become several lines on the wire where it is long.

    ``owner`` is whom it is for (turns are fair between owners; default: the target).
    ``ticket``: the door answers with Spoken or Unspoken for it.
    ``secret``: must not be logged, and not be said anywhere else than to ``target``.
    """

    target: str
    text: str
    priority: Priority = Priority.ANSWER
    owner: str = ""
    ticket: int | None = None
    secret: bool = False


@dataclass(frozen=True, slots=True)
class Topic:
    """Set the topic of a channel."""

    channel: str
    text: str


@dataclass(frozen=True, slots=True)
class Modes:
    """Change modes of a channel: ``+m``, or ``+vv`` with as many nicks."""

    channel: str
    change: str
    nicks: tuple[str, ...] = ()


Outgoing = Line | Topic | Modes


# -- what handlers return ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to whoever asked: where they asked, or privately where ``private`` is set.  ``question``: what it asks,
    where it waits for a yes; ``refused``: it says why nothing was done."""

    text: str
    private: bool = False
    secret: bool = False
    priority: Priority = Priority.ANSWER
    question: str = ""
    refused: bool = False


Effect = Reply | Line | Topic | Modes
