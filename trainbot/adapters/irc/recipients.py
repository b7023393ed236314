"""How many people the network lets us write to first.  Pure; times are monotonic seconds.

Solanum and charybdis (Libera.Chat; their ``tgchange``) remember the last ten people we wrote to and allow one new one a
minute; a message to one too many is dropped with numeric 707 (ircu: 439).  Members of a channel in which we are voiced,
and people who wrote to us, do not count.
"""

from __future__ import annotations

import re
from collections import OrderedDict
from collections.abc import Callable

AT_ONCE = 10
EVERY = 60.0  # seconds until there is room for one more
LIMITING = re.compile("solanum|charybdis|u2\\.10", re.IGNORECASE)  # server software (004) that has this limit
_MOST_WRITERS = 500


class Recipients:
    """The people we write to on one connection.  ``exempt``: whether a nick shares a channel with us in which we are
    voiced."""

    def __init__(self, fold: Callable[[str], str], exempt: Callable[[str], bool]) -> None:
        self._fold, self._exempt = fold, exempt
        self._limited = False
        self._room, self._counted_at = float(AT_ONCE), 0.0
        self._spoken_to: OrderedDict[str, None] = OrderedDict()
        self._writers: OrderedDict[str, None] = OrderedDict()

    def server(self, program: str) -> None:
        self._limited = self._limited or bool(LIMITING.search(program))

    def heard(self, nick: str) -> None:
        """Records that ``nick`` wrote to us, so that we may answer."""
        _remember(self._writers, self._fold(nick), _MOST_WRITERS)

    def may(self, nick: str, now: float) -> bool:
        if (
            not self._limited
            or self._fold(nick) in self._spoken_to
            or self._fold(nick) in self._writers
            or self._exempt(nick)
        ):
            return True
        self._gain(now)
        return self._room >= 1

    def said(self, nick: str, now: float) -> None:
        if self._limited and self._fold(nick) not in self._writers and not self._exempt(nick):
            self._gain(now)
            self._room -= self._fold(nick) not in self._spoken_to
            _remember(self._spoken_to, self._fold(nick), AT_ONCE)

    def refused(self, nick: str, now: float) -> None:
        """Handles a message to ``nick`` that the network dropped: there is no room now, whatever we calculated."""
        self._limited, self._room, self._counted_at = True, 0.0, now
        self._spoken_to.pop(self._fold(nick), None)
        self._writers.pop(self._fold(nick), None)

    def _gain(self, now: float) -> None:
        self._room = min(float(AT_ONCE), self._room + max(0.0, now - self._counted_at) / EVERY)
        self._counted_at = max(now, self._counted_at)


def _remember(nicks: OrderedDict[str, None], nick: str, most: int) -> None:
    nicks[nick] = None
    nicks.move_to_end(nick)
    while len(nicks) > most:
        nicks.popitem(last=False)
