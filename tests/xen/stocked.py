"""A host that has copies of images already, as ``trainbot host prepare`` leaves them: copying takes longest where everything is
emulated, and test_debian_on_xen.py shows it."""

from __future__ import annotations

import subprocess
from collections.abc import Iterable
from pathlib import Path

from xen_host import XenHost

from trainbot.images.build.command import environment
from trainbot.images.build.image_folder import BuiltImage
from trainbot.model.image_files import DISK, INITRD, KERNEL

FOLDER = "/var/lib/libvirt/trainbot-images"


def images_disk(images: Iterable[BuiltImage], to: Path) -> Path:
    """A disk with these images, for the host's second."""
    (files := to / "images").mkdir()
    for image in images:
        for suffix, path in ((DISK, image.disk), (KERNEL, image.kernel), (INITRD, image.initrd)):
            subprocess.run(["cp", "--sparse=always", path, files / f"{image.folder.name}{suffix}"], check=True)
    disk = to / "images.img"
    made = [
        "mke2fs",
        "-q",
        "-t",
        "ext4",
        "-m",
        "0",
        "-E",
        "lazy_itable_init=0",
        "-O",
        "^has_journal",
        "-d",
        str(files),
        str(disk),
        "4G",
    ]
    subprocess.run(made, check=True, env=environment())
    return disk


def stock(host: XenHost, images: Iterable[BuiltImage]) -> None:
    """That disk in its place, and noted as the last step of a copy notes what it has verified."""
    host.ssh(f"mkdir -p {FOLDER} && mount /dev/vdb {FOLDER} && chmod 711 {FOLDER}")
    for image in images:
        for suffix, name in ((DISK, "disk.img"), (KERNEL, "vmlinuz"), (INITRD, "initrd")):
            file = f"{image.folder.name}{suffix}"
            host.ssh(
                f"cd {FOLDER} && chmod 644 {file} && echo {image.sha256[name]} $(stat -c '%s %Y %i' {file}) > .{file}.sum"
            )
