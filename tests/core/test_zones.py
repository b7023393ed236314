"""``!tz`` understands what people call the place they live in."""

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.adapters.calendars.tzid import of_tzid
from trainbot.core.city_names import CITIES
from trainbot.core.errors import UserError
from trainbot.core.zones import city, names, resolve_zone, zone

AT = datetime(2026, 12, 2, 4, tzinfo=UTC)  # summer in Melbourne


@pytest.mark.parametrize(
    ("said", "zone_name"),
    [
        ("Australia/Melbourne", "Australia/Melbourne"),
        ("australia/melbourne", "Australia/Melbourne"),
        ("melbourne", "Australia/Melbourne"),
        (" New   York ", "America/New_York"),
        ("New_York", "America/New_York"),
        ("america/argentina/buenos_aires", "America/Argentina/Buenos_Aires"),
        ("buenos aires", "America/Argentina/Buenos_Aires"),
        ("zürich", "Europe/Zurich"),
        ("de", "Europe/Berlin"),
        ("Germany", "Europe/Berlin"),
        ("uk", "Europe/London"),
        ("japan", "Asia/Tokyo"),
        ("mumbai", "Asia/Kolkata"),
        ("Köln", "Europe/Berlin"),
        ("california", "America/Los_Angeles"),
        ("in berlin", "Europe/Berlin"),
        ("Sydney, Australia", "Australia/Sydney"),
        ("St. Louis", "America/Chicago"),
        ("san francisco", "America/Los_Angeles"),
        ("Asia/Calcutta", "Asia/Kolkata"),
        ("US/Eastern", "America/New_York"),
        ("queensland", "Australia/Brisbane"),
        ("utc", "UTC"),
        ("GMT", "UTC"),
        ("+0545", "Asia/Kathmandu"),
        ("utc+13:45", "Pacific/Chatham"),
        ("+14", "Pacific/Kiritimati"),
    ],
)
def test_a_place_is_known_by_the_names_people_use(said, zone_name):
    """Cities, countries with one clock, old names and offsets of one zone alone all give the zone."""
    assert resolve_zone(said, AT) == zone_name


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("+1100", ["+1100 is an offset, not a time zone", "Australia/Melbourne", "Australia/Sydney"]),
        ("us", ["several time zones", "America/New_York", "America/Los_Angeles", "more)"]),
        ("brazil", ["type !tz with one of America/Sao_Paulo"]),
        ("new zealand", ["Pacific/Auckland, Pacific/Chatham"]),
        ("EST", ["abbreviation", "America/New_York"]),
        ("IST", ["abbreviation", "Asia/Kolkata", "Asia/Jerusalem", "Europe/Dublin"]),
        ("AEST", ["abbreviation", "Australia/Melbourne"]),  # not in force in December, and yet typed
        ("melborne", ["did you mean !tz Australia/Melbourne"]),
        ("Etc/GMT+5", ["reversed signs"]),
        ("-12", ["no time zone has the offset -12"]),
        ("+99", ["no time zone has the offset +99"]),
        ("xyzzy", ["no place called xyzzy", "!tz melbourne"]),
        ("", ["Area/City"]),
        ("../../etc/passwd", ["no place"]),
        ("x" * 500, ["Area/City"]),
    ],
)
def test_a_doubtful_place_is_answered_with_what_to_type(said, expected):
    """Where a place has several clocks or none, the answer is one line with choices in it."""
    with pytest.raises(UserError) as refused:
        resolve_zone(said, AT)
    answer = str(refused.value)
    assert all(words in answer for words in expected), answer
    assert len(answer.encode()) < 400
    assert answer.count("/") <= 8


@given(st.text(max_size=80))
@settings(max_examples=200, deadline=None)
def test_no_words_break_it(said):
    """Whatever is typed gives a zone we know or one sentence."""
    try:
        assert resolve_zone(said, AT) in names()
    except UserError as refused:
        assert "\n" not in str(refused)


def test_every_city_we_add_has_a_zone():
    """And none of them hides a city of the tz database that has other clocks."""
    assert set(CITIES.values()) <= names()
    for name in names():
        if city(name) in CITIES:
            assert AT.astimezone(zone(name)).utcoffset() == AT.astimezone(zone(CITIES[city(name)])).utcoffset(), name


def test_every_zone_is_understood_by_its_own_name():
    """No name of the tz database is refused, except the Etc ones, whose signs are reversed."""
    for name in names():
        if not name.startswith("Etc/") and "/" in name:
            assert resolve_zone(name.lower(), AT) in names()


@pytest.mark.parametrize(
    ("tzid", "location", "zone_name"),
    [
        ("Europe/Berlin", None, "Europe/Berlin"),
        ("W. Europe Standard Time", None, "Europe/Berlin"),
        ("AUS Eastern Standard Time", None, "Australia/Sydney"),
        ("/freeassociation.sourceforge.net/America/New_York", None, "America/New_York"),
        ("/citadel.org/20210210_1/Australia/Melbourne", None, "Australia/Melbourne"),
        ("Custom", "Australia/Melbourne", "Australia/Melbourne"),
        ("GMT", None, "UTC"),
        ("Mars/Base", None, None),
        ("Etc/GMT+5", None, None),
        ("", None, None),
    ],
)
def test_a_calendar_may_name_its_zone_as_calendar_programs_do(tzid, location, zone_name):
    """IANA, Windows and vendor names give the zone; a name that nobody knows gives none."""
    assert of_tzid(tzid, location) == zone_name


def test_a_city_is_read_as_people_write_it():
    """The last part of the name, with spaces."""
    assert city("America/New_York") == "New York"
    assert city("UTC") == "UTC"
