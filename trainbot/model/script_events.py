"""What the class asks of those who go into labs, and what they tell it."""

from __future__ import annotations

from dataclasses import dataclass

from trainbot.model.lab_events import LabRoute


@dataclass(frozen=True, slots=True)
class RunScript:
    """Somebody is to run ``command`` with ``stdin`` in that lab, within ``timeout`` seconds from the login on, and to
    say ScriptEnded."""

    play: int
    host: str
    way: LabRoute
    command: str
    stdin: str
    timeout: float


@dataclass(frozen=True, slots=True)
class ScriptEnded:
    """How it ended: ``exit`` is None where it could not be run (``slow``: it was begun, and did not come to its end);
    ``said``: the lab's words, or one sentence why not."""

    play: int
    exit: int | None
    said: str
    slow: bool = False
