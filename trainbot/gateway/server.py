"""The gateway: its ports, its workers and its sockets for the bot."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress

from trainbot.adapters.control.client import subscribe
from trainbot.adapters.control.server import ControlServer
from trainbot.adapters.state_folder import SOCKET
from trainbot.gateway import hostkey
from trainbot.gateway.hub import Hub
from trainbot.gateway.listener import Listener, listen
from trainbot.gateway.settings import GatewayConfig
from trainbot.gateway.template import Template
from trainbot.gateway.workers import Workers

log = logging.getLogger(__name__)
TOPIC, LINES = "routes", "lines"
FAREWELL = 1.0  # seconds for the last message to be sent


async def serve(config: GatewayConfig, template: Template, ready: Callable[[list[tuple[str, int]]], None]) -> None:
    """Serves until cancelled, or until it was told to leave and nobody is logged in any more.  The first workers are those
    of ``template``; ``ready`` gets the addresses (address, port) once it listens.

    BackendError if it cannot start: a port is taken, a key cannot be read.
    """
    hub = Hub(config)
    workers = Workers(hub, hostkey.load_or_make(config.state))
    listeners: list[Listener] = []
    control = ControlServer(config.state / SOCKET, hub.answer)
    try:
        await control.start()
        for host, port in config.listen:
            listeners += await listen(host, port, workers)
        await workers.start(template)
        for listener in listeners:
            listener.start()
        ready([listener.address for listener in listeners])
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
        await hub.answer({"op": "leave"})
        with suppress(TimeoutError):
            await asyncio.wait_for(hub.left.wait(), FAREWELL)
        workers.close()
        hub.consoles.close()
        hub.visits.close()
        hub.failed_logins.close()
        await control.close()
        hub.jump_hosts.close()
        await hub.tasks.close()
