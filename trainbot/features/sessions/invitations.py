"""Tells people privately of new sessions, in their own time zone.

Those who answered the poll that a session came from hear which session suits them, or that none does.  Of others only
those hear who have a reason to: they wait for a seat in a session like it, or they are in the channel and have set a time
zone that the announcement there does not show.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from trainbot.core.access import Person
from trainbot.core.messages import Reply, Sender
from trainbot.core.times import describe, until
from trainbot.features.sessions.changes import MOST_LINES
from trainbot.features.sessions.polls.answer_parser import Availability
from trainbot.features.sessions.polls.poll_answers import PollAnswers, plan_of
from trainbot.features.sessions.polls.spans import covers, union
from trainbot.features.sessions.signups import SignUps, paced, when
from trainbot.model.notice import Notice, NoticeKind
from trainbot.model.session import Session
from trainbot.model.session_rows import PollRow

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

BETWEEN = "\n"  # of the uids in a notice: none holds one
SHOWN = 3  # sessions in one line
ORIGIN = "poll "


class PeopleHere(Protocol):
    """Who is in the channels."""

    def learners(self, channel: str) -> list[Sender]:
        """Everybody in the channel except staff and the bot."""

    def known(self, sender: Sender) -> Person | None:
        """Their row if there is one."""


class Invitations:
    def __init__(self, store: Store, signups: SignUps, people: PeopleHere) -> None:
        self.polls, self.notices, self.persons = store.polls, store.notices, store.people
        self.signups, self.session_store, self.zones = signups, signups.session_store, signups.zones
        self.people, self.answers = people, PollAnswers(store)

    def invite(self, sessions: Sequence[Session], now: datetime) -> None:
        """Stores what people are to be told of these new sessions until it is sent."""
        told: set[int] = set()
        for poll in self._polls(sessions):
            told |= self.tell_result(poll, now)
        if len(sessions) > MOST_LINES:  # the channel hears only of the first one, too
            return
        wanted: dict[int, list[str]] = {}
        for session in sessions:
            for person in self._concerned(session, now) - told:
                wanted.setdefault(person, []).append(session.uid)
        for place, (person, uids) in enumerate(sorted(wanted.items())):
            self.notices.tell(
                paced(now, place),
                "",
                person_id=person,
                kind=NoticeKind.INVITATION,
                subject=BETWEEN.join(uids),
                not_after=max(session.start for session in sessions if session.uid in uids),
            )

    def _concerned(self, session: Session, now: datetime) -> set[int]:
        """Who waits for a seat in a session like this one, and who is in the channel and sees no time of theirs there."""
        found = set()
        for other in self.session_store.upcoming(now):
            if other.uid != session.uid and (other.exercise or other.title) == (session.exercise or session.title):
                found |= {row.person_id for row in self.signups.waiting(other)}
        shown = {"UTC", *session.shown_in(self.zones)}
        for channel in self.session_store.where(session):
            there = [self.people.known(member) for member in self.people.learners(channel)]
            found |= {person.id for person in there if person is not None and person.zone and person.zone not in shown}
        return found

    def notice(self, notice: Notice, now: datetime) -> Reply | None:
        assert notice.person_id is not None
        person = self.persons.get(notice.person_id)
        sessions = self._open(notice.subject.split(BETWEEN), person, now)
        if not sessions:
            return None
        if len(sessions) == 1:
            (session,) = sessions
            said = f"new session: {session.name}{_where(session)}, {when(session, person.zone, self.zones, now)}"
            return Reply(said + self.signups.how_to_sign_up(session, now))
        listed = [f"{session.name}{_where(session)}, {self._numbered(session, person, now)}" for session in sessions]
        return Reply(f"new sessions: {'; '.join(listed)}" + self.signups.page())

    def _open(self, uids: Iterable[str], person: Person, now: datetime) -> list[Session]:
        """Those of the sessions that are still to come and in which they have no seat, by start."""
        found = [session for uid in uids if (session := self.session_store.get(uid)) is not None]
        return sorted(
            (
                session
                for session in found
                if not (session.cancelled or self.session_store.begun(session, now))
                and not self.signups.takes_part(session, person.id)
            ),
            key=lambda session: (session.start, session.uid),
        )

    def _numbered(self, session: Session, person: Person, now: datetime) -> str:
        """``Sat 14 Mar 09:00 +0100 Berlin (!signup 2)``, in the session's own zone if theirs is unknown."""
        return (
            f"{describe(session.start, person.zone or session.zone, now)} (!signup {self.signups.number(session, now)})"
        )

    # -- the result of a poll --------------------------------------------------------------------------

    def _polls(self, sessions: Iterable[Session]) -> list[PollRow]:
        numbers = dict.fromkeys(
            session.origin.removeprefix(ORIGIN) for session in sessions if session.origin.startswith(ORIGIN)
        )
        found = (self.polls.first(id=int(number)) for number in numbers if number.isdecimal())
        return [poll for poll in found if poll is not None]

    def _of(self, poll: PollRow, sessions: Iterable[Session]) -> list[Session]:
        return [session for session in sessions if session.origin == f"{ORIGIN}{poll.id}"]

    def _published(self, poll: PollRow, now: datetime) -> list[Session]:
        """Those that have not begun."""
        return [
            session
            for session in self._of(poll, self.session_store.upcoming(now))
            if not self.session_store.begun(session, now)
        ]

    def draft_dropped(self, draft: Session, now: datetime) -> None:
        """People whom only that draft suited now know that nothing does, if others of its poll were published."""
        for poll in self._polls([draft]):
            if self._published(poll, now):
                self.tell_result(poll, now)

    def tell_result(self, poll: PollRow, now: datetime) -> set[int]:
        """Stores what those who answered are to be told; returns who answered.  Whoever is suited only by a session that is
        not published yet hears of it then."""
        published = self._published(poll, now)
        drafts = self._of(poll, self.session_store.drafts(now))
        known, frees, unread = self.answers.count(poll)
        place = 0
        for person, free in [*zip(known, frees, strict=True), *((person, None) for person in unread)]:
            suited = [session.uid for session in published if free is None or _suits(session, free)]
            if not suited and any(free is not None and _suits(draft, free) for draft in drafts):
                continue
            if any(self.signups.takes_part(session, person.id) for session in published):
                continue
            self.notices.tell(
                paced(now, place),
                "",
                person_id=person.id,
                kind=NoticeKind.POLL_RESULT,
                subject=str(poll.id),
                key=f"poll {poll.id} {person.id} {'zone' if free is None else ' '.join(suited) or 'none'}",
                not_after=max((session.start for session in published), default=now),
            )
            place += 1
        return {person.id for person in [*known, *unread]}

    def result_notice(self, notice: Notice, now: datetime) -> Reply | None:
        """Which sessions of the poll suit the person.  If they were away while more were published, only once."""
        poll = self.polls.first(id=int(notice.subject)) if notice.subject else None
        if poll is None or notice.person_id is None:
            return Reply(notice.text) if notice.text else None
        later = self.notices.all(person_id=notice.person_id, kind=NoticeKind.POLL_RESULT, subject=notice.subject)
        person = self.persons.get(notice.person_id)
        published = self._published(poll, now)
        sessions = self._open([session.uid for session in published], person, now)
        if not sessions or len(sessions) < len(published) or any(other.id > notice.id for other in later):
            return None  # nothing is left, or they have a seat
        lines = self.answers.of(poll, person)
        if not all(line.zone for line in lines):
            return self._uncounted(sessions[0], person, now)
        free = self.answers.free(plan_of(poll), lines)
        return self._result(sessions, free, person, now)

    def _result(self, sessions: list[Session], free: Availability, person: Person, now: datetime) -> Reply:
        suited = [session for session in sessions if _suits(session, free)]
        shown = suited or sessions
        maybe = not any(_suits(session, Availability(free.yes)) for session in suited)
        said = f"the result of the poll: {shown[0].name}{_where(shown[0])} is on "
        if len(shown) == 1:
            (session,) = shown
            at = describe(session.start, person.zone or session.zone, now)
            fit = "which suits you" + ", if need be" * maybe if suited else "which is none of the times that you gave"
            how = self.signups.how_to_sign_up(session, now)
            return Reply(f"{said}{at} ({until(session.start - now)}), {fit}{how}")
        times = [self._numbered(session, person, now) for session in shown[:SHOWN]]
        more = len(shown) - len(times)
        said += ", ".join(times[: -1 if not more else None]) + (f" and {more} more" if more else f" and {times[-1]}")
        many = "both" if len(shown) == 2 else f"all {len(shown)}"
        fit = f"{many} suit you" + ", if need be" * maybe if suited else "none of these is a time that you gave"
        return Reply(f"{said}; {fit}; for a seat type !signup and its number{self.signups.page()}")

    def _uncounted(self, session: Session, person: Person, now: datetime) -> Reply:
        """For somebody whose answer could not be counted."""
        how = self.signups.how_to_sign_up(session, now)
        return Reply(
            f"the result of the poll: {session.name}{_where(session)} is on {when(session, '', self.zones, now)}; your answer "
            f"did not count because I don't know your time zone: !tz CITY sets it{how}"
        )

    def merge(self, old: Person | None, new: Person | None) -> None:
        """What waits for somebody who logged in goes to their account."""
        if old is not None and new is not None and old.id != new.id:
            for kind in (NoticeKind.INVITATION, NoticeKind.POLL_RESULT):
                self.notices.change({"person_id": old.id, "said_at": None, "kind": kind}, person_id=new.id)


def _suits(session: Session, free: Availability) -> bool:
    """Whether somebody can be there from beginning to end."""
    start, end = round(session.start.timestamp()), round(session.end.timestamp())
    return covers(union(free.yes, free.maybe), start, end)


def _where(session: Session) -> str:
    return f" in {session.channel}" if session.channel else ""
