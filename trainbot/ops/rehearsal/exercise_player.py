"""Plays an exercise in a lab from the first to the last step: setup, check, solve, check."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from trainbot.core.errors import BackendError
from trainbot.features.classes.lab_script import command, last_words
from trainbot.gateway.rpc.gateway_client import CommandResult
from trainbot.model.exercise import Exercise, Page, Script, Step

#: Runs a command with this input, within seconds: (command, stdin, timeout).
Run = Callable[[str, str, float], Awaitable[CommandResult]]
PAGE = 300.0  # seconds for the setup of intro and finish, which have no timeout of their own


def scripts(exercise: Exercise) -> int:
    """The number of scripts that are run."""
    pages = [page for page in (exercise.intro, exercise.finish) if page is not None and page.setup is not None]
    return len(pages) + sum(
        (step.setup is not None) + (step.solve is not None) + (step.verify is not None) * (2 if step.solve else 1)
        for step in exercise.steps
    )


async def play(exercise: Exercise, run: Run, tell: Callable[[], None]) -> str:
    """Plays the exercise; returns the first fault as one sentence, or ''.

    For each step: its setup works, its check fails before the solution, its solve works, and its check then passes.
    ``tell`` is called after each script.
    """
    playing = _ExerciseRun(run, tell)
    try:
        await playing.page(exercise.intro)
        for step in exercise.steps:
            await playing.step(step)
        await playing.page(exercise.finish)
    except _Fault as fault:
        return str(fault)
    return ""


class _Fault(Exception):
    """A fault of the exercise."""


class _ExerciseRun:
    def __init__(self, run: Run, tell: Callable[[], None]) -> None:
        self._run, self._tell = run, tell

    async def page(self, page: Page | None) -> None:
        if page is not None and page.setup is not None:
            await self._works(page.setup, PAGE, f"the setup of {page.title}")

    async def step(self, step: Step) -> None:
        at = f"step {step.number} ({step.title}): its"
        if step.setup is not None:
            await self._works(step.setup, step.timeout, f"{at} setup")
        if step.verify is not None and (await self._ran(step.verify, step.timeout, f"{at} check")).exit == 0:
            raise _Fault(f"{at} check passes before the step was done")
        if step.solve is not None:
            await self._works(step.solve, step.timeout, f"{at} solve")
            if step.verify is not None:
                await self._works(step.verify, step.timeout, f"{at} check (after its solve)")

    async def _works(self, script: Script, seconds: float, what: str) -> None:
        done = await self._ran(script, seconds, what)
        if done.exit != 0:
            raise _Fault(f"{what} {_ended(done)}")

    async def _ran(self, script: Script, seconds: float, what: str) -> CommandResult:
        try:
            done = await self._run(command(script, round(seconds)), script.text, seconds)
        except BackendError as error:
            raise _Fault(f"{what} failed: {error}") from None
        self._tell()
        return done


def _ended(done: CommandResult) -> str:
    """How a script ended, with its last output."""
    how = f"was killed by SIG{done.signal}" if done.signal else f"exited with {done.exit}"
    last = last_words(f"{done.stdout}\n{done.stderr}")
    return f"{how}: {last}" if last else how
