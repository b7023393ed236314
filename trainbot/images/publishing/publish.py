"""Writes the published files of an image: disk, kernel, configurations, instructions, checks and checksums.

Existing files are not written again: a folder's name is a hash of its content, and the link moves atomically.
"""

from __future__ import annotations

import hashlib
import shutil
import subprocess
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from trainbot.core.errors import BackendError
from trainbot.images.build.command import BuildLog, environment, missing_program
from trainbot.images.build.image_folder import BuiltImage, digest, point_at
from trainbot.images.build.kernel import guest_types
from trainbot.images.build.progress_bar import Progress
from trainbot.images.publishing import checks, configurations
from trainbot.images.publishing import howto as page
from trainbot.images.publishing.keyless import keyless_copy
from trainbot.images.publishing.published import FOLDER, SUMS, address
from trainbot.model.exercise import Exercise
from trainbot.model.host import GuestType

# Raise it when a change makes other files from the same image and exercises.
PUBLISHER_VERSION = 1
_PIECE = 1 << 20
_OLD_KEPT = 1  # versions before the current one, for downloads that are under way


def publish(
    image: BuiltImage, exercises: Sequence[Exercise], public: Path, public_url: str, progress: Progress
) -> Path:
    """Publishes ``image`` and the checks of the exercises that use it below ``public``, and returns the folder; returns
    at once if nothing has changed.  Raises BackendError on failure; what was published before is then still there."""
    texts = _texts(image, exercises, public_url)
    images = public / FOLDER
    version = images / f"{image.name}-{_identity(image, texts)[:12]}"
    try:
        images.mkdir(parents=True, exist_ok=True)
        if not (version / SUMS).exists():
            _make(image, texts, version, progress)
        point_at(images / image.name, version)
        _sweep(images, image.name, version)
    except OSError as error:
        raise BackendError(f"cannot write to {images}: {error.strerror}") from None
    progress.done(f"{image.name} is published in {images / image.name}")
    return images / image.name


def guests(image: BuiltImage) -> list[GuestType]:
    """The Xen guest types that the image's kernel supports besides HVM: PVH if that is unknown."""
    known = frozenset(image.guests) if image.guests is not None else guest_types(image.kernel)
    can = known if known is not None else {GuestType.PVH}
    return [guest for guest in (GuestType.PVH, GuestType.PV) if guest in can]


def _texts(image: BuiltImage, exercises: Sequence[Exercise], public_url: str) -> dict[str, str]:
    """Name -> content of each small file except the checksums."""
    kinds = guests(image)
    texts = {configurations.xl_name(image, guest): configurations.xl(image, guest) for guest in kinds}
    texts |= {configurations.xml_name(image, guest): configurations.libvirt_xml(image, guest) for guest in kinds}
    texts[configurations.qemu_name(image)] = configurations.qemu(image)
    scripts = {checks.file_name(exercise): checks.check_script(exercise) for exercise in exercises}
    scripts = {name: text for name, text in scripts.items() if text}
    texts |= scripts
    texts["index.html"] = page.how_to(image, kinds, list(scripts), address(public_url, image.name))
    return texts


def _identity(image: BuiltImage, texts: Mapping[str, str]) -> str:
    """The digest of everything that determines the folder's content."""
    found = hashlib.sha256(f"trainbot published {PUBLISHER_VERSION}\n".encode())
    for name, value in [*sorted(image.sha256.items()), *sorted(texts.items())]:
        found.update(f"{name}\n{len(value)}\n{value}\n".encode())
    return found.hexdigest()


def _make(image: BuiltImage, texts: Mapping[str, str], version: Path, progress: Progress) -> None:
    """Writes the files in a folder next to ``version``, which appears complete or not at all."""
    for left_over in version.parent.glob(f".{image.name}-publish-*"):
        shutil.rmtree(left_over, ignore_errors=True)
    work = Path(tempfile.mkdtemp(prefix=f".{image.name}-publish-", dir=version.parent))
    try:
        log = BuildLog(work / "log")
        progress.stage("copying the disk without keys")
        disk = work / f"{image.name}.img"
        keyless_copy(image, disk, log)
        offered = work / "offered"
        offered.mkdir(mode=0o755)
        progress.stage("compressing the disk")
        compress(disk, offered / f"{disk.name}.zst", progress)
        for name in ("vmlinuz", "initrd"):
            shutil.copyfile(image.folder / name, offered / name)
        for name, text in texts.items():
            (offered / name).write_text(text, encoding="utf-8")
        sums = "".join(f"{digest(path)}  {path.name}\n" for path in sorted(offered.iterdir()))
        sums += f"{digest(disk)}  {disk.name}\n"
        (offered / SUMS).write_text(sums, encoding="ascii")
        for path in offered.iterdir():
            path.chmod(0o644)
        offered.rename(version)
    finally:
        shutil.rmtree(work, ignore_errors=True)


def compress(source: Path, to: Path, progress: Progress) -> None:
    """zstd(1): the same bytes for the same content and version of zstd, on any number of cores."""
    size, done = source.stat().st_size, 0
    try:
        zstd = subprocess.Popen(
            ["zstd", "-q", "-9", "-T0", f"--stream-size={size}", "-o", str(to)],
            env=environment(),
            stdin=subprocess.PIPE,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
    except FileNotFoundError:
        raise BackendError(missing_program("zstd")) from None
    assert zstd.stdin and zstd.stderr
    try:
        with source.open("rb") as file:
            while piece := file.read(_PIECE):
                zstd.stdin.write(piece)
                done += len(piece)
                progress.step(done >> 20, size >> 20)
        zstd.stdin.close()
        wrong = zstd.stderr.read(500).decode(errors="replace").strip()
        if zstd.wait():
            raise BackendError(f"zstd could not compress the disk: {wrong}")
    except BrokenPipeError:
        raise BackendError(
            "zstd could not compress the disk: " + zstd.stderr.read(500).decode(errors="replace").strip()
        ) from None
    finally:
        if zstd.poll() is None:
            zstd.kill()
            zstd.wait()
        zstd.stderr.close()


def _sweep(images: Path, name: str, current: Path) -> None:
    """Removes older versions, except the one before the current one."""
    old = sorted(
        (folder for folder in images.glob(f"{name}-{'?' * 12}") if folder.is_dir() and folder != current),
        key=lambda folder: folder.stat().st_mtime,
        reverse=True,
    )
    for folder in old[_OLD_KEPT:]:
        shutil.rmtree(folder, ignore_errors=True)
