"""The terminal of a session that runs xen-manage; the command itself runs in the gateway."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

from trainbot.gateway.learner.xen_manage import LONGEST
from trainbot.gateway.wire import FULL, PART, packed, raw
from trainbot.gateway.worker.link import GatewayLink


class ManageScreen(Protocol):
    """Where the output goes."""

    def write(self, data: bytes, *, error: bool) -> None: ...


class ManageView:
    """One run of xen-manage."""

    def __init__(self, link: GatewayLink, number: int, screen: ManageScreen) -> None:
        self._link, self._number, self._screen = link, number, screen
        self._over: asyncio.Future[tuple[int, str]] = asyncio.get_running_loop().create_future()

    def begin(self, command: str, *, pty: bool) -> None:
        """Starts it, before anything that is typed."""
        self._link.say("manage", view=self._number, pty=pty, command=command[: LONGEST + 1])

    async def over(self) -> tuple[int, str]:
        """(exit code, a sentence if it failed)."""
        try:
            return await self._over
        finally:
            self._link.say("closed", view=self._number)

    def heard(self, data: bytes) -> None:
        for start in range(0, len(data), PART):
            if self._link.waiting < FULL:
                self._link.say("typed", view=self._number, data=packed(data[start : start + PART]))

    def ended(self) -> None:
        self._link.say("eof", view=self._number)

    def told(self, message: dict[str, Any]) -> None:
        if message["view"] != self._number:
            return
        if message["do"] == "write":
            self._screen.write(raw(message, "data"), error=bool(message["error"]))
        elif not self._over.done():
            self._over.set_result((int(message["code"]), str(message.get("sentence", ""))))
