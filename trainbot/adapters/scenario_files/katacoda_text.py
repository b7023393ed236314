"""What only Katacoda's and Killercoda's own pages understand in a text, converted for everybody else.

Addresses of a port of the learner's machine become ``lab-port:80/path``, which ``trainbot.adapters.markdown`` shows as
the way to that port (Killercoda's ``{{TRAFFIC_HOST1_80}}``, Katacoda's ``[[HOST_SUBDOMAIN]]-80-[[KATACODA_HOST]]…``).
"""

from __future__ import annotations

import re

_MACHINE = r"(?:HOST|CLIENT|NODE|SERVER)\w{0,20}"
_TRAFFIC = re.compile(rf"(?:https?://)?\{{\{{ ?TRAFFIC_{_MACHINE}_(\d{{1,5}}) ?\}}\}}")
_SELECTOR = re.compile(r"(?:https?://)?\{\{ ?TRAFFIC_SELECTOR ?\}\}")
_SUBDOMAIN = re.compile(
    rf"(?:https?://)?\[\[ ?{_MACHINE}SUBDOMAIN ?\]\]-(\d{{1,5}})-\[\[ ?KATACODA_HOST ?\]\]"
    r"(?:\.environments)?(?:\.\w{1,20}\.com|\.\[\[ ?KATACODA_DOMAIN ?\]\])?"
)
_ADDRESS = re.compile(rf"(https?://)?\[\[ ?{_MACHINE}(?:_IP|IP|NAME) ?\]\](?::(\d{{1,5}}))?", re.IGNORECASE)
_QUIZ = re.compile(r"^[ \t]*>>[^\n]*<<[ \t]*$", re.MULTILINE)
_RIGHT = re.compile(r"^([ \t]*)([(\[])[*xX]([)\]])", re.MULTILINE)
_ANSWER = re.compile(r"^[ \t]*={2,4} [^\n]*$", re.MULTILINE)
_ANCHOR = re.compile(
    r"<a\b[^<>]{0,300}?\bhref=[\"']?(lab-port:[^\"'\s<>]{1,300})[^<>]{0,300}>([^<]{1,300})</a>", re.IGNORECASE
)
_NUMBERED = re.compile(
    r"(?:(?:step|task|page|part|section|chapter|scenario)[ _#-]{0,3})?\d{1,3}(?: ?(?:of|/) ?\d{1,3})?(?:\.md|\.txt)?"
    r"[ \t]*(?:[:.)\u2013\u2014-]+[ \t]*|$|(?<=[a-z] \d)[ \t]+|(?<=[a-z] \d\d)[ \t]+)",
    re.IGNORECASE,
)
_HEADING = re.compile(r"\s*(?:#{1,6}[ \t]+([^\n]{1,300})|([^\n]{1,300})\n(?:=+|-+)[ \t]*(?:\n|\Z))")

_CLOCK = re.compile(r"(\d{1,2}):(\d\d)(?::\d\d)?")
_SPAN = re.compile(r"(?:\d+(?:[.,]\d+)?\s*(?:-|\u2013|to|or)\s*)?(?P<number>\d+(?:[.,]\d+)?)\+?\s*(?P<unit>[^\W\d_]+)?")
_UNIT = re.compile(r"(h)(?:ours?|rs?)?|(m)(?:in\w*)?|(s)(?:ec\w*)?")
_MINUTES = {"h": 60.0, "m": 1.0, "s": 1 / 60}
_DAY = 24 * 60


def converted(text: str) -> str:
    """``text`` with the addresses of ports of the learner's machine as ``lab-port:…``; ``localhost`` for its bare
    address.  The right answers of a quiz (``(*) yes``, ``=== yes``) are not marked any more."""
    if ">>" in text and _QUIZ.search(text):
        text = _RIGHT.sub(r"\1\2 \3", _ANSWER.sub("", text))
    if "{{" not in text and "[[" not in text:
        return text
    text = _SELECTOR.sub("lab-port:PORT", text)
    text = _SUBDOMAIN.sub(r"lab-port:\1", _TRAFFIC.sub(r"lab-port:\1", text))
    return _ANCHOR.sub(r"\2: \1", _ADDRESS.sub(_of_address, text))


def _of_address(found: re.Match[str]) -> str:
    scheme, port = found[1], found[2]
    if scheme:
        return f"lab-port:{port or ('443' if scheme == 'https://' else '80')}"
    return f"localhost:{port}" if port else "localhost"


def minutes_of(time: object) -> int | None:
    """The minutes in ``time`` ("15 minutes", "10-15 min", "1 hour 30", "1:30"); of a range the end.  None if it says
    something else, or no time within a day."""
    said = str(time).strip().lower()[:100]
    if (clock := _CLOCK.fullmatch(said)) is not None:
        return _within_a_day(60.0 * int(clock[1]) + int(clock[2]))
    minutes, units = 0.0, ""
    for found in _SPAN.finditer(said):
        unit = _UNIT.fullmatch(found["unit"] or ("m" if units in ("", "h") else "?"))
        letter = unit[unit.lastindex or 0] if unit is not None else "?"
        if letter == "?" or letter in units:
            return None  # another unit, or one that was there already
        units += letter
        minutes += float(found["number"].replace(",", ".")) * _MINUTES[letter]
    return _within_a_day(minutes)


def _within_a_day(minutes: float) -> int | None:
    return max(1, round(minutes)) if 0.5 <= minutes <= _DAY else None


def title_of(title: str, text: str, number: int) -> str:
    """The title without its number ("Step 3 - Start it"); the text's heading if there is nothing else in it; ``Step N``
    if there is no heading either."""
    return _named(title) or _named(_heading(text)) or f"Step {number}"


def _named(title: str) -> str:
    """``title`` without "Step N" in front; '' if that is all."""
    return title[found.end() :].strip() if (found := _NUMBERED.match(title)) else title


def _heading(text: str) -> str:
    """The heading that the text begins with, without its formatting."""
    found = _HEADING.match(text)
    plain = re.sub(
        r"!?\[([^\]\n]*)\]\([^)\n]*\)|<[^>\n]*>|[*`]|\s#+\s*$", r"\1", (found[1] or found[2]) if found else ""
    )
    return " ".join(plain.split())[:200]
