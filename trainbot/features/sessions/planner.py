"""``!sessions`` and ``!tz``: shows sessions to people in their own time zone."""

from __future__ import annotations

import logging
from datetime import timedelta
from typing import TYPE_CHECKING

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Priority, Reply
from trainbot.core.times import describe
from trainbot.core.zones import abbreviation_note, resolve_zone
from trainbot.features.sessions.announcements import Announcements
from trainbot.features.sessions.polls.poll_commands import PollCommands
from trainbot.features.sessions.signups import when
from trainbot.model.session import Session, cut

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

log = logging.getLogger(__name__)
EARLY = timedelta(hours=2)  # !start means the session that begins within this time, or has begun
SHOWN = 4


class Planner:
    def __init__(self, announcing: Announcements, store: Store, polls: PollCommands) -> None:
        self.session_store, self.signups, self.zones = announcing.session_store, announcing.signups, announcing.zones
        self.people, self.classes, self.polls = store.people, store.classes, polls

    def next_start(self, ask: Request, words: str) -> Session | None:
        """The session that ``!start`` means: the one of that number, or the one due now."""
        sessions = self.session_store.upcoming(ask.at)
        if words.isascii() and words.isdigit():
            if not 1 <= int(words) <= len(sessions):
                raise UserError(f"there is no session {words}; !sessions lists them")
            return sessions[int(words) - 1]
        ended = [session for session in self.session_store.over(ask.at).values() if session.end > ask.at]
        due_now = [  # one that was ended may be begun again
            session
            for session in [*sessions, *ended]
            if session.start - EARLY <= ask.at and ask.channel in self.session_store.where(session)
        ]
        return due_now[0] if due_now and not words else None

    def list_sessions(self, ask: Request) -> list[Effect]:
        sessions = self.session_store.upcoming(ask.at, SHOWN)
        if not sessions:
            return [Reply("no sessions are planned")]
        more = sum(session.start <= ask.at for session in sessions) + self.session_store.later(ask.at) - len(sessions)
        zone, running = ask.person.zone, {run.session_uid for run in self.classes.running()}
        lines = []
        for number, session in enumerate(sessions, 1):
            times = when(session, zone, self.zones, ask.at)
            course = self.session_store.place_in_course(session)
            by = f" (course {course})" if course else ""
            by += f", with {cut(session.presenter, 40)}" if session.presenter else ""
            seats = self.signups.shown(session, ask.person)
            by += f", {seats}" if seats else ""
            labs = self.signups.labs_shown(session, ask.at) if ask.private and ask.role >= Role.PRESENTER else ""
            by += f" ({labs})" if labs else ""
            if session.uid in running:
                times = "running now"
            lines.append(f"{number}: {session.name}{by}, {times}")
        if more > 0:
            lines[-1] += f" (and {more} more)"
        lines[-1] += self._how(ask, sessions)
        if not zone and any(session.uid not in running for session in sessions):
            lines[-1] += "; !tz CITY shows them in your own time"
        private = not ask.private and len(lines) > 1
        return [
            Reply(line, private=private, priority=Priority.LISTING if n else Priority.ANSWER)
            for n, line in enumerate(lines)
        ]

    def _how(self, ask: Request, sessions: list[Session]) -> str:
        """How to sign up to those of them in which the asker has no seat, and where all are to be seen."""
        free = [
            session
            for session in sessions
            if not (self.session_store.begun(session, ask.at) or self.signups.takes_part(session, ask.person.id))
        ]
        if len(sessions) == 1 and free:
            return self.signups.how_to_sign_up(free[0], ask.at)
        room = [session for session in free if not self.signups.is_full(session)] or free
        first = self.signups.number(room[0], ask.at) if room else 0
        return f"; for a seat type !signup and its number, as in !signup {first}" * bool(room) + self.signups.page()

    def set_zone(self, ask: Request, place: str = "") -> list[Effect]:
        was = ask.person.zone
        if not place:
            text = f"your time is {describe(ask.at, was)}" if was else "I don't know your time zone"
            return [Reply(f"{text}; !tz CITY sets it", private=not ask.private)]
        zone = resolve_zone(place, ask.at)
        self.people.change({"id": ask.person.id}, zone=zone)
        before = f" (before: {was})" if was and was != zone else ""
        more = self.polls.zone_said(ask.person, zone)
        note = abbreviation_note(place, zone, ask.at)
        text = f"{note}your time is {describe(ask.at, zone)}{before}{'; ' * bool(more)}{more}"
        return [Reply(text, private=not ask.private)]

    def commands(self) -> list[Command]:
        return [
            Command("sessions", self.list_sessions, "list planned sessions, in your own time zone", group="sessions"),
            Command(
                "tz",
                self.set_zone,
                "set or show your time zone",
                (Argument("CITY", "words", optional=True, rest=True),),
                example="tz Melbourne",
                group="sessions",
            ),
        ]
