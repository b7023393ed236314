"""What is looked at from outside, through a real gateway and a real sshd of a host."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
from types import SimpleNamespace

import pytest

from tests.gateway.conftest import World, keygen, until
from tests.gateway.test_gateway_jump_hosts import AT
from trainbot.bot.workers.lab_probes import LabProbes
from trainbot.gateway import process
from trainbot.gateway.rpc.gateway_client import CommandResult, GatewayClient
from trainbot.model.host import HostConfig, HostDoubted
from trainbot.model.lab_events import (
    CheckLogin,
    HostStatus,
    LabBooted,
    LabRoute,
    LoginChecked,
    Probe,
)


@pytest.fixture
def world(tmp_path_factory):
    made = World(tmp_path_factory.mktemp("w"), jump_host_wait=5.0)
    yield made
    made.close()


class Seen:
    """A Watching, and what it posts."""

    def __init__(self, world: World) -> None:
        self.events = asyncio.Queue()
        self.probes = LabProbes(GatewayClient(world.state), self.events.put_nowait)

    async def next(self):
        async with asyncio.timeout(30):
            return await self.events.get()


def way(world, via="", **other):
    address, port = AT if via else world.lab.endpoint
    return LabRoute(**{"address": address, "port": port, "via": via, "host_key": world.lab.host_key, **other})


@pytest.mark.parametrize("through", [True, False])
async def test_a_lab_has_booted_when_one_can_log_in(world, through):
    """Not before its ssh server is there, and as soon as it is."""
    via = world.jump_host().via if through else ""
    seen = Seen(world)
    world.lab.kill()
    tried = asyncio.Semaphore(0)
    login = seen.probes._gateway.login

    async def counted(*where, **what):
        try:
            return await login(*where, **what)
        finally:
            tried.release()

    seen.probes._gateway.login = counted
    seen.probes.probe(Probe("lab", way(world, via)))
    await tried.acquire()
    await tried.acquire()
    assert seen.events.empty()
    world.lab.start()
    assert await seen.next() == LabBooted("lab")
    await seen.probes.close()


@pytest.mark.parametrize("through", [True, False])
async def test_a_lab_whose_key_is_not_known_has_booted_when_it_speaks(world, through):
    """Where nobody can log in, its banner has to do."""
    via = world.jump_host().via if through else ""
    seen = Seen(world)
    seen.probes.probe(Probe("lab", way(world, via, host_key="")))
    assert await seen.next() == LabBooted("lab")


async def test_a_lab_with_another_key_never_boots_and_the_log_says_why(world, tmp_path, caplog):
    """It is tried again and again, told about once, and stopped when it is not wanted any more."""
    seen = Seen(world)
    seen.probes.probe(Probe("lab", way(world, host_key=keygen(tmp_path / "other"))))
    await asyncio.to_thread(until, lambda: "the lab's ssh host key is not its image's" in caplog.text)
    seen.probes.stop("lab")
    seen.probes.stop("lab")
    assert seen.events.empty() and caplog.text.count("the lab's ssh host key is not its image's") == 1


async def test_a_gateway_that_is_away_is_waited_for(world):
    """The gateway is killed while a lab boots: when there is one again, the lab has booted."""
    os.kill(world.pid, signal.SIGKILL)
    await asyncio.to_thread(until, lambda: process.running(world.state) is None)
    seen = Seen(world)
    seen.probes.probe(Probe("lab", way(world)))
    seen.probes.check(CheckLogin("other", way(world)))
    assert await seen.next() == LoginChecked("other", "")  # nothing is known against it
    await asyncio.to_thread(world.start_gateway)
    assert await seen.next() == LabBooted("lab")


async def test_a_lab_is_checked_once(world, tmp_path, caplog):
    """Let in: no error; not let in: one sentence; a jump host that fails says nothing against the lab."""
    caplog.set_level(logging.INFO)
    jump_host, seen = world.jump_host(), Seen(world)
    another = way(world, host_key=keygen(tmp_path / "k"))
    for wanted, error in (
        (way(world, jump_host.via), ""),
        (way(world), ""),
        (way(world, "x@127.0.0.1:1"), ""),
        (another, "the lab's ssh host key is not its image's"),
        (way(world, port=1), "no ssh server answers there yet"),
    ):
        seen.probes.check(CheckLogin("lab", wanted))
        assert await seen.next() == LoginChecked("lab", error)
    assert "could not log in to lab" in caplog.text


async def test_hosts_say_how_they_are(world, caplog):
    """The first answer has no share of waiting yet; the clock is off by little; a host without a jump host is not asked."""
    jump_host = world.jump_host()
    seen = Seen(world)
    xen1 = HostConfig("xen1", "xen:///", door=jump_host.via)
    others = HostConfig("here", "test:///default"), HostConfig("pool", "xen:///", door="tb@{node}:22")
    waits = []
    while (
        len(waits) < 2 or waits[-1] is None
    ):  # the core has counted nothing since, if the second answer is soon enough
        assert len(waits) < 1000
        seen.probes.ask_hosts([xen1, *others])
        status = await seen.next()
        assert isinstance(status, HostStatus) and status.host == "xen1" and abs(status.clock_off) < 5
        waits.append(status.io_wait)
    assert waits[0] is None and 0 <= waits[-1] <= 1
    jump_host.put("lab-door", "#!/bin/sh\necho rubbish\n")
    for _ in range(2):
        seen.probes.ask_hosts([xen1])
        doubt = await seen.next()
        assert isinstance(doubt, HostDoubted) and doubt.name == "xen1"
    assert seen.events.empty() and caplog.text.count("cannot read the state of host xen1") == 1


async def test_a_clock_that_is_off_is_seen(world):
    """An hour ahead is an hour ahead, however long the answer took."""
    jump_host = world.jump_host()
    jump_host.put(
        "lab-door",
        "#!/bin/sh\n"
        'echo "{\\"time\\": $(($(date +%s) + 3600)), \\"cores\\": 1, \\"cpu\\": [1,1,1,1,1,1,1,1], '
        '\\"disk_free_mib\\": null}"\n',
    )
    seen = Seen(world)
    seen.probes.ask_hosts([HostConfig("xen1", "xen:///", door=jump_host.via)])
    status = await seen.next()
    assert 3590 < status.clock_off < 3610


async def test_a_lab_that_lets_in_and_runs_nothing_is_told_so(world):
    """pam_nologin, a broken shell: the key is let in, and nothing can be done there."""

    async def login(*where, **what):
        return CommandResult(1, "", "System is going down.\n")

    seen = Seen(world)
    seen.probes._gateway = SimpleNamespace(login=login)
    seen.probes.check(CheckLogin("lab", way(world)))
    assert await seen.next() == LoginChecked("lab", "the login works, but commands do not (true ended with 1)")
