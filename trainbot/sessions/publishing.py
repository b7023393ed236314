"""Feed and page, written where people find them as soon as anything in them changes."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from trainbot.sessions.book import Book
from trainbot.sessions.feed import FEED, PAGE, Entry, Feed, Where, since
from trainbot.sessions.page import page
from trainbot.sessions.reminders import Offset

log = logging.getLogger(__name__)


class Publishing:
    """``write(path, content)``: the file is there whole, or as it was before; OSError where it cannot be."""

    def __init__(self, book: Book, where: Where, zones: tuple[str, ...], offsets: Sequence[Offset],
                 write: Callable[[Path, bytes], None]) -> None:
        self.book, self.where, self.zones, self.write = book, where, zones, write
        self.feed = Feed(where, offsets)
        self._again_at: datetime | None = None  # a session is over then, and leaves the page
        self._failed = ""

    def settle(self, folder: Path, now: datetime, changed: bool) -> None:
        """Both as they should be by now; what cannot be written is said in the log once, and tried again."""
        if not changed and self._again_at is not None and now < self._again_at:
            return
        try:
            entries = self.publish(folder, now)
        except OSError as error:
            if self._failed != str(error):
                log.error("the calendar in %s cannot be written: %s; I try again", folder, error)
            self._failed, self._again_at = str(error), None
            return
        self._failed = ""
        ends = [entry.session.end for entry in entries if entry.session.end > now]
        self._again_at = min([since(now.replace(year=now.year + 2, day=1)), *ends])

    def publish(self, folder: Path, now: datetime) -> list[Entry]:
        """Writes what differs; the sessions that are in the feed.  OSError where a file cannot be written."""
        entries = self.book.published(since(now))
        for name, content in ((FEED, self.feed.text(entries)), (PAGE, page(entries, self.where, self.zones, now))):
            path = folder / name
            if not path.exists() or path.read_bytes() != content:
                self.write(path, content)
        return entries
