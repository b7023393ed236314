"""Reads the place in a line that says other things too, and tells which of its words does not belong to it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from trainbot.core.errors import UserError
from trainbot.core.zones import UnknownPlace, resolve_place

MOST_WORDS = 8  # of a place


class UnknownWord(UnknownPlace):
    """``word`` (or a few) has no meaning; the other words are a place."""

    def __init__(self, word: str) -> None:
        super().__init__(f'I don\'t understand "{word[:30]}"')
        self.word = word


def read_place(text: str, at: datetime) -> str:
    """``resolve_place``; if some of the words are a place, the error is about the others."""
    try:
        return resolve_place(text, at)
    except UnknownPlace:
        for others, place in _parted(text.split()[:MOST_WORDS]):
            if _is_place(place, at):
                if _is_place(others, at):
                    raise UserError(f"there are two places, {others.strip(',')} and {place}: keep one") from None
                raise UnknownWord(others) from None
        raise


def _parted(words: list[str]) -> Iterator[tuple[str, str]]:
    """Some of the words, and the rest: first one word, then those at the end or the beginning."""
    if len(words) > 1:
        for number, word in enumerate(words):
            yield word, " ".join([*words[:number], *words[number + 1 :]])
    for most in range(len(words) - 2, 0, -1):
        yield " ".join(words[most:]), " ".join(words[:most])
        yield " ".join(words[:-most]), " ".join(words[-most:])


def _is_place(words: str, at: datetime) -> bool:
    """Also one with several zones."""
    try:
        return bool(resolve_place(words, at))
    except UnknownPlace:
        return False
    except UserError:
        return True
