"""``!session``: add, move, cancel and publish sessions on IRC; those from files are changed in their file."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Reply
from trainbot.core.times import describe, describe_many, to_utc, until
from trainbot.core.wording import span
from trainbot.features.sessions.announcements import Announcements
from trainbot.features.sessions.changes import Change
from trainbot.features.sessions.phrase_parser import EXAMPLE, minutes_until, read_phrase, wall_time
from trainbot.features.sessions.phrase_words import title_in_quotes
from trainbot.features.sessions.session_choice import find
from trainbot.model import session_fields as fields
from trainbot.model.ports import Exercises
from trainbot.model.session import Session

if TYPE_CHECKING:
    pass
ORIGIN = "IRC"
_KEPT = (
    "title",
    "zone",
    "local",
    "minutes",
    "exercise",
    "presenter",
    "channel",
    "seats",
    "images",
    "zones",
    "link",
    "slides",
    "course",
)


class OrganiserCommands:
    def __init__(self, announcing: Announcements, exercises: Exercises) -> None:
        self.session_store, self.announcing, self.signups, self.zones = (
            announcing.session_store,
            announcing,
            announcing.signups,
            announcing.zones,
        )
        self.exercises = exercises
        self._asked_about: dict[int, str] = {}  # person -> the session they were asked to confirm

    # -- add -------------------------------------------------------------------------------------------

    def ask_add(self, ask: Request, words: str) -> str:
        session = self._new(ask, words)
        return f"{self._shown(session, ask)}.{self._notes(session, ask)} Save this as a draft?"

    def add(self, ask: Request, words: str) -> list[Effect]:
        session = self._new(ask, words)
        kept = self.session_store.draft(ORIGIN, ask.at, **{name: getattr(session, name) for name in _KEPT})
        return [
            Reply(
                f"saved as {kept.number}; !session publish {kept.number} announces it, !session cancel "
                f"{kept.number} deletes it"
            )
        ]

    def _new(self, ask: Request, words: str) -> Session:
        said = read_phrase(words, ask.typed_at, self.exercises.library.exercises)
        zone = said.zone or ask.person.zone
        if not zone:
            raise UserError("which time zone? Add a city, such as melbourne, or set your own with !tz CITY")
        local = wall_time(said, zone, ask.typed_at)
        values = dict(said.values)
        if said.until is not None:
            values["minutes"] = minutes_until(said, local, zone)
        exercise = self.exercises.library.exercises.get(values.get("exercise", ""))
        if "exercise" in values and exercise is None:
            exercise = self.exercises.library.find(values["exercise"], "exercise ")
            values["exercise"] = exercise.slug
        if "title" not in values and exercise is None:
            raise UserError(
                "what will be taught? Name an exercise (!exercises lists them), or put a title in quotes, for example "
                f"{EXAMPLE}"
            )
        values.setdefault("title", exercise.title if exercise else "")
        values.setdefault("minutes", fields.DEFAULT_MINUTES)
        return Session.of(uid="", start=to_utc(local, zone), local=local, zone=zone, origin=ORIGIN, **values)

    def _shown(self, session: Session, ask: Request) -> str:
        """Everything that will be saved, with the time in three zones."""
        mine = [zone for zone in (ask.person.zone, *self.zones) if zone not in ("", session.zone)]
        parts = [
            f'"{session.title}", {describe_many(session.start, [session.zone, *mine[:1]], ask.at)}',
            f"lasts {span(session.end - session.start)}",
        ]
        parts += [f"exercise {session.exercise}"] if session.exercise else ["no exercise"]
        parts += [f"course {session.course}"] if session.course else []
        parts += [f"by {session.presenter}"] if session.presenter else []
        parts += [f"{session.seats} seat{'s' * (session.seats > 1)}"] if session.seats else []
        parts += [f"images {' '.join(session.images)}"] if session.images else []
        parts += [f"in {session.channel}"] if session.channel else []
        parts += [f"slides {session.slides}"] if session.slides else []
        return ", ".join(parts)

    def _notes(self, session: Session, ask: Request, but: str = "") -> str:
        """What an organiser should know before confirming."""
        now = ask.at
        there = set(self.session_store.where(session))
        over = [
            other
            for other in [*self.session_store.upcoming(now), *self.session_store.drafts(now)]
            if other.uid != but
            and other.start < session.end
            and session.start < other.end
            and there & set(self.session_store.where(other))
        ]
        notes = (
            [f"It overlaps with {over[0].title} ({describe(over[0].start, ask.person.zone or over[0].zone, now)})."]
            if over
            else []
        )
        held = self.signups.too_many(session, now)
        notes += [held] if held else []
        labs = self.signups.unchecked(session)
        notes += [labs] if labs else []
        return "".join(f" {note}" for note in notes)

    # -- move, cancel ------------------------------------------------------------------------------------

    def ask_move(self, ask: Request, words: str) -> str:
        session, draft, changed = self._changed(ask, words)
        self._asked_about[ask.person.id] = session.uid
        told = "" if draft else self._who_hears(changed)
        return f"{self._shown(changed, ask)}.{self._notes(changed, ask, session.uid)} Change it?{told}"

    def move(self, ask: Request, words: str) -> list[Effect]:
        session, draft, changed = self._changed(ask, words)
        self._still(ask, session)
        self.session_store.put(changed, ask.at, draft=draft)
        if draft:
            return [Reply(f"{session.number} changed; !session publish {session.number} announces it")]
        if changed.start != session.start:
            self.announcing.tell([Change("moved", changed, session)], ask.at)
        self.signups.make_room(changed, ask.at)
        return [Reply("changed" if changed.start == session.start else "moved; I'm telling everybody")]

    def _changed(self, ask: Request, words: str) -> tuple[Session, bool, Session]:
        """(the session, whether it is a draft, how it will be)."""
        session, draft, rest = self._find(ask, words)
        self._refuse_file(session)
        said = read_phrase(rest, ask.typed_at, self.exercises.library.exercises)
        values = {name: getattr(session, name) for name in _KEPT} | said.values
        if not (said.values or said.has_time or said.zone):
            raise UserError(
                f"when should it be? For example !session move {self._name(session, ask.at)} sat 21 mar 09:00"
            )
        if said.has_time or said.zone:
            values["zone"] = said.zone or session.zone
            values["local"] = wall_time(said, values["zone"], ask.typed_at, session.local)
        if said.until is not None:
            values["minutes"] = minutes_until(said, values["local"], values["zone"])
        start = to_utc(values["local"], values["zone"])
        changed = Session.of(uid=session.uid, start=start, origin=session.origin, **values)
        if changed.revision == session.revision:
            raise UserError(
                f"nothing to change: {session.title} is already {describe(session.start, ask.person.zone or session.zone, ask.at)}"
            )
        return session, draft, changed

    def ask_cancel(self, ask: Request, words: str) -> str:
        session, draft = self._exactly(ask, words)
        self._refuse_file(session)
        self._asked_about[ask.person.id] = session.uid
        when = describe(session.start, ask.person.zone or session.zone, ask.at)
        return (
            f"this deletes the draft {session.title}, {when}."
            if draft
            else f"this cancels {session.title}, {when}.{self._who_hears(session)}"
        )

    def cancel(self, ask: Request, words: str) -> list[Effect]:
        session, draft = self._exactly(ask, words)
        self._refuse_file(session)
        self._still(ask, session)
        if draft:
            self.session_store.forget(session)
            self.announcing.invitations.draft_dropped(session, ask.at)
            return [Reply("deleted")]
        if session.start <= ask.at:
            raise UserError(f"{session.title} has already begun; !end ends the class")
        off = session.as_cancelled()
        self.session_store.put(off, ask.at)
        self.announcing.tell([Change("cancelled", off, session)], ask.at)
        return [Reply(f"cancelled; I'm telling everybody (!session publish {session.number} puts it on again)")]

    def _still(self, ask: Request, session: Session) -> None:
        """UserError if the number means another session by the time of the confirmation."""
        if self._asked_about.pop(ask.person.id, session.uid) != session.uid:
            raise UserError(
                f"nothing was done: the sessions have changed, and that number is now {session.title}. !sessions "
                "shows the numbers; try again"
            )

    def _who_hears(self, session: Session) -> str:
        seats = len(self.signups.of(session))
        people = f" and {seats} who signed up" if seats else ""
        return f" {' '.join(self.session_store.where(session))}{people} will be told."

    # -- publish -----------------------------------------------------------------------------------------

    def publish(self, ask: Request, words: str = "") -> list[Effect]:
        drafts = self.session_store.drafts(ask.at)
        if words.lower() == "all" or (not words and len(drafts) == 1):
            chosen = drafts
        else:
            chosen = [self._to_publish(ask, words, drafts)]
        if not chosen:
            raise UserError(f"there is no draft to publish; {EXAMPLE} creates one")
        over = [draft for draft in chosen if draft.start <= ask.at]
        if over:
            raise UserError(
                f"the start of {over[0].title} ({over[0].number}) has passed: !session move {over[0].number} "
                "sat 09:00 gives it another time"
            )
        changes = []
        for draft in chosen:
            was = self.session_store.get(draft.uid)
            session = Session.of(
                **{name: getattr(draft, name) for name in _KEPT}, uid=draft.uid, start=draft.start, origin=draft.origin
            )
            self.session_store.put(session, ask.at)
            changes.append(Change("back" if was is not None else "new", session, was))
        self.announcing.tell(changes, ask.at)
        number = self.signups.number(session, ask.at)
        return [Reply(f"published as session {number}" if len(chosen) == 1 else f"{len(chosen)} sessions published")]

    def _to_publish(self, ask: Request, words: str, drafts: list[Session]) -> Session:
        """A draft, or a session cancelled on IRC that will be restored."""
        off = [s for s in self.session_store.known(ask.at) if s.made_here and s.cancelled and s.start > ask.at]
        numbered = next((s for s in [*drafts, *off] if s.number == words.lower()), None)
        if numbered is not None:
            return numbered
        if not words:
            raise UserError(
                "which one? !session lists the drafts; !session publish all publishes all of them"
                if drafts
                else f"there is no draft to publish; {EXAMPLE} creates one"
            )
        called = [s for s in [*drafts, *off] if words.casefold() in s.title.casefold()]
        if len(called) == 1:
            return called[0]
        raise UserError(f'no single draft matches "{words[:40]}"; !session lists them')

    # -- which -------------------------------------------------------------------------------------------

    def list_drafts(self, ask: Request) -> list[Effect]:
        drafts = self.session_store.drafts(ask.at)
        held = [session for session in self.session_store.withheld(ask.at) if session.start > ask.at]
        notes = [
            Reply(
                f"withheld: {session.title}, {describe(session.start, ask.person.zone or session.zone, ask.at)}: "
                f"a change in {session.origin} is not understood; trainbot schedule check says what to correct",
                private=True,
            )
            for session in held[:3]
        ]
        if not drafts:
            return [Reply(f"there are no drafts; {EXAMPLE} creates one", private=True), *notes]
        shown = [
            f"{draft.number}: {draft.title}, {describe(draft.start, ask.person.zone or draft.zone, ask.at)} "
            f"({until(draft.start - ask.at)}, {f'course {draft.course}, ' if draft.course else ''}from {draft.origin})"
            for draft in drafts[:8]
        ]
        more = f"; {len(drafts) - 8} more" if len(drafts) > 8 else ""
        return [Reply("; ".join(shown) + f"{more}: !session publish {drafts[0].number}, or all", private=True), *notes]

    def _find(self, ask: Request, words: str) -> tuple[Session, bool, str]:
        """The session that ``words`` start with, whether it is a draft, and the rest: ``d7``, a number from
        ``!sessions``, or a title in quotes."""
        words = title_in_quotes(words)
        first, _, rest = words.strip().partition(" ")
        for draft in self.session_store.drafts(ask.at):
            if draft.number == first.lower():
                return draft, True, rest
        sessions = self.session_store.upcoming(ask.at)
        for session in sessions:
            if session.made_here and session.number == first.lower():
                return session, False, rest
        if first.startswith('"') and '"' in words[1:]:
            first, _, rest = words[1:].partition('"')
        _number, session, more = find(first, sessions)
        return session, False, f"{more} {rest}".strip()

    def _exactly(self, ask: Request, words: str) -> tuple[Session, bool]:
        first = title_in_quotes(words).strip().lower()
        if " " in first and not first.startswith('"'):
            return find(words.strip(), self.session_store.upcoming(ask.at))[1], False
        session, draft, rest = self._find(ask, words)
        if rest:
            raise UserError(f'unexpected word "{rest[:30]}". Usage: !session cancel {first.split()[0]}')
        return session, draft

    def _name(self, session: Session, now: datetime) -> str:
        return session.number if session.made_here else session.uid

    def _refuse_file(self, session: Session) -> None:
        if not session.made_here:
            raise UserError(
                f"{session.title} comes from the file {session.origin}: change it there, I will read it within seconds"
            )

    def commands(self) -> list[Command]:
        words = (Argument("WORDS", "words", rest=True),)
        return [
            Command(
                "session",
                self.list_drafts,
                "list drafts: sessions planned but not published yet",
                role=Role.ORGANISER,
                group="sessions",
            ),
            Command(
                "session add",
                self.add,
                'plan a session: exercise, day, time, zone, length, "title", by NAME, '
                "seats N, in any order (asks first)",
                words,
                confirm=self.ask_add,
                example=EXAMPLE.removeprefix("!"),
                role=Role.ORGANISER,
                group="sessions",
            ),
            Command(
                "session move",
                self.move,
                "change the time (or seats, title, presenter) of session N or draft dN, and tell everybody (asks first)",
                (Argument("N WORDS", "words", rest=True),),
                aliases=("session change",),
                confirm=self.ask_move,
                example="session move 2 sun 15 mar 10:00",
                role=Role.ORGANISER,
                group="sessions",
            ),
            Command(
                "session cancel",
                self.cancel,
                "cancel session N and tell everybody, or delete draft dN (asks first)",
                (Argument("N", "words", rest=True),),
                confirm=self.ask_cancel,
                example="session cancel 2",
                role=Role.ORGANISER,
                group="sessions",
            ),
            Command(
                "session publish",
                self.publish,
                "announce a draft, or all drafts",
                (Argument("dN", "words", optional=True, rest=True),),
                example="session publish d3",
                role=Role.ORGANISER,
                group="sessions",
            ),
        ]
