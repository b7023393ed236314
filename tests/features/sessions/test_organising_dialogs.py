"""Sessions planned on IRC, as dialogs: shown back, kept as drafts, published, moved, cancelled."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from tests.stage import CHANNEL, Stage

WHEN = "Sat 5 Dec 08:00 UTC | Sat 5 Dec 19:00 +1100 Melbourne | Sat 5 Dec 09:00 +0100 Berlin"
ADD = '!session add selinux sat 5 dec 19:00 melbourne 90min "SE Linux for all" by russell seats 3'
FILE = """
[[session]]
id = "a"
title = "From a file"
zone = "Europe/Berlin"
start = 2026-12-07T09:00:00
"""


@pytest.fixture
def drafted(stage: Stage) -> Stage:
    """One draft, d1."""
    stage.talk("olga", "!tz berlin")
    stage.talk("olga", ADD)
    stage.talk("olga", "!yes")
    return stage


@pytest.fixture
def published(drafted: Stage) -> Stage:
    drafted.talk("olga", "!session publish")
    drafted.talk("alice", "!tz melbourne")
    drafted.talk("alice", "!signup 1")
    return drafted


def test_shown_back_in_three_zones(stage: Stage) -> None:
    """Before it is kept: the session's zone, UTC, the asker's; and nothing is kept without a yes."""
    stage.talk("olga", "!tz berlin")
    before = stage.dump()
    assert stage.talk("olga", ADD) == [
        f'olga: "SE Linux for all", {WHEN} | in 8 d, lasts 1 h 30 min, exercise selinux, by russell, 3 seats. '
        "If a host fails, 0 of 3 people have a lab. Save this as a draft? Type !yes within 60 s."
    ]
    assert stage.dump() == before
    assert stage.talk("olga", "!yes") == [
        "olga: saved as d1; !session publish d1 announces it, !session cancel d1 deletes it"
    ]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("tomorrow 10:00", "Sat 5 Dec 10:00 +0100 Berlin"),
        ("today 23:59", "Fri 4 Dec 23:59 +0100 Berlin"),
        ("tonight 24:00", "Sat 5 Dec 00:00 +0100 Berlin"),
        ("day after tomorrow noon", "Sun 6 Dec 12:00 +0100 Berlin"),
        ("in 3 days 19:00", "Mon 7 Dec 19:00 +0100 Berlin"),
        ("in 2 hours", "Sat 5 Dec 01:58 +0100 Berlin"),
        ("90 minutes from now", "Sat 5 Dec 01:28 +0100 Berlin"),
        ("next fri 09:00", "Fri 11 Dec 09:00 +0100 Berlin"),
        ("next sat 09:00", "Sat 5 Dec 09:00 +0100 Berlin"),
        ("fri midnight", "Sat 5 Dec 00:00 +0100 Berlin"),
        ("a week from today 8 pm", "Fri 11 Dec 20:00 +0100 Berlin"),
        ("tomorrow 10:00 auckland", "Sun 6 Dec 10:00 +1300 Auckland"),
    ],
)
def test_what_was_shown_is_saved_though_midnight_passes(stage: Stage, words: str, shown: str) -> None:
    """Days and spans count from when they were typed, not from the yes; so does the zone, if !tz comes in between."""
    stage.talk("olga", "!tz berlin")
    stage.now = datetime(2026, 12, 4, 22, 58, 40, tzinfo=UTC)  # a Friday, in Berlin 23:58:40
    assert shown in stage.talk("olga", f"!session add selinux {words}")[0]
    stage.now = datetime(2026, 12, 4, 22, 59, 30, tzinfo=UTC)
    stage.talk("olga", "!tz tokyo")
    assert "saved as d1" in stage.talk("olga", "!yes")[0]
    stage.talk("olga", "!tz " + shown.rpartition(" ")[2])
    assert shown in stage.whisper("olga", "session")[0]


def test_a_move_confirmed_after_midnight(published: Stage) -> None:
    """The session is moved to the day that was shown."""
    published.now = datetime(2026, 12, 3, 12, 59, 40, tzinfo=UTC)  # in Melbourne, the zone of the session, 23:59:40
    assert "Fri 4 Dec 10:00 +1100 Melbourne" in published.talk("olga", "!session move 1 tomorrow 10:00")[0]
    published.now = datetime(2026, 12, 3, 13, 0, 10, tzinfo=UTC)
    assert "Fri 4 Dec 10:00 +1100 Melbourne" in published.talk("olga", "!yes")[1]


@pytest.mark.parametrize(
    "title", ['"SE Linux for all"', "„SE Linux for all“", "«linux FOR»", "“SE Linux”", "linux for all"]
)
def test_a_title_in_quotes_of_any_language(published: Stage, title: str) -> None:
    """Wherever a session may be named by its title."""
    if title[0] != "l":  # without quotes it would not be known where the title ends
        assert "Sun 6 Dec" in published.talk("olga", f"!session move {title} sun 6 dec 10:00")[0]
    assert "cancels SE Linux for all" in published.talk("olga", f"!session cancel {title}")[0]
    assert "SE Linux for all" in published.talk("olga", f"!signups {title}")[0]
    assert "SE Linux for all" in published.talk("bob", f"!signup {title}")[0]


def test_a_draft_is_nobodys_business(drafted: Stage) -> None:
    """It is in no list of learners, nobody is told, and it outlives the bot."""
    assert drafted.talk("alice", "!sessions") == ["alice: no sessions are planned"]
    drafted.restart()
    assert drafted.wait(days=8) == []
    drafted.now = drafted.now.replace(month=11, day=28)
    assert drafted.whisper("olga", "session") == [
        "d1: SE Linux for all, Sat 5 Dec 09:00 +0100 Berlin (in 7 d, from IRC): !session publish d1, or all"
    ]


def test_published(drafted: Stage) -> None:
    """Announced as any other, once; then it has seats, reminders and a number of its own."""
    said = drafted.hear("olga", "!session publish")
    assert said == [
        (CHANNEL, "olga: published as session 1"),
        (
            CHANNEL,
            f"new session: SE Linux for all, {WHEN} | Sat 5 Dec 03:00 -0500 New York | in 8 d; !signup 1 gets you a seat",
        ),
    ]
    assert "1: SE Linux for all, with russell, 0 of 3 seats" in drafted.whisper("alice", "sessions")[0]
    assert drafted.talk("olga", "!session publish") == [
        'olga: there is no draft to publish; !session add selinux sat 14 mar 09:00 melbourne 2h "SE Linux for beginners" '
        "by alice seats 30 creates one"
    ]
    drafted.restart()
    assert [text.split(":")[0] for _, text in drafted.wait(days=1)] == ["SE Linux for all starts in 7 d"]


def test_moved(published: Stage) -> None:
    """The channel and whoever has a seat hear it, each in their own time; the time of day stays where none is said."""
    (asked,) = published.talk("olga", "!session move 1 sun 6 dec")
    assert "Sun 6 Dec 19:00 +1100 Melbourne" in asked and "#class and 1 who signed up will be told" in asked
    said = published.hear("olga", "!yes")
    assert said[0] == (CHANNEL, "olga: moved; I'm telling everybody")
    assert said[1][0] == CHANNEL and said[1][1].startswith("moved: SE Linux for all, from Sat 5 Dec 08:00 UTC to Sun 6")
    assert said[2] == (
        "alice",
        "SE Linux for all moved from Sat 5 Dec 19:00 +1100 Melbourne to Sun 6 Dec 19:00 +1100 "
        "Melbourne (in 9 d); you keep your seat, !signup drop gives it up",
    )
    assert len(said) == 3


def test_cancelled_and_on_again(published: Stage) -> None:
    """Everybody is told, and the number that brings it back is said."""
    assert (
        "this cancels SE Linux for all, Sat 5 Dec 09:00 +0100 Berlin. #class and 1 who signed up will be told. Type !yes"
        in published.talk("olga", "!session cancel 1")[0]
    )
    said = published.hear("olga", "!yes")
    assert said[0][1] == "olga: cancelled; I'm telling everybody (!session publish d1 puts it on again)"
    assert [target for target, _ in said] == [CHANNEL, CHANNEL, "alice"]
    assert published.talk("alice", "!sessions") == ["alice: no sessions are planned"]
    said = published.hear("olga", "!session publish d1")
    assert [text.partition(":")[0].partition(",")[0] for _, text in said] == [
        "olga",
        "on again",
        "SE Linux for all is on again",
    ]


def test_a_yes_is_about_what_was_asked(published: Stage) -> None:
    """A session that gets the number of another one between the question and the yes is not cancelled for it."""
    published.talk("olga", '!session add selinux tomorrow 01:00 utc 1h "Before all others"')
    published.talk("olga", "!yes")
    published.talk("olga", "!session cancel 1")
    published.whisper("olga", "session publish all")
    assert (
        "nothing was done: the sessions have changed, and that number is now Before all others"
        in published.talk("olga", "!yes")[0]
    )
    assert "SE Linux for all" in " ".join(published.whisper("bob", "sessions"))


def test_other_words_change_without_a_word(published: Stage) -> None:
    """More seats, another title: no move, so nobody is disturbed."""
    published.talk("olga", '!session change d1 seats 5 "SE Linux for everybody"')
    assert published.hear("olga", "!yes") == [(CHANNEL, "olga: changed")]
    assert "SE Linux for everybody, with russell, 1 of 5 seats" in published.whisper("bob", "sessions")[0]


def test_sessions_of_files_are_changed_in_files(stage: Stage) -> None:
    """The file is named; nothing changes."""
    stage.schedule("c.toml", FILE)
    stage.wait(seconds=2)
    before = stage.dump()
    for words in ("move 1 tue 8 dec 09:00", "cancel 1", "cancel From a file", "change 1 seats 9"):
        assert stage.talk("olga", f"!session {words}") == [
            "olga: From a file comes from the file c.toml: change it there, I will read it within seconds"
        ]
    assert stage.dump() == before
    stage.schedule("c.toml", FILE + "# a comment")
    assert stage.wait(seconds=2) + stage.wait(seconds=2) == []


def test_a_file_calls_off_nothing_that_was_made_here(published: Stage) -> None:
    """Sessions from IRC do not stand in files, so that they are missing there means nothing."""
    published.schedule("c.toml", FILE)
    said = published.wait(seconds=2) + published.wait(seconds=2)
    assert [text.split(":")[0] for _, text in said] == ["new session"]


def test_dropped(drafted: Stage) -> None:
    """A draft goes without a word to anybody else."""
    assert drafted.talk("olga", "!session cancel d1") == [
        "olga: this deletes the draft SE Linux for all, Sat 5 Dec 09:00 +0100 Berlin. Type !yes within 60 s."
    ]
    assert drafted.hear("olga", "!yes") == [(CHANNEL, "olga: deleted")]
    assert drafted.talk("olga", "!session")[0].startswith("there are no drafts; ")


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        (
            "tomorrow 10:00 auckland",
            "Sat 28 Nov 21:00 UTC | Sun 29 Nov 10:00 +1300 Auckland | Sat 28 Nov 22:00 +0100 Berlin",
        ),
        ("today 10:00 auckland", "Fri 27 Nov 21:00 UTC | Sat 28 Nov 10:00 +1300 Auckland"),
        ("sat 10:00 auckland", "Fri 27 Nov 21:00 UTC | Sat 28 Nov 10:00 +1300 Auckland"),
        ("next sat 10:00 auckland", "Fri 4 Dec 21:00 UTC | Sat 5 Dec 10:00 +1300 Auckland"),
        ("today 11:59 p.m. los angeles", "Sat 28 Nov 07:59 UTC | Fri 27 Nov 23:59 -0800 Los Angeles"),
        ("7:30 pm sat", "Sat 28 Nov 18:30 UTC | Sat 28 Nov 19:30 +0100 Berlin"),
        ("24:00 sat london", "Sun 29 Nov 00:00 UTC | Sun 29 Nov 00:00 +0000 London"),
        ("in 2 hours", "Fri 27 Nov 22:00 UTC | Fri 27 Nov 23:00 +0100 Berlin"),
    ],
)
def test_day_and_hour_are_those_of_the_place(stage: Stage, words: str, shown: str) -> None:
    """It is Friday evening in Berlin, Saturday in Auckland, Friday noon in Los Angeles: the place in the sentence counts."""
    stage.now = datetime(2026, 11, 27, 20, tzinfo=UTC)
    stage.talk("olga", "!tz berlin")
    (said,) = stage.talk("olga", f"!session add selinux {words}")
    assert f", {shown}" in said, said


def test_a_move_is_in_the_time_of_the_session(drafted: Stage) -> None:
    """Without a place: today and 19:00 are those of Melbourne, where the session is, and not those of the organiser."""
    drafted.now = datetime(2026, 11, 27, 20, tzinfo=UTC)
    assert "Sat 28 Nov 19:00 +1100 Melbourne" in drafted.talk("olga", "!session move d1 today")[0]
    assert "Sun 29 Nov 19:30 +1100 Melbourne" in drafted.talk("olga", "!session move d1 tomorrow 7.30 p.m.")[0]
    (said,) = drafted.talk("olga", "!session move d1 30 oct 2027 23:00-04:00 berlin")
    assert "Sat 30 Oct 2027 23:00 +0200 Berlin" in said and "lasts 6 h" in said  # clocks go back


def test_what_it_does_not_understand(stage: Stage) -> None:
    """A sentence that says what to type; nothing is kept."""
    stage.talk("olga", "!sessions")
    before = stage.dump()
    for words, answer in {
        "selinux sat 5 dec 19:00": "which time zone? Add a city",
        "selinux 19:00 melbourne": "on which day? For example sat 14 mar",
        "selinux sat 5 dec melbourne": "at what time? For example 09:00",
        "sat 5 dec 19:00 melbourne": "what will be taught? Name an exercise (!exercises lists them), or put a title in quotes",
        "selinx sat 5 dec 19:00 melbourne": 'I don\'t understand "selinx": did you mean the exercise selinux? !exercises',
        "exercise selnux sat 5 dec 19:00 melbourne": "no exercise with that name; did you mean exercise selinux? !exercises",
        "exercise cooking sat 5 dec 19:00 melbourne": "no exercise with that name (available: selinux); !exercises",
        "selinux fri 5 dec 19:00 melbourne": "5 Dec 2026 is a Saturday: use sat, or another date",
        "selinux 5 dec 2025 19:00 melbourne": "19:00 on 5 Dec 2025 has passed",
        "selinux 31 feb 19:00 melbourne": "31 Feb: there is no such day",
        "selinux 5/12 19:00 melbourne": "does 5/12 start with the day or the month?",
        "selinux sat 5 dec 19:00 +1100": "+1100 is an offset, not a time zone: use one of Australia/Melbourne",
        "selinux sat 5 dec 19:00 melbourne beginners": 'I don\'t understand "beginners": put a title in quotes',
        "selinux sun 4 oct 2027 02:30 melbourne": "4 Oct 2027 is a Monday",
        "selinux sun 3 oct 2027 02:30 melbourne": "does not exist in Australia/Melbourne (clocks skip it): use",
        "selinux sat 5 dec 19:00 melbourne seats 0": "seats must be a whole number from 1",
        "selinux sat 5 dec 19:00 20:00 melbourne": "there are two times",
        "selinux today 19:00": "which time zone? Add a city",
        "selinux 29 feb 2027 19:00 melbourne": "29 Feb 2027: there is no such day in 2027",
        "selinux 7:30 pm sat me": 'I don\'t understand "me"',
    }.items():
        said = stage.talk("olga", f"!session add {words}")
        assert len(said) == 1 and answer in said[0], (words, said)
    assert stage.dump() == before
    assert "is for organisers" in stage.talk("alice", ADD)[0]


def test_overlaps_and_labs_are_told(stage: Stage) -> None:
    """What an organiser wants to know before saying yes."""
    stage.talk("olga", "!tz berlin")
    stage.talk("olga", ADD)
    stage.talk("olga", "!yes")
    (said,) = stage.talk("olga", "!session add selinux sat 5 dec 09:30 seats 30")
    assert "It overlaps with SE Linux for all (Sat 5 Dec 09:00 +0100 Berlin)." in said
    assert "The hosts only have room for 5 labs (0 if a host fails)." in said
