"""Messages between IRC or the gateway and the features: plain frozen values, no behaviour.

Times are aware UTC ``datetime``; local time is used only in text for people.
"""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True, slots=True)
class Sender:
    """Who a line came from, as the network shows it (RFC 2812 2.3.1 prefix, IRCv3 account-tag).

    ``account`` is the services account, or None if there is none or the network does not say.
    ``nick`` is as written: fold it with the server's CASEMAPPING before comparing.
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
    """One line somebody said: in ``channel``, or to us in private if that is None."""

    sender: Sender
    channel: str | None
    text: str
    at: datetime


# -- other events from IRC --------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Connected:
    """Registered with the server; channels are being joined."""

    nick: str
    at: datetime


@dataclass(frozen=True, slots=True)
class Disconnected:
    """The connection is gone (it is retried automatically)."""

    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class ChannelMembers:
    """We are in ``channel`` (again), and these people are there: sent once after each of our joins,
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
    """``sender`` left ``channel`` (PART, KICK), or the network if ``channel`` is None (QUIT).
    ``last`` is True if they are in none of our channels any more: they are out of view."""

    sender: Sender
    channel: str | None
    last: bool
    at: datetime


@dataclass(frozen=True, slots=True)
class Renamed:
    """The same connection has a new nick, user, host or account
    (NICK, CHGHOST, ACCOUNT)."""

    before: Sender
    after: Sender
    at: datetime


@dataclass(frozen=True, slots=True)
class LineSent:
    """The line with this ticket was written to the server's socket."""

    ticket: int
    at: datetime


@dataclass(frozen=True, slots=True)
class LineUndelivered:
    """The line with this ticket did not reach its target and is not retried
    (no such nick, message refused, target limit 707, connection lost before it was written)."""

    ticket: int
    reason: str
    at: datetime


@dataclass(frozen=True, slots=True)
class RecipientUnreachable:
    """``nick`` can't receive private messages now, and there was one for them.  ``reason``: why; ``mend``: what they can do
    about it; both are clauses for people."""

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
    """Which lines go first while the network accepts only one line every two seconds."""

    PRESENTER = 0  # the class waits for it
    CALL = 1  # somebody called for help, and is told that it was heard
    ANSWER = 2  # somebody asked
    ANNOUNCE = 3  # for everybody
    LISTING = 4  # further lines of a long answer


class Rank(enum.IntEnum):
    """Whose answers go first: many strangers must not delay a class."""

    STAFF = 0
    CLASS = 1  # people who have a lab or a seat, or take part in a running class
    ACCOUNT = 2  # other people who are logged in to the network's services
    STRANGER = 3


@dataclass(frozen=True, slots=True)
class Line:
    """One message to a nick or channel.  A long one is sent as several IRC lines.

    ``owner``: whom it is for (owners take turns; default: the target).
    ``ticket``: answered with LineSent or LineUndelivered.
    ``secret``: must not be logged or sent to anyone but ``target``.
    ``rank``: of whoever is answered.
    ``command``: to be pasted into a shell; it follows at once, alone on a line of its own.
    ``addressee``: whose nick the text begins with, if it answers somebody in a channel; others who get the same answer
    share its line.
    ``series``: what it belongs to, for ``Withdraw``.  ``fresh``: seconds after which it is no longer worth sending.
    """

    target: str
    text: str
    priority: Priority = Priority.ANSWER
    owner: str = ""
    ticket: int | None = None
    secret: bool = False
    rank: Rank = Rank.CLASS
    command: str = ""
    addressee: str = ""
    series: str = ""
    fresh: float | None = None


@dataclass(frozen=True, slots=True)
class Withdraw:
    """Do not send what still waits of ``series``: what is said next replaces it.  ``instead`` is sent if anything was
    withdrawn.  A line with a ticket is answered with LineUndelivered."""

    series: str
    instead: Line | None = None


@dataclass(frozen=True, slots=True)
class Topic:
    """Set the topic of a channel."""

    channel: str
    text: str


@dataclass(frozen=True, slots=True)
class Modes:
    """Change modes of a channel: ``+m``, or ``+vv`` with one nick per mode."""

    channel: str
    change: str
    nicks: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AskChanServ:
    """Ask the network's services for something in a channel: ``TOPIC`` with the text, or ``OP`` for ourselves."""

    channel: str
    request: str
    text: str = ""


Outgoing = Line | Topic | Modes | AskChanServ | Withdraw


# -- what handlers return ---------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer to the sender: where they asked, or in private if ``private`` is set.  ``question``: what it asks, if it
    waits for a yes; ``refused``: it says why nothing was done; ``lease``: the id of the lease whose password is in it;
    ``command``, ``series``: as in ``Line``."""

    text: str
    private: bool = False
    secret: bool = False
    priority: Priority = Priority.ANSWER
    question: str = ""
    refused: bool = False
    lease: int | None = None
    command: str = ""
    series: str = ""

    @property
    def lines(self) -> list[str]:
        """The text, and the command if there is one, for places without IRC's lines."""
        return [self.text, self.command] if self.command else [self.text]


Effect = Reply | Line | Topic | Modes | AskChanServ | Withdraw
