"""libvirt's storage pools on a host (https://libvirt.org/formatstorage.html): folders whose files it calls volumes.

Takes an open libvirt connection and asks for lists instead of catching "not found", so that libvirt's exceptions pass
through to the modules that know them.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from pathlib import Path
from typing import Any

from trainbot.errors import BackendError

POOL = "trainbot"  # the labs' disks


def find_pool(connection: Any, name: str) -> Any:
    """The pool of this name, or None."""
    return next((pool for pool in connection.listAllStoragePools(0) if pool.name() == name), None)


def disk_pool(connection: Any, folder: Path) -> Any:
    """The pool of the labs' disks, started; made, with its folder, where there is none."""
    pool = find_pool(connection, POOL)
    if pool is None:
        pool = connection.storagePoolDefineXML(pool_xml(POOL, folder), 0)
        pool.build(0)
        pool.setAutostart(1)
    return started(pool)


def started(pool: Any) -> Any:
    if not pool.isActive():
        pool.create(0)
    return pool


def names(pool: Any) -> list[str]:
    """Of its volumes; what was put there or taken away by hand counts as well."""
    pool.refresh(0)
    return list(pool.listVolumes())


def free_mib(pool: Any) -> int:
    """As it was when the pool was refreshed last."""
    return int(pool.info()[3]) >> 20


def pool_xml(name: str, folder: Path) -> str:
    if not folder.is_absolute():
        raise BackendError(f"a folder on a remote host must be an absolute path there, not {folder}")
    pool = ET.Element("pool", type="dir")
    ET.SubElement(pool, "name").text = name
    ET.SubElement(ET.SubElement(pool, "target"), "path").text = str(folder)
    return ET.tostring(pool, encoding="unicode")


def overlay_xml(name: str, base: Path, base_format: str) -> str:
    """An overlay of the size of its base: libvirt takes a capacity of 0 to mean that."""
    volume = _volume(name, "qcow2")
    backing = ET.SubElement(volume, "backingStore")
    ET.SubElement(backing, "path").text = str(base)
    ET.SubElement(backing, "format", type=base_format)
    return ET.tostring(volume, encoding="unicode")


def empty_xml(name: str) -> str:
    """A volume that is nothing but its name."""
    return ET.tostring(_volume(name, "raw"), encoding="unicode")


def _volume(name: str, kind: str) -> ET.Element:
    volume = ET.Element("volume")
    ET.SubElement(volume, "name").text = name
    ET.SubElement(volume, "capacity").text = "0"
    ET.SubElement(ET.SubElement(volume, "target"), "format", type=kind)
    return volume
