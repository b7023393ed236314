"""Which image is not tried on which host for a while: it did not come up there."""

from __future__ import annotations

from datetime import datetime, timedelta

FIRST, LONGEST = timedelta(minutes=1), timedelta(minutes=32)


class ImageBackoff:
    """Doubles the pause with each failure in a row; one success ends it.  In memory alone: a restart tries again."""

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
        """The versions that ``host`` is not to be given now."""
        return frozenset(version for (there, version), until in self._until.items() if there == host and now < until)
