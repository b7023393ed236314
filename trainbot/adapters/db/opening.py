"""Opens the database to write to it, and notices first what has become of it since the last time.

SQLite itself would create a missing database, and drop what it cannot read of the write-ahead log, without a word.
"""

from __future__ import annotations

import json
import logging
import os
import shutil
import sqlite3
from contextlib import suppress
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from pathlib import Path

from sqlalchemy.exc import SQLAlchemyError

from trainbot.adapters.db.engine import Store
from trainbot.adapters.db.errors import DatabaseLocked, explain
from trainbot.adapters.db.lock import lock_of
from trainbot.adapters.db.migrate import version
from trainbot.adapters.db.upgrading import Progress, upgrade_with_copy
from trainbot.adapters.db.wal import read_wal
from trainbot.core import heartbeat
from trainbot.core.errors import BackendError
from trainbot.core.heartbeat import Heartbeat
from trainbot.model.database_url import database_path

log = logging.getLogger(__name__)
LOCKED = 60.0  # seconds that a start waits for another program that is writing
LOSS = "loss"  # the setting that holds the latest loss
_GONE = (
    "the database {} is {}, but {} belongs to one: put it back, restore a backup with trainbot db restore FILE, or start with an empty "
    "one with trainbot run --new"
)


@dataclass(frozen=True, slots=True)
class Loss:
    """What was stored and is missing: from ``since`` to ``until`` (UTC).  ``commits``: how many transactions, 0 if that
    is unknown; ``why``: a clause; ``found``: when it was noticed."""

    since: datetime
    until: datetime
    commits: int
    why: str
    found: datetime

    @property
    def sentence(self) -> str:
        """For staff and for the log."""
        times = " to ".join(f"{at:%d %b %H:%M:%S}" for at in (self.since, self.until))
        return f"what was asked, answered or given out from {times} UTC may be missing from my database ({self.why})"


def refuse_missing(url: str, state: Path) -> None:
    """BackendError if the database is gone or empty although this state folder belongs to one, or if something else is in
    its place.  Opens nothing."""
    path = database_path(url)
    if path is not None and path.exists() and not path.is_file():
        what = "a folder" if path.is_dir() else "not a regular file"
        raise BackendError(
            f"the database {url} is {what}: move it away, and put the database back or restore a backup with trainbot db "
            "restore FILE"
        )
    if path is None or not heartbeat.is_there(state):
        return
    if path.exists() and path.stat().st_size:
        return
    raise BackendError(_GONE.format(url, "empty" if path.exists() else "missing", state))


def begin_anew(url: str, state: Path, now: datetime) -> None:
    """Lets the next start create a new database.  The write-ahead log of one that is gone gets another name, since SQLite
    would take it for the new one's.  BackendError if there is a database, or another process uses it."""
    path = database_path(url)
    if path is not None:
        if path.exists() and path.stat().st_size:
            raise BackendError(
                f"there is a database ({url}), which trainbot run uses: move it away first, then use --new"
            )
        os.close(lock_of(url))
        ahead = path.with_name(path.name + "-wal")
        if ahead.exists():
            kept = path.with_name(f"{path.name}.before-{now.astimezone(UTC):%Y%m%dT%H%M%S.%fZ}-wal")
            ahead.rename(kept)
            log.warning("kept what is left of the database before: %s", kept)
        path.with_name(path.name + "-shm").unlink(missing_ok=True)
    heartbeat.forget(state)


def accept(url: str, state: Path) -> None:
    """Takes the database for what it is: whatever it lacks is missing on purpose."""
    if state.is_dir():
        store = Store(url, read_only=True)
        try:
            _counted(store, state, heartbeat.read(state))
        except OSError as error:
            raise BackendError(f"{state / heartbeat.NAME} cannot be written ({error.strerror})") from None
        finally:
            store.close()


def open_store(url: str, state: Path, progress: Progress = lambda what, at, of: None) -> Store:
    """Opens the store as the only writer, with this program's schema (``upgrade_with_copy``, which tells its
    ``progress``).  What is found to be missing is stored as LOSS, and logged.

    Raises BackendError (one sentence) if another process writes, if the database is missing (``refuse_missing``), from a
    newer trainbot, or cannot be used.
    """
    refuse_missing(url, state)
    os.close(lock_of(url))  # before anything is changed
    found, beat = damage(url, keep=True), heartbeat.read(state)
    store = Store(url)
    try:
        store.lock()
        _wait_for_others(store)
        if version(url, store.connection) is None and heartbeat.is_there(state):
            raise BackendError(_GONE.format(url, "empty", state))
        store.connection.rollback()
        upgrade_with_copy(url, progress)
        loss = lost(store, beat, found, datetime.now(UTC))
        if loss is not None:
            log.error("%s", loss.sentence)
            with store.transaction():
                store.settings.set(LOSS, _to_json(loss))
        with suppress(OSError):  # the bot writes it again in a second, and says so if it cannot
            if state.is_dir():
                _counted(store, state, beat)
    except BaseException as error:
        store.close()
        if isinstance(error, SQLAlchemyError | sqlite3.Error):
            raise BackendError(explain(url, error)) from error
        raise
    return store


def _wait_for_others(store: Store) -> None:
    """Returns when no other program is writing.  DatabaseLocked if one still is after ``LOCKED`` seconds."""
    try:
        with store.transaction():
            return
    except DatabaseLocked as error:
        log.warning("%s; waiting for it for %.0f s at most", error, LOCKED)
    with store.transaction(LOCKED):
        log.info("the database can be written again")


def lost(store: Store, beat: Heartbeat | None, damaged: tuple[str, datetime] | None, now: datetime) -> Loss | None:
    """What the database lacks by the last heartbeat, or because its log is ``damaged`` (how, when it was last written)."""
    since = store.committed_at or now
    if damaged is not None:
        what, at = damaged
        gone = max(beat.commits - store.commits, 0) if beat is not None else 0
        return Loss(min(since, at), max(at, beat.at if beat is not None else since), gone, what, now)
    if beat is None or store.commits >= beat.commits:
        return None
    number = beat.commits - store.commits
    why = f"it is older than what I had stored: {number} {'change is' if number == 1 else 'changes are'} gone"
    return Loss(min(since, beat.at), beat.at, number, why, now)


def _counted(store: Store, state: Path, beat: Heartbeat | None) -> None:
    """Writes how much is stored now.  The clocks stay those that the bot last saw, because its next start compares them."""
    now = heartbeat.heartbeat(store.commits)
    heartbeat.write(state, now if beat is None else replace(beat, commits=now.commits))


def loss_of(store: Store) -> Loss | None:
    """The latest loss that was noticed at a start."""
    try:
        value = json.loads(store.settings.get(LOSS) or "null")
        return value and Loss(
            datetime.fromisoformat(value["since"]),
            datetime.fromisoformat(value["until"]),
            int(value["commits"]),
            str(value["why"]),
            datetime.fromisoformat(value["found"]),
        )
    except (ValueError, TypeError, KeyError):
        return None


def _to_json(loss: Loss) -> str:
    times = {name: getattr(loss, name).isoformat() for name in ("since", "until", "found")}
    return json.dumps({**times, "commits": loss.commits, "why": loss.why})


def damage(url: str, *, keep: bool = False) -> tuple[str, datetime] | None:
    """The damage of the write-ahead log, and when that was last written to.  ``keep``: a copy of it is made first, since the
    next transaction overwrites it."""
    path = database_path(url)
    if path is None:
        return None
    ahead = path.with_name(path.name + "-wal")
    try:
        what = read_wal(ahead).damage
        if not what:
            return None
        written = datetime.fromtimestamp(ahead.stat().st_mtime, UTC)
        if not keep:
            return what, written
        kept = ahead.with_name(f"{ahead.name}.damaged-{written:%Y%m%dT%H%M%SZ}")
        shutil.copyfile(ahead, kept)
        kept.chmod(0o600)
    except OSError as error:
        raise BackendError(f"{ahead} cannot be read or copied ({error.strerror}): look at that disk") from None
    return f"{what}; a copy is kept in {kept}", written
