"""The timeline of each class: what happened and, if talk is logged, who said what."""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Incoming, Reply
from trainbot.core.text import visible
from trainbot.model.ports import People

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

log = logging.getLogger(__name__)
MARKED = {
    "info": "add a line to the minutes",
    "link": "add a link to the minutes",
    "action": "add something to do to the minutes",
}

#: What an operator sees in the log at the usual level.
OPERATORS = {
    "start": "%s began a class in %s: %s",
    "end": "%s ended the class in %s%s",
    "lab": "%s has a lab (%s): %s",
    "home": "%s is taking part from home (%s): %s",
}


class ClassJournal:
    """``logged``: whether the channel's talk, joins and parts are kept during a class ([records] log)."""

    def __init__(self, store: Store, people: People, logged: bool) -> None:
        self.entries, self.classes, self.people, self.logged = store.entries, store.classes, store.people, logged
        self.known_people = people

    def note(
        self, channel: str | None, nick: str, kind: str, text: str, at: datetime, person_id: int | None = None
    ) -> None:
        """Adds an entry to the class running in ``channel``, if there is one."""
        run = self.classes.in_channel(channel) if channel else None
        if run is not None:
            self.entries.add(
                class_id=run.id,
                channel=run.channel,
                at=at,
                kind=kind,
                nick=nick,
                text=visible(text).strip(),
                person_id=person_id,
            )

    def runs(self, channel: str) -> bool:
        return self.classes.in_channel(channel) is not None

    def noted(self, ask: Request, kind: str, text: str) -> None:
        if kind in OPERATORS:
            log.info(OPERATORS[kind], visible(ask.nick).strip(), ask.channel, visible(text).strip())
        self.note(ask.channel, ask.nick, kind, text, ask.at, ask.person.id)

    def heard(self, incoming: Incoming) -> None:
        """Keeps what is said in a class if it is logged, except [nolog] lines and people who said !nolog on."""
        if not self.logged or not incoming.channel or incoming.text.lstrip().lower().startswith("[nolog]"):
            return
        if not self.runs(incoming.channel):
            return
        person = self.known_people.seen(incoming.sender, incoming.at)
        if person is None or not person.nolog:
            self.note(
                incoming.channel,
                incoming.sender.nick,
                "said",
                incoming.text,
                incoming.at,
                person.id if person else None,
            )

    def _mark(self, kind: str) -> Command:
        def mark(ask: Request, words: str) -> list[Effect]:
            if kind == "link" and not words.startswith(("http://", "https://")):
                raise UserError("a link starts with https:// (or http://); !info takes any text")
            self.noted(ask, kind, words)
            return []

        return Command(
            kind,
            mark,
            MARKED[kind],
            (Argument("WORDS", "words", rest=True),),
            role=Role.HELPER,
            scope=Scope.CLASS,
            group="class",
        )

    def nolog(self, ask: Request, choice: str = "") -> list[Effect]:
        if choice.lower() not in ("", "on", "off"):
            raise UserError(f'"{choice[:20]}" is neither on nor off. Usage: !nolog on|off')
        wanted = ask.person.nolog if not choice else choice.lower() == "on"
        self.people.change({"id": ask.person.id}, nolog=wanted)
        kept = "what is said in a class is logged" if self.logged else "I don't log what is said"
        return [
            Reply(
                "what you say isn't logged and minutes don't name you; !nolog off undoes that"
                if wanted
                else f"{kept}, and minutes name you; !nolog on stops that",
                private=True,
            )
        ]

    def commands(self) -> list[Command]:
        return [
            *(self._mark(kind) for kind in MARKED),
            Command(
                "nolog",
                self.nolog,
                "keep what you say out of the class's log, and your nick out of its minutes",
                (Argument("on|off", "word", optional=True),),
                example="nolog on",
                group="records",
            ),
        ]
