"""Turns a distribution's cloud image into a lab image, in a folder like the builder's."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trainbot.core.errors import BackendError, UserError
from trainbot.images.build.command import BuildLog
from trainbot.images.build.image_folder import FILES, BuiltImage, digest, point_at, read_image
from trainbot.images.build.progress_bar import Progress
from trainbot.images.build.versions import (
    check_key,
    check_space,
    finish,
    make_folder,
    make_host_key,
    only_maker,
    workplace,
)
from trainbot.images.importing import fetch, sums
from trainbot.images.importing.disk import as_raw_disk
from trainbot.images.importing.opened import DiskContents, open_disk
from trainbot.images.importing.remarks import boot_line, mode_words, remarks
from trainbot.images.importing.seed import seed_files
from trainbot.images.importing.tmux import tmux_files

# Raise it when the same file would give a different image.
IMPORTER_VERSION = 2
_FREE_MIB = 4096


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """``source``: an address or a file; ``sum``: its SHA-256 or SHA-512; ``sums``: an address or a file that has it
    ('': not given); ``kernel``: its version, '' for the newest; ``memory``: MiB per lab."""

    source: str
    sum: str = ""
    sums: str = ""
    kernel: str = ""
    memory: int = 1024


def import_image(name: str, request: ImportRequest, images: Path, public_key: str, progress: Progress) -> BuiltImage:
    """Import the image ``name`` into the folder ``images``; ``public_key`` can log in to it as root.

    Returns at once if it was imported before.  Interrupted downloads resume.  BackendError and
    UserError say what is wrong; existing images stay.
    """
    check_key(public_key)
    remote = fetch.is_address(request.source)
    if remote and not (request.sum or request.sums):
        raise UserError("a download needs a checksum: add --sha256 with the one from the distribution's page")
    make_folder(images)
    with only_maker(images, name, progress):
        source = fetch.download(request.source, images, progress) if remote else _file(request.source)
        found = _compare(source, request, progress)
        key = " ".join(public_key.split()[:2])
        identity = hashlib.sha256(
            f"trainbot import {IMPORTER_VERSION}\n{found}\n{key}\n{request.kernel}\n{bool(tmux_files())}\n".encode()
        )
        version = images / f"{name}-{identity.hexdigest()[:12]}"
        try:
            image = read_image(version)
        except BackendError:
            check_space(images, _FREE_MIB)
            image = _import(name, request, source, identity.hexdigest(), version, public_key, progress)
        point_at(images / name, image.folder)
        if remote:
            source.unlink(missing_ok=True)
    return image


def _file(source: str) -> Path:
    path = Path(source)
    if not path.is_file():
        raise UserError(f"no such file: {source}")
    return path


def _compare(source: Path, request: ImportRequest, progress: Progress) -> str:
    told = request.sum
    if not told and request.sums:
        listed = (
            fetch.text(request.sums)
            if fetch.is_address(request.sums)
            else _file(request.sums).read_text("utf-8", "replace")
        )
        told = sums.find_sum(
            listed, fetch.file_name(request.source) if fetch.is_address(request.source) else source.name
        )
    progress.stage("checking the checksum" if told else "taking the checksum")
    try:
        return sums.compare(source, told, progress.step)
    except BackendError:
        if fetch.is_address(request.source):
            source.unlink(missing_ok=True)  # the next try starts over
        raise


def _import(
    name: str, request: ImportRequest, source: Path, identity: str, version: Path, public_key: str, progress: Progress
) -> BuiltImage:
    log = BuildLog(version.parent / f"{name}-build.log", "importing the image")
    with workplace(version.parent, name) as work:
        disk = as_raw_disk(source, work, log, progress)
        host_key = make_host_key(work, log)
        private = (work / "host_key").read_text(encoding="ascii")
        opened = open_disk(
            disk, work, request.kernel, seed_files(name, version.name, public_key, private, host_key), progress
        )
        progress.stage("computing checksums of the result")
        finish(_describe(name, request, opened, identity, host_key, work), work, version)
    others = [each.version for each in opened.facts.kernels if each.initrd and each.version != opened.kernel]
    progress.done(
        f"{opened.facts.product} is ready as {name}, with kernel {opened.kernel}"
        + (f" (there is also {', '.join(others)}: --kernel)" if others else "")
    )
    for line in remarks(opened):
        progress.done(line)
    return read_image(version)


def _describe(
    name: str, request: ImportRequest, opened: DiskContents, identity: str, host_key: str, folder: Path
) -> BuiltImage:
    facts = opened.facts
    permissive, enforcing = mode_words(facts.selinux)
    return BuiltImage(
        folder=folder,
        name=name,
        suite=facts.product,
        recipe=identity,
        root=f"UUID={facts.root}",
        cmdline=boot_line(facts, opened.kernel),
        permissive=permissive,
        enforcing=enforcing,
        user="root",
        host_key=host_key,
        memory_mib=request.memory,
        disk_bytes=(folder / "disk.img").stat().st_size,
        sha256={file: digest(folder / file) for file in FILES},
        built_at=datetime.now(UTC),
        source=request.source if fetch.is_address(request.source) else Path(request.source).name,
        guests=opened.guests,
        tmux=opened.tmux,
    )
