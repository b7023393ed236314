"""Which files besides the database belong to a copy: bot.ini and what it names, the state folder, exercises, schedules."""

from __future__ import annotations

import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainbot.config import Config, files_named
from trainbot.core.errors import BackendError

MOST = 256 << 20  # bytes of all of them: nobody wants to send an image every time
_SYSTEM = ("/usr", "/etc/ssl/certs")  # what packages install is there on the other machine as well
_LEFT_OUT = (".sock", ".lock", ".pid", ".log", ".log.1", ".new")  # of the state folder: they belong to processes
_OF_THIS_LIFE = ("heartbeat.json", "routes.json", "superseded.json")


@dataclass(frozen=True, slots=True)
class Source:
    """``name`` is that of model.copies.CopiedFile; ``mark`` changes when the file does."""

    name: str
    path: Path
    mark: tuple[int, int, int]


def sources(config: Config) -> tuple[Source, ...]:
    """The files as they are now, bot.ini first.  BackendError if one cannot be read, or if they are far too large together."""
    base = config.path.parent
    found: dict[str, Source] = {}
    total = 0
    for path in _paths(config):
        try:
            stat = path.stat()
        except OSError as error:
            if isinstance(error, FileNotFoundError):
                continue  # removed meanwhile
            raise BackendError(f"{path} cannot be copied ({error.strerror})") from None
        name = f"base/{path.relative_to(base)}" if path.is_relative_to(base) else f"root/{path.relative_to('/')}"
        total += 0 if name in found else stat.st_size
        found[name] = Source(name, path, (stat.st_mtime_ns, stat.st_size, stat.st_ino))
    if total > MOST:
        raise BackendError(
            f"exercises, schedules and state have {total >> 20} MiB, and a copy holds {MOST >> 20} MiB of files at most: "
            "move what is not needed out of their folders"
        )
    return tuple(found.values())


def environment(config: Config) -> tuple[str, ...]:
    """The variables that bot.ini names: their values are not in a copy."""
    return tuple(files_named(config.path)[1])


def place(name: str, base: Path) -> Path:
    """Where a file of a copy belongs, if bot.ini is in the folder ``base``."""
    folder, _, rest = name.partition("/")
    return (base if folder == "base" else Path("/")) / rest


def _paths(config: Config) -> Iterator[Path]:
    yield config.path
    yield from (path for path in files_named(config.path)[0] if not any(map(path.is_relative_to, _SYSTEM)))
    key = config.gateway.lab_key
    yield from (path for path in (key, key.with_name(key.name + ".pub")) if path.is_file())
    yield from (path for path in _below(config.store.state, deep=False) if _is_kept(path.name))
    for folder in (config.exercises.folder, config.schedule.folder):
        yield from _below(folder, deep=True)


def _is_kept(name: str) -> bool:
    return not name.endswith(_LEFT_OUT) and name not in _OF_THIS_LIFE


def _below(folder: Path, *, deep: bool) -> Iterator[Path]:
    for where, folders, names in os.walk(folder):
        folders[:] = sorted(name for name in folders if not name.startswith(".")) if deep else []
        yield from (path for name in sorted(names) if (path := Path(where, name)).is_file())
