"""FILE.lock beside a database: whoever holds it is the only writer."""

from __future__ import annotations

import fcntl
import os
from contextlib import suppress

from trainbot.core.errors import BackendError
from trainbot.model.database_url import database_path


def lock_is_held(url: str) -> bool:
    """Whether another process holds the lock: a bot runs, or a shell command that writes."""
    try:
        os.close(lock_of(url))
    except BackendError as error:
        return isinstance(error.__cause__, BlockingIOError)
    return False


def lock_of(url: str) -> int:
    """Opens and locks FILE.lock, which stays locked until it is closed.  BackendError if another process holds it."""
    database = database_path(url)
    assert database is not None  # a database in memory is never shared
    path = database.with_name(database.name + ".lock")
    lock = None
    try:
        lock = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        with suppress(FileNotFoundError):
            database.chmod(0o600)  # it contains people's host names and messages
        return lock
    except OSError as error:
        if lock is not None:
            os.close(lock)
        if isinstance(error, BlockingIOError):
            raise BackendError(f"another trainbot already uses {url}: stop it first") from error
        raise BackendError(f"{path} cannot be written ({error.strerror}): make its folder writable") from None
