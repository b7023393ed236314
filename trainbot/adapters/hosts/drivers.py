"""The kinds of hosts: which driver a host in bot.ini has.  Nothing else names a driver."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainbot.model.host import HostConfig, HostDriver

if TYPE_CHECKING:
    from trainbot.adapters.hosts.claim import Claimant
    from trainbot.adapters.hosts.libvirt_look import HostLook


def driver_for(
    config: HostConfig, owner: str, changed: Callable[[], None] = lambda: None, claimant: Claimant | None = None
) -> HostDriver:
    """A driver that is not open yet.  ``owner`` is the installation's id: domains of other owners are neither reported nor
    touched; '' is for callers that only read.  ``changed`` is called, from any thread, whenever a new report may differ
    from the last.  ``claimant``: how the host is claimed for ``owner``."""
    from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver  # 11 MiB, without hosts for nothing

    return LibvirtDriver(config, owner, changed, claimant)


def look_at(config: HostConfig) -> HostLook:
    """Reads the host and changes nothing there, whoever it belongs to.  Raises HostDown or BackendError with the reason.
    May block for minutes if the host does not answer."""
    from trainbot.adapters.hosts.libvirt_look import look

    return look(config)
