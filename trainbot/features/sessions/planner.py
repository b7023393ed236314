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
from trainbot.core.zones import resolve_zone
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
        due_now = [s for s in sessions if s.start - EARLY <= ask.at and ask.channel in self.session_store.where(s)]
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
            by = f", with {cut(session.presenter, 40)}" if session.presenter else ""
            seats = self.signups.shown(session, ask.person)
            by += f", {seats}" if seats else ""
            labs = self.signups.labs_shown(session, ask.at) if ask.private and ask.role >= Role.PRESENTER else ""
            by += f" ({labs})" if labs else ""
            if session.uid in running:
                times = "running now"
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

    def set_zone(self, ask: Request, place: str = "") -> list[Effect]:
        was = ask.person.zone
        if not place:
            text = f"your time is {describe(ask.at, was)}" if was else "I don't know your time zone"
            return [Reply(f"{text}; !tz CITY sets it", private=not ask.private)]
        zone = resolve_zone(place, ask.at)
        self.people.change({"id": ask.person.id}, zone=zone)
        before = f" (before: {was})" if was and was != zone else ""
        more = self.polls.zone_said(ask.person, zone)
        return [
            Reply(f"your time is {describe(ask.at, zone)}{before}{'; ' * bool(more)}{more}", private=not ask.private)
        ]

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
