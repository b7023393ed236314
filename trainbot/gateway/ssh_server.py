"""The gateway's ssh server."""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable

import asyncssh

from trainbot.adapters.control.client import subscribe
from trainbot.adapters.control.server import ControlServer
from trainbot.adapters.state_folder import SOCKET
from trainbot.core.errors import BackendError
from trainbot.gateway import hostkey
from trainbot.gateway.hub import Hub
from trainbot.gateway.learner.guarded_connection import GuardedConnection
from trainbot.gateway.learner.ssh_connection import SshConnection
from trainbot.gateway.settings import GatewayConfig

log = logging.getLogger(__name__)
TOPIC, LINES = "routes", "lines"
# Key exchanges that cost us about a millisecond: a stranger can ask for any of them (rsa2048-sha256 costs 65 ms).  dropbear
# guesses the first; by RFC 4253 7 its guess is right only if that is our first as well.  The client's order decides.
KEX = ["curve25519-sha256", "curve25519-sha256@libssh.org", "mlkem768x25519-sha256", "ecdh-sha2-nistp256"]


async def serve(config: GatewayConfig, ready: Callable[[list[tuple[str, int]]], None] = lambda bound: None) -> None:
    """Serves until cancelled, or until it was told to leave and nobody is logged in any more.  ``ready`` gets the
    addresses (address, port) once it listens.

    BackendError if it cannot start: a port is taken, a key cannot be read.
    """
    hub = Hub(config)
    key = asyncssh.import_private_key(hostkey.load_or_make(config.state))
    listeners: list[asyncio.Server] = []
    control = ControlServer(config.state / SOCKET, hub.answer)
    try:
        await control.start()
        for host, port in config.listen:
            listeners.append(await _listen(hub, key, host, port))
        bound = [socket.getsockname() for each in listeners for socket in each.sockets]
        ready([(str(address[0]), int(address[1])) for address in bound])
        following = hub.tasks.start(
            subscribe(config.control, TOPIC, hub.take_table, hub.bot_is), "following the routes", awaited=True
        )
        hub.tasks.start(subscribe(config.control, LINES, hub.take_lines), "following the status lines")
        leaving = hub.tasks.start(hub.left.wait(), "waiting to leave")
        done, _ = await asyncio.wait({following, leaving}, return_when=asyncio.FIRST_COMPLETED)
        if following in done:
            following.result()
        log.info("told to leave, and nobody is logged in any more")
    finally:
        hub.tasks.cancel()
        for listener in listeners:
            listener.close()
        for connection in hub.everybody():
            connection.end("the gateway is restarting: run ssh again in a minute")
        if hub.everybody():
            await asyncio.sleep(0.2)  # time to send the message
        hub.consoles.close()
        hub.failed_logins.close()
        await control.close()
        hub.jump_hosts.close()
        await hub.tasks.close()


async def _listen(hub: Hub, key: asyncssh.SSHKey, host: str, port: int) -> asyncio.Server:
    config, loop = hub.config, asyncio.get_running_loop()
    options = asyncssh.SSHServerConnectionOptions(
        server_factory=lambda: SshConnection(hub),
        server_host_keys=[key],
        server_version="trainbot",
        line_editor=False,
        encoding=None,
        gss_host=None,
        agent_forwarding=False,
        x11_forwarding=False,
        allow_scp=False,
        compression_algs=None,
        login_timeout=config.login,
        keepalive_interval=config.keepalive,
        keepalive_count_max=4,
        kex_algs=KEX,
    )
    try:
        return await loop.create_server(
            lambda: GuardedConnection(loop, options, hub.turns, hub.refusal, hub.broke), host, port, backlog=512
        )
    except OSError as error:
        reason = (
            os.strerror(error.errno).lower() if error.errno else str(error)
        )  # asyncio's own text repeats the address
        raise BackendError(f"the gateway cannot listen on {host} port {port}: {reason}") from None
