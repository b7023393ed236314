"""One connection to a jump host, shared by many channels."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import TypeVar

import asyncssh

from trainbot.core.tasks import Tasks
from trainbot.gateway.lab.jump_channel import JumpChannel
from trainbot.gateway.lab.pipe import SocketBackpressure
from trainbot.gateway.settings import GatewayConfig

Way = TypeVar("Way", bound=JumpChannel)
Factory = Callable[[SocketBackpressure, Callable[[], None]], Way]


Begun = asyncio.Task[tuple[asyncssh.SSHClientChannel[bytes], asyncssh.SSHClientSession[bytes]]]


class ChannelLimitReached(Exception):
    """The connection allows no more channels."""


class JumpConnection:
    """One connection to a jump host and its channels; closed after config.jump_host_idle seconds without any."""

    def __init__(self, config: GatewayConfig) -> None:
        self._config = config
        self.connection: asyncssh.SSHClientConnection | None = None
        self.line = SocketBackpressure()
        self._tasks = Tasks()
        self.used = 0
        self._full = False  # sshd said so; until one of the channels is gone
        self._retired = False  # it does not answer; its channels are left to the keepalives
        self._idle: asyncio.TimerHandle | None = None

    @property
    def dead(self) -> bool:
        return self._retired or self.connection is None or self.connection.is_closed()

    def has_room(self, room: int) -> bool:
        return not self._full and self.used < room

    async def begin(self, command: str, factory: Factory[Way]) -> Way:
        """Its channel.  ChannelLimitReached, TimeoutError (the connection is not used any more), or what asyncssh raises."""
        assert self.connection is not None
        self.used += 1
        if self._idle is not None:
            self._idle.cancel()
        made: list[Way] = []

        def make() -> Way:
            made.append(factory(self.line, self._gone))
            return made[0]

        # A task of its own, so that a channel that is being opened is closed even if the caller is gone by then.
        opening = self.connection.create_session(make, command, encoding=None, request_pty=False)
        task = self._tasks.start(opening, "opening a channel to a jump host", awaited=True)
        task.add_done_callback(lambda done: self._left(done, made))
        try:
            async with asyncio.timeout(self._config.jump_host_wait):
                await asyncio.shield(task)
        except TimeoutError:
            self._retired = True
            task.add_done_callback(_abort)
            raise
        except asyncio.CancelledError:
            task.add_done_callback(_abort)
            raise
        except asyncssh.ChannelOpenError as error:
            if error.code != asyncssh.OPEN_REQUEST_SESSION_FAILED and self.used > 0:
                self._full = True
                raise ChannelLimitReached from None
            raise
        return made[0]

    def _left(self, task: Begun, made: Sequence[JumpChannel]) -> None:
        """Gives back a channel that was never opened; others are given back when they close."""
        if not made and (task.cancelled() or task.exception() is not None):
            self._give_back()

    def _gone(self) -> None:
        self._full = False
        self._give_back()

    def _give_back(self) -> None:
        self.used -= 1
        self.rest()

    def rest(self) -> None:
        """Closes an unused connection, at once or after the idle time."""
        if self.used == 0 and self._retired:
            self.close()
        elif self.used == 0:
            self._idle = asyncio.get_running_loop().call_later(self._config.jump_host_idle, self.close)

    def close(self) -> None:
        self._retired = True
        if self._idle is not None:
            self._idle.cancel()
        if self.connection is not None:
            self.connection.close()


def _abort(task: Begun) -> None:
    """Nobody waits for it any more."""
    if not task.cancelled() and task.exception() is None:
        task.result()[0].abort()
