"""The requests of shell commands and the gateway to the running bot."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

T = TypeVar("T")
FAILED = {"error": "internal error: see trainbot's log"}


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """A command typed in a shell by the bot's own user, who counts as an organiser; ``answer`` gets the lines."""

    text: str
    answer: Callable[[list[str]], None]


@dataclass(frozen=True, slots=True)
class ControlRequest:
    """A request over the control socket.  ``answer`` gets the reply, or an ``error`` if there is none."""

    request: dict[str, Any]
    answer: Callable[[dict[str, Any]], None]


@dataclass(frozen=True, slots=True)
class RehearsalAsked(ControlRequest):
    """A request of ``trainbot rehearse``."""


@dataclass(frozen=True, slots=True)
class GatewayAsked(ControlRequest):
    """A request of the gateway, on behalf of somebody who is logged in there."""


@dataclass(frozen=True, slots=True)
class Response:
    """The reply to a request, given once the turn is stored."""

    to: ControlRequest
    value: dict[str, Any]

    def give(self) -> None:
        self.to.answer(self.value)


@dataclass(frozen=True, slots=True)
class ShellResponse:
    """The same, to a command typed in a shell."""

    to: ShellCommand
    lines: list[str]

    def give(self) -> None:
        self.to.answer(self.lines)


def settle(waiting: asyncio.Future[T], value: T) -> None:
    """Delivers the answer, unless nobody is waiting for it any more."""
    if not waiting.done():
        waiting.set_result(value)
