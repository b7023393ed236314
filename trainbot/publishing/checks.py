"""An exercise's checks as one script for those who run the image at home.  Pure.

The same scripts that run in our labs, without the solutions.  Nobody but the learner runs them.
"""

from __future__ import annotations

import re

from trainbot.exercises.model import Exercise, Script

_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,80}")
_END = "END-OF-CHECK"


def file_name(exercise: Exercise) -> str:
    return f"{exercise.slug}.sh"


def check_script(exercise: Exercise) -> str:
    """``sh FILE STEP`` checks that step: exit code and last words are the check's.  '' where there is no check, or the
    exercise's name could be no file."""
    checked = [step for step in exercise.steps if step.verify is not None]
    if not checked or not _NAME.fullmatch(exercise.slug):
        return ""
    numbers = " ".join(str(step.number) for step in checked)
    cases = "".join(_case(step.number, step.verify, step.timeout) for step in checked if step.verify is not None)
    return f"""#!/bin/sh
# The checks of {exercise.slug}, as in the class's own labs.  In your machine, as root: sh {file_name(exercise)} STEP
case "$1" in
    ''|*[!0-9]*) echo "which step? say: sh $0 STEP, of: {numbers}" >&2; exit 2;;
esac
script=$(mktemp) || exit 2
trap 'rm -f "$script"' EXIT
case "$1" in
{cases}    *) echo "step $1 has no check; those that have one: {numbers}" >&2; exit 2;;
esac
if timeout "$seconds" "$with" "$script" < /dev/null; then
    echo "step $1 is done: say !done"
else
    echo "step $1 is not done yet" >&2
    exit 1
fi
"""


def _case(number: int, script: Script, seconds: int) -> str:
    text = script.text if script.text.endswith("\n") else script.text + "\n"
    end = _END
    while end in text.splitlines():
        end += "-"
    with_ = script.interpreter.replace("'", "'\\''")
    return f"    {number}) seconds={int(seconds)}; with='{with_}'; cat > \"$script\" <<'{end}'\n{text}{end}\n    ;;\n"
