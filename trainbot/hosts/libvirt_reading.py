"""What libvirt says of hosts and domains, in our words."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import libvirt

from trainbot.hosts.domain_xml import HostKind
from trainbot.hosts.model import DomainState


def memory(connection: Any, kind: HostKind, is_ours: Callable[[Any], bool]) -> tuple[int, int]:
    """(all, free) in MiB.  Where Linux hosts the labs, its page cache counts as free; under Xen, free is what
    the hypervisor has not given to anybody."""
    if kind is HostKind.QEMU:
        stats = connection.getMemoryStats(libvirt.VIR_NODE_MEMORY_STATS_ALL_CELLS)
        free = stats["free"] + stats.get("buffers", 0) + stats.get("cached", 0)
        return stats["total"] // 1024, free // 1024
    if kind is HostKind.TEST:
        # It says its free memory in another unit than documented, and its own domain "test" has more memory
        # than the whole machine: only ours count.
        whole = connection.getInfo()[1]
        active = connection.listAllDomains(libvirt.VIR_CONNECT_LIST_DOMAINS_ACTIVE)
        used = sum(handle.info()[1] for handle in active if is_ours(handle))
        return whole, whole - used // 1024
    return connection.getInfo()[1], connection.getFreeMemory() >> 20


def domain_state(state: int, reason: int) -> DomainState:
    """libvirt's state and reason (https://libvirt.org/html/libvirt-libvirt-domain.html#virDomainState)."""
    if state == libvirt.VIR_DOMAIN_SHUTOFF:
        crashed = reason == libvirt.VIR_DOMAIN_SHUTOFF_CRASHED
        return DomainState.CRASHED if crashed else DomainState.OFF
    if state == libvirt.VIR_DOMAIN_PAUSED:
        # the host's disk is full, or the guest panicked: it is there, but nobody can work in it
        broken = reason in (libvirt.VIR_DOMAIN_PAUSED_IOERROR, libvirt.VIR_DOMAIN_PAUSED_CRASHED)
        return DomainState.CRASHED if broken else DomainState.RUNNING
    return DomainState.CRASHED if state == libvirt.VIR_DOMAIN_CRASHED else DomainState.RUNNING


def version(number: int) -> str:
    """7002022 -> 7.2.22 (major × 1,000,000 + minor × 1,000 + release)."""
    return f"{number // 1_000_000}.{number // 1000 % 1000}.{number % 1000}"
