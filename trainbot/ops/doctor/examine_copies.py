"""Examines where copies of the installation go: another machine is asked whether it would take them."""

from __future__ import annotations

import os
from pathlib import Path

from trainbot.adapters.copies.folder import CopyFolder
from trainbot.adapters.copies.receiver_process import ReceiverProcess
from trainbot.adapters.db import Store
from trainbot.adapters.state_folder import COPY_KEY
from trainbot.bot.epoch import epoch_of
from trainbot.config import Config
from trainbot.core.errors import BackendError
from trainbot.core.files import nearest_existing
from trainbot.gateway.program import program
from trainbot.model.copies import Destination
from trainbot.ops.doctor.examine import attempt, in_thread
from trainbot.ops.doctor.finding import Finding, Findings
from trainbot.ops.doctor.here import LocalFacts, bot_runs
from trainbot.ops.status import copy_findings

COPIES = Findings("copies")
GREETING = 30.0  # seconds
LOST = "so all is lost if this machine dies"


async def examine_copies(here: LocalFacts) -> list[Finding]:
    where = here.config.store.copies
    if where is None:
        return [COPIES.note("none are made", LOST, "set copies in [store] (docs/operating.md)")]
    bot = await here.bot()
    if not isinstance(bot, BackendError):
        return list(copy_findings(COPIES, bot.get("copies"))) or [
            COPIES.wrong("the running bot makes none", LOST, "restart it: bot.ini was changed after its start")
        ]
    if bot_runs(bot):
        return [COPIES.note(f"the bot does not say how its copies in {where} are ({bot})", "so that is unknown")]
    owner = await here.owner()
    return [await _receiver(here, where, owner) if where.account else _folder(Path(where.folder), owner)]


async def _receiver(here: LocalFacts, where: Destination, owner: str) -> Finding:
    """What the other machine says to the bot's key."""
    if not owner:
        return COPIES.note(f"{where} was not asked", "as this trainbot has never run", "start it, then trainbot status")
    answer = await attempt(GREETING, f"{where}'s answer", _greet(here.config, where, owner))
    if isinstance(answer, BackendError):
        return COPIES.failed(f"{where} takes none", answer, LOST)
    return COPIES.ok(f"{where} takes them: trainbot run sends them, trainbot copy one now")


async def _greet(config: Config, where: Destination, owner: str) -> None:
    epoch = await in_thread(_epoch, config)
    async with ReceiverProcess(where, config.store.state / COPY_KEY) as receiver:
        await receiver.greet(owner, epoch, program(), config.store.copies_kept)


def _epoch(config: Config) -> int:
    store = Store(config.store.url, read_only=True)
    try:
        return epoch_of(store)
    finally:
        store.close()


def _folder(folder: Path, owner: str) -> Finding:
    there = nearest_existing(folder)
    if not there.is_dir() or not os.access(there, os.W_OK | os.X_OK):
        return COPIES.wrong(
            f"{there} cannot be written", LOST, f"make {folder} writable for the user who runs trainbot"
        )
    try:
        CopyFolder(folder).refuse_others(owner)
    except BackendError as error:
        return COPIES.failed(f"{folder} takes none", error, LOST)
    return COPIES.ok(f"{folder} takes them: trainbot run makes them, trainbot copy one now")
