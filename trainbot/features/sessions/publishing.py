"""Feed and page, written where people find them as soon as anything in them changes.

With thousands of sessions that takes seconds: when it is due is decided in a turn of the bot, the work (``Press``) is done
beside it, and what came of it (``Published``) is an event again.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from trainbot.features.sessions.session_store import Book
from trainbot.adapters.calendars.feed import FEED, PAGE, Entry, Feed, Where, since
from trainbot.bot.pages.sessions_page import page
from trainbot.features.sessions.reminders import Offset

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Publish:
    """Both are to be as the sessions are by now."""

    at: datetime


@dataclass(frozen=True, slots=True)
class Published:
    """They are; ``again_at``: when a session leaves the page.  ``error``: why they could not be written."""

    again_at: datetime | None = None
    error: Exception | None = None


class Publishing:
    """When it is to be done: one at a time, and again where something changed meanwhile."""

    def __init__(self) -> None:
        self._wanted, self._under_way = True, False
        self._again_at: datetime | None = None
        self._failed = ""

    def due(self, now: datetime, changed: bool) -> Publish | None:
        """``changed``: something is different in a session."""
        self._wanted |= changed or (self._again_at is not None and now >= self._again_at)
        if self._under_way or not self._wanted:
            return None
        self._wanted, self._under_way = False, True
        return Publish(now)

    def forget(self) -> None:
        """What was due was not begun."""
        self._wanted, self._under_way = True, False

    def done(self, event: Published) -> None:
        """What cannot be written is said in the log once, and tried again."""
        self._under_way, self._again_at = False, event.again_at
        self._wanted |= event.error is not None
        said = str(event.error) if event.error is not None else ""
        if said and said != self._failed:
            log.error("the calendar cannot be written: %s; I try again", said,
                      exc_info=None if isinstance(event.error, OSError) else event.error)
        self._failed = said


class Press:
    """``write(path, content)``: the file is there whole, or as it was before; OSError where it cannot be."""

    def __init__(self, where: Where, zones: tuple[str, ...], offsets: Sequence[Offset],
                 write: Callable[[Path, bytes], None]) -> None:
        self.where, self.zones, self.write = where, zones, write
        self.feed = Feed(where, offsets)

    def publish(self, book: Book, folder: Path, now: datetime) -> list[Entry]:
        """Writes what differs; the sessions that are in the feed.  OSError where a file cannot be written."""
        entries = book.published(since(now))
        for name, content in ((FEED, self.feed.text(entries)), (PAGE, page(entries, self.where, self.zones, now))):
            path = folder / name
            if not path.exists() or path.read_bytes() != content:
                self.write(path, content)
        return entries

    def published(self, book: Book, folder: Path, now: datetime) -> Published:
        """The same, as an event, whatever comes of it."""
        try:
            ends = [entry.session.end for entry in self.publish(book, folder, now) if entry.session.end > now]
        except Exception as error:
            return Published(error=error)
        return Published(min([since(now.replace(year=now.year + 2, day=1)), *ends]))
