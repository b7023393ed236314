"""Which times suit, as dialogs: asked, shown back, answered from several zones, closed; private, and never lost."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import pytest

from tests.stage import CHANNEL, Stage

OPEN = "!when open 7-15 mar 07:00-22:00 melbourne 2h max 2 until 3 mar for SE Linux"
START = datetime(2027, 2, 20, 8, tzinfo=UTC)
ASKED = "asked: a session of 2 h that begins 21:00-12:00 on your clock (Berlin), Sat 6 to Mon 15 Mar"


def begin(stage: Stage, words: str = OPEN) -> Stage:
    stage.now = START
    stage.talk("olga", words)
    stage.talk("olga", "!yes")
    return stage


@pytest.fixture
def asked(stage: Stage) -> Stage:
    """The 2007 organiser's question is open."""
    return begin(stage)


def test_opening_is_shown_back_and_announced(stage: Stage) -> None:
    """Days, window, both ends in UTC, length, how many, until when; after !yes the channel hears it in one line."""
    stage.now = START
    assert stage.talk("olga", OPEN) == [
        "olga: #class will be asked which times suit (SE Linux): Sun 7 to Mon 15 Mar, beginning 07:00 to 22:00 Melbourne "
        "(Sat 6 Mar 20:00 UTC to Mon 15 Mar 11:00 UTC), 2 h each, at most 2 sessions; answers until Thu 4 Mar 00:00 +1100 "
        "Melbourne (in 11 d 5 h). Type !yes within 60 s."
    ]
    told, announced = stage.hear("olga", "!yes")
    assert told[0] == "olga" and announced == (
        CHANNEL,
        "When would suit you for SE Linux, 2 h, Sun 7 to Mon 15 Mar (Melbourne)? Tell me in private, in your own time: /msg "
        "trainbot when sat 14:00-18:00, or: when not sun (? after a time: if need be; tz CITY sets your time zone). Until Wed "
        "3 Mar 13:00 UTC | Thu 4 Mar 00:00 +1100 Melbourne, in 11 d 5 h.",
    )
    assert len(announced[1].encode()) < 400
    assert "a poll is already open in #class" in stage.talk("olga", OPEN)[0]


@pytest.mark.parametrize(
    ("words", "shown"),
    [
        ("tomorrow 10:00-12:00 berlin 2h until tomorrow 08:00", "Sun 21 Feb"),
        ("next sun 10:00-12:00 berlin 2h until sun 08:00", "Sun 21 Feb"),
        ("next sat 10:00-12:00 2h until tomorrow", "Sat 27 Feb"),
        ("20 feb 2028 10:00-12:00 2h until tomorrow", "Sun 20 Feb"),
    ],
)
def test_what_is_asked_is_what_was_shown_though_midnight_passes(stage: Stage, words: str, shown: str) -> None:
    """Days count from when they were typed, in the zone that one had then, not from the yes."""
    stage.now = datetime(2027, 2, 20, 22, 59, 20, tzinfo=UTC)
    stage.talk("olga", "!tz berlin")
    asked = stage.talk("olga", f"!when open {words}")[0]
    stage.talk("olga", "!tz honolulu")
    stage.now = datetime(2027, 2, 20, 23, 0, 5, tzinfo=UTC)
    told = stage.talk("olga", "!yes")
    assert f"{shown}, beginning 10:00 to 12:00 Berlin" in asked
    assert f"2 h, {shown} (Berlin)?" in told[1]


def test_only_organisers_open_and_close(asked: Stage) -> None:
    """Learners and presenters answer."""
    for words in (OPEN, "!when close"):
        assert "is for organisers" in asked.talk("alice", words)[0]


def test_an_answer_is_private_and_shown_back(asked: Stage) -> None:
    """Said in the channel or privately: the answer comes privately, in the asker's zone, and lists no starts."""
    asked.talk("alice", "!tz berlin")
    assert asked.hear("alice", "!when sat 8:00-12:00, sun 20-23?") == [
        (
            "alice",
            "saved: Sat 6, Sat 13 Mar 08:00-12:00; if need be Sun 7, Sun 14 Mar 20:00-23:00 (Berlin): 7 of 279 possible "
            "starts suit you, 2 of them if need be",
        )
    ]
    assert asked.whisper("alice", "when") == [
        f"{ASKED}; your answer: Sat 6, Sat 13 Mar 08:00-12:00; if need be Sun 7, Sun 14 Mar 20:00-23:00 (Berlin): 7 of 279 "
        "possible starts suit you, 2 of them if need be; until Wed 3 Mar 14:00 +0100 Berlin"
    ]


def test_times_that_suit_nobody_asked_about(asked: Stage) -> None:
    """Whoever is free at other times hears at once which ones are asked about, on their own clock."""
    asked.talk("alice", "!tz berlin")
    assert asked.talk("alice", "!when sat 14:00-18:00") == [
        f"saved: Sat 6, Sat 13 Mar 14:00-18:00 (Berlin): none of the 279 possible starts suits you; {ASKED}"
    ]


def test_without_a_zone(asked: Stage) -> None:
    """The answer is kept, the zone asked for once; with !tz the answer counts, and is shown."""
    assert asked.talk("alice", "!when sat 08:00-12:00") == [
        "saved, but I don't know your time zone yet: !tz Melbourne, for example, makes it count"
    ]
    assert asked.talk("alice", "!when not sun") == ["saved too; it counts once I know your time zone: !tz CITY"]
    assert asked.talk("alice", "!when").pop().count("!tz CITY") == 1
    assert "nobody has answered yet (1 more without a time zone)" in asked.talk("olga", "!when")[0]
    assert asked.talk("alice", "!tz berlin") == [
        "your time is Sat 20 Feb 09:00 +0100 Berlin; your answers count now: Sat 6, Sat 13 Mar 08:00-12:00 (Berlin): "
        "5 of 279 possible starts suit you"
    ]
    assert "1 has answered, open until" in asked.talk("olga", "!when")[0]


def test_the_zone_in_the_answer(asked: Stage) -> None:
    """One line says everything: a place in it is the speaker's zone if there was none, else that of this line alone."""
    assert asked.talk("alice", "!when new york sat 20:00-23:00") == [
        "your time zone is now New York; saved: Sat 6, Sat 13 Mar 20:00-23:00 (New York): 6 of 279 possible starts suit you"
    ]
    assert asked.talk("alice", "!when sun 8-12 berlin") == [
        "saved: Sat 6, Sat 13 Mar 20:00-23:00, Sun 7 Mar 02:00-06:00, Sun 14 Mar 03:00-07:00 (New York): 16 of 279 possible "
        "starts suit you"
    ]
    assert "New York" in asked.talk("alice", "!tz")[0]
    assert asked.talk("alice", "!when sat 8-12 xyzzy") == [
        'alice: I don\'t understand "xyzzy": for example !when sat 14:00-18:00, not sun, weekdays after 18:00?'
    ]
    assert asked.talk("alice", "!when so sat 8-12") == [
        'alice: I don\'t understand "so": for example !when sat 14:00-18:00, not sun, weekdays after 18:00?'
    ]
    assert (
        "PST is an abbreviation used in several places: use one of America/Los_Angeles, Asia/Manila"
        in (asked.talk("alice", "!when PST sat 8-12")[0])
    )
    assert asked.talk("alice", "!when AWST tue 7:30 p.m. - 9:30 p.m.")[0].startswith("AWST is Australia/Perth; saved: ")
    assert "several time zones: use one of America/New_York" in asked.talk("alice", "!when usa sat 8-12")[0]


def test_tomorrow_is_that_of_the_day_it_was_said(stage: Stage) -> None:
    """In the zone that is named, and it stays that day when answers are counted later."""
    begin(stage, "!when open 22-23 feb 07:00-22:00 melbourne 2h until sun")
    stage.talk("alice", "!tz berlin")
    stage.now = datetime(2027, 2, 20, 20, tzinfo=UTC)  # Sunday in Auckland
    (said,) = stage.talk("alice", "!when tomorrow 9:00 am-1 pm auckland")
    assert "Sun 21 Feb 21:00-24:00, Mon 22 Feb 00:00-01:00 (Berlin)" in said
    stage.now = datetime(2027, 2, 21, 12, tzinfo=UTC)
    assert "Sun 21 Feb 21:00-24:00, Mon 22 Feb 00:00-01:00 (Berlin)" in stage.talk("alice", "!when")[0]


def test_another_zone_later(asked: Stage) -> None:
    """What was meant stays the same moments; !when reread means the new clocks, and says what means nothing there."""
    asked.talk("alice", "!tz berlin")
    asked.talk("alice", "!when sat 08:00-12:00")
    asked.talk("alice", "!when 6 mar 20:00-23:00")
    assert asked.talk("alice", "!tz sydney") == [
        "your time is Sat 20 Feb 19:00 +1100 Sydney (before: Europe/Berlin); your !when answers are still in Berlin time; "
        "!when reread reads them in Sydney time"
    ]
    assert "Sat 6, Sat 13 Mar 18:00-22:00, Sun 7 Mar 06:00-09:00 (Sydney)" in asked.talk("alice", "!when")[0]
    assert asked.talk("alice", "!when reread") == [
        'read again: Sat 13 Mar 08:00-12:00 (Sydney): 5 of 279 possible starts suit you; except "6 mar 20:00-23:00": 6 Mar is not '
        "in the poll: it is about Sun 7 Mar to Mon 15 Mar"
    ]


def test_changes_of_mind(asked: Stage) -> None:
    """The last word about an hour counts; only … begins anew, none and any say all at once, forget takes it back."""
    asked.talk("alice", "!tz melbourne")
    said = [
        (words, asked.talk("alice", f"!when {words}")[0].removeprefix("saved: ").partition(" (Melbourne)")[0])
        for words in (
            "sat 14:00-18:00",
            "sat 20:00-22:00?",
            "not sat 16:00-17:00",
            "only sun",
            "any",
            "not weekends",
            "none",
        )
    ]
    assert said == [
        ("sat 14:00-18:00", "Sat 13 Mar 14:00-18:00"),
        ("sat 20:00-22:00?", "Sat 13 Mar 14:00-18:00; if need be Sat 13 Mar 20:00-22:00"),
        ("not sat 16:00-17:00", "Sat 13 Mar 14:00-16:00 and 17:00-18:00; if need be Sat 13 Mar 20:00-22:00"),
        ("only sun", "Sun 7, Sun 14 Mar"),
        ("any", "any time"),
        ("not weekends", "Mon 8 to Fri 12, Mon 15 Mar"),
        ("none", "no time"),
    ]
    assert asked.talk("alice", "!when forget") == ["your answers are deleted"]
    assert asked.talk("alice", "!when forget") == ["you have not answered, so there is nothing to delete"]


def test_what_cannot_be_read_changes_nothing(asked: Stage) -> None:
    """A clear sentence with what to type; no row is touched."""
    asked.talk("alice", "!tz berlin")
    before = asked.dump()
    for words, answer in (
        ("sat 14", "14 to when? For example sat 14:00-18:00"),
        ("3/7 10-12", "use the month's name"),
        ("sun 13 mar", "13 Mar is a Saturday"),
        ("1 apr", "not in the poll: it is about"),
        ("9-5", "use 9:00-17:00"),
        ("sat 25:00-26:00", "not a time of day"),
        ("blah", "don't understand"),
        ("sat " * 200, "longer than 400 characters"),
        ("reread", "you have not answered yet"),
    ):
        assert answer in asked.talk("alice", f"!when {words}")[0]
    assert asked.dump() == before


def test_too_many_lines(asked: Stage) -> None:
    """Twenty lines of one person are enough; only … begins anew."""
    asked.talk("alice", "!tz berlin")
    for _ in range(20):
        asked.talk("alice", "!when sat 8-12")
    assert "you have already sent 20 lines" in asked.talk("alice", "!when sat 8-12")[0]
    assert asked.talk("alice", "!when only sat 8-12")[0].startswith("saved: Sat")


def test_closing_says_it_in_one_line(asked: Stage) -> None:
    """The best time, the set that reaches more, who is left out; again when asked again; then it is over."""
    for nick, words in (
        ("alice", "berlin weekdays 8-12"),
        ("bob", "new york fri 18:00-22:00"),
        ("hannah", "melbourne none"),
        ("carol", "berlin mon 9-12"),
        ("russell", "not sun"),
    ):
        asked.whisper(nick, f"when {words}")
    (line,) = asked.talk("olga", "!when close")
    assert line == (
        "Best: Mon 8 Mar 19:00 +1100 Melbourne, 2 of 4. Adding Sat 13 Mar 10:00 reaches 3; left out: hannah. Just as good as Mon 8 "
        "Mar 19:00: Mon 8 Mar 19:30, 20:00, Mon 15 Mar 19:00, 19:30, 20:00 (full hours are preferred, then earlier times). 1 more never set their time zone: russell. "
        "Drafts d1 and d2: !session publish all."
    )
    assert asked.talk("olga", "!when close") == [f"the poll closed Sat 20 Feb 19:00 +1100 Melbourne. {line}"]
    assert asked.talk("alice", "!when") == ["alice: no poll is open; !sessions lists what is planned"]
    begin(asked)
    assert "nobody has answered" in asked.talk("olga", "!when")[0]


def test_nobody_answers(asked: Stage) -> None:
    """Its end says so."""
    assert asked.talk("olga", "!when close") == ["Nobody answered."]


def test_its_time_is_over(asked: Stage) -> None:
    """Answers are taken until then, over restarts; whoever opened it is told what came of it, when they are there."""
    asked.whisper("alice", "when berlin weekdays 8-12")
    asked.leave("olga")
    asked.now = datetime(2027, 3, 3, 12, 59, tzinfo=UTC)
    asked.restart()
    assert asked.wait(seconds=1) == []
    assert asked.whisper("alice", "when sat 8-12")[0].startswith("saved")
    assert asked.wait(minutes=1) == []
    assert asked.whisper("alice", "when sun 8-12") == ["no poll is open; !sessions lists what is planned"]
    asked.restart()
    asked.join("olga", account="olga")
    assert asked.wait(seconds=1) == [
        (
            "olga",
            "the poll in #class is closed. Best: Mon 8 Mar 18:00 +1100 Melbourne, 1 of 1; nobody is left out. Just as good: Mon 8 "
            "Mar 18:30, 19:00, 19:30, 20:00 and 30 more (full hours are preferred, then earlier times). Draft d1: !session publish d1.",
        )
    ]
    assert asked.wait(hours=1) == []


def test_a_long_absence(asked: Stage) -> None:
    """A bot that was away until after the first days proposes nothing that is over."""
    asked.whisper("alice", "when melbourne any")
    asked.now = datetime(2027, 3, 10, 0, 5, tzinfo=UTC)
    asked.restart()
    ((_, line),) = asked.wait(seconds=1)
    assert "Best: Wed 10 Mar 12:00 +1100 Melbourne, 1 of 1" in line


def test_an_answer_follows_its_person(stages: Callable[..., Stage]) -> None:
    """Whoever logs in keeps their voice; a nick without an account that comes back has one voice, the last."""
    stage = begin(stages(require_account="no"))
    stage.whisper("stranger", "when berlin weekdays 8-12")
    stage.rename("stranger", "stranger", account="dora")
    assert "weekdays" not in stage.whisper("stranger", "when sat 8-12")[0]
    stage.join("guest")
    stage.whisper("guest", "when berlin any")
    stage.leave("guest")
    stage.join("guest", host="elsewhere.example")
    stage.whisper("guest", "when berlin none")
    assert "2 have answered" in stage.talk("olga", "!when")[0]
    assert "left out: guest" in stage.talk("olga", "!when close")[0]


def test_an_account_is_needed_where_labs_need_one(asked: Stage) -> None:
    """One voice each."""
    assert (
        "to answer you need an account on this network: /msg NickServ" in asked.whisper("stranger", "when sat 8-12")[0]
    )


def test_two_channels(stages: Callable[..., Stage]) -> None:
    """Each has a poll of its own; a private answer is about the one that the speaker is in, or names it."""
    stage = stages(channels=(CHANNEL, "#other"))
    stage.enter("olga", "#other")
    stage.enter("alice", "#other")
    begin(stage)
    stage.talk("olga", OPEN.replace("2h", "1h"), "#other")
    stage.talk("olga", "!yes", "#other")
    assert "which channel?" in stage.whisper("alice", "when berlin sat 8-12")[0]
    assert "(Berlin)" in stage.whisper("alice", "#other when berlin sat 8-12")[0]
    assert "1 has answered" in stage.talk("olga", "!when", "#other")[0]
    assert "nobody has answered" in stage.talk("olga", "!when", CHANNEL)[0]


def test_a_poll_is_closed_where_it_is_open(stages: Callable[..., Stage]) -> None:
    """In another channel nothing is closed by mistake; privately the only one is meant."""
    stage = stages(channels=(CHANNEL, "#other"))
    stage.enter("olga", "#other")
    begin(stage)
    assert stage.talk("olga", "!when close", "#other") == [
        "olga: no poll is open here; use #class or a private message"
    ]
    assert stage.whisper("olga", "when close") == ["Nobody answered."]


def test_what_was_said_before_the_zone_was_known(asked: Stage) -> None:
    """A day that is none of those asked about, once the zone is known, is told back and does not count."""
    asked.whisper("alice", "when 16 mar 8-12")
    asked.whisper("alice", "when sat 8-12")
    (line,) = asked.talk("alice", "!tz berlin")
    assert "Sat 6, Sat 13 Mar 08:00-12:00 (Berlin)" in line
    assert line.endswith('except "16 mar 8-12": 16 Mar is not in the poll: it is about Sat 6 Mar to Mon 15 Mar')
