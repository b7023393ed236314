"""Two linked ngircd, and the wire between them."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from tests.peers.client import Client
from tests.storm.relay import Relay
from trainbot.ops.demo.ngircd import Ngircd, free_port

AGAIN = 3  # seconds between two tries to connect the servers
_LINK = """
[Server]
    Name = {name}
    Host = 127.0.0.1
    {port}
    MyPassword = linked
    PeerPassword = linked
    Group = 1
    Passive = {passive}
"""


class LinkedNgircd(Ngircd):
    """``link``: the other server's name, and the port at which it is reached (None: it connects to us)."""

    def __init__(self, folder: Path, *, port: int, name: str, link: tuple[str, int | None]) -> None:
        super().__init__(folder, port=port, max_penalty=0, name=name)
        self._link = link

    def _configuration(self) -> str:
        name, port = self._link
        server = _LINK.format(name=name, port=f"Port = {port}" if port else "", passive="no" if port else "yes")
        whole = super()._configuration().replace("[Limits]", f"[Limits]\n    ConnectRetry = {AGAIN}")
        return whole + server


@asynccontextmanager
async def linked(folder: Path) -> AsyncIterator[tuple[LinkedNgircd, LinkedNgircd, Relay]]:
    """(the bot's server, the other one, the wire)."""
    ports = free_port(), free_port()
    wire = Relay(free_port(), ports[0])
    first = LinkedNgircd(folder / "first", port=ports[0], name="one.trainbot.test", link=("two.trainbot.test", None))
    second = LinkedNgircd(
        folder / "second", port=ports[1], name="two.trainbot.test", link=("one.trainbot.test", wire.port)
    )
    async with wire, first, second:
        await _see_each_other(first)
        yield first, second, wire


async def _see_each_other(server: LinkedNgircd) -> None:
    """Until it lists the other one (LINKS, RFC 2812 3.4.5): what is said before reaches nobody there."""
    client = await Client.connect(server.port, "looks")
    async with asyncio.timeout(30):
        while True:
            client.send("LINKS")
            if "two.trainbot.test" in (await client.expect(r" 364 \S+ two\.trainbot\.test | 365 "))[0]:
                break
            await asyncio.sleep(0.05)
    await client.close()
