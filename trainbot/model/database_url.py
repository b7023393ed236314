"""The database URL in bot.ini: sqlite:///FILE."""

from __future__ import annotations

from pathlib import Path

PREFIX = "sqlite:///"
MEMORY = f"{PREFIX}:memory:"


def database_path(url: str) -> Path | None:
    """The file of sqlite:///FILE, taken literally: % and ? are part of its name.  None if the database is in memory
    only.  Raises ValueError if ``url`` is neither."""
    if not url.startswith(PREFIX) or url == PREFIX:
        raise ValueError(f'"{url}" is not {PREFIX}FILE')
    return None if url == MEMORY else Path(url.removeprefix(PREFIX))


def database_exists(url: str) -> bool:
    """Whether the database's file exists; False for one in memory."""
    path = database_path(url)
    return path is not None and path.exists()


def database_url(path: Path) -> str:
    """The URL of a database in ``path``."""
    return f"{PREFIX}{path}"
