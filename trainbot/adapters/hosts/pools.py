"""libvirt's storage pools on a host (https://libvirt.org/formatstorage.html): folders whose files it calls volumes.

Takes an open libvirt connection and asks for lists instead of catching "not found", so that libvirt's exceptions pass
through to the modules that handle them.  Anything that is missing may be created by somebody else at the same moment.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from trainbot.adapters.hosts.libvirt_link import libvirt
from trainbot.core.errors import BackendError

POOL = "trainbot"  # the labs' disks


def find_pool(connection: Any, name: str) -> Any:
    """Returns the pool of this name, or None."""
    return next((pool for pool in connection.listAllStoragePools(0) if pool.name() == name), None)


def disk_pool(connection: Any, folder: Path) -> Any:
    """Returns the pool of the labs' disks, started; creates it, with its folder, if there is none."""
    return _started(connection, POOL, folder, build=True)


def file_pool(connection: Any, name: str, folder: Path) -> Any:
    """Returns the pool of an existing folder, started; creates it if there is none."""
    return _started(connection, name, folder, build=False)


def _started(connection: Any, name: str, folder: Path, *, build: bool) -> Any:
    """Returns the pool, started.  Somebody else may be creating it at the same moment, so an error is retried as long
    as the pool makes progress, whoever caused it."""
    failed, was_there = None, False
    while True:
        pool = find_pool(connection, name)
        if pool is not None and pool.isActive():
            return pool
        if failed is not None and (pool is not None) <= was_there:
            raise failed
        was_there = pool is not None
        try:
            return _start(pool or connection.storagePoolDefineXML(pool_xml(name, folder), 0), build)
        except libvirt.libvirtError as error:
            failed = error


def _start(pool: Any, build: bool) -> Any:
    if build and _is_folder(pool):  # building a pool of another kind would empty a disk
        pool.build(0)
    pool.setAutostart(1)
    pool.create(0)
    return pool


def _is_folder(pool: Any) -> bool:
    return ET.fromstring(pool.XMLDesc(0)).get("type") == "dir"


def names(pool: Any) -> list[str]:
    """Returns the names of the pool's volumes, refreshed so that files added or removed by hand count."""
    pool.refresh(0)
    return list(pool.listVolumes())


def space_mib(pool: Any) -> tuple[int, int]:
    """Returns (size, free) in MiB, of the pool's whole file system, as of its last refresh."""
    _state, size, _used, free = pool.info()
    return int(size) >> 20, int(free) >> 20


def pool_xml(name: str, folder: Path) -> str:
    if not folder.is_absolute():
        raise BackendError(f"a folder on a remote host must be an absolute path there, not {folder}")
    pool = ET.Element("pool", type="dir")
    ET.SubElement(pool, "name").text = name
    ET.SubElement(ET.SubElement(pool, "target"), "path").text = str(folder)
    return ET.tostring(pool, encoding="unicode")


def overlay_xml(name: str, base: Path, base_format: str, owner: tuple[int, int] | None = None) -> str:
    """Returns the XML of an overlay of the same size as its base: libvirt takes a capacity of 0 to mean that.  ``owner``: the
    user and group to whom the file belongs (None: root)."""
    volume = _volume(name, "qcow2")
    backing = ET.SubElement(volume, "backingStore")
    ET.SubElement(backing, "path").text = str(base)
    ET.SubElement(backing, "format", type=base_format)
    if owner is not None:
        permissions = ET.SubElement(volume[2], "permissions")
        for tag, value in (("mode", "0600"), ("owner", str(owner[0])), ("group", str(owner[1]))):
            ET.SubElement(permissions, tag).text = value
    return ET.tostring(volume, encoding="unicode")


def empty_xml(name: str) -> str:
    """Returns the XML of an empty volume with this name."""
    return ET.tostring(_volume(name, "raw"), encoding="unicode")


def _volume(name: str, kind: str) -> ET.Element:
    volume = ET.Element("volume")
    ET.SubElement(volume, "name").text = name
    ET.SubElement(volume, "capacity").text = "0"
    ET.SubElement(ET.SubElement(volume, "target"), "format", type=kind)
    return volume
