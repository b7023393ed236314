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
    pages = [page for page in (exercise.intro, exercise.finish, *exercise.steps) if page is not None]
    prepared = sum((page.setup is not None) + (page.foreground is not None) for page in pages)
    return (
        (exercise.assets is not None)
        + prepared
        + sum(
            (step.solve is not None) + (step.verify is not None) * (2 if step.solve else 1) for step in exercise.steps
        )
    )


def unseen(exercise: Exercise) -> tuple[str, ...]:
    """What playing it cannot show, in words: steps without a solve or a check."""
    kinds = {
        (False, False): "no check and no solve: do {them} by hand once",
        (True, False): "no solve: the check was seen to fail, not to pass",
        (False, True): "no check: the solve ran, but nothing says what it did",
    }
    said = []
    for kind, what in kinds.items():
        numbers = [step.number for step in exercise.steps if (step.verify is not None, step.solve is not None) == kind]
        if numbers:
            has, them = ("has", "it") if len(numbers) == 1 else ("have", "them")
            said.append(f"{_steps(numbers)} {has} {what.format(them=them)}")
    return tuple(said)


def seen(exercise: Exercise) -> int:
    """How many steps are seen to work: their checks fail before their solves and pass after."""
    return sum(step.verify is not None and step.solve is not None for step in exercise.steps)


def _steps(numbers: list[int]) -> str:
    """``step 3``, ``steps 1 to 4 and 7``."""
    runs: list[list[int]] = []
    for number in numbers:
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    said = [
        word
        for run in runs
        for word in ([f"{run[0]} to {run[-1]}"] if len(run) > 2 else [str(number) for number in run])
    ]
    listed = said[0] if len(said) == 1 else f"{', '.join(said[:-1])} and {said[-1]}"
    return f"step{'s' * (len(numbers) > 1)} {listed}"


async def play(exercise: Exercise, run: Run, tell: Callable[[], None]) -> str:
    """Plays the exercise; returns the first fault as one sentence, or ''.

    Its files can be copied.  For each step: its setup works, its check fails before the solution, its solve works, and its
    check then passes.
    ``tell`` is called after each script.
    """
    playing = _ExerciseRun(run, tell)
    try:
        if exercise.assets is not None:
            await playing.works(exercise.assets, PAGE, "copying its files into the lab")
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
            await self.works(page.setup, PAGE, f"the setup of {page.title}")
        if page is not None and page.foreground is not None:
            await self.works(page.foreground, PAGE, f"the foreground script of {page.title}")

    async def step(self, step: Step) -> None:
        at = f"step {step.number} ({step.title}): its"
        if step.setup is not None:
            await self.works(step.setup, step.timeout, f"{at} setup")
        if step.foreground is not None:
            await self.works(step.foreground, step.timeout, f"{at} foreground script")
        if step.verify is not None and (await self._ran(step.verify, step.timeout, f"{at} check")).exit == 0:
            raise _Fault(f"{at} check passes before the step was done")
        if step.solve is not None:
            await self.works(step.solve, step.timeout, f"{at} solve")
            if step.verify is not None:
                await self.works(step.verify, step.timeout, f"{at} check (after its solve)")

    async def works(self, script: Script, seconds: float, what: str) -> None:
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
