"""Finds the time zones that people name.

Everything is read from the ``tzdata`` package and never from the system's copy, so that
``TZDATA_VERSION`` tells which rules a start was computed with.  ``zone.tab`` gives the zones
of each country, ``zone1970.tab`` the zones that really differ, ``iso3166.tab`` the names of
countries, ``tzdata.zi`` the old names (tz-link.html and theory.html of the IANA tz database).
"""

from __future__ import annotations

import functools
import io
import re
import unicodedata
from datetime import UTC, date, datetime, time, timedelta
from importlib import resources
from typing import NoReturn
from zoneinfo import ZoneInfo

import tzdata

from trainbot.core import city_names as known_names
from trainbot.core.errors import UserError
from trainbot.core.likeness import alike
from trainbot.core.wording import offset_text

TZDATA_VERSION: str = tzdata.IANA_VERSION
CHOICES = 6  # as many as fit an IRC line with the sentence
MAX_NAME = 60
_UTC_NAMES = frozenset({"utc", "gmt", "z", "zulu", "uct", "etc utc", "etc gmt", "etc uct"})
# letters that NFKD does not take apart
_SIGNS = str.maketrans({"−": "-", "–": "-", ";": ",", "(": ",", ")": ","})
_LETTERS = str.maketrans("øłđð\u0131ħŧŋ", "olddihtn") | str.maketrans({"æ": "ae", "œ": "oe", "þ": "th"})
_OFFSET = re.compile(r"^(?:utc|gmt)?\s*([+-])([0-9]{1,2})(?::?([0-5]\d))?$", re.IGNORECASE)
_FILES = resources.files("tzdata").joinpath("zoneinfo")


@functools.cache
def _data(name: str) -> bytes:
    return _FILES.joinpath(name).read_bytes()


@functools.cache
def _rows(name: str) -> list[list[str]]:
    return [line.split("\t") for line in _data(name).decode().splitlines() if line and line[0] != "#"]


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
    return ZoneInfo.from_file(io.BytesIO(_data(name)), key=name)


@functools.cache
def _by_country() -> dict[str, tuple[str, ...]]:
    """ISO 3166 code -> its zones, as zone.tab orders them (the most populous come first)."""
    table: dict[str, tuple[str, ...]] = {}
    for code, _place, name, *_comment in _rows("zone.tab"):
        table[code] = (*table.get(code, ()), name)
    return table


@functools.cache
def _countries() -> dict[str, str]:
    """Folded country name -> ISO code; ``Britain (UK)`` goes by ``britain`` as well."""
    table: dict[str, str] = {}
    for code, name in _rows("iso3166.tab"):
        for key in (name, name.split(" (")[0]):
            table.setdefault(_fold(key), code)
    # "Korea" and "Samoa" name two countries; known_names.COUNTRIES says which is meant
    return table | {_fold(name): code for name, code in known_names.COUNTRIES.items()}


@functools.cache
def _distinct() -> tuple[str, ...]:
    """The zones that differ since 1970, most populous first."""
    rest = [row[2] for row in _rows("zone1970.tab") if row[2] not in known_names.WELL_KNOWN]
    return (*known_names.WELL_KNOWN, *rest)


@functools.cache
def _links() -> dict[str, str]:
    """Old name -> current name."""
    lines = (line.split() for line in _data("tzdata.zi").decode().splitlines() if line.startswith("L "))
    return {link: target for _mark, target, link in lines}


@functools.cache
def _preferred() -> frozenset[str]:
    return frozenset(name for group in _by_country().values() for name in group)


def load() -> None:
    """Reads everything that a place is looked up in, so that no file is opened later; tables are made when needed."""
    names()
    for name in ("zone.tab", "iso3166.tab", "tzdata.zi", *_distinct()):
        _data(name)


def canonical(name: str) -> str:
    """``name`` as in zone.tab: ``US/Eastern`` is America/New_York, every UTC is ``UTC``."""
    found = name if name in _preferred() else _links().get(name, name)
    return "UTC" if _fold(found) in _UTC_NAMES else found


@functools.cache
def _by_name() -> dict[str, str]:
    return {_fold(name): name for name in names() if "/" in name}


@functools.cache
def _by_city() -> dict[str, tuple[str, ...]]:
    """Folded last part of a name -> the zones it is the last part of; not ``Pacific/Samoa``, the name of a country
    elsewhere, and no ordinary words (``Australia/North``)."""
    table: dict[str, set[str]] = {}
    for name in names():
        area, _, last = name.rpartition("/")
        key, found = _fold(last), canonical(name)
        elsewhere = key in _countries() and found not in _by_country().get(_countries()[key], ())
        if area and area != "Etc" and key not in known_names.NO_CITIES and not elsewhere:
            table.setdefault(key, set()).add(found)
    cities = {_fold(name): (found,) for name, found in known_names.CITIES.items()}
    namesakes = {_fold(name): found for name, found in known_names.NAMESAKES.items()}
    return {name: tuple(sorted(found)) for name, found in table.items()} | cities | namesakes


@functools.cache
def _by_region() -> dict[str, tuple[str, ...]]:
    """Folded name of a part of a country -> the zones in use there, from zone.tab's comments and REGIONS."""
    table: dict[str, tuple[str, ...]] = {}
    for row in _rows("zone.tab"):
        key = _fold(row[3].partition(" (")[0]) if len(row) > 3 else ""
        if key and key not in known_names.NO_CITIES:
            table[key] = (*table.get(key, ()), row[2])
    return table | {_fold(name): found for name, found in known_names.REGIONS.items()}


@functools.cache
def _comments() -> list[tuple[str, str]]:
    """(folded comment, zone) of zone.tab."""
    return [(f" {_fold(row[3])} ", row[2]) for row in _rows("zone.tab") if len(row) > 3]


@functools.lru_cache(maxsize=16)
def _abbreviations(day: date) -> dict[str, tuple[str, ...]]:
    """Folded abbreviation -> the zones whose clocks have it in the year around ``day``, most populous first.  (In July
    alone, PST would be Manila's only.)"""
    noon = datetime.combine(day, time(12), UTC)
    weeks = [noon + timedelta(weeks=n) for n in range(-26, 27)]
    table: dict[str, list[str]] = {}
    for name in dict.fromkeys((*known_names.MEANT_FIRST, *_distinct())):
        for short in {(week.astimezone(zone(name)).tzname() or "").lower() for week in weeks}:
            table.setdefault(short, []).append(name)
    table = {short.lower(): [name] for short, name in known_names.ABBREVIATIONS.items()} | table
    return {short: tuple(found) for short, found in table.items() if short.isalpha()}


# -- what people type -------------------------------------------------------------------------


class UnknownPlace(UserError):
    """No place of that name is known; the text suggests some if ``like`` is true."""

    def __init__(self, text: str, *, like: bool = False) -> None:
        super().__init__(text)
        self.like = like


def resolve_zone(text: str, at: datetime) -> str:
    """The IANA name of the zone that ``text`` means: Area/City in any case, a city (``Portland, Maine`` too), the only
    zone of a country (or its ISO code) or region, or the only one with this offset at ``at`` or with this abbreviation
    in the year around it.

    Raises UserError with at most CHOICES choices if it may mean several zones or none.
    """
    words = re.sub("^in ", "", " ".join(text.translate(_SIGNS).split()), flags=re.IGNORECASE)
    if not words or len(words) > MAX_NAME:
        raise UserError("give the time zone as Area/City, for example: !tz Australia/Melbourne")
    if (offset := _OFFSET.match(words.replace(" ", ""))) is not None:
        return _from_offset(offset, at)
    place, *areas = [part.strip() for part in words.split(",") if part.strip()] or [words]
    if areas:
        return _within(place, areas, at)
    folded = _fold(place)
    if folded in _UTC_NAMES:
        return "UTC"
    if folded.startswith("etc gmt"):
        raise UserError("Etc/GMT zones have reversed signs: use a city instead, for example: !tz Europe/Berlin")
    if found := _named(folded):
        return _only(place, found, at)
    if folded.upper() in _by_country():
        return _from_code(place, folded.upper(), at)
    short = _abbreviations(at.astimezone(UTC).date()).get(folded, ())
    if short and (place.isupper() or folded not in known_names.NO_REGIONS):  # WEST is one, west is not
        if len(short) > 1:
            raise UserError(
                f"{place.upper()} is an abbreviation used in several places: type !tz with one of {listed(short)}"
            )
        return short[0]
    if folded.endswith(" time"):
        return resolve_zone(folded.removesuffix(" time"), at)
    return _without_comma(place.split(), at) or _refuse(place, folded)


def resolve_place(text: str, at: datetime) -> str:
    """``resolve_zone`` for a place within a longer line: its errors suggest the place to write there, not ``!tz``, and
    two letters alone are a word, not a country (``UK``, ``LA`` and ``PT`` are places)."""
    said = re.sub(r"\s+time$", "", text, flags=re.IGNORECASE)
    folded = _fold(said)
    known = _named(folded) and (said.isupper() or folded.upper() not in known_names.NAMESAKES)
    try:
        if len(folded) == 2 and not known and folded.isalpha():
            raise UnknownPlace(text)
        return resolve_zone(text, at)
    except UnknownPlace as error:
        near = "a place is a large city or Area/City, for example Australia/Melbourne"
        like = error.like and len(folded) > 5  # "train" is not like Turin
        if like:
            near = "did you mean " + str(error).partition("did you mean !tz ")[2]
        raise UnknownPlace(f'I don\'t understand "{text[:40]}": {near}', like=like) from None
    except UserError as error:
        raise UserError(str(error).replace("type !tz with one of", "use one of").replace("!tz ", "")) from None


def abbreviation_note(text: str, zone_name: str, at: datetime) -> str:
    """``AWST is Australia/Perth; ``, to be said where an abbreviation was taken for a zone; else ''."""
    short = _fold(text).removesuffix(" time")
    taken = not _named(short) and _abbreviations(at.astimezone(UTC).date()).get(short) == (zone_name,)
    return f"{short.upper()} is {zone_name}; " if taken else ""


def _named(folded: str) -> tuple[str, ...]:
    """The zones that one name, of a zone, city, country or region, may mean."""
    if folded in _by_name():
        return (canonical(_by_name()[folded]),)
    towns = _by_city().get(folded) or _by_city().get(re.sub("(?<=[aou])e|(?<=a)a", "", folded), ())  # Zuerich, Aarhus
    lands = _lands(folded)
    if towns and (not lands or set(towns) <= set(lands)):  # Quebec is in Quebec, but Washington not in Washington
        return towns
    return _joined(towns, lands)


def _lands(folded: str, *, after_comma: bool = False) -> tuple[str, ...]:
    """The zones of the country and the region of that name (Georgia is both); ``after_comma``, also those of codes (OR,
    SK) and of less known countries of that name (Pyongyang, Korea)."""
    codes = [_countries().get(folded, "")]
    if after_comma:
        codes += [
            folded.upper(),
            *(code for code, name in _rows("iso3166.tab") if _fold(name.split(" (")[0]) == folded),
        ]
    coded = known_names.REGION_CODES.get(folded.upper(), ()) if after_comma else ()
    return _joined(*(_by_country().get(code, ()) for code in codes), _by_region().get(folded, ()), coded)


def _joined(*groups: tuple[str, ...]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(name for group in groups for name in group))


def _within(place: str, areas: list[str], at: datetime) -> str:
    """The zone of ``place`` in all of ``areas`` (Portland, ME, USA).  If the city is only known elsewhere, this is
    another of that name: it has the clocks of the area, provided that the area has no others."""
    lands = [_lands(_fold(area), after_comma=True) for area in areas]
    found = [land or _named(_fold(area)) for land, area in zip(lands, areas, strict=True)]
    if () in found:
        raise UserError(
            f'I don\'t know "{areas[found.index(())]}": put a country or a state after the comma, or use Area/City, '
            "for example: !tz Australia/Melbourne"
        )
    inside = tuple(name for name in found[0] if all(name in others for others in found[1:]))
    known = _named(_fold(place))
    if here := tuple(name for name in known if name in inside):
        return _only(f"{place}, {areas[0]}", here, at)
    if not inside or (known and not all(lands)):
        raise UserError(
            f"{place} is not in {' and '.join(areas)}: type !tz with one of {listed(_joined(known, *found))}"
        )
    return _only(areas[0], inside, at)


def _without_comma(words: list[str], at: datetime) -> str | None:
    """The zone of ``Portland OR`` or ``Melbourne Australia``; None if the words are not a place and its area."""
    for n in range(1, len(words)):
        place, area = " ".join(words[:n]), " ".join(words[n:])
        known, lands = _named(_fold(place)), _lands(_fold(area), after_comma=area.isupper())
        if not known or not lands:
            continue
        if here := tuple(name for name in known if name in lands):
            return _only(place, here, at)
        if _by_city().get(_fold(area)):  # "Berlin New York": two cities
            raise UserError(f"if {place} is in {area}, type !tz with one of {listed(_joined(known, lands))}")
        return _only(area, lands, at)  # Perth Scotland
    return None


def _from_code(text: str, code: str, at: datetime) -> str:
    if code.lower() in known_names.SMALL_WORDS:
        country = next(row[1] for row in _rows("iso3166.tab") if row[0] == code)
        raise UserError(f'if "{text}" is a country, write its name: !tz {country}')
    return _only(text, _by_country()[code], at)


def offset_choices(offset: timedelta, at: datetime) -> tuple[str, ...]:
    """The zones that have ``offset`` at ``at``, most populous first."""
    return tuple(name for name in _distinct() if at.astimezone(zone(name)).utcoffset() == offset)


def city(name: str) -> str:
    """The common name of the zone: ``America/New_York`` is New York."""
    return name.rpartition("/")[2].replace("_", " ")


def nearest(text: str) -> str | None:
    """The name in the tz database that looks most like ``text``."""
    from rapidfuzz import process  # with the first comparison: it takes 4 MiB

    found = process.extractOne(_fold(text[:MAX_NAME]), _by_name().keys(), score_cutoff=80)
    return canonical(_by_name()[found[0]]) if found else None


def _fold(text: str) -> str:
    """Folds ``text`` as people type it: no case, no accents; ``_``, ``-``, ``/`` and ``.`` are spaces.  Letters of other
    scripts stay, so that they match nothing."""
    plain = "".join(sign for sign in unicodedata.normalize("NFKD", text.casefold()) if not unicodedata.combining(sign))
    plain = re.sub(r"\b([a-z])\.(?=[a-z]\b|$)", r"\1", plain.translate(_LETTERS))  # d.c.
    words = re.sub("['’\u02bb\u02bc]", "", re.sub(r"[_\-/.,]", " ", plain)).replace("&", " and ")
    return " ".join(re.sub(r"\bsaint\b", "st", words).split())


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
    for name in sorted(found, key=lambda name: name not in known_names.WELL_KNOWN):
        clocks.setdefault(tuple(day.astimezone(zone(name)).utcoffset() for day in days), name)
    if len(clocks) == 1:
        return next(iter(clocks.values()))
    if not clocks:
        raise UserError(f"{text} has no time zone: use a city, for example: !tz Australia/Melbourne")
    raise UserError(f"{text} has several time zones: type !tz with one of {listed(tuple(clocks.values()))}")


def _refuse(text: str, folded: str) -> NoReturn:
    """Raises the error for an unknown name: a region with several zones, or a typing error."""
    region = tuple(name for comment, name in _comments() if f" {folded} " in comment)
    if region and len(folded) > 3 and folded not in known_names.NO_REGIONS:
        first = {name: n for n, name in enumerate(known_names.WELL_KNOWN)}
        region = tuple(sorted(region, key=lambda name: first.get(name, len(first))))
        raise UserError(f"for {text}, type !tz {'with one of ' * (len(region) > 1)}{listed(region)}")
    places = [] if folded in known_names.NO_CITIES else [*_by_city(), *_countries()]
    words = [word for word in places if len(word) > 2]
    near = alike(folded, words, most=CHOICES, least=78)
    cities = [name for word in near for name in _by_city().get(word, ())]
    lands = [name for word in near for name in _by_country().get(_countries().get(word, ""), ())[:1]]
    sentence = f"no place called {text} in the time zone list"
    if close := tuple(dict.fromkeys([*cities, *lands])):
        raise UnknownPlace(f"{sentence}: did you mean !tz {' or '.join(close[:3])}?", like=True)
    raise UnknownPlace(f"{sentence}: try a large city near you, for example: !tz melbourne")


def listed(found: tuple[str, ...]) -> str:
    """At most CHOICES names, and how many more there are."""
    more = f" ({len(found) - CHOICES} more)" if len(found) > CHOICES else ""
    return ", ".join(found[:CHOICES]) + more


def iana(name: str) -> str | None:
    """The canonical zone of that name, ignoring case; None if the tz database has none, or only one that is a mere offset
    (``Etc/GMT+5``, ``EST``)."""
    folded = _fold(name)
    if folded in _UTC_NAMES:
        return "UTC"
    if folded in _by_name() and not folded.startswith("etc "):
        return canonical(_by_name()[folded])
    short = {_fold(known): known for known in names() if "/" not in known}.get(folded, "EST")
    if short in ("EST", "MST", "HST"):
        return None
    return _by_city()[folded][0] if folded in _by_city() else canonical(short)
