"""A stand-in for QEMU's side of a serial line: a unix socket, one caller at a time, who hears what was typed again."""

from __future__ import annotations

import socket
import threading
from contextlib import suppress


class SerialLine:
    def __init__(self, path) -> None:
        self.path = path
        self.typed = b""
        self._listener = socket.socket(socket.AF_UNIX)
        self._listener.bind(str(path))
        self._listener.listen(1)
        self.caller: socket.socket | None = None
        self.calls = 0
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                self.caller, _ = self._listener.accept()
            except OSError:
                return
            self.calls += 1
            self.caller.sendall(b"\r\nlab login: \x1b[1mroot\x1b[0m (automatic login)\r\n")
            try:
                while data := self.caller.recv(4096):
                    self.typed += data
                    self.caller.sendall(b"<" + data + b">")
            except OSError:
                pass
            self.caller.close()

    def cut(self) -> None:
        """The machine goes off."""
        with suppress(OSError):
            assert self.caller is not None
            self.caller.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        self._listener.close()
        self.path.unlink(missing_ok=True)
        if self.caller is not None:
            self.cut()
