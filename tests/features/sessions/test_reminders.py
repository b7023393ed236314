"""Everybody is reminded once, in time, by what is true then."""

from datetime import datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.core.errors import ConfigError
from trainbot.core.times import readings
from trainbot.features.sessions.reminders import STARTED_GRACE, due, passed_keys
from trainbot.model.reminder import parse_offsets
from trainbot.model.session import Session

OFFSETS = parse_offsets("7d 1d 1h 10m")


def session(local="2026-12-05T19:00", zone="Australia/Melbourne", **fields):
    wall = datetime.fromisoformat(local)
    fields = {"uid": "course/one", "title": "SE Linux", "minutes": 120} | fields
    return Session.of(start=readings(wall, zone)[0], local=wall, zone=zone, **fields)


def run(sessions, moments, offsets=OFFSETS):
    """The reminders said when the bot looks at these moments, keeping what it said."""
    said, already = [], set()
    for now in moments:
        for reminder in due(sessions, offsets, now, already):
            already.add(reminder.key)
            said.append((now, reminder))
    return said


def test_each_reminder_is_said_once_at_its_time():
    """A bot that always runs says all four, each at its minute, and no fifth."""
    one = session()
    start = one.start
    minutes = (start - timedelta(days=8) + timedelta(minutes=n) for n in range(9 * 24 * 60))
    assert [(start - at, r.offset) for at, r in run([one], minutes)] == [
        (timedelta(days=7), "7d"), (timedelta(days=1), "1d"), (timedelta(hours=1), "1h"), (timedelta(minutes=10), "10m"),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("before", "words"),
    [
        (timedelta(minutes=7), "SE Linux starts in 7 min: Sat 5 Dec 08:00 UTC | Sat 5 Dec 19:00 +1100 Melbourne"),
        (timedelta(hours=20), "SE Linux starts in 20 h: "),
        (timedelta(0), "SE Linux starts now: "),
        (timedelta(minutes=-3), "SE Linux started 3 min ago: "),
    ],
)
def test_after_downtime_one_line_says_what_is_true_now(before, words):
    """Four missed reminders become one, worded by the time that is left."""
    one = session()
    found = due([one], OFFSETS, one.start - before, set(), ["Australia/Melbourne"])
    assert len(found) == 1
    assert found[0].text.startswith(words)


def test_nothing_is_said_of_a_class_that_goes_on_or_is_off():
    """Some minutes after the start the class speaks for itself; a cancelled one is never remembered."""
    one = session()
    assert due([one], OFFSETS, one.start + STARTED_GRACE + timedelta(seconds=1), set()) == []
    assert due([session(cancelled=True)], OFFSETS, one.start - timedelta(minutes=5), set()) == []


def test_a_session_that_moves_is_remembered_anew():
    """What was said of the old time does not count for the new one; other edits change nothing."""
    one, moved = session(), session("2026-12-06T19:00")
    now = one.start - timedelta(minutes=30)
    already = {r.key for r in due([one], OFFSETS, now, set())}
    assert due([session(title="another title")], OFFSETS, now, already) == []
    assert [r.offset for r in due([moved], OFFSETS, moved.start - timedelta(hours=2), already)] == ["1d"]


def test_what_an_announcement_said_needs_no_reminder():
    """A session announced two hours before it starts is remembered an hour before, not at once."""
    one = session()
    announced = one.start - timedelta(hours=2)
    already = passed_keys(one, OFFSETS, announced)
    assert due([one], OFFSETS, announced, already) == []
    assert [r.offset for r in due([one], OFFSETS, one.start - timedelta(hours=1), already)] == ["1h"]


@pytest.mark.parametrize(
    ("local", "zone", "elapsed"),
    [
        ("2027-04-04T19:00", "Australia/Melbourne", timedelta(hours=25)),
        ("2026-10-04T19:00", "Australia/Melbourne", timedelta(hours=23)),
        ("2027-03-28T19:00", "Europe/Berlin", timedelta(hours=23)),
        ("2027-11-07T19:00", "America/New_York", timedelta(hours=25)),
        ("2027-04-04T19:00", "Australia/Lord_Howe", timedelta(hours=24, minutes=30)),
        ("2027-03-29T02:30", "Europe/Berlin", timedelta(hours=23)),  # 02:30 the day before does not exist
        ("2027-03-29T02:30", "UTC", timedelta(hours=24)),
    ],
)
def test_a_day_before_is_the_same_time_on_the_clock_there(local, zone, elapsed):
    """Across a clock change 1d is 23 or 25 hours, while 24h stays 24 hours."""
    one = session(local, zone)
    day, hours = parse_offsets("1d")[0], parse_offsets("24h")[0]
    assert one.start - day.before(one) == elapsed
    assert one.start - hours.before(one) == timedelta(hours=24)


@given(
    st.sampled_from(
        ["Australia/Melbourne", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Pacific/Apia"]
    ),
    st.datetimes(datetime(2026, 1, 1), datetime(2028, 1, 1)),
    st.lists(st.integers(-600, 10 * 24 * 3600), max_size=40),
)
@settings(max_examples=150, deadline=None)
def test_whenever_the_bot_looks_nothing_is_said_twice_or_late_or_lost(zone, local, looks):
    """For any pattern of downtime: each key once, none early, none long after the start; and one look
    in the last stretch is enough for the last reminder."""
    one = session(local.isoformat(), zone)
    moments = [one.start - timedelta(seconds=s) for s in sorted(looks, reverse=True)]
    said = run([one], moments)
    assert len({r.key for _at, r in said}) == len(said)
    assert all(r.due_at <= at <= one.start + STARTED_GRACE for at, r in said)
    due_times = [r.due_at for _at, r in said]
    assert due_times == sorted(due_times)
    if any(one.start - timedelta(minutes=10) <= at <= one.start + STARTED_GRACE for at in moments):
        assert said[-1][1].offset == "10m"


def test_offsets_are_read_longest_first():
    """Order, case, commas and repetition do not matter; none at all is allowed."""
    assert [o.text for o in parse_offsets("10M, 7d 1h 1d 24h")] == ["7d", "24h", "1h", "10m"]
    assert parse_offsets("1w")[0].days == 7
    assert parse_offsets("") == ()


@pytest.mark.parametrize(
    "text", ["soon", "7", "d", "-1d", "1d1h", "0m", "999w", "1.5h", "١d", " ".join(f"{n}m" for n in range(1, 20))]
)
def test_a_wrong_offset_is_refused_with_an_example(text):
    """bot.ini is told what would be right."""
    with pytest.raises(ConfigError, match="use for example 7d 1d 1h 10m|the limit is 10"):
        parse_offsets(text)


def test_the_line_fits_irc_with_a_long_title_and_many_zones():
    """Zones give way, the time in UTC stays."""
    one = session(
        title="x" * 200,
        zones=("Australia/Melbourne", "Europe/Berlin", "America/New_York", "Asia/Kolkata"),
        channel="#c",
    )
    text = due([one], OFFSETS, one.start, set())[0].text
    assert len(text.encode()) <= 400
    assert "Sat 5 Dec 08:00 UTC" in text
