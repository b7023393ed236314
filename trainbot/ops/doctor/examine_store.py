"""Examines the database, the state folder with its secrets, and the free disk space."""

from __future__ import annotations

import os
import re
import shutil
import stat
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trainbot.adapters.db.health import size
from trainbot.adapters.state_folder import HOST_KEY, JUMP_KEY, PEPPER
from trainbot.config import Config
from trainbot.core.errors import BackendError
from trainbot.core.files import nearest_existing
from trainbot.model.database_url import database_path
from trainbot.model.host_address import host_address
from trainbot.ops.doctor.examine import in_thread
from trainbot.ops.doctor.finding import Finding
from trainbot.ops.doctor.here import LocalFacts
from trainbot.ops.doctor.store_findings import STORE, LoosePermissions, store_findings

_PASSWORD = re.compile(r"^\s*password\s*[=:]\s*\S", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class StoreFiles:
    """``written_ahead`` and ``database`` in bytes; ``free_mib`` on the database's disk; ``loose``: what others may read;
    ``shared``: hosts whose labs' disks are on the same file system."""

    database: int
    written_ahead: int
    free_mib: int
    loose: tuple[LoosePermissions, ...]
    shared: tuple[str, ...]


async def examine_store(here: LocalFacts) -> list[Finding]:
    config = here.config
    database = database_path(config.store.url)
    if database is None:
        return [
            STORE.wrong(
                "the database is in memory only",
                "so everything is lost when the bot stops",
                "set a file: [store] url = sqlite:///trainbot.db",
            )
        ]
    files = await in_thread(_files, config, database)
    return store_findings(
        config,
        await here.health(),
        files.database,
        files.written_ahead,
        files.free_mib,
        files.loose,
        files.shared,
        datetime.now(UTC),
    )


def _files(config: Config, path: Path) -> StoreFiles:
    near = next(folder for folder in path.parents if folder.exists())
    try:
        database, ahead = size(config.store.url)
        free = shutil.disk_usage(near).free >> 20
        return StoreFiles(database, ahead, free, tuple(_loose(config, path)), tuple(_shared(config, near)))
    except OSError as error:
        raise BackendError(
            f"cannot examine {error.filename or path} ({error.strerror}): run trainbot doctor as "
            "the user who runs trainbot"
        ) from None


def _shared(config: Config, near: Path) -> Iterator[str]:
    """Hosts of this machine whose labs' disks are on the database's file system."""
    for host in config.hosts:
        if host_address(host.uri).root is not None:
            folder = nearest_existing(host.folder)
            if folder.stat().st_dev == near.stat().st_dev:
                yield host.name


def _loose(config: Config, database: Path) -> Iterator[LoosePermissions]:
    """Secrets that other users of this machine may read, and files of other users."""
    state = config.store.state
    secret = [
        (state, 0o700),
        *((state / name, 0o600) for name in (PEPPER, HOST_KEY, JUMP_KEY)),
        (config.gateway.lab_key, 0o600),
        (database, 0o600),
    ]
    if config.irc.password and _holds_password(config.path):
        secret.append((config.path, 0o600))
    for path, mode in secret:
        if not os.access(path.parent, os.X_OK) or not path.exists():
            continue
        found = path.stat()
        if stat.S_IMODE(found.st_mode) & 0o077 or found.st_uid not in (os.geteuid(), 0):
            yield LoosePermissions(path, stat.S_IMODE(found.st_mode), mode, found.st_uid != os.geteuid())


def _holds_password(path: Path) -> bool:
    """Whether bot.ini itself contains the password, not a file or the environment."""
    try:
        return bool(_PASSWORD.search(path.read_text(encoding="utf-8")))
    except (OSError, UnicodeDecodeError):
        return False
