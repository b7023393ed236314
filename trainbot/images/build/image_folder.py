"""A built image: a folder with disk, kernel, initrd and image.json, which says how to boot it."""

from __future__ import annotations

import hashlib
import json
import os
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path

from trainbot.core.errors import BackendError
from trainbot.model.host import GuestType

FILES = ("disk.img", "vmlinuz", "initrd")


@dataclass(frozen=True)
class BuiltImage:
    """What a host needs to know to boot a lab from this image.

    `folder` is the version itself, never the link to it: a disk that grows on top of `disk` keeps working when a
    newer image is built.  `cmdline` lacks console= (the host knows its own) and the mode: add `permissive` or
    `enforcing`.  `host_key` is the public key every lab of this image shows to ssh.  `source`: where an
    imported one came from, '' for one that was built.  `guests`: how its kernel runs on Xen according to its
    configuration, the best first; None if that is unknown (older versions did not keep it).  `tmux`: whether its labs have it.
    """

    folder: Path
    name: str
    suite: str
    recipe: str
    root: str
    cmdline: str
    permissive: str
    enforcing: str
    user: str
    host_key: str
    memory_mib: int
    disk_bytes: int
    sha256: dict[str, str]
    built_at: datetime
    source: str = ""
    guests: tuple[GuestType, ...] | None = None
    tmux: bool = True

    @property
    def guest(self) -> GuestType:
        """How its labs run on Xen unless bot.ini says otherwise."""
        return self.guests[0] if self.guests else GuestType.PVH

    @property
    def disk(self) -> Path:
        """Raw and sparse: ext4 without a partition table, or an imported image's whole disk.  Never write to it: labs
        are overlays of it."""
        return self.folder / "disk.img"

    @property
    def disk_mib(self) -> int:
        """The size of its disk in MiB, rounded up."""
        return -(-self.disk.stat().st_size >> 20)

    @property
    def kernel(self) -> Path:
        return self.folder / "vmlinuz"

    @property
    def initrd(self) -> Path:
        return self.folder / "initrd"

    def kernel_command_line(self, console: str, enforcing: bool = True) -> str:
        """The whole command line, for example with console ``ttyS0`` (QEMU) or ``hvc0`` (Xen)."""
        return f"{self.cmdline} {self.enforcing if enforcing else self.permissive} console={console}"


def images_folder(cache: Path) -> Path:
    """The folder of images in the cache."""
    return cache / "images"


def load_image(cache: Path, name: str = "debian") -> BuiltImage:
    """The current image of that name; BackendError if there is none or its image.json is damaged."""
    return read_image(images_folder(cache) / name)


def read_image(folder: Path) -> BuiltImage:
    """The image in this folder (or behind this link)."""
    try:
        folder = folder.resolve(strict=True)
        said = json.loads((folder / "image.json").read_text(encoding="utf-8"))
        said["built_at"] = datetime.fromisoformat(said["built_at"])
        if said.get("guests") is not None:
            said["guests"] = tuple(GuestType(guest) for guest in said["guests"])
        image = BuiltImage(folder=folder, **said)
    except FileNotFoundError as error:
        raise BackendError(f'no image called "{folder.name}" yet: build it first') from error
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise BackendError(
            f"cannot read the image in {folder} ({error}): remove that folder and build it again"
        ) from error
    if missing := [name for name in FILES if not (folder / name).is_file()]:
        raise BackendError(f"the image in {folder} has no {missing[0]}: remove that folder and build it again")
    return image


def write_image(image: BuiltImage, folder: Path | None = None) -> None:
    """Write image.json into `folder`, or into the image's own folder if none is given."""
    said = asdict(image)
    del said["folder"]
    said["built_at"] = image.built_at.isoformat(timespec="seconds")
    ((folder or image.folder) / "image.json").write_text(json.dumps(said, indent=2) + "\n", encoding="utf-8")


def digest(path: Path) -> str:
    """The sha256 (hex) of a file's content."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def point_at(link: Path, folder: Path) -> None:
    """Point `link` at `folder` next to it, atomically: readers see the old or the new one, never neither."""
    new = link.with_name(f".{link.name}.{os.getpid()}")
    new.unlink(missing_ok=True)
    new.symlink_to(folder.name, target_is_directory=True)
    new.replace(link)


def versions(images: Path, name: str) -> list[Path]:
    """All versions of that image in the folder `images`."""
    return sorted(folder for folder in images.glob(f"{name}-{'[0-9a-f]' * 12}") if folder.is_dir())


def old_versions(cache: Path, name: str = "debian") -> list[Path]:
    """Versions that are no longer current; they can be removed once no lab's disk is based on them."""
    link = images_folder(cache) / name
    return [folder for folder in versions(images_folder(cache), name) if folder.resolve() != link.resolve()]
