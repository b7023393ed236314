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
    """Upgrade the database to this program's schema (the bot does this at every start).

    Before that, it is copied to a file next to it, for the way back: trainbot db restore.
    """
    from trainbot.adapters.db.migrate import copy_of, revision_of
    from trainbot.adapters.db.opening import open_store
    from trainbot.images.build.progress_bar import for_terminal
    from trainbot.model.database_url import database_path

    store, bar, stage = read(path).store, for_terminal(), ""

    def progress(what: str, at: int, of: int) -> None:
        nonlocal stage
        if what != stage:
            stage = what
            bar.stage(what)
        bar.step(at, of)

    before = revision_of(store.url)
    open_store(store.url, store.state, progress).close()
    if stage:
        bar.done("done")
    after, file = revision_of(store.url), database_path(store.url)
    click.echo(f"{store.url} is at {after}" + ("" if before == after else f", was {before or 'empty'}"))
    if before is not None and before != after and file is not None:
        click.echo(f"as it was, it is kept in {copy_of(file, before)}")
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

    store = read(path).store
    found, before = restore(store.url, store.state, file, datetime.now(UTC))
    click.echo(
        f"restored: {found.bytes / 2**20:.1f} MiB, schema {found.revision}"
        + (f"; the previous database is now {before}" if before else "")
    )
    return 0


@db.command("check")
@config_option
def db_check(path: Path) -> int:
    """Check the whole database: damage, what is missing, references, schema, indexes.  Exit code 1 if there is a problem."""
    from trainbot.adapters.db.migrate import revisions
    from trainbot.adapters.db.upkeep import check

    store = read(path).store
    found = check(store.url, store.state)
    for fault in found.faults:
        click.echo(f"! {fault}")
    if not found.faults:
        older = (
            "" if found.revision in (None, revisions()[-1]) else f" (trainbot db upgrade makes it {revisions()[-1]})"
        )
        click.echo(f"ok: {found.bytes / 2**20:.1f} MiB, schema {found.revision}{older}")
    return 1 if found.faults else 0
