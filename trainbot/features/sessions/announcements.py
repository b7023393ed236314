"""Announces changes of sessions in the channels and to those who signed up."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.features.sessions.changes import Change, render_all
from trainbot.features.sessions.reminders import STARTED_GRACE, passed_keys
from trainbot.features.sessions.session_store import SessionStore
from trainbot.features.sessions.signups import SignUps
from trainbot.model.config import ScheduleConfig
from trainbot.model.notice import NoticeKind

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


class Announcements:
    def __init__(self, session_store: SessionStore, store: Store, signups: SignUps, schedule: ScheduleConfig) -> None:
        self.session_store, self.notices, self.signups = session_store, store.notices, signups
        self.zones, self.offsets = schedule.zones, schedule.offsets

    def tell(self, found: Sequence[Change], now: datetime) -> None:
        """Stores announcements until they are sent.  They give the time, so reminders already due are marked as sent."""
        for change in found:
            if change.kind != "cancelled":
                for key in passed_keys(change.session, self.offsets, now):
                    self._mark(key, change, now)
        for channel in self.session_store.channels:
            here = [change for change in found if channel in self.session_store.where(change.session)]
            for line in render_all(here, self.zones, now):
                self.notices.tell(now, line, channel=channel, kind=NoticeKind.ANNOUNCEMENT)
        self.signups.changed(found, now)

    def _mark(self, key: str, change: Change, now: datetime) -> None:
        for channel in self.session_store.channels:
            self.notices.tell(
                now,
                "",
                channel=channel,
                kind=NoticeKind.REMINDER,
                key=f"{key} {channel}",
                not_after=change.session.start + STARTED_GRACE,
            )
