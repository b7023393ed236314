"""Finds what in a line of talk is addressed to the bot.  Text only; permissions are checked elsewhere."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache

QUESTIONS = ("QUESTION:",)
CHANNEL = re.compile(r"([#&+][^\s,\x07]+)\s+(\S.*)", re.DOTALL)
MOST = 2000  # characters read of one line


@dataclass(frozen=True, slots=True)
class Addressed:
    """A line addressed to us: ``text`` without the prefix; ``channel`` if a private line named one first;
    ``sure`` is False for a channel line that could be meant for another bot; ``bare``: a private line that says by nothing
    but its words that it is a command."""

    text: str
    channel: str | None = None
    sure: bool = True
    bare: bool = field(default=False, compare=False)


def asked(text: str, openers: Sequence[str]) -> str | None:
    """The text after one of these words; '' if there is none, None if the line starts otherwise.  Blanks are allowed
    before a colon; a word without a colon needs one after it."""
    for opener in openers:
        if found := _opening(opener).fullmatch(text):
            return found[1] or ""
    return None


@lru_cache
def _opening(opener: str) -> re.Pattern[str]:
    word = re.escape(opener.removesuffix(":"))
    return re.compile(
        rf"{word}(?:\s*:\s*(.*))" if opener.endswith(":") else rf"{word}(?:\s+(.*)|)", re.IGNORECASE | re.DOTALL
    )


@lru_cache
def _called(nick: str) -> re.Pattern[str]:
    return re.compile(rf"{re.escape(nick)}\s*[:,]\s*(\S.*)", re.IGNORECASE | re.DOTALL)


def addressed(
    text: str, prefix: str, nick: str, *, private: bool, openers: Sequence[str] = QUESTIONS
) -> Addressed | None:
    """The line without its prefix; None for ordinary talk.  ``openers``: the words that start a question there.

    In a channel: ``!lab debian``, ``trainbot: lab debian``, ``QUESTION: why?``.  In private the prefix is
    optional, and a channel may come first: ``#selinux !next``.
    """
    text = text[:MOST].strip()
    channel = None
    if private and (named := CHANNEL.fullmatch(text)):
        channel, text = named[1], named[2].strip()
    if (question := asked(text, openers)) is not None:
        return Addressed(f"ask {question}".strip(), channel)
    if text.startswith(prefix) and (rest := text[len(prefix) :].strip()):
        return Addressed(rest, channel, sure=private, bare=not _wordlike(rest)) if _wordlike(rest) or private else None
    if called := _called(nick).match(text):
        return Addressed(called[1].removeprefix(prefix).strip() or "help", channel)
    return Addressed(text, channel, bare=True) if private and text else None


def _wordlike(rest: str) -> bool:
    """Whether it may be a command: ``!!`` and ``!?`` are exclamations."""
    return rest[0].isalnum()
