"""sqlite:///FILE, as bot.ini names the database."""

from __future__ import annotations

from pathlib import Path

PREFIX = "sqlite:///"
MEMORY = f"{PREFIX}:memory:"


def database_path(url: str) -> Path | None:
    """The file of sqlite:///FILE, literally: a % or ? is part of its name.  None: it is in memory only.  ValueError
    where ``url`` is none of both."""
    if not url.startswith(PREFIX) or url == PREFIX:
        raise ValueError(f'"{url}" is not {PREFIX}FILE')
    return None if url == MEMORY else Path(url.removeprefix(PREFIX))


def database_exists(url: str) -> bool:
    """Whether the file is there; one in memory never is."""
    path = database_path(url)
    return path is not None and path.exists()


def database_url(path: Path) -> str:
    """The URL of a database in ``path``."""
    return f"{PREFIX}{path}"
