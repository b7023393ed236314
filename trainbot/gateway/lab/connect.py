"""Connects to a lab's ssh server, directly or through a jump host, and logs in."""

from __future__ import annotations

import asyncio
import enum
import logging
import socket
from contextlib import suppress
from dataclasses import dataclass

import asyncssh

from trainbot.gateway.lab.jump_hosts import JumpHosts, JumpHostUnreachable
from trainbot.gateway.lab.pipe import CIPHERS, OutboundClient, SocketBackpressure
from trainbot.gateway.settings import GatewayConfig

log = logging.getLogger(__name__)


class UnreachableReason(enum.StrEnum):
    """Why a lab cannot be reached."""

    SILENT = "silent"  # no ssh server answers (yet)
    JUMP_HOST = "door"  # its jump host cannot be used
    HOST_KEY = "host key"  # the host key is wrong
    REFUSED = "refused"  # it does not let us in
    NO_KEY = "no key"  # we have no key
    TIMEOUT = "timeout"  # it took too long


class LabUnreachable(Exception):
    """The lab cannot be reached now: ``reason``, and a sentence for the log and for organisers."""

    def __init__(self, reason: UnreachableReason, text: str) -> None:
        super().__init__(text)
        self.reason = reason


async def connect_ssh(
    config: GatewayConfig, jump_hosts: JumpHosts, via: str, endpoint: tuple[str, int]
) -> socket.socket:
    """A socket on which the lab's ssh banner has arrived (RFC 4253 4.2), unread.

    QEMU's port forwarding, and every jump host, accepts connections before the lab does: only the banner shows that
    sshd runs.  LabUnreachable (SILENT or JUMP_HOST) without a banner within config.banner_wait or jump_host_wait
    seconds.
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
        raise LabUnreachable(UnreachableReason.SILENT, "no ssh server answers there yet") from None


@dataclass(frozen=True, slots=True)
class LabLogin:
    """As whom to log in to a lab: only if it has ``host_key`` ("ssh-ed25519 AAAA…"), with ``key`` or who signs for it."""

    user: str
    host_key: str
    key: asyncssh.SSHKey | asyncssh.SSHKeyPair


async def log_in(
    config: GatewayConfig, sock: socket.socket, login: LabLogin, line: SocketBackpressure
) -> asyncssh.SSHClientConnection:
    """The connection over ``sock``.  LabUnreachable if it fails; ``sock`` is closed then."""
    try:
        try:
            known = asyncssh.import_public_key(login.host_key)
        except asyncssh.KeyImportError:  # no key known must never become any key accepted
            raise LabUnreachable(
                UnreachableReason.HOST_KEY, "the lab's ssh host key is unknown or unreadable"
            ) from None
        return await asyncssh.connect(  # any name does: one end of a pair of sockets has none of its own
            "lab",
            sock=sock,
            config=None,
            options=None,
            client_factory=lambda: OutboundClient(line),
            username=login.user,
            client_keys=[login.key],
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
            raise LabUnreachable(UnreachableReason.HOST_KEY, "the lab's ssh host key is not its image's") from None
        if isinstance(error, asyncssh.PermissionDenied):
            raise LabUnreachable(UnreachableReason.REFUSED, "the lab does not accept the installation's key") from None
        if isinstance(error, Exception) and not isinstance(
            error, LabUnreachable
        ):  # asyncssh raises whatever a peer provokes
            log.debug("no login: %r", error)
            raise LabUnreachable(
                UnreachableReason.SILENT, "the lab's ssh server closed the connection before the login"
            ) from None
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
    """Returns when there is something to read; OSError if the other side closes instead."""
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
        raise ConnectionResetError("closed before it sent a banner")
