"""The images of an installation, for the shell commands: import, list, verify, remove, publish."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from trainbot import shipped
from trainbot.adapters.db import Store
from trainbot.adapters.db.opening import refuse_missing
from trainbot.adapters.state_folder import lab_key, state_folder
from trainbot.config import Config
from trainbot.config.labs_sections import LAB_WORDS, NAME
from trainbot.core.errors import BackendError, UserError
from trainbot.images.build.image_folder import FILES, BuiltImage, digest, read_image, versions
from trainbot.images.build.kernel import guest_types
from trainbot.images.build.progress_bar import Progress
from trainbot.images.build.versions import only_maker
from trainbot.images.importing.distributions import Distribution, load_catalog
from trainbot.images.importing.fetch import discard, downloads, file_name, is_address
from trainbot.images.importing.importing import ImportRequest, import_image
from trainbot.images.importing.signatures import Signer
from trainbot.model.database_url import database_exists
from trainbot.model.host import GuestType
from trainbot.model.stand_in import same_release


def catalog() -> dict[str, Distribution]:
    return load_catalog(shipped.folder("images") / "catalog.toml")


def how_to_get(image: str) -> str:
    """The command that makes an image of the release that this name means; '' if there is neither recipe nor entry for it."""
    recipes = [path.parent.name for path in shipped.folder("images").glob("*/recipe.toml")]
    if name := same_release(image, recipes):
        return f"trainbot image build {name}"
    name = same_release(image, catalog())
    return f"trainbot image import {name}" if name else ""


def folder_of(config: Config, name: str) -> Path:
    """The folder of the image ``name``, whether it exists or not."""
    return next((image.folder for image in config.images if image.name == name), config.store.state / "images" / name)


def import_for(
    config: Config, name: str, request: ImportRequest, progress: Progress, local: str = ""
) -> tuple[BuiltImage, list[str]]:
    """Import NAME (from the catalog if ``request`` has no source); returns it with advice for the organiser.

    ``local``: the catalog's disk, downloaded by other means: it is checked as the catalog says.
    """
    if not NAME.fullmatch(name) or name in LAB_WORDS:
        raise UserError(
            f'"{name[:40]}" is not a valid image name: use letters a-z, digits and -, and no subcommand of !lab'
        )
    if request.source and local:
        raise UserError("give either a file or address, or --from FILE with an image of the catalog")
    known = catalog()
    if not request.source and name not in known:
        raise UserError(
            f'no image called "{name}" in the catalog (available: {", ".join(known)}): give the image\'s address or file'
        )
    folder = folder_of(config, name)
    if folder.name != name:
        raise BackendError(f"[image.{name}] folder must end in /{name} for an imported image")
    if folder.is_dir() and not folder.is_symlink():
        raise BackendError(f"{folder} is a folder, but import needs to create a link there: move it away")
    if not request.source:
        section = next((image for image in config.images if image.name == name), None)
        request = from_catalog(known[name], request, local, section.mirror if section else "")
        progress.stage(f"{known[name].about}: {known[name].experience}")
    state_folder(config)
    image = import_image(name, request, folder.parent, lab_key(config.gateway.lab_key), progress)
    return image, [*_trust(request), *_advice(config, image)]


def from_catalog(entry: Distribution, said: ImportRequest, local: str = "", mirror: str = "") -> ImportRequest:
    """What the catalog says, except where ``said`` says otherwise.

    ``local``: the disk on this machine; if its checksum file lies beside it, nothing is downloaded.  ``mirror``: where
    everything comes from that does not lie here.
    """
    base = mirror or entry.mirror
    folder = None
    if said.sums and not is_address(said.sums):
        folder = Path(said.sums).absolute().parent
    elif local and not said.sums and (Path(local).absolute().parent / file_name(entry.sums)).is_file():
        folder = Path(local).absolute().parent
    official = replace(
        said,
        source=local or f"{base}{entry.disk}",
        name=file_name(entry.disk),
        listed=entry.listed,
        memory=said.memory or entry.memory,
        origin=f"{entry.mirror}{entry.disk}",
    )
    if said.sum:
        return official

    def place(path: str) -> str:
        return str(folder / file_name(path)) if folder else f"{base}{path}"

    signer = said.signer
    if entry.key and not signer:
        signer = Signer((shipped.folder("images") / "keys" / f"{entry.key}.asc").read_bytes(), entry.key)
    signature = said.signature or (place(entry.detached) if entry.detached else "")
    return replace(official, sums=said.sums or place(entry.sums), signer=signer, signature=signature)


def _trust(request: ImportRequest) -> list[str]:
    """What the checksum is worth."""
    if request.sum or not request.sums:
        return []
    if request.signer:
        return [f"its checksum file has a good signature ({request.signer.fingerprint or 'of the given key'})"]
    where = (
        f"came over https from {urlsplit(request.sums).hostname}" if is_address(request.sums) else "was a local file"
    )
    return [f"its checksum file is not signed: it {where}"]


def _advice(config: Config, image: BuiltImage) -> list[str]:
    """What the organiser has to put into bot.ini."""
    section = next((found for found in config.images if found.name == image.name), None)
    known = image.guests is not None
    kinds = image.guests if image.guests is not None else guest_types(image.kernel)
    can = [guest for guest in (GuestType.PVH, GuestType.PV, GuestType.HVM) if kinds is None or guest in kinds]
    names = ", ".join(can)
    if kinds is None:
        said = [
            "the image has no configuration of its kernel, and no notes that can be read: whether it runs on Xen is unknown"
        ]
    elif not can:
        said = ["its kernel was built without Xen's drivers: it runs on QEMU hosts only"]
    elif can == [GuestType.HVM]:
        said = [
            f"its kernel can run on Xen as hvm only, which is refused unless [image.{image.name}] has guest = hvm and "
            "hvm_accept_risk = yes: see docs/images.md"
        ]
    elif known:
        said = [f"its kernel can run on Xen as {names}"]
    else:
        said = [
            f"its kernel can run on Xen as {names}, by its ELF notes alone: the image does not have its configuration"
        ]
    default = image.guest
    if section is None or (can and (section.guest or default) not in can):
        guest = f" with guest = {can[0]}" if can and default not in can and can[0] is not GuestType.HVM else ""
        said.append(f"add a section to bot.ini: [image.{image.name}]{guest}")
    return said


def listed(config: Config) -> list[dict[str, Any]]:
    """Every image in bot.ini, and those that were built or imported without a section there."""
    names = list(dict.fromkeys([*(image.name for image in config.images), *_others(config)]))
    sections = {image.name: image for image in config.images}
    found = []
    for name in names:
        said: dict[str, Any] = {"name": name, "section": name in sections, "fault": ""}
        try:
            image = read_image(folder_of(config, name))
        except BackendError as error:
            found.append({**said, "fault": str(error)})
            continue
        memory = (sections[name].memory if name in sections else None) or image.memory_mib
        found.append(
            {
                **said,
                "version": image.folder.name,
                "system": image.suite,
                "memory_mib": memory,
                "disk_mib": image.disk.stat().st_blocks >> 11,
                "guests": None if image.guests is None else [str(guest) for guest in image.guests],
                "built_at": image.built_at.isoformat(),
                "old": len(versions(image.folder.parent, name)) - 1,
            }
        )
    return found


def _others(config: Config) -> list[str]:
    return sorted(
        path.name
        for path in (config.store.state / "images").glob("*")
        if path.is_symlink() and NAME.fullmatch(path.name)
    )


def chosen(config: Config, names: Sequence[str]) -> list[BuiltImage]:
    """The named images, or all existing ones in bot.ini if no name is given.  BackendError if one is missing."""
    found, faults = [], []
    for name in names or [image.name for image in config.images]:
        if not NAME.fullmatch(name):
            raise UserError(f'"{name[:40]}" is not a valid image name')
        try:
            found.append(read_image(folder_of(config, name)))
        except BackendError as error:
            faults.append(str(error))
    if faults and (names or not found):
        raise BackendError(faults[0])
    if not found:
        raise BackendError("bot.ini has no [image.NAME] section, so there is no image")
    return found


def verify(image: BuiltImage, step: Callable[[int, int], None]) -> list[str]:
    """The names of files that do not match image.json or are not listed in it."""
    wrong = []
    for number, name in enumerate(FILES):
        step(number, len(FILES))
        if digest(image.folder / name) != image.sha256.get(name):
            wrong.append(name)
    step(len(FILES), len(FILES))
    return wrong


def remove(config: Config, name: str, old_only: bool, progress: Progress) -> list[str]:
    """Remove the image, its older versions (only these with ``old_only``) and what was downloaded for it; returns the removed
    versions.  BackendError while labs use it."""
    if not NAME.fullmatch(name):
        raise UserError(f'"{name[:40]}" is not a valid image name')
    link = folder_of(config, name)
    there, parts = versions(link.parent, name), downloads(link.parent, name)
    if not there and not parts:
        raise BackendError(f'no image called "{name}"')
    current = link.resolve()
    going = [folder for folder in there if not (old_only and folder.resolve() == current)]
    if going and (labs := _labs_of(config, name)):
        raise BackendError(
            f"{labs} {'lab' if labs == 1 else 'labs'} of {name} {'is' if labs == 1 else 'are'} still in use: "
            "!drain their hosts or wait until they have ended, then try again"
        )
    with only_maker(link.parent, name, progress):
        if not old_only:
            link.unlink(missing_ok=True)
            for part in parts:
                discard(part)
        for folder in going:
            shutil.rmtree(folder)
    return [folder.name for folder in going]


def _labs_of(config: Config, name: str) -> int:
    """How many labs of it hosts may have, including kept labs and labs that are being removed."""
    refuse_missing(config.store.url, config.store.state)
    if not database_exists(config.store.url):
        return 0
    store = Store(config.store.url, read_only=True)
    try:
        with store.transaction():
            return sum(lab.image == name for lab in store.labs.present())
    finally:
        store.close()
