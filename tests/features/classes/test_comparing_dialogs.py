"""An exercise that compares two images: a lab of each for everybody, and scripts in that of its own image alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.features.classes.conftest import names
from tests.features.classes.test_lab_setup_dialogs import lose_host, run_all
from tests.stage import CHANNEL, Stage
from trainbot.core.messages import Arrived

BOTH = ("debian", "centos")


@pytest.fixture
def compared(played: Callable[..., Stage]) -> Callable[..., Stage]:
    """compared(people): that class with a second image, of which there are labs too, and two are allowed."""

    def make(people: tuple[str, ...] = ("alice",), **settings: object) -> Stage:
        return played(
            people,
            lambda index: index.update(second_image="centos"),
            **{"labs": 12, "images": BOTH, "per_person": 2, **settings},
        )

    return make


def greeting(stage: Stage) -> str:
    """How the class begins."""
    stage.talk("russell", "!end"), stage.talk("russell", "!yes")
    return stage.talk("russell", "!start scripts")[0]


def images_played_in(stage: Stage) -> set[str]:
    """Of the labs in which scripts were begun and have not ended."""
    with stage.store.transaction():
        labs = {lab.id: lab.image for lab in stage.store.labs.alive()}
        return {labs[stage.store.classes.script_runs.first(id=script.play).lab_id] for script in stage.scripts}


@pytest.mark.parametrize(
    ("settings", "said"),
    [
        ({}, "!lab debian gives you a machine of your own, !lab centos another, !done when"),
        (
            {"images": ("debian",)},
            "!lab debian gives you a machine of your own (there is no centos image here; the text says what you would see on it), !done when",
        ),
        (
            {"per_person": 1},
            "!lab debian gives you a machine of your own (one lab each here; the text says what you would see on centos), !done",
        ),
        ({"images": ("centos",)}, "begins, with russell: !done when"),
    ],
)
def test_what_there_is_is_said_at_the_start(compared: Callable[..., Stage], settings: dict, said: str) -> None:
    """Nobody looks for a second lab that is not to be had."""
    assert said in greeting(compared((), **settings))


def test_late_ones_hear_of_it_too(compared: Callable[..., Stage]) -> None:
    """In the line that greets them."""
    stage = compared()
    stage.talk("russell", "!goto 3")
    stage.join("dan", account="dan")
    said = stage.happens(Arrived(stage.net.people["dan"], CHANNEL, stage.now)) + stage.wait(seconds=2)
    assert [text for who, text in said if who == "dan"] == [
        "Scripts is at step 3 of 4: !lab debian gives you a machine, !lab centos another, !catchup does the steps before it in "
        "your lab, !step shows the step"
    ]


def test_two_labs_side_by_side(compared: Callable[..., Stage]) -> None:
    """One of each image; setups, solves and checks go to the exercise's own, whichever was asked for last."""
    stage = compared()
    said = stage.talk("alice", "!lab centos")
    assert "your centos lab: password " in said[0] and said[1] == "ssh -p 2222 centos@lab.example.org"
    stage.hosts_work()
    assert sorted(lease.image for lease in stage.leases()) == ["centos", "debian"]
    stage.talk("russell", "!next")
    assert images_played_in(stage) == {"debian"}
    assert run_all(stage)[0] == ["intro", "setup1"]
    stage.talk("alice", "!done")
    assert images_played_in(stage) == {"debian"} and names([stage.scripts[0].stdin.strip()]) == ["verify1"]
    assert stage.labs_run(1, "no such file")[1] == [
        ("alice", "step 1 is not done yet: no such file (type !done again when you've fixed it)")
    ]


def test_a_lab_is_named_where_there_are_two(compared: Callable[..., Stage]) -> None:
    """A reset of the second takes no step back, and offers none to be done again."""
    stage = compared()
    stage.talk("alice", "!lab centos")
    stage.hosts_work()
    stage.talk("russell", "!goto 2"), stage.talk("alice", "!done")
    run_all(stage), stage.talk("alice", "!done"), run_all(stage)
    assert stage.talk("alice", "!lab reset") == ["alice: which one? name the image: debian or centos"]
    stage.talk("alice", "!lab reset centos")
    assert "catchup" not in stage.talk("alice", "!yes")[0]
    stage.hosts_work()
    assert run_all(stage)[0] == []
    stage.talk("alice", "!lab reset debian")
    assert stage.talk("alice", "!yes")[0].endswith("; !catchup 2 redoes the steps before yours")
    stage.hosts_work()
    stage.talk("alice", "!catchup")
    assert run_all(stage)[0] == ["intro", "setup1", "solve1"]


def test_both_are_replaced_when_a_host_is_lost(compared: Callable[..., Stage]) -> None:
    """Each by one of its image; steps are done again in the one that they are for."""
    stage = compared(hosts=("xen1", "xen2"))
    stage.talk("alice", "!lab centos")
    stage.hosts_work()
    stage.talk("russell", "!goto 2")
    run_all(stage), stage.talk("alice", "!done"), run_all(stage)
    for host in ("xen1", "xen2"):
        if any(lab.host == host for lab in stage.labs()):
            lose_host(stage, host)
            run_all(stage)
            stage.host_up(host), stage.hosts_work()
    labs = {lab.id: lab for lab in stage.labs()}
    assert sorted(labs[lease.lab_id].image for lease in stage.leases()) == ["centos", "debian"]
    with stage.store.transaction():
        played = stage.store.classes.script_runs.all()
    assert {labs[play.lab_id].image for play in played if play.lab_id in labs} == {"debian"}
