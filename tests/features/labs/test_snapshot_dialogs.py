"""Keeping a lab's state and going back to it, as people say it."""

from __future__ import annotations

from tests.stage import Stage
from trainbot.model.host import HostLost, HostWorkDone

NONE_YET = "you have no snapshot yet: !lab snapshot takes one"


def with_lab(stage: Stage, nick: str = "alice") -> None:
    stage.talk(nick, "!lab debian")
    stage.hosts_work()


def test_snapshot_and_rollback(stage: Stage) -> None:
    """A snapshot restarts the lab and says so; going back asks first, says since when work is lost, and can be repeated."""
    with_lab(stage)
    assert stage.hear("alice", "!lab snapshot") == [
        (
            "alice",
            "taking a snapshot of your debian lab: it restarts, about 5 s, and ssh sessions end. !lab rollback "
            "restores it",
        )
    ]
    assert [work.action for work in stage.began] == ["snapshot"]
    assert stage.whisper("alice", "lab") == ["debian (enforcing) on xen1: being saved, 4 h left"]
    assert stage.talk("alice", "!lab rollback") == ["alice: your lab is already being saved; !lab shows its state"]
    stage.hosts_work()
    stage.wait(minutes=12)
    assert stage.whisper("alice", "lab list") == [
        "debian (enforcing) on xen1: ready, 3 h 48 min left, snapshot 12 min ago"
    ]
    for _ in range(2):
        assert stage.hear("alice", "!lab rollback") == [
            (
                "alice",
                "everything you did in your debian lab since the snapshot 12 min ago will be lost; it restarts, and "
                "ssh sessions end. Type !yes within 60 s.",
            )
        ]
        assert stage.began == []
        assert stage.hear("alice", "!yes") == [
            (
                "alice",
                "restoring the snapshot that you took of your debian lab 12 min ago, about 5 s; the same ssh command works",
            )
        ]
        assert [work.action for work in stage.began] == ["rollback"]
        assert stage.whisper("alice", "lab")[0].startswith("debian (enforcing) on xen1: being rolled back")
        stage.hosts_work()
    assert stage.whisper("alice", "lab")[0].startswith("debian (enforcing) on xen1: ready")


def test_a_second_snapshot_takes_the_place_of_the_first(stage: Stage) -> None:
    """There is one to go back to, the last, and people hear that the one before it goes."""
    with_lab(stage)
    stage.talk("alice", "!lab snapshot")
    stage.hosts_work()
    stage.wait(minutes=30)
    assert "taking a snapshot of your debian lab, replacing the last one" in stage.talk("alice", "!lab snapshot")[0]
    stage.hosts_work()
    stage.wait(minutes=1)
    assert "since the snapshot 60 s ago" in stage.talk("alice", "!lab rollback debian")[0]


def test_no_snapshot_yet(stage: Stage) -> None:
    """Without one there is nothing to go back to, nor after a reset, which says so before."""
    with_lab(stage)
    assert stage.talk("alice", "!lab rollback") == [f"alice: {NONE_YET}"]
    stage.talk("alice", "!lab snapshot")
    stage.hosts_work()
    assert stage.talk("alice", "!lab reset") == [
        "everything you changed in your debian lab will be lost, and so will your snapshot. Type !yes within 60 s."
    ]
    stage.talk("alice", "!yes")
    stage.hosts_work()
    assert stage.talk("alice", "!lab rollback") == [f"alice: {NONE_YET}"]
    assert stage.began == []


def test_a_yes_to_what_is_gone_meanwhile(stage: Stage) -> None:
    """Whoever resets the lab before saying yes to a rollback is not promised what is no more."""
    with_lab(stage)
    stage.talk("alice", "!lab snapshot")
    stage.hosts_work()
    stage.talk("alice", "!lab rollback")
    stage.whisper("alice", "lab reset")
    stage.whisper("alice", "yes")
    stage.hosts_work()
    assert stage.talk("alice", "!yes") == [f"alice: {NONE_YET}"]


def test_refusals(stage: Stage) -> None:
    """No lab, one that waits, a host that is silent: a sentence, and nothing happens."""
    for command in ("!lab snapshot", "!lab rollback"):
        assert stage.talk("alice", command) == ["alice: you have no lab; !lab IMAGE gives you one"]
    with_lab(stage)
    stage.happens(HostLost("xen1", "connection refused"))
    before = stage.dump()
    for command in ("!lab snapshot", "!lab rollback"):
        assert stage.talk("alice", command) == [
            "alice: its host xen1 does not answer right now; your work on it is safe. Try again later"
        ]
    assert stage.talk("alice", "!lab snapshot now")[0].startswith('alice: no image called "now"')
    assert stage.dump() == before


def test_a_rollback_that_fails_is_tried_again(stage: Stage) -> None:
    """A busy host may fail to start it: nobody hears of that unless it fails three times; then what to type next."""
    with_lab(stage)
    stage.talk("alice", "!lab snapshot")
    stage.hosts_work()
    stage.talk("alice", "!lab rollback")
    stage.talk("alice", "!yes")
    (lab,) = stage.labs()
    failed = HostWorkDone("xen1", lab.id, "rollback", None, "no new domain")
    for _ in range(2):
        assert [work.action for work in stage.began] == ["rollback"]
        stage.began.clear()
        assert stage.happens(failed) == []
        stage.wait(seconds=15)
    assert stage.happens(failed) == [
        (
            "alice",
            "could not roll back your debian lab (no new domain): look at it, then type !lab rollback again, or !lab reset "
            "for the original image",
        )
    ]
    stage.began[:] = [work for work in stage.began if work.action != "rollback"]
    stage.hosts_work()
    assert stage.whisper("alice", "lab")[0].startswith("debian (enforcing) on xen1: ready")
