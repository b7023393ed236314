"""``trainbot schedule publish``: publishes the sessions in the database, after reading the files if no bot runs."""

from __future__ import annotations

import uuid
from datetime import datetime
from pathlib import Path

from trainbot.adapters.calendars.feed import FEED, PAGE, where_of
from trainbot.adapters.calendars.schedule_folder import ScheduleFolder
from trainbot.adapters.db import Store
from trainbot.adapters.db.migrate import refuse_newer
from trainbot.adapters.db.opening import open_store, refuse_missing
from trainbot.adapters.scenario_files.library import ExerciseFolder
from trainbot.bot.installation import images_of
from trainbot.bot.workers.calendar_writer import CalendarFiles
from trainbot.config import Config
from trainbot.core.access import Person
from trainbot.core.errors import BackendError, UserError
from trainbot.core.messages import Sender
from trainbot.features.sessions.announcements import Announcements
from trainbot.features.sessions.invitations import Invitations
from trainbot.features.sessions.schedule_reader import ScheduleReader
from trainbot.features.sessions.session_store import SessionStore
from trainbot.features.sessions.signups import SignUps
from trainbot.model.lab import Lab
from trainbot.model.session import PublishedSession


def publish(config: Config, folder: Path, now: datetime) -> str:
    """Writes feed and page to ``folder`` if they changed; returns a sentence about it."""
    if folder.resolve() == config.schedule.folder.resolve():
        raise UserError(
            f"{folder} is the schedule folder, and the bot would read its own calendar from it: choose another folder"
        )
    before = [_content(folder / name) for name in (FEED, PAGE)]
    store, ours = _open(config)
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


def _open(config: Config) -> tuple[Store, bool]:
    """The store, and whether we may write to it: not while a bot runs."""
    url, state = config.store.url, config.store.state
    refuse_missing(url, state)
    try:
        return open_store(url, state), True
    except BackendError:
        return Store(url, read_only=True), False


def _read_files(config: Config, store: Store, now: datetime) -> None:
    """Reads changes from the files; the bot announces them when it runs."""
    if store.settings.get("owner") is None:
        store.settings.set("owner", str(uuid.uuid4()))
    book = SessionStore(store, config.irc.class_channels)
    signups = SignUps(store, book, config, ExerciseFolder(config.exercises, images_of(config)[0]), WithoutLabs())
    announcing = Announcements(store, Invitations(store, signups, Nobody()), config.schedule)
    ScheduleReader(announcing, ScheduleFolder(config.schedule)).reload(now)


class WithoutLabs:
    """Stands in for labs: without a bot there are none."""

    def has_labs(self, image: str) -> bool:
        return False

    def holds(self, now: datetime) -> tuple[int, int]:
        return 0, 0

    def lab_of(self, person_id: int, image: str) -> Lab | None:
        return None


class Nobody:
    """Stands in for the people in the channels: without a bot none are seen."""

    def learners(self, channel: str) -> list[Sender]:
        return []

    def known(self, sender: Sender) -> Person | None:
        return None


def _write(config: Config, store: Store, folder: Path, now: datetime) -> list[PublishedSession]:
    files = CalendarFiles(where_of(config, store.settings.get("owner") or ""), config.schedule, folder)
    return files.publish(SessionStore(store, config.irc.class_channels), now)
