"""Chooses what to search for: the rarest words of a query, and similar ones for words that nobody ever said."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol, TypeVar

from trainbot.core.wording import vocabulary

if TYPE_CHECKING:
    from trainbot.adapters.db.full_text_search import Search

WORDS = 24  # words of a query that count
BUDGET = 5000  # rows that one search may rank: about 10 ms
LIMIT = 100  # rows that are looked at more closely
MOST_LETTERS = 5  # of a short word: one typing error in it may leave no three letters unchanged
LETTERS = "abcdefghijklmnopqrstuvwxyz"


def words_of(text: str) -> list[str]:
    """The words of a query, each once; ``squid_connect_any`` is one word."""
    text = re.sub(r"[\0\ud800-\udfff]", " ", text[:1000])
    found = {word.casefold(): word[:60] for word in re.findall(r"\w+(?:[-.]\w+)*", text)}
    return list(found.values())[:WORDS]


def telling(frequencies: Mapping[str, int], common: int, budget: int = BUDGET) -> list[str]:
    """The rarest of these words, as many as occur in ``budget`` rows together: at least one, unless all are common."""
    rare = sorted((number, word) for word, number in frequencies.items() if 0 < number < common)
    found: list[str] = []
    total = 0
    for number, word in rare:
        if found and total + number > budget:
            break
        found.append(word)
        total += number
    return found


def misspelt(word: str) -> list[str]:
    """What may have been meant by a short word: every word that is one typing error away (for long ones, two swapped
    letters)."""
    pairs = [(word[:at], word[at:]) for at in range(len(word) + 1)]
    found = {a + b[1] + b[0] + b[2:] for a, b in pairs if len(b) > 1}
    if len(word) <= MOST_LETTERS:
        found |= {a + b[1:] for a, b in pairs if b}
        found |= {a + sign + b[1:] for a, b in pairs if b for sign in LETTERS}
        found |= {a + sign + b for a, b in pairs for sign in LETTERS}
    return sorted(found - {word})


def nearest(word: str, others: Iterable[str]) -> str | None:
    """The nearest word by letters swapped, left out, added or wrong: at most one, or two if ``word`` is longer than
    MOST_LETTERS; preferably one that begins with the same letter, then the first of them."""
    from rapidfuzz.distance import OSA  # with the first comparison: it takes 4 MiB

    limit = 0 if len(word) < 4 else 1 if len(word) <= MOST_LETTERS else 2
    best: tuple[int, bool] | None = None
    found = None
    for other in others:
        distance = OSA.distance(word, other, score_cutoff=limit)
        rank = (distance, other[:1] != word[:1])
        if distance <= limit and (best is None or rank < best):
            best, found = rank, other
    return found


@dataclass(frozen=True, slots=True)
class SearchResult:
    """``words``: what was searched for; ``instead``: those of them that stand for words that nobody said; ``rows``:
    with their bm25 (lower is better; 0 if all words are common), best first."""

    words: tuple[str, ...]
    instead: Mapping[str, str]
    rows: Sequence[tuple[int, float]]


class QuestionSearch:
    """Searches one of the store's indexes, with bounded work however large it is."""

    def __init__(self, search: Search) -> None:
        self.search = search

    def look(
        self, index: str, text: str, *, budget: int = BUDGET, limit: int = LIMIT, correct: bool = True
    ) -> SearchResult:
        """Searches ``index``; never raises, whatever ``text`` is.  ``correct``: use similar words for unknown ones."""
        frequencies: dict[str, int] = {}
        instead: dict[str, str] = {}
        for word in words_of(text):
            number = self.search.frequency(index, word)
            if not number and correct and (near := self._near(word)) is not None:
                number = self.search.frequency(index, near)
                instead[word] = near
                word = near
            frequencies[word] = number
        known = [word for word, number in frequencies.items() if number]
        if chosen := telling(frequencies, self.search.many, budget):
            rows: Sequence[tuple[int, float]] = self.search.ranked(index, chosen, limit)
        else:
            rows = [(row, 0.0) for row in self._newest(index, known, limit)]
        return SearchResult(tuple(known), instead, rows)

    def _newest(self, index: str, words: list[str], limit: int) -> list[int]:
        """The newest rows with all of the words; with fewer of them if there are none."""
        while words:
            if found := self.search.newest(index, words, limit):
                return found
            words = words[:-1]
        return []

    def _near(self, word: str) -> str | None:
        """A known word that may have been meant; None if this word is known but not in this index."""
        plain = next(iter(vocabulary(word)), "")
        near = nearest(plain, self.search.near(plain, misspelt(plain))) if len(plain) >= 4 else None
        return near if near != plain else None


class SearchRow(Protocol):
    @property
    def id(self) -> int: ...


T = TypeVar("T", bound=SearchRow)


def best(looked: SearchResult, rows: Iterable[T], text: Callable[[T], str]) -> list[T]:
    """The rows with most of the words first, then by their bm25, the newest first."""
    scores = dict(looked.rows)
    return sorted(rows, key=lambda row: (-covered(looked.words, text(row)), scores[row.id], -row.id))


def covered(words: Iterable[str], text: str) -> int:
    """How many of the words, or of their first letters, occur in the text."""
    there = " ".join(vocabulary(text)) + text.casefold()
    return sum(word.casefold()[: max(4, len(word) - 2)] in there for word in words)
