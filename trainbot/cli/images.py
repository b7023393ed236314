"""Shell commands about images."""

from __future__ import annotations

from pathlib import Path

import click

from trainbot.cli.shared import cli, config_option, json_option, read, show


@cli.group()
def image() -> None:
    """Images that labs are created from."""


@image.command("build")
@click.argument("name")
@config_option
def image_build(name: str, path: Path) -> int:
    """Build image NAME from the bundled recipe of that name into the folder set in bot.ini."""
    from trainbot.bot.installation import build_for

    click.echo(f"the {name} image is in {build_for(read(path), name)}")
    return 0


def _not_empty(_context: click.Context, _option: click.Parameter, value: str | None) -> str:
    """An unset shell variable must not turn a check off."""
    if value == "":
        raise click.BadParameter("is empty")
    return value or ""


@image.command("import")
@click.argument("name", required=False, default="")
@click.argument("source", metavar="[FILE-or-URL]", required=False, default="")
@click.option(
    "--from",
    "local",
    metavar="FILE",
    default=None,
    callback=_not_empty,
    help="The catalog's disk for NAME, if it was downloaded by other means.",
)
@click.option(
    "--sha256",
    "checksum",
    metavar="HEX",
    default=None,
    callback=_not_empty,
    help="Expected checksum of the file (SHA-256 or SHA-512).",
)
@click.option(
    "--sums", metavar="FILE-or-URL", default=None, callback=_not_empty, help="Checksum file that lists the image file."
)
@click.option(
    "--key",
    metavar="FILE",
    default=None,
    callback=_not_empty,
    help="OpenPGP public key that has to have signed the checksum file.",
)
@click.option(
    "--signature",
    metavar="FILE-or-URL",
    default=None,
    callback=_not_empty,
    help="Detached signature of the checksum file, if it has one.",
)
@click.option(
    "--kernel",
    metavar="VERSION",
    default=None,
    callback=_not_empty,
    help="Kernel to use [default: the newest one in the image].",
)
@click.option(
    "--memory",
    type=click.IntRange(64, 1 << 20),
    default=None,
    help="MiB of memory per lab [default: as in the catalog, or 1024].",
)
@config_option
def image_import(
    path: Path, name: str, source: str, local: str, checksum: str, key: str, memory: int | None, **said: str
) -> int:
    """Create image NAME from a distribution's cloud image (qcow2 or raw, compressed or not).

    Without FILE-or-URL, address, checksum file and signing key come from the catalog.  Without NAME, the catalog is shown.
    """
    from trainbot.images import catalog as images
    from trainbot.images.build.progress_bar import for_terminal
    from trainbot.images.importing.importing import ImportRequest
    from trainbot.images.importing.signatures import read_key
    from trainbot.images.importing.sums import checked

    if not name:
        click.echo("\n".join(f"{each}: {entry}" for each, entry in images.catalog().items()))
        return 0
    signer = read_key(key) if key else None
    wanted = ImportRequest(source, checked(checksum) if checksum else "", signer=signer, memory=memory or 0, **said)
    found, advice = images.import_for(read(path), name, wanted, for_terminal(), local)
    click.echo("\n".join([f"the {name} image is in {found.folder}", *advice]))
    return 0


@image.command("try")
@click.argument("name")
@click.option("--permissive", is_flag=True, help="Boot it with SE Linux permissive.")
@click.option(
    "--within",
    type=click.IntRange(10, 7200),
    default=900,
    help="Seconds that each of the three boots may take [default: 900].",
)
@config_option
def image_try(name: str, permissive: bool, within: int, path: Path) -> int:
    """Boot a lab of image NAME on this machine, apart from the bot and its hosts, look at it, and print a report.

    An image that is not there yet is built first, if there is a recipe.  Exit code 1: something is not as it should be.
    """
    import signal

    from trainbot.images.build.progress_bar import for_terminal
    from trainbot.model.host import Mode
    from trainbot.ops.image_trial import ready_image, try_image

    for number in (signal.SIGTERM, signal.SIGHUP):  # as ctrl-C, which removes the lab
        signal.signal(number, signal.default_int_handler)
    config, progress = read(path), for_terminal()
    built, kvm = ready_image(config, name, progress)
    mode = Mode.PERMISSIVE if permissive else Mode.ENFORCING
    trial = try_image(built, config.gateway.lab_key, kvm, mode, within, progress)
    click.echo("\n".join(trial.lines))
    return int(bool(trial.wrong))


@image.command("list")
@config_option
@json_option
def image_list(path: Path, as_json: bool) -> int:
    """List the images in bot.ini and other images on disk, and whether each is usable."""
    from trainbot.images.catalog import listed

    found, lines = listed(read(path)), []
    for each in found:
        line = each["fault"] and f"{each['name']}: {each['fault']}"
        if not line:
            old = f", {each['old']} older on disk" if each["old"] > 0 else ""
            xen = (
                ""
                if each["guests"] is None
                else f", on Xen as {', '.join(each['guests'])}"
                if each["guests"]
                else ", not on Xen"
            )
            line = (
                f"{each['name']}: {each['system']}, {each['memory_mib']} MiB per lab, {each['disk_mib']} MiB on disk, "
                f"{each['version']}{xen}{old}"
            )
        lines.append(line if each["section"] else f"{line} (no [image.{each['name']}] section in bot.ini)")
    show(found, lines or ["bot.ini has no [image.NAME] section"], as_json)
    return 0


@image.command("verify")
@click.argument("names", metavar="[NAME]...", nargs=-1)
@config_option
def image_verify(names: tuple[str, ...], path: Path) -> int:
    """Compare the image files with the checksums in image.json."""
    from trainbot.images.build.progress_bar import for_terminal
    from trainbot.images.catalog import chosen, verify

    code, progress = 0, for_terminal()
    for found in chosen(read(path), names):
        progress.stage(f"reading {found.folder.name}")
        wrong = verify(found, progress.step)
        progress.done(
            f"{found.name}: {' and '.join(wrong)} in {found.folder} do not match image.json: remove the image and "
            "build or import it again"
            if wrong
            else f"{found.name}: {found.folder.name} is intact"
        )
        code = code or int(bool(wrong))
    return code


@image.command("remove")
@click.argument("name")
@click.option("--old", is_flag=True, help="Remove only versions that are no longer used for new labs.")
@click.option("--yes", is_flag=True, help="Do not ask for confirmation.")
@config_option
def image_remove(name: str, old: bool, yes: bool, path: Path) -> int:
    """Remove image NAME from this machine if no lab uses it; copies on hosts and published files are kept."""
    from trainbot.images.build.progress_bar import for_terminal
    from trainbot.images.catalog import remove

    config = read(path)
    if not yes:
        click.confirm(f"remove {'old versions of ' if old else ''}the {name} image?", abort=True)
    gone = remove(config, name, old, for_terminal())
    click.echo(f"removed: {', '.join(gone)}" if gone else f"no old versions of {name}")
    return 0


@image.command("publish")
@click.argument("folder", metavar="[DIR]", required=False, type=click.Path(path_type=Path))
@click.option(
    "--only",
    "names",
    multiple=True,
    metavar="NAME",
    help="Publish only this image [default: every image in bot.ini that is ready].",
)
@config_option
def image_publish(folder: Path | None, names: tuple[str, ...], path: Path) -> int:
    """Write the images to DIR/images, for people who download them and run them on their own machines.

    DIR defaults to the [records] folder.  The published disks contain no keys of this installation.
    """
    from trainbot.bot.installation import exercises_of
    from trainbot.images.build.progress_bar import for_terminal
    from trainbot.images.catalog import chosen
    from trainbot.images.publishing.publish import publish

    config = read(path)
    exercises = exercises_of(config).exercises.values()
    for found in chosen(config, names):
        if found.source and not names:
            click.echo(f"{found.name} was imported, so it is not published: people can get it from {found.source}")
            continue
        mine = [exercise for exercise in exercises if exercise.image == found.name]
        publish(found, mine, folder or config.records.folder, config.records.public_url, for_terminal())
    return 0
