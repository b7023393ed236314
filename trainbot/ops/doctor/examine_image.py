"""Examines an image: its files on this machine, and which hosts have a copy."""

from __future__ import annotations

import asyncio
import hashlib

from trainbot import shipped
from trainbot.adapters.hosts.libvirt_look import HostLook
from trainbot.config import ImageConfig
from trainbot.core.errors import BackendError
from trainbot.images.build.image_folder import FILES, BuiltImage, read_image
from trainbot.images.build.kernel import guest_types
from trainbot.images.build.recipe import load_recipe, recipe_hash
from trainbot.images.importing.initrd import drivers_in
from trainbot.model.host import HostConfig
from trainbot.model.host_address import host_address
from trainbot.ops.doctor.examine import in_thread
from trainbot.ops.doctor.finding import Finding, Findings
from trainbot.ops.doctor.here import LocalFacts
from trainbot.ops.doctor.image_findings import ImageSeen, image_findings

_PIECE = 16 << 20


async def examine_image(here: LocalFacts, section: ImageConfig) -> list[Finding]:
    words = Findings(f"image {section.name}")
    try:
        image = await in_thread(read_image, section.folder)
    except BackendError as error:
        return [words.failed("cannot be used", error, "so nobody can get a lab from it")]
    sums = await in_thread(_sums, here, image, words.subject)
    seen = ImageSeen(
        section,
        image,
        sums,
        await in_thread(_recipe, here, section, image),
        await in_thread(guest_types, image.kernel),
        await _hosts(here),
        frozenset(host_address(host.uri).kind for host in here.config.hosts),
        await in_thread(_drivers, image),
        await in_thread(_kernel_of, section, image),
    )
    return image_findings(words, seen)


def _sums(here: LocalFacts, image: BuiltImage, subject: str) -> dict[str, str]:
    """sha256 of each file."""
    found, done = {}, 0
    whole = sum((image.folder / name).stat().st_size for name in FILES) or 1
    for name in FILES:
        digest = hashlib.sha256()
        with (image.folder / name).open("rb") as file:
            while piece := file.read(_PIECE):
                digest.update(piece)
                done += len(piece)
                here.progress(subject, 100 * done // whole, f"{subject}: {name}")
        found[name] = digest.hexdigest()
    return found


def _drivers(image: BuiltImage) -> frozenset[str] | None:
    """The drivers of labs' disks in the initrd of an image that does not say what it lacks; None if it need not be read, or
    cannot be."""
    if image.lacks is not None:
        return None
    try:
        return drivers_in(image.initrd)
    except (BackendError, OSError):
        return None


def _recipe(here: LocalFacts, section: ImageConfig, image: BuiltImage) -> str | None:
    """The current hash of the bundled recipe and the installation's key; None for an imported image, without a recipe of
    that name, or without a key."""
    folder = shipped.folder("images") / section.name
    if image.source:
        return None
    private = here.config.gateway.lab_key
    public = private.with_name(private.name + ".pub")
    if not folder.is_dir() or not public.exists():
        return None
    return recipe_hash(folder, public.read_text(encoding="ascii", errors="replace"))


def _kernel_of(section: ImageConfig, image: BuiltImage) -> str:
    """The release of Debian whose kernel the bundled recipe takes instead of the system's own; '' if it does not."""
    folder = shipped.folder("images") / section.name
    if image.source or not folder.is_dir():
        return ""
    kernel = load_recipe(folder).kernel
    return kernel.suite if kernel else ""


async def _hosts(here: LocalFacts) -> dict[str, frozenset[str] | None]:
    """The versions on each host that keeps copies; None if unknown."""
    bot = await here.bot()
    views = bot.get("hosts", {}) if isinstance(bot, dict) else {}

    async def one(host: HostConfig) -> frozenset[str] | None:
        told = views.get(host.name, {}).get("images")
        if isinstance(told, list):
            return frozenset(map(str, told))
        look = await here.libvirt(host)
        return look.images if isinstance(look, HostLook) else None

    hosts = [host for host in here.config.hosts if host.images is not None]
    return dict(zip((host.name for host in hosts), await asyncio.gather(*map(one, hosts)), strict=True))
