"""Turns a distribution's cloud image into a lab image, in a folder like the builder's."""

from __future__ import annotations

import hashlib
import os
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
from trainbot.images.importing.disk import DiskError, as_raw_disk
from trainbot.images.importing.opened import DiskContents, open_disk
from trainbot.images.importing.remarks import boot_line, mode_words, remarks
from trainbot.images.importing.seed import seed_files
from trainbot.images.importing.signatures import Signer, signed_text
from trainbot.images.importing.tmux import tmux_files

# Raise it when the same file would give a different image.
IMPORTER_VERSION = 3
_FREE_MIB = 4096
_MEMORY = 1024


@dataclass(frozen=True, slots=True)
class ImportRequest:
    """``source``: an address or a file; ``sum``: its SHA-256 or SHA-512; ``sums``: an address or a file that has it
    ('': not given); ``kernel``: its version, '' for the image's choice; ``memory``: MiB per lab, 0 for the usual.

    ``signer``: who has to have signed ``sums`` (None: nobody); ``signature``: an address or a file, '' if it is in ``sums``.
    ``name``: how ``sums`` may name the disk beside its name in ``source``; ``listed``: a pattern for other names there.
    ``origin``: where people can get it themselves, '' for ``source``."""

    source: str
    sum: str = ""
    sums: str = ""
    kernel: str = ""
    memory: int = 0
    signer: Signer | None = None
    signature: str = ""
    name: str = ""
    listed: str = ""
    origin: str = ""


def import_image(name: str, request: ImportRequest, images: Path, public_key: str, progress: Progress) -> BuiltImage:
    """Import the image ``name`` into the folder ``images``; ``public_key`` can log in to it as root.

    Returns at once if it was imported before.  Interrupted downloads resume.  BackendError and
    UserError say what is wrong; existing images stay.
    """
    check_key(public_key)
    remote = fetch.is_address(request.source)
    _check_request(request, remote)
    make_folder(images)
    with only_maker(images, name, progress):
        local = None if remote else _file(request.source)
        told = request.sum or (_told(request, progress) if request.sums else "")
        if remote and (there := _there(_version(name, request, public_key, told, images)[1])):
            point_at(images / name, there.folder)
            return there
        source = local or fetch.download(request.source, images, progress, name)
        found = _compare(source, told, remote, progress)
        identity, version = _version(name, request, public_key, found, images)
        image = _there(version)
        if not image:
            check_space(images, _FREE_MIB)
            try:
                image = _import(name, request, source, identity, version, public_key, progress)
            except DiskError:
                if remote:
                    fetch.discard(source)
                raise
        point_at(images / name, image.folder)
        if remote:
            fetch.discard(source)
    return image


def _check_request(request: ImportRequest, remote: bool) -> None:
    if remote and not (request.sum or request.sums):
        raise UserError("a download needs a checksum: add --sha256 with the one from the distribution's page")
    if request.signature and not request.signer:
        raise UserError("--signature needs the public key that made it: add --key FILE")
    if request.signer and not (request.sum or request.sums):
        raise UserError("--key is for a signed checksum file: add --sums")
    if request.sums and not request.sum and not request.signer and request.sums.lower().startswith("http:"):
        raise UserError(
            "a checksum file from http proves nothing unless it is signed: give its https address, or add --sha256, or --key"
        )


def _version(name: str, request: ImportRequest, public_key: str, found: str, images: Path) -> tuple[str, Path]:
    """The identity of the image that a file with this checksum becomes, and its folder."""
    key = " ".join(public_key.split()[:2])
    identity = hashlib.sha256(
        f"trainbot import {IMPORTER_VERSION}\n{found}\n{key}\n{request.kernel}\n{bool(tmux_files())}\n".encode()
    )
    return identity.hexdigest(), images / f"{name}-{identity.hexdigest()[:12]}"


def _there(version: Path) -> BuiltImage | None:
    try:
        return read_image(version)
    except BackendError:
        return None


def _file(source: str) -> Path:
    path = Path(source)
    if not path.is_file():
        raise UserError(f"no such file: {source}")
    if not os.access(path, os.R_OK):
        raise UserError(f"no permission to read {source}")
    return path


def _small(place: str) -> bytes:
    """A checksum file or a signature."""
    if fetch.is_address(place):
        return fetch.small(place)
    path = _file(place)
    if path.stat().st_size > fetch.MOST_TEXT:
        raise UserError(f"{place} is too long to be a checksum file or a signature")
    return path.read_bytes()


def _told(request: ImportRequest, progress: Progress) -> str:
    """What the checksum file says of the disk, if the right one has signed it."""
    try:
        content = _small(request.sums)
        signature = _signature(request) if request.signer and request.signature else None
    except BackendError as error:
        if not request.origin or fetch.is_address(request.source) or not fetch.is_address(request.sums):
            raise
        files = " and ".join(map(_last, filter(None, (request.sums, request.signature))))
        raise BackendError(f"{error}; if this machine cannot reach it, put {files} beside the image's file") from None
    if request.signer:
        progress.stage("checking the signature of the checksum file")
        content = signed_text(content, signature, request.signer, _last(request.sums))
    names = dict.fromkeys((_last(request.source), request.name))
    return sums.find_sum(content.decode(errors="replace"), *filter(None, names), listed=request.listed)


def _signature(request: ImportRequest) -> bytes:
    place = request.signature
    if not fetch.is_address(place) and not Path(place).exists():
        raise UserError(f"{_last(request.sums)} has to be signed, but its signature is not there: {place}")
    return _small(place)


def _last(place: str) -> str:
    return fetch.file_name(place) if fetch.is_address(place) else Path(place).name


def _compare(source: Path, told: str, remote: bool, progress: Progress) -> str:
    progress.stage("checking the checksum" if told else "taking the checksum")
    try:
        return sums.compare(source, told, progress.step)
    except BackendError:
        if remote:
            fetch.discard(source)  # the next try starts over
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
        memory_mib=request.memory or _MEMORY,
        disk_bytes=(folder / "disk.img").stat().st_size,
        sha256={file: digest(folder / file) for file in FILES},
        built_at=datetime.now(UTC),
        source=request.origin or (request.source if fetch.is_address(request.source) else Path(request.source).name),
        guests=opened.guests,
        tmux=opened.tmux,
        lacks=None if opened.lacking is None else tuple(sorted(opened.lacking)),
    )
