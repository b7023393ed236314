"""The events that wait for a turn, in the order in which they came."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from itertools import chain, islice

from trainbot.bot.events import Event


class Inbox:
    """``at`` and ``until``: seconds of one clock that never goes backwards."""

    def __init__(self) -> None:
        self._kept: deque[Event] = deque()  # overdue, but nobody waits for an answer; older than the others
        self._waiting: deque[tuple[float, Event]] = deque()

    def __len__(self) -> int:
        return len(self._kept) + len(self._waiting)

    def __bool__(self) -> bool:
        return bool(self._waiting or self._kept)

    def put(self, event: Event, at: float) -> None:
        self._waiting.append((at, event))

    def first(self, most: int) -> list[Event]:
        """The oldest events.  They stay until ``remove``."""
        return list(islice(chain(self._kept, (event for _at, event in self._waiting)), most))

    def remove(self, number: int) -> None:
        """Removes the oldest ``number`` events: they have been handled."""
        for _ in range(number):
            if self._kept:
                self._kept.popleft()
            else:
                self._waiting.popleft()

    def overdue(self, until: float) -> list[Event]:
        """Takes out the events that came at ``until`` or before, each only once.  What is still to be handled goes back
        with ``keep``."""
        found: list[Event] = []
        while self._waiting and self._waiting[0][0] <= until:
            found.append(self._waiting.popleft()[1])
        return found

    def keep(self, events: Iterable[Event]) -> None:
        self._kept.extend(events)
