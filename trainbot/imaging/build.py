"""Build a lab's image once, keep it, build again only when its recipe changed.

    CACHE/images/debian -> debian-0123456789ab      the current version
    CACHE/images/debian-0123456789ab/               a version; never changed, running labs stand on it
    CACHE/images/debian-build.log                   the last build's log
"""
from __future__ import annotations

import contextlib
import fcntl
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from trainbot.errors import BackendError, UserError
from trainbot.imaging.command import Log
from trainbot.imaging.image import FILES, Image, digest, images_folder, load_image, point_at, read_image, write_image
from trainbot.imaging.overlay import write_overlay
from trainbot.imaging.pack import pack
from trainbot.imaging.progress import Progress
from trainbot.imaging.recipe import Recipe, load_recipe, recipe_hash
from trainbot.imaging.rootfs import check_builder, make_rootfs

_FREE_MIB = 4096


def image_is_current(recipe_dir: Path, cache: Path, public_key: str) -> bool:
    """Is the cache's image the one this recipe and this key would give?"""
    try:
        return load_image(cache, load_recipe(recipe_dir).name).recipe == recipe_hash(recipe_dir, public_key)
    except BackendError:
        return False


def build_image(recipe_dir: Path, cache: Path, public_key: str, progress: Progress) -> Image:
    """The image of `recipe_dir` whose root lets in `public_key` (an OpenSSH public key line).

    At once when it is current, otherwise after minutes.  A second builder waits for the first.  Interrupted, it
    leaves the image as it was.  ConfigError: the recipe is wrong; BackendError: building failed, and why.
    """
    recipe, wanted = load_recipe(recipe_dir), recipe_hash(recipe_dir, public_key)
    _check_key(public_key)
    images = images_folder(cache)
    _make_folder(images)
    with _lock(images / f".{recipe.name}.lock", progress):
        if image_is_current(recipe_dir, cache, public_key):
            return load_image(cache, recipe.name)
        version = images / f"{recipe.name}-{wanted[:12]}"
        try:
            image = read_image(version)     # built before, and another since
        except BackendError:
            check_builder()
            _check_space(images)
            image = _build(recipe, wanted, public_key, version, progress)
        point_at(images / recipe.name, image.folder)
    return image


def _build(recipe: Recipe, wanted: str, public_key: str, version: Path, progress: Progress) -> Image:
    """Build in a folder beside `version`, which appears complete or not at all."""
    for left_over in version.parent.glob(f".{recipe.name}-build-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    log = Log(version.parent / f"{recipe.name}-build.log")
    began = datetime.now(UTC)
    work = Path(tempfile.mkdtemp(prefix=f".{recipe.name}-build-", dir=version.parent))
    try:
        host_key = _make_host_key(work, log)
        write_overlay(recipe, public_key, work / "host_key", work / "overlay.tar")
        make_rootfs(recipe, work / "overlay.tar", work / "system.tar", log, progress)
        pack(recipe, work / "system.tar", work, log, progress)
        finished = work / version.name
        finished.mkdir(mode=0o755)
        for name in FILES:
            (work / name).rename(finished / name)
            (finished / name).chmod(0o444)
        write_image(_describe(recipe, wanted, host_key, finished))
        shutil.rmtree(version, ignore_errors=True)   # a damaged one: an intact one would have been taken
        finished.rename(version)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    minutes, seconds = divmod(int((datetime.now(UTC) - began).total_seconds()), 60)
    progress.done(f"the image {recipe.name} is ready, built in {minutes} min {seconds} s")
    return read_image(version)


def _describe(recipe: Recipe, wanted: str, host_key: str, folder: Path) -> Image:
    return Image(
        folder=folder, name=recipe.name, suite=recipe.suite, recipe=wanted, root=recipe.root, cmdline=recipe.cmdline,
        permissive=recipe.permissive, enforcing=recipe.enforcing, user=recipe.user, host_key=host_key,
        memory_mib=recipe.memory_mib, disk_bytes=(folder / "disk.img").stat().st_size,
        sha256={name: digest(folder / name) for name in FILES}, built_at=datetime.now(UTC))


def _make_host_key(work: Path, log: Log) -> str:
    """A host key of the image's own; returns the public half without its comment."""
    log.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(work / "host_key")])
    return (work / "host_key.pub").read_text(encoding="ascii").strip()


def _check_key(public_key: str) -> None:
    words = public_key.split()
    if len(words) < 2 or not words[0].startswith(("ssh-", "ecdsa-", "sk-")) or "\n" in public_key.strip():
        raise UserError("the lab key is not one OpenSSH public key line: give the content of lab_key.pub")


def _make_folder(images: Path) -> None:
    try:
        images.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BackendError(f"images cannot be kept in {images}: {error.strerror}") from error


def _check_space(images: Path) -> None:
    free = shutil.disk_usage(images).free >> 20
    if free < _FREE_MIB:
        raise BackendError(f"building needs {_FREE_MIB} MiB in {images}, only {free} MiB are free")


@contextlib.contextmanager
def _lock(path: Path, progress: Progress) -> Iterator[None]:
    """One builder an image, across processes; the kernel drops the lock when its holder dies (flock(2))."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.stage("waiting for another process that builds this image")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
