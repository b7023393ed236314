"""A line of talk -> what of it is for us.  Pure text; no decision about who may do what."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

QUESTIONS = ("QUESTION:",)
CHANNEL = re.compile(r"([#&+][^\s,\x07]+)\s+(\S.*)", re.DOTALL)
MOST = 2000  # characters of one line that we look at


@dataclass(frozen=True, slots=True)
class Addressed:
    """A line that is for us: ``text`` without prefix; ``channel`` where a private line named one first;
    ``sure`` is False for a channel line that may as well be for another bot."""

    text: str
    channel: str | None = None
    sure: bool = True


def asked(text: str, openers: Sequence[str]) -> str | None:
    """What comes after one of these words; '' where nothing does, None where the line begins otherwise.  Before a colon
    there may be blanks, after a word without one there must be."""
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
    """None for ordinary talk.  ``openers``: what a question begins with there.

    In a channel: ``!lab debian``, ``trainbot: lab debian``, ``QUESTION: why?``.  Privately the prefix may be left
    out, and a channel may stand first: ``#selinux !next``.
    """
    text = text[:MOST].strip()
    channel = None
    if private and (named := CHANNEL.fullmatch(text)):
        channel, text = named[1], named[2].strip()
    if (question := asked(text, openers)) is not None:
        return Addressed(f"ask {question}".strip(), channel)
    if text.startswith(prefix) and (rest := text[len(prefix) :].strip()):
        return Addressed(rest, channel, sure=private) if _wordlike(rest) or private else None
    if called := _called(nick).match(text):
        return Addressed(called[1].removeprefix(prefix).strip() or "help", channel)
    return Addressed(text, channel) if private and text else None


def _wordlike(rest: str) -> bool:
    """``!!`` and ``!?`` are exclamations, not commands."""
    return rest[0].isalnum()
