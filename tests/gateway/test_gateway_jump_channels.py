"""A way through a jump host is a connection like any: nothing lost, nothing hoarded, each direction ends by itself."""

from __future__ import annotations

import asyncio
import hashlib
import os
import resource

import pytest

from tests.gateway.conftest import keygen
from tests.gateway.jump_host_peer import JumpHostPeer
from trainbot.gateway.lab.jump_hosts import JumpHostConnections, JumpHosts, JumpHostUnreachable
from trainbot.gateway.settings import GatewayConfig

MB = 1_000_000


@pytest.fixture
async def lab():
    """Makes plain TCP servers in a lab's place; their port."""
    servers = []

    async def serve(behave):
        server = await asyncio.start_server(behave, "127.0.0.1", 0)
        servers.append(server)
        return server.sockets[0].getsockname()[1]

    yield serve
    for server in servers:
        server.close()


@pytest.fixture
async def reach(tmp_path, lab):
    """Makes (Doors, via) of a host whose lab does what one is told."""
    hosts, jump_hosts = [], []

    async def make(behave, more="", **config):
        folder = tmp_path / f"h{len(hosts)}"
        folder.mkdir()
        host = JumpHostPeer(folder / "host", keygen(folder / "door_key"), await lab(behave), more=more)
        await asyncio.to_thread(host.start)
        (folder / "known_hosts").write_text(host.known)
        hosts.append(host)
        jump_hosts.append(JumpHosts(GatewayConfig(listen=(), state=folder, control=folder, lab_key=folder, **config)))
        return jump_hosts[-1], host

    yield make
    for each in jump_hosts:
        each.close()
    for host in hosts:
        await asyncio.to_thread(host.kill)


async def dial(jump_hosts, host):
    sock = await jump_hosts.dial(host.via, ("127.0.0.1", 22))
    try:
        return await asyncio.open_connection(sock=sock)
    except BaseException:
        sock.close()
        raise


async def test_each_direction_ends_by_itself(reach):
    """After we have said our last word the lab's whole answer still comes, and then its end."""

    async def answer(reader, writer):
        said = await reader.read()
        writer.write(hashlib.sha256(said).digest() + said)
        await writer.drain()
        writer.close()

    jump_hosts, host = await reach(answer)
    reader, writer = await dial(jump_hosts, host)
    data = os.urandom(5 * MB)
    writer.write(data)
    writer.write_eof()
    assert await reader.read() == hashlib.sha256(data).digest() + data
    writer.close()


async def test_a_lab_that_has_said_its_last_word_still_hears(reach):
    """The lab ends its direction first: what we say after that arrives."""
    heard = asyncio.get_running_loop().create_future()

    async def deaf(reader, writer):
        writer.write(b"SSH-2.0-x\r\n")
        writer.write_eof()
        heard.set_result(await reader.read())
        writer.close()

    jump_hosts, host = await reach(deaf)
    reader, writer = await dial(jump_hosts, host)
    assert await reader.read() == b"SSH-2.0-x\r\n"
    writer.close()
    assert await heard == b""


async def test_nothing_piles_up_where_nobody_reads(reach):
    """A lab that talks without end to somebody who does not read is held up, not stored; so are we by a deaf lab."""
    sent = [0]

    async def talks(reader, writer):
        try:
            while True:
                writer.write(b"x" * 65536)
                await writer.drain()
                sent[0] += 65536
        except ConnectionError:
            pass

    jump_hosts, host = await reach(talks)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    _reader, writer = await dial(jump_hosts, host)
    writer.transport.pause_reading()
    seen = [-1]
    while len(seen) < 6 or len(set(seen[-5:])) > 1:  # until it holds still
        await asyncio.sleep(0.1)
        seen.append(sent[0])
    assert sent[0] < 30 * MB
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 40_000  # KiB
    writer.transport.abort()


async def test_a_deaf_lab_holds_us_up(reach):
    """What a lab does not take stays with us; the way counts as used for as long as the host's sshd has it."""
    stop = asyncio.Event()

    async def deaf(reader, writer):
        reader._transport.pause_reading()
        await stop.wait()
        writer.close()

    jump_hosts, host = await reach(deaf)
    sock = await jump_hosts.dial(host.via, ("127.0.0.1", 22))
    loop, taken = asyncio.get_running_loop(), 0
    with pytest.raises(TimeoutError):
        while True:
            async with asyncio.timeout(1.0):
                await loop.sock_sendall(sock, b"x" * 65536)
            taken += 65536
    assert taken < 30 * MB
    trunk = jump_hosts._jump_hosts[host.via]._connections[0]
    assert trunk.used == 1
    sock.close()
    stop.set()
    while trunk.used:
        await asyncio.sleep(0.1)


async def test_who_leaves_is_missed_by_the_lab(reach):
    """A lab that says nothing hears at once that our side was closed; when it ends, too, the way is free."""
    gone = asyncio.Event()

    async def mute(reader, writer):
        await reader.read()
        gone.set()
        writer.close()

    jump_hosts, host = await reach(mute)
    sock = await jump_hosts.dial(host.via, ("127.0.0.1", 22))
    trunk = jump_hosts._jump_hosts[host.via]._connections[0]
    assert trunk.used == 1
    sock.close()
    await gone.wait()
    while trunk.used:
        await asyncio.sleep(0.01)


async def test_many_at_once_share_what_sshd_allows(reach):
    """Forty at once where ten are allowed in a connection: all are through, over four connections."""

    async def echo(reader, writer):
        while data := await reader.read(4096):
            writer.write(data)
        writer.close()

    jump_hosts, host = await reach(echo)
    ways = await asyncio.gather(*(dial(jump_hosts, host) for _ in range(40)))
    for number, (reader, writer) in enumerate(ways):
        writer.write(b"%d\n" % number)
        assert await reader.readline() == b"%d\n" % number
    assert host.logins() == 4
    for _, writer in ways:
        writer.close()


async def test_whoever_gives_up_while_a_way_is_opened_leaves_nothing(reach):
    """Forty that are cancelled at any moment hold no channel, and the next one gets through."""

    async def echo(reader, writer):
        writer.write(await reader.read(4096))
        writer.close()

    jump_hosts, host = await reach(echo)
    for number in range(40):
        coming = asyncio.create_task(dial(jump_hosts, host))
        for _ in range(number % 25):
            await asyncio.sleep(0.001)
        if not coming.cancel() and not coming.cancelled():
            coming.result()[1].close()
        await asyncio.wait({coming})
        if not coming.cancelled():
            coming.result()[1].close()
    reader, writer = await dial(jump_hosts, host)
    writer.write(b"still\n")
    assert await reader.readline() == b"still\n"
    writer.close()
    trunks = jump_hosts._jump_hosts[host.via]._connections
    while sum(trunk.used for trunk in trunks):
        await asyncio.sleep(0.01)


async def test_whoever_gives_up_at_the_last_moment_leaves_nothing(reach, monkeypatch):
    """The channel is open, and its caller is cancelled before it has the socket."""
    begun = asyncio.Event()

    async def waits(_channel):
        begun.set()
        await asyncio.Event().wait()

    jump_hosts, host = await reach(lambda _reader, writer: writer.close())
    monkeypatch.setattr("trainbot.gateway.lab.jump_hosts.landing", waits)
    coming = asyncio.create_task(dial(jump_hosts, host))
    await begun.wait()
    trunks = jump_hosts._jump_hosts[host.via]._connections
    assert sum(trunk.used for trunk in trunks) == 1
    coming.cancel()
    await asyncio.wait({coming})
    while sum(trunk.used for trunk in trunks):
        await asyncio.sleep(0.01)


class Opened:
    """A connection to a jump host that begins whatever is wanted."""

    dead = False

    def has_room(self, room):
        return True

    def rest(self):
        pass

    async def begin(self, command, factory):
        return command


@pytest.mark.parametrize("works", [True, False])
async def test_whoever_comes_just_when_a_door_opens_holds_up_nobody(tmp_path, monkeypatch, works):
    """In the very turn of the loop in which the connection is there, or is not: they go through, or are told why not."""
    jump_host = JumpHostConnections(
        "door@127.0.0.1:22", GatewayConfig(listen=(), state=tmp_path, control=tmp_path, lab_key=tmp_path)
    )
    connected = asyncio.get_running_loop().create_future()

    async def connect():
        await connected
        if not works:
            raise JumpHostUnreachable("the host does not answer")
        return Opened()

    monkeypatch.setattr(jump_host, "_connect", connect)
    coming = [asyncio.create_task(jump_host.open("first", None))]
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    connected.set_result(None)
    coming += [asyncio.create_task(jump_host.open(command, None)) for command in ("second", "third")]
    found = await asyncio.gather(*coming, return_exceptions=True)
    assert [str(each) for each in found] == (
        ["first", "second", "third"] if works else ["the host does not answer"] * 3
    )


async def test_only_labs_of_the_host_are_led_to(reach):
    """Another port or a name is refused by us, another address by the host's own jump_host."""

    async def lab(reader, writer):
        writer.write(b"SSH-2.0-x\r\n")

    jump_hosts, host = await reach(lab)
    for endpoint in (("127.0.0.1", 80), ("localhost", 22), ("127.0.0.1 x", 22), ("$(reboot)", 22)):
        with pytest.raises(JumpHostUnreachable):
            await jump_hosts.dial(host.via, endpoint)
    reader, writer = await asyncio.open_connection(sock=await jump_hosts.dial(host.via, ("127.0.0.2", 22)))
    assert await reader.read() == b""
    writer.close()


@pytest.mark.parametrize("via", ["", "a@b", "a b@c:22", "a@b:0"])
def test_what_is_no_jump_host_is_said(via):
    with pytest.raises(JumpHostUnreachable, match="USER@ADDRESS:PORT"):
        JumpHostConnections(via, None)


async def test_a_door_that_says_nothing_is_given_up_soon(lab, tmp_path):
    """A host that takes connections and is mute costs config.jump_host_wait seconds, and the next one asks again."""
    came = []

    async def mute(reader, writer):
        came.append(1)
        await reader.read()

    keygen(tmp_path / "door_key")
    port = await lab(mute)
    (tmp_path / "known_hosts").write_text(f"[127.0.0.1]:{port} {(tmp_path / 'door_key.pub').read_text()}\n")
    jump_hosts = JumpHosts(
        GatewayConfig(listen=(), state=tmp_path, control=tmp_path, lab_key=tmp_path, jump_host_wait=0.2)
    )
    asked = await asyncio.gather(
        *(jump_hosts.dial(f"a@127.0.0.1:{port}", ("10.0.0.1", 22)) for _ in range(20)), return_exceptions=True
    )
    assert {str(error) for error in asked} == {f"host 127.0.0.1 port {port} does not answer: no ssh within 0.2 s"}
    assert len(came) == 1
    jump_hosts.close()
