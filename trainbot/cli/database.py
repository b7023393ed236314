"""The database: brought up to date, backed up, restored, checked."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from trainbot.cli.shared import cli, config_option, read

file_argument = click.argument("file", type=click.Path(path_type=Path))


@cli.group()
def db() -> None:
    """The database."""


@db.command("upgrade")
@config_option
def db_upgrade(path: Path) -> int:
    """Brings the database to this program's schema (every start does it too)."""
    from trainbot.adapters.db import Store
    from trainbot.adapters.db.migrate import upgrade

    config = read(path)
    store = Store(config.store.url)
    try:
        store.lock()
        before, after = upgrade(config.store.url)
    finally:
        store.close()
    click.echo(f"{config.store.url} is at {after}" + ("" if before == after else f", was {before or 'empty'}"))
    return 0


@db.command("backup")
@file_argument
@click.option("--force", is_flag=True, help="Write over FILE where it is there.")
@config_option
def db_backup(file: Path, force: bool, path: Path) -> int:
    """Copies the database into FILE (mode 0600) as it is at this moment; the bot may run meanwhile."""
    from trainbot.adapters.db.upkeep import backup

    found = backup(read(path).store.url, file, force=force)
    click.echo(f"{file}: {found.bytes / 2**20:.1f} MiB, checked")
    return 0


@db.command("restore")
@file_argument
@config_option
def db_restore(file: Path, path: Path) -> int:
    """Puts the backup FILE in the place of the database, which is kept beside it.  Not while the bot runs.

    What happened since the backup is not known any more: labs that were made since are ended at the next start.
    """
    from trainbot.adapters.db.upkeep import restore

    found, before = restore(read(path).store.url, file, datetime.now(UTC))
    click.echo(
        f"restored: {found.bytes / 2**20:.1f} MiB, schema {found.revision}"
        + (f"; the database before it is {before}" if before else "")
    )
    return 0


@db.command("check")
@config_option
def db_check(path: Path) -> int:
    """Reads the whole database: damage, references, indexes, schema.  Exit code 1 where something is wrong."""
    from trainbot.adapters.db.upkeep import check

    found = check(read(path).store.url)
    for fault in found.faults:
        click.echo(f"! {fault}")
    if not found.faults:
        click.echo(f"ok: {found.bytes / 2**20:.1f} MiB, schema {found.revision}")
    return 1 if found.faults else 0
