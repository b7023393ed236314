"""Seats in sessions: sign-ups, waiting lists, and notices to those who signed up when a session changes."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.core.access import Person
from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import AccountNeeded, UserError
from trainbot.core.messages import Effect, Reply
from trainbot.core.times import describe, describe_many, times_in, until
from trainbot.core.wording import span
from trainbot.features.sessions.changes import Change
from trainbot.features.sessions.session_choice import find
from trainbot.features.sessions.session_store import SessionStore
from trainbot.model.config import Config
from trainbot.model.ports import Exercises, LabRoom
from trainbot.model.session import Session
from trainbot.model.session_rows import SignUp

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

# Networks let us message about ten new people at once, then one per minute.
AT_ONCE, GAP = 8, timedelta(minutes=1)


class SignUps:
    def __init__(
        self, store: Store, session_store: SessionStore, config: Config, exercises: Exercises, stock: LabRoom
    ) -> None:
        self.rows, self.notices, self.people, self.session_store = (
            store.sessions.signups,
            store.notices,
            store.people,
            session_store,
        )
        self.zones, self.early, self.require_account = config.schedule.zones, config.labs.early, config.require_account
        self.url = config.records.sessions_url
        self.exercises, self.stock, self.homes = exercises, stock, store.homes

    def images_of(self, session: Session) -> tuple[str, ...]:
        """The images of the session's labs, the default first: its own, else that of its exercise."""
        exercise = self.exercises.get(session.exercise)
        return session.images or ((exercise.image,) if exercise is not None and exercise.image else ())

    def of(self, session: Session) -> list[SignUp]:
        """The people with a seat, in the order in which they got it; each with an image that the session (still) has."""
        images = self.images_of(session)
        return [
            row if row.image in images else replace(row, image=images[0] if images else "")
            for row in self._all(session, waiting=False)
        ]

    def _all(self, session: Session, **exact: bool) -> list[SignUp]:
        return self.rows.line(session.uid, **exact)

    def _mine(self, session: Session, person: Person) -> SignUp | None:
        return self.rows.first(session_uid=session.uid, person_id=person.id)

    def has_seat(self, session: Session, person_id: int) -> bool:
        return self.rows.first(session_uid=session.uid, person_id=person_id, waiting=False) is not None

    def takes_part(self, session: Session, person_id: int) -> bool:
        """Whether they have a seat, or wait for one."""
        return self.rows.first(session_uid=session.uid, person_id=person_id) is not None

    def waiting(self, session: Session) -> list[SignUp]:
        """The waiting list, in order."""
        return self._all(session, waiting=True)

    def number(self, session: Session, now: datetime) -> int:
        """Its number in ``!sessions``; 0 if it is not there."""
        return _number(session, self.session_store.upcoming(now))

    def how_to_sign_up(self, session: Session, now: datetime) -> str:
        """``; !signup 2 gets you a seat; https://…``: the end of a sentence about a session that has not begun."""
        what = "puts you on the waiting list" if self.is_full(session) else "gets you a seat"
        return f"; !signup {self.number(session, now)} {what}{self.page()}"

    def page(self) -> str:
        """``; https://…/sessions.html``, where pages are served, else ''."""
        return f"; {self.url}" if self.url else ""

    def _place(self, session: Session, person: Person) -> int:
        """Their position on the waiting list, from 1."""
        return [row.person_id for row in self._all(session, waiting=True)].index(person.id) + 1

    def shown(self, session: Session, person: Person) -> str:
        """``12 of 30 seats, one is yours``; '' if nobody has signed up and there is no limit."""
        taken, mine = self.rows.count(session_uid=session.uid, waiting=False), self._mine(session, person)
        wait = self.rows.count(session_uid=session.uid, waiting=True)
        more = f", {wait} waiting" if wait else ""
        if mine is not None:
            more = (
                f", you are number {self._place(session, person)} of {wait} waiting"
                if mine.waiting
                else f", one is yours{more}"
            )
        if session.seats is not None:
            return f"{taken} of {session.seats} seats{more}"
        return f"{taken} {'seat' if taken == 1 else 'seats'} taken{more}" if taken else ""

    def labs_shown(self, session: Session, now: datetime) -> str:
        """For organisers: ``room for 30 labs, 15 if a host fails``; '' if it has no labs."""
        if not any(self.stock.has_labs(image) for image in self.images_of(session)):
            return ""
        seats, survive = self.stock.holds(now)
        return f"room for {seats} labs, {survive} if a host fails"

    def too_many(self, session: Session, now: datetime) -> str:
        """A warning if the hosts hold fewer labs than the session has seats, else ''."""
        if session.seats is None or not any(self.stock.has_labs(image) for image in self.images_of(session)):
            return ""
        seats, survive = self.stock.holds(now)
        if session.seats > seats:
            return f"The hosts only have room for {seats} labs ({survive} if a host fails)."
        return f"If a host fails, {survive} of {session.seats} people have a lab." if session.seats > survive else ""

    def unchecked(self, session: Session) -> str:
        """A warning if the scripts of the session's exercise cannot run, or run on another image than they were written
        for; else ''."""
        exercise = self.exercises.get(session.exercise)
        if exercise is None:
            return ""
        why = exercise.unchecked(self.stock.has_labs(exercise.image))
        if not why and exercise.unchecked(has_labs=False) and exercise.image not in self.images_of(session):
            why = f"its scripts only run in {exercise.image} labs"
        if why:
            return f"Nothing of {exercise.slug} will be prepared or checked: {why}."
        if exercise.written_for:
            return f"{exercise.slug} was written for {exercise.written_for} and runs in {exercise.image} labs."
        return ""

    # -- commands ------------------------------------------------------------------------------------

    def sign_up(self, ask: Request, words: str) -> list[Effect]:
        if self.require_account and ask.sender.account is None:
            raise AccountNeeded("to sign up")
        number, session, wanted = find(words, self.session_store.upcoming(ask.at))
        images = self.images_of(session)
        if wanted and wanted not in images:
            there = (
                f"it has {' and '.join(images)}: type !signup {number} {images[0]}"
                if images
                else f"it has no labs: type !signup {number}"
            )
            raise UserError(f'{session.title} has no "{wanted[:30]}" labs; {there}')
        if self.session_store.begun(session, ask.at):
            image = wanted or (images[0] if images else "")
            lab = f"; !lab {image} gives you a lab" if image and self.stock.has_labs(image) else ""
            raise UserError(f"{session.title} has already begun; you don't need a seat to take part{lab}")
        mine = self._mine(session, ask.person)
        if mine is None:
            full = self.is_full(session)
            self.rows.add(
                session_uid=session.uid,
                person_id=ask.person.id,
                at=ask.at,
                waiting=full,
                image=wanted or (images[0] if images else ""),
            )
            return [self._waits(ask, session) if full else self._answer(ask, session, "you have a seat in")]
        if wanted not in ("", mine.image):
            if ask.at >= session.start - self.early and not mine.waiting:
                raise UserError(
                    f"the labs for {session.title} are already being handed out, and yours is {mine.image}: "
                    f"!lab return gives it back, then type !lab {wanted}"
                )
            self.rows.change({"session_uid": session.uid, "person_id": ask.person.id}, image=wanted)
        if mine.waiting:
            return [self._waits(ask, session)]
        return [
            self._answer(
                ask,
                session,
                "you already have a seat in" if wanted in ("", mine.image) else "image changed; you have a seat in",
            )
        ]

    def _waits(self, ask: Request, session: Session) -> Reply:
        taken = "its only seat is taken" if session.seats == 1 else f"all {session.seats} seats are taken"
        return Reply(
            f"{session.title} is full, {taken}; you are number "
            f"{self._place(session, ask.person)} on the waiting list, and I'll tell you when you have a seat; "
            f"{self._elsewhere(ask, session)}",
            private=True,
        )

    def is_full(self, session: Session) -> bool:
        if session.seats is None:
            return False
        return self.rows.count(session_uid=session.uid, waiting=False) >= session.seats

    def _elsewhere(self, ask: Request, full: Session) -> str:
        """Suggests the next session with free seats, preferably with the same exercise."""
        room = [
            (number, session)
            for number, session in enumerate(self.session_store.upcoming(ask.at), 1)
            if session.uid != full.uid and session.start > ask.at and not self.is_full(session)
        ]
        room.sort(key=lambda item: item[1].exercise != full.exercise)  # a stable sort: the earliest stays first
        if not room:
            return "no other session has free seats"
        number, session = room[0]
        return f"the next one with free seats is {session.title}, {self._when(session, ask.person, ask.at)}: !signup {number}"

    def _answer(self, ask: Request, session: Session, said: str) -> Reply:
        row, notes = self._mine(session, ask.person), []
        images = self.images_of(session)
        if row is not None and self.homes.first(person_id=ask.person.id, image=row.image) is not None:
            notes.append(f"you run {row.image} on a machine of your own, so you get no lab; !lab {row.image} ends that")
        elif row is not None and row.image and self.stock.has_labs(row.image):
            other = f" (!signup {_number(session, self.session_store.upcoming(ask.at))} IMAGE chooses another: {', '.join(images)})"
            notes.append(self._lab_comes(session, row, other if len(images) > 1 else "", ask.at))
            notes += self._needs(session, row, ask.at)
        if ask.person.account is None:
            notes.append("without an account here I only know you while you stay in the channel")
        said = f"{said} {session.title}, {self._when(session, ask.person, ask.at)}"
        return Reply("; ".join([said, *notes]), private=True)

    def _lab_comes(self, session: Session, row: SignUp, other: str, now: datetime) -> str:
        """When they get their lab, or that it is there.  ``other``: how another image is chosen."""
        if session.start - now > self.early:
            return f"you get your {row.image} lab{other} in the {span(self.early)} before the start"
        if self.stock.lab_of(row.person_id, row.image) is not None:
            return f"you have your {row.image} lab already: !lab {row.image} gives its ssh command again"
        return f"you get your {row.image} lab{other} before the start; to have it now: !lab {row.image}"

    def _needs(self, session: Session, row: SignUp, now: datetime) -> list[str]:
        """What to do before the session, with the lines to type."""
        notes = []
        if self.stock.lab_of(row.person_id, row.image) is None:
            place = [other.person_id for other in self.of(session)].index(row.person_id) + 1
            room, _survive = self.stock.holds(now)
            if 0 < room < place:
                notes.append(f"there is room for {room} labs now and you are number {place}, so yours may come later")
            if session.start - now > self.early:
                notes.append(f"to try one before: !lab {row.image}")
        if not self.people.keys.count(person_id=row.person_id, proven=True):
            notes.append("to log in without a password: !key and the line in your ~/.ssh/id_ed25519.pub")
        return notes

    def drop(self, ask: Request, words: str = "") -> list[Effect]:
        sessions = self.session_store.upcoming(ask.at)
        mine = [(number, session) for number, session in enumerate(sessions, 1) if self._mine(session, ask.person)]
        if not mine:
            raise UserError("you have no seat in any session; !sessions lists them, !signup N signs you up")
        if not words and len(mine) > 1:
            raise UserError(
                f"which one? Type !signup drop {' or '.join(str(number) for number, _ in mine)}; !sessions lists them"
            )
        session = find(words, sessions)[1] if words else mine[0][1]
        was = self._mine(session, ask.person)
        if was is None:
            raise UserError(
                f"you have no seat in {session.title}; type !signup drop "
                f"{' or '.join(str(number) for number, _ in mine)}"
            )
        self.rows.remove(session_uid=session.uid, person_id=ask.person.id)
        self.make_room(session, ask.at)
        what = (
            f"you are off the waiting list of {session.title}, {self._when(session, ask.person, ask.at)}"
            if was.waiting
            else f"you have given up your seat in {session.title}, {self._when(session, ask.person, ask.at)}"
        )
        return [Reply(what, private=True)]

    def commands(self) -> list[Command]:
        return [
            Command(
                "signup",
                self.sign_up,
                "sign up for session N of !sessions; you get your lab before it begins",
                (Argument("N [IMAGE]", "words", rest=True),),
                example="signup 1",
                group="sessions",
            ),
            Command(
                "signup drop",
                self.drop,
                "give up your seat",
                (Argument("N", "words", optional=True, rest=True),),
                example="signup drop 1",
                group="sessions",
            ),
        ]

    # -- changes of sessions and people -------------------------------------------------------------

    def tick(self, now: datetime) -> None:
        """Fills seats that became free in other ways: seats were added, or people are gone."""
        waiting = {row.session_uid for row in self.rows.all(waiting=True)}
        for session in self.session_store.upcoming(now) if waiting else ():
            if session.uid in waiting:
                self.make_room(session, now)

    def make_room(self, session: Session, now: datetime) -> None:
        """Gives free seats to those who waited longest, and tells them."""
        for row in self._all(session, waiting=True):
            if self.is_full(session) or session.start <= now:
                return
            self.rows.change({"session_uid": session.uid, "person_id": row.person_id}, waiting=False)
            when_ = self._when(session, self.people.get(row.person_id), now)
            self.notices.tell(
                now,
                f"a seat became free and you have it: {session.title}, {when_}; !signup drop "
                f"{_number(session, self.session_store.upcoming(now))} gives it up",
                person_id=row.person_id,
                not_after=session.start,
            )

    def changed(self, found: Iterable[Change], now: datetime) -> None:
        """Tells everybody who signed up for a cancelled, moved or restored session, a few at a time; the others read it
        in the channel."""
        for change in found:
            told = change.was if change.kind == "cancelled" and change.was is not None else change.session
            if change.kind == "new":
                continue
            for place, row in enumerate(self._all(change.session)):
                person = self.people.get(row.person_id)
                self.notices.tell(
                    paced(now, place),
                    self._news(change, row, person, now),
                    person_id=person.id,
                    not_after=told.start,
                )

    def _news(self, change: Change, row: SignUp, person: Person, now: datetime) -> str:
        session, was = change.session, change.was or change.session
        before, new = _time(was, person.zone, self.zones, now), self._when(session, person, now)
        kept = "you are still on the waiting list" if row.waiting else "you keep your seat"
        if change.kind == "cancelled":
            return f"{session.title}, {before}, is cancelled" + ("" if row.waiting else ", and so is your seat")
        if change.kind == "moved":
            return f"{session.title} moved from {before} to {new}; {kept}, !signup drop gives it up"
        return f"{session.title} is on again, {new}; {kept}, !signup drop gives it up"

    def merge(self, old: Person | None, new: Person | None) -> None:
        """Moves the seats of somebody who logged in to their account."""
        if old is None or new is None or old.id == new.id:
            return
        for row in self.rows.all(person_id=old.id):
            self.rows.remove(session_uid=row.session_uid, person_id=old.id)
            there = self.rows.first(session_uid=row.session_uid, person_id=new.id)
            if there is None or (there.waiting and not row.waiting):
                self.rows.put(replace(row, person_id=new.id))

    def _when(self, session: Session, person: Person, now: datetime) -> str:
        return when(session, person.zone, self.zones, now)


def paced(now: datetime, place: int) -> datetime:
    """When the next of many people is told: ``place`` counts them from 0."""
    return now + GAP * max(0, place - AT_ONCE)


def when(session: Session, zone: str, zones: tuple[str, ...], now: datetime) -> str:
    """The start in ``zone``, with the time until then; in several zones if ``zone`` is ''."""
    if zone:
        return f"{_time(session, zone, zones, now)} ({until(session.start - now)})"
    return describe_many(session.start, session.shown_in(zones), now)


def _time(session: Session, zone: str, zones: tuple[str, ...], now: datetime) -> str:
    return describe(session.start, zone, now) if zone else times_in(session.start, session.shown_in(zones), now)


def _number(session: Session, sessions: list[Session]) -> int:
    return next((number for number, other in enumerate(sessions, 1) if other.uid == session.uid), 0)
