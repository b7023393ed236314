"""The Xen host that the tests boot: built once from Debian's packages with trainbot's own image builder, then kept.

    CACHE/xen-0123456789ab/      disk.img, vmlinuz, initrd, xen: the host; labs.img: the Debian lab, read-only
    CACHE/xen-0123456789ab/booted-0123456789ab/    that host as it was when it had booted (xen_host.py)
    CACHE/xen_key                opens the hosts' ssh; for tests alone
    CACHE/xen-build.log          the last build's log
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import os
import shutil
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from trainbot.imaging.command import Log
from trainbot.imaging.image import Image
from trainbot.imaging.overlay import write_overlay
from trainbot.imaging.progress import Progress
from trainbot.imaging.recipe import Recipe, load_recipe, recipe_hash
from trainbot.imaging.rootfs import check_builder, make_rootfs, scratch
from trainbot.installation import lab_key

RECIPE = Path(__file__).with_name("host")
LABS = Path("/var/lib/labs")  # labs.img on the host (files/etc/fstab)
TINY = Path("/var/lib/tiny")  # made by hooks/30-tiny.sh
_VERSION = "1"  # raise it when this module makes something else of the same recipe
_LABS_MIB = 3072  # sparse


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


def host_image(lab: Image, cache: Path, progress: Progress) -> HostImage:
    """The host with ``lab`` on it: at once when it is there already, otherwise after minutes."""
    recipe, key = load_recipe(RECIPE), cache / "xen_key"
    public_key = lab_key(key)
    parts = (_VERSION, recipe_hash(RECIPE, public_key), lab.recipe, lab.host_key)
    version = cache / f"xen-{hashlib.sha256(' '.join(parts).encode()).hexdigest()[:12]}"
    with locked(cache / ".xen.lock", progress):
        if not version.is_dir():
            check_builder()
            for older in [*cache.glob("xen-" + "?" * 12), *cache.glob(".xen-build-*")]:
                shutil.rmtree(older)
            _build(recipe, public_key, lab, version, progress)
    return HostImage(version, key, recipe)


def _build(recipe: Recipe, public_key: str, lab: Image, version: Path, progress: Progress) -> None:
    """Builds beside ``version``, which appears complete or not at all."""
    began = time.monotonic()
    log = Log(version.parent / "xen-build.log")
    work = Path(tempfile.mkdtemp(prefix=".xen-build-", dir=version.parent))
    try:
        finished = work / version.name
        finished.mkdir()
        progress.stage("a Xen host for the tests: it is built once and kept")
        log.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(work / "host_key")])
        shutil.copy(work / "host_key.pub", finished)
        write_overlay(recipe, public_key, work / "host_key", work / "overlay.tar")
        make_rootfs(recipe, work / "overlay.tar", work / "system.tar", log, progress)
        _pack(recipe, work, finished, log, progress)
        _pack_labs(lab, work, finished / "labs.img", log, progress)
        finished.rename(version)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    progress.done(f"the Xen host is built, in {time.monotonic() - began:.0f} s")


def _pack(recipe: Recipe, work: Path, to: Path, log: Log, progress: Progress) -> None:
    """The host's own files, from the tar of its system: host/pack.sh, as an ordinary user in a user namespace."""
    script = (RECIPE / "pack.sh").read_text(encoding="utf-8")
    enter = [] if os.geteuid() == 0 else ["mmdebstrap", "--unshare-helper"]
    packed = work / "packed.tar"
    progress.stage("unpacking for the disk")
    with (work / "system.tar").open("rb") as stdin, packed.open("wb") as stdout:
        log.run([*enter, "sh", "-c", script, "_", recipe.name, str(recipe.disk_mib)], stdin=stdin, stdout=stdout,
                env=scratch(work))
    log.run(["tar", "-x", "-S", "-f", str(packed), "-C", str(to), "--no-same-owner"])


def _pack_labs(lab: Image, work: Path, to: Path, log: Log, progress: Progress) -> None:
    """A file system with the lab's files in it.  dom0 has it read-only, so that all hosts share the one file."""
    progress.stage("copying the Debian lab onto the host")
    tree = work / "labs" / lab.name
    tree.mkdir(parents=True)
    for file in (lab.disk, lab.kernel, lab.initrd):
        os.link(file, tree / file.name)
    log.run(["mke2fs", "-q", "-t", "ext4", "-O", "^has_journal", "-L", "labs", "-m", "0", "-d", str(tree.parent),
             str(to), f"{_LABS_MIB}M"])


@contextlib.contextmanager
def locked(path: Path, progress: Progress) -> Iterator[None]:
    """One builder at a time, across processes; the kernel drops the lock when its holder dies (flock(2))."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.stage("waiting for another process that builds a Xen host")
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
