"""Writes the calendar's files in a thread, with its own read-only connection, so that turns go on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime
from pathlib import Path

from trainbot.adapters.calendars.feed import FEED, PAGE, Feed, FeedOptions, since
from trainbot.adapters.db import Store
from trainbot.bot.pages.sessions_page import page
from trainbot.core.files import write_whole
from trainbot.core.tasks import Tasks
from trainbot.features.sessions.publishing import CalendarPublished, PublishCalendar
from trainbot.features.sessions.session_store import SessionStore
from trainbot.model.config import IrcConfig, ScheduleConfig, StoreConfig
from trainbot.model.session import PublishedSession


class CalendarFiles:
    def __init__(self, where: FeedOptions, schedule: ScheduleConfig, folder: Path) -> None:
        self.where, self.zones, self.folder = where, schedule.zones, folder
        self.feed = Feed(where, schedule.offsets)

    def publish(self, session_store: SessionStore, now: datetime) -> list[PublishedSession]:
        """Writes the files that have changed; returns the sessions in the feed.  OSError if a file cannot be
        written."""
        entries = session_store.published(since(now))
        before = self._read(PAGE) or b""
        made = {FEED: self.feed.text(entries), PAGE: page(entries, self.where, self.zones, now, before)}
        for name, content in made.items():
            if self._read(name) != content:
                self.write(self.folder / name, content)
        return entries

    def _read(self, name: str) -> bytes | None:
        path = self.folder / name
        return path.read_bytes() if path.exists() else None

    def write(self, path: Path, content: bytes) -> None:
        """Writes the file completely or leaves it as it was; OSError if it cannot be written."""
        write_whole(path, content)

    def published(self, session_store: SessionStore, now: datetime) -> CalendarPublished:
        """Calls ``publish`` and returns the outcome as an event, whether it succeeds or fails."""
        try:
            ends = [entry.session.end for entry in self.publish(session_store, now) if entry.session.end > now]
        except Exception as error:
            return CalendarPublished(error=error)
        return CalendarPublished(min([since(now.replace(year=now.year + 2, day=1)), *ends]))


class CalendarWriter:
    """``post`` gets a CalendarPublished for each task begun, unless this is closed first."""

    def __init__(
        self,
        store: StoreConfig,
        irc: IrcConfig,
        calendar_files: CalendarFiles,
        post: Callable[[CalendarPublished], None],
    ) -> None:
        self._url, self._channels, self._calendar_files, self._post = (
            store.url,
            irc.class_channels,
            calendar_files,
            post,
        )
        self._one = asyncio.Lock()  # Feed's cache may be used by only one thread at a time
        self._tasks = Tasks()

    def begin(self, wanted: PublishCalendar) -> None:
        self._tasks.start(self._run(wanted), "writing the calendar")

    async def close(self) -> None:
        await self._tasks.close()

    async def _run(self, wanted: PublishCalendar) -> None:
        async with self._one:
            self._post(await asyncio.to_thread(self._published, wanted))

    def _published(self, wanted: PublishCalendar) -> CalendarPublished:
        try:
            store = Store(self._url, read_only=True)
        except Exception as error:
            return CalendarPublished(error=error)
        try:
            with store.transaction():
                session_store = SessionStore(store, self._channels)
                return self._calendar_files.published(session_store, wanted.at)
        except Exception as error:
            return CalendarPublished(error=error)
        finally:
            store.close()
