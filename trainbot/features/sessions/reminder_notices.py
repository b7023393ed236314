"""Reminders in the channels and in private to those who signed up, stored as notices until sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.core.messages import Priority, Reply
from trainbot.features.sessions.reminders import STARTED_GRACE, due, key, latest, my_line, reminder_line
from trainbot.features.sessions.session_store import SessionStore
from trainbot.features.sessions.signups import AT_ONCE, GAP, SignUps
from trainbot.model.config import ScheduleConfig
from trainbot.model.notice import Notice, NoticeKind
from trainbot.model.session import Session

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

AHEAD = timedelta(days=2)  # a day in some time zones begins this much before the UTC day


class ReminderNotices:
    def __init__(self, session_store: SessionStore, store: Store, signups: SignUps, schedule: ScheduleConfig) -> None:
        self.session_store, self.notices, self.people, self.signups = (
            session_store,
            store.notices,
            store.people,
            signups,
        )
        self.zones, self.offsets = schedule.zones, schedule.offsets
        self._furthest = (
            max((timedelta(days=o.days, minutes=o.minutes) for o in self.offsets), default=timedelta()) + AHEAD
        )

    def tick(self, now: datetime) -> None:
        """Adds a row for each reminder that is due, unless there is one already (sent or not)."""
        sessions = self.session_store.starting(now - STARTED_GRACE, now + self._furthest)
        said = {notice.key or "" for notice in self.notices.not_over("reminder", now)}
        for channel in self.session_store.channels:
            already = {name.rpartition(" ")[0] for name in said if name.endswith(f" {channel}")}
            here = [session for session in sessions if channel in self.session_store.where(session)]
            for reminder in due(here, self.offsets, now, already, self.zones):
                self.notices.tell(
                    now,
                    "",
                    channel=channel,
                    kind=NoticeKind.REMINDER,
                    subject=reminder.uid,
                    key=f"{reminder.key} {channel}",
                    not_after=reminder.session.start + STARTED_GRACE,
                )
                self._tell_each(reminder.session, reminder.key, now)

    def _tell_each(self, session: Session, name: str, now: datetime) -> None:
        """Tells people one after another, as fast as the network allows; those who are away get it when they come."""
        for place, row in enumerate(self.signups.of(session)):
            self.notices.tell(
                now + GAP * max(0, place - AT_ONCE),
                "",
                person_id=row.person_id,
                kind=NoticeKind.MY_REMINDER,
                subject=session.uid,
                key=f"{name} p{row.person_id}",
                not_after=session.start + STARTED_GRACE,
            )

    # -- written when they are sent --------------------------------------------------------------------

    def notice(self, notice: Notice, now: datetime) -> Reply | None:
        session = self._still(notice)
        if session is None:
            return None
        return Reply(reminder_line(session, now, session.zones or self.zones), priority=Priority.ANNOUNCE)

    def my_notice(self, notice: Notice, now: datetime) -> Reply | None:
        """The reminder in the person's own zone; if several waited for them, only the last is sent."""
        session = self._still(notice)
        if session is None or notice.person_id is None or not self.signups.has_seat(session, notice.person_id):
            return None
        last = latest(session, self.offsets, now)
        if last is not None and notice.key != f"{key(session, last)} p{notice.person_id}":
            if self.notices.first(key=f"{key(session, last)} p{notice.person_id}") is not None:
                return None
        zone = self.people.get(notice.person_id).zone
        return Reply(my_line(session, now, zone, session.zones or self.zones))

    def _still(self, notice: Notice) -> Session | None:
        """The session, unless it was cancelled or moved since, which is announced separately."""
        session = self.session_store.get(notice.subject)
        if session is None or session.cancelled:
            return None
        return session if (notice.key or "").startswith(f"{session.uid}@{session.start:%Y%m%dT%H%M%SZ}") else None
