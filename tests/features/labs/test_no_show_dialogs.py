"""A lab for somebody who is not there any more: the next in line has it, and nobody loses work or place."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.stage import Stage
from trainbot.model.lab import LabState

AWAY = "it was your turn while you were away, so the next in line got the lab; "


@pytest.fixture
def left(stages: Callable[..., Stage]) -> Stage:
    """One seat: alice had it; bob, who is first in line, has left; carol is second; it is bob's turn."""
    stage = stages(labs=1)
    stage.host_up()
    for nick in ("alice", "bob", "carol"):
        stage.talk(nick, "!lab debian")
    stage.hosts_work()
    return stage


def turn_of_bob(stage: Stage) -> list[tuple[str, str]]:
    stage.leave("bob")
    stage.talk("alice", "!lab return")
    stage.talk("alice", "!yes")
    return stage.hosts_work()


def holders(stage: Stage) -> list[str]:
    return [stage.name_of(lease.person_id) for lease in stage.leases() if lease.lab_id]


def test_after_ten_minutes_the_next_has_it(left: Stage) -> None:
    """Ten minutes it waits for him; then carol has that very lab, and is told."""
    assert turn_of_bob(left) == [] and holders(left) == ["bob"]
    (lab,) = left.labs()
    assert left.wait(seconds=2) == [] and left.wait(minutes=9) == [] and holders(left) == ["bob"]
    said = left.wait(minutes=1, seconds=2)
    assert {target for target, _text in said} == {"carol"} and "(it is your turn" in said[0][1]
    assert holders(left) == ["carol"] and left.labs() == [lab]


def test_who_is_back_in_time_has_it(left: Stage) -> None:
    """Within the ten minutes it is his, and he is told when he comes."""
    turn_of_bob(left)
    left.wait(minutes=9)
    left.join("bob", account="bob")
    said = left.wait(seconds=2)
    assert {target for target, _text in said} == {"bob"} and "(it is your turn" in said[0][1]
    left.wait(minutes=20)
    assert holders(left) == ["bob"]


def test_who_is_back_late_comes_first(left: Stage) -> None:
    """His place is kept at the front: told when he comes, and the next lab that is free is his."""
    turn_of_bob(left)
    left.wait(seconds=2)
    left.wait(minutes=11)
    assert holders(left) == ["carol"]
    left.talk("alice", "!lab debian")
    assert "You're number 1 in the queue" in left.talk("alice", "!lab")[0]  # as long as he is away
    left.join("bob", account="bob")
    said = left.wait(seconds=2)
    assert said[0][0] == "bob" and said[0][1].startswith(
        f"{AWAY}all debian labs are taken. You're number 1 in the queue"
    )
    assert "You're number 2 in the queue" in left.talk("alice", "!lab")[0]
    left.talk("carol", "!lab return")
    left.talk("carol", "!yes")
    left.wait(seconds=2)
    said = left.hosts_work()
    assert {target for target, _text in said} == {"bob"} and holders(left) == ["bob"]


def test_who_asks_by_himself_is_back(left: Stage) -> None:
    """He asks before the notice is said: that is an answer too, and nothing is said twice."""
    turn_of_bob(left)
    left.wait(seconds=2)
    left.wait(minutes=11)
    left.join("bob", account="bob")
    assert "You're number 1 in the queue" in left.whisper("bob", "lab")[-1]
    assert left.wait(seconds=2) == []


def test_nobody_waits(stages: Callable[..., Stage]) -> None:
    """Without anybody in need it stays his."""
    stage = stages(labs=1)
    stage.host_up()
    stage.talk("alice", "!lab debian")
    stage.talk("bob", "!lab debian")
    stage.hosts_work()
    turn_of_bob(stage)
    stage.wait(hours=1)
    assert holders(stage) == ["bob"]


def test_whoever_could_be_in_it_keeps_it(left: Stage) -> None:
    """With a key he may work in it without IRC: that is not taken away."""
    left.use_key("bob", "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIG5vYm9keSdzIGtleSwgYW5kIDMyIG9jdGV0cyBsb25n")
    turn_of_bob(left)
    left.wait(seconds=2)
    left.wait(minutes=30)
    assert holders(left) == ["bob"]


def test_it_is_we_who_are_away(left: Stage) -> None:
    """While we see nobody, nobody is absent."""
    there, left.net.channels["#class"] = left.net.channels["#class"], set()
    left.talk("alice", "!lab return", channel=None)
    left.talk("alice", "!yes", channel=None)
    left.hosts_work()
    left.wait(minutes=30)
    left.net.channels["#class"] = there
    assert holders(left) == ["bob"]
    assert {target for target, _ in left.wait(seconds=2)} == {"bob"}


def test_a_place_is_not_kept_for_ever(left: Stage) -> None:
    """Who does not come back within the longest lease has no place any more."""
    turn_of_bob(left)
    left.wait(seconds=2)
    left.wait(minutes=11)
    assert len(left.leases()) == 2
    left.wait(hours=12)
    assert [stage_lease for stage_lease in left.leases() if stage_lease.lab_id is None] == []


def test_a_restart_forgets_no_place(left: Stage) -> None:
    """Killed while he is away: he is still passed over, and still first when he is back."""
    turn_of_bob(left)
    left.wait(seconds=2)
    left.wait(minutes=11)
    left.restart()
    left.host_up()
    left.talk("carol", "!lab return")
    left.talk("carol", "!yes")
    left.hosts_work()
    left.talk("alice", "!lab debian")
    left.hosts_work()
    assert holders(left) == ["alice"]
    assert {lab.state for lab in left.labs()} == {LabState.READY}
    left.join("bob", account="bob")
    assert left.wait(seconds=2)[0][1].startswith(AWAY)
