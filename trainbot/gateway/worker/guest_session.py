"""A guest's session in somebody else's lab: a terminal, and nothing else."""

from __future__ import annotations

import asyncio

from trainbot.gateway.lab.lab_link import LabUnavailable
from trainbot.gateway.learner.shown_terminal import ShownTerminal
from trainbot.gateway.worker.ssh_session import LearnerEnd

ONLY = "somebody else's lab is open to you at its terminal only: run ssh without a command, sftp or -T"
AT_ONCE, MOMENT = (
    64 << 10,
    0.1,
)  # bytes of output, and the pause in seconds after them: a lab that prints more slows down nobody


class GuestEnd(LearnerEnd):
    """The guest's end: nothing of the lab gets to their terminal unfiltered, or faster than they and we can take it."""

    _got = 0
    _over = _wrong = False
    window = 64 << 10

    def exec_requested(self, command: str) -> bool:
        self._wrong = True
        return True

    def subsystem_requested(self, subsystem: str) -> bool:
        return False

    def session_started(self) -> None:
        if self._wrong or self._pty is None:
            self._tasks.start(self._run(self._refused()), "a session")
        else:
            self._filter = ShownTerminal()
            super().session_started()

    async def _refused(self) -> None:
        raise LabUnavailable(ONLY)

    def data_received(self, data: bytes, datatype: int | None) -> None:
        if not self._over:
            super().data_received(data, datatype)

    def signal_received(self, signal: str) -> None:
        """Whoever has the lab gets no signals of others."""

    def break_received(self, msec: int) -> bool:
        return False

    def say(self, sentence: str) -> None:
        super().say(sentence.replace("your lab", "that lab").replace("your lease", "its lease"))

    def end(self, sentence: str) -> None:
        """From now on nothing that is typed gets there, and nothing that is shown there is passed on."""
        self._over = True
        if self.other is not None and not self.other.chan.is_closing():
            self.other.chan.abort()
        super().end(sentence)

    def take(self, data: bytes, datatype: int | None) -> None:
        if self._over:
            return
        super().take(self._filter(data), None)
        self._got += len(data)
        if self._got > AT_ONCE and self.other is not None:
            self._got = 0
            self.other.hold("rate")
            asyncio.get_running_loop().call_later(MOMENT, self._again)

    def _again(self) -> None:
        if self.other is not None and not self.other.chan.is_closing():
            self.other.release("rate")

    def finish(self, exc: Exception | None) -> None:
        if not self._over:
            super().finish(exc)
