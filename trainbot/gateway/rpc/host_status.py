"""The status of a host, from its jump host (lab-door's command status)."""

from __future__ import annotations

import asyncio
import json
import math
import time
from collections.abc import Callable
from typing import Any

from trainbot.core.text import many_lines, one_line
from trainbot.gateway.lab.connect import LabUnreachable, UnreachableReason
from trainbot.gateway.lab.jump_channel import JumpChannel
from trainbot.gateway.lab.jump_hosts import JumpHosts
from trainbot.gateway.lab.pipe import SocketBackpressure

LIMIT = 4096  # bytes


async def ask_status(jump_hosts: JumpHosts, via: str, wait: float) -> dict[str, Any]:
    """``read_status`` of the host, with our times (epoch seconds) of the question (``asked``) and the answer (``told``).

    LabUnreachable or JumpHostUnreachable without an answer within ``wait`` seconds.
    """
    over: asyncio.Future[float] = asyncio.get_running_loop().create_future()
    try:
        async with asyncio.timeout(wait):
            command = await jump_hosts.open(via, "status", lambda line, gone: OneLineCommand(line, gone, over))
            try:
                told = await over
            finally:
                command.chan.abort()
    except TimeoutError:
        raise LabUnreachable(
            UnreachableReason.TIMEOUT, f"the host did not report its status within {wait:g} s"
        ) from None
    return {**read_status(command.said, command.words), "asked": command.began, "told": told}


class OneLineCommand(JumpChannel):
    """A lab-door command that prints one line; ``over`` is set to the time of that line."""

    def __init__(self, line: SocketBackpressure, gone: Callable[[], None], over: asyncio.Future[float]) -> None:
        super().__init__(line, gone)
        self._over = over
        self.began = time.time()  # created when the channel is open, just before the command is sent
        self.said = b""

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if datatype is not None:
            super().data_received(data, datatype)
            return
        self.said += data[: LIMIT + 1 - len(self.said)]
        if b"\n" in self.said or len(self.said) > LIMIT:
            self._end()

    def connection_lost(self, exc: Exception | None) -> None:
        super().connection_lost(exc)
        self._end()

    def _end(self) -> None:
        if not self._over.done():
            self._over.set_result(time.time())


def read_status(said: bytes, words: bytes) -> dict[str, Any]:
    """{"time", "cores", "cpu", "disk_free_mib" (or None)} from lab-door's line; LabUnreachable if it is invalid."""
    try:
        value = json.loads(said.partition(b"\n")[0])
        cpu = value["cpu"]
        if not isinstance(cpu, list) or len(cpu) != 8:
            raise ValueError("cpu has eight counts")
        at = float(value["time"])
        status = {
            "time": at,
            "cores": count(value["cores"], 1 << 16),
            "cpu": [count(each, 1 << 63) for each in cpu],
            "disk_free_mib": None if value["disk_free_mib"] is None else count(value["disk_free_mib"], 1 << 50),
        }
        if not math.isfinite(at):
            raise ValueError("time is a number")
        return status
    except (ValueError, TypeError, KeyError, OverflowError, RecursionError):
        said_why = one_line(many_lines(words))
        raise LabUnreachable(
            UnreachableReason.JUMP_HOST,
            "the jump host does not report the host's status"
            + (f": {said_why}" if said_why else ": run trainbot host prepare NAME"),
        ) from None


def count(value: Any, most: int) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or not 0 <= value <= most:
        raise ValueError("expected a count")
    return value
