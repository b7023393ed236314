"""Makes the database of a copy: the file as it was when the copy was made, and every change that came after it."""

from __future__ import annotations

import hashlib
import os
import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path
from tempfile import NamedTemporaryFile

from trainbot.adapters.copies.folder import DATABASE, SCRATCH, Copy
from trainbot.adapters.db.migrate import revisions
from trainbot.adapters.db.upkeep import faults_of
from trainbot.adapters.db.wal import HEADER, WalReplay
from trainbot.core.errors import BackendError

_CHUNK = 1 << 20


@dataclass(frozen=True, slots=True)
class Rebuilt:
    """``commits``: how many transactions its database holds; ``owner``: the installation's id in it."""

    commits: int
    bytes: int
    schema: str
    owner: str


def rebuild(copy: Copy, target: Path) -> Rebuilt:
    """Writes the database of ``copy`` to ``target`` (an empty file that is there), as one file, and checks all of it.

    BackendError if the copy is torn or lacks something that its bot was told is safe, or from a newer trainbot."""
    manifest = copy.manifest()
    try:
        digest = hashlib.sha256()
        with copy.file(DATABASE).open("rb") as source, target.open("r+b") as file:
            while chunk := source.read(_CHUNK):
                digest.update(chunk)
                file.write(chunk)
            if digest.hexdigest() != manifest.database.sha256:
                raise _torn(copy, "its database is not what was copied")
            _replay(copy, WalReplay(file))
            file.seek(18)
            file.write(b"\1\1")  # one file without a log (sqlite.org/fileformat.html, "File format version numbers")
    except OSError as error:
        raise BackendError(f"{copy.path} cannot be restored ({error.filename or target}: {error.strerror})") from None
    return _checked(copy, target)


def fault_of(copy: Copy) -> str:
    """What is wrong with ``copy`` as a whole, as a sentence; '' if it could be restored now."""
    try:
        copy.refuse_readable_by_others()
        copy.refuse_torn()
        folder = copy.path.parent
        with NamedTemporaryFile(prefix=SCRATCH, dir=folder if os.access(folder, os.W_OK) else None) as scratch:
            rebuild(copy, Path(scratch.name))
    except BackendError as error:
        return str(error)
    except OSError as error:
        return f"{copy.path} cannot be checked ({error.filename or folder}: {error.strerror})"
    return ""


def _replay(copy: Copy, replay: WalReplay) -> None:
    """Up to the first part that does not fit; whether that is enough, the number of commits says."""
    current, at = -1, 0
    for generation, offset, data in copy.changes():
        try:
            if generation != current and offset == 0:
                replay.header(data[:HEADER])
                replay.frames(data[HEADER:])
            elif generation == current and offset == at:
                replay.frames(data)
            else:
                return
        except ValueError:
            return
        current, at = generation, offset + len(data)


def _checked(copy: Copy, target: Path) -> Rebuilt:
    beat = copy.beat()
    try:
        with closing(sqlite3.connect(target)) as database:
            database.execute("PRAGMA journal_mode=DELETE")
            schema = str(database.execute("SELECT version_num FROM alembic_version").fetchone()[0])
            if schema not in revisions():
                raise BackendError(
                    f"{copy.path} is from a newer trainbot ({copy.manifest().program}, schema {schema}): install that one here first"
                )
            for fault in faults_of(database):
                raise _torn(copy, fault)
            settings = dict(database.execute("SELECT name, value FROM setting WHERE name IN ('commits', 'owner')"))
            commits = int(str(settings.get("commits", "0")).split(" ")[0])
            pages = (
                database.execute("PRAGMA page_count").fetchone()[0] * database.execute("PRAGMA page_size").fetchone()[0]
            )
    except (sqlite3.Error, ValueError, TypeError) as error:
        raise _torn(copy, f"its database cannot be read: {error}") from None
    if beat is not None and commits < beat.commits:
        raise _torn(copy, f"the last {beat.commits - commits} changes cannot be read")
    return Rebuilt(commits, pages, schema, str(settings.get("owner", "")))


def _torn(copy: Copy, why: str) -> BackendError:
    return BackendError(
        f"{copy.path} is torn ({why}): use another copy, trainbot copy list {copy.path.parent} shows them"
    )
