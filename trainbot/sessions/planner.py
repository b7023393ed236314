"""Sessions in the store: read from schedules/ when it changes, announced, remembered, shown to people."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable
from dataclasses import asdict
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING

from trainbot.errors import UserError
from trainbot.notices import Notice
from trainbot.sessions.changes import changes, render_all
from trainbot.sessions.model import Problem, Session
from trainbot.sessions.reminders import STARTED_GRACE, due, parse_offsets, passed_keys, reminder_line
from trainbot.sessions.schedule import load_schedules
from trainbot.sessions.signups import SignUps, when
from trainbot.sessions.times import describe
from trainbot.sessions.zones import resolve_zone
from trainbot.spine.commands import Argument, Ask, Command
from trainbot.spine.messages import Effect, Priority, Reply

if TYPE_CHECKING:
    from trainbot.store.repositories import Notices, People, Sessions

log = logging.getLogger(__name__)
EARLY = timedelta(hours=2)  # !start means the session that begins within this, or has begun
SHOWN = 4
NEAR = timedelta(hours=36)  # a class lasts a day at most, and has a time of grace
MEMORY = timedelta(days=30)  # a session that began longer ago is of no interest any more


class Planner:
    """``channels``: ours; a session without a channel of its own is announced in all of them.
    ``running``: the uids of sessions whose class runs now.  ``signups``: who has a seat."""

    def __init__(self, sessions: Sessions, notices: Notices, people: People, folder: Path, zones: tuple[str, ...],
                 reminders: tuple[str, ...], channels: Callable[[], tuple[str, ...]],
                 running: Callable[[], set[str]], signups: SignUps) -> None:
        self.sessions, self.notices, self.people, self.folder, self.zones = sessions, notices, people, folder, zones
        self.offsets, self.channels = parse_offsets(" ".join(reminders)), channels
        self.running, self.signups = running, signups
        self.problems: tuple[Problem, ...] = ()
        self._seen: tuple[tuple[str, int, int], ...] | None = None
        self._candidate: tuple[tuple[str, int, int], ...] | None = None
        self._read_on: datetime | None = None

    # -- files ---------------------------------------------------------------------------------------

    def reload(self, now: datetime) -> None:
        """Reads the folder where a file changed (and once a day, for repeating events); announces what changed."""
        seen = _stamps(self.folder)
        if seen == self._seen and self._read_on is not None and now - self._read_on < timedelta(days=1):
            return
        if seen != self._candidate and self._read_on is not None:
            self._candidate = seen  # perhaps half saved: read when it looks the same at the next tick
            return
        self._seen, self._read_on = seen, now
        schedule = load_schedules(self.folder, now)
        for problem in set(schedule.problems) - set(self.problems):
            log.warning("schedule %s", problem)
        self.problems = schedule.problems
        before = self.known(now)
        found = changes(before, schedule, now)
        for change in found:
            if change.kind == "cancelled":
                self._put(change.session, now)
        for session in schedule.sessions:
            self._put(session, now)
        for change in found:
            if change.kind in ("new", "moved", "back"):  # the line tells the time: what is past needs no reminder
                for key in passed_keys(change.session, self.offsets, now):
                    self._mark(key, now)
        for channel in self.channels():
            here = [change for change in found if channel in self._where(change.session)]
            for line in render_all(here, self.zones, now):
                self.notices.tell(now, line, channel=channel, kind="announcement")
        self.signups.changed(found, now)

    def forget(self) -> None:
        """What was read last could not be stored: the next tick reads again."""
        self._seen = self._read_on = None

    def _put(self, session: Session, now: datetime) -> None:
        old = self.sessions.first(uid=session.uid)
        if old is None or (old.revision, old.start) != (session.revision, session.start):
            self.sessions.remove(uid=session.uid)
            self.sessions.add(uid=session.uid, title=session.title, start=session.start, zone=session.zone,
                              value=to_json(session), revision=session.revision, cancelled=session.cancelled,
                              changed_at=now)

    def _mark(self, key: str, now: datetime) -> None:
        for channel in self.channels():
            self.notices.tell(now, "", channel=channel, kind="reminder", key=f"{key} {channel}", subject="",
                              not_after=now)

    def _where(self, session: Session) -> tuple[str, ...]:
        """The channels that hear of it; one that we are not in means all of ours."""
        mine = tuple(c for c in self.channels() if session.channel and c.lower() == session.channel.lower())
        return mine or self.channels()

    # -- time ------------------------------------------------------------------------------------------

    def tick(self, now: datetime) -> None:
        self.reload(now)
        sessions = self.known(now)
        said = {notice.key for notice in self.notices.all(kind="reminder")}
        for channel in self.channels():
            already = {key.rpartition(" ")[0] for key in said if key and key.endswith(f" {channel}")}
            here = [session for session in sessions if channel in self._where(session)]
            for reminder in due(here, self.offsets, now, already, self.zones):
                self.notices.tell(now, "", channel=channel, kind="reminder", subject=reminder.uid,
                                  key=f"{reminder.key} {channel}", not_after=reminder.session.start + STARTED_GRACE)

    def notice(self, notice: Notice, now: datetime) -> Reply | None:
        """A reminder, worded by the time that is left when it is said."""
        row = self.sessions.first(uid=notice.subject)
        if row is None or row.cancelled or not (notice.key or "").startswith(f"{row.uid}@{row.start:%Y%m%dT%H%M%SZ}"):
            return None  # cancelled or moved since: the announcement of that says it
        session = from_json(row.value)
        return Reply(reminder_line(session, now, session.zones or self.zones), priority=Priority.ANNOUNCE)

    def known(self, now: datetime) -> list[Session]:
        """All that are not long over, by start."""
        start = self.sessions.table.c.start
        return [from_json(row.value) for row in self.sessions.all(start > now - MEMORY, order=(start,))]

    def near(self, now: datetime) -> list[Session]:
        """Those that may concern labs now, by start: soon, going on, or not long over.  Cancelled ones are left out,
        and rows that cannot be read: labs are for everybody, one bad row must not stop them."""
        start = self.sessions.table.c.start
        found = []
        for row in self.sessions.all(start > now - NEAR, start < now + NEAR, cancelled=False, order=(start,)):
            try:
                found.append(from_json(row.value))
            except (ValueError, TypeError, KeyError) as error:
                log.debug("the session %s cannot be read: %s", row.uid, error)  # known() says it aloud
        return found

    def upcoming(self, now: datetime, channel: str | None = None) -> list[Session]:
        """Not over and not cancelled, by start."""
        return [session for session in self.known(now) if session.end > now and not session.cancelled
                and (channel is None or channel in self._where(session))]

    def next_start(self, ask: Ask, words: str) -> Session | None:
        """What ``!start`` means: the session of that number, or the one that is due now."""
        sessions = self.upcoming(ask.at)
        if words.isascii() and words.isdigit():
            if not 1 <= int(words) <= len(sessions):
                raise UserError(f"there is no session {words}; !sessions lists them")
            return sessions[int(words) - 1]
        due_now = [s for s in sessions if s.start - EARLY <= ask.at and ask.channel in self._where(s)]
        return due_now[0] if due_now and not words else None

    # -- commands ----------------------------------------------------------------------------------------

    def list_sessions(self, ask: Ask) -> list[Effect]:
        sessions = self.upcoming(ask.at)
        if not sessions:
            return [Reply("no sessions are planned")]
        zone, running = ask.person.zone, self.running()
        lines = []
        for number, session in enumerate(sessions[:SHOWN], 1):
            times = when(session, zone, self.zones, ask.at)
            by = f", with {session.presenter}" if session.presenter else ""
            seats = self.signups.shown(session, ask.person)
            by += f", {seats}" if seats else ""
            if session.uid in running:
                times = "runs now"
            lines.append(f"{number}: {session.title}{by}, {times}")
        if len(sessions) > SHOWN:
            lines[-1] += f" (and {len(sessions) - SHOWN} more)"
        if not zone:
            lines[-1] += "; !tz CITY shows them in your own time"
        private = not ask.private and len(lines) > 1
        return [Reply(line, private=private, priority=Priority.LISTING if n else Priority.ANSWER)
                for n, line in enumerate(lines)]

    def set_zone(self, ask: Ask, place: str = "") -> list[Effect]:
        was = ask.person.zone
        if not place:
            text = f"your time is {describe(ask.at, was)}" if was else "I do not know your time zone"
            return [Reply(f"{text}; !tz CITY sets it", private=not ask.private)]
        zone = resolve_zone(place, ask.at)
        self.people.change({"id": ask.person.id}, zone=zone)
        before = f" (before: {was})" if was and was != zone else ""
        return [Reply(f"your time is {describe(ask.at, zone)}{before}", private=not ask.private)]

    def commands(self) -> list[Command]:
        return [
            Command("sessions", self.list_sessions, "what is planned, in my own time zone", group="sessions"),
            Command("tz", self.set_zone, "my time zone", (Argument("CITY", "words", optional=True, rest=True),),
                    example="tz Melbourne", group="sessions"),
        ]


def _stamps(folder: Path) -> tuple[tuple[str, int, int], ...]:
    try:
        return tuple(sorted((path.name, path.stat().st_mtime_ns, path.stat().st_size) for path in folder.iterdir()))
    except OSError:
        return ()


def to_json(session: Session) -> str:
    return json.dumps(asdict(session), default=datetime.isoformat)


def from_json(text: str) -> Session:
    values = json.loads(text)
    for name in ("start", "local"):
        values[name] = datetime.fromisoformat(values[name])
    return Session(**{name: tuple(value) if isinstance(value, list) else value for name, value in values.items()})
