"""Chooses what is shown of a text that is too long.  Pure.

Commands come first, then the sentences that say what to do, then explanations, then output.  Before anything is left
out, short paragraphs and list items share a line.
"""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import groupby, islice, pairwise

MONO = "\x11"
MOST = 200  # units, and sentences, that are looked at: what comes later would not fit anyway
_Piece = tuple[list[str], list[str]]  # lines, and the words that they are made of if they may be joined with others


@dataclass(slots=True)
class Unit:
    """What belongs together: a paragraph, a heading, a list item, a row, one command with its continuation.

    ``kind``: command, prose or output; ``lines``: as in the whole text.  ``words``: of prose, each with its formatting
    and never torn; empty if it has to stay as it is (commands, output, tables).  ``numbered``: an item of a numbered
    list; ``heading``: a heading; ``runs``: it contains a command to run.
    """

    kind: str
    lines: list[str]
    words: list[str] = field(default_factory=list)
    numbered: bool = False
    heading: bool = False
    runs: bool = False


@dataclass(slots=True)
class _Sentence:
    """``asks``: it says what to do; ``shown``: so many of its words are shown."""

    words: list[str]
    asks: bool
    shown: int = 0


_VERBS = (
    "access|activate|add|adjust|allow|answer|append|apply|ask|assign|attach|back up|begin|boot|browse|build|bring|call|"
    "change|check|choose|clean|clear|click|clone|close|compare|compile|complete|configure|confirm|connect|continue|"
    "convert|copy|count|create|deactivate|debug|decide|declare|define|delete|deploy|describe|destroy|determine|disable|"
    "discover|display|do|don't|don’t|download|drop|edit|empty|enable|ensure|enter|examine|execute|exit|expand|explore|"
    "export|expose|extend|extract|fetch|figure|fill|find|fix|follow|force|generate|get|give|go|grant|guess|have a look|"
    "identify|ignore|import|increase|initialize|initialise|insert|inspect|install|investigate|invoke|join|keep|kill|"
    "label|launch|leave|let|let's|let’s|limit|list|load|locate|log|look|make|map|mark|measure|merge|modify|monitor|"
    "mount|move|name|navigate|never|note down|notice|observe|open|paste|pause|perform|pick|ping|place|play|point|"
    "practice|prepare|press|print|provide|publish|pull|push|put|query|quit|raise|read|reboot|recall|reconnect|record|"
    "redirect|reload|remember|remove|rename|repeat|replace|request|reset|resize|restart|restore|resume|retrieve|return|"
    "review|revert|roll|rotate|run|save|scale|scan|scroll|search|see|select|send|set|set up|setup|share|show|shut|sign|"
    "specify|start|stop|store|submit|switch|take|tell|terminate|test|trigger|try|turn|type|undo|uninstall|unmount|"
    "update|upgrade|upload|use|validate|verify|view|visit|wait|watch|work|wrap|write"
)
_LEADS = (
    "after|afterwards|again|also|and|as|at|before|but|by|finally|first|firstly|for|from|if|in|instead|last|lastly|"
    "later|next|now|on|once|please|second|secondly|so|step|then|third|to|when|while|with"
)
_ORDER = re.compile(
    rf"(?:(?:{_LEADS})\b(?:[^,:]{{0,80}}[,:])? ?(?:please |simply |just |also |then |now )?)?(?:{_VERBS})\b",
    re.IGNORECASE,
)
_DUTY = re.compile(
    r"\byou(?:'ll|’ll| will)? (?:must|should now|need to|have to|may not|must not|are asked to)\b|\byour (?:task|job|goal)\b"
    r"|\b(?:make sure|be sure to|don't forget|do not)\b|^(?:task|exercise|todo|goal|question)\b",
    re.IGNORECASE,
)
_BETWEEN = re.compile(r"(?:or|otherwise|alternatively|instead|else|either)\b", re.IGNORECASE)
_BETWEEN_MOST = 100  # bytes
_END = re.compile(r"[.!?…\u3002\uff01\uff1f][)\]\"'”’»*_]*$")
_NO_END = re.compile(r"(?:\b(?:e\.g|i\.e|etc|vs|cf|resp|approx|incl|no|fig|mr|ms|dr)|^\d{1,3})\.$", re.IGNORECASE)
_MARKS = re.compile("[\x02\x1d`]|^[•>]$|\x11[^\x11]*\x11")


class Excerpt:
    """``units`` of one text in lines of ``width`` bytes."""

    def __init__(self, units: Sequence[Unit], width: int) -> None:
        self.units, self.width = units, width
        self.kept: set[int] = set()  # units that are shown as a whole
        self.sentences: dict[int, list[_Sentence]] = {}  # of each unit that may be shown in part

    def whole(self, room: int) -> list[str] | None:
        """All of it in at most ``room`` lines, with as few joined paragraphs as possible; None if it does not fit."""
        if self._size([(unit.lines, unit.words) for unit in self.units]) > room:
            return None
        return self._joined([(unit.lines, unit.words) for unit in self.units], room)

    def choice(self, room: int) -> tuple[list[str], int]:
        """The most useful ``room`` lines, and how many lines of the whole are left out, at least in part."""
        end = self._choose_commands(room)
        if end < len(self.units) and room > 1 and any(unit.words for unit in self.units[:end]):
            self.kept = set()  # since not all commands fit, a line is left to say what they are for
            end = self._choose_commands(room - 1)
        end = min(end, MOST)
        for n, unit in enumerate(self.units[:end]):
            if unit.words and not unit.heading and n not in self.kept:
                before_command = n + 1 < len(self.units) and self.units[n + 1].kind == "command"
                self.sentences[n] = list(_sentences(unit, before_command))
        for asks in (True, False):
            self._choose_sentences(room, asks)
        for n, unit in enumerate(self.units[:end]):
            if not unit.words:
                self._keep({n}, room)
        if pieces := self._pieces():
            return self._joined(pieces, room), self._left_out()
        shown = [line for unit in self.units[:end] if unit.kind != "command" for line in unit.lines][:room]
        return shown, sum(len(unit.lines) for unit in self.units) - len(shown)

    # -- what to show ----------------------------------------------------------------------------

    def _keep(self, units: set[int], room: int) -> bool:
        """Shows these units if they fit."""
        before = self.kept
        self.kept = before | units
        if self._size(self._pieces()) > room:
            self.kept = before
        return self.kept is not before

    def _choose_commands(self, room: int) -> int:
        """Keeps the commands, in order, until one does not fit as a whole: those after it would be of no use, nor would
        the text about them.  Returns where the text ends for that reason.  An "or" between two commands belongs to the
        second."""
        for n, unit in enumerate(self.units):
            with_it = {n - 1, n} if n and _joins_commands(self.units[n - 1]) else {n}
            if unit.kind == "command" and not self._keep(with_it, room):
                return n
        return len(self.units)

    def _choose_sentences(self, room: int, asks: bool) -> None:
        """Shows those that say what to do (``asks``), or the others, in order.  The first that does not fit is cut if a
        line is free; of the others, none after it is shown."""
        found = (each for unit in self.sentences.values() for each in unit if each.asks is asks)
        for sentence in islice(found, MOST):
            sentence.shown = len(sentence.words)
            pieces = self._pieces()
            if self._size(pieces) <= room:
                continue
            sentence.shown = 0
            if self._size(self._pieces()) < room:
                self._cut(sentence, room)
                return
            if not asks:
                return

    def _cut(self, sentence: _Sentence, room: int) -> None:
        """Shows as many of its words as fit."""
        while sentence.shown < len(sentence.words):
            sentence.shown += 1
            if self._size(self._pieces()) > room:
                sentence.shown -= 1
                return

    # -- how it looks ----------------------------------------------------------------------------

    def _pieces(self) -> list[_Piece]:
        """What is shown of each unit."""
        pieces: list[_Piece] = []
        shown = {n for n, found in self.sentences.items() if any(each.shown for each in found)}
        for n in sorted(self.kept | shown):
            if n in self.kept:
                pieces.append((self.units[n].lines, self.units[n].words))
            else:
                words = _shown_words(self.sentences[n])
                pieces.append((_wrapped(words, self.width), words))
        return pieces

    def _size(self, pieces: Sequence[_Piece]) -> int:
        """The number of lines if all that can be joined is."""
        return sum(
            len(_wrapped([word for _lines, words in run for word in words], self.width))
            if joinable
            else sum(len(lines) for lines, _words in run)
            for joinable, run in groupby(pieces, key=lambda piece: bool(piece[1]))
        )

    def _joined(self, pieces: list[_Piece], room: int) -> list[str]:
        """The pieces' lines; neighbours are joined, the shortest first, until there are no more than ``room``."""
        if sum(len(lines) for lines, _words in pieces) > room:
            pieces = [(_wrapped(words, self.width) if words else lines, words) for lines, words in pieces]
        while sum(len(lines) for lines, _words in pieces) > room:
            pairs = [
                (sum(len(line) for line in (*lines, *after)), n)
                for n, ((lines, words), (after, more)) in enumerate(pairwise(pieces))
                if words and more
            ]
            if not pairs:
                break
            _length, n = min(pairs)
            words = pieces[n][1] + pieces[n + 1][1]
            pieces[n : n + 2] = [(_wrapped(words, self.width), words)]
        return [line for lines, _words in pieces for line in lines]

    def _left_out(self) -> int:
        left = 0
        for n, unit in enumerate(self.units):
            if n in self.kept:
                continue
            found = self.sentences.get(n, [])
            shown, total = sum(each.shown for each in found), max(1, len(unit.words))
            left += math.ceil(len(unit.lines) * (total - shown) / total) if shown < len(unit.words) or not found else 0
        return left


def _joins_commands(unit: Unit) -> bool:
    return bool(unit.words) and len(unit.lines) == 1 and bool(_BETWEEN.match(_bare(unit.words[:2])))


def _shown_words(sentences: Sequence[_Sentence]) -> list[str]:
    """The words of those that are shown; an ellipsis where something is left out after them."""
    words: list[str] = []
    for n, sentence in enumerate(sentences):
        words += sentence.words[: sentence.shown]
        cut = sentence.shown < len(sentence.words)
        last = not sentence.shown or n + 1 == len(sentences)
        if (cut and sentence.shown) or (not last and not sentences[n + 1].shown):
            words.append("…")
    return words


def _wrapped(words: Iterable[str], width: int) -> list[str]:
    """Lines of at most ``width`` bytes; a longer word has a line of its own."""
    lines: list[str] = []
    size = width
    for word in words:
        length = len(word.encode())
        if lines and size + 1 + length <= width:
            lines[-1] += f" {word}"
            size += 1 + length
        else:
            lines.append(word)
            size = length
    return [line.replace("\x02 \x02", " ").replace("\x1d \x1d", " ") for line in lines]


def _sentences(unit: Unit, before_command: bool) -> Iterator[_Sentence]:
    """The unit's sentences.  ``before_command``: its last sentence may introduce a command."""
    ends = [n + 1 for n in range(len(unit.words) - 1) if _ends(unit.words[n], unit.words[n + 1])]
    for start, end in pairwise([0, *ends, len(unit.words)]):
        words = unit.words[start:end]
        text = _bare(words)
        leads = before_command and end == len(unit.words) and text.endswith((":", "\uff1a"))
        asks = (
            leads or unit.numbered or text.endswith(("?", "\uff1f")) or bool(_ORDER.match(text) or _DUTY.search(text))
        )
        yield _Sentence(words, asks or (unit.runs and any(MONO in word for word in words)))


def _ends(word: str, after: str) -> bool:
    """Whether a sentence ends with ``word``."""
    return (
        not word.endswith((MONO, "`"))
        and bool(_END.search(word.strip("\x02\x1d")))
        and not _NO_END.search(word.strip("\x02\x1d("))
        and not _bare([after])[:1].islower()
    )


def _bare(words: Sequence[str]) -> str:
    """The words without formatting and bullets; at most 300 characters are looked at."""
    return " ".join(filter(None, (_MARKS.sub("", word[:300]).strip() for word in words)))[:300]
