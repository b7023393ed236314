"""Announces changes of sessions in the channels, and privately to those whom they concern."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.messages import Reply
from trainbot.core.times import MAX_BYTES
from trainbot.features.sessions.changes import Change, render_all
from trainbot.features.sessions.invitations import Invitations
from trainbot.features.sessions.reminders import STARTED_GRACE, passed_keys
from trainbot.model.config import ScheduleConfig
from trainbot.model.notice import Notice, NoticeKind

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

LONGEST_HOW = "; !signup 99 puts you on the waiting list"


class Announcements:
    def __init__(self, store: Store, invitations: Invitations, schedule: ScheduleConfig) -> None:
        self.notices, self.invitations, self.signups = store.notices, invitations, invitations.signups
        self.session_store = self.signups.session_store
        self.zones, self.offsets = schedule.zones, schedule.offsets

    def tell(self, found: Sequence[Change], now: datetime) -> None:
        """Stores announcements until they are sent.  They give the time, so reminders already due are marked as sent."""
        for change in found:
            if change.kind != "cancelled":
                for key in passed_keys(change.session, self.offsets, now):
                    self._mark(key, change, now)
        room = MAX_BYTES - len(LONGEST_HOW) - len(self.signups.page().encode())
        for channel in self.session_store.channels:
            here = [change for change in found if channel in self.session_store.where(change.session)]
            for line in render_all(here, self.zones, now, room):
                self.notices.tell(
                    now,
                    line.text,
                    channel=channel,
                    kind=NoticeKind.ANNOUNCEMENT,
                    subject=line.session.uid if line.session is not None else "",
                )
        self.signups.changed(found, now)
        self.invitations.invite([change.session for change in found if change.kind == "new"], now)

    def notice(self, notice: Notice, now: datetime) -> Reply | None:
        """The announcement, and how to sign up: the number is the one that ``!sessions`` shows when this is sent.  None
        once its class has begun: everybody has been told of that."""
        session = self.session_store.get(notice.subject) if notice.subject else None
        if session is not None and session.uid in self.session_store.running():
            return None
        if session is None or session.cancelled or self.session_store.begun(session, now):
            return Reply(notice.text)
        return Reply(notice.text + self.signups.how_to_sign_up(session, now))

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
