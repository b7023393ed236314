"""Facts that several subjects need, collected once: the bot's status, the installation's id, images, libvirt."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Coroutine
from functools import cached_property
from typing import Any, TypeVar

from trainbot.adapters.control.client import BotNotRunning, ask
from trainbot.adapters.db.health import Health, health, size
from trainbot.adapters.db.opening import refuse_missing
from trainbot.adapters.hosts.drivers import look_at
from trainbot.adapters.hosts.libvirt_look import HostLook
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
BOT = 10.0  # seconds for the bot's answer
STORE = 120.0  # seconds for the database check


class LocalFacts:
    """The shared facts.  Long work calls ``progress(subject, percent, what)``, from any thread."""

    def __init__(self, config: Config) -> None:
        self.config = config
        self.progress: Callable[[str, int, str], object] = lambda subject, percent, what: None
        self._tasks = Tasks()
        self._asked: dict[str, asyncio.Task[Any]] = {}

    async def bot(self) -> dict[str, Any] | BackendError:
        """The running bot's answer to ``status``; BotNotRunning if none runs."""
        return await self._once("bot", lambda: attempt(BOT + 2, "the bot's answer", in_thread(self._ask_bot)))

    async def health(self) -> Health | BackendError | None:
        """The state of the database; None if there is none yet."""
        return await self._once("store", lambda: attempt(STORE, "checking the database", in_thread(self._health)))

    async def owner(self) -> str:
        """The installation's id on hosts, or '' if unknown."""
        found = await self.health()
        return found.owner if isinstance(found, Health) else ""

    async def libvirt(self, host: HostConfig) -> HostLook | BackendError:
        return await self._once(
            f"libvirt {host.name}", lambda: attempt(host.deadline, f"libvirt on {host.name}", in_thread(look_at, host))
        )

    @cached_property
    def images(self) -> dict[str, LabImage]:
        """The usable images."""
        return images_of(self.config)[0]

    def _ask_bot(self) -> dict[str, Any]:
        state = self.config.store.state
        if state.exists() and not os.access(state, os.X_OK):
            raise BackendError(
                f"the folder {state} belongs to another user: run trainbot doctor as the user who runs trainbot"
            )
        answer = ask(state / CONTROL, {"op": "status"}, BOT)
        if "error" in answer:
            raise BackendError(str(answer["error"]))
        return answer

    def _health(self) -> Health | None:
        url = self.config.store.url
        refuse_missing(url, self.config.store.state)
        if database_path(url) is None or not size(url)[0]:
            return None
        return health(url)

    async def _once(self, name: str, begin: Callable[[], Coroutine[Any, Any, T]]) -> T:
        """Starts it once for all callers; a cancelled caller does not cancel it."""
        if name not in self._asked:
            self._asked[name] = self._tasks.start(begin(), name, awaited=True)
        found: T = await asyncio.shield(self._asked[name])
        return found


def bot_runs(answer: dict[str, Any] | BackendError) -> bool:
    """Whether a bot runs, or may run: then nothing is done that would disturb it."""
    return not isinstance(answer, BotNotRunning)
