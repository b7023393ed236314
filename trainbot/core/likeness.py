"""Words that are alike.  rapidfuzz is loaded with the first comparison, because it takes 4 MiB.  Where it cannot be loaded, because
no file descriptor is left, nothing is alike."""

from __future__ import annotations

from collections.abc import Sequence


def alike(text: str, words: Sequence[str], *, most: int, least: int) -> list[str]:
    """At most ``most`` of the words, those first that are most like ``text``; ``least``: of 100."""
    try:
        from rapidfuzz import fuzz, process
    except (ImportError, OSError):
        return []
    return [word for word, *_ in process.extract(text, words, scorer=fuzz.ratio, limit=most, score_cutoff=least)]


def letters_apart(one: str, other: str, most: int) -> int:
    """How many letters differ; more than ``most`` if it is more than that."""
    try:
        from rapidfuzz.distance import DamerauLevenshtein
    except (ImportError, OSError):
        return 0 if one == other else most + 1
    return DamerauLevenshtein.distance(one, other, score_cutoff=most)
