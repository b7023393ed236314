"""Keeping a gateway: one runs, where it should listen, and it is of this program, but that cuts no session."""

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
    """For the bot.  ``keep`` is to be called from time to time.  ``service``: somebody else starts gateways (systemd)."""

    def __init__(
        self, config_path: Path, state: Path, listen: tuple[tuple[str, int], ...], service: bool = False
    ) -> None:
        self._config_path, self._state, self._listen, self._service = config_path, state, listen, service
        self._ours = process.program()
        self._started = 0  # the one that we started ourselves: of whatever program it is, another would be the same
        self._turn = asyncio.Lock()
        self._tasks = Tasks()
        self._replacing: asyncio.Task[None] | None = None

    async def keep(self) -> None:
        """A gateway runs: the one from before, or a new one.  BackendError where it cannot.

        One of another program is told to leave when the last session in it ends; then a new one is started at once.
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
            log.warning("the gateway listens elsewhere than bot.ini says now: it is started again")
            process.stop(self._state)
        before = process.running(self._state)
        if self._service:
            if before is None:
                raise BackendError(
                    "no gateway runs, and bot.ini says that a service keeps it: systemctl start trainbot-gateway"
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
                "the gateway (process %d) is of another trainbot and cannot be asked to leave: trainbot "
                "gateway --stop ends it, and cuts the sessions that go through it",
                pid,
            )
            self._started = pid  # said once
            return
        if inside:
            log.info("the gateway is of another trainbot: it is replaced when the last of %d logins ends", inside)
        try:
            await process.ended(pid)
            if not self._service:
                await self.keep()
        except (BackendError, OSError) as error:
            log.error("the gateway is down: %s", error)
