"""Failed logins in the log: a line each while they are few, otherwise one line a minute."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter

from trainbot.core.text import plain_ascii
from trainbot.gateway.learner.limits import networks

log = logging.getLogger(__name__)
FEW = 10  # lines in a minute
MINUTE = 60.0
NAMED = 5  # networks that a summary names
_COUNTED = 1000  # networks that are counted apart; more are counted together


class FailedLogins:
    """The failed logins of the current minute."""

    def __init__(self) -> None:
        self._written = 0
        self._more: Counter[str] = Counter()
        self._minute: asyncio.TimerHandle | None = None

    def failed(self, address: str, user: str) -> None:
        if self._minute is None:
            self._minute = asyncio.get_running_loop().call_later(MINUTE, self._over)
        if self._written < FEW:
            self._written += 1
            log.info("%s as %s: wrong password", address, plain_ascii(user))
            return
        network = networks(address)[0]
        self._more[network if network in self._more or len(self._more) < _COUNTED else "others"] += 1

    def close(self) -> None:
        """Writes what has been counted."""
        if self._minute is not None:
            self._minute.cancel()
            self._over()

    def _over(self) -> None:
        more, self._more, self._written, self._minute = self._more, Counter(), 0, None
        if more:
            named = ", ".join(f"{count} from {network}" for network, count in more.most_common(NAMED))
            rest = len(more) - NAMED
            log.info(
                "%d more wrong passwords in the last minute: %s%s",
                more.total(),
                named,
                f", and from {rest} more networks" if rest > 0 else "",
            )
