"""What people type about their times, and what it means in moments."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from trainbot.core.errors import UserError
from trainbot.core.times import describe
from trainbot.features.sessions.polls.answer_parser import Availability, free, read
from trainbot.features.sessions.polls.clocks import shown
from trainbot.features.sessions.polls.poll import PollPlan, extent, local_days, starts
from trainbot.features.sessions.polls.spans import covers, union

DAYS = [date(2027, 3, 6) + timedelta(days=n) for n in range(10)]  # Sat 6 to Mon 15 Mar
TODAY = date(2027, 3, 5)  # a Friday
THE_CASE = PollPlan("Australia/Melbourne", date(2027, 3, 7), date(2027, 3, 15), (420, 1320), 120, 2, 30)


def told(text: str) -> str:
    """As ``word days hours``, in short."""
    said = read(text, DAYS, TODAY)
    parts = [
        f"{statement.word} {','.join(f'{day:%a}{day.day}' for day in sorted(statement.days)) or '*'} "
        f"{statement.hours[0] / 60:g}-{statement.hours[1] / 60:g}"
        for statement in said.statements
    ]
    return "; ".join([*["only"] * said.afresh, *parts, *[f"in {said.place}"] * bool(said.place)])


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        ("sat 14:00-18:00", "yes Sat6,Sat13 14-18"),
        ("not sun", "no Sun7,Sun14 0-24"),
        ("sat 20:00-22:00?", "if need be Sat6,Sat13 20-22"),
        ("sat or sun 20:00–22:00 ?", "if need be Sat6,Sun7,Sat13,Sun14 20-22"),
        ("maybe sat", "if need be Sat6,Sat13 0-24"),
        ("sat 10-12 if need be", "if need be Sat6,Sat13 10-12"),
        ("any", "only; yes * 0-24"),
        ("any, not sun", "only; yes * 0-24; no Sun7,Sun14 0-24"),
        ("none", "only; no * 0-24"),
        ("never", "only; no * 0-24"),
        ("not at all", "only; no * 0-24"),
        ("none berlin", "only; no * 0-24; in berlin"),
        ("only sat 14-16", "only; yes Sat6,Sat13 14-16"),
        ("weekdays after 18:00", "yes Mon8,Tue9,Wed10,Thu11,Fri12,Mon15 18-24"),
        ("weekdays 18-22 except wed", "yes Mon8,Tue9,Wed10,Thu11,Fri12,Mon15 18-22; no Wed10 0-24"),
        ("mon-wed 9am-5pm", "yes Mon8,Tue9,Wed10,Mon15 9-17"),
        ("fri-sun", "yes Sat6,Sun7,Fri12,Sat13,Sun14 0-24"),
        ("sat, sun 14-18", "yes Sat6,Sat13 14-18; yes Sun7,Sun14 14-18"),
        ("sat 14-18 sun 10-12", "yes Sat6,Sat13 14-18; yes Sun7,Sun14 10-12"),
        ("sat 14-18; sun 10-12?", "yes Sat6,Sat13 14-18; if need be Sun7,Sun14 10-12"),
        ("wed, thu?", "yes Wed10 0-24; if need be Thu11 0-24"),
        ("sat 10-12, 14-18", "yes Sat6,Sat13 10-12; yes Sat6,Sat13 14-18"),
        ("not sat, sun", "no Sat6,Sat13 0-24; no Sun7,Sun14 0-24"),
        ("not sun, sat 14-18", "no Sun7,Sun14 0-24; yes Sat6,Sat13 14-18"),
        ("not before 10:00", "no * 0-10"),
        ("sat not 14-16", "yes Sat6,Sat13 0-24; no Sat6,Sat13 14-16"),
        ("weekend, not 14 mar before 10", "yes Sat6,Sun7,Sat13,Sun14 0-24; no Sun14 0-10"),
        ("14-18 on sat", "yes Sat6,Sat13 14-18"),
        ("I'm free on Saturday from 14:00 to 18:00", "yes Sat6,Sat13 14-18"),
        ("every day 8-10", "yes * 8-10"),
        ("after 18:00", "yes * 18-24"),
        ("18:00-", "yes * 18-24"),
        ("sat 22:00-02:00", "yes Sat6,Sat13 22-26"),
        ("sat 14h-18h", "yes Sat6,Sat13 14-18"),
        ("sat 14.00-18.30", "yes Sat6,Sat13 14-18.5"),
        ("sat 2-6pm", "yes Sat6,Sat13 14-18"),
        ("sat 10-2pm", "yes Sat6,Sat13 10-14"),
        ("sat noon-midnight", "yes Sat6,Sat13 12-24"),
        ("sat 20:00-24:00", "yes Sat6,Sat13 20-24"),
        ("sat/sun evening", "yes Sat6,Sun7,Sat13,Sun14 18-24"),
        ("7 mar 14-18", "yes Sun7 14-18"),
        ("7-9 mar 2-6pm", "yes Sun7,Mon8,Tue9 14-18"),
        ("mar 7-9", "yes Sun7,Mon8,Tue9 0-24"),
        ("7 mar - 9 mar 10-12", "yes Sun7,Mon8,Tue9 10-12"),
        ("7.3. 10-12", "yes Sun7 10-12"),
        ("2027-03-07..2027-03-09 10-12", "yes Sun7,Mon8,Tue9 10-12"),
        ("sun 14 mar", "yes Sun14 0-24"),
        ("berlin sat 14-18", "yes Sat6,Sat13 14-18; in berlin"),
        ("sat 14-18 new york", "yes Sat6,Sat13 14-18; in new york"),
        ("Europe/Berlin weekdays 18:00-", "yes Mon8,Tue9,Wed10,Thu11,Fri12,Mon15 18-24; in europe/berlin"),
        ("+1100 sat", "yes Sat6,Sat13 0-24; in +1100"),
        ("tomorrow 14-18", "yes Sat6 14-18"),
        ("not tomorrow", "no Sat6 0-24"),
        ("next fri 7:30 pm - 9 pm", "yes Fri12 19.5-21"),
        ("this sat 7.30 p.m.-9 p. m.", "yes Sat6 19.5-21"),
        ("sat 19:00 - 21:00", "yes Sat6,Sat13 19-21"),
        ("sat 10.00-12.00.", "yes Sat6,Sat13 10-12"),
        ("sat 22-2", "yes Sat6,Sat13 22-26"),
        ("14/3 10-12", "yes Sun14 10-12"),
        ("3/14/27 10-12", "yes Sun14 10-12"),
        ("sat 24:00-02:00", "yes Sat6,Sat13 24-26"),
        ("sat midday-2pm", "yes Sat6,Sat13 12-14"),
        ("2027-03-07T09:00-11:00", "yes Sun7 9-11"),
        ("6. march 10-12", "yes Sat6 10-12"),
        ("march 6th 10-12", "yes Sat6 10-12"),
        ("sat 10-12 pm", "yes Sat6,Sat13 10-12"),
        ("sat 9 a.m. - noon", "yes Sat6,Sat13 9-12"),
        ("sat 10-12 my time", "yes Sat6,Sat13 10-12"),
        ("sat 14-18, london, ontario", "yes Sat6,Sat13 14-18; in london, ontario"),
    ],
)
def test_one_line_says_it(text: str, meant: str) -> None:
    """As people type it."""
    assert told(text) == meant


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("", "when are you free? for example !when sat 14:00-18:00"),
        ("sat 14", "14 to when? For example sat 14:00-18:00"),
        ("midnight-", "midnight until when? For example 00:00-06:00"),
        ("sat 24:00-, sun", "midnight until when?"),
        ("sat 2pm", "2pm to when?"),
        ("9-5", "9-5 is ambiguous: use 9:00-17:00, or 9:00-05:00 if it ends after midnight"),
        ("3/7 10-12", "use the month's name, for example 7 mar"),
        ("sat 14 mar", "14 Mar is a Sunday: use only one of them"),
        ("1 apr", "1 Apr is not in the poll: it is about Sat 6 Mar to Mon 15 Mar"),
        ("14-10 mar", "14 Mar is after 10 Mar"),
        ("mar", "which day in Mar?"),
        ("99 mar", 'don\'t understand "99"'),
        ("sat 25:00-26:00", "25:00 is not a time of day"),
        ("sat 14:00-14:00", "not a time range"),
        ("after", "after when? For example after 18:00"),
        ("blah", 'don\'t understand "blah"'),
        ("sat xyz 14-18 foo", 'don\'t understand "xyz"'),
        ("not sat?", '"not" and "if need be" contradict each other'),
        ("sat 10-12 no", '"no" what? Put it before the day: not sat, or not sun 14:00-18:00'),
        ("sat 10-12, not", '"not" what?'),
        ("any except", '"except" what?'),
        ("weekdays after 18:00 but never", '"never" what?'),
        ("sat 14-18 sun busy", '"busy" what?'),
        ("29 feb 2027 10-12", "29 Feb 2027: there is no such day in 2027"),
        ("31 apr", "31 Apr: there is no such day"),
        ("this fri 10-12", "this fri is Fri 5 Mar, which is not in the poll"),
        ("sat 10-12 am", "10-12 am is ambiguous: use 24-hour times"),
        ("sat half past seven", 'don\'t understand "half": write times in figures'),
        ("today", "today is Fri 5 Mar, which is not in the poll: it is about Sat 6 Mar to Mon 15 Mar"),
        ("sat noon-3", "noon-3 is ambiguous: use 12:00-15:00, or 12:00-03:00 if it ends after midnight"),
        ("sat 2pm-6", "2pm-6 is ambiguous: use 14:00-18:00"),
        ("after midnight", "after midnight until when? For example 00:00-06:00"),
        ("sat 13pm-14pm", "13pm is not a time of day"),
        ("sat,sun " * 60, "longer than 400 characters"),
        ("1-2,3-4," * 45, "more than 60 times"),
    ],
)
def test_what_is_not_clear_is_answered_with_what_to_type(text: str, answer: str) -> None:
    """Nothing is guessed where a guess could be wrong."""
    with pytest.raises(UserError) as refused:
        read(text, DAYS, TODAY)
    assert answer in str(refused.value) and len(str(refused.value)) < 300


@given(
    st.text(max_size=60)
    | st.lists(
        st.sampled_from(
            "sat sun mon-fri not , ; ? - 14 18 14:00-18:00 7 mar tomorrow next midnight 24:00 after before until any none only and 2pm h m . 2027-03-07 / + weekend".split()
        ),
        max_size=14,
    ).map(" ".join)
)
@settings(max_examples=150, deadline=None)
@example("7 mar - 9 mar - 12")
@example("-")
@example("٣-٤")
@example("7 0 mar")
def test_no_words_break_it(text: str) -> None:
    """Whatever is typed means something or is answered with one sentence."""
    try:
        for statement in read(text, DAYS, TODAY).statements:
            assert 0 <= statement.hours[0] < statement.hours[1] <= 48 * 60 and statement.days <= set(DAYS)
    except UserError as refused:
        assert "\n" not in str(refused)


def suits(zone: str, *lines: str, plan: PollPlan = THE_CASE) -> list[int]:
    """The starts that somebody who said this could come to."""
    found = free(plan, [(zone, read(line, local_days(plan, zone), TODAY).statements) for line in lines])
    either = union(found.yes, found.maybe)
    return [start for start in starts(plan) if covers(either, start, start + 60 * plan.minutes)]


def utc(moment: int) -> str:
    return describe(datetime.fromtimestamp(moment, UTC), "UTC").removesuffix(" UTC")


def test_the_2007_case() -> None:
    """Starts from 07:00 to 22:00 in Melbourne are 20:00 to 11:00 UTC, past midnight, on each of the days."""
    found = starts(THE_CASE)
    assert (utc(found[0]), utc(found[30]), utc(found[31]), utc(found[-1]), len(found)) == (
        "Sat 6 Mar 20:00",
        "Sun 7 Mar 11:00",
        "Sun 7 Mar 20:00",
        "Mon 15 Mar 11:00",
        9 * 31,
    )
    evenings = suits("Europe/Berlin", "fri 20:00-24:00")  # 21:00 and 22:00 in Berlin are Saturday morning in Melbourne
    assert [utc(moment) for moment in evenings] == ["Fri 12 Mar 20:00", "Fri 12 Mar 20:30", "Fri 12 Mar 21:00"]
    assert suits("Europe/Berlin", "sat 14:00-18:00") == []


@pytest.mark.parametrize(
    ("zone", "first", "last", "found"),
    [
        # clocks in Melbourne go back on 4 Apr: one hour more between Saturday's and Sunday's start
        ("Australia/Melbourne", date(2027, 4, 3), date(2027, 4, 4), ["Sat 3 Apr 08:00", "Sun 4 Apr 09:00"]),
        ("Australia/Lord_Howe", date(2027, 4, 3), date(2027, 4, 4), ["Sat 3 Apr 08:00", "Sun 4 Apr 08:30"]),
        ("Pacific/Chatham", date(2027, 4, 3), date(2027, 4, 4), ["Sat 3 Apr 05:15", "Sun 4 Apr 06:15"]),
        ("Asia/Kathmandu", date(2027, 4, 3), date(2027, 4, 4), ["Sat 3 Apr 13:15", "Sun 4 Apr 13:15"]),
        (
            "Africa/Casablanca",
            date(2026, 2, 14),
            date(2026, 2, 15),
            ["Sat 14 Feb 18:00", "Sun 15 Feb 19:00"],
        ),  # Ramadan begins
        ("America/Sao_Paulo", date(2018, 11, 3), date(2018, 11, 4), ["Sat 3 Nov 22:00", "Sun 4 Nov 21:00"]),
        (
            "America/Sao_Paulo",
            date(2027, 11, 6),
            date(2027, 11, 7),
            ["Sat 6 Nov 22:00", "Sun 7 Nov 22:00"],
        ),  # no DST since 2019
        (
            "Pacific/Apia",
            date(2011, 12, 29),
            date(2011, 12, 31),
            ["Fri 30 Dec 05:00", "Sat 31 Dec 05:00"],
        ),  # no 30 Dec there
    ],
)
def test_a_window_is_wall_time_on_each_day(zone: str, first: date, last: date, found: list[str]) -> None:
    """19:00 is 19:00 before and after clocks change."""
    assert [utc(moment) for moment in starts(PollPlan(zone, first, last, (1140, 1140), 60, 1, 30))] == found


def test_no_start_that_clocks_skip_or_show_twice() -> None:
    """Nobody is sent to a class at such a time."""
    night = PollPlan("Europe/Berlin", date(2027, 3, 28), date(2027, 3, 28), (60, 240), 30, 1, 30)
    assert [utc(moment) for moment in starts(night)] == [
        "Sun 28 Mar 00:00",
        "Sun 28 Mar 00:30",
        "Sun 28 Mar 01:00",
        "Sun 28 Mar 01:30",
        "Sun 28 Mar 02:00",
    ]
    autumn = PollPlan("Europe/Berlin", date(2027, 10, 31), date(2027, 10, 31), (60, 240), 30, 1, 30)
    assert [utc(moment)[-5:] for moment in starts(autumn)] == ["23:00", "23:30", "02:00", "02:30", "03:00"]


def test_an_answer_where_the_clocks_change_in_between() -> None:
    """In New York clocks change on 14 Mar, in Melbourne not: 18:00 there is another start from that day on."""
    found = suits("America/New_York", "18:00-20:00")
    assert [utc(moment) for moment in found] == [
        *(f"{day} Mar 23:00" for day in ("Sat 6", "Sun 7", "Mon 8", "Tue 9", "Wed 10", "Thu 11", "Fri 12", "Sat 13")),
        "Sun 14 Mar 22:00",
    ]


def test_not_means_free_at_other_times_and_yes_means_not() -> None:
    """Whoever only says not is free else; whoever says when is not free else; the last word about an hour counts."""
    everything = set(starts(THE_CASE))
    assert set(suits("Australia/Melbourne", "any")) == everything
    assert set(suits("Australia/Melbourne", "not sun")) < everything
    assert suits("Australia/Melbourne", "not sun", "sat 14-18") == suits("Australia/Melbourne", "sat 14-18")
    assert suits("Australia/Melbourne", "sat 14-18", "not sat") == []
    assert suits("Australia/Melbourne", "not sat", "sat 14-18") == suits("Australia/Melbourne", "sat 14-18")
    assert set(suits("Australia/Melbourne", "not sun", "sat 14-18?")) > set(suits("Australia/Melbourne", "sat 14-18"))
    assert suits("Australia/Melbourne", "none") == []


@given(
    st.lists(
        st.tuples(st.sampled_from(("yes", "maybe", "no")), st.integers(0, 9), st.integers(0, 23), st.integers(1, 24)),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(
        ["Europe/Berlin", "America/New_York", "Pacific/Kiritimati", "Australia/Lord_Howe", "Asia/Kathmandu"]
    ),
)
@settings(max_examples=50, deadline=None)
def test_the_last_word_about_an_hour_counts(said: list[tuple[str, int, int, int]], zone: str) -> None:
    """Against walking through the statements for one quarter of an hour after the other."""
    days = local_days(THE_CASE, zone)
    said = [(word, min(day, len(days) - 1), hour, length) for word, day, hour, length in said]
    lines = [
        (
            zone,
            read(
                f"{'not ' * (word == 'no')}{days[day].day} mar {hour}:00-{(hour + length) % 24:02}:30"
                f"{'?' * (word == 'maybe')}",
                days,
                TODAY,
            ).statements,
        )
        for word, day, hour, length in said
    ]
    found: Availability = free(THE_CASE, lines)
    clock, (first, last) = THE_CASE.clock(zone), extent(THE_CASE)
    base = "yes" if said[0][0] == "no" and all(word != "yes" for word, *_ in said) else "no"
    for moment in range(first, last, 900):
        word = base
        for (kind, *_), (_zone, (statement,)) in zip(said, lines, strict=True):
            (day,) = statement.days
            if covers(shown(clock, day, statement.hours), moment, moment + 900):
                word = kind
        there = (
            "yes"
            if covers(found.yes, moment, moment + 900)
            else "maybe"
            if covers(found.maybe, moment, moment + 900)
            else "no"
        )
        assert there == word
