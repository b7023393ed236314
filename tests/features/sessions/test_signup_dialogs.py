"""Seats in sessions, as dialogs: taken once, given up, counted; whoever has one hears when their session is off."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest

from tests.stage import CHANNEL, Stage

COURSE = """
[course]
title = "SE Linux for all"
exercise = "selinux"
zone = "Europe/Berlin"
seats = {seats}
[[session]]
id = "a"
start = {start}
[[session]]
id = "b"
start = 2026-12-06T09:00:00
title = "SE Linux again"
"""
A, B = "Sat 5 Dec 09:00 +0100 Berlin (in 8 d)", "Sun 6 Dec 09:00 +0100 Berlin (in 9 d)"
LAB = (
    "you get your debian lab in the 20 min before the start; to try one before: !lab debian; to log in without a "
    "password: !key and the line in your ~/.ssh/id_ed25519.pub"
)


def plan(stage: Stage, seats: int = 2, start: str = "2026-12-05T09:00:00", extra: str = "") -> list[tuple[str, str]]:
    stage.schedule("course.toml", COURSE.format(seats=seats, start=start) + extra)
    return stage.wait(seconds=2) + stage.wait(seconds=2)


@pytest.fixture
def planned(stage: Stage) -> Stage:
    """Two sessions with two seats each; everybody's clock is Berlin's."""
    plan(stage)
    for nick in ("alice", "bob", "carol", "hannah"):
        stage.talk(nick, "!tz Berlin")
    return stage


def test_a_seat(planned: Stage) -> None:
    """By its number, told privately, in the asker's own zone, with what comes of it; !sessions marks it."""
    assert planned.hear("alice", "!signup 1") == [("alice", f"you have a seat in SE Linux for all, {A}; {LAB}")]
    first, second = planned.talk("alice", "!sessions")
    assert first == f"1: SE Linux for all, 1 of 2 seats, one is yours, {A}"
    assert second == f"2: SE Linux again, 0 of 2 seats, {B}; for a seat type !signup and its number, as in !signup 2"
    assert planned.whisper("bob", "sessions")[0] == f"1: SE Linux for all, 1 of 2 seats, {A}"


def test_by_its_words(planned: Stage) -> None:
    """Words of the title will do where they fit one session only; else the numbers are told."""
    assert planned.talk("alice", "!signup linux again") == [f"you have a seat in SE Linux again, {B}; {LAB}"]
    assert planned.talk("alice", "!signup SE linux") == [
        "alice: which one of 1, 2? !sessions lists them; for example !signup 1"
    ]
    assert planned.talk("alice", "!signup knitting") == [
        'alice: no session called "knitting"; !sessions lists them with their numbers'
    ]
    for number in ("0", "3", "99999999999999"):
        assert "there is no session" in planned.talk("alice", f"!signup {number}")[0]
    assert planned.talk("alice", "!signup") == ["alice: usage: !signup N [IMAGE], for example !signup 1"]


def test_asking_twice(planned: Stage) -> None:
    """Is answered, and takes no second seat."""
    planned.talk("alice", "!signup 1")
    before = planned.dump()
    assert planned.talk("alice", "!signup 1") == [f"you already have a seat in SE Linux for all, {A}; {LAB}"]
    assert planned.dump() == before


def test_full(planned: Stage) -> None:
    """Says so, which place one has in the queue, and where there is room."""
    planned.talk("alice", "!signup 1")
    planned.talk("bob", "!signup 1")
    full = "SE Linux for all is full, all 2 seats are taken; you are number 1 on the waiting list, and I'll tell you when you have a seat; "
    assert planned.hear("carol", "!signup 1") == [
        ("carol", f"{full}the next one with free seats is SE Linux again, {B}: !signup 2")
    ]
    assert planned.talk("alice", "!signup 1")[0].startswith("you already have a seat")
    for nick in ("alice", "bob"):
        planned.talk(nick, "!signup 2")
    assert planned.talk("carol", "!signup 1") == [f"{full}no other session has free seats"]
    assert "2 of 2 seats, you are number 1 of 1 waiting" in planned.whisper("carol", "sessions")[0]
    assert "2 of 2 seats, one is yours, 1 waiting" in planned.whisper("bob", "sessions")[0]


def test_a_seat_that_is_given_up(planned: Stage) -> None:
    """Is the next one's who waits, who is told at once, or on coming; the rest move up."""
    for nick in ("alice", "bob", "carol", "hannah"):
        planned.talk(nick, "!signup 1")
    planned.leave("carol")
    said = planned.hear("bob", "!signup drop")
    assert said == [("bob", f"you have given up your seat in SE Linux for all, {A}")]
    assert "you are number 1 of 1 waiting" in planned.whisper("hannah", "sessions")[0]
    planned.restart()
    planned.join("carol", account="carol")
    yours = f"a seat became free and you have it: SE Linux for all, {A}; !signup drop 1 gives it up"
    assert planned.wait(seconds=2) == [("carol", yours)]
    assert planned.talk("hannah", "!signup drop") == [f"you are off the waiting list of SE Linux for all, {A}"]


def test_more_seats(planned: Stage) -> None:
    """Are given to those who wait, in their order, as soon as there are more."""
    for nick in ("alice", "bob", "carol", "hannah"):
        planned.talk(nick, "!signup 1")
    text = (planned.folder / "schedules" / "course.toml").read_text()
    planned.schedule("course.toml", text.replace("seats = 2", "seats = 3"))
    said = planned.wait(seconds=2) + planned.wait(seconds=2)
    assert [target for target, _ in said] == ["carol"] and "you have it" in said[0][1]


def test_giving_up(planned: Stage) -> None:
    """The only seat needs no number; with several it is asked which; none is said to be none."""
    assert planned.talk("alice", "!signup drop")[0] == (
        "alice: you have no seat in any session; !sessions lists them, !signup N signs you up"
    )
    planned.talk("alice", "!signup 1")
    assert planned.talk("alice", "!signup drop 2") == ["alice: you have no seat in SE Linux again; type !signup drop 1"]
    planned.talk("alice", "!signup 2")
    assert planned.talk("alice", "!signup drop") == ["alice: which one? Type !signup drop 1 or 2; !sessions lists them"]
    planned.talk("alice", "!signup drop again")
    assert planned.talk("alice", "!signup drop") == [f"you have given up your seat in SE Linux for all, {A}"]


def test_without_an_account(planned: Stage, stages: Callable[..., Stage]) -> None:
    """As for labs: an account is needed, or else a seat lasts as long as its person is in view."""
    assert planned.talk("stranger", "!signup 1")[0].startswith(
        "to sign up you need an account on this network: /msg NickServ IDENTIFY"
    )
    open_house = stages(require_account="no")
    plan(open_house)
    (said,) = open_house.talk("stranger", "!signup 1")
    assert said.endswith("without an account here I only know you while you stay in the channel")


def test_a_seat_follows_its_person(stages: Callable[..., Stage]) -> None:
    """Whoever logs in to an account keeps the seat, and two seats of one person are one."""
    stage = stages(require_account="no")
    plan(stage)
    stage.talk("stranger", "!signup 1")
    stage.talk("alice", "!signup 1")
    stage.rename("stranger", "guest")
    stage.rename("guest", "guest", account="dora")
    assert "one is yours" in stage.whisper("guest", "sessions")[0]
    stage.join("passer-by")
    assert "full" in stage.talk("passer-by", "!signup 1")[0]
    stage.talk("passer-by", "!signup 2")
    stage.rename("passer-by", "alice2", account="alice")
    assert [line.count("one is yours") for line in stage.whisper("alice2", "sessions")] == [1, 1]


def test_which_image(stages: Callable[..., Stage]) -> None:
    """Where a session has several, the first unless another is named; what it has not is said to be missing."""
    stage = stages(images=("debian", "centos"))
    plan(stage, extra='images = ["debian", "centos"]\n')
    stage.talk("alice", "!tz Berlin")
    lab = "you get your centos lab (!signup 2 IMAGE chooses another: debian, centos) in the 20 min before the start"
    needs = LAB.partition("; ")[2].replace("debian", "centos")
    assert stage.talk("alice", "!signup 2 centos") == [f"you have a seat in SE Linux again, {B}; {lab}; {needs}"]
    assert stage.talk("alice", "!signup 2 Debian")[0].startswith("image changed; you have a seat in SE Linux again")
    assert stage.talk("alice", "!signup linux again fedora") == [
        'alice: SE Linux again has no "fedora" labs; it has debian and centos: type !signup 2 debian'
    ]
    assert stage.talk("alice", "!signup 1 centos") == [
        'alice: SE Linux for all has no "centos" labs; it has debian: type !signup 1 debian'
    ]


def test_a_lecture_has_seats_too(stage: Stage) -> None:
    """A session without labs is signed up for in the same way, and nothing is promised."""
    stage.schedule("talk.toml", '[[session]]\nid = "a"\ntitle = "A talk"\nzone = "UTC"\nstart = 2026-12-05T08:00:00\n')
    stage.wait(seconds=2), stage.wait(seconds=2)
    assert stage.talk("alice", "!signup 1") == [
        "you have a seat in A talk, Sat 5 Dec 08:00 UTC | Sat 5 Dec 19:00 +1100 Melbourne | Sat 5 Dec 09:00 +0100 Berlin "
        "| Sat 5 Dec 03:00 -0500 New York | in 8 d"
    ]
    assert "1 seat taken, one is yours" in stage.talk("alice", "!sessions")[0]
    assert stage.talk("bob", "!signup 1 debian") == ['bob: A talk has no "debian" labs; it has no labs: type !signup 1']


def test_a_session_that_has_begun(planned: Stage) -> None:
    """Needs no seat any more, only a lab."""
    planned.wait(days=8, hours=1)
    assert planned.talk("alice", "!signup 1") == [
        "alice: SE Linux for all has already begun; you don't need a seat to take part; !lab debian gives you a lab"
    ]


def test_cancelled(planned: Stage) -> None:
    """Whoever has a seat is told, also those who come later; when it is on again, they have it still."""
    planned.talk("alice", "!signup 1")
    planned.talk("bob", "!signup 1")
    planned.leave("bob")
    before = (planned.folder / "schedules" / "course.toml").read_text()
    planned.schedule("course.toml", before.replace('id = "a"', 'id = "a"\ncancelled = true'))
    said = planned.wait(seconds=2) + planned.wait(seconds=2)
    line = "SE Linux for all, Sat 5 Dec 09:00 +0100 Berlin, is cancelled, and so is your seat"
    assert [target for target, _ in said] == [CHANNEL, "alice"] and said[1][1] == line
    planned.join("bob", account="bob")
    assert planned.wait(seconds=2) == [("bob", line)]
    planned.schedule("course.toml", before)
    said = planned.wait(seconds=2) + planned.wait(seconds=2)
    assert said[1:] == [
        (nick, f"SE Linux for all is on again, {A}; you keep your seat, !signup drop gives it up")
        for nick in ("alice", "bob")
    ]
    assert "2 of 2 seats, one is yours" in planned.talk("alice", "!sessions")[0]


def test_moved(planned: Stage) -> None:
    """The seat is kept, and its person hears the new time in their own zone."""
    planned.talk("alice", "!signup 1")
    said = plan(planned, start="2026-12-07T09:00:00")
    assert said[1:] == [
        (
            "alice",
            "SE Linux for all moved from Sat 5 Dec 09:00 +0100 Berlin to Mon 7 Dec 09:00 +0100 "
            "Berlin (in 10 d); you keep your seat, !signup drop gives it up",
        )
    ]
    assert "one is yours" in planned.talk("alice", "!sessions")[1]


def test_news_is_paced(stage: Stage) -> None:
    """Many people are told of a cancellation one after the other, as a network allows it."""
    plan(stage, seats=30)
    for n in range(12):
        stage.join(f"learner{n}", account=f"learner{n}")
        stage.talk(f"learner{n}", "!signup 1")
    text = (stage.folder / "schedules" / "course.toml").read_text()
    stage.schedule("course.toml", text.replace('id = "a"', 'id = "a"\ncancelled = true'))
    at_once = stage.wait(seconds=2) + stage.wait(seconds=2)
    later = [len(stage.wait(minutes=1)) for _ in range(5)]
    assert len(at_once) == 1 + 9 and later == [1, 1, 1, 0, 0]


def test_a_limit_that_was_lowered(planned: Stage) -> None:
    """Throws nobody out; the seats over it are only not given again."""
    planned.talk("alice", "!signup 1")
    planned.talk("bob", "!signup 1")
    plan(planned, seats=1)
    assert planned.talk("bob", "!sessions")[0].startswith("1: SE Linux for all, 2 of 1 seats, one is yours")
    planned.talk("bob", "!signup drop 1")
    assert "full" in planned.talk("carol", "!signup 1")[0]


def test_seats_outlive_the_bot(planned: Stage) -> None:
    """kill -9 forgets none."""
    planned.talk("alice", "!signup 1")
    planned.restart()
    assert "one is yours" in planned.talk("alice", "!sessions")[0]


def test_the_labs_are_handed_out_already(stages: Callable[..., Stage]) -> None:
    """Another image is too late then, and what to do instead is said."""
    stage = stages(images=("debian", "centos"))
    plan(stage, extra='images = ["debian", "centos"]\n')
    stage.talk("alice", "!signup 2")
    stage.now = stage.now.replace(month=12, day=6, hour=7, minute=45)
    assert stage.talk("alice", "!signup again centos") == [
        "alice: the labs for SE Linux again are already being handed out, and yours is debian: "
        "!lab return gives it back, then type !lab centos"
    ]
    stage.config = replace(stage.config, hosts=())
    stage.restart()
    assert "lab" not in stage.talk("bob", "!signup again")[0]


def test_who_signed_up(planned: Stage) -> None:
    """For organisers, privately: who is here, who is not, who waits; the next session unless one is named."""
    for nick in ("alice", "bob", "carol"):
        planned.talk(nick, "!signup 1")
    planned.leave("bob")
    planned.talk("olga", "!tz kolkata")
    assert planned.hear("olga", "!signups") == [
        (
            "olga",
            "SE Linux for all, Sat 5 Dec 13:30 +0530 Kolkata (in 8 d): 2 of 2 seats taken, 1 of them here; 1 on the waiting list",
        ),
        ("olga", "here: alice"),
        ("olga", "not here: bob"),
        ("olga", "waiting: carol"),
    ]
    assert planned.talk("olga", "!signups 2") == [
        "SE Linux again, Sun 6 Dec 13:30 +0530 Kolkata (in 9 d): 0 of 2 seats taken"
    ]
    assert planned.talk("olga", "!signups linux again")[0].startswith("SE Linux again, ")
    assert planned.talk("olga", "!signups 7") == ["olga: there is no session 7; !sessions lists them"]
    assert planned.talk("olga", "!signups 1 please") == ['olga: unexpected word "please". Usage: !signups 1']
    assert planned.talk("olga", "!signups 1 from 9") == [
        "olga: only 3 signed up for SE Linux for all: !signups 1 lists them"
    ]
    for nick in ("alice", "russell"):
        assert "is for organisers" in planned.talk(nick, "!signups 1")[0]


def test_many_signed_up(stage: Stage) -> None:
    """A few lines, each within one of IRC, and how to see the rest: nobody is left out."""
    plan(stage, seats=500)
    names = [f"learner-with-a-long-name-{n:03}" for n in range(150)]
    for name in names:
        stage.join(name, account=name)
        stage.talk(name, "!signup 1")
    found: list[str] = []
    words = "signups 1"
    for _ in range(9):
        head, *lines = stage.whisper("olga", words)
        assert "150 of 500 seats taken, 150 of them here" in head
        assert len(lines) <= 4 and all(len(line.encode()) <= 400 for line in lines)
        for line in lines:
            found += line.partition(" (and ")[0].removeprefix("here: ").split(", ")
        if "more: !" not in lines[-1]:
            break
        words = lines[-1].partition("more: !")[2].removesuffix(")")
    assert found == names


def test_which_image_they_chose(stages: Callable[..., Stage]) -> None:
    """Where a session has several."""
    stage = stages(images=("debian", "centos"))
    plan(stage, extra='images = ["debian", "centos"]\n')
    stage.talk("alice", "!signup 2"), stage.talk("bob", "!signup 2 centos")
    assert stage.talk("olga", "!signups 2")[1:] == ["here: alice (debian), bob (centos)"]
    (stage.folder / "schedules" / "course.toml").unlink()
    stage.wait(seconds=2), stage.wait(seconds=2)
    assert stage.talk("olga", "!signups") == ["olga: no sessions are planned"]
