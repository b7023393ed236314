"""How long before a session people are reminded of it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainbot.core.errors import ConfigError
from trainbot.core.times import readings
from trainbot.model.session import Session

MOST_OFFSETS = 10
_OFFSET = re.compile(r"^([0-9]{1,4})([wdhm])$")
_MINUTES = {"m": 1, "h": 60, "d": 24 * 60, "w": 7 * 24 * 60}
_LONGEST = 365  # days


@dataclass(frozen=True, slots=True)
class ReminderOffset:
    """How long before the start: ``days`` on the calendar of the session's zone, then ``minutes`` elapsed.  ``text``:
    as written in bot.ini."""

    text: str
    days: int = 0
    minutes: int = 0

    def before(self, session: Session) -> datetime:
        """The moment (UTC) at which the reminder is due.  A local time that clocks skip or repeat that day is read as
        in RFC 5545 3.3.5: nobody is asked about a reminder."""
        if self.days:
            return readings(session.local - timedelta(days=self.days), session.zone)[0]
        return session.start - timedelta(minutes=self.minutes)


def parse_offsets(text: str) -> tuple[ReminderOffset, ...]:
    """Reads ``7d 1d 1h 10m`` (also ``w``), the longest first; an empty text means no reminders.

    Raises ConfigError with one sentence for each word that is not an offset.
    """
    found: dict[int, ReminderOffset] = {}
    faults = []
    for word in text.replace(",", " ").split():
        match = _OFFSET.match(word.lower())
        total = int(match[1]) * _MINUTES[match[2]] if match else 0
        if not match or not 0 < total <= _LONGEST * _MINUTES["d"]:
            faults.append(
                f"{word[:20]} is not a time before a session: use for example 7d 1d 1h 10m, at most {_LONGEST}d"
            )
            continue
        days = total // _MINUTES["d"] if match[2] in "dw" else 0
        found[total] = ReminderOffset(word.lower(), days, 0 if days else total)
    if len(found) > MOST_OFFSETS:
        faults.append(f"{len(found)} reminders for one session are too many: the limit is {MOST_OFFSETS}")
    if faults:
        raise ConfigError(faults)
    return tuple(found[total] for total in sorted(found, reverse=True))
