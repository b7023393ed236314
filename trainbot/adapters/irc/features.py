"""The features that the server announces (RPL_ISUPPORT 005), and how it compares names.

jaraco's ``FeatureSet`` parses the values.  It is fed one token at a time inside a guard, because it raises on odd
values, ignores tokens without a value (``WHOX``), and would let a server replace its methods with tokens of the same
name.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from functools import lru_cache

from irc.features import FeatureSet

MOST = 200  # features kept: no server has that many
SHORTEST_LINE, LONGEST_LINE = 512, 4096  # octets accepted for LINELEN: RFC 2812's limit, and a sane maximum
SHORTEST_TOPIC, TOPIC_OCTETS = 80, 380  # octets: the lowest TOPICLEN used, and what common networks keep
_ASCII = (string.ascii_uppercase, string.ascii_lowercase)
_FOLDS = {
    "ascii": str.maketrans(*_ASCII),
    "strict-rfc1459": str.maketrans(_ASCII[0] + "[]\\", _ASCII[1] + "{}|"),
    "rfc1459": str.maketrans(_ASCII[0] + "[]\\^", _ASCII[1] + "{}|~"),
}


def _folding(mapping: str) -> Callable[[str], str]:
    """Returns a folding function that caches names, because each line from the server uses a few of them several
    times."""
    table = _FOLDS.get(mapping, _FOLDS["ascii"])
    return lru_cache(2000)(lambda name: name.translate(table))


class Features:
    """The features of one connection; those of RFC 1459 until the server announces its own."""

    def __init__(self) -> None:
        self._set = FeatureSet()
        self._fold = _folding("rfc1459")
        self._settled = False
        self._names: set[str] = set()
        self.channel_types = "#&"
        self.status_marks = ""
        """The marks that may precede a channel's name in a target (``@#channel``)."""
        self.line_octets = SHORTEST_LINE
        """The longest line in octets, CR LF included (LINELEN): at least 512, which is also the default, and at most
        4096."""

    def load(self, params: tuple[str, ...]) -> None:
        """Loads the parameters of a 005 (our nick first, a sentence last).  Never raises."""
        for token in params[1:-1]:
            name, sep, value = token.partition("=")
            plain = name.lstrip("-").lower()
            if (
                not plain.isalnum()
                or hasattr(FeatureSet, plain)
                or (len(self._names) >= MOST and plain not in self._names)
            ):
                continue
            self._names.add(plain)
            try:
                if sep or name.startswith("-"):
                    self._set.load_feature(token)
                else:
                    self._set.set(name)
            except (ValueError, IndexError, KeyError):
                continue
            if plain == "casemapping" and not self._settled:
                self._fold = _folding(value.lower())
        self.line_octets = min(LONGEST_LINE, max(SHORTEST_LINE, self._number("linelen", SHORTEST_LINE)))
        self.channel_types = self._text("chantypes") or "#&"
        self.status_marks = "".join(mark for mark in self._text("statusmsg") if mark not in self.channel_types)

    def settle(self) -> None:
        """Fixes the case mapping from now on, because names are stored under it."""
        self._settled = True

    def fold(self, name: str) -> str:
        """Returns ``name`` folded as the server compares names."""
        return self._fold(name)

    def has(self, name: str) -> bool:
        return bool(getattr(self._set, name.lower(), False))

    @property
    def network(self) -> str:
        return self._text("network")

    def _text(self, name: str) -> str:
        value = getattr(self._set, name, "")
        return value if isinstance(value, str) else ""

    @property
    def topic_octets(self) -> int:
        """The longest topic in octets (TOPICLEN), limited to what we would use."""
        return min(TOPIC_OCTETS, max(SHORTEST_TOPIC, self._number("topiclen", TOPIC_OCTETS)))

    def nick(self, wanted: str) -> str:
        """Returns ``wanted`` truncated as the server will truncate it (NICKLEN)."""
        return wanted[: self._number("nicklen", 0) or None]

    def _number(self, name: str, default: int) -> int:
        value = getattr(self._set, name, default)
        return value if type(value) is int else default  # LINELEN= is True

    @property
    def bot_mode(self) -> str:
        """The letter of the user mode that marks a bot (IRCv3 bot-mode), '' if there is none."""
        letter = getattr(self._set, "bot", "")
        return letter if isinstance(letter, str) and len(letter) == 1 and letter.isalpha() else ""

    @property
    def marks(self) -> dict[str, str]:
        """Maps each mark before a nick to the mode letter that it stands for, highest first (PREFIX)."""
        marks = getattr(self._set, "prefix", None)
        return dict(marks) if isinstance(marks, dict) else {}

    def is_list(self, letter: str) -> bool:
        """Whether this channel mode is a list, such as bans (CHANMODES, the first kind)."""
        return letter in self._mode_kinds[0]

    def takes_argument(self, letter: str, sign: str) -> bool:
        """Whether this mode takes an argument (CHANMODES: lists, always, when set, never)."""
        lists, always, when_set = self._mode_kinds
        return letter in self.marks.values() or letter in lists + always or (sign == "+" and letter in when_set)

    @property
    def _mode_kinds(self) -> tuple[str, str, str]:
        kinds = getattr(self._set, "chanmodes", None)
        if not isinstance(kinds, list) or len(kinds) < 3:
            return "beI", "k", "l"
        return kinds[0], kinds[1], kinds[2]

    def is_channel(self, target: str) -> bool:
        return target[:1] != "" and target[0] in self.channel_types
