"""Whether two questions ask the same thing.  Pure."""

from __future__ import annotations

import re
from dataclasses import dataclass

ALIKE = 84.0
"""From this score (of 100) on, the answer to one question is offered to anyone who asks the other."""
FIGURE = re.compile(r"\d")
FEW = 3  # words; so short a question means the same only if asked in the same place


@dataclass(frozen=True, slots=True)
class Context:
    """Where a question was asked.  '' and 0: nowhere in particular."""

    exercise: str = ""
    step: int = 0
    image: str = ""


def alike(words: str, other: str, here: Context = Context(), there: Context = Context()) -> float:
    """0 to 100: how similar the words are, ignoring case, order and punctuation (rapidfuzz's token ratios); more if
    asked at the same step, less if on different images.  Different numbers make different questions: step 3 is not step
    4."""
    from rapidfuzz import fuzz  # with the first comparison: it takes 4 MiB

    mine, others = _words(words), _words(other)
    if not mine or not others or _figures(mine) != _figures(others):
        return 0.0
    same_step = bool(here.exercise) and (here.exercise, here.step) == (there.exercise, there.step)
    if min(len(mine), len(others)) < FEW and not (same_step and mine == others):
        return 0.0
    first, second = " ".join(mine), " ".join(others)
    found = (fuzz.token_sort_ratio(first, second) + fuzz.token_set_ratio(first, second)) / 2
    if same_step:
        found += 5
    elif here.exercise and here.exercise == there.exercise:
        found += 2
    if here.image and there.image and here.image != there.image:
        found -= 8
    return max(0.0, min(100.0, found))


def _words(text: str) -> list[str]:
    return re.findall(r"\w+", text.casefold())


def _figures(words: list[str]) -> set[str]:
    return {word for word in words if FIGURE.search(word)}
