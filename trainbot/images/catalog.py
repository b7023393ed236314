"""The images of an installation, for the shell commands: import, list, verify, remove, publish."""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

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
from trainbot.images.importing.distributions import Distribution, load_catalogue
from trainbot.images.importing.importing import ImportRequest, import_image
from trainbot.model.database_url import database_exists
from trainbot.model.host import GuestType


def catalogue() -> dict[str, Distribution]:
    return load_catalogue(shipped.folder("images") / "catalogue.toml")


def folder_of(config: Config, name: str) -> Path:
    """The folder of the image ``name``, whether it exists or not."""
    return next((image.folder for image in config.images if image.name == name), config.store.state / "images" / name)


def import_for(config: Config, name: str, request: ImportRequest, progress: Progress) -> tuple[BuiltImage, list[str]]:
    """Import NAME (from the catalogue if ``request`` has no source); returns it with advice for the organiser."""
    if not NAME.fullmatch(name) or name in LAB_WORDS:
        raise UserError(
            f'"{name[:40]}" is not a valid image name: use letters a-z, digits and -, and no subcommand of !lab'
        )
    if not request.source:
        known = catalogue()
        if name not in known:
            raise UserError(
                f'no image called "{name}" in the catalogue (available: {", ".join(known)}): give the image\'s address or file'
            )
        request = _from(known[name], request)
    folder = folder_of(config, name)
    if folder.name != name:
        raise BackendError(f"[image.{name}] folder must end in /{name} for an imported image")
    if folder.is_dir() and not folder.is_symlink():
        raise BackendError(f"{folder} is a folder, but import needs to create a link there: move it away")
    state_folder(config)
    image = import_image(name, request, folder.parent, lab_key(config.gateway.lab_key), progress)
    return image, _advice(config, image)


def _from(entry: Distribution, said: ImportRequest) -> ImportRequest:
    sums = "" if said.sum else said.sums or entry.sums
    return replace(said, source=entry.url, sums=sums, memory=entry.memory)


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
    """Remove the image and its older versions (only these with ``old_only``); returns the removed versions.
    BackendError while labs use it."""
    if not NAME.fullmatch(name):
        raise UserError(f'"{name[:40]}" is not a valid image name')
    link = folder_of(config, name)
    there = versions(link.parent, name)
    if not there:
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
