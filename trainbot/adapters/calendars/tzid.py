"""Finds the time zone that a calendar means (RFC 5545 3.2.19)."""

from __future__ import annotations

import re

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from trainbot.core.zones import iana

_WINDOWS = {name.lower(): zone for name, zone in WINDOWS_TO_OLSON.items()}
_NUMBERED = re.compile(r"\s+\d{1,3}$")  # Outlook, for the second VTIMEZONE of a zone in one file
_DISPLAYED = re.compile(r"^\((?:UTC|GMT)[^()]{0,10}\)\s*")  # (UTC-05:00) Eastern Time (US & Canada)
_NORTH_AMERICA = re.compile(r"^(\w+) Time \((?:US & Canada|Canada)\)$")


def of_tzid(tzid: str, location: str | None = None) -> str | None:
    """The zone that is named by a TZID, or None.  Accepts an IANA name in any case, a Windows name (CLDR's table) as
    Outlook and Exchange write it, a ``/vendor/Area/City``, or ``location``, the X-LIC-LOCATION of its VTIMEZONE."""
    tzid = tzid.strip().strip('"')
    parts, once = tzid.strip("/").split("/"), _NUMBERED.sub("", tzid)
    shown = _NORTH_AMERICA.sub(r"\1 Standard Time", _DISPLAYED.sub("", once))
    if shown == "Coordinated Universal Time":
        return "UTC"
    windows = (_WINDOWS.get(name.lower(), "") for name in (tzid, once, shown))
    tries = [tzid, once, *windows, location, *("/".join(parts[n:]) for n in range(len(parts)))]
    return next((zone for name in tries if (zone := iana(name or ""))), None)
