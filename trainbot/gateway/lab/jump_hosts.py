"""Doors of hosts: the ssh accounts (lab-door, a forced command) that lead to the labs of a host and nowhere else.

All that goes to one host shares a few connections.  sshd lets ten sessions into one (MaxSessions, sshd_config(5)): how
many is found out, and further connections are opened as they are needed, one after the other because of MaxStartups.
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

SSH = 22  # the only port that lab-door leads to
MOST = 64  # channels in one connection: what shares a connection waits for each other's lost packets
FEWEST = 10  # channels that sshd lets into a connection unless it is told otherwise
DEATHS = 3  # connections that may be cut while one way is being opened
AGAIN = 1.0  # seconds that a door which did not open is not tried again
Keys = Sequence[asyncssh.SSHKey]


class JumpHostUnreachable(BackendError):
    """There is no way through a host's door now; the text says why and how to mend it."""


class JumpHosts:
    """Every door by its ``via`` (USER@ADDRESS:PORT), opened when it is wanted."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self._jump_hosts: dict[str, JumpHostConnections] = {}

    async def dial(self, via: str, endpoint: tuple[str, int]) -> socket.socket:
        """A connected socket to the ssh server of the lab at ``endpoint``; it closes at once where nothing answers.

        DoorShut where the door does not open within config.door_wait seconds (its sentence is in the log, too).
        """
        address, port = endpoint
        try:
            where = ipaddress.ip_address(address)
        except ValueError:
            raise JumpHostUnreachable(f"{plain_ascii(address)} is no address of a lab") from None
        if port != SSH:
            raise JumpHostUnreachable(f"a door leads to port {SSH} of labs only, not to {port}")
        channel = await self.open(via, f"ssh {where}", JumpChannel)
        try:
            return await landing(channel)
        except OSError as error:
            channel.chan.abort()
            raise JumpHostUnreachable(f"no way to a lab: {(error.strerror or str(error)).lower()}") from None

    async def open(self, via: str, command: str, factory: Factory[Way]) -> Way:
        """The channel of ``command`` at that door, begun; made by ``factory(line, gone)``.  DoorShut as with dial."""
        connections = self._jump_hosts.get(via)
        if connections is None:
            connections = self._jump_hosts[via] = JumpHostConnections(via, self._config)
        return await connections.open(command, factory)

    def close(self) -> None:
        for connections in self._jump_hosts.values():
            connections.close()


class JumpHostConnections:
    """The connections to one host's door."""

    def __init__(self, via: str, config: GatewayConfig) -> None:
        try:
            there = JumpHost.parse(via)
        except ValueError:
            raise JumpHostUnreachable(f"{plain_ascii(via, 80)} is no door: USER@ADDRESS:PORT is one") from None
        self._user, self._address, self._port = there.user, there.address, there.port
        self._name = f"{self._address} port {self._port}"
        self._config = config
        self._connections: list[JumpConnection] = []
        self._tasks = Tasks()
        self._opening: asyncio.Task[None] | None = None
        self._room = MOST  # channels a connection, as far as is known
        self._shut = ""  # why it did not open the last time
        self._shut_until = 0.0

    async def open(self, command: str, factory: Factory[Way]) -> Way:
        deaths = 0
        while deaths < DEATHS:
            self._connections = [connection for connection in self._connections if not connection.dead]
            connection = next((connection for connection in self._connections if connection.has_room(self._room)), None)
            if connection is None:
                await self._one_more()
                deaths += all(connection.dead for connection in self._connections)  # cut before we had our turn
                continue
            try:
                return await connection.begin(command, factory)
            except ChannelLimitReached:
                self._room = max(FEWEST, connection.used)
            except TimeoutError:
                log.warning("the door of %s does not answer any more: it is opened anew", self._name)
            except Exception as error:  # asyncssh raises whatever a peer provokes
                if not connection.dead:
                    raise JumpHostUnreachable(
                        f"the door of {self._name} refuses: {plain_ascii(str(error), 100)}"
                    ) from None
                deaths += 1
                log.debug("the door of %s was cut: %r", self._name, error)  # is there still one? opened anew, it says
        raise JumpHostUnreachable(f"the door of {self._name} opens and closes again, over and over")

    def close(self) -> None:
        self._tasks.cancel()
        for connection in self._connections:
            connection.close()

    async def _one_more(self) -> None:
        """One more connection is there; of many who want one only the first opens it."""
        if self._opening is None:
            if asyncio.get_running_loop().time() < self._shut_until:
                raise JumpHostUnreachable(self._shut)
            self._opening = self._tasks.start(self._open_one(), f"opening the door of {self._name}", awaited=True)
            # Where everybody who waited has left by then, nobody else looks at the exception.
            self._opening.add_done_callback(lambda done: done.cancelled() or done.exception())
        await asyncio.shield(self._opening)

    async def _open_one(self) -> None:
        """Connects, and keeps the connection or why there is none.  All of that before the task is done: to wait for one
        that is done gives nobody else a turn, so that whoever came just then would ask again for ever."""
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
            log.info("the door of %s is open again", self._name)
        self._shut = ""
        self._connections.append(connection)
        connection.rest()

    async def _connect(self) -> JumpConnection:
        """DoorShut with the reason where it does not open."""
        config, connection = self._config, JumpConnection(self._config)
        if not self._connections:
            self._room = MOST  # it may have been told otherwise meanwhile
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
                f"the host {self._name} showed another ssh host key than the one in "
                f"{config.state / KNOWN_HOSTS}: somebody stands in between, or it was installed anew; then "
                "take its line out of that file and say trainbot host prepare NAME"
            ) from None
        except asyncssh.PermissionDenied:
            raise JumpHostUnreachable(
                f"the host {self._name} does not let {self._user} in with our key: "
                "trainbot host prepare NAME gives it the key"
            ) from None
        except TimeoutError:
            raise JumpHostUnreachable(
                f"the host {self._name} does not answer: no ssh within {config.jump_host_wait:g} s"
            ) from None
        except OSError as error:
            reason = os.strerror(error.errno).lower() if error.errno and error.errno > 0 else str(error)
            raise JumpHostUnreachable(f"the host {self._name} does not answer: {plain_ascii(reason, 100)}") from None
        except Exception as error:  # asyncssh raises whatever a peer provokes
            raise JumpHostUnreachable(
                f"the host {self._name} has no ssh for us: {plain_ascii(str(error), 100)}"
            ) from None
        return connection

    def _key(self) -> asyncssh.SSHKey:
        path = self._config.state / JUMP_KEY
        try:
            return asyncssh.read_private_key(path)
        except (OSError, asyncssh.KeyImportError):
            raise JumpHostUnreachable(
                f"the key {path} cannot be read: trainbot host prepare NAME makes it, and gives it to the host"
            ) from None

    def _known_keys(self) -> tuple[Keys, Keys, Keys]:
        """(host keys, keys of authorities, revoked keys) that count for this host; none known is no way in."""
        path = self._config.state / KNOWN_HOSTS
        keys: tuple[Keys, Keys, Keys] = ([], [], [])
        with suppress(FileNotFoundError):
            try:
                found = asyncssh.import_known_hosts(path.read_text("utf-8"))
                keys = found.match(self._address, "", self._port if self._port != SSH else None)[:3]
            except (OSError, ValueError) as error:
                if isinstance(error, FileNotFoundError):
                    raise
                raise JumpHostUnreachable(f"the file {path} cannot be read: {plain_ascii(str(error), 100)}") from None
        host_keys, authorities, revoked = keys
        if not host_keys and not authorities:
            raise JumpHostUnreachable(
                f"the ssh host key of {self._name} is not known yet, so nothing is sent there: say "
                "trainbot host prepare NAME"
            )
        return host_keys, authorities, revoked
