"""Holds back messages with lab passwords until the gateway has the table of routes in which they work."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence

from trainbot.adapters.control.server import ControlServer
from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.bot.gateway.gateway_tables import GatewayTookTable, PasswordsHeld
from trainbot.core.messages import Line
from trainbot.core.tasks import Tasks

log = logging.getLogger(__name__)
ROUTES = "routes"  # the topic of the table of routes
PATIENCE = 5.0  # seconds that the gateway has for a new table before people are told that it is in trouble


class PasswordHold:
    """Sends lines with passwords through ``irc`` once the gateway has taken the latest table.  If it does not, ``post`` gets
    the lines as PasswordsHeld, whose rows are kept, and later one GatewayTookTable."""

    def __init__(
        self, control: ControlServer, irc: IrcConnection, post: Callable[[PasswordsHeld | GatewayTookTable], None]
    ) -> None:
        self._control, self._irc, self._post = control, irc, post
        self._tasks = Tasks()
        self._behind = False  # the gateway has not taken a table in time, and still has not

    def send(self, lines: Sequence[Line], table: int) -> None:
        """``table``: the number of the table in which the passwords work."""
        if self._control.has_taken(ROUTES, table):
            self._irc.send(*lines)
        else:
            self._tasks.start(self._send_when_taken(lines, table), "passwords that wait for the gateway")

    async def close(self) -> None:
        await self._tasks.close()

    async def _send_when_taken(self, lines: Sequence[Line], table: int) -> None:
        try:
            async with asyncio.timeout(0.0 if self._behind else PATIENCE):
                await self._control.taken(ROUTES, table)
        except TimeoutError:
            self._post(PasswordsHeld(tuple(lines)))
            if not self._behind:
                self._behind = True
                log.error(
                    "the gateway has not taken the latest table of labs for %.0f s, so passwords wait: gateway.log and "
                    "trainbot doctor gateway show why",
                    PATIENCE,
                )
                await self._control.taken(ROUTES, table)
                self._behind = False
                log.info("the gateway has taken the table of labs")
                self._post(GatewayTookTable())
            return
        self._irc.send(*lines)
