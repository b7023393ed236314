"""The folder of image versions: each version appears complete or not at all, and only one process writes an image."""

from __future__ import annotations

import contextlib
import fcntl
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

from trainbot.core.errors import BackendError, UserError
from trainbot.images.build.command import BuildLog
from trainbot.images.build.image_folder import FILES, BuiltImage, write_image
from trainbot.images.build.progress_bar import Progress


def make_folder(images: Path) -> None:
    try:
        images.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise BackendError(f"cannot store images in {images}: {error.strerror}") from error


def check_space(images: Path, mib: int) -> None:
    free = shutil.disk_usage(images).free >> 20
    if free < mib:
        raise BackendError(f"{images} needs {mib} MiB of free space, but only {free} MiB are free")


def check_key(public_key: str) -> None:
    words = public_key.split()
    if len(words) < 2 or not words[0].startswith(("ssh-", "ecdsa-", "sk-")) or "\n" in public_key.strip():
        raise UserError("the lab key is not a single OpenSSH public key line: use the content of lab_key.pub")


def make_host_key(work: Path, log: BuildLog) -> str:
    """Create the image's own host key in ``work``/host_key; returns the public half without its comment."""
    log.run(["ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-C", "", "-f", str(work / "host_key")])
    return (work / "host_key.pub").read_text(encoding="ascii").strip()


@contextlib.contextmanager
def workplace(images: Path, name: str) -> Iterator[Path]:
    """A temporary folder for building the image `name`; removed afterwards, with those of killed builders."""
    for left_over in images.glob(f".{name}-build-*"):
        _remove(left_over)
    work = Path(tempfile.mkdtemp(prefix=f".{name}-build-", dir=images))
    try:
        yield work
    finally:
        _remove(work)


def _remove(folder: Path) -> None:
    """Nothing of what a killed builder may have mounted there, such as the machine's own /dev/shm."""
    subprocess.run(["rm", "-rf", "--one-file-system", str(folder)], capture_output=True, check=False)


def finish(image: BuiltImage, work: Path, version: Path) -> None:
    """The three files in `work` and what `image` says of them become `version`."""
    finished = work / version.name
    finished.mkdir(mode=0o755)
    for name in FILES:
        (work / name).rename(finished / name)
        (finished / name).chmod(0o444)
    write_image(image, finished)
    shutil.rmtree(version, ignore_errors=True)  # it is damaged: an intact one would have been used
    finished.rename(version)


@contextlib.contextmanager
def only_maker(images: Path, name: str, progress: Progress) -> Iterator[None]:
    """One builder per image, across processes."""
    with locked(images / f".{name}.lock", "waiting for another process that is building this image", progress):
        yield


@contextlib.contextmanager
def locked(path: Path, waiting: str, progress: Progress) -> Iterator[None]:
    """One process at a time; the kernel drops the lock when its holder dies (flock(2)).  ``waiting``: what is shown
    meanwhile."""
    with path.open("w") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            progress.stage(waiting)
            fcntl.flock(file, fcntl.LOCK_EX)
        yield
