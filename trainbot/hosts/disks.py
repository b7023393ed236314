"""A lab's disk: a qcow2 overlay on the image's disk, one file a lab, named by the lab's UUID.

Three ways to have one, all of them Disks, safe to repeat:
on the bot's own machine with qemu-img (the embedded driver refuses libvirt's storage API), on a remote host as a
volume of libvirt's storage pool "trainbot" (https://libvirt.org/formatstorage.html), and none at all.
"""

from __future__ import annotations

import subprocess
import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any, Protocol

from trainbot.errors import BackendError, NoSuchThing

POOL = "trainbot"


class Disks(Protocol):
    def create(self, id: str, base: Path) -> Path | None:
        """A fresh overlay on ``base``; what was there under this id is gone."""

    def present(self, id: str) -> bool:
        """There is an overlay under this id (or none is needed)."""

    def remove(self, id: str) -> None:
        """No overlay under this id.  No error if there was none."""


def disk_format(base: Path) -> str:
    """What an image's disk is: told by its name, never by its content, which a guest may have written."""
    return "qcow2" if base.suffix == ".qcow2" else "raw"


class NoDisks:
    """For libvirt's test driver, whose domains have no disk."""

    def create(self, id: str, base: Path) -> None:
        return None

    def present(self, id: str) -> bool:
        return True

    def remove(self, id: str) -> None:
        return None


class LocalOverlays:
    """Overlays in a folder of the bot's own machine, made by qemu-img; ``timeout`` in seconds."""

    def __init__(self, folder: Path, timeout: float = 30.0) -> None:
        self._folder = folder.absolute()
        self._timeout = timeout

    def create(self, id: str, base: Path) -> Path:
        if not base.is_file():
            raise NoSuchThing(f"the image's disk {base} is not there: build the image first")
        path = self._path(id)
        command = ["qemu-img", "create", "-q", "-f", "qcow2"]
        command += ["-b", str(base.absolute()), "-F", disk_format(base), str(path)]
        try:
            self._folder.mkdir(mode=0o711, parents=True, exist_ok=True)
            # qemu-img would write over the old file in place; a new one leaves a straggler its own.
            path.unlink(missing_ok=True)
            subprocess.run(
                command, check=True, capture_output=True, text=True, stdin=subprocess.DEVNULL, timeout=self._timeout
            )
        except FileNotFoundError:
            raise BackendError("qemu-img is not installed here: apt install qemu-utils") from None
        except subprocess.CalledProcessError as error:
            raise BackendError(f"no disk for the lab: {error.stderr.strip()[:300]}") from None
        except subprocess.TimeoutExpired:
            raise BackendError(f"qemu-img made no disk in {self._timeout:g} s: is {self._folder} full?") from None
        except OSError as error:
            raise BackendError(f"no disk for the lab in {self._folder}: {error.strerror}") from None
        return path

    def present(self, id: str) -> bool:
        return self._path(id).exists()

    def remove(self, id: str) -> None:
        try:
            self._path(id).unlink(missing_ok=True)
        except OSError as error:
            raise BackendError(f"the lab's disk in {self._folder} stays: {error.strerror}") from None

    def _path(self, id: str) -> Path:
        return self._folder / f"{id}.qcow2"


class PoolVolumes:
    """Volumes on a host that is reached through libvirt; ``folder`` is a path there.

    Takes an open libvirt connection and asks for lists instead of catching "not found", so that libvirt's
    exceptions pass through to the one module that knows them.
    """

    def __init__(self, connection: Any, folder: Path) -> None:
        self._connection = connection
        self._folder = folder

    def create(self, id: str, base: Path) -> Path:
        self.remove(id)
        return Path(self._pool().createXML(volume_xml(id, base), 0).path())

    def present(self, id: str) -> bool:
        return bool(self._volumes(id))

    def remove(self, id: str) -> None:
        for volume in self._volumes(id):
            volume.delete(0)

    def _volumes(self, id: str) -> list[Any]:
        pool = self._pool()
        pool.refresh(0)  # a file that was put there or taken away by hand counts as well
        return [volume for volume in pool.listAllVolumes(0) if volume.name() == f"{id}.qcow2"]

    def _pool(self) -> Any:
        for pool in self._connection.listAllStoragePools(0):
            if pool.name() == POOL:
                break
        else:
            pool = self._connection.storagePoolDefineXML(pool_xml(self._folder), 0)
            pool.build(0)
            pool.setAutostart(1)
        if not pool.isActive():
            pool.create(0)
        return pool


def pool_xml(folder: Path) -> str:
    if not folder.is_absolute():
        raise BackendError(f"the folder for labs on a remote host must be an absolute path there, not {folder}")
    pool = ET.Element("pool", type="dir")
    ET.SubElement(pool, "name").text = POOL
    ET.SubElement(ET.SubElement(pool, "target"), "path").text = str(folder)
    return ET.tostring(pool, encoding="unicode")


def volume_xml(id: str, base: Path) -> str:
    """An overlay of the size of its base: libvirt takes a capacity of 0 to mean that."""
    volume = ET.Element("volume")
    ET.SubElement(volume, "name").text = f"{id}.qcow2"
    ET.SubElement(volume, "capacity").text = "0"
    target = ET.SubElement(volume, "target")
    ET.SubElement(target, "format", type="qcow2")
    backing = ET.SubElement(volume, "backingStore")
    ET.SubElement(backing, "path").text = str(base)
    ET.SubElement(backing, "format", type=disk_format(base))
    return ET.tostring(volume, encoding="unicode")
