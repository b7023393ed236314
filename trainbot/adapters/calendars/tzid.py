"""Finds the time zone that a calendar means (RFC 5545 3.2.19)."""

from __future__ import annotations

from icalendar.timezone.windows_to_olson import WINDOWS_TO_OLSON

from trainbot.core.zones import iana


def of_tzid(tzid: str, location: str | None = None) -> str | None:
    """The zone of a TZID, or None.  Accepts an IANA name in any case, a Windows name (CLDR's table), a
    ``/vendor/Area/City``, or ``location``, the X-LIC-LOCATION of its VTIMEZONE.  Everything else in a VTIMEZONE is
    ignored: the rules come from the tz database."""
    tzid = tzid.strip().strip('"')
    parts = tzid.strip("/").split("/")
    tries = [tzid, WINDOWS_TO_OLSON.get(tzid), location, *("/".join(parts[n:]) for n in range(len(parts)))]
    return next((zone for name in tries if (zone := iana(name or ""))), None)
