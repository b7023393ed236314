"""Reads a host and its domains from libvirt; one reading costs about one call per domain."""

from __future__ import annotations

import time
from dataclasses import replace
from pathlib import Path
from typing import Any

from trainbot.adapters.hosts.domain_xml import OurDomain, domain_from_xml
from trainbot.adapters.hosts.libvirt_link import LibvirtConnection, libvirt
from trainbot.adapters.hosts.libvirt_load import CpuLoad
from trainbot.adapters.hosts.libvirt_network import LibvirtNetwork
from trainbot.adapters.hosts.libvirt_storage import LibvirtStorage
from trainbot.model.host import ON, Domain, DomainState, HostConfig, HostReport
from trainbot.model.host_address import HostKind

_SSH = 22
_NOWHERE = Path()
#: Why a domain is paused -> what that is to us; QEMU pauses one by itself only for lack of disk space (werror=enospc).
_PAUSED = {
    libvirt.VIR_DOMAIN_PAUSED_IOERROR: DomainState.STALLED,
    libvirt.VIR_DOMAIN_PAUSED_CRASHED: DomainState.CRASHED,  # the guest panicked: nobody can work in it
}
_RUNS = (libvirt.VIR_DOMAIN_NOSTATE, libvirt.VIR_DOMAIN_RUNNING, libvirt.VIR_DOMAIN_BLOCKED)


class LibvirtReader:
    """The reader of one connection.  A domain's definition is read once, and again when the host reports a change or
    when its name or number differs.  That is enough to report a domain, but callers that change one must ask ``ours``
    first."""

    def __init__(self, link: LibvirtConnection, config: HostConfig, owner: str, storage: LibvirtStorage) -> None:
        self._link = link
        self._config = config
        self._owner = owner
        self._kind = link.address.kind
        self._storage = storage
        self.network = LibvirtNetwork(link.connection, config.network)
        self._load = CpuLoad()
        self._known: dict[str, tuple[tuple[str, int], OurDomain | None]] = {}
        self._stale: set[str] = set()

    def stale(self, uuid: str) -> None:
        """Marks that domain's definition as changed.  May be called from any thread."""
        self._stale.add(uuid)

    def ours(self, handle: Any) -> OurDomain | None:
        """Returns what the domain says about itself now, or None if it is not ours."""
        ours = domain_from_xml(handle.XMLDesc(0))
        return ours if ours is not None and ours.owner == self._owner else None

    def domain(self, handle: Any, ours: OurDomain) -> Domain:
        return self._domain(handle, ours, domain_state(*handle.state()))

    def report(self) -> tuple[HostReport, list[tuple[Any, OurDomain]]]:
        """Returns the report, and libvirt's handles of our running labs with what their definitions say."""
        connection = self._link.connection
        self.network.look_again()
        domains, running, cpu_times, used, given = [], [], {}, 0, 0
        worked: dict[str, float] = {}
        overlays: dict[str, Path] = {}
        for handle, ours in self._all(connection):
            with self._link.unless_gone():
                state, info = self._state(handle, ours)
                if info and handle.ID() >= 0:
                    cpu_times[handle.ID()] = info[4]
                    given += info[1]
                if ours is not None:
                    domains.append(self._domain(handle, ours, state))
                    if info and self._kind is not HostKind.TEST:
                        worked[ours.id] = info[4] / 1e9
                    overlays |= {ours.id: ours.disk} if ours.disk is not None else {}
                    if state in ON:
                        running.append((handle, ours))
                        used += info[1] if info else 0
        cpus = connection.getInfo()[2]
        whole, free = memory(connection, self._kind, given if self._kind is HostKind.KVM else used)
        space, images = self._storage.look(overlays.values())
        uses = space.uses if space is not None else {}
        found = [
            replace(domain, disk=uses.get(overlays.get(domain.id, _NOWHERE)), cpu=worked.get(domain.id))
            for domain in domains
        ]
        return HostReport(
            name=self._config.name,
            domains=tuple(sorted(found, key=lambda domain: domain.name)),
            memory_mib=whole,
            free_mib=free,
            cpus=cpus,
            hypervisor=f"{connection.getType()} {version(connection.getVersion())}",
            disk_mib=space.size_mib if space is not None else None,
            disk_free_mib=space.free_mib if space is not None else None,
            images=images,
            busy=self._busy(connection, cpu_times, cpus),
        ), running

    def _all(self, connection: Any) -> list[tuple[Any, OurDomain | None]]:
        """Returns the domains that run, and ours that do not; other domains that are off are of no interest."""
        known: dict[str, tuple[tuple[str, int], OurDomain | None]] = {}
        found = []
        for handle in connection.listAllDomains(0):
            uuid, key = handle.UUIDString(), (handle.name(), handle.ID())
            entry = self._known.get(uuid)
            with self._link.unless_gone():
                if entry is None or entry[0] != key or uuid in self._stale:
                    self._stale.discard(uuid)  # before it is read: a change meanwhile makes it stale again
                    entry = (key, self.ours(handle))
                known[uuid] = entry
                if entry[1] is not None or handle.ID() >= 0:
                    found.append((handle, entry[1]))
        self._known = known
        for uuid in [uuid for uuid in tuple(self._stale) if uuid not in known]:
            self._stale.discard(uuid)
        return found

    def _state(self, handle: Any, ours: OurDomain | None) -> tuple[DomainState, Any]:
        """Returns the state, and virDomainGetInfo's answer if that is worth a call."""
        if self._kind is HostKind.QEMU and ours is None:
            return DomainState.OFF, None
        info = handle.info()
        if ours is None or info[0] in _RUNS:
            return DomainState.RUNNING, info
        return domain_state(*handle.state()), info

    def _domain(self, handle: Any, ours: OurDomain, state: DomainState) -> Domain:
        runs = state in ON
        run = str(handle.ID()) if self._kind.has_slots and runs and handle.ID() > 0 else ""
        return Domain(ours.id, ours.name, state, self._endpoint(handle, ours, runs), run)

    def _endpoint(self, handle: Any, ours: OurDomain, runs: bool) -> tuple[str, int] | None:
        if self._kind is HostKind.QEMU:
            return ("127.0.0.1", ours.port) if ours.port else None
        if self._kind is HostKind.TEST or not runs:
            return None
        leases: Any = {}
        with self._link.unless_refused():  # a network that is not libvirt's (a bridge) has no leases
            if ours.mac and (always := self.network.address(ours.mac)):
                return (always, _SSH)
            leases = handle.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE)
        for interface in (leases or {}).values():
            for address in interface.get("addrs") or ():
                if address["type"] == libvirt.VIR_IP_ADDR_TYPE_IPV4:
                    return (address["addr"], _SSH)
        return None

    def _busy(self, connection: Any, cpu_times: dict[int, int], cpus: int) -> float | None:
        if self._kind is HostKind.XEN:
            return self._load.of_domains(time.monotonic(), cpu_times, cpus)
        if self._kind.is_qemu:
            with self._link.unless_refused():
                spent = connection.getCPUStats(libvirt.VIR_NODE_CPU_STATS_ALL_CPUS)
                return self._load.of_machine(time.monotonic(), spent)
        return None


def memory(connection: Any, kind: HostKind, used: int) -> tuple[int, int]:
    """Returns (total, free) in MiB; ``used``: KiB that our labs have, on a KVM host all machines.  On a Linux host (QEMU) the
    page cache counts as free, and on a KVM host no more is free than what no machine has been promised: a lab that was
    just made has not touched its memory yet.  Under Xen, free is what the hypervisor has not given to any domain."""
    if kind.is_qemu:
        stats = connection.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)
        free = stats["free"] + stats.get("buffers", 0) + stats.get("cached", 0)
        if kind is HostKind.KVM:
            free = max(0, min(free, stats["total"] - used))
        return stats["total"] // 1024, free // 1024
    whole = connection.getInfo()[1]
    if kind is HostKind.TEST:
        # It reports its free memory in another unit than documented, and its own domain "test" has more memory
        # than the whole machine: only our labs count.
        return whole, whole - used // 1024
    return whole, connection.getFreeMemory() >> 20


def domain_state(state: int, reason: int) -> DomainState:
    """Translates libvirt's state and reason (https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainState)."""
    if state == libvirt.VIR_DOMAIN_SHUTOFF:
        crashed = reason == libvirt.VIR_DOMAIN_SHUTOFF_CRASHED
        return DomainState.CRASHED if crashed else DomainState.OFF
    if state == libvirt.VIR_DOMAIN_PAUSED:
        return _PAUSED.get(reason, DomainState.RUNNING)
    return DomainState.CRASHED if state == libvirt.VIR_DOMAIN_CRASHED else DomainState.RUNNING


def version(number: int) -> str:
    """Formats libvirt's version number: 7002022 -> 7.2.22 (major × 1,000,000 + minor × 1,000 + release)."""
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
