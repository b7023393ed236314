"""Converts local time to UTC, and UTC to text in several time zones."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from trainbot.core.errors import UserError
from trainbot.core.wording import as_many, offset_text
from trainbot.core.zones import city, listed, offset_choices, zone

# The tz database is incomplete before 1970 and unreliable far in the future; the bounds also keep
# arithmetic within the range of datetime.
FIRST_YEAR, LAST_YEAR = 1970, 2200
MAX_BYTES = 400  # always fits one IRC line with prefix and target (RFC 2812 2.3)
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_YEAR_SAID_FROM = timedelta(days=180)  # from here on "Fri 27 Nov" could be this year or the next


def to_utc(local: datetime, zone_name: str) -> datetime:
    """The moment at which clocks in ``zone_name`` show the naive local time ``local``.

    Raises UserError with both readings if clocks skip that time or show it twice, and for years
    outside FIRST_YEAR to LAST_YEAR.
    """
    early, late = readings(local, zone_name)
    if early == late:
        return early
    if early > late:  # inside a gap, fold=0 reads by the offset before it and so lands later
        raise UserError(
            f"{_wall(local)} does not exist in {zone_name} (clocks skip it): "
            f"use {_reading(late, zone_name)} or {_reading(early, zone_name)}"
        )
    raise UserError(
        f"{_wall(local)} happens twice in {zone_name} ({_reading(early, zone_name)} and {_reading(late, zone_name)}): "
        f"use another time, or give it in UTC as {describe(early, 'UTC')} or {describe(late, 'UTC')}"
    )


def readings(local: datetime, zone_name: str) -> tuple[datetime, datetime]:
    """Both moments (UTC) that ``local`` may mean: PEP 495's fold 0, then fold 1.  Equal if the time is
    unambiguous; the first is RFC 5545's reading (3.3.5).  Raises UserError for years out of range."""
    if not FIRST_YEAR <= local.year <= LAST_YEAR:
        raise UserError(f"the year {local.year} is out of range: use {FIRST_YEAR} to {LAST_YEAR}")
    rules = zone(zone_name)
    early, late = (local.replace(tzinfo=rules, fold=fold).astimezone(UTC) for fold in (0, 1))
    return early, late


def offset_refused(moment: datetime) -> str:
    """Why a schedule can't use a time with an offset, and which zones may be meant."""
    offset = moment.utcoffset() or timedelta()
    found = offset_choices(offset, moment) if FIRST_YEAR < moment.year < LAST_YEAR else ()
    meant = f": leave it out and set zone to one of {listed(found)}" if found else ", and no time zone has it then"
    if not offset:
        meant = ': leave it out and set zone = "UTC", or the time zone of the local clocks'
    return f"{offset_text(offset)} is an offset, not a time zone{meant}"


def describe(start: datetime, zone_name: str, now: datetime | None = None) -> str:
    """``Fri 27 Nov 19:00 +1100 Melbourne``; with ``now``, also the year if it is half a year away."""
    local = start.astimezone(zone(zone_name))
    far = now is not None and abs(start - now) >= _YEAR_SAID_FROM
    date = f"{_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]}{f' {local.year}' if far else ''}"
    place = "UTC" if zone_name == "UTC" else f"{offset_text(local.utcoffset() or timedelta())} {city(zone_name)}"
    return f"{date} {local:%H:%M} {place}"


def clock(start: datetime, zone_name: str) -> str:
    """``19:00 Melbourne``: for times in the near future."""
    place = "UTC" if zone_name == "UTC" else city(zone_name)
    return f"{start.astimezone(zone(zone_name)):%H:%M} {place}"


def describe_many(start: datetime, zone_names: Iterable[str], now: datetime, room: int = MAX_BYTES) -> str:
    """UTC, then each zone with its own weekday, date and offset, then the time until then: one
    line of at most ``room`` bytes (zones that do not fit are counted, not shown)."""
    tail = f" | {until(start - now)}"
    return times_in(start, zone_names, now, room - len(tail)) + tail


def times_in(start: datetime, zone_names: Iterable[str], now: datetime, room: int = MAX_BYTES) -> str:
    """Like ``describe_many``, without the time until then.  UTC is always included."""
    wanted = [name for name in dict.fromkeys(zone_names) if name != "UTC"]
    shown = [describe(start, name, now) for name in ("UTC", *wanted)]
    return as_many(shown, room, " | ", " | {} more zones")


def until(delta: timedelta) -> str:
    """``in 2 d 3 h``, ``in 7 min``, ``now`` (within half a minute), ``started 5 min ago``."""
    minutes = int(abs(delta).total_seconds() + 30) // 60
    if not minutes:
        return "now"
    return f"started {_span(minutes)} ago" if delta < timedelta() else f"in {_span(minutes)}"


def _span(minutes: int) -> str:
    if minutes >= 24 * 60:
        days, hours = divmod((minutes + 30) // 60, 24)
        return f"{days} d {hours} h" if hours else f"{days} d"
    hours, rest = divmod(minutes, 60)
    parts = [f"{hours} h" if hours else "", f"{rest} min" if rest else ""]
    return " ".join(part for part in parts if part)


def _wall(local: datetime) -> str:
    return f"{local:%H:%M} on {_DAYS[local.weekday()]} {local.day} {_MONTHS[local.month - 1]} {local.year}"


def _reading(moment: datetime, zone_name: str) -> str:
    """``Sun 28 Mar 03:30 +0200``: local time with its offset, without the city."""
    return describe(moment, zone_name).rpartition(f" {city(zone_name)}")[0]
