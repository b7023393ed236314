"""``trainbot standby FOLDER``: watches the copies that arrive, and says when the machine that sends them is not heard."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from trainbot.adapters.copies.folder import Beat, Copy, CopyFolder
from trainbot.ops.copies.rebuild import fault_of
from trainbot.ops.copies.takeover import CLOCK

EVERY = 1.0  # seconds
QUIET = 10.0  # seconds without a word of the first machine
CHECKED = 600.0  # seconds between two checks of the newest copy as a whole


@dataclass(frozen=True, slots=True)
class Seen:
    """What there is to say of the copies: ``key`` changes when there is something new."""

    key: str
    line: str


def view(folder: Path, copy: Copy | None, beat: Beat | None, silence: float | None, fault: str) -> Seen:
    """Pure.  ``silence``: seconds since the last word, None if nothing was heard since this machine started."""
    if copy is None:
        return Seen("none", f"-  no copy has arrived in {folder} yet: trainbot copy key on the first machine says how")
    if fault:
        return Seen(f"fault {fault}", f"!  {fault}")
    if beat is None:
        return Seen(f"new {copy.name}", f"-  {copy.name} has arrived")
    if silence is None or silence > QUIET:
        return Seen(
            "silent",
            f"!  nothing is heard of the first machine since {beat.heard_at:%H:%M:%S} UTC; if it is gone: trainbot takeover {folder}",
        )
    if abs(beat.clock_off) > CLOCK:
        return Seen(
            "clock", f"!  this machine's clock is {beat.clock_off:+.0f} s off the first machine's: set it (timedatectl)"
        )
    return Seen(
        f"fresh {copy.name}",
        f"ok {copy.name} is kept up to date: {beat.commits} changes, the last word at {beat.heard_at:%H:%M:%S} UTC",
    )


def standby(folder: Path, say: Callable[[str], None]) -> int:
    """Runs until Ctrl-C, or until this machine has taken over (exit code 0)."""
    folders = CopyFolder(folder)
    last, checked_at, checked, fault = "", 0.0, "", ""
    while True:
        if (taken := folders.taken_over()) is not None:
            say(f"this machine has taken over (number {taken['epoch']}, at {taken['at']}): nothing is left to watch")
            return 0
        copy = next(reversed(folders.copies()), None)
        if copy is not None and (copy.name != checked or time.monotonic() - checked_at > CHECKED):
            fault = fault_of(copy)
            checked, checked_at = copy.name, time.monotonic()
        beat = copy.beat() if copy is not None else None
        seen = view(folder, copy, beat, beat.silence() if beat is not None else None, fault)
        if seen.key != last:
            last = seen.key
            say(f"{datetime.now(UTC):%H:%M:%S} {seen.line}")
        time.sleep(EVERY)
