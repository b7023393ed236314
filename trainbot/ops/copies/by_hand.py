"""``trainbot copy`` without a running bot, and what to type on the second machine."""

from __future__ import annotations

import asyncio
import shlex

from trainbot.adapters.db.opening import open_store
from trainbot.adapters.state_folder import copy_key
from trainbot.bot.epoch import epoch_of
from trainbot.bot.workers.copier import Copier, owner_of
from trainbot.bot.workers.maintenance import Maintenance
from trainbot.config import Config
from trainbot.core.errors import BackendError, UserError


def copy_now(config: Config) -> str:
    """Makes one copy; returns a sentence about it.  BackendError if a bot is running or the copy fails."""
    if config.store.copies is None:
        raise UserError("bot.ini does not say where copies go: set copies in [store], for example copies = /srv/copies")
    store = open_store(config.store.url, config.store.state)
    try:
        owner = owner_of(store)
        if not owner:
            raise BackendError("this trainbot has never run, so there is nothing to copy: trainbot run begins")
        return asyncio.run(Copier(config, store, Maintenance(store.interrupt), owner, epoch_of(store)).once())
    finally:
        store.close()


def admission(config: Config) -> str:
    """Shell commands for the second machine, which admit this one's key for copies only."""
    where = config.store.copies
    if where is None or not where.account:
        raise UserError(
            "bot.ini names no other machine: set for example copies = trainbot@second.example.org:copies in [store]"
        )
    user = where.account.partition("@")[0]
    entry = f'restrict,command="trainbot copy receive {shlex.quote(where.folder)}" {copy_key(config)}'
    return "\n".join(
        [
            f"# as root on {where.account.partition('@')[2]}, where trainbot is in the PATH; then here: trainbot copy",
            f"id {user} >/dev/null 2>&1 || useradd --system --create-home --home-dir /var/lib/{user} {user}",
            f"usermod --shell /bin/sh {user}  # sshd runs the one command with it",
            f"install -d -m 700 -o {user} ~{user}/.ssh",
            f"echo {shlex.quote(entry)} >>~{user}/.ssh/authorized_keys",
        ]
    )
