"""Our worker on a host, with what it told."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path

from trainbot.hosts.libvirt_driver import LibvirtDriver
from trainbot.hosts.model import Finished, HostConfig, HostEvent, HostLost, HostReport, HostUp
from trainbot.hosts.worker import HostWorker

POOL = Path("/var/lib/libvirt/trainbot")
PATIENCE = 400.0  # seconds at most for anything that a host does


class Watched:
    """Started on being made, so inside a running loop."""

    def __init__(self, config: HostConfig, owner: str) -> None:
        self.events: asyncio.Queue[HostEvent] = asyncio.Queue()
        self.worker = HostWorker(config, lambda changed: LibvirtDriver(config, owner, changed), self.events.put_nowait,
                                 backoff=(0.5, 1.0))
        self.worker.start()

    async def until(self, wanted: Callable[[HostEvent], bool]) -> HostEvent:
        """The next event that is ``wanted``; those before it are dropped."""
        async with asyncio.timeout(PATIENCE):
            while not wanted(event := await self.events.get()):
                pass
        return event

    async def up(self, wanted: Callable[[HostReport], bool] = lambda report: True) -> HostReport:
        """The next reading that is ``wanted``."""
        event = await self.until(lambda event: isinstance(event, HostUp) and wanted(event.report))
        assert isinstance(event, HostUp)
        return event.report

    async def lost(self) -> HostLost:
        event = await self.until(lambda event: isinstance(event, HostLost))
        assert isinstance(event, HostLost)
        return event

    async def finished(self) -> Finished:
        event = await self.until(lambda event: isinstance(event, Finished))
        assert isinstance(event, Finished)
        return event
