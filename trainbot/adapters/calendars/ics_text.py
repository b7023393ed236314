"""Checks a calendar file as text before a library reads it: is it complete, and free of what the library
would silently misread?"""

from __future__ import annotations

import re

from trainbot.model.session_fields import plain

_UTC_AND_ZONE = re.compile(
    r"^[A-Z-]+;[^:]*TZID=(?!\"?(?:UTC|GMT|Etc/UTC)\b)[^:]*:.*\dZ\s*$", re.IGNORECASE
)  # fmt: skip


def torn(text: str) -> str | None:
    """What is missing from the file's structure (RFC 5545 3.4, 3.6), or None.  The library ignores a missing BEGIN or
    END, and the events it then leaves out would look as if they had been cancelled."""
    blocks: list[str] = []
    for mark, name in re.findall(r"^(BEGIN|END):(.*)$", text, re.MULTILINE | re.IGNORECASE):
        if mark.upper() == "BEGIN":
            blocks.append(name.strip().upper())
        elif not blocks or blocks.pop() != name.strip().upper():
            return f"END:{plain(name, 40)} has no BEGIN"
    if blocks:
        return f"BEGIN:{plain(blocks[-1], 40)} has no END"
    return None if text.rstrip().upper().endswith("END:VCALENDAR") else "the last line is not END:VCALENDAR"


def without_timezones(text: str) -> tuple[str, dict[str, str]]:
    """Returns the text unfolded (3.1) and without VTIMEZONE, and the map TZID -> X-LIC-LOCATION of the time zones that
    have one.  With VTIMEZONE left in, the library would use one file's rules for all files it reads after it.

    A time with both a zone and the Z of UTC is made invalid on purpose: the library would silently drop the Z.
    """
    kept, places, tzid, inside = [], {}, "", False
    for line in text.replace("\n ", "").replace("\n\t", "").split("\n"):
        name, _, value = line.partition(":")
        name, value = name.upper(), value.strip()
        if name in ("BEGIN", "END") and value.upper() == "VTIMEZONE":
            inside = name == "BEGIN"
        elif not inside:
            kept.append(f"{line} and TZID" if _UTC_AND_ZONE.match(line) else line)
        elif name == "TZID":
            tzid = value
        elif name == "X-LIC-LOCATION":
            places[tzid] = value
    return "\n".join(kept), places
