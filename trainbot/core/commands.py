"""The command table: words, arguments, role, scope, help and handler of every command.

Help, permissions, "did you mean" answers and docs/commands.md are all generated from it.  Each feature declares its
own rows; ``app`` joins them.
"""

from __future__ import annotations

import enum
import re
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from trainbot.core.access import Person, Role
from trainbot.core.errors import UserError
from trainbot.core.likeness import letters_apart
from trainbot.core.messages import Effect, Reply, Sender
from trainbot.core.other_bots import WORDS

PREFIX = "!"  # with which all our texts name commands
OWN = 6  # letters of a word in a channel that is taken for a misspelt command of ours: shorter ones are like anybody's

MARKS = "?!.,:;"  # of sentences

#: Words of talk that are like commands: hey (key), thanks (hands), stop (step), then (when), …
SMALL_TALK = frozenset(["afk", "exit", "hey", "now", "one", "stop", "thanks", "then", "yet"])


class Scope(enum.Enum):
    """Where a command can be used."""

    ANYWHERE = "anywhere"
    PRIVATE = "in private"
    CHANNEL = "for a channel"
    CLASS = "during a class"


@dataclass(frozen=True, slots=True)
class Request:
    """Who sent a command, where and when.  ``channel``: the channel it is about (None if unknown); ``private``: it came
    in a private message; ``at``: now, which is later than ``typed_at`` if they first had to confirm it."""

    sender: Sender
    person: Person
    role: Role
    channel: str | None
    private: bool
    at: datetime
    typed_at: datetime

    @property
    def nick(self) -> str:
        return self.sender.nick


@dataclass(frozen=True, slots=True)
class Argument:
    """One word, or the rest of the line (``rest``).  ``kind`` names the converter registered for it."""

    name: str
    kind: str = "word"
    optional: bool = False
    rest: bool = False

    @property
    def shown(self) -> str:
        return f"[{self.name}]" if self.optional else self.name


Handler = Callable[..., Sequence[Effect]]
Confirmation = Callable[..., "str | Reply | None"]


@dataclass(frozen=True, slots=True)
class Command:
    """One row of the table.  ``confirm`` is called like the handler; the bot first asks the text it returns, and ``!yes``
    runs the command (None: no confirmation needed).  A private Reply is asked in private, wherever the command came from."""

    words: str  # "lab reset"
    handler: Handler
    help: str
    arguments: tuple[Argument, ...] = ()
    aliases: tuple[str, ...] = ()
    role: Role = Role.LEARNER
    scope: Scope = Scope.ANYWHERE
    confirm: Confirmation | None = None
    example: str = ""
    group: str = "general"

    def usage(self, prefix: str) -> str:
        return " ".join([prefix + self.words, *(argument.shown for argument in self.arguments)])


@dataclass(frozen=True, slots=True)
class Call:
    """A command and the text after its words."""

    command: Command
    rest: str


Converter = Callable[[str, Request], Any]
"""Converts a text to a value; raises UserError, or ValueError to have the usage of the command added to the answer."""


@dataclass
class Table:
    """All commands of all features, and how argument kinds are read."""

    prefix: str = PREFIX
    commands: list[Command] = field(default_factory=list)
    kinds: dict[str, Converter] = field(default_factory=dict)
    _by_words: dict[tuple[str, ...], Command] = field(default_factory=dict)

    def add(self, commands: Iterable[Command]) -> None:
        for command in commands:
            self.commands.append(command)
            for words in (command.words, *command.aliases):
                key = tuple(words.split())
                assert key not in self._by_words, f"{words} is declared twice"
                self._by_words[key] = command

    def find(self, text: str) -> Call | None:
        """The longest command that ``text`` starts with, ignoring case and the mark of a sentence after its last word
        (``!done!``)."""
        words = tuple(map(str.lower, text.split(maxsplit=3)[:3]))
        for length in range(len(words), 0, -1):
            command = self._by_words.get(words[:length]) or self._marked(words[:length])
            if command is not None:
                rest = text.split(maxsplit=length)
                return Call(command, rest[length].strip() if len(rest) > length else "")
        return None

    def _marked(self, words: tuple[str, ...]) -> Command | None:
        """The command with these words but for a mark; a question (``next?``) is none of what only staff may do."""
        if not words or words[-1][-1] not in MARKS:
            return None
        command = self._by_words.get((*words[:-1], words[-1].rstrip(MARKS)))
        asks = command is not None and command.role > Role.LEARNER and "?" in words[-1]
        return None if asks else command

    def named(self, words: str) -> Command | None:
        call = self.find(words.removeprefix(self.prefix))
        return call.command if call and not call.rest else None

    def resembles(self, text: str, role: Role) -> bool:
        """Whether private talk may be meant as a command: its first word is nearly one (two letters may differ if it has
        ``OWN``, otherwise one), and is not one that people greet or thank with."""
        first = _first_bare(text)
        most = 2 if len(first) >= OWN else 1
        return (
            len(first) > 2
            and first not in SMALL_TALK
            and any(
                first in key[1:2] or letters_apart(first, key[0], most) <= most
                for key, command in self._by_words.items()
                if command.role <= role
            )
        )

    def nearest(self, text: str, role: Role, *, most: int = 3) -> list[str]:
        """The commands open to this role whose words are most like the first word of ``text``, best first; at most two
        letters differ, and never more than half of the word."""
        first = _first_bare(text)
        scored: dict[str, int] = {}
        for key, command in self._by_words.items():
            limit = min(2, max(len(first), len(key[0])) // 2)
            distance = letters_apart(first, key[0], limit)
            if distance <= limit and command.role <= role:
                scored[key[0]] = min(distance, scored.get(key[0], 9))
            if len(key) > 1 and key[1] == first and command.role <= role:
                scored[" ".join(key)] = 0  # !reset was meant as !lab reset
        return sorted(scored, key=lambda word: (scored[word], word))[:most]

    def misspelt(self, text: str, role: Role) -> str | None:
        """The command that somebody in a channel meant by the first word of ``text``, where other bots listen too: None
        unless it has ``OWN`` letters, no other bot is known to have it, and it is like exactly one command."""
        first = _first_bare(text)
        if len(first) < OWN or first in WORDS:
            return None
        near = {
            " ".join(key[: place + 1]): command.words
            for key, command in self._by_words.items()
            for place, word in enumerate(key[:2])
            if command.role <= role and letters_apart(first, word, 2) <= 2
        }
        return min(near) if len(near) == 1 or len(set(near.values())) == 1 else None

    def worded(self, text: str) -> str:
        """A text that names commands with ``!``, as all of ours do, with the prefix of this bot."""
        if self.prefix == PREFIX:
            return text
        words = "|".join(sorted({key[0] for key in self._by_words}))
        return re.sub(rf"(?<![\w!])!(?=(?:{words})\b)", lambda _found: self.prefix, text)

    def read(self, call: Call, ask: Request) -> list[Any]:
        """The arguments as values, in order (omitted optional ones are missing at the end); a UserError gives the
        usage."""
        values: list[Any] = []
        rest = call.rest
        for argument in call.command.arguments:
            word, rest = (rest, "") if argument.rest else _first_word(rest)
            if not word:
                if argument.optional:
                    break
                raise UserError(f"usage: {self._usage(call.command)}")
            try:
                values.append(self.kinds[argument.kind](word, ask))
            except ValueError as error:
                raise UserError(f"{error}. Usage: {self._usage(call.command)}") from None
        if rest:
            raise UserError(f'unexpected word "{rest.split()[0]}". Usage: {self._usage(call.command)}')
        return values

    def _usage(self, command: Command) -> str:
        example = f", for example {self.prefix}{command.example}" if command.example else ""
        return f"{command.usage(self.prefix)}{example}"


def _first_bare(text: str) -> str:
    """The first word in small letters, without the marks of a sentence."""
    return (text.split() or [""])[0].lower().rstrip(MARKS)


def _first_word(text: str) -> tuple[str, str]:
    parts = text.split(maxsplit=1)
    return (parts[0] if parts else ""), (parts[1] if len(parts) > 1 else "")


def plain_kinds() -> dict[str, Converter]:
    """The argument kinds shared by all features: a word, words, a number, a nick, on or off."""

    def number(text: str, _ask: Request) -> int:
        digits = text.removeprefix("#")
        if not (digits.isascii() and digits.isdigit() and len(digits) <= 9):
            raise ValueError(f'"{text[:40]}" is not a number')
        return int(digits)

    def switch(text: str, _ask: Request) -> bool:
        if text.lower() not in ("on", "off"):
            raise ValueError(f'"{text[:20]}" is neither on nor off')
        return text.lower() == "on"

    return {
        "switch": switch,
        "word": lambda text, _ask: text,
        "words": lambda text, _ask: text,
        "number": number,
        "nick": lambda text, _ask: text,
    }
