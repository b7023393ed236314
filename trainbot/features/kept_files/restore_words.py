"""Reads what follows ``!lab restore``.  Pure."""

from __future__ import annotations

import re

from trainbot.core.errors import UserError

_NUMBER, _IMAGE = re.compile(r"#?([0-9]{1,9})"), re.compile(r"[a-z0-9][a-z0-9-]{0,30}")


def read_words(words: str) -> tuple[int | None, str | None]:
    """(the archive's number, the image of the lab), each None if it is not said.  UserError for anything else."""
    number: int | None = None
    image: str | None = None
    for word in words.lower().split():
        if number is None and (found := _NUMBER.fullmatch(word)):
            number = int(found[1])
        elif image is None and _IMAGE.fullmatch(word):
            image = word
        else:
            raise UserError(f'unexpected word "{word[:30]}". Usage: !lab restore [N] [IMAGE]')
    return number, image
