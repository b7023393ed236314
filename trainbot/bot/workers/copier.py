"""Keeps a copy of the whole installation elsewhere, and brings it up to date every second.

A new copy is begun at each start, before and at the beginning of each class, when a file besides the database changes, and
when the changes have become many.  Between these, only what was committed is sent: nothing of it is computed in a turn.
"""

from __future__ import annotations

import asyncio
import logging
from contextlib import suppress
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

from trainbot.adapters.copies.receiver_process import CHECK, ReceiverProcess
from trainbot.adapters.copies.sources import Source, environment, sources
from trainbot.adapters.db import Store
from trainbot.adapters.db.migrate import revisions
from trainbot.adapters.db.wal_tail import WalPart
from trainbot.adapters.state_folder import COPY_KEY
from trainbot.bot.workers.maintenance import Maintenance
from trainbot.core.errors import BackendError, Superseded
from trainbot.core.tasks import Tasks
from trainbot.gateway.program import program
from trainbot.model.config import Config
from trainbot.model.copies import CopiedFile, CopyStatus, Destination, Manifest
from trainbot.model.database_url import database_path
from trainbot.model.kept_files import FOLDER

log = logging.getLogger(__name__)
DATABASE = "trainbot.db"  # in a copy, whatever its name is here
LOOK = 30.0  # seconds between looks at the files besides the database
LAST = 3.0  # seconds that the bot's end waits for the last changes to be sent
AGAIN = (1.0, 2.0, 5.0, 10.0, 30.0)  # seconds before the next try; the last one repeats
MANY = 32 << 20  # bytes of changes after which a new copy is begun, if the database is not larger
OLDEST = timedelta(days=1)


class Copier:
    """``status`` is what has been reached.  ``word`` is set once the other side has said that this machine is still the
    one, or cannot be asked; ``superseded`` says that it is not."""

    def __init__(self, config: Config, store: Store, maintenance: Maintenance, owner: str, epoch: int) -> None:
        assert config.store.copies is not None
        self._config, self._store, self._maintenance = config, store, maintenance
        self._owner, self._epoch = owner, epoch
        self._destination: Destination = config.store.copies
        self._tail = store.follow()
        self._tasks = Tasks()
        self._life: asyncio.Task[None] | None = None
        self._wanted = False  # a new copy, now
        self._woken = asyncio.Event()
        self._classes: frozenset[str] = frozenset()
        self._complaint = ""
        self._closing = self._followed = False  # followed: a copy of this connection is complete
        self._files: tuple[Source, ...] = ()
        self._size = self._sent = 0  # bytes of the database file, and of the changes since
        self._began = datetime.now(UTC)
        self.status = CopyStatus(str(self._destination))
        self.made = asyncio.Event()  # a copy is complete
        self.heard = asyncio.Event()  # the other side says that this machine is still the one
        self.superseded = asyncio.Event()
        self.reason: Superseded | None = None  # why it is not

    @property
    def remote(self) -> bool:
        """Whether the copies go to another machine."""
        return bool(self._destination.account)

    def start(self) -> None:
        self._life = self._tasks.start(self._follow(), "copies", awaited=True)

    async def close(self) -> None:
        """Sends what is stored until now, if that takes a moment only."""
        self._closing = True
        self._woken.set()
        if self._life is not None and self.status.kept_at is not None and not self.status.trouble:
            await asyncio.wait([self._life], timeout=LAST)
        await self._tasks.close()
        self._tail.abandon()

    def want(self) -> None:
        """A new copy is begun at once."""
        self._wanted = True
        self.made.clear()
        self._woken.set()

    def classes(self, names: frozenset[str]) -> None:
        """Which classes are running or begin soon: a new one has a new copy."""
        if names - self._classes:
            self.want()
        self._classes = names

    async def once(self) -> str:
        """Makes one copy, without following it; returns a sentence about it."""
        async with ReceiverProcess(self._destination, self._config.store.state / COPY_KEY) as peer:
            await self._greet(peer)
            await self._copy(peer)
        self._tail.abandon()
        return self.sentence

    @property
    def sentence(self) -> str:
        kept = self._config.store.state / FOLDER
        left_out = f"; not in it: people's kept files ({kept})" if kept.is_dir() and any(kept.iterdir()) else ""
        return f"copy {self.status.name} is complete in {self._destination}: {self.status.commits} changes, {self._size / 2**20:.1f} MiB, checked{left_out}"

    # -- the loop --------------------------------------------------------------------------------------

    async def _follow(self) -> None:
        failures = 0
        while True:
            try:
                async with ReceiverProcess(self._destination, self._config.store.state / COPY_KEY) as peer:
                    await self._greet(peer)
                    while not self._closing:
                        await self._copy(peer)
                        failures = 0
                        await self._keep_fresh(peer)
                    return
            except Superseded as error:
                self.reason = error
                self.superseded.set()
                return
            except (BackendError, OSError) as error:
                self._failed(str(error))
            finally:
                self._tail.abandon()
            self._woken.clear()
            try:
                await asyncio.wait_for(self._woken.wait(), AGAIN[min(failures, len(AGAIN) - 1)])
            except TimeoutError:
                failures += 1

    async def _greet(self, peer: ReceiverProcess) -> None:
        await peer.greet(self._owner, self._epoch, program(), self._config.store.copies_kept)
        self._followed = False
        self.heard.set()

    async def _copy(self, peer: ReceiverProcess) -> None:
        """A new copy, complete and checked over there."""
        self._wanted = False
        self._files = await asyncio.to_thread(sources, self._config)
        path = database_path(self._store.url)
        assert path is not None
        async with self._maintenance.free:
            await asyncio.to_thread(self._store.checkpoint)
            before = self._tail.take()
            self._tail.begin()
            self._tail.held = True
        try:
            await self._send_parts(peer, before)  # they belong to the copy before this one
            await peer.say({"kind": "begin"})
            sent = [await self._sent_file(peer, file.name, file.path) for file in self._files]
            database = await self._sent_file(peer, DATABASE, path)
        finally:
            self._tail.held = False
        commits, at = await self._read()
        await self._send_parts(peer, self._tail.take())
        manifest = Manifest(
            program(),
            revisions()[-1],
            self._owner,
            self._epoch,
            at,
            commits,
            database,
            tuple(sent),
            environment(self._config),
        )
        await peer.say({"kind": "done", "manifest": manifest.to_json()})
        found = await peer.answer(CHECK)
        if found.get("commits") != commits:
            raise BackendError(
                f"{self._destination} has {found.get('commits')} changes instead of {commits}: trying again"
            )
        self._followed = True
        await self._beat(peer, commits, at)
        self.status = replace(self.status, name=str(found.get("name", ""))[:60], made_at=datetime.now(UTC), trouble="")
        self._size, self._sent, self._began = database.bytes, 0, datetime.now(UTC)
        self._complaint = ""
        log.info("copy %s is complete in %s", self.status.name, self._destination)
        self.made.set()

    async def _sent_file(self, peer: ReceiverProcess, name: str, path: Path) -> CopiedFile:
        """Sends a file.  If that takes long, the copy before this one is kept up to date meanwhile."""
        now = asyncio.get_running_loop().time
        sent, began = CopiedFile(name, 0, ""), now()
        async for piece in peer.send_file(name, path):
            sent = piece
            if self._followed and now() - began >= self._config.store.copies_every.total_seconds():
                await self._bring_up_to_date(peer)
                began = now()
        return sent

    async def _bring_up_to_date(self, peer: ReceiverProcess) -> None:
        commits, at = await self._read()
        await self._send_parts(peer, self._tail.take())
        await self._beat(peer, commits, at)

    async def _keep_fresh(self, peer: ReceiverProcess) -> None:
        """Sends what is committed, until a new copy is due."""
        looked = asyncio.get_running_loop().time()
        while not self._due():
            self._woken.clear()
            if not self._wanted and not self._closing:
                with suppress(TimeoutError):
                    await asyncio.wait_for(self._woken.wait(), self._config.store.copies_every.total_seconds())
            await self._bring_up_to_date(peer)
            if self._closing:
                return
            if asyncio.get_running_loop().time() - looked >= LOOK:
                looked = asyncio.get_running_loop().time()
                if marks(await asyncio.to_thread(sources, self._config)) != marks(self._files):
                    self._wanted = True

    def _due(self) -> bool:
        many = self._sent > max(MANY, self._size)
        return self._wanted or many or self._tail.broken or datetime.now(UTC) - self._began > OLDEST

    async def _read(self) -> tuple[int, datetime]:
        """Reads what was committed until now; how much that makes, and when."""
        async with self._maintenance.free:
            self._tail.read()
            return self._store.commits, datetime.now(UTC)

    async def _send_parts(self, peer: ReceiverProcess, parts: list[WalPart]) -> None:
        for part in parts:
            await peer.say({"kind": "part", "generation": part.generation, "offset": part.offset}, part.data)
            self._sent += len(part.data)

    async def _beat(self, peer: ReceiverProcess, commits: int, at: datetime) -> None:
        if self._tail.broken:
            return
        await peer.say({"kind": "beat", "commits": commits, "at": at.isoformat()})
        await peer.answer()
        self.heard.set()
        self.status = replace(self.status, kept_at=at, commits=commits, behind=max(self._store.commits - commits, 0))

    def _failed(self, why: str) -> None:
        self.status = replace(self.status, trouble=why)
        if why != self._complaint:
            self._complaint = why
            log.error("no copy is kept up to date: %s", why)


def owner_of(store: Store) -> str:
    """The installation's id; '' before its first start."""
    with store.transaction():
        return store.settings.get("owner") or ""


def marks(files: tuple[Source, ...]) -> dict[str, tuple[int, int, int]]:
    return {file.name: file.mark for file in files}
