"""What the images have in common that the tests make as distributions offer them: a qcow2 file from Debian's packages.

Each is made once for each version of its module and of this one, and kept in the cache, outside of the checkout.
"""

from __future__ import annotations

import hashlib
import io
import os
import tarfile
import tempfile
from collections.abc import Callable
from pathlib import Path

from trainbot.images.build.command import BuildLog
from trainbot.images.build.progress_bar import Progress
from trainbot.images.build.recipe import Recipe
from trainbot.images.build.rootfs import make_rootfs, scratch
from trainbot.ops.demo.world import cache_folder

_INITRAMFS = b"MODULES=most\nCOMPRESS=zstd\n"


def kept(name: str, module: Path, make: Callable[[Path, Progress], Path], progress: Progress) -> Path:
    """The file that ``make`` leaves in the folder it is given, now or an earlier time."""
    made_of = hashlib.sha256(module.read_bytes() + Path(__file__).read_bytes()).hexdigest()[:12]
    there = cache_folder() / f"{name}-{made_of}.qcow2"
    if not there.exists():
        for old in there.parent.glob(f"{name}-*.qcow2"):
            old.unlink()
        with tempfile.TemporaryDirectory(prefix=f".{name}-", dir=there.parent) as work:
            make(Path(work), progress).rename(there)
    return there


def install(work: Path, name: str, packages: tuple[str, ...], hook: str, progress: Progress) -> BuildLog:
    """Makes work/system.tar: a system with these packages, in which ``hook`` has run; returns the log of it."""
    (work / "hooks").mkdir()
    (work / f"hooks/10-{name}.sh").write_text(hook)
    recipe = Recipe(work, name, "bookworm", "root", 1400, 512, "", "", "", packages)
    log = BuildLog(work.parent / f"{name}-build.log")
    with tarfile.open(work / "overlay.tar", "w") as tar:
        for path, content in (
            (f"./var/tmp/lab-hooks/10-{name}.sh", hook.encode()),
            ("./etc/initramfs-tools/conf.d/cloud", _INITRAMFS),
        ):
            entry = tarfile.TarInfo(path)
            entry.size, entry.mode = len(content), 0o755
            tar.addfile(entry, io.BytesIO(content))
    make_rootfs(recipe, work / "overlay.tar", work / "system.tar", log, progress)
    return log


def run_inside(work: Path, log: BuildLog, script: str, *words: str) -> None:
    """Runs ``script`` as root of the system's files, with system.tar as its input; unpacks the tar that it writes into work."""
    enter = [] if os.geteuid() == 0 else ["mmdebstrap", "--unshare-helper"]
    with (work / "system.tar").open("rb") as stdin, (work / "made.tar").open("wb") as stdout:
        log.run([*enter, "sh", "-c", script, "_", *words], stdin=stdin, stdout=stdout, env=scratch(work))
    log.run(["tar", "-x", "-S", "-f", str(work / "made.tar"), "-C", str(work), "--no-same-owner"])
