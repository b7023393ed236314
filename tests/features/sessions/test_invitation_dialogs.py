"""A new session in everybody's own time: in the channel, and privately to those who have a reason to hear of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from tests.stage import CHANNEL, Stage

OPEN = "!when open 7-15 mar 07:00-22:00 melbourne 2h max 2 until 3 mar for selinux"
PAGE = "https://class.example.org/pub/sessions.html"


@pytest.fixture
def stage(stages: Callable[..., Stage]) -> Stage:
    """A bot whose pages are served."""
    stage = stages()
    stage.config = replace(
        stage.config, records=replace(stage.config.records, public_url="https://class.example.org/pub/")
    )
    stage.restart()
    stage.host_up()
    stage.now = datetime(2027, 2, 20, 8, tzinfo=UTC)
    return stage


def add(stage: Stage, words: str) -> list[tuple[str, str]]:
    stage.talk("olga", f"!session add {words}")
    stage.talk("olga", "!yes")
    return stage.hear("olga", "!session publish")[1:]


@pytest.fixture
def polled(stage: Stage) -> Stage:
    """A poll is closed: d1 suits alice (in Berlin), d2 suits bob (in New York), and none suits carol (in Kolkata)."""
    stage.talk("olga", OPEN)
    stage.talk("olga", "!yes")
    for nick, words in (
        ("alice", "berlin sun 8-10"),
        ("hannah", "berlin sun 8-10"),
        ("bob", "new york fri 18:00-20:00"),
        ("carol", "kolkata sat 20:00-23:30"),
        ("russell", "not sun"),
    ):
        stage.whisper(nick, f"when {words}")
    stage.talk("olga", "!when close")
    return stage


def to(nick: str, said: list[tuple[str, str]]) -> list[str]:
    return [text for target, text in said if target == nick]


def test_the_channel_hears_how_to_sign_up(stage: Stage) -> None:
    """The session's own zone comes first, then those of bot.ini; the page, and the number to type."""
    said = add(stage, 'selinux sat 13 mar 09:00 kolkata "SE Linux for all"')
    assert said == [
        (
            CHANNEL,
            "new session: SE Linux for all, Sat 13 Mar 03:30 UTC | Sat 13 Mar 09:00 +0530 Kolkata | Sat 13 Mar 14:30 +1100 "
            "Melbourne | Sat 13 Mar 04:30 +0100 Berlin | Fri 12 Mar 22:30 -0500 New York | in 20 d 20 h; !signup 1 gets you a "
            f"seat; {PAGE}",
        )
    ]
    assert stage.talk("alice", "!signup 1")[0].startswith("you have a seat in SE Linux for all")


def test_the_number_is_the_one_of_that_moment(stage: Stage) -> None:
    """What waits to be said while the channel is away names the number that is right when it is said."""
    people, stage.net.channels[CHANNEL] = stage.net.channels[CHANNEL], set()
    add(stage, 'selinux sat 13 mar 09:00 kolkata "The later one"')
    add(stage, 'selinux sat 6 mar 09:00 kolkata "The first one"')
    stage.net.channels[CHANNEL] = people
    later, first = to(CHANNEL, stage.wait(seconds=2))
    assert "The later one" in later and "!signup 2 gets you a seat" in later
    assert "The first one" in first and "!signup 1 gets you a seat" in first


def test_a_long_title_gives_way_to_the_times(stage: Stage) -> None:
    """One line of IRC, with all zones, the number and the page."""
    said = add(stage, f'selinux sat 13 mar 09:00 kolkata "{"SE Linux, hands on " * 10}"')
    ((_channel, line),) = said
    assert len(line.encode()) <= 400 and "… , " not in line and "more zones" not in line
    assert line.endswith(f"!signup 1 gets you a seat; {PAGE}") and "-0500 New York" in line


def test_whose_zone_the_channel_does_not_show(stage: Stage) -> None:
    """They read it privately in their own; who sees their time in the channel, or never set a zone, reads nothing more."""
    stage.talk("alice", "!tz kolkata")
    stage.talk("bob", "!tz berlin")
    said = add(stage, 'selinux sat 13 mar 09:00 melbourne "SE Linux for all"')
    assert said[1:] == [
        (
            "alice",
            "new session: SE Linux for all, Sat 13 Mar 03:30 +0530 Kolkata (in 20 d 14 h); !signup 1 gets you a seat; "
            + PAGE,
        )
    ]


def test_several_at_once_are_one_line_each_for_a_person(stage: Stage) -> None:
    """All that were published together, each with its number; a whole calendar is no business of theirs."""
    stage.talk("alice", "!tz kolkata")
    for day in (12, 13):
        stage.talk("olga", f'!session add selinux {day} mar 09:00 melbourne "Day {day}"')
        stage.talk("olga", "!yes")
    said = stage.hear("olga", "!session publish all")
    assert to("alice", said) == [
        "new sessions: Day 12, Fri 12 Mar 03:30 +0530 Kolkata (!signup 1); Day 13, Sat 13 Mar 03:30 +0530 Kolkata (!signup 2); "
        + PAGE
    ]
    many = "".join(
        f'[[session]]\nid = "{n}"\ntitle = "N"\nzone = "UTC"\nstart = 2027-03-{n + 10}T09:00:00\n' for n in range(7)
    )
    stage.schedule("many.toml", many)
    said = stage.wait(seconds=2) + stage.wait(seconds=2)
    assert [target for target, _ in said] == [CHANNEL]


def test_who_waits_for_a_seat_hears_of_another_session(stage: Stage) -> None:
    """Of one with the same exercise, also if they are away; not once they have a seat in it."""
    add(stage, "selinux sat 13 mar 09:00 melbourne seats 1")
    stage.talk("bob", "!signup 1")
    stage.talk("alice", "!signup 1")
    stage.talk("carol", "!signup 1")
    stage.leave("alice")
    said = add(stage, 'selinux sat 20 mar 09:00 melbourne "SE Linux, again"')
    assert to("bob", said) == []
    (line,) = to("carol", said)
    assert line.startswith("new session: SE Linux, again, Fri 19 Mar 22:00 UTC | Sat 20 Mar 09:00 +1100 Melbourne | ")
    stage.join("alice", account="alice")
    assert len(to("alice", stage.wait(seconds=2))) == 1
    assert "gets you a seat" not in add(stage, 'nothing sun 21 mar 09:00 melbourne "Another thing"')


def test_each_who_answered_hears_what_suits_them(polled: Stage) -> None:
    """In their own time and with the number to type; when the session that suits them is published, not before."""
    said = polled.hear("olga", "!session publish d1")
    title = "SE Linux for beginners in #class"
    assert to("alice", said) == [
        f"the result of the poll: {title} is on Sun 7 Mar 08:00 +0100 Berlin (in 14 d 23 h), which suits you; !signup 1 gets "
        f"you a seat; {PAGE}"
    ]
    assert to("carol", said) == [
        f"the result of the poll: {title} is on Sun 7 Mar 12:30 +0530 Kolkata (in 14 d 23 h), which is none of the times that "
        f"you gave; !signup 1 gets you a seat; {PAGE}"
    ]
    assert to("bob", said) == []
    (line,) = to("russell", said)
    assert "Sun 7 Mar 18:00 +1100 Melbourne" in line and "!tz CITY sets it" in line
    said = polled.hear("olga", "!session publish d2")
    assert to("bob", said) == [
        f"the result of the poll: {title} is on Fri 12 Mar 18:00 -0500 New York (in 20 d 15 h), which suits you; !signup 2 "
        f"gets you a seat; {PAGE}"
    ]
    assert [target for target, _ in said] == [CHANNEL, CHANNEL, "bob"]
    assert polled.wait(hours=1) == []


def test_all_published_at_once(polled: Stage) -> None:
    """Each hears once, and whoever is away when they are back, even after a restart."""
    polled.leave("bob")
    said = polled.hear("olga", "!session publish all")
    assert [len(to(nick, said)) for nick in ("alice", "bob", "carol", "hannah", "russell")] == [1, 0, 1, 1, 1]
    (line,) = to("carol", said)
    assert line == (
        "the result of the poll: SE Linux for beginners in #class is on Sun 7 Mar 12:30 +0530 Kolkata (!signup 1) and Sat 13 Mar "
        f"04:30 +0530 Kolkata (!signup 2); none of these is a time that you gave; for a seat type !signup and its number; {PAGE}"
    )
    polled.restart()
    polled.join("bob", account="bob")
    (line,) = to("bob", polled.wait(seconds=2))
    assert "Fri 12 Mar 18:00 -0500 New York" in line and "which suits you; !signup 2" in line
    polled.restart()
    assert polled.wait(minutes=1) == []


def test_a_draft_is_moved_or_dropped_before(polled: Stage) -> None:
    """What counts is what is published; when the draft that alone suited somebody goes, they hear that nothing does."""
    polled.talk("olga", "!session publish d1")
    said = polled.talk("olga", "!session cancel d2") and polled.hear("olga", "!yes")
    (line,) = to("bob", said)
    assert "Sun 7 Mar 02:00 -0500 New York" in line and "none of the times that you gave" in line


def test_who_has_a_seat_already_is_not_told(polled: Stage) -> None:
    """Nor twice, where several suit them."""
    polled.leave("alice")
    polled.talk("olga", "!session publish all")
    polled.join("alice", account="alice")
    polled.whisper("alice", "signup 1")
    assert to("alice", polled.wait(seconds=2)) == []


def test_no_time_suits_anybody(stage: Stage) -> None:
    """Everybody who answered hears that too; whoever opened it, in the answer to !when close."""
    stage.talk("olga", OPEN)
    stage.talk("olga", "!yes")
    stage.whisper("alice", "when berlin none")
    said = stage.hear("olga", "!when close")
    assert to("olga", said) == ["No time suits anybody; 1 answered."]
    assert to("alice", said) == [
        "the poll about SE Linux for beginners is closed: no time suits anybody who answered, so no session came of it"
    ]


def test_an_organiser_reads_their_own_time(stage: Stage) -> None:
    """Asking, in between, and at the end."""
    stage.talk("olga", "!tz kolkata")
    (asked,) = stage.talk("olga", OPEN)
    assert "(Sun 7 Mar 01:30 +0530 Kolkata to Mon 15 Mar 16:30 +0530 Kolkata)" in asked
    assert "answers until Wed 3 Mar 18:30 +0530 Kolkata" in asked
    stage.talk("olga", "!yes")
    stage.whisper("alice", "when berlin sat 8-12")
    assert "so far: Best: Sat 13 Mar 12:30 +0530 Kolkata" in stage.talk("olga", "!when")[0]
    (line,) = [text for target, text in stage.hear("olga", "!when close") if target == "olga"]
    assert (
        line.startswith("Best: Sat 13 Mar 12:30 +0530 Kolkata, 1 of 1; ") and "Just as good: Sat 13 Mar 13:00, " in line
    )
