"""One connection to a host's libvirt: opens it, listens to it, closes it, and translates its errors."""

from __future__ import annotations

import contextlib
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from trainbot.adapters.hosts import libvirt_errors
from trainbot.core.errors import BackendError, HostDown
from trainbot.model.host import HostConfig
from trainbot.model.host_address import HostAddress, host_address, prepare_root

# libvirt reads this when it is imported; without it, every error that it raises is also written to stderr.
_silenced = os.environ.setdefault("LIBVIRT_LOG_OUTPUTS", "4:file:/dev/null") == "4:file:/dev/null"
import libvirt  # noqa: E402  after the variable that it reads

if _silenced:
    del os.environ["LIBVIRT_LOG_OUTPUTS"]
libvirt.registerErrorHandler(lambda _context, _error: None, None)

__all__ = ["LibvirtConnection", "libvirt"]  # import libvirt from here, so that it is silenced

log = logging.getLogger(__name__)
_loop_lock = threading.Lock()
_loop_thread: threading.Thread | None = None


def _start_event_loop() -> None:
    """Starts one daemon thread for the process, before the first connection: without it, keepalive, events and the
    embedded driver's communication with QEMU all stop (https://libvirt.org/html/libvirt-libvirt-event.html)."""
    global _loop_thread  # noqa: PLW0603  one for the process
    with _loop_lock:
        if _loop_thread is None:
            libvirt.virEventRegisterDefaultImpl()
            _loop_thread = threading.Thread(target=_run_event_loop, name="libvirt-events", daemon=True)
            _loop_thread.start()


def _run_event_loop() -> None:
    while True:
        libvirt.virEventRunDefaultImpl()


class LibvirtConnection:
    """A connection to libvirt.  ``connection`` is None until ``open``.  In libvirt's event thread, ``changed`` is
    called for anything that may have happened, ``defined`` with the UUID of each domain whose definition was added,
    changed or removed, ``network`` when one of the networks changed."""

    def __init__(
        self,
        config: HostConfig,
        changed: Callable[[], None],
        defined: Callable[[str], None],
        network: Callable[[], None],
    ) -> None:
        self.address: HostAddress = host_address(config.uri)
        self.connection: Any = None
        self.emulator: Path | None = None  # of an embedded host's labs
        self._config = config
        self._changed, self._defined, self._network = changed, defined, network
        self._let_go: list[Callable[[], Any]] = []

    @property
    def shared(self) -> bool:
        """True if programs on other machines, or other processes on this one, can reach this host as well."""
        return self.address.remote and self.address.root is None

    def open(self) -> Any:
        """Opens a new connection (a lost one never recovers).  May block for minutes if the host does not answer."""
        self.close()
        _start_event_loop()
        if self.address.root is not None:
            from trainbot.adapters.hosts.confinement import confined, emulator  # loads ctypes

            prepare_root(self.address.root)
            self.emulator = emulator(self.address.root)
            if not confined():
                log.warning("%s: this kernel has no Landlock, so labs' emulators are not confined", self._config.name)
        try:
            self.connection = libvirt.open(self.address.uri)
            self._listen(self.connection)
        except libvirt.libvirtError as error:
            self.close()
            raise self.translated(error, f"opening {self._config.name}", alive=not self.address.remote) from None
        return self.connection

    def _listen(self, connection: Any) -> None:
        if self.address.remote:
            connection.setKeepAlive(self._config.keepalive, self._config.keepalive_count)
            connection.registerCloseCallback(lambda *_: self._changed(), None)
            self._let_go.append(connection.unregisterCloseCallback)
        events = connection.domainEventRegisterAny(
            None, libvirt.VIR_DOMAIN_EVENT_ID_LIFECYCLE, self._domain_event, None
        )
        self._let_go.append(lambda: connection.domainEventDeregisterAny(events))
        with contextlib.suppress(libvirt.libvirtError):  # the embedded driver has no networks
            networks = connection.networkEventRegisterAny(
                None, libvirt.VIR_NETWORK_EVENT_ID_LIFECYCLE, lambda *_: self._network(), None
            )
            self._let_go.append(lambda: connection.networkEventDeregisterAny(networks))

    def _domain_event(self, _connection: Any, handle: Any, event: int, *_: Any) -> None:
        if event in (libvirt.VIR_DOMAIN_EVENT_DEFINED, libvirt.VIR_DOMAIN_EVENT_UNDEFINED):
            self._defined(handle.UUIDString())
        self._changed()

    def close(self) -> None:
        connection, self.connection = self.connection, None
        let_go, self._let_go = self._let_go, []
        if connection is None:
            return
        # libvirt keeps a connection open as long as a callback is registered on it.  On a dead connection all of
        # this fails, and then there is nothing to release.
        for step in (*let_go, connection.close):
            with contextlib.suppress(libvirt.libvirtError):
                step()

    # -- errors -------------------------------------------------------------------------------

    @contextlib.contextmanager
    def calling(self, doing: str) -> Iterator[Any]:
        """Yields the connection; what libvirt raises inside becomes one of our errors."""
        if self.connection is None:
            raise HostDown(f"{doing}: {self._config.name} is not connected")
        try:
            yield self.connection
        except libvirt.libvirtError as error:
            raise self.translated(error, doing, alive=self.alive()) from None

    @contextlib.contextmanager
    def unless_gone(self) -> Iterator[None]:
        """Ignores the error if the domain has disappeared meanwhile."""
        try:
            yield
        except libvirt.libvirtError as error:
            if error.get_error_code() != libvirt_errors.NO_DOMAIN:
                raise

    @contextlib.contextmanager
    def unless_refused(self) -> Iterator[None]:
        """Ignores anything that the host cannot or will not do, but not the loss of the host."""
        try:
            yield
        except libvirt.libvirtError:
            if not self.alive():
                raise

    def translated(self, error: Any, doing: str, *, alive: bool) -> BackendError:
        code, message = error.get_error_code(), error.get_error_message() or str(error)
        return libvirt_errors.translate(code, message, alive=alive, doing=doing, host=self._config.name)

    def alive(self) -> bool:
        try:
            return self.connection is not None and self.connection.isAlive() == 1
        except libvirt.libvirtError:
            return False
