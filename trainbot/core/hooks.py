"""The interface of a feature: its commands, and hooks that say when else it is called.

Each hook runs in its own savepoint, so a failing hook does not affect others.  What it returns is done after the commit
(lines to send, work for hosts, …), or is an internal event for other hooks.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trainbot.core.access import Person
from trainbot.core.commands import Command, Converter, Request
from trainbot.core.messages import Effect, Incoming, Reply

#: What a hook returns: nothing, or what to do.
Done = Iterable[object] | None


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn in which a hook is called.  ``tick``: called by the clock; ``changed``: the tables written so far in this turn."""

    now: datetime
    tick: bool
    changed: AbstractSet[str]


@dataclass(frozen=True, slots=True)
class On:
    """Called with each event of that type.  ``last``: after all others, which may still need what the event ends."""

    event: type
    call: Callable[[Any, datetime], Done]
    last: bool = False


@dataclass(frozen=True, slots=True)
class OnTick:
    """Called every two seconds, before rows are checked."""

    call: Callable[[datetime], Done]


@dataclass(frozen=True, slots=True)
class OnChange:
    """Called once per turn, after its events, if one of ``tables`` was written or one of ``events`` came, and at every
    tick.  What to do follows from the rows, so extra calls do no harm."""

    tables: frozenset[str]
    call: Callable[[Turn], Done]
    events: tuple[type, ...] = ()


Hook = On | OnTick | OnChange
#: Writes the text of a notice when it is sent; None: no longer needed.
NoticeWriter = Callable[[Any, datetime], Reply | None]


class Urgency(enum.IntEnum):
    """What somebody who asks for help is told first."""

    ACCOUNT = 0  # without one, little of the rest works
    DUTY = 1  # others wait for them
    CLASS = 2
    LAB = 3
    QUESTION = 4
    SESSION = 5
    IDLE = 6  # what may be done at any time


@dataclass(frozen=True, slots=True)
class NextStep:
    """One sentence for somebody who asks for help: where they stand, and the command to type next."""

    urgency: Urgency
    text: str


class Feature:
    """One feature of the bot.  Every method is optional."""

    def commands(self) -> Sequence[Command]:
        """The rows it adds to the command table."""
        return ()

    def argument_kinds(self) -> Mapping[str, Converter]:
        """Argument kinds that its commands need, by name."""
        return {}

    def hooks(self) -> Sequence[Hook]:
        """Its hooks, called in this order."""
        return ()

    def notice_writers(self) -> Mapping[str, NoticeWriter]:
        """Writers of its notices, by kind; other notices are sent as stored in the row."""
        return {}

    def answered(self, said: Incoming) -> Sequence[Effect] | None:
        """Handles a line that is not a command but may be an answer; None if it is not for this feature."""
        return None

    def next_steps(self, ask: Request) -> Sequence[NextStep]:
        """What the person who asks for help could type next, as far as this feature knows."""
        return ()

    def undone(self, items: Sequence[object]) -> None:
        """Called if the turn with these events and this work could not be stored: nothing begun in it is running."""


@dataclass(frozen=True, slots=True)
class DueAt:
    """Returned by a hook: something is due at that time of day, sooner than the next tick may come.  The latest one counts."""

    moment: datetime


# -- internal events ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OwnEvent:
    """An event caused by another event in the same turn."""


@dataclass(frozen=True, slots=True)
class CommandHeard(OwnEvent):
    """Somebody sent a command, which is run next."""

    said: Incoming


@dataclass(frozen=True, slots=True)
class TalkHeard(OwnEvent):
    """Somebody said something that is not a command.  ``there``: the original line; ``said``: the same line in the channel of
    the class it is about."""

    there: Incoming
    said: Incoming


@dataclass(frozen=True, slots=True)
class PersonRenamed(OwnEvent):
    """A person changed nick or logged in: their rows before and now, None if there is none."""

    was: Person | None
    now: Person | None

    @property
    def logged_in(self) -> tuple[int, int] | None:
        """(the row that they had without an account, that of the account to which they logged in) if these are two; None
        otherwise, also for somebody who changed from one account to another: that may be another person."""
        if self.was is None or self.now is None or self.was.id == self.now.id:
            return None
        return (self.was.id, self.now.id) if self.was.account is None and self.now.account is not None else None
