"""The repository of visits to other people's labs."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from sqlalchemy import Connection, bindparam

from trainbot.adapters.db.rows import RowFilter, Rows
from trainbot.adapters.db.tables import tables
from trainbot.model.visit import Visit, VisitLogin


class VisitRepository(Rows[Visit]):
    """``logins``: who was there."""

    _ended_at = tables["visit"].c.ended_at
    _OPEN = RowFilter(_ended_at.is_(None))
    _LATELY = RowFilter(_ended_at.is_(None) | (_ended_at > bindparam("since", type_=_ended_at.type)))

    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["visit"], Visit, changed)
        self.logins = Rows(connection, tables["visit_login"], VisitLogin, changed)

    def open(self, **exact: Any) -> list[Visit]:
        """Those that are not over, oldest first."""
        return self.chosen(self._OPEN, {}, **exact)

    def lately(self, since: datetime) -> list[Visit]:
        """Those that are not over or ended after ``since``."""
        return self.chosen(self._LATELY, {"since": since})
