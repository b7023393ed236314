"""What the state of database and secrets means.  Pure."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from pathlib import Path

from trainbot.adapters.db.health import Health
from trainbot.config import Config
from trainbot.core.errors import BackendError
from trainbot.model.database_url import database_path
from trainbot.ops.doctor.finding import Finding, Findings

STORE = Findings("store")
LITTLE, SOME = 200, 1024  # MiB of free disk: wrong, worth a note
AHEAD = 64  # MiB that may be written ahead of the database
OLD = timedelta(days=1)  # a notice for a channel that waits longer is said by nobody
LONG = timedelta(days=7)  # … for a person
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class LoosePermissions:
    """A file whose ``mode`` is not as it ought to be (``wanted``), or which is another user's (``foreign``)."""

    path: Path
    mode: int
    wanted: int
    foreign: bool = False


def store_findings(
    config: Config,
    health: Health | BackendError | None,
    database: int,
    ahead: int,
    free_mib: int,
    loose: Iterable[LoosePermissions],
    now: datetime,
) -> list[Finding]:
    """``database``, ``ahead``: bytes."""
    return [
        *_database(config, health, database),
        *_ahead(ahead),
        _disk(free_mib),
        *map(_permission, loose),
        *(_rows(config, health, now) if isinstance(health, Health) else []),
    ]


def _database(config: Config, health: Health | BackendError | None, size: int) -> list[Finding]:
    url, state = config.store.url, config.store.state
    if health is None:
        return [STORE.note("there is no database yet", "", f"trainbot run makes {url}")]
    if isinstance(health, BackendError):
        return [STORE.failed("the database cannot be used", health, "so the bot does not start")]
    if health.faults:
        return [
            STORE.wrong(
                f"the database is damaged ({'; '.join(health.faults)})",
                "so labs, leases and questions may be lost at any moment",
                f"end the bot, keep {database_path(url)} aside, and put the last backup back (docs/operating.md)",
            )
        ]
    if health.revision != health.head:
        return [
            STORE.note(
                f"the database is at schema {health.revision or 'none'}, this program's is {health.head}",
                "which the next start brings up to date",
                "keep a backup, then trainbot db upgrade",
            )
        ]
    return [
        STORE.ok(
            f"the database is whole, {size / _MIB:.1f} MiB, schema {health.head}; back it up together with "
            f"{state} (sqlite3 FILE '.backup COPY' works while the bot runs)"
        )
    ]


def _ahead(size: int) -> list[Finding]:
    if size <= AHEAD * _MIB:
        return []
    return [
        STORE.wrong(
            f"{size // _MIB} MiB are written ahead of the database",
            "so starts and readings are slow",
            "end whatever keeps the database open for long (a sqlite3 shell, a backup), then start the bot again",
        )
    ]


def _disk(free_mib: int) -> Finding:
    if free_mib < LITTLE:
        return STORE.wrong(
            f"{free_mib} MiB of disk are free under the database",
            "so soon nothing can be stored, and every command is refused",
            "make room there",
        )
    if free_mib < SOME:
        return STORE.note(
            f"{free_mib} MiB of disk are free under the database", "which logs and labs may fill", "make room there"
        )
    return STORE.ok(f"{free_mib // 1024} GiB of disk are free under the database")


def _permission(loose: LoosePermissions) -> Finding:
    if loose.foreign:
        return STORE.note(
            f"{loose.path} is another user's",
            "so trainbot run as this user does not start",
            "run trainbot doctor as the user who runs trainbot, or chown it",
        )
    return STORE.wrong(
        f"others of this machine may get at {loose.path} (mode {loose.mode:04o})",
        "and with it at learners' labs or data",
        f"chmod {loose.wanted:o} {loose.path}",
    )


def _rows(config: Config, health: Health, now: datetime) -> list[Finding]:
    found = []
    known = {host.name for host in config.hosts}
    for host, count in sorted((health.labs or {}).items()):
        if host not in known:
            found.append(
                STORE.wrong(
                    f"{count} labs are on the host {host}, which bot.ini does not have",
                    "so their people reach nothing and their places are taken",
                    f"put [host.{host}] back, say !drain {host} now, and take it out when empty",
                )
            )
    channels = {channel.lower() for channel in config.irc.channels}
    strange = [
        notice
        for notice in health.waiting
        if notice.person_id is None and (notice.channel or "").lower() not in channels and notice.due_at < now - OLD
    ]
    if strange:
        names = ", ".join(sorted({notice.channel or "nowhere" for notice in strange})[:5])
        found.append(
            STORE.note(
                f"{len(strange)} announcements wait for channels that bot.ini does not have ({names})",
                "so nobody hears them",
                "put the channels back into [irc] channels, if they are meant",
            )
        )
    seen = health.seen or {}
    away = [
        notice
        for notice in health.waiting
        if notice.person_id is not None
        and notice.due_at < now - LONG
        and not seen.get(notice.person_id, (False, now))[0]
    ]
    if away:
        people = len({notice.person_id for notice in away})
        found.append(
            STORE.note(
                f"{len(away)} lines wait for {people} people who were not seen for a week",
                "and are said when they come",
                "tell them in another way, if it matters",
            )
        )
    return found
