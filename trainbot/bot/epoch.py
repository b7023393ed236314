"""How often another machine has taken over an installation."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

EPOCH = "epoch"  # the setting that counts takeovers


def epoch_of(store: Store) -> int:
    """How often another machine has taken over this installation, from 1."""
    with store.transaction():
        value = store.settings.get(EPOCH) or "1"
    return int(value) if value.isascii() and value.isdigit() else 1
