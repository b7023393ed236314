"""``!tz`` understands what people call the place they live in."""

from datetime import UTC, datetime
from typing import NoReturn

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.adapters.calendars.tzid import of_tzid
from trainbot.core import zones
from trainbot.core.city_names import CITIES
from trainbot.core.errors import UserError
from trainbot.core.zones import _by_country, _rows, abbreviation_note, city, names, resolve_place, resolve_zone, zone

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
        ("Samoa", "Pacific/Apia"),
        ("American Samoa", "Pacific/Pago_Pago"),
        ("Wrocław", "Europe/Warsaw"),
        ("Malmø", "Europe/Stockholm"),
        ("MALMÖ", "Europe/Stockholm"),
        ("Łódź", "Europe/Warsaw"),
        ("Tromsø", "Europe/Oslo"),
        ("København", "Europe/Copenhagen"),
        ("Århus", "Europe/Copenhagen"),
        ("Aarhus", "Europe/Copenhagen"),
        ("Zuerich", "Europe/Zurich"),
        ("Muenchen", "Europe/Berlin"),
        ("Diyarbakır", "Europe/Istanbul"),
        ("İzmir", "Europe/Istanbul"),
        ("Đà Nẵng", "Asia/Ho_Chi_Minh"),
        ("St. John's", "America/St_Johns"),
        ("N’Djamena", "Africa/Ndjamena"),
        ("berlin time", "Europe/Berlin"),
        ("U.K.", "Europe/London"),
        ("New York City", "America/New_York"),
        ("Saint Petersburg", "Europe/Moscow"),
        ("Ho Chi Minh City", "Asia/Ho_Chi_Minh"),
        ("Hà Nội", "Asia/Bangkok"),
        ("Iași", "Europe/Bucharest"),
        ("Plzeň", "Europe/Prague"),
        ("Åland", "Europe/Mariehamn"),
        ("Western Samoa", "Pacific/Apia"),
        ("Doha", "Asia/Qatar"),
        ("CT", "America/Chicago"),
        ("EST5EDT", "America/New_York"),
        ("pst8pdt", "America/Los_Angeles"),
        ("Nukuʻalofa", "Pacific/Tongatapu"),
        ("Yaoundé", "Africa/Douala"),
        ("Quito", "America/Guayaquil"),
        ("Malé", "Indian/Maldives"),
        ("astana", "Asia/Almaty"),
        ("Suva", "Pacific/Fiji"),
        ("Panama City", "America/Panama"),
        ("Port-Vila", "Pacific/Efate"),
        ("Xi’an", "Asia/Shanghai"),
        ("Liège", "Europe/Brussels"),
        ("El Paso", "America/Denver"),
        ("málaga", "Europe/Madrid"),
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
        ("texas", ["America/Chicago, America/Denver"]),
        ("Washington", ["America/New_York, America/Los_Angeles"]),
        ("Georgia", ["America/New_York, Asia/Tbilisi"]),
        ("victoria", ["Australia/Melbourne, America/Vancouver"]),
        ("eastern", ["type !tz with one of America/New_York"]),
        ("Bali", ["for Bali, type !tz Asia/Makassar"]),
        ("ET", ["America/New_York, Africa/Addis_Ababa"]),
        ("PT", ["America/Los_Angeles, Europe/Lisbon"]),
        ("mt", ["America/Denver, Europe/Malta"]),
        ("−5", ["-0500 is an offset"]),
        ("pacific time", ["America/Los_Angeles"]),
        ("me", ["!tz Montenegro"]),
        ("no", ["!tz Norway"]),
        ("Москва", ["no place called Москва"]),
        ("мelbourne", ["did you mean !tz Australia/Melbourne"]),  # a Cyrillic м: not taken for nothing
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


@pytest.mark.parametrize(
    ("said", "zone_name"),
    [
        ("Paris, France", "Europe/Paris"),
        ("Paris France", "Europe/Paris"),
        ("Melbourne, Victoria", "Australia/Melbourne"),
        ("Melbourne, Australia", "Australia/Melbourne"),
        ("Portland, Oregon", "America/Los_Angeles"),
        ("Portland OR", "America/Los_Angeles"),
        ("Portland, OR, USA", "America/Los_Angeles"),
        ("Portland, Maine", "America/New_York"),
        ("Portland, ME, USA", "America/New_York"),
        ("Perth, Scotland", "Europe/London"),
        ("Perth Scotland", "Europe/London"),
        ("portland maine", "America/New_York"),
        ("Lima Ohio", "America/New_York"),
        ("Odessa Ukraine", "Europe/Kyiv"),
        ("Kingston Jamaica", "America/Jamaica"),
        ("Perth, WA", "Australia/Perth"),
        ("Wien, Österreich", "Europe/Vienna"),
        ("Praha, Česko", "Europe/Prague"),
        ("Łódź, Polska", "Europe/Warsaw"),
        ("Malmø, Sverige", "Europe/Stockholm"),
        ("Tromsø, Norge", "Europe/Oslo"),
        ("Győr, Magyarország", "Europe/Budapest"),
        ("Genève Suisse", "Europe/Zurich"),
        ("Kinshasa, DRC", "Africa/Kinshasa"),
        ("Birmingham, Alabama", "America/Chicago"),
        ("Cambridge, Massachusetts", "America/New_York"),
        ("Vancouver, Washington", "America/Los_Angeles"),
        ("Washington, D.C.", "America/New_York"),
        ("Atlanta, Georgia", "America/New_York"),
        ("Tbilisi, Georgia", "Asia/Tbilisi"),
        ("Toronto, CA", "America/Toronto"),
        ("Los Angeles, CA", "America/Los_Angeles"),
        ("Victoria, BC, Canada", "America/Vancouver"),
        ("Sydney, Nova Scotia", "America/Halifax"),
        ("Hyderabad, Pakistan", "Asia/Karachi"),
        ("Valencia, Venezuela", "America/Caracas"),
        ("Hanoi, Vietnam", "Asia/Ho_Chi_Minh"),
        ("Brooklyn, New York", "America/New_York"),
        ("Eindhoven, Netherlands", "Europe/Amsterdam"),
        ("Kreuzberg, Berlin", "Europe/Berlin"),
        ("berlin,", "Europe/Berlin"),
        ("Melbourne (Australia)", "Australia/Melbourne"),
        ("Melbourne; Australia", "Australia/Melbourne"),
        ("Dublin, California", "America/Los_Angeles"),
        ("Dublin, Ohio", "America/New_York"),
        ("Berlin, NH", "America/New_York"),
        ("Rome, NY", "America/New_York"),
        ("Cairo, Illinois", "America/Chicago"),
        ("Madrid, Iowa", "America/Chicago"),
        ("Tripoli, Lebanon", "Asia/Beirut"),
        ("Barcelona, Venezuela", "America/Caracas"),
        ("Kingston, Jamaica", "America/Jamaica"),
        ("Odessa, Ukraine", "Europe/Kyiv"),
        ("Lima, Peru", "America/Lima"),
        ("Hartford, CT", "America/New_York"),
        ("Pyongyang, Korea", "Asia/Pyongyang"),
        ("Pago Pago, Samoa", "Pacific/Pago_Pago"),
        ("Brazzaville, Congo", "Africa/Brazzaville"),
    ],
)
def test_what_follows_a_comma_says_which_city(said, zone_name):
    """The country or state decides, also for a city that is only known elsewhere, if all of it has the same clocks."""
    assert resolve_zone(said, AT) == zone_name


@pytest.mark.parametrize(
    ("said", "expected"),
    [
        ("London, Ontario", ["Ontario has several time zones", "America/Toronto"]),
        ("london ontario", ["America/Toronto"]),
        ("Melbourne, Florida", ["Florida has several time zones", "America/New_York, America/Chicago"]),
        ("Melbourne, FL", ["America/New_York, America/Chicago"]),
        ("Paris, Texas", ["America/Chicago, America/Denver"]),
        ("Moscow, Idaho", ["America/Los_Angeles, America/Boise"]),
        ("Naples, FL", ["America/New_York, America/Chicago"]),
        ("Naples (Florida)", ["America/New_York, America/Chicago"]),
        ("Paris, Tennessee", ["America/Chicago, America/New_York"]),
        ("Hamilton, Ontario", ["America/Toronto"]),
        ("Odessa, TX", ["America/Chicago, America/Denver"]),
        ("Rome, GA", ["America/New_York, Africa/Libreville"]),
        ("Cordoba, Spain", ["Europe/Madrid, Atlantic/Canary"]),
        ("Dublin, CA", ["America/Los_Angeles"]),
        ("Athens, Georgia", ["America/New_York, Asia/Tbilisi"]),
        ("Wilmington, DE", ["Europe/Berlin", "America/New_York"]),
        ("Vancouver, WA", ["America/Los_Angeles", "Australia/Perth"]),
        ("Springfield, USA", ["several time zones"]),
        ("Portland ME", ["America/New_York, Europe/Podgorica"]),
        ("paris texas", ["texas has several time zones", "America/Chicago, America/Denver"]),
        ("vienna georgia", ["America/New_York, Asia/Tbilisi"]),
        ("London, Berlin", ["London is not in Berlin", "Europe/London, Europe/Berlin"]),
        ("berlin new york", ["Europe/Berlin, America/New_York"]),
        ("Paris, France, Germany", ["Paris is not in France and Germany"]),
        ("Munich, Bavaria", ['I don\'t know "Bavaria"']),
        ("Melbourne, xyzzy", ['I don\'t know "xyzzy"']),
    ],
)
def test_what_follows_a_comma_is_never_thrown_away(said, expected):
    """Where the state has several clocks, contradicts the city or is not known, the bot asks."""
    with pytest.raises(UserError) as refused:
        resolve_zone(said, AT)
    assert all(words in str(refused.value) for words in expected), str(refused.value)


def test_every_city_of_the_tz_database_is_found_in_its_country():
    """``Lagos, Nigeria``, ``Lagos, NG``: the zone, or a question for the few whose names are ordinary words."""
    asked = set()
    for code, country in _rows("iso3166.tab"):
        for name in _by_country().get(code, ()):
            for area in (code, country.split(" (")[0]):
                try:
                    assert resolve_zone(f"{city(name)}, {area}", AT) == name
                except UserError:
                    asked.add(city(name))
    assert asked <= {"Troll", "Easter", "Midway", "Wake", "Center", "Norfolk", "Christmas"}


@given(st.sampled_from(sorted(CITIES)), st.text("abcdefghijklmnopqrstuvwxyz ,", max_size=12))
@settings(max_examples=200, deadline=None)
def test_a_city_with_an_unknown_area_is_not_taken(name, area):
    """No word after a comma is without effect: the zone is one of the area's, or there is none."""
    try:
        found = resolve_zone(f"{name}, {area}", AT)
    except UserError:
        return
    assert not area.strip(" ,") or all(resolves(part, found) for part in area.split(",") if part.strip())


def resolves(area: str, zone_name: str) -> bool:
    """Whether the zone is one that ``area`` may mean."""
    try:
        return resolve_zone(f"{area}, {area}", AT) == zone_name
    except UserError as refused:
        return "several" in str(refused)


@pytest.mark.parametrize(
    "word", "north South EAST west center Easter christmas norfolk general wake midway troll".split()
)
def test_directions_and_ordinary_words_are_no_cities(word):
    """Australia/North is Darwin, Pacific/Easter an island: nobody means them by one word."""
    with pytest.raises(UserError, match=f"no place called {word}"):
        resolve_zone(word, AT)


@pytest.mark.parametrize("word", "me it no by is so de am pm us at be do in my to as id ma es fr".split())
def test_two_letters_in_a_sentence_are_no_country(word):
    """``sat 7:30 pm`` is not in Miquelon."""
    for said in (word, word.upper()):
        with pytest.raises(UserError, match=f'don\'t understand "{said}"'):
            resolve_place(said, AT)


@pytest.mark.parametrize("said", ["my time", "et", "pt", "mt", "no time", "IT time"])
def test_two_letters_before_time_are_no_country(said):
    """``10am my time`` is not in Malaysia."""
    with pytest.raises(UserError, match=f'don\'t understand "{said}"'):
        resolve_place(said, AT)


@pytest.mark.parametrize(
    "word",
    "a any are been being then than train line new while other name much day room soon sharp eat west "
    "noon midnight tomorrow next week evening 24:00 9am 14 mar".split(),
)
def test_other_words_are_no_places_and_like_none(word):
    """No city is suggested for a word of the sentence."""
    with pytest.raises(UserError, match=f'don\'t understand "{word}": a place is'):
        resolve_place(word, AT)


@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize(
    ("short", "first", "also"),
    [
        ("PST", "America/Los_Angeles", "Asia/Manila"),
        ("PDT", "America/Los_Angeles", "America/Tijuana"),
        ("EST", "America/New_York", "America/Toronto"),
        ("EDT", "America/New_York", "America/Toronto"),
        ("CST", "America/Chicago", "Asia/Shanghai"),
        ("CET", "Europe/Berlin", "Europe/Paris"),
        ("cest", "Europe/Berlin", "Europe/Paris"),
        ("EET", "Europe/Athens", "Europe/Helsinki"),
        ("AEST", "Australia/Melbourne", "Australia/Brisbane"),
        ("AEDT", "Australia/Melbourne", "Australia/Sydney"),
        ("IST", "Asia/Kolkata", "Asia/Jerusalem"),
        ("MSK", "Europe/Moscow", "Europe/Simferopol"),
        ("WET", "Atlantic/Canary", "Europe/Lisbon"),
        ("ACST", "Australia/Adelaide", "Australia/Darwin"),
        ("ACDT", "Australia/Adelaide", "Australia/Broken_Hill"),
        ("AKDT", "America/Anchorage", "America/Juneau"),
        ("HST", "Pacific/Honolulu", "America/Adak"),
        ("CAT", "Africa/Maputo", "Africa/Windhoek"),
        ("WIB", "Asia/Jakarta", "Asia/Pontianak"),
    ],
)
def test_an_abbreviation_of_several_places_is_asked_all_year(short, first, also, month):
    """The places offered do not depend on the day of the year."""
    for day in (1, 11, 21):
        with pytest.raises(UserError) as refused:
            resolve_zone(short, datetime(2027, month, day, tzinfo=UTC))
        assert f"with one of {first}" in str(refused.value) and also in str(refused.value)


@pytest.mark.parametrize("month", range(1, 13))
@pytest.mark.parametrize(
    ("short", "zone_name"),
    [
        ("AWST", "Australia/Perth"),
        ("BST", "Europe/London"),
        ("JST", "Asia/Tokyo"),
        ("HKT", "Asia/Hong_Kong"),
        ("NZDT", "Pacific/Auckland"),
        ("NZST", "Pacific/Auckland"),
        ("SAST", "Africa/Johannesburg"),
        ("PKT", "Asia/Karachi"),
        ("ChST", "Pacific/Guam"),
        ("IDT", "Asia/Jerusalem"),
        ("NDT", "America/St_Johns"),
        ("EAT", "Africa/Nairobi"),
        ("SGT", "Asia/Singapore"),
        ("ICT", "Asia/Bangkok"),
        ("BRT", "America/Sao_Paulo"),
        ("GST", "Asia/Dubai"),
        ("LHST", "Australia/Lord_Howe"),
        ("NST", "America/St_Johns"),
        ("SST", "Pacific/Pago_Pago"),
    ],
)
def test_an_abbreviation_of_one_place_is_taken_all_year(short, zone_name, month):
    """And the answer can say so."""
    at = datetime(2027, month, 15, tzinfo=UTC)
    assert resolve_zone(short, at) == zone_name
    assert abbreviation_note(short, zone_name, at) == f"{short.upper()} is {zone_name}; "
    assert abbreviation_note(city(zone_name), zone_name, at) == ""


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
        ("EST5EDT", None, "America/New_York"),
        ("Japan", None, "Asia/Tokyo"),
        ("CET", None, "Europe/Brussels"),
        ("GMT0", None, "UTC"),
        ("Universal", None, "UTC"),
        ("EST", None, None),  # a mere offset, or New York's
        ("Berlin", None, None),
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


def test_no_file_is_opened_for_an_unknown_place(monkeypatch):
    """What ``load`` read is enough for every table: a bot that has no file descriptor left answers as before."""

    def answer() -> str:
        with pytest.raises(UserError) as refused:
            resolve_zone("nowhere at all", AT)
        return str(refused.value)

    first = answer()

    class NoDescriptor:
        def joinpath(self, *_words: str) -> NoReturn:
            raise OSError(24, "Too many open files")

    zones.load()
    monkeypatch.setattr(zones, "_FILES", NoDescriptor())
    for made in vars(zones).values():
        if made not in (zones.names, zones._data) and hasattr(made, "cache_clear"):
            made.cache_clear()
    assert answer() == first
    assert resolve_zone("Melbourne", AT) == "Australia/Melbourne"
    assert zone("Australia/Melbourne").utcoffset(AT) is not None
