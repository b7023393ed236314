"""What an organiser asks, as they type it."""

from __future__ import annotations

from datetime import UTC, date, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from trainbot.core.errors import UserError
from trainbot.core.places import read_place
from trainbot.features.sessions.polls.poll import PollPlan, starts
from trainbot.features.sessions.polls.poll_parser import PollRequest, read

NOW = datetime(2027, 2, 20, 8, tzinfo=UTC)


def ask(text: str, own_zone: str = "") -> PollRequest:
    return read(text, own_zone, NOW, read_place)


@pytest.mark.parametrize(
    "text",
    [
        "7-15 mar 07:00-22:00 melbourne 2h max 2 until 3 mar",
        "until 3 mar max 2 2h melbourne 07:00-22:00 7-15 mar",
        "7 mar-15 mar 7:00-22:00 Australia/Melbourne 120m max 2 until 3 mar 24:00",
        "mar 7-15, 7am-10pm in melbourne, 2 hours, max 2 sessions, until 3 march",
        "2027-03-07..2027-03-15 07:00-22:00 melbourne 2h up to 2 until 2027-03-03 every 30m",
        "7-15 mar 07:00-22:00 melbourne two hours max 2 until 3 mar",
        "7-15 mar 07:00-22:00 melbourne max 2 until 3 mar for two hours",
    ],
)
def test_the_same_question_in_other_words(text: str) -> None:
    """The words may stand in any order, and as people write them."""
    assert ask(text) == PollRequest(
        PollPlan("Australia/Melbourne", date(2027, 3, 7), date(2027, 3, 15), (420, 1320), 120, 2, 30),
        datetime(2027, 3, 3, 13, tzinfo=UTC),
        "",
    )


def test_what_may_be_left_out() -> None:
    """One session, in the organiser's own zone, answers until the first day or for a week."""
    found = ask("7 mar 18:00-20:00 90m for SE Linux, part 2", "Europe/Berlin")
    assert (found.plan.zone, found.plan.most, found.plan.minutes, found.title) == (
        "Europe/Berlin",
        1,
        90,
        "SE Linux, part 2",
    )
    assert found.closes == datetime(2027, 2, 27, 8, tzinfo=UTC)
    assert ask("22-23 feb 18:00-20:00 1h30 berlin").closes == datetime(2027, 2, 21, 23, tzinfo=UTC)


def test_a_midnight_that_clocks_skip() -> None:
    """An end of answers is no class: it is the moment at which clocks go on."""
    found = read("5-6 sep 07:00-22:00 santiago 2h until 4 sep", "", datetime(2027, 8, 1, tzinfo=UTC), read_place)
    assert found.closes == datetime(2027, 9, 5, 4, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "first", "last", "closes"),
    [
        ("tomorrow 18:00-20:00 1h until today", "2027-02-21", "2027-02-21", "2027-02-20T13:00"),
        ("next sat 6 pm - 8 p.m. 1h until friday", "2027-02-27", "2027-02-27", "2027-02-26T13:00"),
        ("sat-sun 18:00-20:00 1h until next fri 6 pm", "2027-02-20", "2027-02-21", None),
        ("weekend 18:00-20:00 1h until fri", "2027-02-20", "2027-02-21", None),
        ("mon-wed 18:00-20:00 1h until tomorrow 6:30 pm", "2027-02-22", "2027-02-24", "2027-02-21T07:30"),
        ("sun 7 mar 18:00-20:00 1h until 2027-03-03T18:00", "2027-03-07", "2027-03-07", "2027-03-03T07:00"),
    ],
)
def test_days_of_the_week(text: str, first: str, last: str, closes: str | None) -> None:
    """The next ones, on the calendar of the place."""
    if closes is None:
        with pytest.raises(UserError, match="put an earlier day after until"):
            ask(f"{text} melbourne")
        return
    found = ask(f"{text} melbourne")
    assert (found.plan.first.isoformat(), found.plan.last.isoformat()) == (first, last)
    assert found.closes == datetime.fromisoformat(f"{closes}+00:00")


def test_years_and_nights() -> None:
    """The next time such days come; a window may go on past midnight."""
    assert (ask("28 dec-4 jan 9-17 berlin 1h").plan.first, ask("28 dec-4 jan 9-17 berlin 1h").plan.last) == (
        date(2027, 12, 28),
        date(2028, 1, 4),
    )
    assert ask("1-3 feb 9-17 berlin 1h").plan.first == date(2028, 2, 1)
    night = ask("7 mar 22:00-02:00 berlin 1h every 60m").plan
    assert [datetime.fromtimestamp(start, UTC).hour for start in starts(night)] == [21, 22, 23, 0, 1]


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", "on which days? for example !when open 7-15 mar"),
        ("07:00-22:00 melbourne 2h", "on which days?"),
        ("7-15 mar melbourne 2h", "between which times can a session begin"),
        ("7-15 mar 07:00-22:00 melbourne", "how long is a session?"),
        ("7-15 mar 07:00-22:00 2h", "which time zone? Add a city"),
        ("7-15 mar 07:00-22:00 +1100 2h", "+1100 is an offset, not a time zone: use one of Australia/Melbourne"),
        ("7-15 mar 07:00-22:00 melborne 2h", "did you mean Australia/Melbourne"),
        ("7-15 mar 07:00-22:00 melbourne 2h until 9 mar", "put an earlier day after until"),
        ("7-15 mar 07:00-22:00 melbourne 2h until 1 feb", "has passed: put a later day or time after until"),
        ("7-15 mar 07:00-22:00 melbourne 2h max 9", "(the maximum number of sessions) must be from 1 to 6"),
        ("7-15 mar 07:00-22:00 melbourne 2h 3h", "two lengths"),
        ("7-15 mar 8 mar 07:00-22:00 melbourne 2h", "two ranges of days"),
        ("7-15 mar 07:00-22:00 melbourne 20h", "too short or too long"),
        ("7-15 mar 07:00-22:00 melbourne 2h every 7m", "sessions can begin every 15, 30, 60 or 120 minutes"),
        ("1 mar-30 apr 07:00-22:00 melbourne 2h", "too many days (61, at most 31)"),
        ("1-31 mar 00:00-24:00 melbourne 15m every 15m", "(2977, at most 1500)"),
        ("30 feb 07:00-22:00 melbourne 2h", "30 Feb: there is no such day"),
        ("29 feb 2027 07:00-22:00 melbourne 2h", "29 Feb 2027: there is no such day in 2027"),
        ("7-15 mar 07:00-22:00 melbourne 2h until 31 apr", "31 Apr: there is no such day"),
        ("sat 7 mar 07:00-22:00 melbourne 2h", "7 Mar is a Sunday: use only one of them"),
        ("7-15 mar 07:00-22:00 london, ontario 2h", "use one of America/Toronto"),
        ("next week 07:00-22:00 2h", 'I don\'t understand "next week"'),
        ("7-15 mar 07:00-22:00 berlin nine hours", 'I don\'t understand "nine hours"'),
        ("7-15 mar 07:00-22:00 berlin sharp 2h", 'I don\'t understand "sharp"'),
        ("7-15 mar please 07:00-22:00 new york 2h", 'I don\'t understand "please"'),
        ("7-15 mar 07:00-22:00 eastern thanks 2h", 'I don\'t understand "thanks"'),
        ("7-15 mar 07:00-22:00 berlin 2h paris", "there are two places, berlin and paris: keep one"),
        ("7-15 mar 07:00-22:00 PST 2h berlin", "there are two places, pst and berlin: keep one"),
        ("7-15 mar 07:00-22:00 berlin 2h until 18:00", "until which day?"),
        ("7-15 mar 07:00-22:00 so 2h", 'I don\'t understand "so"'),
        ("7-15 mar 07:00-22:00 PST 2h", "use one of America/Los_Angeles, Asia/Manila"),
        ("7-15 mar 2026 07:00-22:00 melbourne 2h", "has passed: use days from 20 Feb on"),
        ("3/7 07:00-22:00 melbourne 2h", "use the month's name"),
        ("28 mar 02:10-02:50 berlin 1h every 60m", "clocks skip all of these times"),
    ],
)
def test_what_is_missing_or_wrong_is_said(text: str, answer: str) -> None:
    """One sentence with what to type; nothing is guessed."""
    with pytest.raises(UserError) as refused:
        ask(text)
    assert answer in str(refused.value) and len(str(refused.value)) < 350


@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            "7-15 mar 07:00-22:00 melbourne 2h max 2 until 3 every 30m for - , 2027-03-07 24:00 29 feb 31 to 0 9999 h".split()
        ),
        max_size=14,
    ).map(" ".join)
)
@settings(max_examples=150, deadline=None)
def test_no_words_break_it(text: str) -> None:
    """Whatever is typed is a question with starts or is answered with one sentence."""
    try:
        assert starts(ask(text).plan)
    except UserError as refused:
        assert "\n" not in str(refused)
