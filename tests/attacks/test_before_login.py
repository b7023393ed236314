"""Strangers who never log in: none of them holds the gateway up, crowds people out or fills its log.

Costs are the gateway's CPU seconds, as a ratio to what failed logins of an honest client cost in the same run.
"""

from __future__ import annotations

import asyncio
import random
import re
import socket
import subprocess
from contextlib import ExitStack

import asyncssh
import pytest
from asyncssh.constants import MSG_IGNORE, MSG_KEXINIT, MSG_USERAUTH_REQUEST
from asyncssh.packet import Boolean, MPInt, String, UInt32, UInt64

from tests.attacks.costs import cpu_seconds
from tests.gateway.conftest import many_files, until
from trainbot.core.tasks import Tasks
from trainbot.gateway import process
from trainbot.gateway.learner import failed_logins
from trainbot.gateway.learner.limits import TOLERATED, WRONG_PASSWORD
from trainbot.gateway.worker import guarded_connection

pytestmark = pytest.mark.attacks
MARKS = "a" + "\u0301\u0316" * 16384  # 64 KiB; normalising twice that took 38 s
CHANCE = random.Random(2007)
NUMBER = CHANCE.getrandbits(3072) | 1 | 1 << 3071
SLOW_KEY = String(b"ssh-rsa") + MPInt(NUMBER - 2) + MPInt(NUMBER)  # with an exponent as long as the modulus
SLOW_SIGNATURE = String(b"rsa-sha2-256") + String(b"\0" + CHANCE.randbytes(383))
ED25519 = String(b"ssh-ed25519") + String(CHANCE.randbytes(32))
CERTIFICATE = (  # PROTOCOL.certkeys of OpenSSH; signed with the slow key
    b"".join(map(String, (b"ssh-ed25519-cert-v01@openssh.com", b"nonce", b"k" * 32)))
    + (UInt64(1) + UInt32(1) + String(b"id") + String(b"") + UInt64(0) + UInt64(1 << 40))
    + b"".join(map(String, (b"", b"", b"", SLOW_KEY, SLOW_SIGNATURE)))
)


class Stranger(asyncssh.SSHClient):
    """Stays at the login for as long as the gateway lets it."""

    def __init__(self) -> None:
        self.ready, self.gone = asyncio.Event(), asyncio.Event()

    def connection_made(self, conn) -> None:
        self.conn = conn

    def connection_lost(self, exc) -> None:
        self.gone.set()

    async def password_auth_requested(self):
        self.ready.set()
        await self.gone.wait()

    kbdint_auth_requested = None

    def request(self, method: bytes, *fields: bytes, user: bytes = b"x") -> None:
        self.conn.send_packet(MSG_USERAUTH_REQUEST, String(user), String(b"ssh-connection"), String(method), *fields)


async def attack(port: int, send, source: str = "127.0.0.1") -> Stranger:
    """Connects, calls ``send(stranger)`` at the password prompt, and returns when the gateway has closed the connection."""
    stranger = Stranger()
    connecting = asyncio.ensure_future(
        asyncssh.connect(
            "127.0.0.1",
            port,
            client_factory=lambda: stranger,
            username="x",
            known_hosts=None,
            config=None,
            client_keys=None,
            agent_path=None,
            preferred_auth="password",
            local_addr=(source, 0),
        )
    )
    try:
        async with asyncio.timeout(60):
            ready = asyncio.create_task(stranger.ready.wait())
            await asyncio.wait({ready, connecting}, return_when=asyncio.FIRST_COMPLETED)
            if ready.cancel():  # refused before there was a prompt
                return stranger
            send(stranger)
            await stranger.gone.wait()
    finally:
        connecting.cancel()
        await asyncio.gather(connecting, return_exceptions=True)
    return stranger


def ordinary(world) -> float:
    """CPU seconds of twenty connections that fail as an honest client's would."""
    before = cpu_seconds(world.pid, *world.workers())
    for _ in range(20):
        asyncio.run(attack(world.port, lambda stranger: stranger.conn.abort()))
    return cpu_seconds(world.pid, *world.workers()) - before


def wrong(password: str) -> tuple[bytes, ...]:
    return b"password", Boolean(False), String(password.encode())


async def sign(stranger: Stranger) -> None:
    """One after the other: a request ends what is left of the one before."""
    stranger.conn.try_next_auth = lambda *_, **__: stranger.ready.set()  # what asyncssh does when it is refused
    for _ in range(20):
        stranger.ready.clear()
        stranger.request(b"publickey", Boolean(True), String(b"rsa-sha2-256"), String(SLOW_KEY), String(SLOW_SIGNATURE))
        await stranger.ready.wait()
    stranger.conn.abort()


LONG = {
    "a password": lambda stranger: stranger.request(*wrong(MARKS)),
    "a password just below the limit of a packet": lambda stranger: stranger.request(*wrong(MARKS[:2000])),
    "a new password": lambda stranger: stranger.request(
        b"password", Boolean(True), String(b"x"), String(MARKS[:2000].encode())
    ),
    "a user name": lambda stranger: stranger.request(b"none", user=MARKS[:200].encode()),
    "a key": lambda stranger: stranger.request(b"publickey", Boolean(False), String(b"ssh-rsa"), String(b"x" * 60_000)),
    "signatures whose check takes long": lambda stranger: Tasks().start(sign(stranger), "signatures"),
    "certificates whose check takes long": lambda stranger: [
        stranger.request(b"publickey", Boolean(False), String(b"ssh-ed25519-cert-v01@openssh.com"), String(CERTIFICATE))
        for _ in range(21)
    ],
    "more keys than an agent holds": lambda stranger: [
        stranger.request(b"publickey", Boolean(False), String(b"ssh-ed25519"), String(ED25519)) for _ in range(21)
    ],
    "all at once": lambda stranger: [stranger.request(b"none") for _ in range(5000)],
    "packets to ignore": lambda stranger: [stranger.conn.send_packet(MSG_IGNORE, String(b"")) for _ in range(16_384)],
    "key exchanges": lambda stranger: [stranger.conn.send_packet(MSG_KEXINIT, b"\0" * 16) for _ in range(100)],
    "bytes": lambda stranger: stranger.conn.send_packet(MSG_IGNORE, String(b"\0" * 200_000)),
}


@pytest.mark.parametrize("send", LONG.values(), ids=LONG)
def test_what_is_too_long_ends_its_connection_at_no_cost(own_world, send):
    """The connection is closed, for less than twenty honest failures cost, and others get in."""
    world = own_world()
    _, password = world.lease()
    assert world.ssh("echo in", password=password).stdout == b"in\n"
    usual = max(ordinary(world), 0.05)
    before = cpu_seconds(world.pid, *world.workers())
    asyncio.run(attack(world.port, send))
    assert cpu_seconds(world.pid, *world.workers()) - before < usual
    assert world.ssh("echo in", password=password).stdout == b"in\n"


def test_passwords_sent_without_waiting_are_counted(own_world):
    """Forty guesses on one connection, none waiting for its answer: config.tries of them are looked at, and it is closed."""
    world = own_world(tries=6, wrong_delay=1.0)
    asyncio.run(attack(world.port, lambda stranger: [stranger.request(*wrong(f"guess {n}")) for n in range(40)]))
    assert 1 <= world.log().count("wrong password") <= 6


def test_the_log_stays_short(own_world):
    """Many failures are ten lines and a sum, which names the network and the number."""
    world = own_world(wrong_delay=0.0, tries=6)
    world.lease()
    size = len(world.log())
    for number in range(4):
        source = f"127.0.0.{2 + number}"
        asyncio.run(
            attack(world.port, lambda stranger: [stranger.request(*wrong(f"guess {n}")) for n in range(40)], source)
        )
    until(lambda: world.log().count("wrong password") >= failed_logins.FEW)
    assert world.log().count("as x: wrong password") == failed_logins.FEW and len(world.log()) - size < 2000
    process.stop(world.state)
    (more,) = re.findall(r"(\d+) more wrong passwords in the last minute: \d+ from 127\.0\.0\.\d/32", world.log())
    assert int(more) == 4 * 6 - failed_logins.FEW


def test_who_keeps_guessing_is_refused_with_a_sentence(own_world):
    """Before ssh begins, in a line that says when to come again; others, and later those, get in."""
    world = own_world(wrong_delay=0.0, tries=1)
    _, password = world.lease()
    for _ in range(int(TOLERATED / WRONG_PASSWORD) + 2):
        asyncio.run(attack(world.port, lambda stranger: stranger.request(*wrong("guess"))))
    with socket.create_connection(("127.0.0.1", world.port)) as refused:
        said = refused.makefile("rb").read()
    assert re.fullmatch(rb"trainbot: too many failed logins from your network: try again in \d+ s\r\n", said)
    elsewhere = world.ssh("echo in", password=password, options=["-o", "BindAddress=127.0.9.9"])
    assert elsewhere.stdout == b"in\n"


@pytest.mark.parametrize("addresses", ["127.{0}.{1}.1", "127.7.7.{1}"], ids=["many networks", "one network"])
def test_nobody_is_cut_at_the_password_prompt(own_world, addresses):
    """Somebody looks for their password while 600 connections come from elsewhere and stay; then they log in."""
    world = own_world()
    _, password = world.lease()
    (world.folder / "askpass").write_text(
        f'#!/bin/sh\necho x >{world.folder}/asked\nread go <{world.folder}/go\nprintf "%s\\n" "$LEARNER_PASSWORD"\n'
    )
    subprocess.run(["mkfifo", str(world.folder / "go")], check=True)
    person = world.open("echo in", password=password)
    until((world.folder / "asked").exists)
    with many_files(), ExitStack() as held:
        for number in range(600):
            source = addresses.format(8 + number // 200, number % 200 + 2)
            crowd = held.enter_context(socket.create_connection(("127.0.0.1", world.port), source_address=(source, 0)))
            crowd.sendall(b"SSH-2.0-crowd\r\n")
        (world.folder / "go").write_text("go\n")
        assert person.communicate(timeout=60)[0] == b"in\n"


def test_only_cheap_key_exchanges_are_offered(own_world):
    """Of all that OpenSSH knows, and asyncssh's own, those that cost us about a millisecond."""
    world = own_world()
    offered = offered_key_exchanges(world.port)
    assert offered[0] == b"curve25519-sha256"
    assert set(offered) - {b"ext-info-s", b"kex-strict-s-v00@openssh.com"} == {
        b"curve25519-sha256",
        b"curve25519-sha256@libssh.org",
        b"mlkem768x25519-sha256",
        b"ecdh-sha2-nistp256",
    }


def offered_key_exchanges(port: int) -> list[bytes]:
    """The key exchanges in the gateway's first packet (RFC 4253, section 7.1)."""
    with socket.create_connection(("127.0.0.1", port)) as connection:
        connection.sendall(b"SSH-2.0-look\r\n")
        stream = connection.makefile("rb")
        stream.readline()
        length = int.from_bytes(stream.read(4), "big")
        payload = stream.read(length)[1:]
    size = int.from_bytes(payload[17:21], "big")
    return payload[21 : 21 + size].split(b",")


DISPATCHED = re.compile(r"^_process_(\w+?)_(open|request|global_request)$")
#: What asyncssh 2.24 would answer and we refuse.
REFUSED = {
    "direct_streamlocal_at_openssh_dot_com_open",
    "tun_at_openssh_dot_com_open",
    "tcpip_forward_global_request",
    "cancel_tcpip_forward_global_request",
    "streamlocal_forward_at_openssh_dot_com_global_request",
    "cancel_streamlocal_forward_at_openssh_dot_com_global_request",
    "hostkeys_prove_00_at_openssh_dot_com_global_request",
    "x11_req_request",
    "auth_agent_req_at_openssh_dot_com_request",
}
PACKETS = {"service_request", "userauth_request", "global_request", "channel_open"}


def test_every_request_that_asyncssh_knows_is_decided():
    """A newer asyncssh that answers something new fails here, until somebody has allowed or refused it."""
    named = {
        name.removeprefix("_process_")
        for each in (asyncssh.SSHServerConnection, asyncssh.SSHServerChannel)
        for name in dir(each)
        if DISPATCHED.match(name)
    } - PACKETS
    allowed = {
        name.decode().replace("-", "_").replace("@", "_at_").replace(".", "_dot_") + ending
        for names, ending in (
            (guarded_connection.CHANNELS, "_open"),
            (guarded_connection.GLOBAL_REQUESTS, "_global_request"),
            (guarded_connection.SESSION_REQUESTS, "_request"),
        )
        for name in names
    }
    assert named - allowed == REFUSED and allowed <= named
