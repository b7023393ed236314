"""The rules for each field of a schedule, the same for TOML and for iCalendar.

Each check takes the value as written and returns the value for a Session, or raises FieldFault with
what would be right.  Schedule files may come from anybody's calendar, so all text is limited in length
and freed of control characters here, before anything shows it.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable
from typing import Any

from trainbot.core.text import one_line
from trainbot.core.zones import names, nearest

LONGEST_TEXT = 200
MOST_MINUTES = 24 * 60
MOST_SEATS = 100_000
MOST_LISTED = 20
DEFAULT_MINUTES = 120  # the course this bot was made for: two hours a session
_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,59}")
_CHANNEL = re.compile(r"[#&+!][^\s,:\x00-\x1f\x7f]{1,49}")  # RFC 2812 1.3
_LINK = re.compile(r"(?:https?|ircs?)://[^\s\x00-\x20\x7f\"<>]{1,290}")


class FieldFault(ValueError):
    """What is wrong with one value, and what would be right; one sentence."""


def plain(value: str, longest: int = LONGEST_TEXT) -> str:
    """``value`` on one harmless line of at most ``longest`` characters, composed (NFC)."""
    return unicodedata.normalize("NFC", one_line(value, longest, ""))[:longest].rstrip()


def shown(value: object) -> str:
    """A value as shown in a sentence about it."""
    return repr(plain(str(value), 40))


def text(value: Any) -> str:
    if not isinstance(value, str) or not plain(value):
        raise FieldFault(f"must be text, not {shown(value)}")
    if len(value) > LONGEST_TEXT:
        raise FieldFault(f"is {len(value)} characters long: shorten it to {LONGEST_TEXT}")
    return plain(value)


def name(value: Any) -> str:
    if not isinstance(value, str) or not _NAME.fullmatch(value):
        raise FieldFault(f"must be a name of letters, digits, . _ and -, not {shown(value)}")
    return value


def is_name(value: str) -> bool:
    return _NAME.fullmatch(value) is not None


def course(value: Any) -> str:
    """A name like the others; written in small letters, so that ``SELinux`` and ``selinux`` are one course."""
    return name(value).lower()


def channel(value: Any) -> str:
    if not isinstance(value, str) or not _CHANNEL.fullmatch(value):
        raise FieldFault(f"must be a channel such as #selinux-class, not {shown(value)}")
    return value


def link(value: Any) -> str:
    if not isinstance(value, str) or not _LINK.fullmatch(value):
        raise FieldFault(f"must be an https:// address of at most 300 characters, not {shown(value)}")
    return value


def number(least: int, most: int) -> Callable[[Any], int]:
    def check(value: Any) -> int:
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise FieldFault(f"must be a whole number from {least} to {most}, not {shown(value)}")
        return value

    return check


def flag(value: Any) -> bool:
    if not isinstance(value, bool):
        raise FieldFault(f"must be true or false, not {shown(value)}")
    return value


def zone_name(value: Any) -> str:
    if isinstance(value, str) and value in names():
        return value
    near = nearest(value) if isinstance(value, str) else None
    raise FieldFault(f"must be a time zone such as {near or 'Australia/Melbourne'}, not {shown(value)}")


def several(check: Callable[[Any], str]) -> Callable[[Any], tuple[str, ...]]:
    def check_all(value: Any) -> tuple[str, ...]:
        if not isinstance(value, list) or len(value) > MOST_LISTED:
            raise FieldFault(f"must be a list of at most {MOST_LISTED}, not {shown(value)}")
        return tuple(dict.fromkeys(check(item) for item in value))

    return check_all


FIELDS: dict[str, Callable[[Any], Any]] = {
    "title": text,
    "zone": zone_name,
    "exercise": name,
    "presenter": text,
    "channel": channel,
    "course": course,
    "minutes": number(1, MOST_MINUTES),
    "seats": number(1, MOST_SEATS),
    "images": several(name),
    "zones": several(zone_name),
    "link": link,
    "slides": link,
    "cancelled": flag,
}


def from_words(field: str, value: str) -> Any:
    """Makes the same checks on a value that a calendar holds as words (``images: debian centos``)."""
    raw: Any = value.strip()
    if field in ("images", "zones"):
        raw = raw.replace(",", " ").split()
    elif field in ("minutes", "seats") and re.fullmatch(r"\d{1,7}", raw, re.ASCII):
        raw = int(raw)
    return FIELDS[field](raw)


def unknown(key: str, known: list[str]) -> str:
    """The sentence about an unknown key."""
    from rapidfuzz import process  # with the first comparison: it takes 4 MiB

    near = process.extractOne(key, known, score_cutoff=60)
    return f"unknown key {shown(key)}: {f'did you mean {near[0]}?' if near else 'known keys are ' + ', '.join(known)}"
