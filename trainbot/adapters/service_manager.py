"""Tells systemd how its service is doing: one datagram for each change (sd_notify(3), sd_watchdog_enabled(3))."""

from __future__ import annotations

import asyncio
import os
import socket
import time
from contextlib import suppress
from typing import Self

from trainbot.core.text import one_line

VARIABLES = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID")


class ServiceManager:
    """``address``: a unix socket, abstract if it begins with ``@``; '': nobody is told.  ``watchdog``: after so many
    seconds without a sign of life the service is restarted; None: it is not watched.  Nothing here waits or raises."""

    def __init__(self, address: str = "", watchdog: float | None = None) -> None:
        self._address = "\0" + address[1:] if address.startswith("@") else address
        self._watchdog = watchdog
        self._status = ""

    @classmethod
    def from_environment(cls) -> Self:
        """As systemd set it for this process.  The variables are removed, so that no child process speaks for us."""
        address, period, pid = (os.environ.pop(name, "") for name in VARIABLES)
        watched = period.isascii() and period.isdigit() and int(period) > 0 and pid in ("", str(os.getpid()))
        return cls(address, int(period) / 1_000_000 if watched else None)

    def ready(self) -> None:
        """The service works, after its start or after ``reloading``."""
        self._send("READY=1")

    def reloading(self) -> None:
        self._send(f"RELOADING=1\nMONOTONIC_USEC={time.clock_gettime_ns(time.CLOCK_MONOTONIC) // 1000}")

    def stopping(self) -> None:
        self._send("STOPPING=1")

    def status(self, text: str) -> None:
        """One line for ``systemctl status``."""
        text = one_line(text)
        if text != self._status:
            self._status = text
            self._send(f"STATUS={text}")

    async def keep_alive(self) -> None:
        """Gives signs of life, twice as often as necessary, for as long as the event loop runs."""
        while self._watchdog is not None:
            self._send("WATCHDOG=1")
            await asyncio.sleep(self._watchdog / 2)

    def _send(self, text: str) -> None:
        if not self._address:
            return
        with suppress(OSError, ValueError), socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as sender:
            sender.setblocking(False)
            sender.sendto(text.encode(), self._address)
