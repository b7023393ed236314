"""Whether this machine is still the one: after a takeover (trainbot takeover), the one before it must do nothing.

Three can tell: the standby that receives our copies, the claims on the hosts, and on IRC whoever has our nick.  A bot whose
copies go to another machine joins its channels only after one of the first two has confirmed it, at the start and after each
loss of the connection.  If neither can be asked, it looks whether another trainbot answers to its nick.
"""

from __future__ import annotations

import asyncio
import json
import logging
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.bot.irc_question import ask
from trainbot.core.errors import BackendError, Superseded
from trainbot.core.files import write_whole
from trainbot.core.tasks import Tasks
from trainbot.model.config import IrcConfig

if TYPE_CHECKING:
    from trainbot.bot.workers.copier import Copier

log = logging.getLogger(__name__)
NAME = "superseded.json"  # in the state folder, once another machine has taken over
WORD = 12.0  # seconds for a word of the standby or of a host
AGAIN = 15.0  # seconds between two tries


def refuse_superseded(state: Path, epoch: int) -> None:
    """Superseded if it is known that another machine has taken over since this database was the one."""
    with suppress(OSError, ValueError, KeyError, TypeError):
        value = json.loads((state / NAME).read_bytes())
        if int(value["epoch"]) >= epoch:
            raise Superseded(str(value["why"]))


class Succession:
    """``end`` is to be called when a host or the standby says that this machine is not the one any more; ``ended`` is set
    then, and ``reason`` says why."""

    def __init__(self, state: Path, epoch: int, irc: IrcConnection, copier: Copier | None) -> None:
        self._state, self._epoch, self._irc, self._copier = state, epoch, irc, copier
        self._word = asyncio.Event()
        self._tasks = Tasks()
        self.reason: Superseded | None = None
        self.ended = asyncio.Event()

    @property
    def guarded(self) -> bool:
        """Whether another machine is there that might take over."""
        return self._copier is not None and self._copier.remote

    def start(self, config: IrcConfig) -> None:
        if self._copier is not None:
            self._tasks.start(self._listen(self._copier), "the standby's word")
        self.left(config)

    async def close(self) -> None:
        await self._tasks.close()

    def confirmed(self) -> None:
        """A host that others can reach says that it is still ours."""
        self._word.set()

    def end(self, reason: Superseded) -> None:
        if self.reason is None:
            self.reason = reason
            self._irc.admission.clear()
            log.error("%s", reason)
            with suppress(OSError):
                write_whole(self._state / NAME, json.dumps({"epoch": self._epoch, "why": str(reason)}) + "\n", 0o600)
            self.ended.set()

    def left(self, config: IrcConfig) -> None:
        """We are not on IRC: before we come back, somebody has to say that we may."""
        if not self.guarded:
            return
        self._irc.admission.clear()
        self._word.clear()
        assert self._copier is not None
        self._copier.heard.clear()
        self._tasks.start(self._admit(config), "admission to IRC")

    async def _listen(self, copier: Copier) -> None:
        await copier.superseded.wait()
        assert copier.reason is not None
        self.end(copier.reason)

    async def _admit(self, config: IrcConfig) -> None:
        """Lets us on IRC once somebody has said that we may, or nobody can be asked and nobody answers to our nick."""
        while self.reason is None:
            if await self._confirmed():
                break
            try:
                if not await ask(config):
                    log.warning("neither the standby nor a host has confirmed that this machine is the one; going on")
                    break
                log.error(
                    "another trainbot answers as %s on IRC, and neither the standby nor a host can be asked: not joining; if it "
                    "is not yours, give it another nick",
                    config.nick,
                )
            except BackendError as error:
                log.warning("%s", error)
            await asyncio.sleep(AGAIN)
        if self.reason is None:
            self._irc.admission.set()

    async def _confirmed(self) -> bool:
        assert self._copier is not None
        waiting = [
            self._tasks.start(self._copier.heard.wait(), "the standby", awaited=True),
            self._tasks.start(self._word.wait(), "the hosts", awaited=True),
        ]
        done, _ = await asyncio.wait(waiting, timeout=WORD, return_when=asyncio.FIRST_COMPLETED)
        for each in waiting:
            each.cancel()
        return bool(done)
