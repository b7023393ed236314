"""The time line of each class: what happened, who said what where that is kept."""

from __future__ import annotations

import logging
import unicodedata
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.spine.access import Role
from trainbot.spine.commands import Argument, Ask, Command, Place
from trainbot.spine.messages import Effect, Incoming

if TYPE_CHECKING:
    from trainbot.store.repositories import Classes, Entries

log = logging.getLogger(__name__)
MARKED = {"info": "a line for the minutes", "link": "an address for the minutes", "action": "something to be done, for "
          "the minutes"}

#: What an operator sees in the log at the usual level.
OPERATORS = {"start": "%s began a class in %s: %s", "end": "%s ended the class in %s%s", "lab": "%s has a lab (%s): %s"}


def scrubbed(text: str) -> str:
    """Without control characters and formatting codes, on one line."""
    return "".join(c for c in text if unicodedata.category(c) not in ("Cc", "Cs")).strip()


class Journal:
    """``logged``: whether the channel's talk is kept during a class ([records] log)."""

    def __init__(self, entries: Entries, classes: Classes, logged: bool) -> None:
        self.entries, self.classes, self.logged = entries, classes, logged

    def note(self, channel: str | None, nick: str, kind: str, text: str, at: datetime) -> None:
        """A line of the class that runs in ``channel``; nothing where none runs."""
        run = self.classes.in_channel(channel) if channel else None
        if run is not None:
            self.entries.add(class_id=run.id, channel=run.channel, at=at, kind=kind, nick=nick, text=scrubbed(text))

    def noted(self, ask: Ask, kind: str, text: str) -> None:
        if kind in OPERATORS:
            log.info(OPERATORS[kind], scrubbed(ask.nick), ask.channel, scrubbed(text))
        self.note(ask.channel, ask.nick, kind, text, ask.at)

    def heard(self, incoming: Incoming) -> None:
        """What is said in the channel of a class, where that is kept; not what begins with [nolog]."""
        if self.logged and incoming.channel and not incoming.text.lstrip().lower().startswith("[nolog]"):
            self.note(incoming.channel, incoming.sender.nick, "said", incoming.text, incoming.at)

    def _mark(self, kind: str) -> Command:
        def mark(ask: Ask, words: str) -> list[Effect]:
            self.noted(ask, kind, words)
            return []

        return Command(kind, mark, MARKED[kind], (Argument("WORDS", "words", rest=True),), role=Role.HELPER,
                       place=Place.CLASS, group="class")

    def commands(self) -> list[Command]:
        return [self._mark(kind) for kind in MARKED]
