"""What organisers do with labs and see of hosts, as they say it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest

from tests.stage import CHANNEL, Stage
from trainbot.model.host import HostLost, HostReport, HostUp

FOR_HER = "olga asked me to give you a debian lab"


def test_a_lab_for_somebody(stage: Stage) -> None:
    """They get the line privately, with a password; the organiser hears where it is, and sees no secret."""
    said = stage.hear("olga", "!lab for alice debian")
    assert said[0] == ("olga", "alice now has a debian lab on xen1; I'll tell them privately")
    assert said[1][0] == "alice" and f"({FOR_HER}; " in said[1][1]
    assert len(said) == 3 and "password" not in said[0][1] and "password" in said[1][1]
    stage.hosts_work()
    assert stage.whisper("alice", "lab") == ["debian (enforcing) on xen1: ready, 4 h left"]


def test_beyond_what_everybody_may_have(stages: Callable[..., Stage]) -> None:
    """An organiser gives a second lab, in the mode they name, also to somebody without an account; never two alike."""
    stage = stages(images=("debian", "almalinux"))
    stage.host_up()
    stage.talk("alice", "!lab debian")
    assert "alice now has an almalinux lab" in stage.talk("olga", "!lab for ALICE almalinux permissive")[0]
    assert {(lab.image, lab.mode) for lab in stage.labs()} == {("debian", "enforcing"), ("almalinux", "permissive")}
    before = stage.dump()
    assert stage.talk("olga", "!lab for alice almalinux") == [
        "olga: alice already has an almalinux lab (permissive); !lab revoke alice almalinux takes it back"
    ]
    assert stage.dump() == before
    assert "stranger now has a debian lab" in stage.talk("olga", "!lab for stranger debian")[0]
    assert stage.talk("stranger", "!lab debian")[0].startswith(
        "your debian lab: password "
    )  # the line again, with no account


def test_a_lab_for_somebody_when_all_are_taken(stages: Callable[..., Stage]) -> None:
    """They wait like everybody, both hear the place, and the line comes when it is their turn."""
    stage = stages(labs=1)
    stage.host_up()
    stage.talk("bob", "!lab debian")
    said = stage.hear("olga", "!lab for alice debian")
    assert said[0] == ("olga", "alice is waiting for a debian lab, number 1 in the queue; I'll tell them privately")
    assert said[1][0] == "alice"
    assert said[1][1].startswith(
        f"{FOR_HER}; all debian labs are taken. You're number 1 in the queue: you'll likely get a lab in 4 h"
    )
    assert stage.talk("olga", "!lab for alice debian") == [
        "olga: alice is already waiting for a debian lab (enforcing); !lab revoke alice debian takes it back"
    ]
    stage.hosts_work()
    stage.talk("bob", "!lab return")
    stage.talk("bob", "!yes")
    said = stage.hosts_work()
    assert {target for target, _text in said} == {"alice"} and "(it is your turn" in said[0][1]


WRONG = [
    ("!lab for nobody debian", 'nobody called "nobody" is in my channels'),
    ("!lab for trainbot debian", 'nobody called "trainbot" is in my channels'),
    ("!lab for alice", "usage: !lab for NICK IMAGE [permissive], for example !lab for alice debian"),
    ("!lab for alice windows", 'no image called "windows" (available: debian)'),
    ("!lab for alice debian strict", 'unknown mode "strict": the only option after the image is "permissive"'),
    ("!lab revoke alice", "alice has no lab; !labs shows who has one"),
    ("!lab revoke nobody", "nobody has no lab; !labs shows who has one"),
    ("!lab revoke bob suse", 'no image called "suse" (available: debian)'),
    ("!lab revoke", "usage: !lab revoke NICK [IMAGE], for example !lab revoke alice"),
    ("!labs xen9", 'no host and nobody with a lab is called "xen9" (hosts: xen1)'),
    ("!labs xen1 bob", 'unexpected word "bob". Usage: !labs [HOST or NICK], for example !labs alice'),
]


@pytest.mark.parametrize(("said", "answer"), WRONG, ids=lambda value: value[:24])
def test_refusals(stage: Stage, said: str, answer: str) -> None:
    """Whom there is not, what they do not have: one sentence, and nothing changes."""
    stage.talk("bob", "!lab debian")
    stage.talk("alice", "!lab")
    stage.talk("olga", "!lab")
    before = stage.dump()
    assert stage.talk("olga", said) == [f"olga: {answer}"]
    assert stage.dump() == before


def test_only_organisers(stage: Stage) -> None:
    """Neither learners nor presenters give or take other people's labs, or see them all."""
    for words in ("lab for", "lab revoke", "labs", "hosts", "lab capacity"):
        assert stage.talk("russell", f"!{words}") == [f"russell: !{words} is for organisers"]


def test_a_bot_without_hosts_gives_none(stage: Stage) -> None:
    """Also an organiser hears that there is no host."""
    stage.config = replace(stage.config, hosts=())
    stage.restart()
    assert "there are no lab hosts here yet" in stage.talk("olga", "!lab for alice debian")[0]


def test_revoke(stage: Stage) -> None:
    """Asks first and says what is lost; then the lab goes, its person hears who took it, and may ask for another."""
    stage.talk("alice", "!lab debian")
    stage.hosts_work()
    stage.wait(minutes=70)
    assert stage.hear("olga", "!lab revoke alice") == [
        (
            CHANNEL,
            "olga: alice loses their debian lab (asked for 1 h 10 min ago) and everything in it. Type !yes within 60 s.",
        )
    ]
    assert len(stage.leases()) == 1
    said = stage.hear("olga", "!yes")
    assert said == [
        ("olga", "took back alice's debian lab; I'll tell them"),
        ("alice", "your debian lab was taken back by olga; ask them why"),
    ]
    stage.hosts_work()
    assert stage.hosts["xen1"] == {} and stage.leases() == []
    assert "password" in stage.talk("alice", "!lab debian")[0]


def test_revoke_by_the_labs_name(stages: Callable[..., Stage]) -> None:
    """Whoever has it, under whatever nick they left: the name is on the list of labs."""
    stage = stages(require_account="no", labs=6)
    stage.host_up()
    for number in range(2):
        stage.join("ghost", host=f"h{number}.example")
        stage.talk("ghost", "!lab debian")
        stage.leave("ghost")
    assert "give the account of the one you mean, or the name of the lab" in stage.talk("olga", "!lab revoke ghost")[0]
    names = {lab.id: lab.name for lab in stage.labs()}
    first, second = (names[lease.lab_id] for lease in stage.leases())
    assert stage.talk("olga", f"!lab revoke {first.upper()}")[0].startswith("olga: ghost loses their debian lab")
    stage.talk("olga", "!yes")
    assert [names[lease.lab_id] for lease in stage.leases()] == [second]
    assert stage.talk("olga", f"!lab revoke {first}") == [f"olga: nobody has the lab {first}"]


def test_revoke_of_a_place_and_of_one_of_two(stages: Callable[..., Stage]) -> None:
    """With two the image is named; who only waits loses the place."""
    stage = stages(images=("debian", "almalinux"), labs=1, per_person=2)
    stage.host_up()
    stage.talk("alice", "!lab debian")
    stage.talk("alice", "!lab almalinux")
    assert stage.talk("olga", "!lab revoke alice") == [
        "olga: which one? alice has debian and almalinux. Type for example !lab revoke alice debian"
    ]
    assert stage.talk("olga", "!lab revoke alice almalinux") == [
        "olga: alice loses their position in the queue for an almalinux lab. Type !yes within 60 s."
    ]
    assert stage.talk("olga", "!yes") == [
        "alice is no longer waiting for an almalinux lab; I'll tell them",
        "your position in the queue for an almalinux lab was taken back by olga; ask them why",
    ]
    assert stage.talk("olga", "!lab revoke alice almalinux") == [
        "olga: alice has no almalinux lab; !labs alice shows what they have"
    ]


def test_revoke_of_somebody_who_has_left(stage: Stage) -> None:
    """A lab is taken back from somebody who is gone too; they are told when they are back."""
    stage.talk("alice", "!lab debian")
    stage.leave("alice")
    stage.talk("olga", "!lab revoke Alice")
    assert stage.talk("olga", "!yes") == ["took back alice's debian lab; I'll tell them"]
    stage.join("alice", account="alice")
    assert stage.wait(seconds=2) == [("alice", "your debian lab was taken back by olga; ask them why")]


def test_a_nick_that_changes_hands_before_the_yes(stage: Stage) -> None:
    """Whoever takes a nick within the minute does not lose their lab for another's."""
    stage.talk("alice", "!lab debian")
    stage.talk("bob", "!lab debian")
    stage.talk("olga", "!lab revoke alice")
    stage.rename("alice", "al")
    stage.rename("bob", "alice")
    before = stage.leases()
    assert stage.talk("olga", "!yes") == [
        "olga: alice no longer means the same person or lab as a minute ago, so nothing was done: type that again"
    ]
    assert stage.leases() == before
    assert stage.talk("olga", "!lab revoke alice")[0].startswith("olga: alice (bob) loses their debian lab")


def test_labs(stages: Callable[..., Stage]) -> None:
    """Whose, image, mode if it is permissive, host, state, time left; who waits, with the place; of one host or person."""
    stage = stages(hosts=("xen1", "xen2"), labs=1)
    assert stage.talk("olga", "!labs") == ["nobody has a lab"]
    stage.host_up("xen1")
    stage.talk("alice", "!lab debian")
    stage.host_up("xen2")
    stage.talk("bob", "!lab debian permissive")
    stage.talk("carol", "!lab debian")
    stage.hosts_work()
    stage.wait(minutes=10)
    alice, bob = "alice debian on xen1 ready, 3 h 50 min left", "bob debian permissive on xen2 ready, 3 h 50 min left"
    carol = "carol is waiting for debian, number 1"
    assert stage.hear("olga", "!labs") == [("olga", f"{alice}; {bob}; {carol}")]
    assert stage.talk("olga", "!labs xen2") == [bob]
    assert stage.talk("olga", "!labs CAROL") == [carol]
    stage.happens(HostLost("xen1", "no route"))
    assert stage.talk("olga", "!labs xen1") == ["alice debian on xen1 its host does not answer, 3 h 50 min left"]
    stage.talk("bob", "!lab return")
    stage.talk("bob", "!yes")
    stage.hosts_work()
    assert stage.talk("olga", "!labs xen2")[0].startswith("carol debian on xen2")


def test_labs_of_a_whole_class_fit_one_line(stages: Callable[..., Stage]) -> None:
    """With many there is one line, and where the rest is."""
    stage = stages(labs=30)
    stage.host_up(free=100000)
    for n in range(25):
        stage.join(f"learner{n}", account=f"learner{n}")
        stage.talk(f"learner{n}", "!lab debian")
    (line,) = stage.talk("olga", "!labs")
    assert line.startswith("learner0 debian on xen1 being made, 4 h left; learner1 ")
    shown = line.count(" debian on xen1")
    assert line.endswith(f"; and {25 - shown} more: trainbot lab list") and 350 < len(line.encode()) <= 400


def test_hosts(stage: Stage) -> None:
    """Seats first; then each host: up or why not, labs, memory."""
    assert stage.hear("olga", "!hosts") == [
        ("olga", "5 labs fit: 0 taken, 0 in the pool, 5 free; 0 survive the loss of any one host"),
        ("olga", "xen1 up, 0 of 5 labs, 8192 of 16384 MiB free"),
    ]
    stage.happens(HostLost("xen1", "connection refused"))
    stage.now += timedelta(minutes=3)
    assert stage.talk("olga", "!hosts") == [
        "0 labs fit: 0 taken, 0 in the pool, 0 free; 0 survive the loss of any one host",
        "xen1 DOWN for 3 min (connection refused), 0 of 5 labs; last problem: did not answer: connection refused 3 min ago",
    ]


def test_hosts_say_all_they_know(stages: Callable[..., Stage]) -> None:
    """Load and i/o wait apart, disk, drained, a clock that is off, an image that is not there: each where there is any."""
    stage = stages(hosts=("xen1", "xen2"), labs=15)
    stage.happens(
        HostUp(HostReport("xen1", (), 16384, 5120, 4, disk_free_mib=80 * 1024, busy=0.413, images=frozenset()))
    )
    view = stage.wiring.scheduler.hosts["xen1"]
    view.io_wait, view.drained, view.clock_off = 0.031, True, -95.2
    stage.host_up("xen2")
    said = stage.talk("olga", "!hosts")
    assert said[1] == (
        "xen1 up, 0 of 15 labs, cpu 41 %, i/o wait 3 %, 5120 of 16384 MiB free, disk 80 GiB free, drained, clock "
        "95 s off, no copy of debian | xen2 up, 0 of 15 labs, 8192 of 16384 MiB free"
    )


def test_what_a_host_said_is_harmless(stage: Stage) -> None:
    """Trouble in a host's own words is one short line without control characters."""
    stage.happens(HostLost("xen1", "\x1b]0;owned\x07\n" + "x" * 500))
    line = stage.talk("olga", "!hosts")[1]
    assert line.isprintable() and len(line) < 300


def test_seats_of_a_class(stages: Callable[..., Stage]) -> None:
    """The pool, those free, those that survive the worst loss, and how many people it would leave without a lab."""
    stage = stages(hosts=("xen1", "xen2"), labs=3, spare=1)
    stage.host_up("xen1")
    for nick in ("alice", "bob", "carol"):
        stage.talk(nick, "!lab debian")
    stage.hosts_work()
    stage.host_up("xen2")
    stage.hosts_work()
    assert stage.talk("olga", "!lab capacity") == [
        "6 labs fit: 3 taken, 1 in the pool, 2 free; 3 survive the loss of any one host",
        "debian: 2 more (xen2 2)",
    ]
    stage.talk("olga", "!lab for hannah debian")
    stage.hosts_work()
    assert stage.talk("olga", "!hosts")[0] == (
        "6 labs fit: 4 taken, 1 in the pool, 1 free; 3 survive the loss of any one host; if xen1 were lost now, one person would have "
        "to wait"
    )


def test_a_host_is_emptied_and_comes_back(stage: Stage) -> None:
    """While it is drained it is said so and nobody gets a lab there; afterwards the one who waited has it at once."""
    assert stage.talk("olga", "!drain xen1") != []
    assert ", drained" in stage.talk("olga", "!hosts")[1]
    assert "no host has room for a debian lab right now" in stage.talk("alice", "!lab debian")[0]
    stage.talk("olga", "!undrain xen1")
    said = stage.wait(seconds=2)
    assert {target for target, _text in said} == {"alice"} and "(it is your turn" in said[0][1]
