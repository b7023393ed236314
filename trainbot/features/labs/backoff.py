"""Keeps an image that failed to boot on a host from being tried there again for a while."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST, LONGEST = timedelta(minutes=1), timedelta(minutes=32)


class ImageBackoff:
    """Doubles the pause after each failure in a row; a success ends it.  Kept in memory only: after a restart, images
    are tried again."""

    def __init__(self) -> None:
        self._failures: dict[str, dict[str, tuple[int, datetime]]] = {}  # host -> version -> (in a row, until when)

    def failed(self, host: str, version: str, now: datetime) -> None:
        there = self._failures.setdefault(host, {})
        number, _until = there.get(version, (0, now))
        there[version] = (number + 1, now + min(FIRST * 2 ** min(number, 10), LONGEST))

    def works(self, host: str, version: str) -> None:
        self._failures.get(host, {}).pop(version, None)

    def clock_stepped(self, by: timedelta) -> None:
        for there in self._failures.values():
            there.update([(version, (number, until + by)) for version, (number, until) in there.items()])

    def at(self, host: str, now: datetime) -> frozenset[str]:
        """The versions that must not be placed on ``host`` now."""
        return frozenset(version for version, (_number, until) in self._failures.get(host, {}).items() if now < until)
