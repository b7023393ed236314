"""What goes into a turn of the bot, and what comes out of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from trainbot.bot.gateway.requests import DoorAsked
from trainbot.bot.rehearsal_requests import RehearsalAsked
from trainbot.core.messages import ChatEvent, Outgoing
from trainbot.features.sessions.publishing import Publish, Published
from trainbot.gateway.routes import Guest, Route
from trainbot.model.host import HostEvent
from trainbot.model.lab_events import Booted, Check, Checked, Heard, HostStatus, HostWork, Listen, Probe
from trainbot.model.script_events import RunScript, ScriptEnded


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: everything that is due is looked at."""


@dataclass(frozen=True, slots=True)
class ShellCommand:
    """A command typed in a shell of the bot's own user, who is an organiser; ``answer`` gets the lines."""

    text: str
    answer: Callable[[list[str]], None]


Event = (
    ChatEvent
    | HostEvent
    | Booted
    | Checked
    | Heard
    | HostStatus
    | ScriptEnded
    | Published
    | Tick
    | ShellCommand
    | RehearsalAsked
    | DoorAsked
)


@dataclass
class Outcome:
    """What a turn decided: to be carried out by the doors, in this order."""

    say: list[Outgoing] = field(default_factory=list)
    work: list[HostWork | Probe | Check | Listen | RunScript] = field(default_factory=list)
    answers: list[tuple[ShellCommand, list[str]] | tuple[RehearsalAsked | DoorAsked, dict[str, Any]]] = field(
        default_factory=list
    )
    routes: list[Route] | None = None  # None: as they were
    guests: list[Guest] = field(default_factory=list)  # beside routes
    publish: Publish | None = None
    lines: dict[str, dict[str, str]] | None = None  # captions; None: as they were
