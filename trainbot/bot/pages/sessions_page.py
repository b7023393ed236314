"""The sessions as one self-contained HTML page: for screens, phones, screen readers and printers.

UTC and the configured zones are in the markup; a few lines of script add the reader's own time.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime

from trainbot.adapters.calendars.feed import FEED, FeedOptions, anchor
from trainbot.adapters.html import render
from trainbot.core.times import describe
from trainbot.core.zones import zone
from trainbot.model.session import PublishedSession, Session

MOST = 200  # at most this many sessions on the page; the calendar has all of them


def page(entries: Iterable[PublishedSession], where: FeedOptions, zones: Sequence[str], now: datetime) -> bytes:
    """The page with all sessions that are not over.  The same sessions always give the same bytes."""
    coming = [entry.session for entry in entries if entry.session.end > now]
    coming.sort(key=lambda session: (session.start, session.uid))

    def zones_of(session: Session) -> list[str]:
        return [name for name in dict.fromkeys((session.zone, *(session.zones or zones))) if name != "UTC"]

    return render(
        "sessions.html",
        sessions=coming[:MOST],
        more=max(0, len(coming) - MOST),
        where=where,
        feed=FEED,
        anchor=anchor,
        zones_of=zones_of,
        in_full=_in_full,
    ).encode()


def _in_full(start: datetime, name: str) -> str:
    """``Sat 14 Mar 09:00 +1100 Melbourne`` with the year added, because a page may be read at any time."""
    local = start.astimezone(zone(name))
    date = f"{local.day} {local:%b}"
    return describe(start, name).replace(date, f"{date} {local.year}", 1)
