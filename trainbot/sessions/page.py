"""The sessions as one HTML page that needs nothing else: for eyes, phones, screen readers and printers.

UTC and the configured zones stand in the markup; a few lines of script add the visitor's own time.  All that comes
from schedules is escaped, and the page's own policy lets no other script run.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from html import escape

from trainbot.sessions.feed import FEED, Entry, Where, anchor
from trainbot.sessions.model import Session
from trainbot.sessions.times import describe
from trainbot.sessions.zones import zone
from trainbot.spine.words import span

MOST = 200  # sessions on the page: whoever looks further ahead takes the calendar
_STYLE = """\
:root { color-scheme: light dark; --soft: #555; --line: #bbb; --off: #a40000 }
@media (prefers-color-scheme: dark) { :root { --soft: #bbb; --line: #555; --off: #ff8a80 } }
body { font: 1rem/1.5 system-ui, sans-serif; max-width: 42rem; margin: 0 auto; padding: 1rem; overflow-wrap: anywhere }
h1 { font-size: 1.6rem; line-height: 1.2 } h2 { font-size: 1.2rem; margin: 0 }
article { border-top: 1px solid var(--line); padding: 1rem 0 } p { margin: .3rem 0 } .mine { font-weight: bold }
ul { list-style: none; margin: .3rem 0; padding: 0; color: var(--soft) } .off h2, .off time { text-decoration: line-through }
.off strong { color: var(--off) } a { padding: .2rem 0 }
@media print { article { break-inside: avoid } body { max-width: none } a::after { content: " (" attr(href) ")" } }"""

_SCRIPT = """\
var day = new Intl.DateTimeFormat(undefined, {weekday: "long", day: "numeric", month: "long", year: "numeric",
  hour: "2-digit", minute: "2-digit", timeZoneName: "short"});
document.querySelectorAll("article").forEach(function (session) {
  var start = new Date(session.querySelector("time").dateTime), mine = session.querySelector(".mine");
  if (Date.now() > +start + 60000 * Number(session.dataset.minutes)) { session.hidden = true; return; }
  mine.textContent = "Your time: " + day.format(start);
  mine.hidden = false;
});"""

_PAGE = """\
<!DOCTYPE html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; style-src 'sha256-{style_hash}'; script-src 'sha256-{script_hash}'">
<title>{name}</title>
<link rel="alternate" type="text/calendar" href="{feed}" title="{name}">
<style>{style}</style>
</head>
<body>
<main>
<h1>{name}</h1>
<p><a href="{feed}">Calendar to subscribe to</a></p>
{sessions}
</main>
<script>{script}</script>
</body>
</html>
"""


def _hash(text: str) -> str:
    """As a Content-Security-Policy names what it lets in (CSP3 2.3.1)."""
    return base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


def page(entries: Iterable[Entry], where: Where, zones: Sequence[str], now: datetime) -> bytes:
    """All sessions that are not over.  The same ones give the same bytes, whenever that is."""
    coming = [entry.session for entry in entries if entry.session.end > now]
    coming.sort(key=lambda session: (session.start, session.uid))
    shown = "\n".join(_article(session, where, zones) for session in coming[:MOST]) or "<p>No sessions are planned.</p>"
    if len(coming) > MOST:
        shown += f'\n<p>The calendar has {len(coming) - MOST} more.</p>'
    return _PAGE.format(name=escape(where.name), feed=FEED, style=_STYLE, script=_SCRIPT, sessions=shown,
                        style_hash=_hash(_STYLE), script_hash=_hash(_SCRIPT)).encode()


def _article(session: Session, where: Where, zones: Sequence[str]) -> str:
    here = anchor(where, session)
    others = dict.fromkeys((session.zone, *(session.zones or zones)))
    times = "".join(f"<li>{escape(_in_full(session.start, name))}</li>" for name in others if name != "UTC")
    facts = [f"with {escape(session.presenter)}" if session.presenter else "", span(session.end - session.start),
             f"{session.seats} seat{'s' * (session.seats > 1)}" if session.seats else "",
             f"exercise {escape(session.exercise)}" if session.exercise else "",
             f'<a href="{escape(session.slides)}">slides</a>' if session.slides else "",
             f'<a href="{escape(session.link)}">more about it</a>' if session.link else "",
             f'<a href="{escape(where.irc(session))}">{escape(where.channel(session))} on {escape(where.server)}</a>']
    off = "<p><strong>Cancelled</strong></p>\n" if session.cancelled else ""
    seat = "" if session.cancelled else "<p>For a seat say <code>!sessions</code> there, then <code>!signup</code> "\
        "and its number.</p>\n"
    return (f'<article id="{here}" aria-labelledby="{here}-t" data-minutes="{session.minutes}"'
            f'{" class=off" if session.cancelled else ""}>\n<h2 id="{here}-t">{escape(session.title)}</h2>\n{off}'
            '<p class="mine" hidden></p>\n'
            f'<p><time datetime="{session.start.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}">'
            f"{escape(_in_full(session.start, 'UTC'))}</time></p>\n"
            f"<ul>{times}</ul>\n<p>{', '.join(fact for fact in facts if fact)}</p>\n{seat}</article>")


def _in_full(start: datetime, name: str) -> str:
    """``Sat 14 Mar 09:00 +1100 Melbourne`` with its year: a page is read at any time."""
    local = start.astimezone(zone(name))
    date = f"{local.day} {local:%b}"
    return describe(start, name).replace(date, f"{date} {local.year}", 1)
