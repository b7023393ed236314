"""Hands out labs before a class: people who signed up get theirs one after the other before it begins.

The rows decide: a seat that has had a lease for this session has been served, so even after kill -9 nobody gets two
labs and nobody is forgotten.  Somebody who already has a lab of that image keeps it for the class.

The time of such a lease starts with the class, however early the lab was handed out or announced.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.core.messages import Reply
from trainbot.core.wording import span
from trainbot.features.labs.lab_queue import in_line
from trainbot.features.labs.lab_requests import LabRequests
from trainbot.features.labs.preallocation import PlannedSession, Preallocation
from trainbot.model.host import Mode
from trainbot.model.lab import LabState, Lease
from trainbot.model.notice import NoticeKind
from trainbot.model.ports import Audience

if TYPE_CHECKING:
    from trainbot.adapters.db import Store
    from trainbot.model.notice import Notice

LAST_CALL = timedelta(minutes=5)  # before the start: by then everybody present has a lab or a position in the queue
GAP = timedelta(minutes=1)  # between two labs: networks let us message one new person a minute ...
GIVEN_UP = "the seat was given up"
PART = 0.75  # ... but if there are many, the last one gets it when this much of the time before the class has passed


def released(now: datetime, begins: datetime, early: timedelta, number: int) -> int:
    """How many of ``number`` seats are due by ``now``: evenly spread from ``early`` before the class."""
    opens = begins - early
    if now < opens or not number:
        return 0
    gap = min(GAP, early * PART / number)
    return number if now >= begins or not gap else min(number, (now - opens) // gap + 1)


class EarlyHandout:
    def __init__(self, preallocation: Preallocation, store: Store, requests: LabRequests, audience: Audience) -> None:
        self.preallocation, self.scheduler, self.config, self.requests, self.audience = (
            preallocation,
            preallocation.scheduler,
            preallocation.config,
            requests,
            audience,
        )
        self.labs, self.leases, self.people, self.notices = store.labs, store.leases, store.people, store.notices

    def tick(self, now: datetime) -> None:
        sessions = self.preallocation.sessions(now)
        self._take_back({session.uid: session for session in sessions}, now)
        for session in sessions:
            if session.begins - self.config.early <= now < min(session.late_at, session.closes_at):
                self._hand_out(session, now)

    # -- before ------------------------------------------------------------------------------------

    def _hand_out(self, session: PlannedSession, now: datetime) -> None:
        since = session.begins - self.config.early  # a session that moved counts as another class
        served = {
            (lease.person_id, lease.image)
            for lease in self.leases.all(session=session.uid)
            if lease.asked_at >= since and lease.ended_why != GIVEN_UP
        }  # a seat that was given up may have been taken again
        held: dict[int, list[str]] = {}
        for lease in self.leases.open():
            held.setdefault(lease.person_id, []).append(lease.image)
        turn = released(now, session.begins, self.config.early, len(session.seats))
        none_ready: set[str] = set()
        for person, image in session.seats[:turn]:
            theirs = held.get(person, [])
            if (person, image) in served or image in theirs or image not in self.scheduler.images:
                continue
            if len(theirs) >= self.config.per_person:
                self._explain(session, person, image, theirs[0], now)
                continue
            if image not in none_ready and not self._is_ready(image, session.mode):
                none_ready.add(image)
            if image not in none_ready or (now >= session.begins - LAST_CALL and self._is_here(person)):
                self._give(session, person, image, now)
                held.setdefault(person, []).append(image)

    def _is_here(self, person: int) -> bool:
        return self.audience.where(self.people.get(person)) is not None

    def _is_ready(self, image: str, mode: Mode) -> bool:
        """Whether there is a free lab that nobody is waiting for."""
        found = self.labs.free(image, mode, self.scheduler.open_hosts())
        ready = found is not None and found.state is LabState.READY
        return ready and not in_line(self.leases.open(lab_id=None, image=image, mode=mode), self.notices.waiting())

    def _give(self, session: PlannedSession, person: int, image: str, now: datetime) -> None:
        length = max(self.config.lease, timedelta(minutes=session.minutes) + self.config.grace)
        id = self.leases.add(
            person_id=person,
            image=image,
            mode=session.mode,
            lab_id=None,
            left_id=None,
            digest="",
            asked_at=now,
            expires_at=max(session.start, now) + length,
            warned_at=None,
            ended_at=None,
            ended_why="",
            session=session.uid,
        )
        lease = self.leases.first(id=id)
        assert lease is not None
        kind = NoticeKind.SEAT if self.scheduler.give(lease, now) else NoticeKind.POSITION
        self.notices.tell(now, "", person_id=person, kind=kind, subject=str(id), key=f"seat {id}")

    def _explain(self, session: PlannedSession, person: int, image: str, other: str, now: datetime) -> None:
        key = f"seat {session.key} {person}"
        if self.notices.first(key=key) is None:
            self.notices.tell(
                now,
                f"{session.title} needs a {image} lab, but you have a {other} lab. Type !lab return to give "
                f"it back, then !lab {image}",
                person_id=person,
                key=key,
                not_after=session.late_at,
            )

    def notice(self, notice: Notice, now: datetime) -> Reply | None:
        """Writes what somebody who signed up is told: their lab, or their position in the queue if there was none;
        another notice then announces the lab."""
        lease = self.leases.first(id=int(notice.subject))
        if (
            lease is None
            or lease.ended_at is not None
            or (notice.kind is NoticeKind.POSITION and lease.lab_id is not None)
        ):
            return None
        session = next((found for found in self.preallocation.sessions(now) if found.uid == lease.session), None)
        begins = f"{session.title[:60]} {_begins(session, now)}" if session is not None else "for your class"
        if lease.lab_id is not None:
            return self.requests.answer(lease, now, lead=begins)
        reply = self.requests.answer(lease, now)
        return replace(reply, text=f"{begins}; {reply.text}")

    # -- after -------------------------------------------------------------------------------------

    def _take_back(self, sessions: dict[str, PlannedSession], now: datetime) -> None:
        """Takes back labs that were never announced: those of people who do not come or gave up their seat, and of
        cancelled classes.

        The labs are destroyed, which frees their room: people with a key can log in without being told, so nobody else
        is given a lab that may have been changed.
        """
        for lease in self.leases.open(digest=""):
            if not lease.session:
                continue
            why = self._pointless(lease, sessions.get(lease.session), now)
            if why and not self._was_told(lease):
                self.requests.queue.expiry.end(lease, why, now)

    def _pointless(self, lease: Lease, session: PlannedSession | None, now: datetime) -> str:
        """Why this lease, which has no password yet, is no longer needed; '' if it is."""
        if session is None or session.begins - self.config.early > now:
            return "the class is off"
        if all(person != lease.person_id for person, _image in session.seats):
            return GIVEN_UP
        late = now >= min(session.late_at, session.closes_at)
        return "unclaimed" if late and not self._is_here(lease.person_id) else ""

    def _was_told(self, lease: Lease) -> bool:
        """Whether the ssh command was sent to them: people with a key have no password that shows it."""
        return any(
            notice.said_at is not None
            for notice in self.notices.all(subject=str(lease.id))
            if notice.kind in (NoticeKind.SEAT, NoticeKind.LAB)
        )


def _begins(session: PlannedSession, now: datetime) -> str:
    left = session.start - now
    if session.begins <= now:
        return "has begun"
    return f"begins in {span(left)}" if left > timedelta(minutes=1) else "begins now"
