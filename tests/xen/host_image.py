"""The Xen hosts that the tests boot: built once from Debian's packages with trainbot's own image builder, then kept.

host/     libvirt with its default network, and the tiny lab: what most tests need
plain/    what a Debian admin has after installing Xen, and the packages to make a host of it, offline
both/     laid under either

CACHE/xen-0123456789ab/      disk.img, vmlinuz, initrd, xen: the host
CACHE/xen-0123456789ab/tiny-0123456789ab/      the tiny lab, in an image's form (tiny_image.py)
CACHE/xen-0123456789ab/booted-0123456789ab/    that host as it was when it had booted (xen_host.py)
CACHE/xen-plain-0123456789ab/                  the other one, without a lab
CACHE/xen_key                opens the hosts' ssh; for tests alone
CACHE/xen-build.log          the last build's log; xen-plain-build.log: the other one's
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from tiny_image import describe_tiny

from tests.peers.waiting import one_builder
from trainbot.adapters.state_folder import lab_key
from trainbot.images.build.command import BuildLog
from trainbot.images.build.overlay import write_overlay
from trainbot.images.build.progress_bar import Progress
from trainbot.images.build.recipe import Recipe, load_recipe, recipe_hash
from trainbot.images.build.rootfs import check_builder, make_rootfs, scratch

TINY = Path("/var/lib/tiny")  # made by hooks/30-tiny.sh
_RECIPES = Path(__file__).parent
_LETS_IN = "files/usr/local/share/tiny/authorized_keys"  # what hooks/30-tiny.sh puts into the tiny lab
_VERSION = "4"  # raise it when this module makes something else of the same recipe


@dataclass(frozen=True)
class HostImage:
    """``folder`` is never changed, but for what has booted from it being kept there.  ``key`` is the private half of
    what root's authorized_keys holds, ``host_key`` the public key that the host's sshd shows."""

    folder: Path
    key: Path
    recipe: Recipe

    @property
    def host_key(self) -> str:
        return (self.folder / "host_key.pub").read_text(encoding="ascii").strip()

    @property
    def ready(self) -> str:
        """What is run on a host that has booted; it is ready for tests when that has ended."""
        return (self.recipe.folder / "ready.sh").read_text(encoding="utf-8")

    @property
    def tiny(self) -> Path:
        """The tiny lab's folder, for trainbot.images.build.image_folder.read_image."""
        (folder,) = self.folder.glob("tiny-*")
        return folder


def host_image(lab_public_key: str, cache: Path, progress: Progress) -> HostImage:
    """The host, with a tiny lab on it that lets in ``lab_public_key``: at once when it is there already, otherwise after
    minutes."""
    return _kept("host", "xen", {_LETS_IN: lab_public_key + "\n"}, cache, progress)


def plain_image(cache: Path, progress: Progress) -> HostImage:
    """The host without libvirt: at once when it is there already, otherwise after minutes."""
    return _kept("plain", "xen-plain", {}, cache, progress)


def _kept(own: str, called: str, added: dict[str, str], cache: Path, progress: Progress) -> HostImage:
    with one_builder(cache / ".xen_key.lock", progress):
        key = cache / "xen_key"
        public_key = lab_key(key)
    with _whole(_RECIPES / own, added) as recipe, one_builder(cache / f".{called}.lock", progress):
        wanted = hashlib.sha256(f"{_VERSION} {recipe_hash(recipe.folder, public_key)}".encode()).hexdigest()
        version = cache / f"{called}-{wanted[:12]}"
        if not version.is_dir():
            check_builder()
            for older in [*cache.glob(f"{called}-{'?' * 12}"), *cache.glob(f".{called}-build-*")]:
                shutil.rmtree(older)
            _build(recipe, wanted, public_key, called, version, progress)
    return HostImage(version, key, load_recipe(_RECIPES / own))


@contextlib.contextmanager
def _whole(own: Path, added: dict[str, str]) -> Iterator[Recipe]:
    """The recipe in a folder of its own: what both hosts have, what this one has, and what only the caller knows."""
    with tempfile.TemporaryDirectory(prefix="tb-xen-recipe-") as folder:
        for part in (_RECIPES / "both", own):
            shutil.copytree(part, folder, dirs_exist_ok=True)
        for inside, text in added.items():
            (Path(folder) / inside).write_text(text, encoding="utf-8")
        yield load_recipe(Path(folder))


def _build(recipe: Recipe, wanted: str, public_key: str, called: str, version: Path, progress: Progress) -> None:
    """Builds beside ``version``, which appears complete or not at all."""
    began = time.monotonic()
    log = BuildLog(version.parent / f"{called}-build.log")
    work = Path(tempfile.mkdtemp(prefix=f".{called}-build-", dir=version.parent))
    try:
        finished = work / version.name
        finished.mkdir()
        progress.stage(f"a Xen host for the tests ({recipe.name}): it is built once and kept")
        log.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(work / "host_key")])
        shutil.copy(work / "host_key.pub", finished)
        write_overlay(recipe, public_key, work / "host_key", work / "overlay.tar")
        make_rootfs(recipe, work / "overlay.tar", work / "system.tar", log, progress)
        _pack(recipe, work, finished, log, progress)
        if (finished / TINY.name).is_dir():
            describe_tiny(finished / TINY.name, recipe.suite, wanted)
        finished.rename(version)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    progress.done(f"the Xen host ({recipe.name}) is built, in {time.monotonic() - began:.0f} s")


def _pack(recipe: Recipe, work: Path, to: Path, log: BuildLog, progress: Progress) -> None:
    """The host's own files, from the tar of its system: both/pack.sh, as an ordinary user in a user namespace."""
    script = (recipe.folder / "pack.sh").read_text(encoding="utf-8")
    enter = [] if os.geteuid() == 0 else ["mmdebstrap", "--unshare-helper"]
    packed = work / "packed.tar"
    progress.stage("unpacking for the disk")
    with (work / "system.tar").open("rb") as stdin, packed.open("wb") as stdout:
        log.run(
            [*enter, "sh", "-c", script, "_", recipe.name, str(recipe.disk_mib)],
            stdin=stdin,
            stdout=stdout,
            env=scratch(work),
        )
    log.run(["tar", "-x", "-S", "-f", str(packed), "-C", str(to), "--no-same-owner"])
