"""Hosts are listened to through a real gateway and a real sshd; what needs time is told on a virtual clock
(tests/bot/test_host_loss.py)."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from collections.abc import AsyncIterator
from dataclasses import replace

import pytest

from tests.gateway.conftest import World
from tests.gateway.test_gateway_jump_hosts import AT
from trainbot.adapters.hosts.probe import Greeting
from trainbot.bot.workers.host_listener import HostListener
from trainbot.gateway.rpc.gateway_client import GatewayClient
from trainbot.model.config import LabsConfig
from trainbot.model.lab_events import HostProbed, ProbeHost


@pytest.fixture
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("w"), jump_host_wait=5.0)
    yield made
    made.close()


class Heard:
    """A listener, and what it posts."""

    def __init__(self, world: World) -> None:
        self.events: asyncio.Queue[HostProbed] = asyncio.Queue()
        self.listener = HostListener(GatewayClient(world.state), self.events.put_nowait, LabsConfig().lost_after)

    async def until(self, wanted: ProbeHost, **what: bool) -> HostProbed:
        """The first round that says this."""
        async with asyncio.timeout(60):
            while True:
                self.listener.listen(wanted)
                probed = await self.events.get()
                if all(getattr(probed, name) is value for name, value in what.items()):
                    return probed
                wanted = replace(wanted, begins=False)


@pytest.fixture
async def heard(world: World) -> AsyncIterator[Heard]:
    made = Heard(world)
    yield made
    await made.listener.close()


async def test_a_host_and_its_labs_are_listened_to(world: World, heard: Heard) -> None:
    """One lab that speaks is enough; a host whose labs are silent greets; a dead one is silent."""
    jump_host = world.jump_host(labs=("127.0.0.1", "127.0.0.9"))
    xen1 = ProbeHost("xen1", (("127.0.0.9", 22), AT), jump_host.via)
    assert await heard.until(xen1, speaks=True, greets=True)
    world.lab.kill()
    assert await heard.until(xen1, speaks=False, greets=True)
    jump_host.kill()
    assert await heard.until(xen1, speaks=False, greets=False, accepts=False)


async def test_labs_that_are_reached_directly(world: World, heard: Heard) -> None:
    """Without a jump host, the labs have to do."""
    here = ProbeHost("here", (world.lab.endpoint,))
    assert await heard.until(here, speaks=True, greets=False)
    world.lab.kill()
    assert await heard.until(here, speaks=False, greets=False)


async def test_a_gateway_that_is_away_leaves_the_sshd(world: World, heard: Heard) -> None:
    """Labs are reached through it; the host is greeted by it nevertheless."""
    os.kill(world.pid, signal.SIGKILL)
    assert await heard.until(ProbeHost("xen1", (AT,), world.jump_host().via), speaks=False, greets=True)


async def test_rounds_of_one_host_are_not_doubled(heard: Heard) -> None:
    """Whoever asks again meanwhile gets the same answer; a host with nothing to try is silent for a second."""
    for _ in range(3):
        heard.listener.listen(ProbeHost("test", ()))
    probed = await heard.events.get()
    assert (probed.speaks, probed.greets, probed.accepts) == (False, False, False) and probed.span >= 1
    heard.listener.listen(ProbeHost("test", (), begins=True))
    await heard.events.get()
    assert heard.events.empty()


@contextlib.asynccontextmanager
async def server(says: bytes | None) -> AsyncIterator[int]:
    """A server's port: it says this to everybody and closes, or (None) nothing at all."""

    async def meet(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if says is not None:
            writer.write(says)
            writer.close()

    async with await asyncio.start_server(meet, "127.0.0.1", 0) as made:
        yield made.sockets[0].getsockname()[1]


async def test_an_sshd_that_refuses_is_alive() -> None:
    """Too many are logging in there (MaxStartups), or it does not like us (PerSourcePenalties): it says so."""
    async with server(b"Exceeded MaxStartups\r\n") as port:
        greeting = Greeting("127.0.0.1", port)
        assert await greeting.wait(30) and greeting.came and greeting.connected


@pytest.mark.parametrize("says", [b"", None])
async def test_a_machine_that_only_accepts_connections(says: bytes | None) -> None:
    """No greeting, but it is not off either."""
    async with server(says) as port:
        greeting = Greeting("127.0.0.1", port)
        assert not await greeting.wait(0.3) and greeting.connected and not greeting.came


async def test_a_machine_that_refuses_connections() -> None:
    """Nothing listens there."""
    async with server(b"") as port:
        pass
    greeting = Greeting("127.0.0.1", port)
    assert not await greeting.wait(30) and not greeting.connected
