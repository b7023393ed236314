"""The adapter to libvirt: ``LibvirtDriver`` is a HostDriver for

- ``qemu:///embed?root=FOLDER``: QEMU run by this process itself, without a daemon or root privileges (facts.md; one
  process per root folder, one root folder per process); labs keep running when the process dies and are found again at
  the next open;
- ``xen:///``, ``xen+ssh://``, … (libxl) and ``qemu:///system``, ``qemu+ssh://``, …: through that host's libvirtd;
- ``test:///default``, ``test:///FILE``, ``test+tcp://``: libvirt's own test driver.

Events are never trusted, they only mean "read me again": a reboot inside a Xen guest arrives as STARTED before STOPPED.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable
from dataclasses import replace
from typing import Any

from trainbot.adapters.hosts.claim import Claimant
from trainbot.adapters.hosts.disks import MOST_LEVELS, Disks, level_of, whole
from trainbot.adapters.hosts.domain_xml import OurDomain, Qemu, domain_from_xml, domain_xml, qemu_of
from trainbot.adapters.hosts.libvirt_link import LibvirtConnection, libvirt
from trainbot.adapters.hosts.libvirt_power import LibvirtPower
from trainbot.adapters.hosts.libvirt_reading import LibvirtReader
from trainbot.adapters.hosts.libvirt_storage import LibvirtStorage
from trainbot.core.errors import BackendError, NoSuchThing
from trainbot.model.host import Domain, HostConfig, HostReport, LabSpec
from trainbot.model.host_address import HostKind, console_socket


class LibvirtDriver:
    """The driver of one host.  ``owner`` is the installation's id: domains of other owners (or none) are neither
    reported nor touched; '' is for callers that only read.  ``changed`` is called, in libvirt's event thread, whenever
    a new report may differ from the last.  ``claimant``: how the host is claimed for ``owner``.

    Calls block, raise HostDown, NoSuchThing or BackendError, and are made by one thread at a time.
    """

    def __init__(
        self,
        config: HostConfig,
        owner: str,
        changed: Callable[[], None] = lambda: None,
        claimant: Claimant | None = None,
    ) -> None:
        self._config = config
        self._claimant = claimant or Claimant(owner)
        self._owner = owner
        self._link = LibvirtConnection(config, changed, self._defined, self._network_changed)
        self._kind = self._link.address.kind
        self._qemu = Qemu()
        self._reader: LibvirtReader | None = None

    # -- connection ---------------------------------------------------------------------------

    def open(self) -> None:
        """Opens a new connection and claims the host.  Raises HostDown if it belongs to another trainbot, Superseded if
        another machine has taken over from this one."""
        self._connect()
        try:
            with self._link.calling(f"opening {self._config.name}"):
                self._storage.hold()
        except BackendError:
            self.close()
            raise

    @property
    def shared(self) -> bool:
        """True if other trainbots could reach the host as well, so that it has to be claimed."""
        return self._link.shared

    def claims(self) -> list[str]:
        """Opens the host and returns who else claims it."""
        self._connect()
        with self._link.calling(f"asking {self._config.name}"):
            return self._storage.claims()

    def signs(self) -> frozenset[str]:
        """Opens the host and returns the signs of life of a bot of this installation.  Claims nothing."""
        self._connect()
        with self._link.calling(f"asking {self._config.name}"):
            return self._storage.signs()

    def take(self) -> list[str]:
        """Opens the host and claims it even if others had it; returns those others.  Their labs are not touched."""
        self._connect()
        with self._link.calling(f"taking {self._config.name}"):
            return self._storage.take()

    def _connect(self) -> None:
        self.close()
        self._link.open()
        if self._kind is HostKind.KVM:
            with self._link.calling(f"asking {self._config.name}") as connection:
                self._qemu = qemu_of(connection.getCapabilities())
        self._storage = LibvirtStorage(self._link, self._config, self._claimant, self._qemu.user)
        self._power = LibvirtPower(self._link, self._config)
        self._reader = LibvirtReader(self._link, self._config, self._owner, self._storage)

    def close(self) -> None:
        """Closes the connection.  The labs keep running."""
        self._reader = None
        self._link.close()

    def _defined(self, uuid: str) -> None:
        if (reader := self._reader) is not None:
            reader.stale(uuid)

    def _network_changed(self) -> None:
        if (reader := self._reader) is not None:
            reader.network.changed()

    @property
    def _disks(self) -> Disks:
        return self._storage.disks

    # -- reading ------------------------------------------------------------------------------

    def report(self) -> HostReport:
        with self._link.calling(f"reading {self._config.name}"):
            report, running = self._reading.report()
            for handle, ours in running:
                self._power.cap(handle, ours.cap)  # a lab that rebooted itself is a new domain to Xen, without its cap
            return report

    def ping(self) -> None:
        with self._link.calling(f"asking {self._config.name} whether it is there") as connection:
            connection.getLibVersion()

    @property
    def _reading(self) -> LibvirtReader:
        assert self._reader is not None
        return self._reader

    def _read(self, handle: Any, spec: LabSpec) -> Domain:
        ours = self._reading.ours(handle)
        if ours is None:
            raise BackendError(f"lab {spec.name} is no longer marked as trainbot's on {self._config.name}")
        self._power.cap(handle, spec.cpu_percent)
        return self._reading.domain(handle, ours)

    # -- changing -----------------------------------------------------------------------------

    def make(self, spec: LabSpec) -> Domain:
        with self._link.calling(f"making {spec.name}") as connection:
            handle = self._find(connection, spec.id)
            if handle is None:
                handle = self._define_fresh(connection, spec)
                self._first_start(handle, spec)
            else:
                handle = self._mended(connection, handle, spec)
            return self._read(handle, spec)

    def reset(self, spec: LabSpec) -> Domain:
        with self._link.calling(f"resetting {spec.name}") as connection:
            handle = self._find(connection, spec.id)
            self._storage.check_image(spec.disk)  # otherwise the lab would be off, with nothing to recreate it from
            if handle is not None:
                self._power.stop(handle)
            # Defining the same UUID again applies what may have changed: mode, memory, port.
            handle = self._define_fresh(connection, spec)
            self._power.start(handle)
            return self._read(handle, spec)

    def reboot(self, id: str) -> None:
        with self._link.calling(f"rebooting lab {id}") as connection:
            handle = self._known(connection, id)
            self._power.stop(handle)
            self._power.start(handle)
            self._power.cap(handle, self._stored(handle).cap)

    def pause(self, id: str) -> None:
        with self._link.calling(f"pausing lab {id}") as connection:
            self._power.pause(self._known(connection, id))

    def resume(self, id: str) -> None:
        with self._link.calling(f"resuming lab {id}") as connection:
            handle = self._known(connection, id)
            if self._power.wants_starting(handle):
                self._power.start(handle)

    def snapshot(self, spec: LabSpec) -> Domain:
        with self._link.calling(f"snapshot of {spec.name}") as connection:
            handle = self._mended(connection, self._known(connection, spec.id), spec)
            level = level_of(spec.id, self._stored(handle).disk) + 1
            if level > MOST_LEVELS:
                raise BackendError(
                    f"lab {spec.name} has {MOST_LEVELS} snapshots and {MOST_LEVELS} snapshots are the "
                    "most: !lab reset starts over"
                )
            self._power.stop(handle)
            before = handle.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE)
            try:
                handle = self._define(connection, spec, self._disks.extend(spec.id, level))
                self._power.start(handle)
            except (libvirt.libvirtError, BackendError):
                self._back(connection, before)
                raise
            return self._read(handle, spec)

    def rollback(self, spec: LabSpec) -> Domain:
        with self._link.calling(f"rolling {spec.name} back") as connection:
            handle = self._mended(connection, self._known(connection, spec.id), spec)
            level = level_of(spec.id, self._stored(handle).disk)
            if level == 0:
                raise NoSuchThing(f"lab {spec.name} has no snapshot: !lab snapshot makes one")
            self._power.stop(handle)
            # From here on the lab has its kept disk and an empty one on top: if we are killed, make repairs it.
            try:
                handle = self._define(connection, spec, self._disks.extend(spec.id, level))
                self._power.start(handle)
            except (libvirt.libvirtError, BackendError):
                with contextlib.suppress(libvirt.libvirtError, BackendError):
                    self._mended(connection, handle, spec)  # better running on the disk that it had than off
                raise
            return self._read(handle, spec)

    def destroy(self, id: str) -> None:
        with self._link.calling(f"destroying lab {id}") as connection:
            handle = self._find(connection, id)
            if handle is not None:
                with self._link.unless_gone():
                    self._power.stop(handle)
                    handle.undefineFlags(libvirt.VIR_DOMAIN_UNDEFINE_MANAGED_SAVE)
            # Also without a domain: a crash between overlay and define leaves an overlay.
            self._disks.remove(id)

    # -- domains ------------------------------------------------------------------------------

    def _find(self, connection: Any, id: str) -> Any:
        """Returns the domain with this UUID, or None.  Raises BackendError if it belongs to somebody else."""
        with self._link.unless_gone():
            handle = connection.lookupByUUIDString(id)
            if self._reading.ours(handle) is None:
                raise BackendError(
                    f"the domain with id {id} on {self._config.name} is not this trainbot's: not touched"
                )
            return handle
        return None

    def _known(self, connection: Any, id: str) -> Any:
        """Returns the domain with this UUID.  Raises NoSuchThing if there is none."""
        handle = self._find(connection, id)
        if handle is None:
            raise NoSuchThing(f"{self._config.name} does not have this lab ({id})")
        return handle

    def _stored(self, handle: Any) -> OurDomain:
        """Returns what the domain's stored definition, from which it would start next, says about it."""
        ours = domain_from_xml(handle.XMLDesc(libvirt.VIR_DOMAIN_XML_INACTIVE))
        if ours is None:
            raise BackendError(f"domain {handle.name()} is no longer marked as trainbot's on {self._config.name}")
        return ours

    def _mended(self, connection: Any, handle: Any, spec: LabSpec) -> Any:
        """Makes sure that the lab runs, on the disk it had.  If we were killed during a rollback, the top level is
        missing and is created anew; if during a reset, the first level is missing and all are created anew."""
        if self._power.wants_starting(handle):
            level, there = level_of(spec.id, self._stored(handle).disk), self._disks.levels(spec.id)
            if not whole(level, there):
                handle = self._define_fresh(connection, spec)
            elif level not in there:
                self._disks.extend(spec.id, level)
            self._power.start(handle)
        return handle

    def _define_fresh(self, connection: Any, spec: LabSpec) -> Any:
        """Creates a fresh overlay and a domain that is off.  Checks first whether another domain has the name, because
        libvirt reports that with an error number that can mean anything (9)."""
        if spec.owner != self._owner:
            raise BackendError(f"lab {spec.name} belongs to another installation: not created")
        for other in connection.listAllDomains(0):
            with self._link.unless_gone():
                if other.name() == spec.name and other.UUIDString() != spec.id:
                    raise BackendError(
                        f"{self._config.name} has another domain called {spec.name}: rename or remove it there"
                    )
        overlay = self._disks.create(spec.id, spec.disk)
        try:
            return self._define(connection, spec, overlay)
        except (libvirt.libvirtError, BackendError):
            self._clear(spec.id, None)
            raise

    def _define(self, connection: Any, spec: LabSpec, overlay: Any) -> Any:
        return connection.defineXML(
            domain_xml(
                spec,
                self._kind,
                self._config if self._config.kvm is not None else replace(self._config, kvm=self._qemu.kvm),
                overlay,
                console_socket(self._config.uri, spec.id),
                self._link.emulator,
                self._qemu.user,
            )
        )

    def _back(self, connection: Any, before: str) -> None:
        """Runs the lab as it was before, as far as possible; the caller has an error to raise.  The overlay made for
        the next level lies above the lab's disk, so that the next snapshot replaces it."""
        with contextlib.suppress(libvirt.libvirtError):
            handle = connection.defineXML(before)
            if not handle.isActive():
                self._power.start(handle)

    def _first_start(self, handle: Any, spec: LabSpec) -> None:
        """Starts a new domain, or removes it if it cannot start, because its name and disk would block the next try.

        If we are killed between define and here, a domain that is off stays behind.  Its UUID was committed before, so
        the next make() starts it, or a reconciliation destroys it.
        """
        try:
            self._power.start(handle)
        except libvirt.libvirtError:
            self._clear(spec.id, handle)
            self._power.explain_no_room(spec)
            raise

    def _clear(self, id: str, handle: Any) -> None:
        """Removes the domain and its disk, as far as possible; the caller has a better error to raise."""
        with contextlib.suppress(libvirt.libvirtError, BackendError):
            if handle is not None:
                handle.undefine()
            self._disks.remove(id)
