"""Reminders in the channels and in private to those who signed up, stored as notices until sent."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.core.hooks import DueAt
from trainbot.core.messages import Priority, Reply
from trainbot.features.sessions.reminders import STARTED_GRACE, due, key, latest, my_line, next_due, reminder_line
from trainbot.features.sessions.session_store import SessionStore
from trainbot.features.sessions.signups import SignUps, paced
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
        self._jumped_from: datetime | None = None
        self._furthest = (
            max((timedelta(days=o.days, minutes=o.minutes) for o in self.offsets), default=timedelta()) + AHEAD
        )

    def clock_stepped(self, by: timedelta, now: datetime) -> None:
        """What was due in the time that was jumped over is due now."""
        if by > timedelta():
            self._jumped_from = now - by

    def tick(self, now: datetime) -> list[DueAt]:
        """Adds a row for each reminder that is due, unless there is one already (sent or not).  Asks to be called when the
        next one is."""
        since, self._jumped_from = self._jumped_from, None
        late = STARTED_GRACE if since is None else now - since + STARTED_GRACE
        begun = {*self.session_store.running(), *self.session_store.over(now)}  # perhaps before their time
        sessions = [
            session
            for session in self.session_store.starting(now - late, now + self._furthest)
            if session.uid not in begun
        ]
        said = {notice.key or "" for notice in self.notices.not_over("reminder", now - late)}
        for channel in self.session_store.channels:
            already = {name.rpartition(" ")[0] for name in said if name.endswith(f" {channel}")}
            here = [session for session in sessions if channel in self.session_store.where(session)]
            for reminder in due(here, self.offsets, now, already, self.zones, since):
                self.notices.tell(
                    now,
                    "",
                    channel=channel,
                    kind=NoticeKind.REMINDER,
                    subject=reminder.uid,
                    key=f"{reminder.key} {channel}",
                    not_after=_not_after(reminder.session, now),
                )
                self._tell_each(reminder.session, reminder.key, now)
        moment = next_due(sessions, self.offsets, now)
        return [] if moment is None else [DueAt(moment)]

    def _tell_each(self, session: Session, name: str, now: datetime) -> None:
        """Tells people one after another, as fast as the network allows; those who are away get it when they come."""
        for place, row in enumerate(self.signups.of(session)):
            self.notices.tell(
                paced(now, place),
                "",
                person_id=row.person_id,
                kind=NoticeKind.MY_REMINDER,
                subject=session.uid,
                key=f"{name} p{row.person_id}",
                not_after=_not_after(session, now),
            )

    # -- written when they are sent --------------------------------------------------------------------

    def notice(self, notice: Notice, now: datetime) -> Reply | None:
        session = self._still(notice, now)
        if session is None:
            return None
        return Reply(reminder_line(session, now, session.shown_in(self.zones)), priority=Priority.ANNOUNCE)

    def my_notice(self, notice: Notice, now: datetime) -> Reply | None:
        """The reminder in the person's own zone; if several waited for them, only the last is sent."""
        session = self._still(notice, now)
        if session is None or notice.person_id is None or not self.signups.has_seat(session, notice.person_id):
            return None
        last = latest(session, self.offsets, now)
        if last is not None and notice.key != f"{key(session, last)} p{notice.person_id}":
            if self.notices.first(key=f"{key(session, last)} p{notice.person_id}") is not None:
                return None
        zone = self.people.get(notice.person_id).zone
        return Reply(my_line(session, now, zone, session.shown_in(self.zones)))

    def _still(self, notice: Notice, now: datetime) -> Session | None:
        """The session, unless it was cancelled or moved since, which is announced separately, or its class has begun."""
        session = self.session_store.get(notice.subject)
        if session is None or session.cancelled:
            return None
        if session.uid in self.session_store.running() or session.uid in self.session_store.over(now):
            return None
        return session if (notice.key or "").startswith(f"{session.uid}@{session.start:%Y%m%dT%H%M%SZ}") else None


def _not_after(session: Session, now: datetime) -> datetime:
    """How long a reminder that is due now may wait to be sent: longer if it is late because the clock was set forward."""
    return (
        max(session.start, now) + STARTED_GRACE
        if now > session.start + STARTED_GRACE
        else session.start + STARTED_GRACE
    )
