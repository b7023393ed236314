"""Decides when the calendar feed and page are rewritten: as soon as anything in them changes.

With thousands of sessions writing takes seconds: a turn of the bot decides when it is due, ``CalendarWriter`` does it in
the background, and the result (``CalendarPublished``) comes back as an event.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from datetime import datetime

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class PublishCalendar:
    """Asks for feed and page to be rewritten from the current sessions."""

    at: datetime


@dataclass(frozen=True, slots=True)
class CalendarPublished:
    """Feed and page were written; ``again_at``: when a session leaves the page.  ``error``: why writing failed."""

    again_at: datetime | None = None
    error: Exception | None = None


class Publishing:
    """Schedules the writing: one at a time, and again if something changed meanwhile."""

    def __init__(self) -> None:
        self._wanted, self._under_way = True, False
        self._again_at: datetime | None = None
        self._failed = ""

    def due(self, now: datetime, changed: bool) -> PublishCalendar | None:
        """The request to write, if it is due.  ``changed``: a session has changed."""
        self._wanted |= changed or (self._again_at is not None and now >= self._again_at)
        if self._under_way or not self._wanted:
            return None
        self._wanted, self._under_way = False, True
        return PublishCalendar(now)

    def forget(self) -> None:
        """Called if the writing that was due was not started."""
        self._wanted, self._under_way = True, False

    def done(self, event: CalendarPublished) -> None:
        """Takes the result; each failure is logged once and retried."""
        self._under_way, self._again_at = False, event.again_at
        self._wanted |= event.error is not None
        said = str(event.error) if event.error is not None else ""
        if said and said != self._failed:
            log.error(
                "the calendar cannot be written: %s; trying again",
                said,
                exc_info=None if isinstance(event.error, OSError) else event.error,
            )
        self._failed = said
