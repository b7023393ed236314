"""Our driver or our worker on a host, and what it tells."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

from tiny_image import GREETING_PORT
from xen_host import XenHost, until

from trainbot.adapters.hosts.libvirt_driver import LibvirtDriver
from trainbot.adapters.hosts.worker import HostWorker
from trainbot.model.host import HostConfig, HostEvent, HostLost, HostReport, HostUp, HostWorkDone

OWNER = "0d9a-xen-tests"
PATIENCE = 900.0  # seconds at most for anything that a host does


def endpoint(driver: LibvirtDriver, id: str) -> tuple[str, int]:
    """As soon as the lab has an address."""
    return until(
        lambda: next(domain.endpoint for domain in driver.report().domains if domain.id == id), "an address for the lab"
    )


def greeting(host: XenHost, driver: LibvirtDriver, id: str) -> str:
    """What the tiny lab says of its kind and its boots."""
    address, _ = endpoint(driver, id)
    return until(lambda: host.greeting(address, GREETING_PORT), f"a greeting from {address}").removeprefix("tiny ")


class Watched:
    """Started on being made, so inside a running loop."""

    def __init__(self, config: HostConfig) -> None:
        self.events: asyncio.Queue[HostEvent] = asyncio.Queue()
        self.worker = HostWorker(
            config, lambda changed: LibvirtDriver(config, OWNER, changed), self.events.put_nowait, backoff=(0.5, 1.0)
        )
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

    async def finished(self) -> HostWorkDone:
        event = await self.until(lambda event: isinstance(event, HostWorkDone))
        assert isinstance(event, HostWorkDone)
        return event
