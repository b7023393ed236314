"""Changes to a series: what is understood takes place as changed, and what is not is withheld."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from trainbot.adapters.calendars.ics_schedule import read_ics
from trainbot.model.session import Schedule, Session

START = datetime(2027, 3, 1, tzinfo=UTC)
END = START + timedelta(days=60)
B = "TZID=Europe/Berlin"
WEEKLY = f"DTSTART;{B}:20270302T190000\nDTEND;{B}:20270302T210000\nRRULE:FREQ=WEEKLY;COUNT=6"  # Tuesdays; clocks change on 28


def read(*events: str) -> tuple[list[Session], Schedule]:
    """The sessions, and the schedule with its problems."""
    body = "".join(f"BEGIN:VEVENT\nUID:w\n{event}\nEND:VEVENT\n" for event in events)
    body = body.replace("UID:w\n", "UID:w\nSUMMARY:w\n") if "SUMMARY" not in body else body
    text = f"BEGIN:VCALENDAR\nVERSION:2.0\nPRODID:-//test//EN\n{body}END:VCALENDAR\n".replace("\n", "\r\n")
    sessions, problems = read_ics(text, "c.ics", START, END)
    return sorted(sessions, key=lambda session: session.start), Schedule(tuple(sessions), tuple(problems))


def shown(sessions: list[Session]) -> list[str]:
    return [f"{s.local:%m-%d %H:%M} {s.minutes}{' off' * s.cancelled}" for s in sessions]


ALL = ["03-02 19:00 120", "03-09 19:00 120", "03-16 19:00 120", "03-23 19:00 120", "03-30 19:00 120", "04-06 19:00 120"]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        # RFC 5545 3.8.4.4: two hours later from then on, and all as long as the one that was changed
        (
            [f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270316T190000\nDTSTART;{B}:20270316T210000\nDURATION:PT1H"],
            [*ALL[:2], "03-16 21:00 60", "03-23 21:00 60", "03-30 21:00 60", "04-06 21:00 60"],
        ),
        # to another day of the week
        (
            [f"RECURRENCE-ID;{B};RANGE=THISANDFUTURE:20270316T190000\nDTSTART;{B}:20270318T180000"],
            [*ALL[:2], "03-18 18:00 120", "03-25 18:00 120", "04-01 18:00 120", "04-08 18:00 120"],
        ),
        # back in time, over the one before
        (
            [f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270316T190000\nDTSTART;{B}:20270308T190000"],
            ["03-02 19:00 120", "03-08 19:00 120", "03-09 19:00 120", "03-15 19:00 120", "03-22 19:00 120", "03-29 19:00 120"],
        ),
        # the RECURRENCE-ID in UTC: local times stay the same when clocks change
        (
            [f"RECURRENCE-ID;RANGE=THISANDFUTURE:20270316T180000Z\nDTSTART;{B}:20270316T200000"],
            [*ALL[:2], "03-16 20:00 120", "03-23 20:00 120", "03-30 20:00 120", "04-06 20:00 120"],
        ),
        # to another zone: 19:00 there, from then on, whatever both clocks do
        (
            [
                "RECURRENCE-ID;RANGE=THISANDFUTURE;TZID=Europe/Berlin:20270316T190000\n"
                "DTSTART;TZID=Australia/Melbourne:20270316T190000"
            ],
            [*ALL[:2], "03-16 19:00 120", "03-23 19:00 120", "03-30 19:00 120", "04-06 19:00 120"],
        ),
        # all are called off
        (
            [f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270323T190000\nDTSTART;{B}:20270323T190000\nSTATUS:CANCELLED"],
            [*ALL[:3], "03-23 19:00 120 off", "03-30 19:00 120 off", "04-06 19:00 120 off"],
        ),
        # two of them: the later one counts from where it begins, from the original times
        (
            [
                f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270309T190000\nDTSTART;{B}:20270309T200000",
                f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270323T190000\nDTSTART;{B}:20270323T180000",
            ],
            ["03-02 19:00 120", "03-09 20:00 120", "03-16 20:00 120", "03-23 18:00 120", "03-30 18:00 120", "04-06 18:00 120"],
        ),
        # one of those after it is changed alone
        (
            [
                f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270309T190000\nDTSTART;{B}:20270309T200000",
                f"RECURRENCE-ID;{B}:20270316T190000\nDTSTART;{B}:20270317T120000",
            ],
            ["03-02 19:00 120", "03-09 20:00 120", "03-17 12:00 120", "03-23 20:00 120", "03-30 20:00 120", "04-06 20:00 120"],
        ),
        # the same, named by the time to which it had been moved: some programs do, and it must not take place twice
        (
            [
                f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270309T190000\nDTSTART;{B}:20270309T200000",
                f"RECURRENCE-ID;{B}:20270316T200000\nDTSTART;{B}:20270317T120000",
            ],
            ["03-02 19:00 120", "03-09 20:00 120", "03-17 12:00 120", "03-23 20:00 120", "03-30 20:00 120", "04-06 20:00 120"],
        ),
        # one before it, and it itself, are changed alone as well
        (
            [
                f"RECURRENCE-ID;{B}:20270309T190000\nDTSTART;{B}:20270309T170000",
                f"RECURRENCE-ID;{B}:20270316T190000\nDTSTART;{B}:20270316T170000",
                f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270316T190000\nDTSTART;{B}:20270316T210000",
            ],
            ["03-02 19:00 120", "03-09 17:00 120", "03-16 17:00 120", "03-23 21:00 120", "03-30 21:00 120", "04-06 21:00 120"],
        ),
        # named by its day, as a date or by midnight (Exchange)
        ([f"RECURRENCE-ID;VALUE=DATE:20270309\nDTSTART;{B}:20270310T170000"], ["03-02 19:00 120", "03-10 17:00 120", *ALL[2:]]),
        ([f"RECURRENCE-ID;{B}:20270309T000000\nDTSTART;{B}:20270310T170000"], ["03-02 19:00 120", "03-10 17:00 120", *ALL[2:]]),
        (
            [f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270309T000000\nDTSTART;{B}:20270309T170000"],
            ["03-02 19:00 120", *(f"{day[:6]}17:00 120" for day in ALL[1:])],
        ),
        # the first and all others, in lower case
        (
            [f"RECURRENCE-ID;RANGE=thisandfuture;{B}:20270302T190000\nDTSTART;{B}:20270302T090000"],
            [f"{day[:6]}09:00 120" for day in ALL],
        ),
        # of two versions of one change the later counts
        (
            [
                f"RECURRENCE-ID;{B}:20270309T190000\nSEQUENCE:2\nDTSTART;{B}:20270309T170000",
                f"RECURRENCE-ID;{B}:20270309T190000\nSEQUENCE:1\nDTSTART;{B}:20270309T160000",
            ],
            ["03-02 19:00 120", "03-09 17:00 120", *ALL[2:]],
        ),
    ],
)  # fmt: skip
def test_changes_of_a_series(changes: list[str], expected: list[str]) -> None:
    """Each session takes place once, at the time that was meant, and keeps its uid."""
    sessions, schedule = read(WEEKLY, *changes)
    assert schedule.problems == ()
    assert shown(sessions) == expected
    assert {s.uid for s in sessions} == {s.uid for s in read(WEEKLY)[0]}


def test_a_change_of_a_zone_keeps_the_local_time_there() -> None:
    """Melbourne's clocks change a week after Berlin's."""
    sessions, _ = read(
        WEEKLY,
        f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270309T190000\nDTSTART;TZID=Australia/Melbourne:20270309T190000",
    )
    assert [f"{s.start:%m-%d %H:%M}" for s in sessions[3:]] == ["03-23 08:00", "03-30 08:00", "04-06 09:00"]


def test_a_change_of_an_event_that_does_not_repeat() -> None:
    """It was the only occurrence, so that is moved, and keeps its uid."""
    single = f"DTSTART;{B}:20270302T190000"
    sessions, schedule = read(single, f"RECURRENCE-ID;{B}:20270302T190000\nDTSTART;{B}:20270303T190000")
    assert (shown(sessions), [s.uid for s in sessions], schedule.problems) == (["03-03 19:00 120"], ["w"], ())


def test_a_change_keeps_the_title_of_its_series() -> None:
    """Exchange leaves out what did not change."""
    sessions, schedule = read(
        f"SUMMARY:SE Linux\n{WEEKLY}", f"RECURRENCE-ID;{B}:20270309T190000\nDTSTART;{B}:20270309T170000"
    )
    assert ({s.title for s in sessions}, schedule.problems) == ({"SE Linux"}, ())


FIELDS = "DESCRIPTION:exercise: nftables\\nseats: 30"


@pytest.mark.parametrize(
    ("change", "expected"),
    [
        ("COMMENT:nothing", ("w", "nftables", 30, 120, False)),  # Exchange leaves out what did not change
        ("SUMMARY:Moved", ("Moved", "nftables", 30, 120, False)),
        ("DURATION:PT1H", ("w", "nftables", 30, 60, False)),
        ("STATUS:CANCELLED", ("w", "nftables", 30, 120, True)),
        ("X-TRAINBOT-SEATS:9", ("w", "nftables", 9, 120, False)),
        ("DESCRIPTION:seats: 9", ("w", None, 9, 120, False)),  # its own description counts as a whole
        ("DESCRIPTION:", ("w", None, None, 120, False)),
    ],
)
@pytest.mark.parametrize("extent", ["", "RANGE=THISANDFUTURE;"])
def test_a_change_keeps_what_it_does_not_say(
    change: str, expected: tuple[str, str | None, int | None, int, bool], extent: str
) -> None:
    """Length, exercise and the like are those of the series: a class that was only moved keeps its labs."""
    changed = f"SUMMARY:w\nRECURRENCE-ID;{extent}{B}:20270309T190000\nDTSTART;{B}:20270309T170000\n{change}"
    sessions, schedule = read(
        f"SUMMARY:w\n{WEEKLY}\n{FIELDS}", changed.removeprefix("SUMMARY:w\n" * ("SUMMARY" in change))
    )
    assert schedule.problems == ()
    found = sessions[1]
    assert (found.title, found.exercise, found.seats, found.minutes, found.cancelled) == expected


THIRD = f"RECURRENCE-ID;{B}:20270316T190000\n"


@pytest.mark.parametrize(
    ("change", "told", "held"),
    [
        (f"{THIRD}DTSTART;TZID=Mars/Base:20270316T210000", "its session of Tue 16 Mar 19:00 +0100 Berlin is", [2]),
        (f"{THIRD}DTSTART:20270316T210000", "floating DTSTART (no time zone)", [2]),
        (f"{THIRD}DTSTART;VALUE=DATE:20270316", "lasts all day", [2]),
        (f"{THIRD}DTSTART;{B}:later", "has a DTSTART that is not understood", [2]),
        (f"{THIRD}COMMENT:no start", "has no start", [2]),
        (f"{THIRD}DTSTART;{B}:20270316T210000\nDURATION:P9D", "lasts 12960 minutes", [2]),
        (f"{THIRD}DTSTART;{B}:20270316T210000\nDTEND;{B}:20270316T200000", "lasts -60 minutes", [2]),
        (f"{THIRD}DTSTART;{B}:20270316T210000\nRRULE:FREQ=WEEKLY", "also repeats", [2]),
        (f"{THIRD}DTSTART;{B}:20270316T210000Z", "has a DTSTART that is not understood", [2]),
        (f"{THIRD}DTSTART;{B}:99990316T210000", "out of range", [2]),
        (
            f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270316T190000\nDTSTART;TZID=Mars/Base:20270316T210000",
            "its sessions from Tue 16 Mar 19:00 +0100 Berlin are not announced",
            [2, 3, 4, 5],
        ),
        (
            f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270316T190000\nDTSTART;{B}:20290316T210000",
            "moves all later occurrences (THISANDFUTURE) by more than a year",
            [2, 3, 4, 5],
        ),
        (
            f"RECURRENCE-ID;RANGE=THISANDPRIOR;{B}:20270316T190000\nDTSTART;{B}:20270316T210000",
            "its sessions until Tue 16 Mar 19:00 +0100 Berlin are not announced",
            [0, 1, 2],
        ),
        (
            f"RECURRENCE-ID;RANGE=SOME;{B}:20270316T190000\nDTSTART;{B}:20270316T210000",
            "RANGE=SOME: change single occurrences; until you correct or delete this change, its sessions are not announced",
            [0, 1, 2, 3, 4, 5],
        ),
        ("RECURRENCE-ID;VALUE=DATE:20270316\nDTSTART:20270316T210000Z\nDURATION:P9D", "lasts 12960 minutes", [2]),
        (f"RECURRENCE-ID;{B}:20270316T000000\nDTSTART;TZID=Mars/Base:20270316T210000", "are not announced", [2]),
        (f"RECURRENCE-ID;RANGE=THISANDFUTURE;{B}:20270316T000000\nDTSTART:x", "are not announced", [2, 3, 4, 5]),
        (f"RECURRENCE-ID;RANGE=THISANDPRIOR;{B}:20270316T000000\nDTSTART:x", "are not announced", [0, 1, 2]),
        ("RECURRENCE-ID;VALUE=DATE:20270316\nDTSTART;TZID=Mars/Base:20270316T210000", "unknown time zone", list(range(6))),
        (f"RECURRENCE-ID:20270316T190000\nDTSTART;{B}:20270316T210000", "has a floating RECURRENCE-ID", [0, 1, 2, 3, 4, 5]),
        (f"RECURRENCE-ID:soon\nDTSTART;{B}:20270316T210000", "has a RECURRENCE-ID that is not", [0, 1, 2, 3, 4, 5]),
        (f"RECURRENCE-ID;TZID=Mars/Base:20270316T190000\nDTSTART;{B}:20270316T210000", "has a RECURRENCE-ID in 'Mars", list(range(6))),
        (f"{THIRD}{THIRD}DTSTART;{B}:20270316T210000", "has several RECURRENCE-ID", [0, 1, 2, 3, 4, 5]),
    ],
)  # fmt: skip
def test_a_change_that_is_not_understood_withholds_its_sessions(change: str, told: str, held: list[int]) -> None:
    """Neither the old time nor a guess is announced; the problem says which sessions are meant, and what to do.  Sessions
    that were announced before are withheld too, and other series are not."""
    before = read(WEEKLY)[0]
    sessions, schedule = read(WEEKLY, change)
    (problem,) = schedule.problems
    assert told in problem.text and "until you correct or delete this change" in problem.text
    assert len(problem.text) < 400 and problem.line
    assert shown(sessions) == [line for n, line in enumerate(ALL) if n not in held]
    assert [n for n, session in enumerate(before) if schedule.withholds(session)] == held
    other = Session.of(**{**session_values(before[2]), "uid": "other#20270316T180000Z"})
    assert not schedule.withholds(other)


def session_values(session: Session) -> dict[str, object]:
    return {name: getattr(session, name) for name in ("uid", "title", "start", "zone", "local", "minutes", "origin")}


def test_more_faults_than_are_shown_withhold_all_the_same() -> None:
    """Only fifty problems of a file are listed."""
    series = f"DTSTART;{B}:20270302T190000\nRRULE:FREQ=HOURLY"
    daily = f"DTSTART;{B}:20270302T190000\nRRULE:FREQ=DAILY;COUNT=55"
    days = [datetime(2027, 3, 2) + timedelta(days=n) for n in range(55)]
    sessions, schedule = read(daily, *(f"RECURRENCE-ID;{B}:{day:%Y%m%d}T190000\nDTSTART:x" for day in days), series)
    assert (sessions, len(schedule.problems)) == ([], 50)
    assert all(schedule.withholds(session) for session in read(daily)[0])


def test_a_change_without_its_series() -> None:
    """Alone it says when one session is; all later ones depend on a series that is not there."""
    alone = f"SUMMARY:w\nRECURRENCE-ID;{B}:20270316T190000\nDTSTART;{B}:20270316T210000"
    assert shown(read(alone)[0]) == ["03-16 21:00 120"]
    sessions, schedule = read(alone.replace("-ID;", "-ID;RANGE=THISANDFUTURE;"))
    assert sessions == []
    assert "of a series that is not in this file" in schedule.problems[0].text
    assert [n for n, session in enumerate(read(WEEKLY)[0]) if schedule.withholds(session)] == [2, 3, 4, 5]


# -- the end of a repetition ---------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("zone", "first", "until", "expected"),
    [
        ("Europe/Berlin", "20270302T190000", "20270316", "03-02 03-09 03-16"),
        ("Europe/Berlin", "20270302T190000", "20270315", "03-02 03-09"),
        ("Europe/Berlin", "20270302T190000", "20270316T180000Z", "03-02 03-09 03-16"),  # as the RFC wants it: inclusive
        ("Europe/Berlin", "20270302T190000", "20270316T175959Z", "03-02 03-09"),
        ("Europe/Berlin", "20270302T190000", "20270316T190000", "03-02 03-09 03-16"),  # local, without Z
        ("Europe/Berlin", "20270302T190000", "20270316T185959", "03-02 03-09"),
        ("Europe/Berlin", "20270302T190000", "20270330", "03-02 03-09 03-16 03-23 03-30"),  # after clocks changed
        ("Europe/Berlin", "20270302T003000", "20270316", "03-02 03-09 03-16"),  # still the day before in UTC
        ("America/New_York", "20270302T220000", "20270316", "03-02 03-09 03-16"),  # the next day in UTC
        ("Pacific/Auckland", "20270302T090000", "20270316", "03-02 03-09 03-16"),  # the day before in UTC
        ("Pacific/Kiritimati", "20270302T235900", "20270316", "03-02 03-09 03-16"),
        ("Pacific/Pago_Pago", "20270302T000100", "20270316", "03-02 03-09 03-16"),
        ("UTC", "20270302T235959", "20270309", "03-02 03-09"),
        ("UTC", "20270302T190000", "20270302", "03-02"),
        ("Europe/Berlin", "20270427T190000", "99991231", "04-27"),  # for ever
        ("America/New_York", "20270427T190000", "99991231T235959", "04-27"),
    ],
)
def test_until(zone: str, first: str, until: str, expected: str) -> None:
    """A date counts to its end and a time without a zone is local, both in the zone of the event."""
    sessions, schedule = read(f"DTSTART;TZID={zone}:{first}\nRRULE:FREQ=WEEKLY;UNTIL={until}")
    assert schedule.problems == ()
    assert " ".join(f"{session.local:%m-%d}" for session in sessions) == expected


@pytest.mark.parametrize("until", ["20270301", "20270302T170000Z", "20270302T185959", "19700101"])
def test_a_repetition_that_ends_before_it_starts_is_a_fault(until: str) -> None:
    """Without sessions it would look as if all had been cancelled."""
    sessions, schedule = read(f"DTSTART;{B}:20270302T190000\nRRULE:FREQ=WEEKLY;UNTIL={until}")
    assert sessions == []
    assert "has an RRULE that ends (UNTIL) before the event starts" in schedule.problems[0].text


# -- EXDATE and RDATE ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ("EXDATE;VALUE=DATE:20270309", [ALL[0], *ALL[2:]]),
        ("EXDATE;VALUE=DATE:20270309,20270316\nEXDATE;VALUE=DATE:20270323", [ALL[0], *ALL[4:]]),
        ("EXDATE:20270309", [ALL[0], *ALL[2:]]),
        ("EXDATE;VALUE=DATE:20270310", ALL),  # no session that day
        # a date has no zone (3.2.19), but some write one
        (f"EXDATE;VALUE=DATE;{B}:20270309", [ALL[0], *ALL[2:]]),
        (f"EXDATE;{B};VALUE=DATE:20270309,20270316", [ALL[0], *ALL[3:]]),
        (f"EXDATE;{B}:20270309", [ALL[0], *ALL[2:]]),
        ("exdate;tzid=W. Europe Standard Time;value=date:20270309", [ALL[0], *ALL[2:]]),
        ('EXDATE;TZID="(UTC+01:00) Amsterdam, Berlin";VALUE=DATE:20270309', [ALL[0], *ALL[2:]]),
        ("EXDATE;TZID=tzone://Microsoft/Utc;VALUE=DATE:20270309", [ALL[0], *ALL[2:]]),
        (f"RDATE;VALUE=DATE;{B}:20270303", [ALL[0], "03-03 19:00 120", *ALL[1:]]),
        (f"EXDATE;{B}:20270309T190000\nEXDATE;VALUE=DATE:20270316", [ALL[0], *ALL[3:]]),
        ("EXDATE:20270330T170000Z", [*ALL[:4], ALL[5]]),
        ("EXDATE;TZID=America/New_York:20270309T130000", [ALL[0], *ALL[2:]]),  # the same moment elsewhere
        ("EXDATE;VALUE=DATE:20270302", ALL[1:]),  # the first
        (f"EXDATE;{B}:20270302T190000\nRDATE:20270302T190000Z", ["03-02 20:00 120", *ALL[1:]]),  # the same figures elsewhere
        (f"EXDATE;{B}:20270309T190000\nRDATE:20270309T190000Z", [ALL[0], "03-09 20:00 120", *ALL[2:]]),
        (f"RDATE;VALUE=PERIOD;{B}:20270303T100000/PT45M", [ALL[0], "03-03 10:00 45", *ALL[1:]]),
        (f"RDATE;VALUE=PERIOD;{B}:20270303T100000/20270303T113000", [ALL[0], "03-03 10:00 90", *ALL[1:]]),
        ("RDATE;VALUE=PERIOD:20270303T090000Z/PT1H,20270304T090000Z/20270304T093000Z", [ALL[0], "03-03 10:00 60", "03-04 10:00 30", *ALL[1:]]),
        (f"RDATE;VALUE=PERIOD;{B}:20270303T100000/PT45M\nRDATE;{B}:20270304T100000", [ALL[0], "03-03 10:00 45", "03-04 10:00 120", *ALL[1:]]),
        (f"RDATE;VALUE=PERIOD;{B}:20270309T190000/PT45M", [ALL[0], "03-09 19:00 45", *ALL[2:]]),  # one that is there already
        ("RDATE;VALUE=DATE:20270303", [ALL[0], "03-03 19:00 120", *ALL[1:]]),  # that day, at the usual time
        (f"RDATE;VALUE=PERIOD;{B}:20270303T100000/PT45M\nEXDATE;VALUE=DATE:20270303", ALL),
    ],
)  # fmt: skip
def test_dates_left_out_and_added(more: str, expected: list[str]) -> None:
    """Dates without times, and periods with their own length."""
    sessions, schedule = read(f"{WEEKLY}\n{more}")
    assert schedule.problems == ()
    assert shown(sessions) == expected


def test_a_date_that_is_left_out_is_left_out_when_it_was_changed_too() -> None:
    """EXDATE takes away the occurrence, whatever was changed about it."""
    change = f"RECURRENCE-ID;{B}:20270309T190000\nDTSTART;{B}:20270309T170000"
    for without in ("EXDATE;VALUE=DATE:20270309", f"EXDATE;{B}:20270309T190000"):
        assert shown(read(f"{WEEKLY}\n{without}", change)[0]) == [ALL[0], *ALL[2:]]


@pytest.mark.parametrize(
    ("line", "told"),
    [
        ("EXDATE:20270309T190000", "has a floating EXDATE (no time zone)"),
        ("EXDATE;TZID=Mars/Base:20270309T190000", "has an EXDATE in 'Mars/Base', an unknown time zone"),
        ("EXDATE:tomorrow", "has an EXDATE that is not understood"),
        (f"EXDATE;{B}:20270309T190000Z", "has an EXDATE that is not understood"),
        ("RDATE:20270309T190000", "has a floating RDATE (no time zone)"),
        ("RDATE;TZID=Mars/Base:20270309T190000", "has an RDATE in 'Mars/Base', an unknown time zone"),
        ("RDATE;VALUE=PERIOD:20270309T190000/PT1H", "has a floating RDATE (no time zone)"),
        ("RDATE;VALUE=PERIOD:20270309T190000Z/P9D", "has an RDATE that lasts 12960 minutes"),
        ("RDATE;VALUE=PERIOD:20270309T190000Z/20270309T180000Z", "has an RDATE that lasts -60 minutes"),
        ("RDATE;VALUE=PERIOD:20270309T190000Z/soon", "has an RDATE that is not understood"),
        ("DTEND;VALUE=DATE:20270303", "has a DTEND without a time"),
        (f"DTEND;VALUE=DATE;{B}:20270303", "has a DTEND without a time"),
        (f"DTEND;{B}:20270303", "has a DTEND without a time"),
        ("DTEND:20270302T210000", "has a floating DTEND (no time zone)"),
        ("DTEND;TZID=Mars/Base:20270302T210000", "has a DTEND in 'Mars/Base', an unknown time zone"),
    ],
)
def test_a_refusal_names_the_property(line: str, told: str) -> None:
    """Not only that something about the event is wrong."""
    sessions, schedule = read(f"DTSTART;{B}:20270302T190000\n{line}")
    assert (sessions, len(schedule.problems)) == ([], 1)
    assert told in schedule.problems[0].text
