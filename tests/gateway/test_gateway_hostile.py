"""Clients that speak ssh and mean harm, and labs that do."""

from __future__ import annotations

import asyncio
import os
import random
import socket
from pathlib import Path
from types import SimpleNamespace

import asyncssh
import pytest

from tests.gateway.conftest import keygen
from trainbot.gateway.lab.dial import DirectDialer
from trainbot.gateway.lab.jump_hosts import JumpHosts
from trainbot.gateway.lab.lab_link import LabLink
from trainbot.gateway.settings import GatewayConfig


def connect(world, password, **options):
    return asyncssh.connect(
        "127.0.0.1",
        world.port,
        username="x",
        password=password,
        known_hosts=None,
        config=None,
        client_keys=None,
        agent_path=None,
        **options,
    )


def memory(world):
    """Resident bytes of the gateway and its workers."""
    pages = [int(Path(f"/proc/{pid}/statm").read_text().split()[1]) for pid in (world.pid, *world.workers())]
    return sum(pages) * os.sysconf("SC_PAGESIZE")


async def test_a_huge_window_without_reading_costs_no_memory(world):
    """A client that announces a window of 2 GiB and then reads nothing does not fill the gateway's memory."""
    _, password = world.lease()
    async with connect(world, password) as greedy:
        started = await greedy.create_process(
            "echo in; head -c 300000000 /dev/zero; touch all-written", window=(1 << 31) - 1, encoding=None
        )
        assert await started.stdout.readline() == b"in\n"
        greedy._transport.pause_reading()
        before = memory(world)
        sizes = [before]
        while len(sizes) < 5 or len(set(sizes[-4:])) > 1:  # until it holds still
            await asyncio.sleep(0.1)
            sizes.append(memory(world))
        assert sizes[-1] - before < 20_000_000
        assert not (world.lab.folder / "all-written").exists()
        greedy._transport.resume_reading()


async def test_connections_of_a_person_are_limited(own_world):
    """One more connection than a person may have is closed with a sentence, whatever it does inside."""
    world = own_world(connections=2)
    _, password = world.lease()
    async with connect(world, password), connect(world, password):
        with pytest.raises((asyncssh.Error, OSError)):
            async with connect(world, password) as third:
                await third.run("true")
    async with connect(world, password) as again:
        assert (await again.run("echo in")).stdout == "in\n"


@pytest.mark.parametrize("method", ["password", "keyboard-interactive"])
def test_both_ways_to_ask_for_a_password_work(world, method):
    """Clients that know only one of password and keyboard-interactive (RFC 4256) get in."""
    _, password = world.lease()
    ran = world.ssh("echo in", password=password, options=["-o", f"PreferredAuthentications={method}"])
    assert ran.stdout == b"in\n"


async def test_sockets_tunnels_and_remote_sockets_are_refused(world):
    """Streamlocal forwards either way and tun devices are not there, and the session goes on."""
    _, password = world.lease()
    async with connect(world, password) as inside:
        for attempt in (
            inside.open_unix_connection("/run/docker.sock"),
            inside.create_tun(lambda: None),
            inside.start_unix_server(lambda: None, "/tmp/x"),
            inside.open_connection("localhost", 0),
        ):
            with pytest.raises((asyncssh.Error, asyncssh.ChannelListenError, OSError)):
                await attempt
        assert (await inside.run("echo in")).stdout == "in\n"


async def test_a_forward_that_the_lab_does_not_take_is_given_back(own_world):
    """A -L whose port is closed in the lab fails, and does not count for ever."""
    world = own_world(forwards=2)
    _, password = world.lease()
    with socket.create_server(("127.0.0.1", 0)) as listener:
        closed = listener.getsockname()[1]
    async with connect(world, password) as inside:
        for _ in range(5):
            with pytest.raises(asyncssh.ChannelOpenError, match="does not answer on that port"):
                await inside.open_connection("localhost", closed)
        with socket.create_server(("127.0.0.1", 0)) as listener:
            reader, writer = await inside.open_connection("localhost", listener.getsockname()[1])
            near, _ = listener.accept()
            writer.write(b"ping")
            await writer.drain()
            assert await asyncio.to_thread(near.recv, 4) == b"ping"
            near.close()
            assert await reader.read() == b""


def test_garbage_on_the_wire_harms_nobody(world):
    """Bytes that are no ssh end their own connection; the next learner gets in."""
    _, password = world.lease()
    chance = random.Random(7)
    for number in range(60):
        with socket.create_connection(("127.0.0.1", world.port)) as connection:
            connection.settimeout(20)
            greeting = b"SSH-2.0-x\r\n" if number % 2 else b""
            try:
                connection.sendall(greeting + chance.randbytes(chance.randrange(2000)) + b"\n" * (number % 3))
                connection.shutdown(socket.SHUT_WR)
                while connection.recv(65536):
                    pass
            except ConnectionError:
                pass
    assert world.ssh("echo in", password=password).stdout == b"in\n"


async def test_a_lab_that_is_only_slow_is_not_called_booting(tmp_path):
    """Where sshd speaks but takes its time (no hardware virtualisation), nothing is said; where it is mute, it is."""
    keygen(tmp_path / "key")
    config = GatewayConfig(listen=(), state=tmp_path, control=tmp_path, lab_key=tmp_path / "key", patience=2.0)
    speaking, said = asyncio.Event(), {"slow": asyncio.Event(), "mute": asyncio.Event()}

    kept_open = []  # Python 3.13 closes a connection whose writer nobody has

    async def slow(reader, writer):
        kept_open.append(writer)
        writer.write(b"SSH-2.0-slow\r\n")
        await reader.readline()  # the gateway's own banner: it has read ours
        speaking.set()

    async def mute(reader, writer):
        kept_open.append(writer)

    links = []
    for name, behave in (("slow", slow), ("mute", mute)):
        listener = await asyncio.start_server(behave, "127.0.0.1", 0)
        route = SimpleNamespace(
            lease=name,
            endpoint=listener.sockets[0].getsockname(),
            why="",
            user="root",
            via="",
            boots=0,
            lab="",
            host_key=(tmp_path / "key.pub").read_text(),
        )

        async def changed(timeout):
            await asyncio.sleep(timeout)

        table = SimpleNamespace(route=lambda lease, route=route: route, changed=changed)
        links.append(LabLink(config, table, DirectDialer(config, JumpHosts(config)), name))
        waiting = asyncio.create_task(links[-1].connection(lambda text, name=name: said[name].set()))
        waiting.add_done_callback(lambda done: done.cancelled() or done.exception())
        if name == "slow":
            await speaking.wait()
    await said["mute"].wait()
    assert not said["slow"].is_set()
    for link in links:
        link.close()
