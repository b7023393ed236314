"""Findings about the database and the secrets.  Pure."""

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
LITTLE, SOME = 200, 1024  # MiB of free disk space: below them a problem, a note
AHEAD = 64  # MiB of write-ahead log that are acceptable
OLD = timedelta(days=1)  # a channel notice that waits longer will not be sent
LONG = timedelta(days=7)  # the same for a person
REMEMBERED = timedelta(days=14)  # how long a loss is worth a note
_MIB = 1 << 20


@dataclass(frozen=True, slots=True)
class LoosePermissions:
    """A file whose ``mode`` should be ``wanted``, or which belongs to another user (``foreign``)."""

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
    shared: Iterable[str],
    now: datetime,
) -> list[Finding]:
    """``database``, ``ahead``: bytes; ``shared``: hosts whose labs' disks are on the database's file system."""
    return [
        *_database(config, health, database),
        *_ahead(ahead),
        _disk(free_mib),
        *map(_beside, shared),
        *map(_permission, loose),
        *(_rows(config, health, now) if isinstance(health, Health) else []),
    ]


def _database(config: Config, health: Health | BackendError | None, size: int) -> list[Finding]:
    url, state = config.store.url, config.store.state
    if health is None:
        return [STORE.note("there is no database yet", "", f"trainbot run creates {url}")]
    if isinstance(health, BackendError):
        return [STORE.failed("the database cannot be used", health, "so the bot does not start")]
    if health.faults:
        return [
            STORE.wrong(
                f"the database is damaged ({'; '.join(health.faults)})",
                "so labs, leases and questions may be lost at any moment",
                f"stop the bot, move {database_path(url)} aside, and restore the latest backup (docs/operating.md)",
            )
        ]
    if health.revision != health.head:
        return [
            STORE.note(
                f"the database is at schema {health.revision or 'none'}, this program's is {health.head}",
                "and the next start upgrades it",
                "run trainbot db upgrade, which copies it first",
            )
        ]
    return [
        STORE.ok(
            f"the database is intact, {size / _MIB:.1f} MiB, schema {health.head}; back it up together with "
            f"{state} (sqlite3 FILE '.backup COPY' works while the bot is running)"
        )
    ]


def _ahead(size: int) -> list[Finding]:
    if size <= AHEAD * _MIB:
        return []
    return [
        STORE.wrong(
            f"the database's write-ahead log has {size // _MIB} MiB",
            "so starts and reads are slow",
            "end programs that keep the database open for long (a sqlite3 shell, a backup), then restart the bot",
        )
    ]


def _disk(free_mib: int) -> Finding:
    if free_mib < LITTLE:
        return STORE.wrong(
            f"{free_mib} MiB of disk space are free for the database",
            "so soon nothing can be stored, and every command will fail",
            "free some disk space",
        )
    if free_mib < SOME:
        return STORE.note(
            f"{free_mib} MiB of disk space are free for the database",
            "which logs and labs may fill",
            "free some disk space",
        )
    return STORE.ok(f"{free_mib // 1024} GiB of disk space are free for the database")


def _beside(host: str) -> Finding:
    return STORE.note(
        f"the labs' disks of {host} are on the database's file system",
        "so whatever fills it stops both the labs and the bot",
        f"set folder in [host.{host}] to a file system of its own",
    )


def _permission(loose: LoosePermissions) -> Finding:
    if loose.foreign:
        return STORE.note(
            f"{loose.path} belongs to another user",
            "so trainbot run does not start as this user",
            "run trainbot doctor as the user who runs trainbot, or chown it",
        )
    return STORE.wrong(
        f"other users of this machine can access {loose.path} (mode {loose.mode:04o})",
        "and through it learners' labs or data",
        f"chmod {loose.wanted:o} {loose.path}",
    )


def _rows(config: Config, health: Health, now: datetime) -> list[Finding]:
    found = []
    if health.loss is not None and health.loss.found > now - REMEMBERED:
        found.append(
            STORE.note(
                health.loss.sentence,
                f"as was found at the start on {health.loss.found:%d %b %H:%M} UTC",
                "ask the people who were there to repeat it, or restore a newer backup",
            )
        )
    known = {host.name for host in config.hosts}
    for host, count in sorted((health.labs or {}).items()):
        if host not in known:
            found.append(
                STORE.wrong(
                    f"{count} labs are on host {host}, which is not in bot.ini",
                    "so their people cannot reach them, and the labs still count",
                    f"put [host.{host}] back, type !drain {host} now, and remove the section once the host is empty",
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
                f"{len(strange)} announcements wait for channels that are not in bot.ini ({names})",
                "so nobody sees them",
                "add the channels to [irc] channels if they are right",
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
                f"{len(away)} messages wait for {people} people who were not seen for a week",
                "and will be sent when they come",
                "tell them another way if it matters",
            )
        )
    return found
