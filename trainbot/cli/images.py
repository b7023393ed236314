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


@image.command("publish")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option("--only", "names", multiple=True, metavar="NAME", help="This image [default: all of bot.ini that are there].")
@config_option
def image_publish(folder: Path | None, names: tuple[str, ...], path: Path) -> int:
    """Makes what a web server offers to people who run the images on machines of their own, below DIR/images.

    DIR is [records] folder unless it is named.  The published disks hold no key of this installation.
    """
    from trainbot.exercises.library import load_library
    from trainbot.imaging.progress import for_terminal
    from trainbot.installation import images_to_publish
    from trainbot.publishing.publish import publish

    config = read(path)
    exercises = load_library(config.exercises.folder).exercises.values()
    for found in images_to_publish(config, names):
        mine = [exercise for exercise in exercises if exercise.image == found.name]
        where = publish(found, mine, folder or config.records.folder, config.records.public_url, for_terminal())
        click.echo(f"the {found.name} image is published in {where}")
    return 0
