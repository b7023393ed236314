"""The way to one lab: the socket, and the key that it accepts."""

from __future__ import annotations

import socket
from typing import NamedTuple, Protocol

import asyncssh

from trainbot.gateway.lab.connect import LabUnreachable, UnreachableReason, connect_ssh
from trainbot.gateway.lab.jump_hosts import JumpHosts
from trainbot.gateway.routes import Route
from trainbot.gateway.settings import GatewayConfig


class Dialled(NamedTuple):
    """An open socket to the lab of ``route``, and the key (or who signs with it) for the login there."""

    sock: socket.socket
    route: Route
    key: asyncssh.SSHKey | asyncssh.SSHKeyPair


class LabDialer(Protocol):
    """Opens sockets to labs."""

    async def dial(self, route: Route) -> Dialled:
        """To the lab of that route, which may be a newer one by then.  LabUnreachable if there is none."""


class DirectDialer:
    """Where the key is: in the gateway."""

    def __init__(self, config: GatewayConfig, jump_hosts: JumpHosts) -> None:
        self._config, self._jump_hosts = config, jump_hosts

    async def dial(self, route: Route) -> Dialled:
        if route.endpoint is None:
            raise LabUnreachable(UnreachableReason.SILENT, "its address is not known")
        key = lab_key(self._config)
        return Dialled(await connect_ssh(self._config, self._jump_hosts, route.via, route.endpoint), route, key)


def lab_key(config: GatewayConfig) -> asyncssh.SSHKey:
    """The key that labs accept; LabUnreachable (NO_KEY) without one."""
    try:
        return asyncssh.read_private_key(config.lab_key)
    except (OSError, asyncssh.KeyImportError) as error:
        raise LabUnreachable(UnreachableReason.NO_KEY, f"cannot read the key for the labs: {error}") from None
