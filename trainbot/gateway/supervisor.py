"""Keeps one gateway running, on the configured ports and of this version, without cutting sessions."""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from trainbot.core.errors import BackendError
from trainbot.core.tasks import Tasks
from trainbot.gateway import process
from trainbot.gateway.program import program
from trainbot.gateway.rpc.gateway_client import GatewayClient

log = logging.getLogger(__name__)
LOOK = 15.0  # seconds between looks at a gateway that runs
PAUSES = (0.0, 1.0, 2.0, 4.0, 8.0, 15.0, 30.0, 60.0)  # seconds before the next start; the last one repeats
OFTEN = 3  # failures in a row that are logged once more; the next ones are not
SERVICE = 2.0  # seconds until a service has started its gateway again
STEADY = 60.0  # a gateway that ran for this many seconds was no failure
ANSWER = 3.0  # seconds for a gateway to say how many are logged in


@dataclass(frozen=True, slots=True)
class GatewayStatus:
    """``pid``: None if none runs; ``version``: ``process.version``; ``current``: whether that is this program's;
    ``inside``: how many connections are logged in, None if it does not say."""

    pid: int | None
    version: str = ""
    current: bool = True
    inside: int | None = None


class Supervisor:
    """Used by the bot.  Call ``keep`` once, then ``start``.  ``service``: systemd starts the gateway, so a missing one is
    only reported."""

    def __init__(
        self, config_path: Path, state: Path, listen: tuple[tuple[str, int], ...], service: bool = False
    ) -> None:
        self._config_path, self._state, self._listen, self._service = config_path, state, listen, service
        self._ours = program()
        self._started = 0  # the process that we started ourselves: a new one would be the same program
        self._leaving = 0  # the process that was told to stop when its last session ends
        self._turn = asyncio.Lock()
        self._tasks = Tasks()

    async def keep(self) -> int:
        """The process id of a gateway that runs, the existing one or a new one; BackendError if that fails.

        A gateway of another version is told to stop when its last session ends; then ``start`` starts a new one at once.
        """
        async with self._turn:
            pid = await asyncio.to_thread(self._one)
            if pid not in (self._started, self._leaving) and self._is_another(pid):
                self._leaving = pid
                self._tasks.start(self._replace(pid), "replacing the gateway")
            return pid

    def start(self) -> None:
        """From now on a gateway that ends is replaced at once.  One that fails again and again is tried again after
        pauses that grow, and logged once."""
        self._tasks.start(self._watch(), "watching the gateway")

    def has_service(self) -> bool:
        """Whether a service's gateway runs: it is to be of this version, even if there is no host that needs it."""
        return self._service and process.running(self._state) is not None

    async def status(self) -> GatewayStatus:
        """The gateway as it is now, within ``ANSWER`` seconds."""
        pid = await asyncio.to_thread(process.running, self._state)
        if pid is None:
            return GatewayStatus(None)
        version = await asyncio.to_thread(process.version, self._state)
        try:
            async with asyncio.timeout(ANSWER):
                inside = await GatewayClient(self._state).inside()
        except (BackendError, TimeoutError):
            inside = None
        return GatewayStatus(pid, version, version == self._ours, inside)

    async def close(self) -> None:
        await self._tasks.close()

    async def _watch(self) -> None:
        failures = 0
        while True:
            loop = asyncio.get_running_loop()
            try:
                pid, began = await self.keep(), loop.time()
                while not await self._ended(pid):
                    if failures and loop.time() - began >= STEADY:
                        failures = 0
                        log.info("the gateway runs again")
                    pid = await self.keep()
                if pid == self._leaving:  # as it was told; a service needs a moment to start the new one
                    await asyncio.sleep(SERVICE if self._service else 0.0)
                    continue
                why = f"process {pid} has ended: see gateway.log"
            except BackendError as error:
                why = str(error)
            except (OSError, RuntimeError) as error:  # no file descriptor, or no thread, is free
                why = getattr(error, "strerror", None) or str(error)
            failures += 1
            if failures == 1:
                log.error("the gateway is down: %s", why)
            elif failures == OFTEN:
                log.error("the gateway keeps failing: %s; trying again after pauses of up to %.0f s", why, PAUSES[-1])
            await asyncio.sleep(PAUSES[min(failures, len(PAUSES)) - 1])

    def _is_another(self, pid: int) -> bool:
        """Whether that process runs another version.  One that is just starting, or has just ended, says none: nor does it say
        where it listens."""
        said, there = process.version(self._state), process.listening(self._state)
        return bool(there) and said != self._ours and process.running(self._state) == pid

    @staticmethod
    async def _ended(pid: int) -> bool:
        """Waits until that process has ended, at most ``LOOK`` seconds; returns whether it has."""
        with suppress(TimeoutError):
            async with asyncio.timeout(LOOK):
                try:
                    await process.ended(pid)
                    return True
                except OSError:  # the system cannot tell: it is looked at regularly
                    await asyncio.sleep(LOOK)
        return False

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
            return
        if inside:
            log.info(
                "the gateway is of another version: it will be replaced when the last of its %d logins ends", inside
            )
