"""Wall time becomes UTC without guessing, and UTC becomes what each reader's clock shows."""

from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trainbot.core.errors import UserError
from trainbot.core.times import describe, describe_many, offset_refused, readings, times_in, to_utc, until
from trainbot.core.zones import zone

NOW = datetime(2026, 12, 2, 4, tzinfo=UTC)
SWITCHING = ["Australia/Melbourne", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Chatham",
             "Africa/Casablanca", "Asia/Kathmandu", "Pacific/Apia", "America/Sao_Paulo", "UTC"]  # fmt: skip


@pytest.mark.parametrize(
    ("wall", "zone_name", "utc"),
    [
        ("2007-11-30T07:00", "Australia/Melbourne", "2007-11-29T20:00"),  # the 2007 case, both ends
        ("2007-11-30T22:00", "Australia/Melbourne", "2007-11-30T11:00"),
        ("2026-12-05T19:00", "Australia/Melbourne", "2026-12-05T08:00"),
        ("2026-07-05T19:00", "Australia/Melbourne", "2026-07-05T09:00"),
        ("2027-04-04T19:00", "Australia/Melbourne", "2027-04-04T09:00"),  # the day clocks go back
        ("2027-04-03T19:00", "Australia/Lord_Howe", "2027-04-03T08:00"),
        ("2027-04-04T19:00", "Australia/Lord_Howe", "2027-04-04T08:30"),  # by half an hour
        ("2026-12-05T19:00", "Asia/Kathmandu", "2026-12-05T13:15"),
        ("2026-12-05T19:00", "Pacific/Chatham", "2026-12-05T05:15"),
        ("2026-01-10T19:00", "Africa/Casablanca", "2026-01-10T18:00"),
        ("2026-03-01T19:00", "Africa/Casablanca", "2026-03-01T19:00"),  # Ramadan
        ("2011-12-29T19:00", "Pacific/Apia", "2011-12-30T05:00"),  # east of the date line ...
        ("2011-12-31T19:00", "Pacific/Apia", "2011-12-31T05:00"),  # ... and west of it
    ],
)
def test_wall_time_is_read_by_the_rules_of_that_day(wall, zone_name, utc):
    """The offset is that of the session's own day, not of today."""
    assert to_utc(datetime.fromisoformat(wall), zone_name) == datetime.fromisoformat(utc).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("wall", "zone_name", "both"),
    [
        ("2027-03-28T02:30", "Europe/Berlin", ["Sun 28 Mar 01:30 +0100", "Sun 28 Mar 03:30 +0200"]),
        ("2027-10-03T02:15", "Australia/Lord_Howe", ["01:45 +1030", "02:45 +1100"]),
        ("2011-12-30T12:00", "Pacific/Apia", ["Thu 29 Dec 12:00 -1000", "Sat 31 Dec 12:00 +1400"]),
        ("2027-10-31T02:30", "Europe/Berlin", ["02:30 +0200", "02:30 +0100", "31 Oct 00:30 UTC", "31 Oct 01:30 UTC"]),
        ("2027-04-04T02:30", "Australia/Melbourne", ["02:30 +1100", "02:30 +1000", "Sat 3 Apr 15:30 UTC"]),
        ("2027-04-04T01:45", "Australia/Lord_Howe", ["01:45 +1100", "01:45 +1030"]),
        ("2027-11-07T01:30", "America/New_York", ["01:30 -0400", "01:30 -0500"]),
    ],
)
def test_a_time_that_clocks_skip_or_repeat_is_refused_with_both_readings(wall, zone_name, both):
    """Nobody is sent to a class at a time that does not exist, or at one of two."""
    with pytest.raises(UserError) as refused:
        to_utc(datetime.fromisoformat(wall), zone_name)
    assert all(reading in str(refused.value) for reading in both), refused.value


@given(st.sampled_from(SWITCHING), st.datetimes(datetime(1999, 1, 1), datetime(2036, 12, 31)))
@settings(max_examples=400, deadline=None)
@example("Pacific/Apia", datetime(2011, 12, 30, 12))
@example("Australia/Lord_Howe", datetime(2027, 4, 4, 1, 45))
def test_reading_agrees_with_trying_every_offset(zone_name, wall):
    """A time is taken exactly where one moment alone shows it on the clocks of that place."""
    wall, rules = wall.replace(second=0, microsecond=0), zone(zone_name)
    moments = (wall.replace(tzinfo=UTC) - timedelta(minutes=15 * n) for n in range(-13 * 4, 15 * 4))
    shown = [moment for moment in moments if moment.astimezone(rules).replace(tzinfo=None) == wall]
    try:
        assert [to_utc(wall, zone_name)] == shown
    except UserError:
        assert len(shown) != 1
        assert not shown or sorted(shown) == list(readings(wall, zone_name))


@pytest.mark.parametrize("year", [1, 1969, 2201, 9999])
def test_an_absurd_year_is_refused(year):
    """No date of a file makes arithmetic overflow."""
    with pytest.raises(UserError, match="out of range"):
        to_utc(datetime(year, 1, 1), "Pacific/Kiritimati")


def test_an_offset_is_answered_with_the_zones_it_may_mean():
    """+1100 means other places in December than in July."""
    plus11 = timezone(timedelta(hours=11))
    assert "Australia/Melbourne" in offset_refused(datetime(2026, 12, 5, 19, tzinfo=plus11))
    assert "Australia/Melbourne" not in offset_refused(datetime(2026, 7, 5, 19, tzinfo=plus11))
    assert 'zone = "UTC"' in offset_refused(datetime(2026, 7, 5, 19, tzinfo=UTC))
    assert "no time zone has it" in offset_refused(datetime(2026, 7, 5, 19, tzinfo=timezone(timedelta(hours=23))))


def test_one_line_tells_everyone():
    """UTC first, each place with its own weekday, date and offset, and how long until then."""
    zones = ["Australia/Melbourne", "Europe/Berlin", "America/New_York", "Pacific/Honolulu", "UTC"]
    assert describe_many(datetime(2026, 12, 5, 8, tzinfo=UTC), zones, NOW) == (
        "Sat 5 Dec 08:00 UTC | Sat 5 Dec 19:00 +1100 Melbourne | Sat 5 Dec 09:00 +0100 Berlin | "
        "Sat 5 Dec 03:00 -0500 New York | Fri 4 Dec 22:00 -1000 Honolulu | in 3 d 4 h"
    )


def test_the_year_is_told_where_it_could_be_another():
    """Half a year ahead, a weekday and a day are not enough."""
    start = datetime(2027, 11, 26, 8, tzinfo=UTC)
    assert describe(start, "Australia/Melbourne", NOW) == "Fri 26 Nov 2027 19:00 +1100 Melbourne"
    assert describe(start, "Australia/Melbourne") == "Fri 26 Nov 19:00 +1100 Melbourne"


@given(st.lists(st.sampled_from(SWITCHING), max_size=30), st.datetimes(datetime(1971, 1, 1), datetime(2199, 1, 1)))
@settings(max_examples=100, deadline=None)
def test_the_line_always_fits(zones, at):
    """However many zones there are, it is one IRC line, and five always fit."""
    start = at.replace(tzinfo=UTC)
    assert len(describe_many(start, zones, NOW).encode()) <= 400
    assert "more zones" not in describe_many(start, zones[:5], NOW)


def test_zones_without_room_are_counted():
    """A line that is too short for all says how many it left out."""
    line = times_in(datetime(2026, 12, 5, 8, tzinfo=UTC), SWITCHING[:4], NOW, room=80)
    assert line == "Sat 5 Dec 08:00 UTC | Sat 5 Dec 19:00 +1100 Melbourne | 3 more zones"


@pytest.mark.parametrize(
    ("delta", "words"),
    [
        (timedelta(days=2, hours=3), "in 2 d 3 h"),
        (timedelta(days=7) - timedelta(seconds=3), "in 7 d"),
        (timedelta(hours=23, minutes=59, seconds=45), "in 1 d"),
        (timedelta(hours=1), "in 1 h"),
        (timedelta(hours=5, minutes=7), "in 5 h 7 min"),
        (timedelta(minutes=7, seconds=-10), "in 7 min"),
        (timedelta(seconds=29), "now"),
        (timedelta(seconds=-29), "now"),
        (timedelta(minutes=-5), "started 5 min ago"),
        (timedelta(days=-2), "started 2 d ago"),
    ],
)
def test_how_long_until_then_reads_naturally(delta, words):
    """Two units at most, rounded to what people count in."""
    assert until(delta) == words
