"""What several looks need, found out once: what the running bot says, the installation's id, images, hosts' libvirt."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from functools import cached_property
from typing import Any, TypeVar

from trainbot.adapters.control.client import BotNotRunning, ask
from trainbot.adapters.db.health import Health, health, size
from trainbot.adapters.hosts.libvirt_look import HostLook, look
from trainbot.adapters.state_folder import CONTROL
from trainbot.bot.installation import images_of
from trainbot.config import Config
from trainbot.core.errors import BackendError
from trainbot.core.tasks import Tasks
from trainbot.model.database_url import database_path
from trainbot.model.host import HostConfig
from trainbot.model.lab_image import LabImage
from trainbot.ops.doctor.examine import attempt, in_thread

T = TypeVar("T")
BOT = 10.0  # seconds that the bot may take
STORE = 120.0  # … the check of the database


class LocalFacts:
    """``progress(subject, percent, what)`` hears, from any thread, of work that takes long."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.progress: Callable[[str, int, str], object] = lambda subject, percent, what: None
        self._tasks = Tasks()
        self._asked: dict[str, asyncio.Task[Any]] = {}

    async def bot(self) -> dict[str, Any] | BackendError:
        """The running bot's answer to ``status``; NoBot where none runs."""
        return await self._once("bot", lambda: attempt(BOT + 2, "the bot's answer", in_thread(self._ask_bot)))

    async def health(self) -> Health | BackendError | None:
        """The database's; None where there is none yet."""
        return await self._once("store", lambda: attempt(STORE, "checking the database", in_thread(self._health)))

    async def owner(self) -> str:
        """The installation's id on hosts, '' where that is not known."""
        found = await self.health()
        return found.owner if isinstance(found, Health) else ""

    async def libvirt(self, host: HostConfig) -> HostLook | BackendError:
        return await self._once(
            f"libvirt {host.name}", lambda: attempt(host.deadline, f"libvirt on {host.name}", in_thread(look, host))
        )

    @cached_property
    def images(self) -> dict[str, LabImage]:
        """Those that can be used."""
        return images_of(self.config)[0]

    def _ask_bot(self) -> dict[str, Any]:
        state = self.config.store.state
        if state.exists() and not os.access(state, os.X_OK):
            raise BackendError(
                f"the folder {state} is another user's: run trainbot doctor as the user who runs trainbot"
            )
        answer = ask(state / CONTROL, {"op": "status"}, BOT)
        if "error" in answer:
            raise BackendError(str(answer["error"]))
        return answer

    def _health(self) -> Health | None:
        url = self.config.store.url
        if database_path(url) is None or not size(url)[0]:
            return None
        return health(url)

    async def _once(self, name: str, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Many may want it; it is begun once, and who is cancelled does not cancel it."""
        if name not in self._asked:
            self._asked[name] = self._tasks.start(begin(), name, awaited=True)
        found: T = await asyncio.shield(self._asked[name])
        return found


def bot_runs(answer: dict[str, Any] | BackendError) -> bool:
    """Whether there is one, or nobody can tell: then nothing is done that would disturb it."""
    return not isinstance(answer, BotNotRunning)
