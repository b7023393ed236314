"""The events that a turn of the bot handles, and the outcome of the turn."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime

from trainbot.bot.control_requests import ControlRequest, Response, ShellCommand, ShellResponse
from trainbot.bot.gateway.gateway_tables import GatewayTookTable, LineTable, PasswordsHeld, RouteTable
from trainbot.core.clock import ClockStepped
from trainbot.core.hooks import DueAt
from trainbot.core.messages import AskChanServ, ChatEvent, Line, Modes, Outgoing, Topic
from trainbot.features.sessions.publishing import CalendarPublished, PublishCalendar
from trainbot.gateway.routes import Guest, Route, VisitRoute
from trainbot.model.host import HostEvent
from trainbot.model.kept_files import DeleteKept, FilesKept, FilesRestored, KeepFiles, RestoreFiles
from trainbot.model.lab_events import (
    CheckLogin,
    HostProbed,
    HostStatus,
    HostWork,
    LabBooted,
    LoginChecked,
    Probe,
    ProbeHost,
)
from trainbot.model.script_events import RunScript, ScriptEnded


@dataclass(frozen=True, slots=True)
class Tick:
    """Time has passed: the bot looks at everything that is due."""


Event = (
    ChatEvent
    | HostEvent
    | LabBooted
    | LoginChecked
    | HostProbed
    | HostStatus
    | ScriptEnded
    | FilesKept
    | FilesRestored
    | CalendarPublished
    | ClockStepped
    | PasswordsHeld
    | GatewayTookTable
    | Tick
    | ShellCommand
    | ControlRequest
)
Work = HostWork | Probe | CheckLogin | ProbeHost | RunScript | KeepFiles | RestoreFiles | DeleteKept


@dataclass
class Outcome:
    """What a turn decided, for the adapters to carry out in this order."""

    say: list[Outgoing] = field(default_factory=list)
    work: list[Work] = field(default_factory=list)
    answers: list[Response | ShellResponse] = field(default_factory=list)
    routes: list[Route] | None = None  # None: unchanged
    guests: list[Guest] = field(default_factory=list)  # sent with routes
    visits: list[VisitRoute] = field(default_factory=list)  # as guests
    publish: PublishCalendar | None = None
    lines: dict[str, dict[str, str]] | None = None  # the status lines; None: unchanged
    due_at: datetime | None = None  # when a tick is wanted at the latest; None: as before
    stored: bool = True  # False: the turn failed, and nothing of it has happened

    def take(self, item: object) -> None:
        """Adds an action that a hook returned.  Raises TypeError if no adapter can carry it out."""
        match item:
            case Line() | Topic() | Modes() | AskChanServ():
                self.say.append(item)
            case HostWork() | Probe() | CheckLogin() | ProbeHost() | RunScript():
                self.work.append(item)
            case KeepFiles() | RestoreFiles() | DeleteKept():
                self.work.append(item)
            case Response() | ShellResponse():
                self.answers.append(item)
            case RouteTable():
                self.routes, self.guests, self.visits = item.routes, item.guests, item.visits
            case LineTable():
                self.lines = item.lines
            case PublishCalendar():
                self.publish = item
            case DueAt():
                self.due_at = item.moment
            case _:
                raise TypeError(f"nothing handles {type(item).__name__}")
