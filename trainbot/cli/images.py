"""Images that labs are made from."""

from __future__ import annotations

from pathlib import Path

import click

from trainbot.cli.shared import cli, config_option, json_option, read, show


@cli.group()
def image() -> None:
    """Images that labs are made from."""


@image.command("build")
@click.argument("name")
@config_option
def image_build(name: str, path: Path) -> int:
    """Builds the image NAME into the folder that bot.ini gives it (from the recipe of that name that ships)."""
    from trainbot.bot.installation import build_for

    click.echo(f"the {name} image is in {build_for(read(path), name)}")
    return 0


@image.command("import")
@click.argument("name", required=False, default="")
@click.argument("source", metavar="[FILE-or-URL]", required=False, default="")
@click.option("--sha256", "checksum", metavar="HEX", default="", help="What the file has to be (SHA-512 will do, too).")
@click.option("--sums", metavar="FILE-or-URL", default="", help="A checksum file that names it.")
@click.option("--kernel", metavar="VERSION", default="", help="Not the newest one in the image.")
@click.option("--memory", type=click.IntRange(64, 1 << 20), default=1024, help="MiB a lab [default: 1024].")
@config_option
def image_import(name: str, source: str, checksum: str, sums: str, kernel: str, memory: int, path: Path) -> int:
    """Makes the image NAME from a distribution's cloud image: qcow2 or raw, packed or not.

    Without FILE-or-URL the catalogue says where it is; without NAME the catalogue is shown.
    """
    from trainbot.images import catalog as images
    from trainbot.images.build.progress_bar import for_terminal
    from trainbot.images.importing.importing import ImportRequest
    from trainbot.images.importing.sums import checked

    if not name:
        click.echo("\n".join(f"{each}: {entry.about}\n    {entry.url}" for each, entry in images.catalogue().items()))
        return 0
    wanted = ImportRequest(source, checked(checksum) if checksum else "", sums, kernel, memory)
    found, advice = images.import_for(read(path), name, wanted, for_terminal())
    click.echo("\n".join([f"the {name} image is in {found.folder}", *advice]))
    return 0


@image.command("list")
@config_option
@json_option
def image_list(path: Path, as_json: bool) -> int:
    """The images of bot.ini and beside them, and whether they can be used."""
    from trainbot.images.catalog import listed

    found, lines = listed(read(path)), []
    for each in found:
        line = each["fault"] and f"{each['name']}: {each['fault']}"
        if not line:
            old = f", {each['old']} older on disk" if each["old"] > 0 else ""
            line = (
                f"{each['name']}: {each['system']}, {each['memory_mib']} MiB a lab, {each['disk_mib']} MiB on disk, "
                f"{each['version']}{old}"
            )
        lines.append(line if each["section"] else f"{line} (no [image.{each['name']}] section in bot.ini)")
    show(found, lines or ["bot.ini has no [image.NAME] section"], as_json)
    return 0


@image.command("verify")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@config_option
def image_verify(names: tuple[str, ...], path: Path) -> int:
    """Reads the images' files and compares them with the checksums in image.json."""
    from trainbot.images.build.progress_bar import for_terminal
    from trainbot.images.catalog import chosen, verify

    code, progress = 0, for_terminal()
    for found in chosen(read(path), names):
        progress.stage(f"reading {found.folder.name}")
        wrong = verify(found, progress.step)
        progress.done(
            f"{found.name}: {' and '.join(wrong)} in {found.folder} are not what image.json says: remove the "
            "image and make it again"
            if wrong
            else f"{found.name}: {found.folder.name} is whole"
        )
        code = code or int(bool(wrong))
    return code


@image.command("remove")
@click.argument("name")
@click.option("--old", is_flag=True, help="Only versions that are not used for new labs any more.")
@click.option("--yes", is_flag=True, help="Do not ask.")
@config_option
def image_remove(name: str, old: bool, yes: bool, path: Path) -> int:
    """Removes the image NAME from this machine, where no lab is made from it; what hosts have and what is published stays."""
    from trainbot.images.build.progress_bar import for_terminal
    from trainbot.images.catalog import remove

    config = read(path)
    if not yes:
        click.confirm(f"remove {'old versions of ' if old else ''}the {name} image?", abort=True)
    gone = remove(config, name, old, for_terminal())
    click.echo(f"removed: {', '.join(gone)}" if gone else f"there are no old versions of {name}")
    return 0


@image.command("publish")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--only", "names", multiple=True, metavar="NAME", help="This image [default: all of bot.ini that are there]."
)
@config_option
def image_publish(folder: Path | None, names: tuple[str, ...], path: Path) -> int:
    """Makes what a web server offers to people who run the images on machines of their own, below DIR/images.

    DIR is [records] folder unless it is named.  The published disks hold no key of this installation.
    """
    from trainbot.adapters.scenario_files.library import load_library
    from trainbot.images.build.progress_bar import for_terminal
    from trainbot.images.catalog import chosen
    from trainbot.images.publishing.publish import publish

    config = read(path)
    exercises = load_library(config.exercises.folder).exercises.values()
    for found in chosen(config, names):
        if found.source and not names:
            click.echo(f"{found.name} was imported and is not published: people have it from {found.source}")
            continue
        mine = [exercise for exercise in exercises if exercise.image == found.name]
        publish(found, mine, folder or config.records.folder, config.records.public_url, for_terminal())
    return 0
