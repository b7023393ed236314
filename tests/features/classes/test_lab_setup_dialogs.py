"""Labs are set up when the class gets to a step; one that replaces another is brought to where its person was."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.features.classes.conftest import names
from tests.stage import CHANNEL, Stage
from trainbot.features.classes.lab_setup import complete, next_of, sequence
from trainbot.model.class_run import ScriptKind, ScriptState
from trainbot.model.exercise import Exercise, Page, Script, Step


def run_all(stage: Stage, fails: dict[str, str] | None = None) -> tuple[list[str], list[tuple[str, str]]]:
    """Every script that is begun ends well (those of ``fails`` do not), until none is left: which ran, what was said."""
    ran, said = [], stage.wait(seconds=2)
    for _ in range(60):
        if not stage.scripts:
            said += stage.wait(seconds=2)
        if not stage.scripts:
            break
        rest, stage.scripts = stage.scripts[1:], stage.scripts[:1]
        name = names([stage.scripts[0].stdin.strip()])[0]
        words = (fails or {}).get(name)
        found, more = stage.labs_run(0 if words is None else 1, words or "")
        ran += names(found)
        said += more
        stage.scripts += rest
    return ran, said


def lose_host(stage: Stage, name: str) -> None:
    stage.loses(name)
    stage.hosts_work()
    stage.wait(seconds=2), stage.wait(seconds=2)


def test_setups_run_when_the_class_gets_there(played: Callable[..., Stage]) -> None:
    """In every lab, in the background; the presenter hears once how it went."""
    stage = played()
    assert run_all(stage) == (["intro", "intro"], [("russell", "step 0 is set up in 2 of 2 labs")])
    stage.talk("russell", "!next")
    assert run_all(stage) == (["setup1", "setup1"], [("russell", "step 1 is set up in 2 of 2 labs")])
    stage.wait(seconds=6)
    stage.talk("russell", "!next")
    assert run_all(stage) == ([], [])
    stage.wait(seconds=6)
    stage.talk("russell", "!next")
    ran, said = run_all(stage, {"setup3": "no such package"})
    assert ran == ["setup3", "setup3"]
    assert said == [("russell", "step 3 is set up in 0 of 2 labs, but not for alice, bob: no such package")]
    stage.restart()
    assert run_all(stage)[1] == []


def test_a_class_that_jumps_sets_up_what_it_jumped_over(played: Callable[..., Stage]) -> None:
    """Each setup once, in order, also in the lab of somebody who comes later; nothing while the class goes back."""
    stage = played(("alice",))
    stage.talk("russell", "!goto 3")
    assert run_all(stage)[0] == ["intro", "setup1", "setup3"]
    stage.talk("russell", "!goto 1")
    assert run_all(stage)[0] == []
    stage.talk("russell", "!goto 3")
    stage.talk("carol", "!lab debian")
    stage.hosts_work()
    assert run_all(stage)[0] == ["intro", "setup1", "setup3"]


def test_silent_people_are_set_up_too(played: Callable[..., Stage]) -> None:
    """Whoever had their lab before the class and has said nothing yet."""
    stage = played(())
    stage.talk("russell", "!end"), stage.talk("russell", "!yes")
    stage.talk("carol", "!lab debian")
    stage.hosts_work()
    stage.talk("russell", "!start scripts")
    assert run_all(stage) == (["intro"], [("russell", "step 0 is set up in 1 of 1 labs")])


def test_labs_of_a_lost_host_are_brought_to_where_people_were(played: Callable[..., Stage]) -> None:
    """In order, in the background, with one line for all and one to each when theirs is there; a restart in the middle
    goes on."""
    stage = played(hosts=("xen1", "xen2"))
    stage.talk("russell", "!goto 3")
    run_all(stage)
    lab = {stage.name_of(lease.person_id): lease.lab_id for lease in stage.leases()}
    host = {lab.id: lab.host for lab in stage.labs()}
    lost = host[lab["alice"]]
    for _ in range(2):
        stage.talk("alice", "!done")
        run_all(stage)
    lose_host(stage, lost)
    assert stage.scripts and names([stage.scripts[0].stdin.strip()]) == ["intro"]
    stage.labs_run()
    stage.labs_run()
    stage.restart()
    stage.host_up(next(name for name in ("xen1", "xen2") if name != lost))
    ran, said = run_all(stage)
    alices = [text for who, text in said if who == "alice"]
    assert ran[-4:] == ["setup1", "solve1", "solve2", "setup3"] or ran[-3:] == ["solve1", "solve2", "setup3"]
    assert alices == ["your debian lab is now at step 3; !step shows it"]
    assert stage.whisper("alice", "step")[0] == "Step 3 of 4: Three"


def test_the_class_hears_of_new_labs_once(played: Callable[..., Stage]) -> None:
    """However many there are."""
    people = ("alice", "bob", "carol")
    stage = played(people, hosts=("xen1", "xen2"))
    stage.talk("russell", "!goto 3")
    for nick in people:
        stage.talk(nick, "!done"), stage.talk(nick, "!done")
    run_all(stage)
    said = stage.loses("xen1", "xen2")
    for domains in stage.hosts.values():
        domains.clear()
    said += stage.host_up("xen1") + stage.host_up("xen2")
    for _ in range(5):
        said += stage.hosts_work() + stage.wait(seconds=2)
    said += run_all(stage)[1]
    told = [text for who, text in said if who == CHANNEL and "brought" in text]
    assert told == [
        "new labs are being brought to the step their users had reached; I'll tell each of you when yours is ready"
    ]
    assert sum("is now at step 3" in text for _who, text in said) == 3


def test_reset_offers_and_catchup_does(played: Callable[..., Stage]) -> None:
    """The offer names the person's own step; the lab is set up and solved up to there."""
    stage = played(("alice",))
    stage.talk("russell", "!goto 3")
    stage.talk("alice", "!done"), stage.talk("alice", "!done")
    run_all(stage)
    stage.talk("alice", "!lab reset")
    assert stage.talk("alice", "!yes")[0].endswith(
        "the same ssh command works; !catchup 3 redoes the steps before yours"
    )
    assert stage.talk("alice", "!catchup") == [
        "alice: you have no running debian lab; !lab debian gives you one, then type !catchup again"
    ]
    stage.hosts_work()
    assert run_all(stage)[0] == ["intro", "setup1", "setup3"]
    assert stage.talk("alice", "!catchup 3") == [
        "bringing your debian lab to step 3 (earlier steps to replay: 2); I'll tell you when it's ready"
    ]
    stage.wait(seconds=2)
    assert stage.talk("alice", "!catchup") == ["alice: your lab is on its way to step 3; I'll tell you when it's ready"]
    assert run_all(stage) == (
        ["setup1", "solve1", "solve2", "setup3"],
        [("alice", "your debian lab is now at step 3; !step shows it")],
    )


def test_a_solve_that_fails_is_done_by_hand(played: Callable[..., Stage]) -> None:
    """It stops there and says exactly what to do; ``!catchup`` goes on after it."""
    stage = played(("alice",))
    stage.talk("russell", "!goto 3")
    run_all(stage)
    stage.talk("alice", "!catchup")
    ran, said = run_all(stage, {"solve1": "E: no network"})
    assert ran == ["setup1", "solve1"]
    assert said == [
        (
            "alice",
            "I couldn't do step 1 in your lab (E: no network). Do it by hand (!step 1 and !solution 1 show how), then !catchup continues",
        )
    ]
    assert stage.whisper("alice", "step 1")[0] == "Step 1 of 4: One"
    assert stage.whisper("alice", "solution 1") == ["Solution of step 1", "solve1"]
    assert stage.talk("alice", "!catchup") == ["continuing after step 1, up to step 3"]
    assert run_all(stage)[0] == ["solve2", "setup3"]


def test_a_solve_that_is_missing(played: Callable[..., Stage]) -> None:
    """A step with a check and no solve is done by hand; one with neither is passed over."""
    stage = played(("alice",), lambda index: index["details"]["steps"][1].pop("solve"))
    stage.talk("russell", "!goto 4")
    run_all(stage)
    stage.talk("alice", "!catchup")
    ran, said = run_all(stage)
    assert ran == ["setup1", "solve1"] and said[-1][1].startswith("I couldn't do step 2 in your lab (no script for it)")
    stage.restart(), stage.host_up()
    assert run_all(stage) == ([], [])
    stage.talk("alice", "!catchup")
    assert run_all(stage) == (["setup3"], [("alice", "your debian lab is now at step 4; !step shows it")])


def test_an_exercise_without_solves(played: Callable[..., Stage]) -> None:
    """Nothing is promised: what to do again is said."""
    stage = played(("alice",), lambda index: [step.pop("solve", None) for step in index["details"]["steps"]])
    stage.talk("russell", "!goto 3")
    run_all(stage)
    assert stage.talk("alice", "!catchup") == [
        "your debian lab is a fresh copy of its image, and this exercise can't do the steps for you; !step 1 shows what to do again, up to step 2"
    ]


@pytest.mark.parametrize(
    ("said", "answer"),
    [
        ("!catchup", "alice: there is nothing to catch up on: the class is at its first step"),
        ("!catchup 2", "alice: the class is at step 1; type !catchup, or !catchup N with N from 1 to 1"),
        ("!catchup 0", "alice: the class is at step 1; type !catchup, or !catchup N with N from 1 to 1"),
    ],
)
def test_nothing_to_catch_up(played: Callable[..., Stage], said: str, answer: str) -> None:
    """Not before the class has left its first step, nor beyond the class."""
    stage = played(("alice",))
    stage.talk("russell", "!next")
    run_all(stage)
    assert stage.talk("alice", said) == [answer]


def test_a_rollback_forgets_what_came_after_the_snapshot(played: Callable[..., Stage]) -> None:
    """Setups that ran since are run again."""
    stage = played(("alice",))
    stage.talk("russell", "!next")
    run_all(stage)
    stage.talk("alice", "!lab snapshot")
    stage.hosts_work()
    stage.wait(seconds=10)
    stage.talk("russell", "!goto 3")
    assert run_all(stage)[0] == ["setup3"]
    stage.talk("alice", "!lab rollback"), stage.talk("alice", "!yes")
    stage.hosts_work()
    assert run_all(stage)[0] == ["setup3"]


def test_late_joiners(played: Callable[..., Stage]) -> None:
    """Who asks for a lab late can bring it to the class's step."""
    stage = played(("alice",))
    stage.talk("russell", "!goto 3")
    run_all(stage)
    told = stage.talk("bob", "!lab debian")
    assert told[2] == "the class is at step 3 of 4; !step shows it, !catchup does the earlier steps in your lab"
    stage.hosts_work()
    run_all(stage)
    stage.talk("bob", "!catchup")
    assert run_all(stage)[0] == ["setup1", "solve1", "solve2", "setup3"]


# -- what comes next, pure -------------------------------------------------------------------------------

SCRIPT = Script("x", "true\n")
steps = st.lists(st.tuples(st.booleans(), st.booleans(), st.booleans()), max_size=6).map(
    lambda found: tuple(
        Step(n, "", "", setup=SCRIPT if a else None, verify=SCRIPT if b else None, solve=SCRIPT if c else None)
        for n, (a, b, c) in enumerate(found, 1)
    )
)


@given(steps, st.booleans(), st.integers(0, 7), st.integers(0, 7), st.data())
def test_what_is_run_one_after_the_other(
    steps: tuple, intro: bool, upto: int, behind: int, data: st.DataObject
) -> None:
    """Whatever fails: in order, nothing twice, no step's setup before the solves of those before, nothing after a solve that
    did not pass; and it is complete if and only if nothing is left and no solve failed."""
    exercise = Exercise("x", "X", Path("."), intro=Page("", "", SCRIPT) if intro else None, steps=steps)
    wanted = sequence(exercise, min(upto, len(steps) + 1), behind)
    assert wanted == sorted(wanted, key=lambda at: (at[0], at[1] is ScriptKind.SOLVE))
    ran: dict = {}
    while (at := next_of(wanted, ran)) is not None:
        assert at not in ran and [*list(ran), at] == wanted[: len(ran) + 1]
        ran[at] = ScriptState.WAITING
        assert next_of(wanted, ran) is None and not complete(wanted, ran)
        ran[at] = data.draw(
            st.sampled_from([ScriptState.PASSED, ScriptState.PASSED, ScriptState.FAILED, ScriptState.UNKNOWN])
        )
    failed = [at for at, state in ran.items() if at[1] is ScriptKind.SOLVE and state is not ScriptState.PASSED]
    assert complete(wanted, ran) == (not failed) and (failed or list(ran) == wanted) and len(failed) <= 1


def test_a_step_that_changes_nothing_needs_no_hands() -> None:
    """Neither check nor solve: there is nothing to be done for anybody."""
    exercise = Exercise(
        "x", "X", Path("."), steps=(Step(1, "", ""), replace(Step(2, "", ""), verify=SCRIPT), Step(3, "", ""))
    )
    assert sequence(exercise, 3, 3) == [(2, ScriptKind.SOLVE)]
