"""What can go wrong with the database, in words."""

from __future__ import annotations

import sqlite3

from trainbot.core.errors import BackendError

DAMAGED = "not done: my database is damaged; an organiser has to stop me and restore a backup"


class DatabaseLocked(BackendError):
    """Another program is writing: the transaction has not begun, and may be tried again."""


class DatabaseDamaged(BackendError):
    """Pages of the database cannot be read: trying again does not help."""


def is_damage(error: Exception) -> bool:
    """Whether SQLite says that the file itself is damaged (sqlite.org/rescode.html, SQLITE_CORRUPT and SQLITE_NOTADB)."""
    code = getattr(getattr(error, "orig", error), "sqlite_errorcode", 0)
    return code & 0xFF in (sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB)


def explain(url: str, error: Exception) -> str:
    """SQLite's error as a sentence that says what to do."""
    text = str(getattr(error, "orig", None) or error)
    if "readonly" in text or "read-only" in text:
        return f"the database {url} is read-only: make the file and its folder writable"
    if "unable to open" in text:
        return f"the database {url} cannot be opened: check that its folder exists and is writable"
    if "full" in text:
        return f"the disk under the database {url} is full: free some space"
    if "interrupted" in text:
        return "interrupted and undone: try again"
    if "locked" in text:
        return f"the database {url} is locked by another program: stop that program"
    if "not a database" in text or "malformed" in text:
        return f"{url} is not a database or is damaged: restore a backup with trainbot db restore FILE"
    return f"the database {url}: {' '.join(text.split())[:200]}"
