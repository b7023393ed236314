"""Builds a tar of the whole system from a recipe, as root or as a user with subordinate ids.

mmdebstrap(1) makes a system of Debian's packages; dnf.py has what is different for RPM packages."""

from __future__ import annotations

import getpass
import os
import re
import shutil
import subprocess
from collections.abc import Sequence
from pathlib import Path

from trainbot.core.errors import BackendError
from trainbot.images.build.command import BuildLog, environment, missing_program
from trainbot.images.build.dnf import check_dnf, install
from trainbot.images.build.log_progress import LogProgress
from trainbot.images.build.overlay import HOOKS, write_kernel_overlay
from trainbot.images.build.progress_bar import Progress
from trainbot.images.build.recipe import Recipe
from trainbot.images.build.sources import KEYRING, debian_lines

# The build uses this machine's apt settings to reach the mirrors.
_REACH = re.compile(r'Acquire::(https?::Proxy(-Auto-Detect)?|https?::Proxy::\S+|Check-Valid-Until|Retries) ".+";')


def make_rootfs(recipe: Recipe, overlay: Path, to: Path, log: BuildLog, progress: Progress, mirror: str = "") -> None:
    """Write the system as a tar to `to`.  Takes minutes; BackendError if it fails.

    `mirror`: where the packages come from, instead of the recipe's own mirror or, of Debian's, the machine's.
    """
    check_builder(recipe)
    if not recipe.dnf:
        hooks = [hook.name for hook in recipe.hooks]
        _debian(recipe.suite, recipe.packages, hooks, overlay, to, log, progress, mirror)
        return
    kernel = None
    if recipe.kernel:
        files, kernel = to.with_name("kernel-files.tar"), to.with_name("kernel.tar")
        write_kernel_overlay(recipe, files)
        _debian(recipe.kernel.suite, recipe.kernel.packages, [], files, kernel, log, progress)
    install(recipe, mirror, overlay, kernel, to, log, progress, scratch(to.parent))
    if kernel:
        kernel.unlink()


def _debian(
    suite: str,
    packages: Sequence[str],
    hooks: Sequence[str],
    overlay: Path,
    to: Path,
    log: BuildLog,
    progress: Progress,
    mirror: str = "",
) -> None:
    lines = debian_lines(Path("/etc/apt"), Path("/etc/os-release"), suite, mirror)
    command = mmdebstrap(suite, packages, hooks, overlay, to, lines, _apt_options())
    log.run([*_mounts_apart(), *command], LogProgress(progress), env=scratch(to.parent), name="mmdebstrap")


def _mounts_apart() -> list[str]:
    """What comes before mmdebstrap as root: a mount namespace, so that its mounts (some are the machine's own /dev and /sys) end
    with it, whatever ends it, and are never below a folder that is removed.  An ordinary user's are in one anyway."""
    apart = ["unshare", "--mount"]
    if os.geteuid() != 0 or subprocess.run([*apart, "true"], capture_output=True, check=False).returncode:
        return []  # who may not make one may not mount either
    return apart


def check_builder(recipe: Recipe | None = None) -> None:
    """BackendError with the remedy if this machine or user cannot build images."""
    if recipe and recipe.dnf:
        check_dnf(recipe)
    for program in ("mmdebstrap", "mke2fs", "debugfs", "tar"):
        if not shutil.which(program, path=environment()["PATH"]):
            raise BackendError(missing_program(program))
    if not KEYRING.exists():
        raise BackendError("Debian's archive keys are not installed: apt install debian-archive-keyring")
    if os.geteuid() == 0:
        return
    if not shutil.which("newuidmap"):
        raise BackendError(missing_program("newuidmap"))
    if not _has_subordinate_ids():
        raise BackendError(
            "building without root needs subordinate ids, and this user has none: "
            "sudo usermod --add-subuids 100000-165535 --add-subgids 100000-165535 $USER"
        )


def mmdebstrap(
    suite: str,
    packages: Sequence[str],
    hooks: Sequence[str],
    overlay: Path,
    to: Path,
    sources: Sequence[str],
    apt_options: Sequence[str],
) -> list[str]:
    """The command.  The overlay comes before the packages are installed, so that their scripts find it."""
    return [
        "mmdebstrap",
        "--verbose",
        "--mode=auto",
        "--variant=apt",
        "--format=tar",
        # Its cleaning runs the machine's own apt-get; the recipe's last hook does it inside the new system.
        "--skip=cleanup/apt",
        f"--keyring={KEYRING}",
        "--components=main",
        f"--include={','.join(packages)}",
        *(f"--aptopt={option}" for option in ['APT::Install-Recommends "false"', *apt_options]),
        *(
            f"--dpkgopt={option}"
            for option in (
                "force-unsafe-io",
                "force-confold",
                "path-exclude=/usr/share/doc/*",
                "path-exclude=/usr/share/man/*",
                "path-exclude=/usr/share/info/*",
                "path-exclude=/usr/share/locale/*",
            )
        ),
        f"--essential-hook=tar-in {overlay} /",
        *(f'--customize-hook=chroot "$1" /bin/sh -eu /{HOOKS}/{hook}' for hook in hooks),
        f'--customize-hook=rm -rf "$1/{HOOKS}"',
        suite,
        str(to),
        *sources,
    ]


def scratch(work: Path) -> dict[str, str]:
    """Where the system is assembled: in our own folder as root, in /var/tmp as an ordinary user.

    A user namespace's root is one of the subordinate ids there, and those cannot enter a home that is closed.
    """
    return {"TMPDIR": str(work) if os.geteuid() == 0 else os.environ.get("TMPDIR", "/var/tmp")}  # noqa: S108  mmdebstrap makes a folder of its own in it


def _apt_options() -> list[str]:
    said = subprocess.run(["apt-config", "dump"], capture_output=True, text=True, check=False)
    return [line.removesuffix(";") for line in said.stdout.splitlines() if _REACH.fullmatch(line)]


def _has_subordinate_ids() -> bool:
    """subuid(5): lines of `name-or-uid:first:count`."""
    names = {getpass.getuser(), str(os.geteuid())}
    try:
        return all(
            names & {line.split(":")[0] for line in Path(file).read_text().splitlines()}
            for file in ("/etc/subuid", "/etc/subgid")
        )
    except OSError:
        return False
