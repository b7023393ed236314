"""Keeps an image that failed to boot on a host from being tried there again for a while."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST, LONGEST = timedelta(minutes=1), timedelta(minutes=32)


class ImageBackoff:
    """Doubles the pause after each failure in a row; a success ends it.  Kept in memory only: after a restart, images
    are tried again."""

    def __init__(self) -> None:
        self._failures: dict[tuple[str, str], int] = {}
        self._until: dict[tuple[str, str], datetime] = {}

    def failed(self, host: str, version: str, now: datetime) -> None:
        number = self._failures.get((host, version), 0)
        self._failures[host, version] = number + 1
        self._until[host, version] = now + min(FIRST * 2 ** min(number, 10), LONGEST)

    def works(self, host: str, version: str) -> None:
        self._failures.pop((host, version), None)
        self._until.pop((host, version), None)

    def at(self, host: str, now: datetime) -> frozenset[str]:
        """The versions that must not be placed on ``host`` now."""
        return frozenset(version for (there, version), until in self._until.items() if there == host and now < until)
