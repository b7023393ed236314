"""Keeps a failure in one call from affecting the others."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from trainbot.adapters.db import DatabaseDamaged, Store

T = TypeVar("T")
log = logging.getLogger(__name__)


class Guard:
    """Runs each call in its own savepoint: if the call fails, what it wrote is undone, and the log says why."""

    def __init__(self, store: Store) -> None:
        self.savepoint = store.savepoint()
        self._damage_told: set[str] = (
            set()
        )  # what has met damage: a damaged database stays so, and each turn meets it again

    def __call__(self, what: str, call: Callable[[], T]) -> T | None:
        """The call's value; None if it failed."""
        try:
            with self.savepoint:
                return call()
        except DatabaseDamaged:
            if what not in self._damage_told:
                self._damage_told.add(what)
                log.error("%s could not be handled: the database is damaged", what)
            return None
        except Exception:
            log.exception("%s could not be handled", what)
            return None
