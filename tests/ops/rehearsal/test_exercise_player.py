"""An exercise is played: what each script comes to decides."""

from __future__ import annotations

import asyncio
from pathlib import Path

import pytest

from trainbot.core.errors import BackendError
from trainbot.gateway.rpc.gateway_client import CommandResult
from trainbot.model.exercise import Exercise, Page, Script, Step
from trainbot.ops.rehearsal.exercise_player import play, scripts, seen, unseen


def script(name: str) -> Script:
    return Script(name, name)


STEP = Step(1, "Look", "", verify=script("verify"), setup=script("setup"), solve=script("solve"), timeout=7)
EXERCISE = Exercise(
    "x",
    "X",
    Path("."),
    intro=Page("Welcome", "", script("intro")),
    steps=(STEP,),
    finish=Page("The end", "", script("finish")),
)


def played(exercise: Exercise, *codes: int | Exception) -> tuple[str, list[tuple[str, float]], int]:
    """(fault, what was run with how much time, how often it was told) where the scripts end with these codes."""
    left, ran, told = list(codes), [], []

    async def run(command: str, stdin: str, timeout: float) -> CommandResult:
        ran.append((stdin, timeout))
        code = left.pop(0)
        if isinstance(code, Exception):
            raise code
        return CommandResult(code, "first\nlast words\n\n", "")

    fault = asyncio.run(play(exercise, run, lambda: told.append(1)))
    return fault, ran, len(told)


def test_all_as_it_should_be() -> None:
    """Setup, a check that refuses, solve, a check that accepts, between intro and finish; each in its own time."""
    fault, ran, told = played(EXERCISE, 0, 0, 1, 0, 0, 0)
    assert fault == "" and told == 6 == scripts(EXERCISE)
    assert ran == [("intro", 300.0), ("setup", 7), ("verify", 7), ("solve", 7), ("verify", 7), ("finish", 300.0)]


@pytest.mark.parametrize(
    ("codes", "fault"),
    [
        ((1,), "the setup of Welcome exited with 1: last words"),
        ((0, 2), "step 1 (Look): its setup exited with 2: last words"),
        ((0, 0, 0), "step 1 (Look): its check passes before the step was done"),
        ((0, 0, 1, 9), "step 1 (Look): its solve exited with 9: last words"),
        ((0, 0, 1, 0, 1), "step 1 (Look): its check (after its solve) exited with 1: last words"),
        ((0, 0, 1, 0, 0, 1), "the setup of The end exited with 1: last words"),
        ((0, 0, BackendError("not within 7 s")), "step 1 (Look): its check failed: not within 7 s"),
    ],
)
def test_the_first_fault_ends_it(codes: tuple, fault: str) -> None:
    """What comes after it would fail for its sake."""
    found, ran, _told = played(EXERCISE, *codes)
    assert found == fault and len(ran) == len(codes)


def test_steps_without_scripts_are_passed_over() -> None:
    """A check without a solve is tried before only; nothing else can be done."""
    steps = (Step(1, "Read", ""), Step(2, "Do", "", solve=script("solve")), Step(3, "See", "", verify=script("verify")))
    exercise = Exercise("x", "X", Path("."), steps=steps)
    assert played(exercise, 0, 1)[:2] == ("", [("solve", 60), ("verify", 60)]) and scripts(exercise) == 2
    assert scripts(Exercise("x", "X", Path("."))) == 0


def test_what_was_not_seen_is_said() -> None:
    """A step without a check or a solve does not work because nothing failed."""
    both, check, solve = {"verify": script("v"), "solve": script("s")}, {"verify": script("v")}, {"solve": script("s")}
    kinds = [both, {}, {}, {}, check, solve, {}, both]
    steps = tuple(Step(n, "", "", **scripts) for n, scripts in enumerate(kinds, 1))
    exercise = Exercise("x", "X", Path("."), steps=steps)
    assert seen(exercise) == 2 and unseen(exercise) == (
        "steps 2 to 4 and 7 have no check and no solve: do them by hand once",
        "step 5 has no solve: the check was seen to fail, not to pass",
        "step 6 has no check: the solve ran, but nothing says what it did",
    )
    assert unseen(EXERCISE) == () and seen(EXERCISE) == 1


def test_files_and_foreground_scripts_are_tried_too() -> None:
    """All that a class runs."""
    step = Step(1, "Look", "", setup=script("setup"), foreground=script("front"))
    exercise = Exercise("x", "X", Path("."), steps=(step,), assets=script("files"))
    assert played(exercise, 0, 0, 0)[1] == [("files", 300.0), ("setup", 60), ("front", 60)] and scripts(exercise) == 3
    assert played(exercise, 1)[0] == "copying its files into the lab exited with 1: last words"
