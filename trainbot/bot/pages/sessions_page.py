"""The sessions as one self-contained HTML page: for screens, phones, screen readers and printers.

UTC and the configured zones are in the markup; a few lines of script add the reader's own time.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path

from trainbot import __version__
from trainbot.adapters.calendars.feed import FEED, FeedOptions, anchor
from trainbot.adapters.html import render, templates
from trainbot.core import times, wording
from trainbot.core.times import describe
from trainbot.core.zones import zone
from trainbot.model.session import PublishedSession, Session

MOST = 200  # at most this many sessions on the page; the calendar has all of them


def page(
    entries: Iterable[PublishedSession], where: FeedOptions, zones: Sequence[str], now: datetime, before: bytes = b""
) -> bytes:
    """The page with all sessions that are not over.  The same sessions always give the same bytes.

    ``before``: the page as it was written.  If it shows the same, it is returned, and nothing is rendered: that takes
    5 MiB, and most starts of the bot change no session.
    """
    coming = [entry.session for entry in entries if entry.session.end > now]
    coming.sort(key=lambda session: (session.start, session.uid))
    shown = repr((__version__, coming[:MOST], len(coming), where, tuple(zones)))
    html, mark, _seal = before.rpartition(b"<!-- ")
    if mark and before == _sealed(html, shown):
        return before

    def zones_of(session: Session) -> list[str]:
        return [name for name in session.shown_in(zones) if name != "UTC"]

    rendered = render(
        "sessions.html",
        sessions=coming[:MOST],
        more=max(0, len(coming) - MOST),
        where=where,
        feed=FEED,
        anchor=anchor,
        zones_of=zones_of,
        in_full=_in_full,
    )
    return _sealed(rendered.encode(), shown)


def _sealed(html: bytes, shown: str) -> bytes:
    """The page with a digest of itself, of what it shows and of what made it (a checkout changes without a new version)."""
    digest = hashlib.sha256(html + shown.encode("utf-8", "surrogatepass"))
    for file in (*templates(), *map(Path, (__file__, times.__file__, wording.__file__))):
        digest.update(file.read_bytes())
    return html + f"<!-- {digest.hexdigest()} -->\n".encode()


def _in_full(start: datetime, name: str) -> str:
    """``Sat 14 Mar 09:00 +1100 Melbourne`` with the year added, because a page may be read at any time."""
    local = start.astimezone(zone(name))
    date = f"{local.day} {local:%b}"
    return describe(start, name).replace(date, f"{date} {local.year}", 1)
