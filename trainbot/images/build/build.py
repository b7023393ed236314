"""Builds a lab image, keeps it, and builds it again only when the recipe has changed.

CACHE/images/debian -> debian-0123456789ab      the current version
CACHE/images/debian-0123456789ab/               a version; never changed, because running labs use it
CACHE/images/debian-build.log                   the last build's log
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from trainbot.core.errors import BackendError
from trainbot.images.build.command import BuildLog
from trainbot.images.build.image_folder import (
    FILES,
    BuiltImage,
    digest,
    images_folder,
    load_image,
    point_at,
    read_image,
)
from trainbot.images.build.kernel import configured_types
from trainbot.images.build.overlay import write_overlay
from trainbot.images.build.pack import pack
from trainbot.images.build.progress_bar import Progress
from trainbot.images.build.recipe import Recipe, load_recipe, recipe_hash
from trainbot.images.build.rootfs import check_builder, make_rootfs
from trainbot.images.build.versions import (
    check_key,
    check_space,
    finish,
    make_folder,
    make_host_key,
    only_maker,
    workplace,
)
from trainbot.model.host import GuestType

_FREE_MIB = 4096


def image_is_current(recipe_dir: Path, cache: Path, public_key: str) -> bool:
    """Whether the cached image is what this recipe and key would produce."""
    try:
        return load_image(cache, load_recipe(recipe_dir).name).recipe == recipe_hash(recipe_dir, public_key)
    except BackendError:
        return False


def build_image(recipe_dir: Path, cache: Path, public_key: str, progress: Progress, mirror: str = "") -> BuiltImage:
    """Build the image of `recipe_dir`; `public_key` (an OpenSSH public key line) can log in to it as root;
    `mirror` takes the place of the recipe's own mirror, or of this machine's mirror of Debian.

    Returns at once if it is current, otherwise takes minutes.  A second builder waits for the first.  If interrupted, it
    leaves the image unchanged.  ConfigError: the recipe is wrong; BackendError: why building failed.
    """
    recipe, request = load_recipe(recipe_dir), recipe_hash(recipe_dir, public_key)
    check_key(public_key)
    images = images_folder(cache)
    make_folder(images)
    with only_maker(images, recipe.name, progress):
        if image_is_current(recipe_dir, cache, public_key):
            return load_image(cache, recipe.name)
        version = images / f"{recipe.name}-{request[:12]}"
        try:
            image = read_image(version)  # built earlier, before another version
        except BackendError:
            check_builder(recipe)
            check_space(images, _FREE_MIB)
            try:
                image = _build(recipe, request, public_key, version, progress, mirror)
            except OSError as error:
                raise BackendError(
                    f"building the image stopped because {images} cannot be written: {error.strerror}"
                ) from error
        point_at(images / recipe.name, image.folder)
    return image


def _build(recipe: Recipe, request: str, public_key: str, version: Path, progress: Progress, mirror: str) -> BuiltImage:
    """Build in a folder next to `version`, which appears complete or not at all."""
    log = BuildLog(version.parent / f"{recipe.name}-build.log")
    began = datetime.now(UTC)
    with workplace(version.parent, recipe.name) as work:
        host_key = make_host_key(work, log)
        write_overlay(recipe, public_key, work / "host_key", work / "overlay.tar")
        make_rootfs(recipe, work / "overlay.tar", work / "system.tar", log, progress, mirror)
        pack(recipe, work / "system.tar", work, log, progress)
        finish(_describe(recipe, request, host_key, work), work, version)
    minutes, seconds = divmod(int((datetime.now(UTC) - began).total_seconds()), 60)
    progress.done(f"image {recipe.name} is ready, built in {minutes} min {seconds} s")
    return read_image(version)


def _describe(recipe: Recipe, request: str, host_key: str, folder: Path) -> BuiltImage:
    return BuiltImage(
        folder=folder,
        name=recipe.name,
        suite=recipe.suite,
        recipe=request,
        root=recipe.root,
        cmdline=recipe.cmdline,
        permissive=recipe.permissive,
        enforcing=recipe.enforcing,
        user=recipe.user,
        host_key=host_key,
        memory_mib=recipe.memory_mib,
        disk_bytes=(folder / "disk.img").stat().st_size,
        sha256={name: digest(folder / name) for name in FILES},
        built_at=datetime.now(UTC),
        guests=_guests(folder / "config"),
    )


def _guests(config: Path) -> tuple[GuestType, ...] | None:
    """By the configuration of its kernel; None if the system has none."""
    try:
        return configured_types(config.read_text(encoding="utf-8", errors="replace").splitlines())
    except FileNotFoundError:
        return None
