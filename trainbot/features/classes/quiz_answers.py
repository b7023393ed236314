"""Whether what somebody says is the answer to a quiz.  Pure.

- Case, accents' forms, punctuation, articles and one wrong letter in five make no difference in ordinary words
  (Enforcing).  Options are exact (-Z is not -z), as is the case of other code in which the answer has capitals
  ($HOME, /etc/X11), and of everything if the question offers two choices that differ in nothing else.  No letter may be
  wrong in code (http_t is not httpd_t).
- The answer may stand in a sentence ("I think it's permissive"), but a sentence that denies something, or names another
  choice, is no answer.
- Numbers are exact.  A number or an option may have one word beside it (22/tcp, ls -Z).
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

_ARTICLES = ("the", "a", "an")
_DENYING = "not no never neither nor none without except wrong isnt arent wasnt doesnt dont cant cannot aint"
_UNSURE = re.compile(
    r"\b(?:not (?:so |very |quite )?(?:sure|certain)|(?:do not|don[\u2019']?t) know|no idea|no clue)\b", re.IGNORECASE
)
_TALKING = (
    "i im id you we it its is was are be that thats this they he think thinks guess believe say said would could should "
    "must may might maybe perhaps probably surely because so then well ok okay yes yeah hmm um uh hey my answer answers "
    "called named of to in on with by for from at as use uses using type run runs sure but know just sudo uhm erm hm"
)
_DENIALS, _TALK = frozenset(_DENYING.split()), frozenset(_TALKING.split())
_SIGNS = re.compile(r"[/$=_.:~@%+\\]")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+")
_CHOICES = re.compile(r"(?:[^\s,?]+,\s+){0,9}[^\s,?]+,?\s+or\s+[^\s,?]+", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class _Word:
    """``text``: as written; ``exact``: its case counts; ``code``: it is no ordinary word; ``option``: how many dashes it
    stands after."""

    text: str
    exact: bool
    code: bool
    option: int

    @property
    def folded(self) -> str:
        return self.text.casefold()

    @property
    def is_article(self) -> bool:
        return self.folded in _ARTICLES and not self.option


def folded(text: str) -> str:
    """``text`` without what makes no difference in ordinary words."""
    words = _words(text)
    kept = [word.folded for word in words if not word.is_article] or [word.folded for word in words]
    return " ".join(kept) or unicodedata.normalize("NFKC", text).casefold().strip()


def is_right(said: str, answer: str, question: str = "") -> bool:
    """Whether it is one of the answers (separated by ``|``)."""
    guess, asked = _words(said), _words(question)
    choices = [_words(choice) for found in _CHOICES.findall(question) for choice in re.split(r",?\s+or\s+|,\s+", found)]
    answers = [_words(one) for one in answer.split("|")]
    for one, wanted in zip(answer.split("|"), answers, strict=True):
        if not wanted:
            if one.strip() and folded(said) == folded(one):
                return True
            continue
        case = any(_folded(choice) == _folded(wanted) and _plain(choice) != _plain(wanted) for choice in choices)
        others = [choice for choice in choices if choice and not any(_same(choice, each, case) for each in answers)]
        if _is_it(guess, wanted, case):
            return True
        if any(_within(guess, other, case) is not None for other in others):
            continue
        if _nearly(guess, wanted, case) or _in_sentence(said, wanted, case, asked):
            return True
    return False


def _words(text: str) -> list[_Word]:
    found = []
    for raw in unicodedata.normalize("NFKC", text).split():
        bare = raw.strip(".,;:!?\"'`()[]{}<>\u201c\u201d\u2018\u2019\u2026")
        bare = bare.replace(",", "") if _THOUSANDS.fullmatch(bare) else bare
        dashes = re.match(r"(-{1,2})\w", bare)
        option, code = len(dashes[1]) if dashes else 0, bool(_SIGNS.search(bare))
        exact = option > 0 or (code and bare != bare.casefold())
        for n, text_ in enumerate(re.findall(r"[^\W_]+", bare.replace("\u2019", "").replace("'", ""))):
            found.append(_Word(text_, exact, code, option if n == 0 else 0))
    return found


def _folded(words: Sequence[_Word]) -> list[str]:
    return [word.folded for word in words]


def _plain(words: Sequence[_Word]) -> list[str]:
    return [word.text for word in words]


def _same(guess: Sequence[_Word], wanted: Sequence[_Word], case: bool) -> bool:
    return len(guess) == len(wanted) and all(
        (a.text == b.text if case or b.exact else a.folded == b.folded)
        and (a.option == b.option or 0 in (a.option, b.option))
        for a, b in zip(guess, wanted, strict=True)
    )


def _is_it(guess: Sequence[_Word], wanted: Sequence[_Word], case: bool) -> bool:
    said, meant = ([word for word in words if not word.is_article] for words in (guess, wanted))
    return _same(guess, wanted, case) or (bool(said and meant) and _same(said, meant, case))


def _nearly(guess: Sequence[_Word], wanted: Sequence[_Word], case: bool) -> bool:
    """The same but for slips of the finger: none in what is exact, none in numbers."""
    from rapidfuzz.distance import DamerauLevenshtein  # with the first comparison: it takes 4 MiB

    text, said = " ".join(_folded(wanted)), " ".join(_folded(guess))
    slips = len(text) // 5
    exact = [word.text for word in wanted if word.exact or case]
    return (
        slips > 0
        and not any(word.code for word in wanted)
        and all(word in _plain(guess) for word in exact)
        and re.findall(r"\d+", said) == re.findall(r"\d+", text)
        and DamerauLevenshtein.distance(said, text, score_cutoff=slips) <= slips
    )


def _within(guess: Sequence[_Word], wanted: Sequence[_Word], case: bool) -> int | None:
    """Where the words stand in the guess; None if they do not."""
    starts = range(len(guess) - len(wanted) + 1)
    return next((n for n in starts if _same(guess[n : n + len(wanted)], wanted, case)), None)


def _in_sentence(said: str, wanted: Sequence[_Word], case: bool, asked: Sequence[_Word]) -> bool:
    """Whether the answer stands in a sentence that says nothing against it.  A list of guesses is no sentence: besides the
    answer there has to be a word of talk, or only words of the question."""
    guess = _words(_UNSURE.sub(" ", said))
    at = _within(guess, wanted, case)
    if at is None:
        return False
    others = [*guess[:at], *guess[at + len(wanted) :]]
    rest = _folded(others)
    if set(rest) & (_DENIALS | {"or"}) or any(word.isdigit() for word in rest):
        return False
    beside = len(others) == 1 and not others[0].option and all(word.text.isdigit() or word.option for word in wanted)
    return beside or not set(rest).isdisjoint(_TALK) or set(rest) <= {*_folded(asked), *_ARTICLES}
