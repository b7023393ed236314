"""Upgrades an existing database.  A copy of it as it was is made first, for the way back; the migrations are one transaction."""

from __future__ import annotations

import logging
import shutil
import sqlite3
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

from trainbot.adapters.db.errors import explain
from trainbot.adapters.db.migrate import copy_of, revision_of, revisions, upgrade
from trainbot.core.errors import BackendError
from trainbot.core.files import draft_of
from trainbot.model.database_url import database_path

log = logging.getLogger(__name__)
PAGES = 2048  # copied at once: between two such steps progress is shown
SPARE = 16 << 20  # bytes left free on the disk
FAULTS = 3  # of SQLite's; one is enough

#: What is being done, how far it is, and of how much.
Progress = Callable[[str, int, int], None]


def upgrade_with_copy(url: str, progress: Progress = lambda what, at, of: None) -> None:
    """Upgrades the database to this program's schema, whoever opens it; a new one needs no copy.  Only for the writer.

    Killed or failing at any moment, it leaves the database as it was.  BackendError if the database is newer than this
    program, is damaged, or if there is no space for the copy and for what the migrations write.
    """
    path, before = database_path(url), revision_of(url)
    if path is not None and before is not None and before in revisions()[:-1]:
        copy = copy_of(path, before)
        _refuse_full_disk(url, path)
        log.info(
            "upgrading the database from schema %s to %s; as it is, it is kept in %s", before, revisions()[-1], copy
        )
        _copy(url, path, copy, progress)
    steps = revisions()[revisions().index(before) + 1 :] if before in revisions() else []

    def applied(revision: str) -> None:
        if revision in steps:
            progress("upgrading the database", steps.index(revision) + 1, len(steps))

    upgrade(url, applied)


def _refuse_full_disk(url: str, path: Path) -> None:
    """The copy takes as much as the database, and so does, at most, the write-ahead log of the migrations."""
    size = sum(part.stat().st_size for part in (path, path.with_name(path.name + "-wal")) if part.exists())
    needed, free = 2 * size + SPARE, shutil.disk_usage(path.parent).free
    if free < needed:
        raise BackendError(
            f"upgrading the database {url} takes {needed >> 20} MiB on its disk, with the copy that is made first, and "
            f"{free >> 20} MiB are free: free some space"
        )


def _copy(url: str, path: Path, copy: Path, progress: Progress) -> None:
    """Replaces ``copy`` with a checked copy of the database: one file that only its owner can read."""

    def shown(_status: int, left: int, pages: int) -> None:
        progress("copying the database", pages - left, pages)

    try:
        with draft_of(copy, 0o600) as draft:
            with closing(sqlite3.connect(path)) as database, closing(sqlite3.connect(draft)) as target:
                database.backup(target, pages=PAGES, progress=shown)
                target.execute("PRAGMA journal_mode=DELETE")  # a single file, without -wal and -shm
                rows = target.execute(f"PRAGMA quick_check({FAULTS})").fetchall()
            if rows != [("ok",)]:
                raise BackendError(
                    f"the database {url} is damaged and was not upgraded: trainbot db check shows the details, "
                    "trainbot db restore FILE restores a backup"
                )
    except OSError as error:
        raise BackendError(f"{copy} cannot be written ({error.strerror or error}): nothing was upgraded") from None
    except sqlite3.Error as error:
        raise BackendError(explain(url, error)) from None
