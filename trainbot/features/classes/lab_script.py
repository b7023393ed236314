"""The command that runs an exercise's script in a lab, and the message taken from its output.  Pure."""

from __future__ import annotations

import shlex

from trainbot.core.text import one_line
from trainbot.model.exercise import Script

KEPT = 4000  # the last bytes of a script's output
SHOWN = 200  # characters of it that are shown to people
TIMED_OUT = (124, 137)  # timeout(1): ended by TERM; by KILL

_RUN = """d=$(mktemp -d -p /run 2>/dev/null || mktemp -d) && cat > "$d/s" || exit 126
timeout -k 5 {seconds} {interpreter} "$d/s"{arguments} < /dev/null > "$d/o" 2>&1; c=$?
tail -c {kept} "$d/o"; rm -rf "$d"; exit $c"""


def command(script: Script, seconds: int, *arguments: str) -> str:
    """Runs the script on stdin: from a file, without input, for at most the given number of seconds.  Its output goes
    to memory, where a script that prints forever hits a limit, and the last KEPT bytes are returned; a daemon that the
    script leaves behind delays nobody."""
    return _RUN.format(
        seconds=seconds,
        interpreter=shlex.quote(script.interpreter),
        kept=KEPT,
        arguments="".join(f" {shlex.quote(argument)}" for argument in arguments),
    )


def last_words(said: str) -> str:
    """The message for the learner in a script's output: the last ``FAIL: …`` line (Instruqt's fail-message), otherwise
    the last line that is not blank; one line without control characters, at most SHOWN characters."""
    lines = [line for line in said.splitlines() if line.strip()]
    failed = [line.split("FAIL:", 1)[1] for line in lines if line.lstrip().startswith("FAIL:")]
    last = (failed or lines or [""])[-1]
    return one_line(last, SHOWN)
