"""Images that labs are made from."""

from __future__ import annotations

from pathlib import Path

import click

from trainbot.cli.shared import cli, config_option, read


@cli.group()
def image() -> None:
    """Images that labs are made from."""


@image.command("build")
@click.argument("name")
@config_option
def image_build(name: str, path: Path) -> int:
    """Builds the image NAME into the folder that bot.ini gives it (from the recipe of that name that ships)."""
    from trainbot.installation import build_for

    click.echo(f"the {name} image is in {build_for(read(path), name)}")
    return 0


@image.command("list")
@config_option
def image_list(path: Path) -> int:
    """The images of bot.ini, and whether they can be used."""
    from trainbot.installation import images_of

    usable, unready = images_of(read(path))
    lines = [f"{name}: {image.memory_mib} MiB, {image.disk}" for name, image in usable.items()]
    click.echo("\n".join([*lines, *unready.values()]) or "bot.ini has no [image.NAME] section")
    return 0
