"""The requests of a class to run scripts in labs, and their results."""

from __future__ import annotations

from dataclasses import dataclass

from trainbot.model.lab_events import LabRoute


@dataclass(frozen=True, slots=True)
class RunScript:
    """A request to run ``command`` with ``stdin`` in that lab, within ``timeout`` seconds from the login on, and to
    report ScriptEnded."""

    play: int
    host: str
    way: LabRoute
    command: str
    stdin: str
    timeout: float


@dataclass(frozen=True, slots=True)
class ScriptEnded:
    """How the script ended.  ``exit``: None if it could not be run (``slow``: it was started, but did not finish);
    ``said``: the lab's words, or one sentence with the reason."""

    play: int
    exit: int | None
    said: str
    slow: bool = False
