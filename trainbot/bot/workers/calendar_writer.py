"""The calendar's files made in a thread, from a reader's connection of its own: turns go on meanwhile."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from trainbot.features.sessions.session_store import Book
from trainbot.features.sessions.publishing import Press, Publish, Published
from trainbot.adapters.db import Store


class Printing:
    """``post`` gets Published for each that was begun, unless we are closed before."""

    def __init__(self, url: str, channels: Callable[[], tuple[str, ...]], press: Press, folder: Path,
                 post: Callable[[Published], None]) -> None:
        self._url, self._channels, self._press, self._folder, self._post = url, channels, press, folder, post
        self._one = asyncio.Lock()  # what the press remembers is one thread's at a time
        self._running: set[asyncio.Task[None]] = set()

    def begin(self, wanted: Publish) -> None:
        task = asyncio.create_task(self._run(wanted))
        self._running.add(task)
        task.add_done_callback(self._running.discard)

    def close(self) -> None:
        for task in self._running:
            task.cancel()

    async def _run(self, wanted: Publish) -> None:
        async with self._one:
            self._post(await asyncio.to_thread(self._published, wanted))

    def _published(self, wanted: Publish) -> Published:
        try:
            store = Store(self._url, read_only=True)
        except Exception as error:
            return Published(error=error)
        try:
            with store.transaction():
                book = Book(store.sessions, store.settings, self._channels)
                return self._press.published(book, self._folder, wanted.at)
        except Exception as error:
            return Published(error=error)
        finally:
            store.close()
