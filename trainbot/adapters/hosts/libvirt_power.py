"""Labs of a libvirt host turned on and off, and what share of a core they get while they are on."""

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
    """Of one connection; libvirt's exceptions pass through."""

    def __init__(self, link: LibvirtConnection, config: HostConfig) -> None:
        self._link = link
        self._config = config
        self._xen = link.address.kind is HostKind.XEN
        self._capped: dict[str, int] = {}  # UUID -> number of the domain whose share of a core was set

    def wants_starting(self, handle: Any) -> bool:
        """Whether a domain that is there has to be created anew; one that only stands still is set going."""
        if not handle.isActive():
            return True
        state = handle.state()[0]
        if state == libvirt.VIR_DOMAIN_PAUSED:  # its host's disk was full, say
            handle.resume()
        # libxl calls a lab that ended by itself both shut off and active, until it gets round to clearing it away
        over = state in (libvirt.VIR_DOMAIN_SHUTDOWN, libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED)
        if over:
            self.stop(handle)
        return over

    def explain_no_room(self, spec: LabSpec) -> None:
        """BackendError where that is why a lab did not start: Xen says no more than "failed to create new domain" when
        its memory is all given out (facts.md)."""
        if self._xen:
            free = self._link.connection.getFreeMemory()  # bytes; 0 where it cannot be asked
            if 0 < free < spec.memory_mib << 20:
                raise BackendError(
                    f"{self._config.name} has {free >> 20} MiB free and {spec.name} needs {spec.memory_mib}: "
                    "return labs there or use another host"
                )

    def start(self, handle: Any) -> None:
        """Its console's socket, where it has one, is then ours alone: libvirt makes it with the rights 775."""
        try:
            handle.create()
        except libvirt.libvirtError as error:
            # a bot that was killed had ordered it just before: the host was still at it, and we waited for that
            if error.get_error_code() != libvirt_errors.OPERATION_INVALID or not handle.isActive():
                raise
        console = console_socket(self._config.uri, handle.UUIDString())
        if console is not None:
            with contextlib.suppress(FileNotFoundError):  # one from before has no such console
                console.chmod(0o600)

    def stop(self, handle: Any) -> None:
        try:
            if handle.isActive():
                handle.destroy()
        except libvirt.libvirtError as error:
            # it powered itself off between the question and the order
            if error.get_error_code() != libvirt_errors.OPERATION_INVALID:
                raise

    def cap(self, handle: Any, percent: int) -> None:
        """Xen's scheduler holds the lab to so much of one core for as long as this boot lasts.  A host that cannot do
        it is no reason to be without a lab: the log says so, once a boot."""
        if not self._xen or not percent:
            return
        uuid, number = handle.UUIDString(), handle.ID()
        if self._capped.get(uuid) == number:
            return
        self._capped[uuid] = number
        try:
            handle.setSchedulerParameters({"cap": percent})
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
