"""Seats in sessions: taken, given up, counted; those who have one hear when their session is off or moves."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.errors import Denied, UserError
from trainbot.sessions.changes import Change
from trainbot.sessions.model import Session
from trainbot.sessions.rows import SignUp
from trainbot.sessions.times import describe, describe_many, places, until
from trainbot.spine.access import Person
from trainbot.spine.commands import Argument, Ask, Command
from trainbot.spine.messages import Effect, Reply
from trainbot.spine.words import span

if TYPE_CHECKING:
    from trainbot.store.repositories import Notices, People, Sessions

# A network lets us speak to about ten new people at once, then to one a minute.
AT_ONCE, GAP = 8, timedelta(minutes=1)


class SignUps:
    """``upcoming``: the sessions as ``!sessions`` numbers them.  ``images``: what labs of a session are made from,
    the first unless somebody asks for another.  ``has_labs``: whether labs of that image can be had; ``early``: how
    long before the start they are handed out.  ``zones``: shown to people whose own zone is not known."""

    def __init__(self, sessions: Sessions, notices: Notices, people: People, zones: tuple[str, ...],
                 require_account: bool, upcoming: Callable[[datetime], list[Session]],
                 images: Callable[[Session], tuple[str, ...]], has_labs: Callable[[str], bool],
                 early: timedelta) -> None:
        self.rows, self.notices, self.people, self.zones = sessions.signups, notices, people, zones
        self.require_account, self.upcoming, self.images = require_account, upcoming, images
        self.has_labs, self.early = has_labs, early

    def of(self, session: Session) -> list[SignUp]:
        """In the order in which they were made; each with an image that the session (still) has."""
        images, table = self.images(session), self.rows.table
        return [row if row.image in images else replace(row, image=images[0] if images else "")
                for row in self.rows.all(session_uid=session.uid, order=(table.c.at, table.c.person_id))]

    def _mine(self, session: Session, person: Person) -> SignUp | None:
        return self.rows.first(session_uid=session.uid, person_id=person.id)

    def shown(self, session: Session, person: Person) -> str:
        """``12 of 30 seats, one is yours``; '' where nobody has signed up and there is no limit."""
        taken = self.rows.count(session_uid=session.uid)
        mine = ", one is yours" if taken and self._mine(session, person) else ""
        if session.seats is not None:
            return f"{taken} of {session.seats} seats{mine}"
        return f"{taken} {'seat' if taken == 1 else 'seats'} taken{mine}" if taken else ""

    # -- commands ------------------------------------------------------------------------------------

    def sign_up(self, ask: Ask, words: str) -> list[Effect]:
        if self.require_account and ask.sender.account is None:
            raise Denied("seats are for people with an account here; log in to NickServ (/msg NickServ help), "
                         "then ask again")
        number, session, wanted = _find(words, self.upcoming(ask.at))
        images = self.images(session)
        if wanted and wanted not in images:
            there = f"it has {' and '.join(images)}: say !signup {number} {images[0]}" if images else \
                f"it has no labs: say !signup {number}"
            raise UserError(f"{session.title} has no {wanted[:30]!r} labs; {there}")
        if session.start <= ask.at:
            image = wanted or (images[0] if images else "")
            lab = f"; !lab {image} gives you a lab" if image and self.has_labs(image) else ""
            raise UserError(f"{session.title} has begun, and it needs no seat to take part{lab}")
        mine = self._mine(session, ask.person)
        if mine is None:
            self._take(ask, session, wanted or (images[0] if images else ""))
            return [self._answer(ask, session, "you have a seat in")]
        if wanted in ("", mine.image):
            return [self._answer(ask, session, "you have a seat already in")]
        if ask.at >= session.start - self.early:
            raise UserError(f"the labs for {session.title} are being handed out already, yours is {mine.image}: "
                            f"!lab return gives it back, then !lab {wanted}")
        self.rows.change({"session_uid": session.uid, "person_id": ask.person.id}, image=wanted)
        return [self._answer(ask, session, "as you wish; you have your seat in")]

    def _take(self, ask: Ask, session: Session, image: str) -> None:
        """A row, or a sentence that says where there is room."""
        if self._is_full(session):
            raise UserError(f"{session.title} is full, all {session.seats} seats are taken; "
                            f"{self._elsewhere(ask, session)}")
        self.rows.add(session_uid=session.uid, person_id=ask.person.id, image=image, at=ask.at)

    def _is_full(self, session: Session) -> bool:
        return session.seats is not None and self.rows.count(session_uid=session.uid) >= session.seats

    def _elsewhere(self, ask: Ask, full: Session) -> str:
        """The next that has room, of the same exercise where there is one."""
        room = [(number, session) for number, session in enumerate(self.upcoming(ask.at), 1)
                if session.uid != full.uid and session.start > ask.at and not self._is_full(session)]
        room.sort(key=lambda item: item[1].exercise != full.exercise)  # a stable sort: the earliest stays first
        if not room:
            return "no other session has room, but somebody may give up a seat: ask again"
        number, session = room[0]
        return f"the next with room is {session.title}, {self._when(session, ask.person, ask.at)}: say !signup {number}"

    def _answer(self, ask: Ask, session: Session, said: str) -> Reply:
        row, notes = self._mine(session, ask.person), []
        images = self.images(session)
        if row is not None and row.image and self.has_labs(row.image):
            other = f" (!signup {_number(session, self.upcoming(ask.at))} IMAGE for another: {', '.join(images)})"
            notes.append(f"your {row.image} lab{other if len(images) > 1 else ''} comes to you "
                         f"in the {span(self.early)} before the start")
        if ask.person.account is None:
            notes.append("without an account here I know you only as long as you stay in view")
        said = f"{said} {session.title}, {self._when(session, ask.person, ask.at)}"
        return Reply("; ".join([said, *notes]), private=True)

    def drop(self, ask: Ask, words: str = "") -> list[Effect]:
        sessions = self.upcoming(ask.at)
        mine = [(number, session) for number, session in enumerate(sessions, 1) if self._mine(session, ask.person)]
        if not mine:
            raise UserError("you have no seat in any session; !sessions lists them, !signup N takes a seat")
        if not words and len(mine) > 1:
            raise UserError(f"which one? say !signup drop {' or '.join(str(number) for number, _ in mine)}; "
                            "!sessions lists them")
        session = _find(words, sessions)[1] if words else mine[0][1]
        if not self.rows.remove(session_uid=session.uid, person_id=ask.person.id):
            raise UserError(f"you have no seat in {session.title}; say !signup drop "
                            f"{' or '.join(str(number) for number, _ in mine)}")
        return [Reply(f"your seat in {session.title}, {self._when(session, ask.person, ask.at)}, is free for somebody "
                      "else", private=True)]

    def commands(self) -> list[Command]:
        return [
            Command("signup", self.sign_up, "a seat in that session, as !sessions numbers them; my lab comes to me "
                    "before it begins", (Argument("N [IMAGE]", "words", rest=True),), example="signup 1",
                    group="sessions"),
            Command("signup drop", self.drop, "gives my seat up", (Argument("N", "words", optional=True, rest=True),),
                    example="signup drop 1", group="sessions"),
        ]

    # -- what becomes of sessions and people ---------------------------------------------------------

    def changed(self, found: Iterable[Change], now: datetime) -> None:
        """Whoever has a seat in what is off, moved or on again is told, paced: the others hear it in the channel."""
        for change in found:
            told = change.was if change.kind == "cancelled" and change.was is not None else change.session
            if change.kind == "new":
                continue
            for place, row in enumerate(self.of(change.session)):
                person = self.people.get(row.person_id)
                self.notices.tell(now + GAP * max(0, place - AT_ONCE), self._news(change, person, now),
                                  person_id=person.id, not_after=told.start)

    def _news(self, change: Change, person: Person, now: datetime) -> str:
        session, was = change.session, change.was or change.session
        before, new = _time(was, person.zone, self.zones, now), self._when(session, person, now)
        if change.kind == "cancelled":
            return f"{session.title}, {before}, is cancelled, and so is your seat"
        if change.kind == "moved":
            return f"{session.title} moved, not {before} but {new}; your seat is kept, !signup drop gives it up"
        return f"{session.title} is on again, {new}; your seat is kept, !signup drop gives it up"

    def merge(self, old: Person | None, new: Person | None) -> None:
        """Somebody logged in to an account: their seats go with them."""
        if old is None or new is None or old.id == new.id:
            return
        for row in self.rows.all(person_id=old.id):
            self.rows.remove(session_uid=row.session_uid, person_id=old.id)
            if self.rows.first(session_uid=row.session_uid, person_id=new.id) is None:
                self.rows.put(replace(row, person_id=new.id))

    def _when(self, session: Session, person: Person, now: datetime) -> str:
        return when(session, person.zone, self.zones, now)


def when(session: Session, zone: str, zones: tuple[str, ...], now: datetime) -> str:
    """In ``zone``, with how long until then; in several zones where that is ''."""
    if zone:
        return f"{_time(session, zone, zones, now)} ({until(session.start - now)})"
    return describe_many(session.start, session.zones or zones, now)


def _time(session: Session, zone: str, zones: tuple[str, ...], now: datetime) -> str:
    return describe(session.start, zone, now) if zone else places(session.start, session.zones or zones, now)


def _find(words: str, sessions: list[Session]) -> tuple[int, Session, str]:
    """Number and session that ``words`` begin with, and the word after it ('' where there is none)."""
    first, _, rest = words.partition(" ")
    if first.isascii() and first.isdigit():
        number = int(first[:9])
        if not 1 <= number <= len(sessions):
            raise UserError(f"there is no session {number}; !sessions lists them")
        return number, sessions[number - 1], rest.strip().lower()
    said = words.casefold().split()
    for length in (len(said), len(said) - 1):  # the last one may be an image
        found = [(number, session) for number, session in enumerate(sessions, 1)
                 if length and _is_called(session, said[:length])]
        if len(found) == 1:
            return *found[0], " ".join(said[length:])
        if found:
            numbers = ", ".join(str(number) for number, _session in found[:8])
            raise UserError(f"which one of {numbers}? !sessions lists them, say !signup {found[0][0]}")
    raise UserError(f"no session is called {words[:40]!r}; !sessions lists them, say the number")


def _is_called(session: Session, words: list[str]) -> bool:
    names = f"{session.title} {session.uid} {session.presenter or ''}".casefold()
    return all(word in names for word in words)


def _number(session: Session, sessions: list[Session]) -> int:
    return next((number for number, other in enumerate(sessions, 1) if other.uid == session.uid), 0)
