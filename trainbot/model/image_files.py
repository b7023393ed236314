"""How a host stores its copies of images: flat files in one folder, named by the image's version.  Pure.

A version (``debian-0123456789ab``) is complete when all of its files have their final names: they are written under
another name, renamed, and never changed afterwards.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

POOL = "trainbot-images"  # the libvirt storage pool of that folder
DISK, KERNEL, INITRD = ".img", ".vmlinuz", ".initrd"


@dataclass(frozen=True, slots=True)
class ImageFiles:
    """Paths on the host."""

    disk: Path
    kernel: Path
    initrd: Path


def files(folder: Path, version: str) -> ImageFiles:
    return ImageFiles(*(folder / f"{version}{ending}" for ending in (DISK, KERNEL, INITRD)))


def complete(names: Iterable[str]) -> frozenset[str]:
    """The versions whose files are all among ``names``."""
    there = set(names)
    versions = {name.removesuffix(DISK) for name in there if name.endswith(DISK)}
    return frozenset(version for version in versions if {f"{version}{KERNEL}", f"{version}{INITRD}"} <= there)
