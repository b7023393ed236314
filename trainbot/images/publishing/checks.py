"""An exercise's checks and setups as one script for people who run the image at home.  Pure.

The same scripts that run in our labs, without the solutions.  Nobody but the learner runs them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from trainbot.model.exercise import Exercise, Script

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,80}")
_END = "END-OF-CHECK"
PAGE = 300  # seconds for the setup of the introduction, which has no timeout of its own


def file_name(exercise: Exercise) -> str:
    return f"{exercise.slug}.sh"


def check_script(exercise: Exercise) -> str:
    """``sh FILE STEP`` checks that step, ``sh FILE setup STEP`` sets it up (0: the exercise's own files, and the
    introduction) as the class does in its own labs; exit code and output are those of the exercise's script.  '' if
    there are neither checks nor setups, or the exercise's name cannot be a file name."""
    exercise = exercise.in_first_lab()
    checks = {step.number: (step.verify, step.timeout) for step in exercise.steps if step.verify is not None}
    scripts, setups = {f"check-{number}": check for number, check in checks.items()}, prepared(exercise)
    scripts |= {f"setup-{step.number}": (step.setup, step.timeout) for step in exercise.steps if step.setup is not None}
    if exercise.assets is not None:
        scripts["files-0"] = (exercise.assets, PAGE)
    if exercise.intro is not None and exercise.intro.setup is not None:
        scripts["setup-0"] = (exercise.intro.setup, PAGE)
    if not scripts or not _NAME.fullmatch(exercise.slug):
        return ""
    name = file_name(exercise)
    has_setup = f"\n# Before a step of {_listed(setups)}: sh {name} setup STEP" if setups else ""
    there = [f"check-{number}) parts=check-{number};;" for number in checks]
    there += [
        f"setup-{number}) parts='{' '.join(part for part in (f'files-{number}', f'setup-{number}') if part in scripts)}';;"
        for number in setups
    ]
    which = "\n    ".join(there)
    cases = "".join(_case(part, *scripts[part]) for part in sorted(scripts))
    return f"""#!/bin/sh
# The checks of {exercise.slug}, as in the class's own labs.  In your machine, as root: sh {name} STEP{has_setup}
kind=check
[ "$1" = setup ] && kind=setup && shift
case "$1" in
    ''|*[!0-9]*) echo "Usage: sh $0 STEP, where STEP is one of: {_listed(checks)}" >&2; exit 2;;
esac
case "$kind-$1" in
    {which}
    check-*) echo "step $1 has no check; steps with a check: {_listed(checks)}" >&2; exit 2;;
    *) echo "step $1 needs no setup" >&2; exit 2;;
esac
script=$(mktemp) || exit 2
trap 'rm -f "$script"' EXIT
for part in $parts; do
    case "$part" in
{cases}    esac
    if ! timeout "$seconds" "$with" "$script" < /dev/null; then
        [ "$kind" = check ] && echo "step $1 is not done yet" >&2 || echo "could not set up step $1: type !stuck to call for help" >&2
        exit 1
    fi
done
[ "$kind" = check ] && echo "step $1 is done: type !done" || echo "step $1 is set up"
"""


def prepared(exercise: Exercise) -> list[int]:
    """The steps that have a setup; 0: the one before the first step."""
    first = exercise.assets is not None or (exercise.intro is not None and exercise.intro.setup is not None)
    return [0] * first + [step.number for step in exercise.steps if step.setup is not None]


def _listed(numbers: Iterable[int]) -> str:
    return " ".join(map(str, sorted(numbers))) or "none"


def _case(name: str, script: Script, seconds: int) -> str:
    text = script.text if script.text.endswith("\n") else script.text + "\n"
    end = _END
    while end in text.splitlines():
        end += "-"
    with_ = script.interpreter.replace("'", "'\\''")
    return f"    {name}) seconds={int(seconds)}; with='{with_}'; cat > \"$script\" <<'{end}'\n{text}{end}\n    ;;\n"
