"""Sessions in the store: read from schedules/ when it changes, announced, remembered, shown to people."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Protocol

from trainbot.core.access import Person, Role
from trainbot.core.commands import Argument, Ask, Command
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Priority, Reply
from trainbot.core.times import describe
from trainbot.core.zones import resolve_zone
from trainbot.features.sessions.announcements import Announcing
from trainbot.features.sessions.changes import Change, changes, derived_again
from trainbot.features.sessions.session_store import Book
from trainbot.features.sessions.signups import SignUps, when
from trainbot.model.session import Problem, Schedule, Session, cut

if TYPE_CHECKING:
    from trainbot.adapters.db.repositories import People

log = logging.getLogger(__name__)
EARLY = timedelta(hours=2)  # !start means the session that begins within this, or has begun
SHOWN = 4


class ScheduleFolder(Protocol):
    """The files of [schedule] folder."""

    def read(self, now: datetime) -> Schedule: ...

    def stamps(self) -> tuple[tuple[str, int, int], ...]:
        """Differs when a file was changed, added or removed."""


class Planner:
    """``running``: the uids of sessions whose class runs now.  ``signups``: who has a seat.  ``zone_said``: what
    else follows from somebody's new zone, in words."""

    def __init__(
        self,
        book: Book,
        announcing: Announcing,
        people: People,
        schedules: ScheduleFolder,
        zones: tuple[str, ...],
        running: Callable[[], set[str]],
        signups: SignUps,
        zone_said: Callable[[Person, str], str],
    ) -> None:
        self.book, self.announcing, self.people, self.schedules, self.zones = book, announcing, people, schedules, zones
        self.running, self.signups, self.zone_said = running, signups, zone_said
        self.problems: tuple[Problem, ...] = ()
        self._seen: tuple[tuple[str, int, int], ...] | None = None
        self._candidate: tuple[tuple[str, int, int], ...] | None = None
        self._read_on: datetime | None = None

    # -- files ---------------------------------------------------------------------------------------

    def reload(self, now: datetime) -> None:
        """Reads the folder where a file changed (and once a day, for repeating events); announces what changed."""
        seen = self.schedules.stamps()
        if seen == self._seen and self._read_on is not None and now - self._read_on < timedelta(days=1):
            return
        if seen != self._candidate and self._read_on is not None:
            self._candidate = seen  # perhaps half saved: read when it looks the same at the next tick
            return
        self._seen, self._read_on = seen, now
        schedule = self.schedules.read(now)
        for problem in set(schedule.problems) - set(self.problems):
            log.warning("schedule %s", problem)
        self.problems = schedule.problems
        found = changes(self.book.known(now), schedule, now)
        for change in found:
            if change.kind == "cancelled":
                self.book.put(change.session, now)
        for session in schedule.sessions:
            self.book.put(session, now)
        self.announcing.tell(found + self.derive_again(now), now)

    def derive_again(self, now: datetime) -> list[Change]:
        """Sessions that no file holds, by newer clock rules than they were made with: those that were moved by it, and
        that people know of."""
        moved = []
        for session in [*self.book.known(now), *self.book.drafts(now)]:
            new = derived_again(session) if session.made_here and session.start > now else session
            if new is not session:
                draft = self.book.get(session.uid) is None
                self.book.put(new, now, draft=draft)
                if new.start != session.start and not (draft or session.cancelled):
                    moved.append(Change("moved", new, session))
        return moved

    def forget(self) -> None:
        """What was read last could not be stored: the next tick reads again."""
        self._seen = self._read_on = None

    def next_start(self, ask: Ask, words: str) -> Session | None:
        """What ``!start`` means: the session of that number, or the one that is due now."""
        sessions = self.book.upcoming(ask.at)
        if words.isascii() and words.isdigit():
            if not 1 <= int(words) <= len(sessions):
                raise UserError(f"there is no session {words}; !sessions lists them")
            return sessions[int(words) - 1]
        due_now = [s for s in sessions if s.start - EARLY <= ask.at and ask.channel in self.book.where(s)]
        return due_now[0] if due_now and not words else None

    # -- commands ----------------------------------------------------------------------------------------

    def list_sessions(self, ask: Ask) -> list[Effect]:
        sessions = self.book.upcoming(ask.at, SHOWN)
        if not sessions:
            return [Reply("no sessions are planned")]
        more = sum(session.start <= ask.at for session in sessions) + self.book.later(ask.at) - len(sessions)
        zone, running = ask.person.zone, self.running()
        lines = []
        for number, session in enumerate(sessions, 1):
            times = when(session, zone, self.zones, ask.at)
            by = f", with {cut(session.presenter, 40)}" if session.presenter else ""
            seats = self.signups.shown(session, ask.person)
            by += f", {seats}" if seats else ""
            labs = self.signups.labs_shown(session, ask.at) if ask.private and ask.role >= Role.PRESENTER else ""
            by += f" ({labs})" if labs else ""
            if session.uid in running:
                times = "runs now"
            lines.append(f"{number}: {session.name}{by}, {times}")
        if more > 0:
            lines[-1] += f" (and {more} more)"
        if not zone:
            lines[-1] += "; !tz CITY shows them in your own time"
        private = not ask.private and len(lines) > 1
        return [
            Reply(line, private=private, priority=Priority.LISTING if n else Priority.ANSWER)
            for n, line in enumerate(lines)
        ]

    def set_zone(self, ask: Ask, place: str = "") -> list[Effect]:
        was = ask.person.zone
        if not place:
            text = f"your time is {describe(ask.at, was)}" if was else "I do not know your time zone"
            return [Reply(f"{text}; !tz CITY sets it", private=not ask.private)]
        zone = resolve_zone(place, ask.at)
        self.people.change({"id": ask.person.id}, zone=zone)
        before = f" (before: {was})" if was and was != zone else ""
        more = self.zone_said(ask.person, zone)
        return [
            Reply(f"your time is {describe(ask.at, zone)}{before}{'; ' * bool(more)}{more}", private=not ask.private)
        ]

    def commands(self) -> list[Command]:
        return [
            Command("sessions", self.list_sessions, "what is planned, in my own time zone", group="sessions"),
            Command(
                "tz",
                self.set_zone,
                "my time zone",
                (Argument("CITY", "words", optional=True, rest=True),),
                example="tz Melbourne",
                group="sessions",
            ),
        ]
