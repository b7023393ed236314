"""Reaching one lab's ssh server, straight or through its host's door, and logging in with the installation's key."""

from __future__ import annotations

import asyncio
import enum
import logging
import socket
from contextlib import suppress

import asyncssh

from trainbot.gateway.lab.jump_hosts import JumpHosts, JumpHostUnreachable
from trainbot.gateway.lab.pipe import CIPHERS, OutboundClient, SocketBackpressure
from trainbot.gateway.settings import GatewayConfig

log = logging.getLogger(__name__)


class UnreachableReason(enum.StrEnum):
    """Why there is no way into a lab."""

    SILENT = "silent"  # no ssh server speaks there (yet)
    JUMP_HOST = "door"  # its host's door does not open
    HOST_KEY = "host key"  # it is not that lab
    REFUSED = "refused"  # it does not let us in
    NO_KEY = "no key"  # we have none
    TIMEOUT = "timeout"  # it took too long


class LabUnreachable(Exception):
    """There is no way into the lab now: ``reason``, and a sentence for the log and for organisers."""

    def __init__(self, reason: UnreachableReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


async def connect_ssh(
    config: GatewayConfig, jump_hosts: JumpHosts, via: str, endpoint: tuple[str, int]
) -> socket.socket:
    """A socket on which the lab's ssh has begun to speak (RFC 4253 4.2), nothing of it read yet.

    QEMU's port forwarding, and every door, accepts connections before the lab does: only the banner says that sshd is
    there.  NoWay (SILENT or DOOR) where it does not speak within config.banner_wait or door_wait seconds.
    """
    try:
        if via:
            sock = await jump_hosts.dial(via, endpoint)
        else:
            async with asyncio.timeout(config.banner_wait):
                sock = await _connected(endpoint)
        try:
            async with asyncio.timeout(config.jump_host_wait if via else config.banner_wait):
                await _spoken(sock)
        except BaseException:
            sock.close()
            raise
        return sock
    except JumpHostUnreachable as shut:
        raise LabUnreachable(UnreachableReason.JUMP_HOST, str(shut)) from None
    except (OSError, TimeoutError) as error:
        log.debug("no ssh at %s port %d: %r", *endpoint, error)
        raise LabUnreachable(UnreachableReason.SILENT, "no ssh server speaks there yet") from None


async def log_in(
    config: GatewayConfig, sock: socket.socket, user: str, host_key: str, line: SocketBackpressure
) -> asyncssh.SSHClientConnection:
    """The connection over ``sock``, as ``user``, to whoever has ``host_key`` ("ssh-ed25519 AAAA…") and to nobody else.

    NoWay where not; ``sock`` is closed then.
    """
    try:
        try:
            known = asyncssh.import_public_key(host_key)
        except asyncssh.KeyImportError:  # no key known must never become any key accepted
            raise LabUnreachable(
                UnreachableReason.HOST_KEY, "no ssh host key of the lab that can be read is known"
            ) from None
        try:
            key = asyncssh.read_private_key(config.lab_key)
        except (OSError, asyncssh.KeyImportError) as error:
            raise LabUnreachable(UnreachableReason.NO_KEY, f"the key for labs cannot be read: {error}") from None
        return await asyncssh.connect(  # any name does: one end of a pair of sockets has none of its own
            "lab",
            sock=sock,
            config=None,
            options=None,
            client_factory=lambda: OutboundClient(line),
            username=user,
            client_keys=[key],
            agent_path=None,
            known_hosts=([known], [], []),
            preferred_auth=["publickey"],
            gss_host=None,
            compression_algs=None,
            encryption_algs=CIPHERS,
            login_timeout=30,
            keepalive_interval=config.keepalive,
            keepalive_count_max=4,
        )
    except BaseException as error:
        sock.close()
        if isinstance(error, asyncssh.HostKeyNotVerifiable):
            raise LabUnreachable(
                UnreachableReason.HOST_KEY, "the lab showed another ssh host key than its image's"
            ) from None
        if isinstance(error, asyncssh.PermissionDenied):
            raise LabUnreachable(UnreachableReason.REFUSED, "the lab does not let the installation's key in") from None
        if isinstance(error, Exception) and not isinstance(
            error, LabUnreachable
        ):  # asyncssh raises whatever a peer provokes
            log.debug("no login: %r", error)
            raise LabUnreachable(UnreachableReason.SILENT, "the lab's ssh server broke off before we were in") from None
        raise


async def _connected(endpoint: tuple[str, int]) -> socket.socket:
    loop = asyncio.get_running_loop()
    family, kind, proto, _, address = (await loop.getaddrinfo(*endpoint, type=socket.SOCK_STREAM))[0]
    sock = socket.socket(family, kind, proto)
    try:
        sock.setblocking(False)
        await loop.sock_connect(sock, address)
        with suppress(OSError):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return sock
    except BaseException:
        sock.close()
        raise


async def _spoken(sock: socket.socket) -> None:
    """Returns when there is something to read; OSError where the other side closes instead."""
    loop = asyncio.get_running_loop()
    spoken: asyncio.Future[None] = loop.create_future()

    def heard() -> None:
        if not spoken.done():
            spoken.set_result(None)

    loop.add_reader(sock, heard)
    try:
        await spoken
    finally:
        loop.remove_reader(sock)
    if not sock.recv(1, socket.MSG_PEEK):
        raise ConnectionResetError("closed before it spoke")
