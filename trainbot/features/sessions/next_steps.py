"""What people can type next about sessions and polls, for ``!help``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainbot.core.access import Role
from trainbot.core.commands import Request
from trainbot.core.hooks import NextStep, Urgency
from trainbot.core.times import describe, until
from trainbot.features.sessions.planner import EARLY
from trainbot.features.sessions.session_store import SessionStore
from trainbot.model.session import Session, cut

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

TITLE = 60  # characters


class SessionNextSteps:
    def __init__(self, store: Store, session_store: SessionStore) -> None:
        self.session_store, self.classes = session_store, store.classes
        self.polls, self.signups = store.polls, store.sessions.signups

    def next_steps(self, ask: Request) -> list[NextStep]:
        if self.classes.in_channel(ask.channel) if ask.channel else self.classes.running():
            return []
        planned = [
            (number, session)
            for number, session in enumerate(self.session_store.upcoming(ask.at), 1)
            if self.classes.first(session_uid=session.uid) is None
        ]
        if ask.role >= Role.PRESENTER:
            return self._staff(ask, planned)
        return [*self._poll(ask), NextStep(Urgency.SESSION, self._learner(ask, planned))]

    # -- learners ------------------------------------------------------------------------------------

    def _learner(self, ask: Request, planned: list[tuple[int, Session]]) -> str:
        zone = "" if ask.person.zone else "!tz CITY shows it in your own time, "
        for number, session in planned:
            seat = self.signups.first(session_uid=session.uid, person_id=ask.person.id)
            if seat is not None:
                have = "are on the waiting list of" if seat.waiting else "have a seat in"
                return f"You {have} {self._shown(ask, session)}: {zone}!signup drop {number} gives it up."
        if not planned:
            return "No class is running and none is planned."
        number, session = planned[0]
        if session.start <= ask.at:
            return f"{self._shown(ask, session)}, is about to begin: !sessions lists what is planned."
        return f"The next class is {self._shown(ask, session)}: {zone}!signup {number} gets you a seat."

    def _poll(self, ask: Request) -> list[NextStep]:
        """An open poll that they have not answered."""
        for poll in self.polls.all(closed_at=None):
            if poll.closes_at > ask.at and not self.polls.lines.count(poll_id=poll.id, person_id=ask.person.id):
                text = f"I am asking which times suit you for {cut(poll.title, TITLE)}: !when shows how to answer."
                return [NextStep(Urgency.SESSION, text)]
        return []

    def _shown(self, ask: Request, session: Session) -> str:
        """The title and the start in their zone, else in the session's own."""
        when = describe(session.start, ask.person.zone or session.zone, ask.at)
        return f"{cut(session.title, TITLE)}, {when} ({until(session.start - ask.at)})"

    # -- presenters and organisers -------------------------------------------------------------------

    def _staff(self, ask: Request, planned: list[tuple[int, Session]]) -> list[NextStep]:
        steps = []
        due = next(
            (
                session
                for _number, session in planned
                if session.start - EARLY <= ask.at and ask.channel in self.session_store.where(session)
            ),
            None,
        )
        if due is not None:
            steps.append(NextStep(Urgency.DUTY, f"{self._shown(ask, due)}: !start begins it."))
        elif planned:
            steps.append(
                NextStep(Urgency.SESSION, f"The next class is {self._shown(ask, planned[0][1])}: !sessions lists all.")
            )
        if ask.role < Role.ORGANISER:
            return steps
        drafts = len(self.session_store.drafts(ask.at))
        if drafts:
            waits = "One draft is not announced yet" if drafts == 1 else f"{drafts} drafts are not announced yet"
            steps.append(NextStep(Urgency.DUTY, f"{waits}: !session lists them, !session publish announces them."))
        if any(poll.closes_at > ask.at for poll in self.polls.all(closed_at=None)):
            steps.append(NextStep(Urgency.SESSION, "A poll is open: !when shows how many have answered."))
        elif not planned and not drafts:
            text = "No session is planned: !session add plans one, !when open asks people which times suit them."
            steps.append(NextStep(Urgency.SESSION, text))
        return steps
