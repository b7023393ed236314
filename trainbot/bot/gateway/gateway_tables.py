"""The tables sent to the gateway: who may enter which lab, and the status lines on people's screens."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from trainbot.adapters.db import PASSWORDS, Store
from trainbot.bot.gateway import status_lines
from trainbot.bot.gateway.route_table import LabRoutes, guests, routes, visits
from trainbot.bot.gateway.status_lines import StatusLines
from trainbot.core.hooks import Feature, Hook, On, OnChange, Turn
from trainbot.core.messages import Arrived, ChannelMembers, Disconnected, Left, Line, LineSent, Renamed
from trainbot.gateway.routes import Guest, Route, VisitRoute
from trainbot.model.lab_image import LabImage
from trainbot.model.notice import WITH_PASSWORDS

TABLES = frozenset({"lab", "lease", PASSWORDS, "person", "public_key", "visit"})
MOVED = (Arrived, Left, Renamed, ChannelMembers, Disconnected)  # after these, different people can be reached


@dataclass(frozen=True, slots=True)
class RouteTable:
    routes: list[Route]
    guests: list[Guest]
    visits: list[VisitRoute]


@dataclass(frozen=True, slots=True)
class LineTable:
    """The status lines: {lease: {"line", "word"}}."""

    lines: dict[str, dict[str, str]]


@dataclass(frozen=True, slots=True)
class PasswordsHeld:
    """The gateway has not taken the table with which the passwords in these lines work, so they were not sent."""

    lines: tuple[Line, ...]


@dataclass(frozen=True, slots=True)
class GatewayTookTable:
    """It has now."""


class GatewayTables(Feature):
    def __init__(self, store: Store, images: dict[str, LabImage], ways: LabRoutes, lines: StatusLines) -> None:
        self.store, self.images, self.lines = store, images, lines
        self._ways = ways
        self._routes_due = self._lines_due = True

    def hooks(self) -> Sequence[Hook]:
        return (
            On(LineSent, self._sent),
            OnChange(TABLES, self._tell_routes, (LineSent,)),
            OnChange(status_lines.TABLES, self._tell_lines, MOVED),
        )

    def _sent(self, event: LineSent, _now: datetime) -> None:
        """Once somebody has been told a new password, the one before stops working."""
        earlier = self._ways.earlier
        notice = self.store.notices.first(id=event.ticket) if earlier else None
        if notice is not None and notice.kind in WITH_PASSWORDS and earlier.pop(int(notice.subject), ""):
            self._routes_due = True

    def _tell_routes(self, turn: Turn) -> list[RouteTable]:
        if not (self._routes_due or turn.changed & TABLES):
            return []
        self._routes_due = True
        table = RouteTable(self.routes(), guests(self.store, self._ways), visits(self.store, turn.now))
        self._routes_due = False
        for gone in self._ways.earlier.keys() - {lease.id for lease in self.store.leases.every()}:
            del self._ways.earlier[gone]
        return [table]

    def routes(self) -> list[Route]:
        return routes(self.store, self.images, self._ways)

    def _tell_lines(self, turn: Turn) -> list[LineTable]:
        """Sent at ticks only, not at each line said in a class."""
        self._lines_due |= not turn.tick or bool(turn.changed & status_lines.TABLES)
        if not (turn.tick and self._lines_due):
            return []
        table = LineTable(self.lines(turn.now))
        self._lines_due = False
        return [table]

    def undone(self, items: Sequence[object]) -> None:
        self._routes_due = self._lines_due = True
