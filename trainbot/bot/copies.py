"""What the running bot does with copies of itself: keeps one fresh, and stops when another machine has taken over."""

from __future__ import annotations

import asyncio
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from trainbot.adapters.db import Store
from trainbot.adapters.irc.irc_connection import IrcConnection
from trainbot.bot.epoch import epoch_of
from trainbot.bot.succession import Succession, refuse_superseded
from trainbot.bot.wiring import Wiring
from trainbot.bot.workers.maintenance import Maintenance
from trainbot.core.errors import BackendError, Superseded, UserError
from trainbot.core.messages import Disconnected
from trainbot.gateway.rpc.gateway_client import GatewayClient
from trainbot.model.config import Config
from trainbot.model.copies import CopyStatus
from trainbot.model.database_url import database_path
from trainbot.model.host import HostSuperseded, HostUp
from trainbot.model.host_address import host_address

if TYPE_CHECKING:
    from trainbot.adapters.hosts.claim import Claimant
    from trainbot.bot.workers.copier import Copier

MADE = 3000.0  # seconds that whoever asks for a copy waits for it


class Copies:
    """``epoch``: how often another machine has taken over, from 1.  Raises Superseded if this is not the machine any more."""

    def __init__(self, config: Config, store: Store, state: Path) -> None:
        self._config, self._store, self.epoch = config, store, epoch_of(store)
        refuse_superseded(state, self.epoch)
        if (where := config.store.copies) is not None and not where.account:  # another machine may share the folder
            from trainbot.adapters.copies.folder import CopyFolder  # like the copier, only with copies

            CopyFolder(Path(where.folder)).refuse_superseded(self.epoch)
        self._state = state
        self._shared = {host.name for host in config.hosts if host_address(host.uri).remote}
        self.copier: Copier | None = None
        self.succession: Succession

    def begin(self, owner: str, irc: IrcConnection, maintenance: Maintenance) -> None:
        if self._config.store.copies is not None and database_path(self._config.store.url) is not None:
            from trainbot.bot.workers.copier import Copier

            self.copier = Copier(self._config, self._store, maintenance, owner, self.epoch)
        self.succession = Succession(self._state, self.epoch, irc, self.copier)

    def claimant(self, owner: str) -> Claimant:
        """For one host."""
        from trainbot.adapters.hosts.claim import Claimant  # libvirt: 11 MiB, without hosts for nothing

        return Claimant(owner, self.epoch, signs=self.copier is not None and self.copier.remote)

    def start(self) -> None:
        if self.copier is not None:
            self.copier.start()
        self.succession.start(self._config.irc)

    def look(self, wiring: Wiring) -> None:
        """At each tick: a class that runs or is about to begin has a copy of its own."""
        if self.copier is not None:
            self.copier.classes(wiring.classes_ahead.names)

    async def by_hand(self) -> str:
        """Makes a copy; returns a sentence about it."""
        if self.copier is None:
            raise UserError(
                "bot.ini did not say where copies go when the bot started: set copies in [store], for example copies = "
                "/srv/copies, and restart it"
            )
        self.copier.want()
        try:
            async with asyncio.timeout(MADE):
                await self.copier.made.wait()
        except TimeoutError:
            raise BackendError(
                self.copier.status.trouble or "the copy is not complete yet: see trainbot status"
            ) from None
        return self.copier.sentence

    def notice(self, event: object) -> None:
        """Sees every event before it is queued."""
        match event:
            case HostSuperseded():
                self.succession.end(Superseded(event.reason))
            case HostUp() if event.report.name in self._shared:
                self.succession.confirmed()
            case Disconnected():
                self.succession.left(self._config.irc)

    async def until_superseded(self) -> None:
        """Returns when another machine has taken over.  The gateway then admits nobody new; whoever is logged in stays."""
        await self.succession.ended.wait()
        with suppress(BackendError):
            await GatewayClient(self._state).leave()

    def refuse_superseded(self) -> None:
        """Superseded if another machine has taken over."""
        if self.succession.reason is not None:
            raise self.succession.reason

    @property
    def farewell(self) -> str:
        """What to say on IRC when leaving."""
        return "trainbot stops" if self.succession.reason is None else "another machine has taken over"

    @property
    def status(self) -> CopyStatus | None:
        return None if self.copier is None else self.copier.status

    async def close(self) -> None:
        await self.succession.close()
        if self.copier is not None:
            await self.copier.close()
