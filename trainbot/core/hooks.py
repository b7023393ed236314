"""What a feature is to the bot: commands, and hooks that say when else it is called.

A hook is called in a savepoint of its own, so that what fails in one harms no other.  What it returns is to be done after
the commit (lines to be said, work for hosts, …), or is an event of the bot's own that other hooks may hear.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from trainbot.core.access import Person
from trainbot.core.commands import Command, Converter
from trainbot.core.messages import Effect, Incoming, Reply

#: What a hook gives back: nothing, or what is to be done.
Done = Iterable[object] | None


@dataclass(frozen=True, slots=True)
class Turn:
    """The turn that a hook is called in.  ``tick``: time has passed; ``changed``: the tables written in it so far."""

    now: datetime
    tick: bool
    changed: AbstractSet[str]


@dataclass(frozen=True, slots=True)
class On:
    """Called with each event of that type.  ``last``: after all others, who may still want to know what it ends."""

    event: type
    call: Callable[[Any, datetime], Done]
    last: bool = False


@dataclass(frozen=True, slots=True)
class OnTick:
    """Called every two seconds, before rows are looked at."""

    call: Callable[[datetime], Done]


@dataclass(frozen=True, slots=True)
class OnChange:
    """Called once a turn, after its events: where one of ``tables`` was written or one of ``events`` came, and at every
    tick.  What is to be done follows from the rows, so that a call too many does no harm."""

    tables: frozenset[str]
    call: Callable[[Turn], Done]
    events: tuple[type, ...] = ()


Hook = On | OnTick | OnChange
#: Words a notice when it is said; None: it has become pointless.
NoticeWriter = Callable[[Any, datetime], Reply | None]


class Feature:
    """One thing that the bot can do.  Every method may be left as it is."""

    def commands(self) -> Sequence[Command]:
        """Its rows of the command table."""
        return ()

    def argument_kinds(self) -> Mapping[str, Converter]:
        """Kinds of arguments that its commands bring, by name."""
        return {}

    def hooks(self) -> Sequence[Hook]:
        """When else it is called, in this order."""
        return ()

    def notice_writers(self) -> Mapping[str, NoticeWriter]:
        """Who words its notices, by kind; others are said as they stand in the row."""
        return {}

    def answered(self, said: Incoming) -> Sequence[Effect] | None:
        """What comes of something said that is no command and may still be an answer; None where it is none of ours."""
        return None

    def undone(self, items: Sequence[object]) -> None:
        """The turn with these events and this work could not be stored: what was begun in it is not under way."""


# -- events of the bot's own ------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class OwnEvent:
    """Comes of another event in the same turn."""


@dataclass(frozen=True, slots=True)
class CommandHeard(OwnEvent):
    """Somebody says a command, which is carried out next."""

    said: Incoming


@dataclass(frozen=True, slots=True)
class TalkHeard(OwnEvent):
    """Somebody says something that is no command.  ``there``: as it was said; ``said``: in the channel of the class that
    it is about."""

    there: Incoming
    said: Incoming


@dataclass(frozen=True, slots=True)
class PersonRenamed(OwnEvent):
    """After a new nick or a log-in: the rows of the person before and now, None where there is none."""

    was: Person | None
    now: Person | None
