"""The exercises that ship, without a lab: they lint clean and look right on IRC."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path

import pytest

from trainbot.adapters.markdown.irc_lines import MONO, render, render_step
from trainbot.adapters.scenario_files.library import load_library

LIBRARY = load_library(Path(__file__).parents[3] / "exercises")
STEPS = [pytest.param(e, s, id=f"{e.slug}-{s.number}") for e in LIBRARY.exercises.values() for s in e.steps]


def test_no_problem_in_what_ships() -> None:
    """Our own exercises have not even an oddity."""
    assert LIBRARY.problems == () and "selinux-debian" in LIBRARY.exercises


@pytest.mark.parametrize(("exercise", "step"), STEPS)
def test_a_step_fits_on_irc(exercise, step) -> None:
    """Six lines with all commands, no line but a command needs splitting, and nothing is hidden."""
    lines = render_step(f"Step {step.number} of {len(exercise.steps)}: {step.title}", step.text)
    assert 4 <= len(lines) <= 6
    assert all(len(line.encode()) <= 380 for line in lines)
    fenced = [line.strip() for block in step.text.split("```")[1::2] for line in block.split("\n")[1:] if line.strip()]
    assert [line.strip(MONO) for line in lines if line.startswith(MONO) and line.count(MONO) == 2] == fenced


@pytest.mark.parametrize(("exercise", "step"), STEPS)
def test_a_step_has_all_its_parts(exercise, step) -> None:
    """Check, solve, a hint and a solution: enough to be helped, and to be brought here in a new lab."""
    assert step.verify and step.solve and step.hints and step.solution
    assert all(len(render(hint)) <= 2 for hint in step.hints)


@pytest.mark.parametrize(("exercise", "step"), STEPS)
def test_scripts_are_shell(exercise, step) -> None:
    """Each script parses (bash -n)."""
    for script in filter(None, (step.verify, step.solve, step.setup)):
        assert script.interpreter == "/bin/bash"
        done = subprocess.run([shutil.which("bash"), "-n"], input=script.text, text=True, capture_output=True)
        assert done.returncode == 0, f"{script.name}: {done.stderr}"


def test_the_manual_lists_what_ships() -> None:
    """Each exercise by the name that !start takes, with as many steps as it has."""
    manual = (Path(__file__).parents[3] / "docs" / "writing-exercises.md").read_text()
    assert dict(re.findall(r"^\| `([a-z-]+)` \| .* \| (\d+) \|$", manual, re.MULTILINE)) == {
        exercise.slug: str(len(exercise.steps)) for exercise in LIBRARY.exercises.values()
    }


def test_the_manuals_example_loads(tmp_path: Path) -> None:
    """The minimal exercise in docs/writing-exercises.md is one, word for word."""
    manual = (Path(__file__).parents[3] / "docs" / "writing-exercises.md").read_text()
    for name in ("index.json", "look.md", "verify.sh", "solve.sh"):
        _fence, content = re.search(
            rf"^{re.escape(name)}:\n\n(`+)\w+\n(.*?)^\1$", manual, re.MULTILINE | re.DOTALL
        ).groups()
        (tmp_path / name).write_text(content)
    library = load_library(tmp_path)
    assert library.problems == ()
    [exercise] = library.exercises.values()
    assert (exercise.title, exercise.steps[0].title) == ("A first look", "Who am I")
    assert render(exercise.steps[0].text)[1] == f"{MONO}id -un > /root/name{MONO}"
