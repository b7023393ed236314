"""The planned sessions in the store: read from files, made on IRC or proposed by a poll."""

from __future__ import annotations

import json
import logging
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from trainbot.core.times import to_utc
from trainbot.model.class_run import held
from trainbot.model.session import HERE, PublishedSession, Session
from trainbot.model.session_rows import SessionRow

if TYPE_CHECKING:
    from trainbot.adapters.db import Store
    from trainbot.model.class_run import ClassRun

log = logging.getLogger(__name__)
NEAR = timedelta(hours=36)  # a class lasts a day at most, plus a grace period
MEMORY = timedelta(days=30)  # sessions that began longer ago are ignored
_MINUTE = timedelta(minutes=1)
_LAST = "last session"  # the setting that holds the number of the last one made here


class SessionStore:
    """``channels``: ours; a session that names none of them belongs to all."""

    def __init__(self, store: Store, channels: tuple[str, ...]) -> None:
        self.rows, self.settings, self.channels, self.classes = store.sessions, store.settings, channels, store.classes

    # -- written ---------------------------------------------------------------------------------------

    def put(self, session: Session, now: datetime, *, draft: bool = False) -> None:
        """Stores the session; published ones count their changes (SEQUENCE, RFC 5545 3.8.7.4).  ``draft``: it is not
        announced; one from a file is withheld until the file is corrected."""
        old = self.rows.first(uid=session.uid)
        if old is not None and (old.revision, old.start, old.draft) == (session.revision, session.start, draft):
            if old.value != (value := to_json(session)):  # the same by newer clock rules
                self.rows.change({"uid": session.uid}, value=value)
            return
        unpublished = old is None or (old.draft and session.made_here)
        sequence = 0 if old is None or unpublished else old.sequence + 1
        self.rows.put(
            SessionRow(
                session.uid,
                session.title,
                session.start,
                session.zone,
                to_json(session),
                session.revision,
                session.cancelled,
                now,
                sequence,
                draft,
                session.course or "",
            )
        )

    def draft(self, origin: str, now: datetime, **values: Any) -> Session:
        """Stores a draft, which is not announced until published.  ``origin``: where it comes from (``IRC``, ``poll 3``);
        ``values``: title, zone, local, minutes, and other fields of Session.  UserError for a time that clocks skip or
        show twice."""
        number = int(self.settings.get(_LAST) or 0) + 1
        self.settings.set(_LAST, str(number))
        values = {"start": to_utc(values["local"], values["zone"]), **values}
        session = Session.of(uid=f"{HERE}{number}", origin=origin, **values)
        self.put(session, now, draft=True)
        return session

    def forget(self, session: Session) -> None:
        """Deletes a draft."""
        self.rows.remove(uid=session.uid, draft=True)

    # -- read ------------------------------------------------------------------------------------------

    def get(self, uid: str) -> Session | None:
        """The published session (cancelled or not) with that uid; neither drafts nor withheld ones."""
        row = self.rows.first(uid=uid, draft=False)
        return from_json(row.value) if row is not None else None

    def known(self, now: datetime) -> list[Session]:
        """All published sessions except old ones, by start; cancelled ones too."""
        return self._since(now - MEMORY, draft=False)

    def drafts(self, now: datetime) -> list[Session]:
        """The drafts, by start."""
        return [session for session in self._since(now - MEMORY, draft=True) if session.made_here]

    def withheld(self, now: datetime) -> list[Session]:
        """The sessions from files that were published and are withheld now, as they were, by start."""
        return [session for session in self._since(now - MEMORY, draft=True) if not session.made_here]

    def _since(self, since: datetime, **exact: bool) -> list[Session]:
        start = self.rows.table.c.start
        return [from_json(row.value) for row in self.rows.all(start > since, order=(start,), **exact)]

    def near(self, now: datetime) -> list[Session]:
        """The sessions that may need labs now, by start: soon, running, or recently over.  Leaves out cancelled ones
        and unreadable rows: one bad row must not stop the labs of everybody."""
        found = []
        for row in self.rows.within(now - NEAR, now + NEAR, cancelled=False, draft=False):
            try:
                found.append(from_json(row.value))
            except (ValueError, TypeError, KeyError) as error:
                log.debug("the session %s cannot be read: %s", row.uid, error)  # known() raises it
        return found

    def starting(self, first: datetime, last: datetime) -> list[Session]:
        """The sessions that start from ``first`` to ``last``, by start; cancelled ones too."""
        return [from_json(row.value) for row in self.rows.starting(first, last, draft=False)]

    def upcoming(self, now: datetime, most: int | None = None) -> list[Session]:
        """The sessions that are neither over nor cancelled, by start, as ``!sessions`` numbers them; at most ``most``.  One
        whose class runs is not over, however long it takes; one whose class has ended is."""
        runs = self._runs(now)
        running = _uids_running(runs)
        over = self._over(runs) if runs else {}
        soon = now.replace(second=0, microsecond=0) + _MINUTE  # the same for a minute, so that what was read is known
        rows = self.rows.begun(soon - _MINUTE - NEAR, soon, cancelled=False, draft=False)
        rows += self.rows.later(soon, most and most + len(over), cancelled=False, draft=False)
        found = [from_json(row.value) for row in rows if row.start > now - NEAR and row.uid not in over]
        return [session for session in found if session.end > now or session.uid in running][:most]

    def place_in_course(self, session: Session) -> str:
        """``selinux, session 2 of 3``; '' if it belongs to no course."""
        if not session.course:
            return ""
        uids = [row.uid for row in self.rows.of_course(session.course)]
        return f"{session.course}, session {uids.index(session.uid) + 1} of {len(uids)}" if session.uid in uids else ""

    def running(self) -> frozenset[str]:
        """The uids of the sessions whose class runs now."""
        return _uids_running(self.classes.running())

    def over(self, now: datetime) -> dict[str, Session]:
        """By uid, the sessions whose class has ended lately, though the planned end may be still to come."""
        return self._over(self._runs(now))

    def _runs(self, now: datetime) -> list[ClassRun]:
        """The classes that run, or have ended lately."""
        return self.classes.lately(now.replace(minute=0, second=0, microsecond=0) - NEAR)

    def _over(self, runs: list[ClassRun]) -> dict[str, Session]:
        found: dict[str, Session] = {}
        running = _uids_running(runs)
        for run in runs:
            session = self.get(run.session_uid) if run.session_uid and run.session_uid not in running else None
            if session is not None and held(run, session):
                found[session.uid] = session
        return found

    def begun(self, session: Session, now: datetime) -> bool:
        """Whether its start has passed, or its class was begun before that."""
        return session.start <= now or session.uid in self.running() or session.uid in self.over(now)

    def published(self, since: datetime) -> list[PublishedSession]:
        """The sessions in the calendar: all that start after ``since``, cancelled ones too, by start."""
        rows = self.rows.later(since, draft=False)
        return [PublishedSession(from_json(row.value), row.sequence, row.changed_at) for row in rows]

    def later(self, now: datetime) -> int:
        """The number of sessions to come that are neither cancelled nor over already."""
        over = sum(session.start > now and not session.cancelled for session in self.over(now).values())
        return self.rows.count(self.rows.table.c.start > now, cancelled=False, draft=False) - over

    def where(self, session: Session) -> tuple[str, ...]:
        """The channels where the session is announced; if its channel is not ours, all of ours."""
        mine = tuple(c for c in self.channels if session.channel and c.lower() == session.channel.lower())
        return mine or self.channels


def _uids_running(runs: list[ClassRun]) -> frozenset[str]:
    return frozenset(run.session_uid for run in runs if run.session_uid and run.ended_at is None)


def to_json(session: Session) -> str:
    return json.dumps(asdict(session), default=datetime.isoformat)


def from_json(text: str) -> Session:
    values: dict[str, Any] = json.loads(text)
    for name in ("start", "local"):
        values[name] = datetime.fromisoformat(values[name])
    values |= {name: tuple(value) for name, value in values.items() if isinstance(value, list)}
    return Session(**values)
