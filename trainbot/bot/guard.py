"""What fails in one thing harms no other."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeVar

from trainbot.adapters.db import Store

T = TypeVar("T")
log = logging.getLogger(__name__)


class Guard:
    """Calls in a savepoint of its own: what a call that fails wrote is undone, and the log says why."""

    def __init__(self, store: Store) -> None:
        self.store = store

    def __call__(self, what: str, call: Callable[[], T]) -> T | None:
        """The call's value; None where it failed."""
        try:
            with self.store.savepoint():
                return call()
        except Exception:
            log.exception("%s could not be handled", what)
            return None
