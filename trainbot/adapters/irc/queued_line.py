"""One message that waits in the outbox: its lane, and what of it is still to be sent.  Pure."""

from __future__ import annotations

import enum
from dataclasses import dataclass, field

from trainbot.adapters.irc.wire_text import sanitise, shown
from trainbot.core.messages import AskChanServ, Line, Modes, Priority, Rank, Topic

CHANSERV, ASKING = "ChanServ", "ASK"  # services obey no NOTICE, and what they are asked is never more than one line
NAMES = 240
"""Octets of the names in front of an answer that several people get in one line."""


class Lane(enum.IntEnum):
    """The order in which lines are sent.  Staff come first, because what they ask in class they need at once, and their
    answers are short."""

    STAFF = 0
    PRESENTER = 1
    CALL = 2
    CLASS = 3
    ANNOUNCE = 4
    ACCOUNT = 5
    LISTING = 6
    STRANGER = 7


_ANSWERS = {Rank.STAFF: Lane.STAFF, Rank.CLASS: Lane.CLASS, Rank.ACCOUNT: Lane.ACCOUNT}
_OTHERS = {
    Priority.PRESENTER: Lane.PRESENTER,
    Priority.ANNOUNCE: Lane.ANNOUNCE,
    Priority.LISTING: Lane.LISTING,
}


@dataclass(frozen=True, slots=True)
class CtcpReply:
    """An answer to a CTCP query: ``VERSION trainbot``."""

    target: str
    payload: str


@dataclass(slots=True, eq=False)
class Waiting:
    """``rest``: what is still to be sent; ``more``: it belongs to a long answer.  ``names``: whom it answers in a
    channel, and ``said``: the answer without these names.  ``command``, ``series`` and ``fresh_until`` (in the time of ``since``):
    see ``core.messages.Line``."""

    target: str
    rest: str
    verb: str
    lane: Lane
    owner: str
    since: float
    ticket: int | None = None
    secret: bool = False
    begun: bool = False
    more: bool = False
    command: str = ""
    series: str = ""
    fresh_until: float | None = None
    names: list[str] = field(default_factory=list)
    said: str = ""

    @property
    def shared(self) -> tuple[Lane, str, str] | None:
        """The same for all answers that one line can give; None if it must stay alone."""
        alone = not self.names or self.begun or self.secret or self.command or self.ticket is not None
        return None if alone else (self.lane, self.target, self.said)

    def too_late(self, now: float) -> bool:
        return self.fresh_until is not None and now > self.fresh_until and not self.begun

    def also_for(self, other: Waiting) -> bool:
        """Adds whom ``other`` answers, who gets the same answer; False if there is no room for more names."""
        names = list(dict.fromkeys([*self.names, *other.names]))
        if len(", ".join(names).encode()) > NAMES:
            return False
        self.names, self.rest = names, f"{', '.join(names)}: {self.said}"
        return True

    def refused(self, reason: str) -> list[tuple[int, str]]:
        """Its ticket with the reason; nothing if it has none."""
        return [] if self.ticket is None else [(self.ticket, reason)]


@dataclass(frozen=True, slots=True)
class Piece:
    """One line for the wire, without CR LF.  ``ticket`` is set on the last piece of its Line; the ones before it have
    ``ticketed``, since they are sent again with that one."""

    wire: str
    target: str
    ticket: int | None
    secret: bool
    ticketed: bool = False

    @property
    def shown(self) -> str:
        """The line as the log may show it."""
        return f"PRIVMSG {self.target} :(secret)" if self.secret else self.wire


def waiting(out: Line | Topic | Modes | AskChanServ | CtcpReply, now: float) -> Waiting:
    """``out`` as it waits from ``now`` on; its target is '' if that is not a single target."""
    if isinstance(out, Topic):
        target = _target(out.channel)
        return Waiting(target, sanitise(out.text), "TOPIC", Lane.ANNOUNCE, target.lower(), now)
    if isinstance(out, Modes):
        target = _target(out.channel)
        return Waiting(target, " ".join([out.change, *out.nicks]), "MODE", Lane.CLASS, target.lower(), now)
    if isinstance(out, AskChanServ):
        text = sanitise(f"{out.request} {out.channel} {out.text}").strip()
        owner = CHANSERV.lower()
        return Waiting(CHANSERV if _target(out.channel) else "", text, ASKING, Lane.CLASS, owner, now)
    target = _target(out.target)
    if isinstance(out, CtcpReply):
        text = sanitise(out.payload)
        return Waiting(target, text, "NOTICE", Lane.STRANGER, target.lower(), now)
    text, addressee = shown(out.text), shown(out.addressee)
    return Waiting(
        target,
        text,
        "PRIVMSG",
        _lane(out),
        (out.owner or target).lower(),
        now,
        out.ticket,
        out.secret,
        more=out.priority is Priority.LISTING,
        command=shown(out.command),
        series=out.series,
        fresh_until=None if out.fresh is None else now + out.fresh,
        names=[addressee] if addressee else [],
        said=text.removeprefix(f"{addressee}: ") if addressee else "",
    )


def _lane(line: Line) -> Lane:
    if line.priority is not Priority.PRESENTER and line.rank is Rank.STRANGER:
        return Lane.STRANGER
    if line.priority is Priority.CALL and line.rank is Rank.CLASS:
        return Lane.CALL
    return _ANSWERS[line.rank] if line.priority in (Priority.ANSWER, Priority.CALL) else _OTHERS[line.priority]


def _target(name: str) -> str:
    """Returns ``name`` if it is a single target of a command, else ''."""
    clean = sanitise(name)
    odd = clean != name or clean.startswith(":") or " " in clean or "," in clean
    return "" if odd else clean


def sound(mode: Modes) -> bool:
    """Whether ``mode`` is one line of the protocol: a sign, letters, and arguments that are each a single target."""
    return mode.change[:1] in ("+", "-") and mode.change[1:].isalpha() and all(map(_target, mode.nicks))
