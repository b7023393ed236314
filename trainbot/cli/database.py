"""Shell commands about the database: upgrade, backup, restore, check."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import click

from trainbot.cli.shared import cli, config_option, read

file_argument = click.argument("file", type=click.Path(path_type=Path))


@cli.group()
def db() -> None:
    """Upgrade, back up, restore and check the database."""


@db.command("upgrade")
@config_option
def db_upgrade(path: Path) -> int:
    """Upgrade the database to this program's schema (the bot does this at every start)."""
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
@click.option("--force", is_flag=True, help="Overwrite FILE if it exists.")
@config_option
def db_backup(file: Path, force: bool, path: Path) -> int:
    """Copy the database as it is now to FILE (mode 0600); the bot may keep running."""
    from trainbot.adapters.db.upkeep import backup

    found = backup(read(path).store.url, file, force=force)
    click.echo(f"{file}: {found.bytes / 2**20:.1f} MiB, checked")
    return 0


@db.command("restore")
@file_argument
@config_option
def db_restore(file: Path, path: Path) -> int:
    """Replace the database with the backup FILE; the bot must be stopped.  The old database is kept next to it.

    Everything since the backup is lost; labs created since then are removed at the next start.
    """
    from trainbot.adapters.db.upkeep import restore

    found, before = restore(read(path).store.url, file, datetime.now(UTC))
    click.echo(
        f"restored: {found.bytes / 2**20:.1f} MiB, schema {found.revision}"
        + (f"; the previous database is now {before}" if before else "")
    )
    return 0


@db.command("check")
@config_option
def db_check(path: Path) -> int:
    """Check the whole database: damage, references, indexes, schema.  Exit code 1 if there is a problem."""
    from trainbot.adapters.db.upkeep import check

    found = check(read(path).store.url)
    for fault in found.faults:
        click.echo(f"! {fault}")
    if not found.faults:
        click.echo(f"ok: {found.bytes / 2**20:.1f} MiB, schema {found.revision}")
    return 1 if found.faults else 0
