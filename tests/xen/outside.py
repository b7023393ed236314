"""What somebody else with rights on a host sees and does there: libvirt itself, without our driver."""

from __future__ import annotations

import contextlib
from collections.abc import Iterator
from pathlib import Path

import libvirt
from xen_host import XenHost

POOL = Path("/var/lib/libvirt/trainbot")  # the labs' disks
_STRANGER = """<domain type='xen'><name>{name}</name><uuid>{id}</uuid>{mark}
<memory unit='MiB'>128</memory><vcpu>1</vcpu><os><type arch='x86_64' machine='xenpv'>linux</type>
<kernel>/var/lib/tiny/vmlinuz</kernel><initrd>/var/lib/tiny/initrd</initrd></os></domain>"""
_ANOTHERS = "<metadata><t:lab xmlns:t='urn:trainbot:lab:1' owner='{owner}' image='tiny' port='0'/></metadata>"


@contextlib.contextmanager
def connected(host: XenHost) -> Iterator[libvirt.virConnect]:
    connection = libvirt.open(host.tcp)
    try:
        yield connection
    finally:
        connection.close()


def make_stranger(host: XenHost, name: str, id: str, owner: str | None = None) -> None:
    """A domain that runs and is not ours: without a mark, or with another installation's."""
    mark = _ANOTHERS.format(owner=owner) if owner else ""
    with connected(host) as connection:
        connection.defineXML(_STRANGER.format(name=name, id=id, mark=mark)).create()


def domains(host: XenHost) -> dict[str, int]:
    """Name -> number, -1 for those that are off; Domain-0 left out."""
    with connected(host) as connection:
        return {domain.name(): domain.ID() for domain in connection.listAllDomains() if domain.ID() != 0}


def volumes(host: XenHost) -> list[str]:
    """The labs' disks: all but the claim that says whose the host is."""
    with connected(host) as connection:
        pools = [pool for pool in connection.listAllStoragePools() if _refreshed(pool)]
        return sorted(file for pool in pools for file in pool.listVolumes() if not file.startswith("claim-"))


def end(host: XenHost, name: str) -> None:
    with connected(host) as connection:
        connection.lookupByName(name).destroy()


def clear(host: XenHost) -> None:
    """Nothing but Domain-0 is left, nor any volume."""
    with connected(host) as connection:
        for domain in connection.listAllDomains():
            if domain.ID() != 0:
                if domain.isActive():
                    domain.destroy()
                domain.undefine()
        for pool in filter(_refreshed, connection.listAllStoragePools()):
            for volume in pool.listAllVolumes():
                volume.delete()


def _refreshed(pool: libvirt.virStoragePool) -> bool:
    return pool.isActive() and pool.refresh() == 0
