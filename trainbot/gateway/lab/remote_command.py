"""One command that the gateway runs in a lab: bounded output, readable for people."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import asyncssh

from trainbot.core.text import many_lines
from trainbot.gateway.lab.connect import LabUnreachable, UnreachableReason

FLOOD = 1 << 20  # bytes of output allowed beyond what is kept


async def begin(connection: asyncssh.SSHClientConnection, command: str, limit: int) -> RemoteCommand:
    """Starts ``command``; raises what asyncssh raises."""
    running = RemoteCommand(limit)
    await connection.create_session(lambda: running, command, encoding=None, request_pty=False)
    return running


class RemoteCommand(asyncssh.SSHClientSession[bytes]):
    """A command in a lab: its output, at most ``limit`` bytes of each kind, and how it ended.

    ``over`` is done then; LabUnreachable if the connection broke or the output does not end.
    """

    def __init__(self, limit: int) -> None:
        self.chan: Any = None
        self.over: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self.over.add_done_callback(lambda over: over.cancelled() or over.exception())  # nobody may be waiting
        self._limit, self._said = limit, 0
        self._kept = {None: bytearray(), asyncssh.EXTENDED_DATA_STDERR: bytearray()}
        self._exit: int | None = None
        self._signal = ""

    def connection_made(self, chan: Any) -> None:
        self.chan = chan

    def data_received(self, data: bytes, datatype: int | None) -> None:
        kept = self._kept.setdefault(datatype, bytearray())
        kept += data[: self._limit - len(kept)]
        self._said += len(data)
        if self._said > 2 * self._limit + FLOOD and not self.over.done():
            why = f"the command printed over {self._said >> 10} KiB and was stopped"
            self.over.set_exception(LabUnreachable(UnreachableReason.TIMEOUT, why))
            self.chan.abort()

    def exit_status_received(self, status: int) -> None:
        self._exit = status

    def exit_signal_received(self, signal: str, core_dumped: bool, msg: str, lang: str) -> None:
        self._signal = signal if re.fullmatch(r"[A-Z0-9]{1,16}", signal) else "?"

    def connection_lost(self, exc: Exception | None) -> None:
        if self.over.done():
            return
        if exc is None and (self._exit is not None or self._signal):
            self.over.set_result(None)
        else:
            self.over.set_exception(
                LabUnreachable(UnreachableReason.SILENT, "the connection to the lab was lost during the command")
            )

    def answer(self) -> dict[str, Any]:
        """``exit``: 0 to 255, or -1 if ``signal`` ended it; ``cut``: the output was longer than the limit."""
        out, err = self._kept[None], self._kept[asyncssh.EXTENDED_DATA_STDERR]
        return {
            "exit": -1 if self._exit is None else self._exit,
            "signal": self._signal,
            "stdout": many_lines(bytes(out)),
            "stderr": many_lines(bytes(err)),
            "cut": self._said > len(out) + len(err),
        }
