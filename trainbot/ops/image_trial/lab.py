"""A lab that is tried: how to log in to it, and its console."""

from __future__ import annotations

import re
import shlex
import socket
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager, suppress

from trainbot.core.errors import BackendError
from trainbot.model.host import Domain, HostDriver, LabSpec

_ASK_AGAIN = 3.0  # seconds between two attempts to log in
_LOGIN = (
    240.0  # seconds for one: on a busy machine without hardware virtualisation the key exchange alone takes a minute
)
_CONSOLE = 240.0  # seconds that the console has to answer in
_TERMINAL = re.compile(rb"\x1b\[[?0-9;]*[A-Za-z]|\r")  # what a shell tells a terminal besides text

#: Connects to the lab's console.
Console = Callable[[], AbstractContextManager[socket.socket]]


class TrialLab:
    """``ssh``: the command that logs in to the lab, once it is made, except for what is run there; ``console``: None if
    its host has none; ``where``: words for the progress, such as " on xen1"."""

    def __init__(
        self,
        driver: HostDriver,
        spec: LabSpec,
        ssh: Callable[[Domain], list[str]],
        console: Console | None,
        where: str = "",
    ) -> None:
        self._driver, self._spec, self._way, self._console, self.where = driver, spec, ssh, console, where
        self._ssh: list[str] = []
        self._said = b""

    def boot(self, within: float) -> float:
        """Seconds until somebody can log in."""
        began = time.monotonic()
        self._ssh = self._way(self._driver.make(self._spec))
        self.wait(within)
        return time.monotonic() - began

    def snapshot(self) -> None:
        self._driver.snapshot(self._spec)

    def rollback(self) -> None:
        self._driver.rollback(self._spec)

    def wait(self, within: float) -> None:
        """Until somebody can log in; BackendError if that takes longer than it may."""
        ends, again = time.monotonic() + within, threading.Event()
        with self._following():
            while True:
                try:
                    self.ask("true", _LOGIN)
                    return
                except BackendError as error:
                    if time.monotonic() > ends:
                        raise BackendError(f"nobody could log in within {within:.0f} s: {error}") from error
                again.wait(_ASK_AGAIN)

    def ask(self, command: str, seconds: float = 300) -> str:
        """What the command says on stdout; BackendError if ssh does not get there."""
        try:
            ran = subprocess.run(
                [*self._ssh, command], capture_output=True, text=True, errors="replace", timeout=seconds, check=False
            )
        except subprocess.TimeoutExpired:
            raise BackendError(f"no answer to {shlex.quote(command)} within {seconds:.0f} s") from None
        if ran.returncode == 255:  # ssh's own
            raise BackendError(" ".join(ran.stderr.split()) or "ssh failed without a reason")
        return ran.stdout

    def ask_console(self) -> tuple[str, bool]:
        """Whether root's shell answers on the console."""
        if self._console is None:
            return "not tried: this kind of host has none", True
        said = b""
        with self._console() as console, suppress(TimeoutError, ConnectionError):
            console.settimeout(_CONSOLE)
            console.sendall(b"\n id -un; echo tried-$((6 * 7))\n")
            while b"tried-42" not in said and (piece := console.recv(4096)):
                said += piece
        plain = _TERMINAL.sub(b"", said)
        good = b"tried-42" in plain and re.search(rb"^root$", plain, re.MULTILINE) is not None
        return ("root's shell answers" if good else said.decode(errors="replace")[-200:]), good

    def console_end(self) -> list[str]:
        """The last lines that it said while it was booting."""
        return _TERMINAL.sub(b"", self._said).decode(errors="replace").splitlines()

    @contextmanager
    def _following(self) -> Iterator[None]:
        """Keep what the console says meanwhile."""
        self._said = b""
        if self._console is None:
            yield
            return
        with self._console() as console:

            def read() -> None:
                with suppress(OSError):
                    while piece := console.recv(4096):
                        self._said = (self._said + piece)[-16384:]

            reader = threading.Thread(target=read, daemon=True)
            reader.start()
            try:
                yield
            finally:
                with suppress(OSError):  # its other end may be gone
                    console.shutdown(socket.SHUT_RDWR)
                reader.join()
