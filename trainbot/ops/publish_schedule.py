"""``trainbot schedule publish``: publishes the sessions in the database, after reading the files if no bot runs."""

from __future__ import annotations

import uuid
from datetime import datetime
from pathlib import Path

from trainbot.adapters.calendars.feed import FEED, PAGE, where_of
from trainbot.adapters.calendars.schedule_folder import ScheduleFolder
from trainbot.adapters.db import Store
from trainbot.adapters.db.migrate import refuse_newer, upgrade
from trainbot.adapters.scenario_files.library import ExerciseFolder
from trainbot.bot.workers.calendar_writer import CalendarFiles
from trainbot.config import Config
from trainbot.core.errors import BackendError, UserError
from trainbot.features.sessions.announcements import Announcements
from trainbot.features.sessions.schedule_reader import ScheduleReader
from trainbot.features.sessions.session_store import SessionStore
from trainbot.features.sessions.signups import SignUps
from trainbot.model.session import PublishedSession


def publish(config: Config, folder: Path, now: datetime) -> str:
    """Writes feed and page to ``folder`` if they changed; returns a sentence about it."""
    if folder.resolve() == config.schedule.folder.resolve():
        raise UserError(
            f"{folder} is the schedule folder, and the bot would read its own calendar from it: choose another folder"
        )
    before = [_content(folder / name) for name in (FEED, PAGE)]
    store, ours = _open(config.store.url)
    try:
        with store.transaction():
            if ours:
                _read_files(config, store, now)
            else:
                refuse_newer(config.store.url, store.connection)
            entries = _write(config, store, folder, now)
    except OSError as error:
        raise BackendError(f"cannot write to {folder}: {error.strerror}") from None
    finally:
        store.close()
    same = before == [_content(folder / name) for name in (FEED, PAGE)]
    number = "one session" if len(entries) == 1 else f"{len(entries)} sessions"
    return f"{number} in {folder / FEED} and {folder / PAGE}" + (", unchanged" if same else "")


def _content(path: Path) -> bytes | None:
    return path.read_bytes() if path.exists() else None


def _open(url: str) -> tuple[Store, bool]:
    """The store, and whether we may write to it: not while a bot runs."""
    store = Store(url)
    try:
        store.lock()
        store.connection.rollback()
        upgrade(url)
        return store, True
    except BackendError:
        store.close()
        return Store(url, read_only=True), False


def _read_files(config: Config, store: Store, now: datetime) -> None:
    """Reads changes from the files; the bot announces them when it runs."""
    if store.settings.get("owner") is None:
        store.settings.set("owner", str(uuid.uuid4()))
    book = SessionStore(store, config.irc.class_channels)
    signups = SignUps(store, book, config, ExerciseFolder(config.exercises.folder), WithoutLabs())
    announcing = Announcements(book, store, signups, config.schedule)
    ScheduleReader(announcing, ScheduleFolder(config.schedule.folder)).reload(now)


class WithoutLabs:
    """Stands in for labs: without a bot there are none."""

    def has_labs(self, image: str) -> bool:
        return False

    def holds(self, now: datetime) -> tuple[int, int]:
        return 0, 0


def _write(config: Config, store: Store, folder: Path, now: datetime) -> list[PublishedSession]:
    files = CalendarFiles(where_of(config, store.settings.get("owner") or ""), config.schedule, folder)
    return files.publish(SessionStore(store, config.irc.class_channels), now)
