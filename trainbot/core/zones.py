"""Finds the time zones that people name.

Everything is read from the ``tzdata`` package and never from the system's copy, so that
``TZDATA_VERSION`` tells which rules a start was computed with.  ``zone.tab`` gives the zones
of each country, ``zone1970.tab`` the zones that really differ, ``iso3166.tab`` the names of
countries, ``tzdata.zi`` the old names (tz-link.html and theory.html of the IANA tz database).
"""

from __future__ import annotations

import functools
import re
import unicodedata
from datetime import UTC, datetime, timedelta
from importlib import resources
from zoneinfo import ZoneInfo

import tzdata
from rapidfuzz import process

from trainbot.core.city_names import CITIES, COUNTRIES, WELL_KNOWN
from trainbot.core.errors import UserError

TZDATA_VERSION: str = tzdata.IANA_VERSION
CHOICES = 6  # as many as fit an IRC line with the sentence
MAX_NAME = 60
_UTC_NAMES = frozenset({"utc", "gmt", "z", "zulu", "uct", "etc utc", "etc gmt", "etc uct"})
_OFFSET = re.compile(r"^(?:utc|gmt)?\s*([+-])([0-9]{1,2})(?::?([0-5]\d))?$", re.IGNORECASE)


# -- the data ---------------------------------------------------------------------------------


def _data(name: str) -> str:
    return resources.files("tzdata").joinpath("zoneinfo", name).read_text(encoding="utf-8")


def _rows(name: str) -> list[list[str]]:
    return [line.split("\t") for line in _data(name).splitlines() if line and line[0] != "#"]


@functools.cache
def names() -> frozenset[str]:
    """Every name that ``zone`` accepts."""
    text = resources.files("tzdata").joinpath("zones").read_text(encoding="utf-8")
    return frozenset(line for line in text.split() if line != "Factory")


@functools.cache
def zone(name: str) -> ZoneInfo:
    """The rules of the zone ``name``; KeyError if there is no zone of exactly that name."""
    if name not in names():
        raise KeyError(name)
    path = resources.files("tzdata").joinpath("zoneinfo", *name.split("/"))
    with path.open("rb") as data:
        return ZoneInfo.from_file(data, key=name)


@functools.cache
def _by_country() -> dict[str, tuple[str, ...]]:
    """ISO 3166 code -> its zones, as zone.tab orders them (the most populous come first)."""
    table: dict[str, tuple[str, ...]] = {}
    for code, _place, name, *_comment in _rows("zone.tab"):
        table[code] = (*table.get(code, ()), name)
    return table


@functools.cache
def _countries() -> dict[str, str]:
    """Folded country name or ISO code -> ISO code; ``Britain (UK)`` goes by ``britain`` as well."""
    table: dict[str, str] = {}
    for code, name in _rows("iso3166.tab"):
        for key in (name, name.split(" (")[0]):
            table.setdefault(_fold(key), code)
    # "Korea" and "Samoa" name two countries; COUNTRIES says which is meant
    table |= {_fold(name): code for name, code in COUNTRIES.items()}
    return table | {code.lower(): code for code in _by_country()}


@functools.cache
def _distinct() -> tuple[str, ...]:
    """The zones that differ since 1970, most populous first."""
    rest = [row[2] for row in _rows("zone1970.tab") if row[2] not in WELL_KNOWN]
    return (*WELL_KNOWN, *rest)


@functools.cache
def _links() -> dict[str, str]:
    """Old name -> current name."""
    lines = (line.split() for line in _data("tzdata.zi").splitlines() if line.startswith("L "))
    return {link: target for _mark, target, link in lines}


@functools.cache
def _preferred() -> frozenset[str]:
    return frozenset(name for group in _by_country().values() for name in group)


def canonical(name: str) -> str:
    """``name`` as in zone.tab: ``US/Eastern`` is America/New_York, every UTC is ``UTC``."""
    if _fold(name) in _UTC_NAMES:
        return "UTC"
    return name if name in _preferred() else _links().get(name, name)


@functools.cache
def _by_name() -> dict[str, str]:
    return {_fold(name): name for name in names() if "/" in name}


@functools.cache
def _by_city() -> dict[str, tuple[str, ...]]:
    """Folded last part of a name -> the zones it is the last part of."""
    table: dict[str, set[str]] = {}
    for name in names():
        area, _, city = name.rpartition("/")
        if area and area != "Etc":
            table.setdefault(_fold(city), set()).add(canonical(name))
    for city, name in CITIES.items():
        table[_fold(city)] = {name}
    return {city: tuple(sorted(found)) for city, found in table.items()}


# -- what people type -------------------------------------------------------------------------


def resolve_zone(text: str, at: datetime) -> str:
    """The IANA name of the zone that ``text`` means: Area/City in any case, a city, a country's
    only zone (or its ISO code), or an offset that one zone alone has at ``at``.

    Raises UserError with at most CHOICES choices if it may mean several zones or none.
    """
    words = " ".join(text.split()).removeprefix("in ")
    if "," in words and _fold(words.partition(",")[0]) in _by_city():  # Sydney, Australia
        words = words.partition(",")[0]
    if not words or len(words) > MAX_NAME:
        raise UserError("give the time zone as Area/City, for example: !tz Australia/Melbourne")
    if (offset := _OFFSET.match(words.replace(" ", ""))) is not None:
        return _from_offset(offset, at)
    folded = _fold(words)
    if folded in _UTC_NAMES:
        return "UTC"
    if folded.startswith("etc gmt"):
        raise UserError("Etc/GMT zones have reversed signs: use a city instead, for example: !tz Europe/Berlin")
    if folded in _by_name():
        return canonical(_by_name()[folded])
    if folded in _by_city():
        return _only(words, _by_city()[folded], at)
    if folded in _countries():
        return _only(words, _by_country().get(_countries()[folded], ()), at)
    raise _unknown(words, folded, at)


def resolve_place(text: str, at: datetime) -> str:
    """``resolve_zone`` for a place within a longer line: its errors suggest the place to write there, not ``!tz``."""
    try:
        return resolve_zone(text, at)
    except UserError as error:
        raise UserError(str(error).replace("type !tz with one of", "use one of").replace("!tz ", "")) from None


def offset_choices(offset: timedelta, at: datetime) -> tuple[str, ...]:
    """The zones that have ``offset`` at ``at``, most populous first."""
    return tuple(name for name in _distinct() if at.astimezone(zone(name)).utcoffset() == offset)


def offset_text(offset: timedelta) -> str:
    """``+1100`` (RFC 5322 3.3)."""
    minutes = round(offset.total_seconds() / 60)
    return f"{'-' if minutes < 0 else '+'}{abs(minutes) // 60:02d}{abs(minutes) % 60:02d}"


def city(name: str) -> str:
    """The common name of the zone: ``America/New_York`` is New York."""
    return name.rpartition("/")[2].replace("_", " ")


def nearest(text: str) -> str | None:
    """The name in the tz database that looks most like ``text``."""
    found = process.extractOne(_fold(text[:MAX_NAME]), _by_name().keys(), score_cutoff=80)
    return canonical(_by_name()[found[0]]) if found else None


def _fold(text: str) -> str:
    """Folds ``text`` as people type it: no case, no accents; ``_``, ``-``, ``/`` and ``.`` are spaces."""
    plain = unicodedata.normalize("NFKD", text).encode("ascii", "ignore").decode()
    return " ".join(re.sub(r"[_\-/.,']", " ", plain).lower().replace("&", " and ").split())


def _from_offset(said: re.Match[str], at: datetime) -> str:
    text, sign, hours, minutes = said.group(0, 1, 2, 3)
    offset = timedelta(hours=int(hours), minutes=int(minutes or 0)) * (-1 if sign == "-" else 1)
    found = offset_choices(offset, at)
    if not found:
        raise UserError(f"no time zone has the offset {text} then: use a city, for example: !tz Australia/Melbourne")
    if len(found) == 1:
        return found[0]
    raise UserError(f"{offset_text(offset)} is an offset, not a time zone: type !tz with one of {listed(found)}")


def _only(text: str, found: tuple[str, ...], at: datetime) -> str:
    """The only zone in ``found``, or the most populous if all show the same time for the coming year."""
    clocks: dict[tuple[timedelta | None, ...], str] = {}
    days = [at.astimezone(UTC) + timedelta(days=3 * n) for n in range(122)]
    for name in sorted(found, key=lambda name: name not in WELL_KNOWN):
        clocks.setdefault(tuple(day.astimezone(zone(name)).utcoffset() for day in days), name)
    if len(clocks) == 1:
        return next(iter(clocks.values()))
    if not clocks:
        raise UserError(f"{text} has no time zone: use a city, for example: !tz Australia/Melbourne")
    raise UserError(f"{text} has several time zones: type !tz with one of {listed(tuple(clocks.values()))}")


def _unknown(text: str, folded: str, at: datetime) -> UserError:
    """The error for an unknown name: an abbreviation, a region, or a typing error."""
    short = tuple(n for n in _distinct() if at.astimezone(zone(n)).tzname() == text.upper())
    short += tuple(
        n for n in _distinct()
        if n not in short and (at + timedelta(days=182)).astimezone(zone(n)).tzname() == text.upper()
    )  # fmt: skip
    if short:
        return UserError(f"{text} is an abbreviation used in several places: type !tz with one of {listed(short)}")
    region = tuple(row[2] for row in _rows("zone.tab") if len(row) > 3 and f" {folded} " in f" {_fold(row[3])} ")
    if region:
        return UserError(f"for {text}, type !tz with one of {listed(region)}")
    words = [*_by_city(), *(name for name in _countries() if len(name) > 2)]
    near = process.extract(folded, words, limit=CHOICES, score_cutoff=78)
    cities = [name for word, *_ in near for name in _by_city().get(word, ())]
    lands = [name for word, *_ in near for name in _by_country().get(_countries().get(word, ""), ())[:1]]
    close = tuple(dict.fromkeys([*cities, *lands]))
    if close:
        return UserError(f"no place called {text} in the time zone list: did you mean !tz {' or '.join(close[:3])}?")
    return UserError(
        f"no place called {text} in the time zone list: try a large city near you, for example: !tz melbourne"
    )


def listed(found: tuple[str, ...]) -> str:
    """At most CHOICES names, and how many more there are."""
    more = f" ({len(found) - CHOICES} more)" if len(found) > CHOICES else ""
    return ", ".join(found[:CHOICES]) + more


def iana(name: str) -> str | None:
    """The canonical zone of that name, ignoring case; None if the tz database has none."""
    folded = _fold(name)
    if folded in _UTC_NAMES:
        return "UTC"
    if folded in _by_name() and not folded.startswith("etc "):
        return canonical(_by_name()[folded])
    return None
