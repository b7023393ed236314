"""Keeps one gateway running, on the configured ports and of this version, without cutting sessions."""

from __future__ import annotations

import asyncio
import logging
from pathlib import Path

from trainbot.core.errors import BackendError
from trainbot.core.tasks import Tasks
from trainbot.gateway import process
from trainbot.gateway.rpc.gateway_client import GatewayClient

log = logging.getLogger(__name__)


class Supervisor:
    """Used by the bot.  Call ``keep`` from time to time.  ``service``: systemd starts the gateway."""

    def __init__(
        self, config_path: Path, state: Path, listen: tuple[tuple[str, int], ...], service: bool = False
    ) -> None:
        self._config_path, self._state, self._listen, self._service = config_path, state, listen, service
        self._ours = process.program()
        self._started = 0  # the process that we started ourselves: a new one would be the same program
        self._turn = asyncio.Lock()
        self._tasks = Tasks()
        self._replacing: asyncio.Task[None] | None = None

    async def keep(self) -> None:
        """Makes sure that a gateway runs, the existing one or a new one; BackendError if that fails.

        A gateway of another version is told to stop when its last session ends; then a new one is started at once.
        """
        async with self._turn:
            pid = await asyncio.to_thread(self._one)
            idle = self._replacing is None or self._replacing.done()
            if idle and pid != self._started and process.version(self._state) != self._ours:
                self._replacing = self._tasks.start(self._replace(pid), "replacing the gateway")

    async def close(self) -> None:
        await self._tasks.close()

    def _one(self) -> int:
        asked = process.asked(self._state)
        if asked and asked != self._listen:
            log.warning("the gateway does not listen where bot.ini says: restarting it")
            process.stop(self._state)
        before = process.running(self._state)
        if self._service:
            if before is None:
                raise BackendError(
                    "no gateway is running, and bot.ini says that it is a service: run systemctl start trainbot-gateway"
                )
            return before
        pid = process.start_detached(self._config_path, self._state)
        if pid != before:
            self._started = pid
        return pid

    async def _replace(self, pid: int) -> None:
        try:
            inside = await GatewayClient(self._state).leave()
        except BackendError:
            log.warning(
                "the gateway (process %d) is of another version and cannot be told to stop: trainbot gateway --stop "
                "stops it, and cuts the sessions through it",
                pid,
            )
            self._started = pid  # logged only once
            return
        if inside:
            log.info(
                "the gateway is of another version: it will be replaced when the last of its %d logins ends", inside
            )
        try:
            await process.ended(pid)
            if not self._service:
                await self.keep()
        except (BackendError, OSError) as error:
            log.error("the gateway is down: %s", error)
