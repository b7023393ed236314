"""A lab's disk: qcow2 overlays on the image's disk, named after the lab's UUID.

``ID.qcow2`` is based on the image, ``ID.1.qcow2`` on that, and so on: each snapshot keeps the level that was written to
until then and adds one on top of it.  Only the lab's domain says which level the lab has; files above that level were
left behind when trainbot was killed, and are replaced.  The format of a backing file is always given by name.

There are three implementations of Disks, all safe to repeat: qemu-img on the bot's own machine (the embedded driver
refuses libvirt's storage API), volumes of libvirt's storage pool "trainbot" on a remote host, and no disks at all.
"""

from __future__ import annotations

import contextlib
import os
import re
import struct
import subprocess
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Protocol

from trainbot.adapters.hosts.pools import disk_pool, overlay_xml, space_mib
from trainbot.core.errors import BackendError, NoSuchThing
from trainbot.core.files import draft_of, drafts_of
from trainbot.model.disk_space import DiskUse

MOST_LEVELS = 8  # above the first: each adds one more file to look in for data that was not written since


class Disks(Protocol):
    def create(self, id: str, base: Path) -> Path | None:
        """Creates a fresh overlay on ``base``, replacing everything under this id, snapshots included.  Raises
        NoSuchThing if ``base`` does not exist."""

    def extend(self, id: str, level: int) -> Path:
        """Creates a fresh overlay of ``level`` (1 or more) on the level below, replacing what was at this level."""

    def levels(self, id: str) -> frozenset[int]:
        """Returns the levels that have an overlay."""

    def remove(self, id: str, level: int | None = None) -> None:
        """Removes all overlays of this id, or only the one of ``level``.  No error if there is none."""

    def space(self, overlays: Iterable[Path]) -> DiskSpace | None:
        """Returns the space where the overlays are, and what each of ``overlays`` takes; None if it is unknown."""


@dataclass(frozen=True, slots=True)
class DiskSpace:
    """Size and free space in MiB of the file system of the labs' disks, and what single overlays take."""

    size_mib: int
    free_mib: int
    uses: Mapping[Path, DiskUse]


def file_name(id: str, level: int) -> str:
    return f"{id}.{level}.qcow2" if level else f"{id}.qcow2"


def level_of(id: str, disk: Path | None) -> int:
    """Returns the level of a domain's disk.  Raises BackendError if it is not a disk that we made."""
    if disk is None:
        return 0
    found = re.fullmatch(rf"{re.escape(id)}(?:\.([1-9][0-9]?))?\.qcow2", disk.name, re.ASCII)
    if found is None:
        raise BackendError(f"lab {id} does not have the disk that trainbot gave it: !lab reset gives it a new one")
    return int(found[1] or 0)


def whole(level: int, there: frozenset[int]) -> bool:
    """Whether a lab of this level has its disk, or lacks only the top level, which was about to be replaced.
    ``create`` removes the first level first, so that its unfinished work can be told from that case."""
    return there >= frozenset(range(max(level, 1)))


def pool_space(pool: Any, overlays: Iterable[Path]) -> DiskSpace:
    """The space of a pool of overlays, and what each of ``overlays`` takes that is there."""
    wanted, uses = {overlay.name: overlay for overlay in overlays}, {}
    pool.refresh(0)
    for volume in pool.listAllVolumes(0):
        if (overlay := wanted.get(volume.name())) is not None:
            uses[overlay] = _use(*volume.info()[1:])
    return DiskSpace(*space_mib(pool), uses)


def _use(size: int, written: int) -> DiskUse:
    """From bytes."""
    return DiskUse(-(-size >> 20), -(-written >> 20))


def disk_format(base: Path) -> str:
    """Returns the format of an image's disk, from its name and never from its content, which a guest may have
    written."""
    return "qcow2" if base.suffix == ".qcow2" else "raw"


class NoDisks:
    """For libvirt's test driver, where a disk is only a name in the domain's XML."""

    def create(self, id: str, base: Path) -> None:
        return None

    def extend(self, id: str, level: int) -> Path:
        return Path("/nowhere") / file_name(id, level)

    def levels(self, id: str) -> frozenset[int]:
        return frozenset(range(MOST_LEVELS + 1))

    def remove(self, id: str, level: int | None = None) -> None:
        return None

    def space(self, overlays: Iterable[Path]) -> None:
        return None


class LocalOverlays:
    """Overlays in a folder on the bot's own machine, made by qemu-img; ``timeout`` in seconds."""

    def __init__(self, folder: Path, timeout: float = 30.0) -> None:
        self._folder = folder.absolute()
        self._timeout = timeout

    def create(self, id: str, base: Path) -> Path:
        if not base.is_file():
            raise NoSuchThing(f"the image's disk {base} is missing: build the image first")
        self.remove(id)
        return self._make(id, 0, base.absolute(), disk_format(base))

    def extend(self, id: str, level: int) -> Path:
        return self._make(id, level, self._folder / file_name(id, level - 1), "qcow2")

    def _make(self, id: str, level: int, base: Path, base_format: str) -> Path:
        """Creates the overlay as a draft and then renames it: if we are killed, either the whole overlay is there or
        what was there before."""
        path = self._folder / file_name(id, level)
        command = ["qemu-img", "create", "-q", "-f", "qcow2", "-b", str(base), "-F", base_format]
        try:
            self._folder.mkdir(mode=0o711, parents=True, exist_ok=True)
            with draft_of(path, 0o600) as draft:
                subprocess.run(
                    [*command, str(draft)],
                    check=True,
                    capture_output=True,
                    text=True,
                    stdin=subprocess.DEVNULL,
                    timeout=self._timeout,
                )
        except FileNotFoundError:
            raise BackendError("qemu-img is not installed here: apt install qemu-utils") from None
        except subprocess.CalledProcessError as error:
            raise BackendError(f"cannot create the lab's disk: {error.stderr.strip()[:300]}") from None
        except subprocess.TimeoutExpired:
            raise BackendError(
                f"qemu-img created no disk within {self._timeout:g} s: check that {self._folder} is not full"
            ) from None
        except OSError as error:
            raise BackendError(f"cannot create the lab's disk in {self._folder}: {error.strerror}") from None
        return path

    def levels(self, id: str) -> frozenset[int]:
        return frozenset(level for level in range(MOST_LEVELS + 1) if (self._folder / file_name(id, level)).exists())

    def remove(self, id: str, level: int | None = None) -> None:
        try:
            for each in range(MOST_LEVELS + 1) if level is None else (level,):
                path = self._folder / file_name(id, each)
                for file in (path, *drafts_of(path)):
                    file.unlink(missing_ok=True)
        except OSError as error:
            raise BackendError(f"cannot delete the lab's disk in {self._folder}: {error.strerror}") from None

    def space(self, overlays: Iterable[Path]) -> DiskSpace | None:
        folder = next((folder for folder in (self._folder, *self._folder.parents) if folder.is_dir()), None)
        try:
            room = os.statvfs(folder or "/")
        except OSError:
            return None
        uses = {}
        for overlay in overlays:
            with contextlib.suppress(OSError, struct.error):  # it was removed meanwhile, or is not an overlay yet
                with overlay.open("rb") as file:
                    written = os.fstat(file.fileno()).st_blocks * 512
                    (size,) = struct.unpack(">Q", file.read(32)[24:])  # "size" in the header of a qcow2 file
                uses[overlay] = _use(size, written)
        return DiskSpace(room.f_blocks * room.f_frsize >> 20, room.f_bavail * room.f_frsize >> 20, uses)


class PoolVolumes:
    """Volumes on a host that is reached through libvirt; ``folder`` is a path there.  ``check`` raises NoSuchThing if
    an image's disk is not on the host; ``owner``: user and group that overlays are for (None: root's)."""

    def __init__(
        self,
        connection: Any,
        folder: Path,
        check: Callable[[Path], None] = lambda base: None,
        owner: tuple[int, int] | None = None,
    ) -> None:
        self._connection = connection
        self._folder = folder
        self._check = check
        self._owner = owner

    def create(self, id: str, base: Path) -> Path:
        self._check(base)
        self.remove(id)
        return Path(self.pool().createXML(self._xml(id, 0, base, disk_format(base)), 0).path())

    def extend(self, id: str, level: int) -> Path:
        volumes = self._volumes(id)
        if level - 1 not in volumes:
            raise BackendError(f"the base disk of lab {id} is missing: !lab reset gives it a new one")
        if level in volumes:
            volumes[level].delete(0)
        below = Path(volumes[level - 1].path())
        return Path(self.pool().createXML(self._xml(id, level, below, "qcow2"), 0).path())

    def _xml(self, id: str, level: int, below: Path, kind: str) -> str:
        return overlay_xml(file_name(id, level), below, kind, self._owner)

    def levels(self, id: str) -> frozenset[int]:
        return frozenset(self._volumes(id))

    def remove(self, id: str, level: int | None = None) -> None:
        for each, volume in self._volumes(id).items():
            if level in (None, each):
                volume.delete(0)

    def space(self, overlays: Iterable[Path]) -> DiskSpace:
        return pool_space(self.pool(), overlays)

    def pool(self) -> Any:
        return disk_pool(self._connection, self._folder)

    def _volumes(self, id: str) -> dict[int, Any]:
        """Returns the volumes by level, the first level first."""
        pool = self.pool()
        pool.refresh(0)  # so that files added or removed by hand count
        wanted = {file_name(id, level): level for level in range(MOST_LEVELS + 1)}
        found = {wanted[volume.name()]: volume for volume in pool.listAllVolumes(0) if volume.name() in wanted}
        return dict(sorted(found.items()))
