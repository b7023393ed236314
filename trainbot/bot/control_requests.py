"""What shell commands and the gateway ask of the running bot."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

FAILED = {"error": "internal error: see trainbot's log"}


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """A command typed in a shell of the bot's own user, who is an organiser; ``answer`` gets the lines."""

    text: str
    answer: Callable[[list[str]], None]


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """``answer`` gets what is told, an ``error`` where it cannot be."""

    request: dict[str, Any]
    answer: Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class RehearsalAsked(ControlRequest):
    """``trainbot rehearse`` asks."""


@dataclass(frozen=True, slots=True)
class GatewayAsked(ControlRequest):
    """Requests of the gateway, on behalf of the people who are logged in there."""


@dataclass(frozen=True, slots=True)
class Response:
    """What a request is told once the turn is stored."""

    to: ControlRequest
    value: dict[str, Any]

    def give(self) -> None:
        self.to.answer(self.value)


@dataclass(frozen=True, slots=True)
class ShellResponse:
    """The same of a command typed in a shell."""

    to: ShellCommand
    lines: list[str]

    def give(self) -> None:
        self.to.answer(self.lines)
