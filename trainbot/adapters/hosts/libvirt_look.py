"""Reads a host without changing anything there: it needs no claim, no pool and nothing else of ours."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from trainbot.adapters.hosts import pools
from trainbot.adapters.hosts.disks import DiskSpace, pool_space
from trainbot.adapters.hosts.domain_xml import domain_from_xml
from trainbot.adapters.hosts.libvirt_errors import plain
from trainbot.adapters.hosts.libvirt_link import LibvirtConnection, libvirt
from trainbot.adapters.hosts.libvirt_reading import memory, version
from trainbot.model import image_files as images
from trainbot.model.host import HostConfig
from trainbot.model.host_address import HostKind

MOST = 5000  # domains, and volumes of a pool, that are read


@dataclass(frozen=True, slots=True)
class SeenDomain:
    """A domain on the host.  ``owner``: the installation that made it, None if it is not marked as trainbot's; ``disk``:
    the overlay that it writes to.  Memory in MiB."""

    name: str
    id: str
    running: bool
    memory_mib: int
    owner: str | None = None
    disk: Path | None = None


@dataclass(frozen=True, slots=True)
class HostLook:
    """What was read.  Memory in MiB; ``free_mib``: what is not given to any domain.  ``volumes``: those in the pool of
    labs' disks, and ``space`` there; ``images``: the versions that are complete; each is None if its pool does not exist
    or is off."""

    hypervisor: str
    memory_mib: int
    free_mib: int
    cpus: int
    domains: tuple[SeenDomain, ...]
    volumes: frozenset[str] | None = None
    images: frozenset[str] | None = None
    space: DiskSpace | None = None


def look(config: HostConfig) -> HostLook:
    """Reads the host.  Raises HostDown or BackendError with the reason.  May block for minutes if the host does not
    answer."""
    link = LibvirtConnection(config, lambda: None, lambda uuid: None, lambda: None)
    link.open()
    try:
        with link.calling(f"reading {config.name}") as connection:
            domains = tuple(_domains(link, connection))
            kind = link.address.kind
            counted = [domain for domain in domains if domain.running and (domain.owner or kind is HostKind.KVM)]
            whole, free = memory(connection, kind, 1024 * sum(domain.memory_mib for domain in counted))
            kept = _volumes(link, connection, images.POOL) if config.images is not None else None
            return HostLook(
                f"{connection.getType()} {version(connection.getVersion())}",
                whole,
                free,
                connection.getInfo()[2],
                domains,
                _volumes(link, connection, pools.POOL),
                images.complete(kept) if kept is not None else None,
                _space(link, connection, [domain.disk for domain in domains if domain.disk is not None]),
            )
    finally:
        link.close()


def _domains(link: LibvirtConnection, connection: Any) -> list[SeenDomain]:
    found = []
    for handle in connection.listAllDomains(0)[:MOST]:
        with link.unless_gone():
            if handle.ID() == 0:
                continue  # Domain-0
            ours = domain_from_xml(handle.XMLDesc(0))
            running = handle.state()[0] not in (libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED)
            found.append(
                SeenDomain(
                    plain(handle.name()),
                    handle.UUIDString(),
                    running,
                    handle.info()[1] // 1024,
                    plain(ours.owner) if ours is not None else None,
                    ours.disk if ours is not None else None,
                )
            )
    return found


def _volumes(link: LibvirtConnection, connection: Any, name: str) -> frozenset[str] | None:
    with link.unless_refused():
        pool = pools.find_pool(connection, name)
        if pool is not None and pool.isActive():
            return frozenset(plain(volume) for volume in pools.names(pool)[:MOST])
    return None


def _space(link: LibvirtConnection, connection: Any, overlays: list[Path]) -> DiskSpace | None:
    with link.unless_refused():
        pool = pools.find_pool(connection, pools.POOL)
        if pool is not None and pool.isActive() and link.address.kind is not HostKind.TEST:
            return pool_space(pool, overlays)
    return None
