"""Jump hosts: the ssh accounts (forced command lab-door) on hosts that lead to the labs there and nowhere else.

All traffic to one host shares a few connections.  sshd allows ten sessions per connection (MaxSessions,
sshd_config(5)): the limit is detected, and more connections are opened when needed, one at a time because of
MaxStartups.
"""

from __future__ import annotations

import asyncio
import ipaddress
import logging
import os
import socket
from collections.abc import Sequence
from contextlib import suppress

import asyncssh

from trainbot.adapters.state_folder import JUMP_KEY, KNOWN_HOSTS
from trainbot.core.errors import BackendError
from trainbot.core.tasks import Tasks
from trainbot.core.text import plain_ascii
from trainbot.gateway.lab.jump_channel import JumpChannel, landing
from trainbot.gateway.lab.jump_connection import ChannelLimitReached, Factory, JumpConnection, Way
from trainbot.gateway.lab.pipe import CIPHERS, OutboundClient
from trainbot.gateway.settings import GatewayConfig
from trainbot.model.jump_host import JumpHost

log = logging.getLogger(__name__)

SSH = 22  # the only port that lab-door allows
MOST = 64  # channels per connection: a lost packet delays all channels of a connection
FEWEST = 10  # channels per connection that sshd allows by default
DEATHS = 3  # connections that may be cut while one channel is being opened
AGAIN = 1.0  # seconds before a failed jump host is tried again
Keys = Sequence[asyncssh.SSHKey]


class JumpHostUnreachable(BackendError):
    """A host's jump host cannot be used now; the text says why and how to fix it."""


class JumpHosts:
    """All jump hosts by their ``via`` (USER@ADDRESS:PORT), connected when needed."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._jump_hosts: dict[str, JumpHostConnections] = {}

    async def dial(self, via: str, endpoint: tuple[str, int]) -> socket.socket:
        """A connected socket to the ssh server of the lab at ``endpoint``; it closes at once where nothing answers.

        JumpHostUnreachable if there is no connection within config.jump_host_wait seconds (the reason is logged too).
        """
        address, port = endpoint
        try:
            where = ipaddress.ip_address(address)
        except ValueError:
            raise JumpHostUnreachable(f"{plain_ascii(address)} is not the address of a lab") from None
        if port != SSH:
            raise JumpHostUnreachable(f"a jump host leads only to port {SSH} of labs, not to port {port}")
        channel = await self.open(via, f"ssh {where}", JumpChannel)
        try:
            return await landing(channel)
        except BaseException as error:
            channel.chan.abort()
            if not isinstance(error, OSError):
                raise
            raise JumpHostUnreachable(f"cannot connect to a lab: {(error.strerror or str(error)).lower()}") from None

    async def open(self, via: str, command: str, factory: Factory[Way]) -> Way:
        """Starts ``command`` on that jump host; its channel, made by ``factory(line, gone)``.  JumpHostUnreachable as above."""
        connections = self._jump_hosts.get(via)
        if connections is None:
            connections = self._jump_hosts[via] = JumpHostConnections(via, self._config)
        return await connections.open(command, factory)

    def close(self) -> None:
        for connections in self._jump_hosts.values():
            connections.close()


class JumpHostConnections:
    """The connections to one jump host."""

    def __init__(self, via: str, config: GatewayConfig) -> None:
        try:
            there = JumpHost.parse(via)
        except ValueError:
            raise JumpHostUnreachable(f"{plain_ascii(via, 80)} is not a jump host (USER@ADDRESS:PORT)") from None
        self._user, self._address, self._port = there.user, there.address, there.port
        self._name = f"{self._address} port {self._port}"
        self._config = config
        self._connections: list[JumpConnection] = []
        self._tasks = Tasks()
        self._opening: asyncio.Task[None] | None = None
        self._room = MOST  # channels per connection, as far as known
        self._shut = ""  # why the last attempt failed
        self._shut_until = 0.0

    async def open(self, command: str, factory: Factory[Way]) -> Way:
        deaths = 0
        while deaths < DEATHS:
            self._connections = [connection for connection in self._connections if not connection.dead]
            connection = next((connection for connection in self._connections if connection.has_room(self._room)), None)
            if connection is None:
                await self._one_more()
                deaths += all(connection.dead for connection in self._connections)  # cut before we could use it
                continue
            try:
                return await connection.begin(command, factory)
            except ChannelLimitReached:
                self._room = max(FEWEST, connection.used)
            except TimeoutError:
                log.warning("jump host %s no longer answers: reconnecting", self._name)
            except Exception as error:  # asyncssh raises whatever a peer provokes
                if not connection.dead:
                    raise JumpHostUnreachable(
                        f"jump host {self._name} refuses: {plain_ascii(str(error), 100)}"
                    ) from None
                deaths += 1
                log.debug("connection to jump host %s lost: %r", self._name, error)
        raise JumpHostUnreachable(f"jump host {self._name} keeps closing the connection")

    def close(self) -> None:
        self._tasks.cancel()
        for connection in self._connections:
            connection.close()

    async def _one_more(self) -> None:
        """Opens one more connection; several callers share one attempt."""
        if self._opening is None:
            if asyncio.get_running_loop().time() < self._shut_until:
                raise JumpHostUnreachable(self._shut)
            self._opening = self._tasks.start(self._open_one(), f"connecting to jump host {self._name}", awaited=True)
            # Where everybody who waited has left by then, nobody else looks at the exception.
            self._opening.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._opening)

    async def _open_one(self) -> None:
        """Connects, and keeps the connection or the reason why it failed.  All of it happens before the task is done:
        awaiting a finished task does not yield, so a caller that came just then would loop for ever."""
        try:
            connection = await self._connect()
        except JumpHostUnreachable as error:
            if str(error) != self._shut:
                log.error("%s", error)
            self._shut, self._shut_until = str(error), asyncio.get_running_loop().time() + AGAIN
            raise
        finally:
            self._opening = None
        if self._shut:
            log.info("jump host %s is reachable again", self._name)
        self._shut = ""
        self._connections.append(connection)
        connection.rest()

    async def _connect(self) -> JumpConnection:
        """A new connection; JumpHostUnreachable with the reason if it fails."""
        config, connection = self._config, JumpConnection(self._config)
        if not self._connections:
            self._room = MOST  # its configuration may have changed meanwhile
        known = self._known_keys()
        try:
            async with asyncio.timeout(config.jump_host_wait):
                connection.connection = await asyncssh.connect(
                    self._address,
                    self._port,
                    config=None,
                    options=None,
                    client_factory=lambda: OutboundClient(connection.line),
                    username=self._user,
                    client_keys=[self._key()],
                    agent_path=None,
                    known_hosts=known,
                    preferred_auth=["publickey"],
                    gss_host=None,
                    compression_algs=None,
                    encryption_algs=CIPHERS,
                    keepalive_interval=config.keepalive,
                    keepalive_count_max=4,
                )
        except asyncssh.HostKeyNotVerifiable:
            raise JumpHostUnreachable(
                f"the ssh host key of host {self._name} differs from the one in {config.state / KNOWN_HOSTS}: the "
                "connection is intercepted, or the host was reinstalled. If it was reinstalled, remove its line from "
                "that file and run trainbot host prepare NAME"
            ) from None
        except asyncssh.PermissionDenied:
            raise JumpHostUnreachable(
                f"host {self._name} does not accept our key for {self._user}: run trainbot host prepare NAME"
            ) from None
        except TimeoutError:
            raise JumpHostUnreachable(
                f"host {self._name} does not answer: no ssh within {config.jump_host_wait:g} s"
            ) from None
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
            raise JumpHostUnreachable(f"host {self._name} does not answer: {plain_ascii(reason, 100)}") from None
        except Exception as error:  # asyncssh raises whatever a peer provokes
            raise JumpHostUnreachable(
                f"the ssh connection to host {self._name} failed: {plain_ascii(str(error), 100)}"
            ) from None
        return connection

    def _key(self) -> asyncssh.SSHKey:
        path = self._config.state / JUMP_KEY
        try:
            return asyncssh.read_private_key(path)
        except (OSError, asyncssh.KeyImportError):
            raise JumpHostUnreachable(
                f"cannot read the key {path}: trainbot host prepare NAME creates it and installs it on the host"
            ) from None

    def _known_keys(self) -> tuple[Keys, Keys, Keys]:
        """(host keys, CA keys, revoked keys) of this host; JumpHostUnreachable if none is known."""
        path = self._config.state / KNOWN_HOSTS
        keys: tuple[Keys, Keys, Keys] = ([], [], [])
        with suppress(FileNotFoundError):
            try:
                found = asyncssh.import_known_hosts(path.read_text("utf-8"))
                keys = found.match(self._address, "", self._port if self._port != SSH else None)[:3]
            except (OSError, ValueError) as error:
                if isinstance(error, FileNotFoundError):
                    raise
                raise JumpHostUnreachable(f"cannot read the file {path}: {plain_ascii(str(error), 100)}") from None
        host_keys, authorities, revoked = keys
        if not host_keys and not authorities:
            raise JumpHostUnreachable(
                f"the ssh host key of {self._name} is not known yet, so there is no connection: run trainbot host "
                "prepare NAME"
            )
        return host_keys, authorities, revoked
