"""What the server says it can do (RPL_ISUPPORT 005), and how it compares names.

jaraco's ``FeatureSet`` parses the values.  It is fed one token at a time behind a guard, because it
raises on odd values, leaves out tokens without a value (``WHOX``), and would let a server replace
its methods by tokens of their names.
"""

from __future__ import annotations

import string
from collections.abc import Callable
from functools import lru_cache

from irc.features import FeatureSet

MOST = 200  # features that are kept: no server has as many
SHORTEST_LINE, LONGEST_LINE = 512, 4096  # octets that LINELEN may say: RFC 2812's, and what we take for sane
SHORTEST_TOPIC, TOPIC_OCTETS = 80, 380  # what TOPICLEN may say, and what the common networks keep
_ASCII = (string.ascii_uppercase, string.ascii_lowercase)
_FOLDS = {
    "ascii": str.maketrans(*_ASCII),
    "strict-rfc1459": str.maketrans(_ASCII[0] + "[]\\", _ASCII[1] + "{}|"),
    "rfc1459": str.maketrans(_ASCII[0] + "[]\\^", _ASCII[1] + "{}|~"),
}


def _folding(mapping: str) -> Callable[[str], str]:
    """Remembers names: each line of the server is about a few of them, several times."""
    table = _FOLDS.get(mapping, _FOLDS["ascii"])
    return lru_cache(2000)(lambda name: name.translate(table))


class Features:
    """The features of one connection.  Until the server has spoken: RFC 1459's."""

    def __init__(self) -> None:
        self._set = FeatureSet()
        self._fold = _folding("rfc1459")
        self._settled = False
        self._names: set[str] = set()

    def load(self, params: tuple[str, ...]) -> None:
        """Takes the parameters of a 005 (our nick first, a sentence last).  Never raises."""
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

    def settle(self) -> None:
        """From now on the case mapping stays: names are stored under it."""
        self._settled = True

    def fold(self, name: str) -> str:
        """``name`` as the server compares it."""
        return self._fold(name)

    def has(self, name: str) -> bool:
        return bool(getattr(self._set, name.lower(), False))

    @property
    def channel_types(self) -> str:
        types = getattr(self._set, "chantypes", "#&")
        return types if isinstance(types, str) and types else "#&"

    @property
    def status_marks(self) -> str:
        """Marks that may stand before a channel's name as a target (``@#channel``)."""
        marks = getattr(self._set, "statusmsg", "")
        return "".join(mark for mark in marks if mark not in self.channel_types) if isinstance(marks, str) else ""

    @property
    def network(self) -> str:
        name = getattr(self._set, "network", "")
        return name if isinstance(name, str) else ""

    @property
    def line_octets(self) -> int:
        """Of a line with CR LF (LINELEN), 512 where the server does not say or is not to be believed."""
        return min(LONGEST_LINE, max(SHORTEST_LINE, self._number("linelen", SHORTEST_LINE)))

    @property
    def topic_octets(self) -> int:
        """Of a topic (TOPICLEN), as far as we would use it."""
        return min(TOPIC_OCTETS, max(SHORTEST_TOPIC, self._number("topiclen", TOPIC_OCTETS)))

    def nick(self, wanted: str) -> str:
        """``wanted`` as the server will cut it (NICKLEN)."""
        return wanted[: self._number("nicklen", 0) or None]

    def _number(self, name: str, default: int) -> int:
        value = getattr(self._set, name, default)
        return value if type(value) is int else default  # LINELEN= is True

    @property
    def bot_mode(self) -> str:
        """The letter of the user mode that marks a bot (IRCv3 bot-mode), '' where there is none."""
        letter = getattr(self._set, "bot", "")
        return letter if isinstance(letter, str) and len(letter) == 1 and letter.isalpha() else ""

    @property
    def marks(self) -> dict[str, str]:
        """Mark before a nick -> letter of the mode that it stands for, highest first (PREFIX)."""
        marks = getattr(self._set, "prefix", None)
        return dict(marks) if isinstance(marks, dict) else {}

    def is_list(self, letter: str) -> bool:
        """Whether this mode of a channel is a list, as of bans (CHANMODES, the first kind)."""
        return letter in self._mode_kinds[0]

    def takes_argument(self, letter: str, sign: str) -> bool:
        """Whether this mode is followed by a word (CHANMODES: lists, always, when set, never)."""
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
