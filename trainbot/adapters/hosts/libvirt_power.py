"""Turns labs on a libvirt host on and off, and limits their share of a core while they are on."""

from __future__ import annotations

import contextlib
import logging
from typing import Any

from trainbot.adapters.hosts import libvirt_errors
from trainbot.adapters.hosts.libvirt_link import LibvirtConnection, libvirt
from trainbot.core.errors import BackendError
from trainbot.model.host import HostConfig, LabSpec
from trainbot.model.host_address import HostKind, console_socket

log = logging.getLogger(__name__)


class LibvirtPower:
    """Power and CPU limits on one connection; libvirt's exceptions pass through."""

    def __init__(self, link: LibvirtConnection, config: HostConfig) -> None:
        self._link = link
        self._config = config
        self._kind = link.address.kind
        self._capped: dict[str, int] = {}  # UUID -> number of the domain whose CPU cap was set

    def wants_starting(self, handle: Any) -> bool:
        """Whether an existing domain has to be started; one that is only paused is resumed."""
        if not handle.isActive():
            return True
        state = handle.state()[0]
        if state == libvirt.VIR_DOMAIN_PAUSED:  # for example, its host's disk was full
            handle.resume()
        # libxl reports a lab that ended by itself as both shut off and active until it has cleaned it up
        over = state in (libvirt.VIR_DOMAIN_SHUTDOWN, libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED)
        if over:
            self.stop(handle)
        return over

    def explain_no_room(self, spec: LabSpec) -> None:
        """Raises BackendError if the lab did not start for lack of memory: Xen says only "failed to create new domain"
        when all its memory is given out (facts.md)."""
        if self._kind is HostKind.XEN:
            free = self._link.connection.getFreeMemory()  # bytes; 0 if unknown
            if 0 < free < spec.memory_mib << 20:
                raise BackendError(
                    f"{self._config.name} has {free >> 20} MiB free and {spec.name} needs {spec.memory_mib}: "
                    "return labs there or use another host"
                )

    def start(self, handle: Any) -> None:
        """Starts the lab and restricts its console's socket, if it has one, to us: libvirt creates it with mode 775."""
        try:
            handle.create()
        except libvirt.libvirtError as error:
            # a bot that was killed had requested it just before: the host was still starting it, and we waited for that
            if error.get_error_code() != libvirt_errors.OPERATION_INVALID or not handle.isActive():
                raise
        console = console_socket(self._config.uri, handle.UUIDString())
        if console is not None:
            with contextlib.suppress(FileNotFoundError):  # an older lab has no such console
                console.chmod(0o600)

    def pause(self, handle: Any) -> None:
        """Stops the lab's CPUs; no error if it is off or paused already."""
        try:
            if handle.isActive() and handle.state()[0] != libvirt.VIR_DOMAIN_PAUSED:
                handle.suspend()
        except libvirt.libvirtError as error:
            # it powered itself off between the check and the call
            if error.get_error_code() != libvirt_errors.OPERATION_INVALID:
                raise

    def stop(self, handle: Any) -> None:
        try:
            if handle.isActive():
                handle.destroy()
        except libvirt.libvirtError as error:
            # it powered itself off between the check and the call
            if error.get_error_code() != libvirt_errors.OPERATION_INVALID:
                raise

    def cap(self, handle: Any, percent: int) -> None:
        """Limits the lab to ``percent`` of one core with Xen's scheduler or Linux's, for as long as this boot lasts.  If the
        host cannot do it, the lab runs anyway and the log says so, once per boot."""
        if not self._kind.has_slots or not percent:
            return
        uuid, number = handle.UUIDString(), handle.ID()
        if self._capped.get(uuid) == number:
            return
        self._capped[uuid] = number
        try:
            handle.setSchedulerParameters({"cap": percent} if self._kind is HostKind.XEN else _quota(percent))
        except libvirt.libvirtError as error:
            if not self._link.alive():
                raise
            log.warning(
                "%s: %s is not held to %d %% of a core: %s",
                self._config.name,
                handle.name(),
                percent,
                libvirt_errors.plain(str(error)),
            )


def _quota(percent: int) -> dict[str, int]:
    """All of a machine's threads together, QEMU's own included, in microseconds of each tenth of a second."""
    return {"global_period": 100_000, "global_quota": percent * 1000}
