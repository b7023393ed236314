"""The door to libvirt, and its only importer: ``LibvirtDriver`` is a HostDriver for

- ``qemu:///embed?root=FOLDER``: QEMU run by this very process, no daemon, no root (facts.md; one process a root,
  one root a process); labs live on when the process dies and are there again at the next open;
- ``xen:///``, ``xen+ssh://``, ``xen+tcp://`` (libxl), ``qemu:///system``: through that host's libvirtd;
- ``test:///default``, ``test:///FILE``, ``test+tcp://``: libvirt's own test driver.

Events are never believed, they only say "read me again": a reboot inside a Xen guest arrives as STARTED before
STOPPED.
"""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable, Iterator
from typing import Any

from trainbot.errors import BackendError, HostDown
from trainbot.hosts import libvirt_errors
from trainbot.hosts.address import HostAddress, host_address, prepare_root
from trainbot.hosts.disks import Disks, LocalOverlays, NoDisks, PoolVolumes
from trainbot.hosts.domain_xml import HostKind, OurDomain, domain_from_xml, domain_xml
from trainbot.hosts.libvirt_reading import domain_state, memory, version
from trainbot.hosts.model import Domain, DomainState, HostConfig, HostReport, LabSpec

# libvirt reads this while it is imported, and otherwise writes all it raises to stderr as well.
_silenced = os.environ.setdefault("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null") == "4:file:/dev/null"
import libvirt  # noqa: E402

if _silenced:
    del os.environ["LIBVIRT_LOG_OUTPUTS"]
libvirt.registerErrorHandler(lambda _context, _error: None, None)

_SSH = 22
_loop_lock = threading.Lock()
_loop_thread: threading.Thread | None = None


def _start_event_loop() -> None:
    """One daemon thread for the process, before the first connection: keepalive, events and the embedded
    driver's talk with QEMU all stand still without it (https://libvirt.org/html/libvirt-libvirt-event.html)."""
    global _loop_thread
    with _loop_lock:
        if _loop_thread is None:
            libvirt.virEventRegisterDefaultImpl()
            _loop_thread = threading.Thread(target=_run_event_loop, name="libvirt-events", daemon=True)
            _loop_thread.start()


def _run_event_loop() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


class LibvirtDriver:
    """One host.  ``owner`` is the installation's id: domains of other owners (or none) are neither reported nor
    touched.  ``changed`` is called, in libvirt's event thread, whenever a new report may differ from the last.

    Calls block, raise HostDown, NoSuchThing or BackendError, and are made by one thread at a time.
    """

    def __init__(self, config: HostConfig, owner: str, changed: Callable[[], None] = lambda: None) -> None:
        self._config = config
        self._owner = owner
        self._changed = changed
        self._address: HostAddress = host_address(config.uri)
        self._connection: Any = None
        self._events: int | None = None
        self._disks: Disks = NoDisks()

    # -- connection ---------------------------------------------------------------------------

    def open(self) -> None:
        """A new connection (a lost one never recovers).  May block for minutes on a mute host."""
        self.close()
        _start_event_loop()
        if self._address.root is not None:
            prepare_root(self._address.root)
        try:
            connection = libvirt.open(self._address.uri)
            self._connection = connection
            if self._address.remote:
                connection.setKeepAlive(self._config.keepalive, self._config.keepalive_count)
                connection.registerCloseCallback(lambda *_: self._changed(), None)
            self._events = connection.domainEventRegisterAny(
                None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, lambda *_: self._changed(), None
            )
        except libvirt.libvirtError as error:
            self.close()
            raise self._translated(error, f"opening {self._config.name}", alive=not self._address.remote) from None
        if self._address.root is not None:
            self._disks = LocalOverlays(self._config.folder)
        elif self._address.kind is not HostKind.TEST:
            self._disks = PoolVolumes(connection, self._config.folder)

    def close(self) -> None:
        """Lets the connection go.  The labs run on."""
        connection, self._connection = self._connection, None
        events, self._events = self._events, None
        if connection is None:
            return
        self._disks = NoDisks()
        # libvirt keeps a connection for as long as a callback is registered on it.  On a dead one all of this
        # fails, and then there is nothing to let go of.
        for let_go in (
            lambda: events is not None and connection.domainEventDeregisterAny(events),
            lambda: self._address.remote and connection.unregisterCloseCallback(),
            connection.close,
        ):
            with contextlib.suppress(libvirt.libvirtError):
                let_go()

    # -- reading ------------------------------------------------------------------------------

    def report(self) -> HostReport:
        with self._calling(f"reading {self._config.name}") as connection:
            domains = []
            for handle in connection.listAllDomains(0):
                with self._unless_gone():
                    ours = self._ours(handle)
                    if ours is not None:
                        domains.append(self._domain(handle, ours))
            whole, free = memory(connection, self._address.kind, lambda handle: self._ours(handle) is not None)
            return HostReport(
                name=self._config.name,
                domains=tuple(sorted(domains, key=lambda domain: domain.name)),
                memory_mib=whole,
                free_mib=free,
                cpus=connection.getInfo()[2],
                hypervisor=f"{connection.getType()} {version(connection.getVersion())}",
            )

    def _ours(self, handle: Any) -> OurDomain | None:
        ours = domain_from_xml(handle.XMLDesc(0))
        return ours if ours is not None and ours.owner == self._owner else None

    def _domain(self, handle: Any, ours: OurDomain) -> Domain:
        state = domain_state(*handle.state())
        return Domain(ours.id, ours.name, state, self._endpoint(handle, ours, state))

    def _endpoint(self, handle: Any, ours: OurDomain, state: DomainState) -> tuple[str, int] | None:
        if self._address.kind is HostKind.QEMU:
            return ("127.0.0.1", ours.port) if ours.port else None
        if self._address.kind is HostKind.TEST or state is not DomainState.RUNNING:
            return None
        try:
            leases = handle.interfaceAddresses(libvirt.VIR_DOMAIN_INTERFACE_ADDRESSES_SRC_LEASE)
        except libvirt.libvirtError as error:
            # A network that is not libvirt's (a bridge) has no leases to ask for; a lost host is another matter.
            if not self._alive():
                raise
            del error
            return None
        for interface in (leases or {}).values():
            for address in interface.get("addrs") or ():
                if address["type"] == libvirt.VIR_IP_ADDR_TYPE_IPV4:
                    return (address["addr"], _SSH)
        return None

    # -- changing -----------------------------------------------------------------------------

    def make(self, spec: LabSpec) -> Domain:
        with self._calling(f"making {spec.name}") as connection:
            handle = self._find(connection, spec.id)
            if handle is None:
                handle = self._define(connection, spec)
                self._first_start(handle, spec)
            elif self._wants_starting(handle):
                if not self._disks.present(spec.id):  # killed in the middle of a reset
                    handle = self._define(connection, spec)
                self._start(handle)
            return self._read(handle, spec)

    def reset(self, spec: LabSpec) -> Domain:
        with self._calling(f"resetting {spec.name}") as connection:
            handle = self._find(connection, spec.id)
            if handle is not None:
                self._stop(handle)
            # Defining again over the same UUID takes over what may have changed: mode, memory, port.
            handle = self._define(connection, spec)
            handle.create()
            return self._read(handle, spec)

    def reboot(self, id: str) -> None:
        with self._calling(f"rebooting lab {id}") as connection:
            handle = self._find(connection, id)
            if handle is None:
                raise libvirt_errors.translate(libvirt_errors.NO_DOMAIN, "", alive=True, doing=f"rebooting lab {id}")
            self._stop(handle)
            handle.create()

    def destroy(self, id: str) -> None:
        with self._calling(f"destroying lab {id}") as connection:
            handle = self._find(connection, id)
            if handle is not None:
                with self._unless_gone():
                    self._stop(handle)
                    handle.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)
            # Also without a domain: a crash between overlay and define leaves one.
            self._disks.remove(id)

    def _find(self, connection: Any, id: str) -> Any:
        """The domain with this UUID, or None.  Raises BackendError where somebody else has it."""
        with self._unless_gone():
            handle = connection.lookupByUUIDString(id)
            if self._ours(handle) is None:
                raise BackendError(f"the domain with id {id} on {self._config.name} is not this trainbot's: not touched")
            return handle
        return None

    def _define(self, connection: Any, spec: LabSpec) -> Any:
        """A fresh overlay and a domain that is off.  The name's owner is asked first: libvirt answers to a name
        that is taken with a number that means anything (9)."""
        if spec.owner != self._owner:
            raise BackendError(f"lab {spec.name} is of another installation: not made")
        for other in connection.listAllDomains(0):
            with self._unless_gone():
                if other.name() == spec.name and other.UUIDString() != spec.id:
                    raise BackendError(
                        f"{self._config.name} has another domain called {spec.name}: rename or remove it there"
                    )
        overlay = self._disks.create(spec.id, spec.disk)
        try:
            return connection.defineXML(domain_xml(spec, self._address.kind, self._config, overlay))
        except (libvirt.libvirtError, BackendError):
            self._clear(spec.id, None)
            raise

    def _wants_starting(self, handle: Any) -> bool:
        """Whether a domain that is there has to be created anew; one that only stands still is set going."""
        if not handle.isActive():
            return True
        state = handle.state()[0]
        if state == libvirt.VIR_DOMAIN_PAUSED:  # its host's disk was full, say
            handle.resume()
        # libxl calls a lab that ended by itself both shut off and active, until it gets round to clearing it away
        over = state in (libvirt.VIR_DOMAIN_SHUTDOWN, libvirt.VIR_DOMAIN_SHUTOFF, libvirt.VIR_DOMAIN_CRASHED)
        if over:
            self._stop(handle)
        return over

    def _first_start(self, handle: Any, spec: LabSpec) -> None:
        """A domain that cannot start is taken away again, or its name and disk would be in the way of the next try.

        The race: killed between define and here, we leave a domain that is off.  Its UUID was committed before,
        so the next make() starts it, or a reconciliation destroys it.
        """
        try:
            handle.create()
        except libvirt.libvirtError:
            self._clear(spec.id, handle)
            self._explain_no_room(spec)
            raise

    def _explain_no_room(self, spec: LabSpec) -> None:
        """Xen says no more than "failed to create new domain" when its memory is all given out (facts.md)."""
        if self._address.kind is HostKind.XEN:
            free = self._connection.getFreeMemory() >> 20
            if free < spec.memory_mib:
                raise BackendError(
                    f"{self._config.name} has {free} MiB free and {spec.name} needs {spec.memory_mib}: "
                    "give labs back there or use another host"
                )

    def _clear(self, id: str, handle: Any) -> None:
        """Best effort: whoever calls has a better error to raise."""
        with contextlib.suppress(libvirt.libvirtError, BackendError):
            if handle is not None:
                handle.undefine()
            self._disks.remove(id)

    def _start(self, handle: Any) -> None:
        try:
            handle.create()
        except libvirt.libvirtError as error:
            # a bot that was killed had ordered it just before: the host was still at it, and we waited for that
            if error.get_error_code() != libvirt_errors.OPERATION_INVALID or not handle.isActive():
                raise

    def _stop(self, handle: Any) -> None:
        try:
            if handle.isActive():
                handle.destroy()
        except libvirt.libvirtError as error:
            # it powered itself off between the question and the order
            if error.get_error_code() != libvirt_errors.OPERATION_INVALID:
                raise

    def _read(self, handle: Any, spec: LabSpec) -> Domain:
        ours = self._ours(handle)
        if ours is None:
            raise BackendError(f"lab {spec.name} lost its mark on {self._config.name}")
        return self._domain(handle, ours)

    # -- errors -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def _calling(self, doing: str) -> Iterator[Any]:
        if self._connection is None:
            raise HostDown(f"{doing}: {self._config.name} is not connected")
        try:
            yield self._connection
        except libvirt.libvirtError as error:
            raise self._translated(error, doing, alive=self._alive()) from None

    @contextlib.contextmanager
    def _unless_gone(self) -> Iterator[None]:
        """Passes over a domain that went away meanwhile."""
        try:
            yield
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt_errors.NO_DOMAIN:
                raise

    def _translated(self, error: Any, doing: str, *, alive: bool) -> BackendError:
        code, message = error.get_error_code(), error.get_error_message() or str(error)
        return libvirt_errors.translate(code, message, alive=alive, doing=doing)

    def _alive(self) -> bool:
        try:
            return self._connection is not None and self._connection.isAlive() == 1
        except libvirt.libvirtError:
            return False
