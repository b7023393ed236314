"""What happens when somebody sets the wall clock: everything that is counted from a moment moves with it, so that no lease ends,
nobody counts as absent and nothing waits longer because of it.  Times of day stay."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Sequence
from datetime import datetime, timedelta

from trainbot.adapters.db import Store
from trainbot.core.clock import ClockStepped, words
from trainbot.core.hooks import Feature, Hook, On

log = logging.getLogger(__name__)
KEPT = 10


class ClockSteps(Feature):
    """``count``: since the bot's start; ``recent``: (when, by how much), the latest last."""

    def __init__(self, store: Store) -> None:
        self.store, self.count = store, 0
        self.recent: deque[tuple[datetime, timedelta]] = deque(maxlen=KEPT)

    def hooks(self) -> Sequence[Hook]:
        return (On(ClockStepped, self._stepped),)

    def undone(self, items: Sequence[object]) -> None:
        if any(isinstance(item, ClockStepped) for item in items) and self.recent:
            self.recent.pop()
            self.count -= 1

    def _stepped(self, event: ClockStepped, now: datetime) -> None:
        log.warning("this machine's clock was set %s: leases and waiting times go on as before", words(event.by))
        self.recent = deque(((at + event.by, by) for at, by in self.recent), KEPT)
        self.recent.append((now, event.by))
        self.count += 1
        self.store.shift_times(event.by, now)
