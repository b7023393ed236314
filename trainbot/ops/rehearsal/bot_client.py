"""A rehearsal's requests to the running bot, over the control socket; waits while the bot restarts."""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import AsyncIterator
from typing import Any

from trainbot.adapters.control.client import ask
from trainbot.adapters.state_folder import CONTROL
from trainbot.config import Config
from trainbot.core.errors import BackendError, UserError

log = logging.getLogger(__name__)
LOOK = 0.5  # seconds between two looks, the precision of all times
AWAY = 120.0  # seconds that the bot may be away; after that it ends the rehearsal itself


class RehearsalClient:
    """Call ``begin`` first.  BackendError if no bot answers; UserError with the bot's sentence if it refuses."""

    def __init__(self, config: Config) -> None:
        self._path = config.store.state / CONTROL
        self._token = ""

    async def begin(self, request: dict[str, Any]) -> dict[str, Any]:
        begun = await self._ask({**request, "do": "begin"})
        self._token = begun["rehearsal"]
        return begun

    async def looks(self) -> AsyncIterator[dict[str, Any]]:
        """The state of the rehearsal, repeatedly."""
        while True:
            yield await self._patiently({"do": "look"})
            await asyncio.sleep(LOOK)

    async def loss(self) -> dict[str, int]:
        return dict((await self._patiently({"do": "loss"}))["left"])

    async def work_in(self, seats: list[int]) -> list[int]:
        """Those of ``seats`` that (still) have a lab; their labs may be changed now."""
        return list((await self._patiently({"do": "work", "seats": seats}))["seats"])

    async def end(self) -> None:
        if self._token:
            await self._ask({"do": "end", "rehearsal": self._token})

    async def _patiently(self, request: dict[str, Any]) -> dict[str, Any]:
        began = time.monotonic()
        while True:
            try:
                return await self._ask({**request, "rehearsal": self._token})
            except (BackendError, UserError) as error:  # not running, or its disk was full for a moment
                if time.monotonic() - began > AWAY:
                    raise
                log.debug("asked again: %s", error)
                await asyncio.sleep(LOOK)

    async def _ask(self, request: dict[str, Any]) -> dict[str, Any]:
        answer = await asyncio.to_thread(ask, self._path, {**request, "op": "rehearse"})
        if "error" in answer:
            raise UserError(str(answer["error"]))
        return answer
