"""What organisers type about a session is understood in any order of its words."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.core.errors import UserError
from trainbot.core.times import readings
from trainbot.core.zones import zone as rules
from trainbot.features.sessions.phrase_parser import minutes_until, read_phrase, wall_time

NOW = datetime(2026, 11, 27, 8, tzinfo=UTC)
EXERCISES = ("selinux-debian", "nftables")
PIECES = (
    "selinux",
    "sat 14 mar",
    "09:00",
    "melbourne",
    "2h",
    '"SE Linux for beginners"',
    "by alice",
    "seats 30",
    "#class",
    "https://example.org/slides",
    "course SELinux-2027",
)


def understood(text: str, now: datetime = NOW) -> tuple[str, datetime, dict[str, object]]:
    said = read_phrase(text, now, EXERCISES)
    zone = said.zone or "Europe/Berlin"
    local = wall_time(said, zone, now)
    return zone, local, said.values | ({"minutes": minutes_until(said, local, zone)} if said.until is not None else {})


@given(st.permutations(PIECES))
@settings(max_examples=150, deadline=None)
def test_any_order_means_the_same(pieces: list[str]) -> None:
    """Nobody has to remember what comes first."""
    with pytest.raises(UserError, match="14 Mar 2027 is a Sunday"):
        understood(" ".join(pieces))
    zone, local, values = understood(" ".join(piece.replace("sat", "sun") for piece in pieces))
    assert (zone, local) == ("Australia/Melbourne", datetime(2027, 3, 14, 9))
    assert values == {
        "exercise": "selinux-debian",
        "minutes": 120,
        "title": "SE Linux for beginners",
        "presenter": "alice",
        "seats": 30,
        "channel": "#class",
        "slides": "https://example.org/slides",
        "course": "selinux-2027",
    }


@pytest.mark.parametrize(
    ("words", "local"),
    [
        ("sat 09:00", "2026-11-28T09:00"),
        ("fri 10:00", "2026-11-27T10:00"),
        ("fri 08:00", "2026-12-04T08:00"),
        ("tomorrow 9am", "2026-11-28T09:00"),
        ("today 21:30", "2026-11-27T21:30"),
        ("14 mar 9 pm", "2027-03-14T21:00"),
        ("march 14th 12am", "2027-03-14T00:00"),
        ("2027-03-14 7.30am", "2027-03-14T07:30"),
        ("29 feb 09:00", "2028-02-29T09:00"),
        ("14mar 2028 09:00", "2028-03-14T09:00"),
        ("Sunday 14 March 09:00", "2027-03-14T09:00"),
        ("on 24 nov at 09:00", "2027-11-24T09:00"),
        ("sat 24:00", "2026-11-29T00:00"),
        ("31 dec 24:00", "2027-01-01T00:00"),
        ("sat noon", "2026-11-28T12:00"),
        ("midday 14 mar", "2027-03-14T12:00"),
        ("sat midnight", "2026-11-29T00:00"),  # at its end, as in a poll
        ("today at midnight", "2026-11-28T00:00"),
        ("tonight 8 pm", "2026-11-27T20:00"),
        ("2027-03-14T09:00", "2027-03-14T09:00"),
        ("2027-03-14t09:00:00", "2027-03-14T09:00"),
        ("19.30 sat", "2026-11-28T19:30"),
        ("sat 7.30", "2026-11-28T07:30"),
        ("9.15 mon", "2026-11-30T09:15"),
        ("sat 9.00.", "2026-11-28T09:00"),
        ("sat 19h30", "2026-11-28T19:30"),
        ("sat 19h", "2026-11-28T19:00"),
        ("2027/03/14 9:00", "2027-03-14T09:00"),
        ("2027-03-14T9:00", "2027-03-14T09:00"),
        ("next friday 10:00", "2026-12-04T10:00"),
        ("this friday 10:00", "2026-11-27T10:00"),
        ("next sat 10:00", "2026-11-28T10:00"),
        ("weds 10:00", "2026-12-02T10:00"),
        ("in 2 hours", "2026-11-27T11:00"),
        ("in 90 min", "2026-11-27T10:30"),
        ("in half an hour", "2026-11-27T09:30"),
        ("in 3 days 10:00", "2026-11-30T10:00"),
        ("in a week at noon", "2026-12-04T12:00"),
        ("14-mar-2028 09:00", "2028-03-14T09:00"),
        ("the 14th of march, 2028, 09:00", "2028-03-14T09:00"),
        ("14. mar. 09:00", "2027-03-14T09:00"),
        ("14.3.2028 09:00", "2028-03-14T09:00"),
        ("14.3. 09:00", "2027-03-14T09:00"),
        ("31.12 09:00", "2026-12-31T09:00"),
        ("12/31 09:00", "2026-12-31T09:00"),
        ("14/3/28 09:00", "2028-03-14T09:00"),
        ("3rd march 19:00", "2027-03-03T19:00"),
        ("march 3rd 7 pm", "2027-03-03T19:00"),
        ("3. march 19:00", "2027-03-03T19:00"),
        ("thursday the 1st of april 10am", "2027-04-01T10:00"),
        ("apr 1, 2027, 10 a.m.", "2027-04-01T10:00"),
        ("tomorrow at noon", "2026-11-28T12:00"),
        ("sat 12 noon", "2026-11-28T12:00"),
        ("sat 12 midnight", "2026-11-29T00:00"),
        ("mar 12 noon", "2027-03-12T12:00"),
        ("mar. 12 midnight", "2027-03-13T00:00"),
        ("12 mar 12 noon", "2027-03-12T12:00"),
        ("mar 12, 12 noon", "2027-03-12T12:00"),
        ("mar 12 2027 noon", "2027-03-12T12:00"),
        ("12 am sat", "2026-11-28T00:00"),
        ("12:30 am sat", "2026-11-28T00:30"),
        ("7.30pm tue", "2026-12-01T19:30"),
        ("sat 730pm", "2026-11-28T19:30"),
        ("sat 1930h", "2026-11-28T19:30"),
        ("sat 0730 hrs", "2026-11-28T07:30"),
        ("sat 19:30h", "2026-11-28T19:30"),
        ("sat 19:30 hrs", "2026-11-28T19:30"),
        ("sat 19.30 h", "2026-11-28T19:30"),
        ("sat 10:00 my time", "2026-11-28T10:00"),
        ("day after tomorrow 10:00", "2026-11-29T10:00"),
        ("this coming saturday 10:00", "2026-11-28T10:00"),
        ("in a fortnight 10:00", "2026-12-11T10:00"),
        ("a week from today 10:00", "2026-12-04T10:00"),
        ("3 days from now at 10:00", "2026-11-30T10:00"),
        ("2 hours from now", "2026-11-27T11:00"),
        ("in 1h30", "2026-11-27T10:30"),
        ("20270401 10:00", "2027-04-01T10:00"),
        ("20270401T1000", "2027-04-01T10:00"),
    ],
)
def test_days_and_times(words: str, local: str) -> None:
    """As people write them; without a year the next one, never one that is over."""
    assert understood(words)[1] == datetime.fromisoformat(local)


@pytest.mark.parametrize(
    ("words", "minutes"),
    [
        ("2h", 120),
        ("90min", 90),
        ("90 min", 90),
        ("1h30", 90),
        ("2 hours", 120),
        ("1.5h", 90),
        ("45m", 45),
        ("1h30m", 90),
        ("2 h", 120),
        ("2 hrs", 120),
        ("1 hour 30 minutes", 90),
        ("for 1 hour and 30 min", 90),
        ("two hours", 120),
        ("an hour", 60),
        ("half an hour", 30),
        ("1.5 hours", 90),
        ("2.25 hours", 135),
        ("1.75h", 105),
        ("1,5h", 90),
        ("1½h", 90),
        ("1½ hours", 90),
        ("½ hour", 30),
        ("1 1/2 hours", 90),
        ("1/2 hour", 30),
        ("one and a half hours", 90),
        ("an hour and a half", 90),
        ("2 and a half hours", 150),
        ("2.25 h", 135),
        ("24 hours", 1440),
    ],
)
def test_lengths(words: str, minutes: int) -> None:
    """Hours and minutes, with or without a blank."""
    assert understood(f"sat 09:00 {words}")[2]["minutes"] == minutes


@pytest.mark.parametrize(
    ("words", "start", "minutes"),
    [
        ("19:00-21:00", "19:00", 120),
        ("19:00 - 21:00", "19:00", 120),
        ("19:00 to 21:00", "19:00", 120),
        ("from 19:00 until 21:00", "19:00", 120),
        ("19.00–21.30", "19:00", 150),
        ("19:00 through 21:00", "19:00", 120),
        ("7-9pm", "19:00", 120),
        ("7 pm - 9 pm", "19:00", 120),
        ("7:30 p.m. to 9 p.m.", "19:30", 90),
        ("10 to 2 pm", "10:00", 240),
        ("noon-2pm", "12:00", 120),
        ("22:00-midnight", "22:00", 120),
        ("22:00 - 24:00", "22:00", 120),
        ("23:00-01:00", "23:00", 120),
        ("11pm-1am", "23:00", 120),
        ("between 19:00 and 21:00", "19:00", 120),
        ("between 7 pm and 9 pm", "19:00", 120),
        ("11 am to 12 noon", "11:00", 60),
        ("730pm-9pm", "19:30", 90),
        ("1930h-2100h", "19:30", 90),
        ("19:00h to 21:00h", "19:00", 120),
        ("10:00-12", "10:00", 120),
        ("19:00\u201121:00", "19:00", 120),
        ("19:00 \u2212 21:00", "19:00", 120),
        ("19:00\u201221:00", "19:00", 120),
        ("19:00\u00a0—\u202f21:00", "19:00", 120),
        ("19 h - 21 h", "19:00", 120),
        ("15 h to 17 h", "15:00", 120),
    ],
)
def test_from_to(words: str, start: str, minutes: int) -> None:
    """A time with its end says the length, over midnight too."""
    zone, local, values = understood(f"sat {words} new york")
    assert (zone, f"{local:%d %H:%M}", values) == ("America/New_York", f"28 {start}", {"minutes": minutes})


@pytest.mark.parametrize(
    ("words", "local"),
    [
        ("sat morning 10:00", "28 10:00"),
        ("sat 10:00 in the morning", "28 10:00"),
        ("sat 12:30 am in the morning", "28 00:30"),
        ("sat 3 pm in the afternoon", "28 15:00"),
        ("sat evening 19:00", "28 19:00"),
        ("17:00 sat evening", "28 17:00"),
        ("sat 7:30 p.m. in the evening", "28 19:30"),
        ("sat 23:00 at night", "28 23:00"),
        ("sat night 24:00", "29 00:00"),
        ("sat 5 am in the morning", "28 05:00"),
    ],
)
def test_a_part_of_the_day_beside_a_time(words: str, local: str) -> None:
    """It says no more than the time does."""
    assert f"{understood(f'{words} new york')[1]:%d %H:%M}" == local


@pytest.mark.parametrize("quotes", ['""', "“”", "„“", "„”", "””", "«»", "»«", "‟”"])
def test_quotes_as_people_have_them(quotes: str) -> None:
    """Of any language."""
    _zone, local, values = understood(f"sat 19 h rome {quotes[0]}L’été, 14 mar: 20:00{quotes[1]}")
    assert (f"{local:%H:%M}", values) == ("19:00", {"title": "L’été, 14 mar: 20:00"})


@pytest.mark.parametrize(
    ("words", "local", "minutes"),
    [
        ("2027-03-14T09:00 - 11:00 new york", "14 Mar 09:00", 120),
        ("2027-03-14T09:00–11:00 new york", "14 Mar 09:00", 120),
        ("2027-03-14T09:00\u201111:00 new york", "14 Mar 09:00", 120),
        ("2027-03-14t09:00 to 11:00 berlin", "14 Mar 09:00", 120),
        ("2027-03-14T23:00 until 01:30 kathmandu", "14 Mar 23:00", 150),
        ("2027-03-14T22:00 - midnight lagos", "14 Mar 22:00", 120),
        ("2027-03-27T23:00 — 04:00 berlin", "27 Mar 23:00", 240),
        ("2027-03-14T09:00 2h berlin", "14 Mar 09:00", 120),
        ("2027-03-14T09:00 - berlin - 2h", "14 Mar 09:00", 120),
    ],
)
def test_a_moment_and_an_end(words: str, local: str, minutes: int) -> None:
    """Day and time in one word, then the time at which it ends; with a blank, as -11:00 alone is an offset."""
    _zone, found, values = understood(words)
    assert (f"{found:%d %b %H:%M}", values) == (local, {"minutes": minutes})


@pytest.mark.parametrize(
    ("words", "minutes"),
    [
        ("27 mar 2027 23:00-04:00 berlin", 240),
        ("30 oct 2027 23:00-04:00 berlin", 360),
        ("13 mar 2027 23:00-04:00 new york", 240),
        ("6 nov 2027 23:00-04:00 new york", 360),
        ("3 apr 2027 23:00-04:00 melbourne", 360),
        ("2 oct 2027 23:00-04:00 melbourne", 240),
        ("3 apr 2027 23:00-04:00 Australia/Lord_Howe", 330),
        ("27 mar 2027 10pm - 6am london", 420),
        ("31 oct 2027 00:00-06:00 lisbon", 420),
        ("14 mar 2027 01:00-03:00 chicago", 60),
        ("30 oct 2027 23:00-04:00 tokyo", 300),
        ("27 mar 2027 20:00-24:00 berlin", 240),
        ("27 mar 2027 24:00-05:00 berlin", 240),
        ("2 oct 2027 23:00-04:00 lord howe", 270),
        ("27 mar 2027 23:00-04:00 ireland", 240),
        ("30 oct 2027 11 pm - 4 am dublin", 360),
        ("3 apr 2027 21:00-02:00 santiago", 360),
        ("4 sep 2027 23:00-02:00 Santiago, Chile", 120),
        ("27 mar 2027 20:00-24:00 nuuk", 180),
        ("27 mar 2027 22:00-02:00 azores", 180),
        ("3 apr 2027 23:00-04:00 chatham islands", 360),
        ("27 mar 2027 23:00-04:00 Antarctica/Troll", 180),
    ],
)
def test_a_span_lasts_what_clocks_on_the_wall_say(words: str, minutes: int) -> None:
    """If clocks change in between, it is longer or shorter than it looks."""
    assert understood(words)[2]["minutes"] == minutes


@given(
    st.datetimes(datetime(2027, 1, 1), datetime(2029, 1, 1)),
    st.integers(5, 23 * 60),
    st.sampled_from(
        "Europe/Berlin America/New_York Australia/Lord_Howe Africa/Casablanca Asia/Tokyo Asia/Gaza Europe/Dublin "
        "America/Santiago Antarctica/Troll Africa/Cairo Asia/Jerusalem America/Nuuk".split()
    ),
)
@settings(max_examples=150, deadline=None)
def test_it_ends_when_the_clock_shows_the_end(start: datetime, length: int, zone: str) -> None:
    """Whatever clocks do: at the end they show what was said, or the session is refused."""
    end = start + timedelta(minutes=length)
    try:
        _zone, local, values = understood(f"{start:%Y-%m-%d %H:%M}-{end:%H:%M} {zone}")
    except UserError as refused:
        assert "happens twice" in str(refused) or "does not exist" in str(refused)
        return
    over = readings(local, zone)[0] + timedelta(minutes=int(str(values["minutes"])))
    assert f"{over.astimezone(rules(zone)):%d %H:%M}" == f"{end:%d %H:%M}"


def test_an_end_that_clocks_skip_is_refused() -> None:
    """Nobody can say how long that lasts."""
    with pytest.raises(UserError, match="02:30 on Sun 28 Mar 2027 does not exist in Europe/Berlin"):
        understood("27 mar 2027 23:00-02:30 berlin")
    with pytest.raises(UserError, match="02:30 on Sun 31 Oct 2027 happens twice"):
        understood("30 oct 2027 23:00-02:30 berlin")


@pytest.mark.parametrize(
    "written",
    ["7:30 pm", "7:30pm", "7.30 p.m.", "7.30 pm", "7:30 P.M.", "7:30 p. m.", "07:30 PM", "7.30pm", "7:30  pm"],
)
@pytest.mark.parametrize("phrase", ["{} sat", "sat {}", "selinux, {}, sat melbourne", "at {} on sat in new york"])
def test_half_days(written: str, phrase: str) -> None:
    """am and pm after hours or minutes, with dots or blanks or without, are never a country."""
    assert understood(phrase.format(written))[1] == datetime(2026, 11, 28, 19, 30)
    morning = written.replace("p", "a").replace("P", "A")
    assert understood(phrase.format(morning))[1] == datetime(2026, 11, 28, 7, 30)


@given(
    st.integers(0, 23), st.integers(0, 59), st.sampled_from(("", " ", "  ")), st.sampled_from(("{}m", "{}.m.", "{}.M."))
)
@settings(max_examples=60, deadline=None)
def test_every_time_of_the_half_days(hour: int, minute: int, blank: str, half: str) -> None:
    """Twelve is before one, on both sides."""
    text = f"{hour % 12 or 12}:{minute:02}{blank}{half.format('ap'[hour >= 12])}"
    assert understood(f"sat {text}")[1] == datetime(2026, 11, 28, hour, minute)


@pytest.mark.parametrize("hour", range(0, 24, 3))
@pytest.mark.parametrize(
    "place", ["auckland", "melbourne", "tokyo", "kolkata", "london", "new york", "honolulu", "+14"]
)
def test_day_and_hour_belong_to_the_place_that_is_named(place: str, hour: int) -> None:
    """Wherever the organiser is: today, tomorrow and weekdays are those of the place in the sentence."""
    now = datetime(2026, 11, 27, hour, 30, tzinfo=UTC)
    for word in ("today 23:59", "tomorrow 10:00", "next fri 10:00", "in 2 days 10:00", "tonight 11:59 pm"):
        zone, local, _values = understood(f"{word} {place}", now)
        there = now.astimezone(rules(zone)).date()
        days = {"today": 0, "tonight": 0, "tomorrow": 1, "in": 2}.get(word.split()[0], (4 - there.weekday()) % 7 or 7)
        assert local.date() == there + timedelta(days=days), word


def test_lists() -> None:
    """Images and zones take what follows, up to a word that is something else."""
    _zone, _local, values = understood("images debian centos by alice zones Europe/Berlin Asia/Tokyo sat 09:00 london")
    assert values == {"images": ("debian", "centos"), "presenter": "alice", "zones": ("Europe/Berlin", "Asia/Tokyo")}
    assert _zone == "Europe/London"


@pytest.mark.parametrize(
    ("words", "answer"),
    [
        ("29 feb 2027 09:00", "29 Feb 2027: there is no such day in 2027"),
        ("2027-02-29 09:00", "2027-02-29: there is no such day in 2027"),
        ("31 apr 09:00", "31 Apr: there is no such day"),
        ("0 mar 09:00", "0 Mar: there is no such day"),
        ("mar 32 09:00", "32 Mar: there is no such day"),
        ("2027-13-01 09:00", "2027-13-01: there is no such day"),
        ("31/31 09:00", "31/31: there is no such day"),
        ("25:00 sat", "25:00 is not a time of day"),
        ("9:60 sat", "9:60 is not a time of day"),
        ("13 pm sat", "13pm is not a time of day"),
        ("19:30 pm sat", "19:30pm is not a time of day"),
        ("7:5 sat", '"7:5" is not a time of day'),
        ("09:00:30 sat", '"09:00:30" is not a time of day'),
        ("sat 0900", 'I don\'t understand "0900": a time is 19:00'),
        ("sat 14 09:00", 'I don\'t understand "14"'),
        ("14-15 mar 09:00", 'I don\'t understand "14-15"'),
        ("19:00-2h sat", "19:00-2h"),
        ("sat 19.10", "is 19.10 a time or a date? Write 19:10, or the month as a word: 19 oct"),
        ("3/4 09:00", "does 3/4 start with the day or the month?"),
        ("mar 09:00", "which day in Mar?"),
        ("sat evening", "at what time in the evening? For example 19:00"),
        ("sat in the morning", "at what time in the morning? For example 07:00"),
        ("sat 7:30 in the evening", "07:30 is not in the evening: write the time as in 19:30 or 7:30 pm"),
        ("sat afternoon 21:00", "21:00 is not in the afternoon"),
        ("sat 19:00 in the morning", "19:00 is not in the morning"),
        ("sat noon at night", "12:00 is not in the night"),
        ("sat 10:00 0 h", "a session lasts from 1 minute to 24 hours"),
        ("next week 09:00", 'I don\'t understand "week": a day is sat, 14 mar, tomorrow, or in 3 days'),
        ("half past seven sat", 'I don\'t understand "half": write the time in figures, as in 19:30 or 7:30 pm'),
        ("quarter to eight sat", 'I don\'t understand "quarter": write the time in figures'),
        ("sat 7 o'clock", 'I don\'t understand "7": a time is 19:00 or 7 pm'),
        ("sat 19.30 uhr", 'I don\'t understand "uhr": write the time in figures'),
        ("on the 3rd 10:00", "the 3rd of which month? For example 3 mar"),
        ("dienstag 19:00", 'I don\'t understand "dienstag": a day is sat or 14 mar, a place is a large city'),
        ("sat 10-12 am", "10-12am is ambiguous: use 24-hour times"),
        ("sat 19:00 25 hours", "25 hours is too long: a session lasts at most 24 hours"),
        ("27 mar 23:00 - 28 mar 04:00", 'there are two dates, the second starts with "28"'),
        ("14 jan 10:00 local time", 'I don\'t understand "local time"'),
        ("14 jan 10:00 et", 'I don\'t understand "et"'),
        ("14 jan 10:00 ET", "use one of America/New_York, Africa/Addis_Ababa"),
        ("sat 09:00 soon", 'I don\'t understand "soon"'),
        ("sat 09:00 north", 'I don\'t understand "north"'),
        ("sat 09:00 pm am", 'I don\'t understand "am"'),
        ("sat 09:00 christmas", 'I don\'t understand "christmas"'),
        ("sat 09:00 de", 'I don\'t understand "de"'),
        ("sat 09:00 berlin me", 'I don\'t understand "me"'),
        ("sat 09:00 it 2h berlin", 'I don\'t understand "it"'),
        ("sat 09:00 paris 2h london", "there are two places, paris and london"),
        ("sat 09:00 PST berlin", "there are two places, PST and berlin"),
        ("2027-03-14T09:00-05:00 new york", "there are two places, -05:00 and new york"),
        ("2027-03-14T09:00-11:00 berlin", "there are two places, -11:00 and berlin"),
        ("sat 09:00 usa please", 'I don\'t understand "please"'),
        ("sat 09:00 eastern downtown", 'I don\'t understand "downtown"'),
        ("sat 09:00 london, ontario", "use one of America/Toronto"),
        ("sat 09:00 berlin, xyzzy", 'I don\'t know "xyzzy"'),
        ("sat 09:00 melborne", "did you mean Australia/Melbourne?"),
        ("in 2 hours sat", "there are two times"),
        ("in 9999 hours", 'I don\'t understand "in 9999"'),
        ("14 jul 2027 09:00 PST", "America/Los_Angeles, Asia/Manila"),
    ],
)
def test_a_word_without_a_meaning_is_named(words: str, answer: str) -> None:
    """The sentence is about that word; it is never taken for a place or a wrong question asked."""
    with pytest.raises(UserError) as refused:
        understood(words)
    said = str(refused.value)
    assert answer in said and "no place" not in said and len(said) < 350


def test_a_zone_is_that_of_the_day_meant() -> None:
    """An offset and an abbreviation are looked up around the session, not around today."""
    for moment in ("2027-03-14T09:00Z", "2027-03-14 09:00Z", "20270314T090000Z", "2027-03-14T09:00:00.000Z"):
        assert understood(moment)[:2] == ("UTC", datetime(2027, 3, 14, 9))
    with pytest.raises(UserError, match="use one of Europe/London"):
        understood("14 jul 2027 09:00 +0100")
    with pytest.raises(UserError, match="use one of Europe/Berlin"):
        understood("14 jan 2027 09:00 +0100")
    assert understood("14 jan 2027 09:00 BST")[0] == understood("14 jul 2027 09:00 BST")[0] == "Europe/London"


@given(
    st.text(max_size=80)
    | st.lists(
        st.sampled_from(
            [
                *PIECES,
                "images",
                "zones",
                "am",
                "seats",
                '"',
                "14",
                "99:99",
                "mar",
                "next",
                "in",
                "2",
                "p.m.",
                "-",
                "noon",
                "24:00",
            ]
        ),
        max_size=9,
    ).map(" ".join)
)
@settings(max_examples=300, deadline=None)
def test_anything_is_understood_or_answered(text: str) -> None:
    """Never a traceback: a session, or one sentence."""
    try:
        understood(text)
    except UserError as error:
        assert str(error) and "\n" not in str(error)
