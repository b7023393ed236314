"""Builds a tar of the whole system from a recipe with dnf(8), as root or as a user with subordinate ids.

dnf installs nothing that is not signed by one of the recipe's keys.  The machine's own configuration of dnf plays no part.
"""

from __future__ import annotations

import io
import re
import shutil
import subprocess
import tarfile
import tempfile
from collections.abc import Mapping
from pathlib import Path

from trainbot.core.errors import BackendError, ConfigError
from trainbot.images.build.command import BuildLog, as_root, environment, missing_program
from trainbot.images.build.cpu import cpu_is
from trainbot.images.build.overlay import HOOKS
from trainbot.images.build.progress_bar import Progress
from trainbot.images.build.recipe import DnfTable, Recipe

_HERE = Path(__file__).parent
_COUNT = re.compile(r"(?P<at>\d+)/(?P<of>\d+)")
_FAILED = re.compile(r"Error in \w+ scriptlet in rpm package (?P<package>\S+)")
_STAGES = {
    "Downloading Packages:": "downloading packages",
    "Running transaction check": "checking the packages",
    "Running transaction": "installing packages",
}


def check_dnf(recipe: Recipe) -> None:
    """BackendError with the remedy if a program for RPM packages is missing, or if this CPU cannot run those that are
    installed; ConfigError if one of the recipe's keys is missing."""
    for program in ("dnf", "gpg", "unshare"):
        if not shutil.which(program, path=environment()["PATH"]):
            raise BackendError(missing_program(program))
    if recipe.dnf and recipe.dnf.cpu and not cpu_is(recipe.dnf.cpu):
        raise BackendError(
            f"the programs of {recipe.name} need a CPU of level {recipe.dnf.cpu}, to be installed as well as in its labs, and "
            "this machine's is older: build an earlier release"
        )
    for key in recipe.dnf.keys if recipe.dnf else ():
        key_file(recipe.folder.parent / "keys", key)


def write_request(recipe: Recipe, mirror: str, overlay: Path, kernel: Path | None, to: Path) -> None:
    """Write all that dnf.sh needs as a tar; ConfigError if a key is missing or is another than the recipe says."""
    assert recipe.dnf
    keys = {key: key_file(recipe.folder.parent / "keys", key) for key in recipe.dnf.keys}
    content: dict[str, bytes] = {
        "dnf.conf": dnf_conf(recipe, mirror or recipe.dnf.mirror).encode(),
        # rpm leaves /proc as it is: the root of a user namespace may not change its owner
        "home/.rpmmacros": f"%_dbpath {recipe.dnf.rpmdb}\n%_netsharedpath /proc\n".encode(),
        "hooks": "".join(f"{HOOKS}/{hook.name}\n" for hook in recipe.hooks).encode(),
        "name": recipe.name.encode(),
        "release": recipe.dnf.release.encode(),
        **{f"keys/{key}.asc": path.read_bytes() for key, path in keys.items()},
    }
    files = {"overlay.tar": overlay} | ({"kernel.tar": kernel} if kernel else {})
    with tarfile.open(to, "w") as tar:
        for name, data in content.items():
            entry = tarfile.TarInfo(name)
            entry.size = len(data)
            tar.addfile(entry, io.BytesIO(data))
        for name, path in files.items():
            tar.add(path, name)


def install(
    recipe: Recipe,
    mirror: str,
    overlay: Path,
    kernel: Path | None,
    to: Path,
    log: BuildLog,
    progress: Progress,
    env: Mapping[str, str],
) -> None:
    """Write the system as a tar to `to`.  Takes minutes; BackendError if it fails."""
    request = to.with_name("request.tar")
    write_request(recipe, mirror, overlay, kernel, request)
    script, inside = ((_HERE / name).read_text(encoding="utf-8") for name in ("dnf.sh", "dnf_inside.sh"))
    progress.stage("reading package lists")
    with request.open("rb") as stdin, to.open("wb") as stdout:
        command = [*as_root(), "sh", "-c", script, "_", inside, *recipe.packages]
        log.run(command, follow := DnfProgress(progress), stdin=stdin, stdout=stdout, env=dict(env), name="dnf")
    if follow.failed:
        names = ", ".join(dict.fromkeys(follow.failed))
        progress.done(f"scriptlets of these packages failed (see {log.path}): {names}")
    request.unlink()


def dnf_conf(recipe: Recipe, mirror: str) -> str:
    """The whole configuration; @WORK@ stands for the folder that it is in."""
    table: DnfTable | None = recipe.dnf
    assert table
    lines = [
        "[main]",
        "gpgcheck=1",
        "localpkg_gpgcheck=1",
        "assumeyes=1",
        "best=1",
        "install_weak_deps=0",
        "tsflags=nodocs",
        "plugins=0",
        "reposdir=@WORK@/none",
        "varsdir=@WORK@/none",
        "cachedir=/var/cache/dnf",  # in the new system; dnf.sh removes it
        "skip_if_unavailable=0",
        "retries=3",
        "timeout=30",
        f"module_platform_id={table.platform}",
        *(["excludepkgs=kernel kernel-*"] if recipe.kernel else []),
    ]
    for name, place in table.repositories.items():
        lines += [
            f"[{name}]",
            f"name={name}",
            f"baseurl={mirror}{place}",
            "enabled=1",
            "gpgcheck=1",
            f"gpgkey={' '.join(f'file://@WORK@/keys/{key}.asc' for key in table.keys)}",
        ]
    return "\n".join(lines) + "\n"


def key_file(folder: Path, fingerprint: str) -> Path:
    """The file in `folder` with that public key and no other; ConfigError if there is none."""
    path = folder / f"{fingerprint}.asc"
    if not path.is_file():
        raise ConfigError(f"the key that signs the packages is not there: {path}")
    with tempfile.TemporaryDirectory(prefix="tb-gpg-") as home:
        said = subprocess.run(
            ["gpg", "--homedir", home, "--batch", "--no-options", "--with-colons", "--show-keys", str(path)],
            capture_output=True,
            text=True,
            check=False,
            env=environment(),
        ).stdout
    found = re.findall(r"^pub:.*\nfpr:(?:[^:]*:){8}([0-9A-F]+):", said, re.MULTILINE)
    if found != [fingerprint]:
        raise ConfigError(f"{path} contains another key: {', '.join(found) or 'none'}")
    return path


class DnfProgress:
    """Takes every line of dnf and of dnf.sh and reports the stages and how many of their packages are done."""

    def __init__(self, progress: Progress) -> None:
        self._progress = progress
        self.failed: list[str] = []  # packages whose scriptlets failed, which dnf itself passes over

    def __call__(self, line: str) -> None:
        if failed := _FAILED.search(line):
            self.failed.append(failed["package"])
        elif line.startswith("stage: "):
            self._progress.stage(line.removeprefix("stage: "))
        elif line in _STAGES:
            self._progress.stage(_STAGES[line])
        elif (count := _COUNT.search(line)) and int(count["of"]) and line.lstrip().startswith(("(", "Installing")):
            self._progress.step(int(count["at"]), int(count["of"]), line.split(":", 1)[-1].split(maxsplit=1)[0])
