"""The status line on a learner's screens, and messages shown there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import asyncssh

from trainbot.core.tasks import Tasks
from trainbot.core.text import one_line
from trainbot.gateway.lab.remote_command import begin
from trainbot.gateway.learner import tmux as screen

log = logging.getLogger(__name__)

PATIENCE = 20.0  # seconds for one command in the lab
PAUSE = 2.0  # seconds between two of them
KEPT = 4096  # bytes of its output


@dataclass(frozen=True, slots=True)
class StatusText:
    """What a lease's screens show: ``line`` is the status line; ``word`` is a message, shown when it changes."""

    line: str = ""
    word: str = ""


def read_lines(value: Any) -> dict[str, StatusText]:
    """Reads the bot's table lease -> {"line", "word"}; ValueError if it is invalid."""
    if not isinstance(value, Mapping):
        raise ValueError("not a table of lines")
    found = {}
    for lease, above in value.items():
        if not isinstance(above, Mapping) or not all(isinstance(above.get(name, ""), str) for name in ("line", "word")):
            raise ValueError("not a table of lines")
        found[str(lease)] = StatusText(
            one_line(above.get("line", ""), screen.LONGEST, ""), one_line(above.get("word", ""), screen.LONGEST, "")
        )
    return found


class StatusLine:
    """Runs the commands that update screens in the lab, one at a time; only the latest line counts.

    A command that fails or takes too long is ignored: no session depends on it.
    """

    def __init__(self) -> None:
        self._line: str | None = None
        self._said: list[str] = []
        self._tasks = Tasks()
        self._task: asyncio.Task[None] | None = None

    def show(self, connection: asyncssh.SSHClientConnection, line: str) -> None:
        self._line = line
        self._go(connection)

    def tell(self, connection: asyncssh.SSHClientConnection, sentence: str) -> None:
        self._said = [*self._said[-3:], sentence]
        self._go(connection)

    def close(self) -> None:
        self._tasks.cancel()

    def _go(self, connection: asyncssh.SSHClientConnection) -> None:
        if self._task is None or self._task.done():
            self._task = self._tasks.start(self._work(connection), "updating a status line")

    async def _work(self, connection: asyncssh.SSHClientConnection) -> None:
        while self._line is not None or self._said:
            if self._said:
                command = screen.tell(self._said.pop(0))
            else:
                command, self._line = screen.change(self._line or ""), None
            try:
                async with asyncio.timeout(PATIENCE):
                    running = await begin(connection, command, KEPT)
                    try:
                        await running.over
                    finally:
                        running.chan.abort()
            except Exception as error:  # whatever a lab provokes
                log.debug("a screen could not be updated: %r", error)
            await asyncio.sleep(PAUSE)
