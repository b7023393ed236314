"""Wall times and clocks against another implementation of the tz database's rules: whenever, which reads the same files
with a parser of its own."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

import pytest
import tzdata
import whenever
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trainbot.core.errors import UserError
from trainbot.core.times import describe, to_utc
from trainbot.core.zones import names
from trainbot.features.sessions.polls.clocks import only_moment, shown, stretches, wall, wall_time
from trainbot.features.sessions.polls.spans import covers

ZONES = st.sampled_from(sorted(names() - {"localtime"}))
#: Half an hour of DST, odd offsets, DST that stops for Ramadan, a day that never was, laws that changed.
ODD = st.sampled_from(
    [
        "Australia/Melbourne",
        "Australia/Lord_Howe",
        "Asia/Kathmandu",
        "Pacific/Chatham",
        "Africa/Casablanca",
        "Pacific/Apia",
        "America/Sao_Paulo",
        "Europe/Istanbul",
        "America/Mexico_City",
        "Asia/Pyongyang",
        "Antarctica/Troll",
        "Africa/Cairo",
        "America/Nuuk",
        "America/New_York",
        "Europe/Berlin",
    ]
)


@pytest.fixture(scope="module", autouse=True)
def same_files() -> Iterator[None]:
    """Both read the tzdata package, not what the system has."""
    before = whenever.get_tzpath()
    whenever.reset_tzpath([str(Path(tzdata.__file__).parent / "zoneinfo")])
    whenever.clear_tzcache()
    yield
    whenever.reset_tzpath(list(before))
    whenever.clear_tzcache()


def theirs(local: datetime, zone: str) -> datetime | None:
    plain = whenever.PlainDateTime(local.year, local.month, local.day, local.hour, local.minute)
    try:
        return plain.assume_tz(zone, disambiguation="raise").to_instant().to_stdlib()
    except (whenever.SkippedTime, whenever.RepeatedTime):
        return None


def ours(local: datetime, zone: str) -> datetime | None:
    try:
        return to_utc(local, zone)
    except UserError:
        return None


@given(ZONES | ODD, st.datetimes(datetime(1970, 2, 1), datetime(2037, 1, 1)))
@settings(max_examples=600, deadline=None)
@example("Africa/Casablanca", datetime(2027, 2, 7, 2, 30))
@example("Australia/Lord_Howe", datetime(2027, 10, 3, 2, 15))
@example("America/Sao_Paulo", datetime(2018, 11, 4, 0, 30))
@example("Pacific/Apia", datetime(2011, 12, 30, 12))
def test_wall_times_are_read_alike(zone: str, local: datetime) -> None:
    """Both give the same moment, and refuse the same times."""
    local = local.replace(second=0, microsecond=0)
    assert ours(local, zone) == theirs(local, zone)


@given(ZONES | ODD, st.datetimes(datetime(1971, 1, 1), datetime(2037, 1, 1)))
@settings(max_examples=300, deadline=None)
def test_clocks_show_the_same(zone: str, at: datetime) -> None:
    """Weekday, day, time and offset that people are told are those of the other implementation."""
    at = at.replace(second=0, microsecond=0, tzinfo=UTC)
    there = whenever.Instant.from_timestamp(int(at.timestamp())).to_tz(zone)
    said = describe(at, zone)
    shown_there = there.to_plain().to_stdlib()
    assert said.startswith(f"{shown_there:%a} {shown_there.day} {shown_there:%b %H:%M} ")
    if not said.endswith(" UTC"):
        minutes = round(there.offset.total("seconds") / 60)
        assert f" {'-' if minutes < 0 else '+'}{abs(minutes) // 60:02}{abs(minutes) % 60:02} " in said


@given(ODD, st.datetimes(datetime(2005, 1, 1), datetime(2036, 1, 1)), st.integers(0, 1440), st.integers(15, 1440))
@settings(max_examples=60, deadline=None)
@example("Australia/Lord_Howe", datetime(2027, 4, 4), 90, 60)
@example("Pacific/Apia", datetime(2011, 12, 30), 0, 1440)
@example("Europe/Berlin", datetime(2027, 3, 28), 120, 60)
@example("Europe/Berlin", datetime(2027, 10, 31), 150, 30)
def test_a_stretch_of_wall_time_is_the_moments_at_which_clocks_show_it(
    zone: str, day: datetime, first: int, length: int
) -> None:
    """Also where an hour is skipped or comes twice."""
    first, length, day = (
        first - first % 15,
        length - length % 15,
        day.replace(hour=0, minute=0, second=0, microsecond=0),
    )
    begin = round(day.replace(tzinfo=UTC).timestamp())
    clock = stretches(zone, begin - 2 * 86400, begin + 4 * 86400)
    found = shown(clock, day.date(), (first, first + length))
    once: dict[datetime, list[int]] = {}
    for moment in range(begin - 2 * 86400, begin + 4 * 86400, 900):
        there = whenever.Instant.from_timestamp(moment).to_tz(zone).to_plain().to_stdlib()
        assert wall_time(wall(clock, moment)) == there
        once.setdefault(there, []).append(moment)
        assert covers(found, moment, moment + 900) == (0 <= (there - day).total_seconds() - 60 * first < 60 * length)
    start = day.replace(hour=first // 60 % 24, minute=first % 60) if first < 1440 else None
    if start is not None:
        moments = once.get(start, [])
        assert only_moment(clock, day.date(), first) == (moments[0] if len(moments) == 1 else None)
