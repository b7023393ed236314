"""An exercise that compares two images: a lab of each for everybody, and scripts in that of its own image alone."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.features.classes.conftest import names
from tests.features.classes.test_lab_setup_dialogs import lose_host, run_all
from tests.stage import CHANNEL, Stage
from trainbot.core.messages import Arrived

BOTH = ("debian", "centos")
SOLVE = "#!/bin/sh\nsolve4"


@pytest.fixture
def compared(played: Callable[..., Stage]) -> Callable[..., Stage]:
    """compared(people): that class with a second image, of which there are labs too, and two are allowed."""

    def make(
        people: tuple[str, ...] = ("alice",), change: Callable[[dict], None] = lambda index: None, **settings: object
    ) -> Stage:
        return played(
            people,
            lambda index: (index.update(second_image="centos"), change(index)),
            **{"labs": 12, "images": BOTH, "per_person": 2, **settings},
        )

    return make


@pytest.fixture
def second(compared: Callable[..., Stage]) -> Callable[..., Stage]:
    """second(people): the class at its fourth step, which is done in the second lab."""

    def make(people: tuple[str, ...] = ("alice",), **settings: object) -> Stage:
        stage = compared(
            people, lambda index: index["details"]["steps"][3].update(second_lab=True, solve=SOLVE), **settings
        )
        stage.talk("russell", "!goto 4")
        for _ in range(3):
            stage.talk("alice", "!done"), run_all(stage)
        return stage

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


def test_a_step_of_the_second_lab_is_checked_there(second: Callable[..., Stage]) -> None:
    """Whatever labs were asked for in which order; what is missing is told as of any other step."""
    stage = second()
    stage.talk("alice", "!lab centos")
    stage.hosts_work()
    assert run_all(stage)[0] == []
    assert stage.talk("alice", "!done") == []
    assert images_played_in(stage) == {"centos"} and names([stage.scripts[0].stdin.strip()]) == ["verify4"]
    assert stage.labs_run(1, "no such file")[1] == [
        ("alice", "step 4 is not done yet: no such file (type !done again when you've fixed it)")
    ]


def test_without_a_second_lab_it_counts_unchecked(second: Callable[..., Stage]) -> None:
    """They are told, and how to get one; nothing of it runs in their first lab."""
    stage = second()
    assert stage.talk("alice", "!done") == [
        "step 4 is done but not checked, because you have no centos lab; !lab centos gives you one"
    ]
    assert run_all(stage)[0] == []


@pytest.mark.parametrize(
    ("settings", "why"),
    [
        ({"images": ("debian",)}, "there are no centos labs here"),
        ({"per_person": 1}, "it needs a second lab, and people can have one here"),
    ],
)
def test_where_nobody_can_have_a_second_lab_its_step_says_so(
    second: Callable[..., Stage], settings: dict, why: str
) -> None:
    """In the step's title, for the class and in private, and where somebody says that they have done it; of that step alone."""
    stage = second(**settings)
    assert stage.talk("russell", "!repeat")[0] == f"Step 4 of 4: Four (not checked: {why})"
    assert stage.talk("alice", "!step")[0] == f"Step 4 of 4: Four (not checked: {why})"
    assert stage.talk("alice", "!step 2")[0] == "Step 2 of 4: Two"
    assert stage.whisper("alice", "!done") == [f"step 4 is done but not checked, because {why}"]
    assert run_all(stage)[0] == []


def test_a_replaced_first_lab_does_no_step_of_the_second(compared: Callable[..., Stage]) -> None:
    """A step that is done elsewhere neither runs there nor keeps those after it from being done."""
    stage = compared(change=lambda index: index["details"]["steps"][0].update(second_lab=True))
    stage.talk("russell", "!goto 3")
    run_all(stage)
    stage.talk("alice", "!lab reset"), stage.talk("alice", "!yes")
    stage.hosts_work()
    stage.talk("alice", "!catchup")
    assert run_all(stage)[0] == ["intro", "solve2", "setup3"]
