"""Feed and page, written where people find them as soon as anything in them changes.

With thousands of sessions that takes seconds: when it is due is decided in a turn of the bot, the work (``CalendarWriter``) is done
beside it, and what came of it (``CalendarPublished``) is an event again.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublishCalendar:
    """Both are to be as the sessions are by now."""

    at: datetime


@dataclass(frozen=True, slots=True)
class CalendarPublished:
    """They are; ``again_at``: when a session leaves the page.  ``error``: why they could not be written."""

    again_at: datetime | None = None
    error: Exception | None = None


class Publishing:
    """When it is to be done: one at a time, and again where something changed meanwhile."""

    def __init__(self) -> None:
        self._wanted, self._under_way = True, False
        self._again_at: datetime | None = None
        self._failed = ""

    def due(self, now: datetime, changed: bool) -> PublishCalendar | None:
        """``changed``: something is different in a session."""
        self._wanted |= changed or (self._again_at is not None and now >= self._again_at)
        if self._under_way or not self._wanted:
            return None
        self._wanted, self._under_way = False, True
        return PublishCalendar(now)

    def forget(self) -> None:
        """What was due was not begun."""
        self._wanted, self._under_way = True, False

    def done(self, event: CalendarPublished) -> None:
        """What cannot be written is said in the log once, and tried again."""
        self._under_way, self._again_at = False, event.again_at
        self._wanted |= event.error is not None
        said = str(event.error) if event.error is not None else ""
        if said and said != self._failed:
            log.error(
                "the calendar cannot be written: %s; I try again",
                said,
                exc_info=None if isinstance(event.error, OSError) else event.error,
            )
        self._failed = said
