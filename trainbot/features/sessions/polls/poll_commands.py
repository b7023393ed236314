"""``!when``: opens polls, takes answers and closes polls."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta
from typing import TYPE_CHECKING

from trainbot.core.access import Person, Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import AccountNeeded, UserError
from trainbot.core.messages import Effect, Reply
from trainbot.core.places import UnknownWord, read_place
from trainbot.core.times import describe
from trainbot.core.zones import UnknownPlace, abbreviation_note, city
from trainbot.features.sessions.polls import answer_parser as answers
from trainbot.features.sessions.polls import poll_parser as asking
from trainbot.features.sessions.polls import poll_wording as wording
from trainbot.features.sessions.polls.answer_parser import EXAMPLE, Availability, PollAnswer, fits
from trainbot.features.sessions.polls.clocks import wall, wall_time
from trainbot.features.sessions.polls.poll import PollPlan, local_days, starts
from trainbot.features.sessions.polls.poll_answers import PollAnswers, day_of, plan_of
from trainbot.features.sessions.polls.ranking import BUDGET, GLANCE, CandidateStart, Choice, choose, ranked, tally
from trainbot.features.sessions.session_store import SessionStore
from trainbot.features.sessions.signups import paced
from trainbot.model.notice import NoticeKind
from trainbot.model.ports import Ports
from trainbot.model.session_rows import PollRow

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

MOST_LINES = 20  # of one person in one poll; later lines override earlier ones, so more are hardly needed
UNTITLED = "hands-on training"
REMEMBERED = timedelta(days=30)  # how long !when close can repeat the result of a closed poll


class PollCommands:
    """``session_store``: receives the resulting sessions as drafts."""

    def __init__(self, store: Store, session_store: SessionStore, ports: Ports) -> None:
        self.rows, self.notices, self.people, self.session_store = (
            store.polls,
            store.notices,
            store.people,
            session_store,
        )
        self.answers = PollAnswers(store)
        self.exercises, self.access, self.audience = ports.exercises, ports.access, ports.audience

    # -- which poll ------------------------------------------------------------------------------------

    def _open(self, ask: Request) -> PollRow:
        """The open poll of the request's channel, else the only one open."""
        polls = self.rows.all(closed_at=None)
        here = [poll for poll in polls if poll.channel == ask.channel] or polls
        if not here:
            raise UserError("no poll is open; !sessions lists what is planned")
        if len(here) > 1:
            raise UserError(f"which channel? Put it first: {here[0].channel} !when sat 14:00-18:00")
        return here[0]

    # -- opened ----------------------------------------------------------------------------------------

    def ask_open(self, ask: Request, words: str) -> str:
        found = self._asking(ask, words)
        return wording.asked_back(found, self._about(found.title), ask.channel or "", ask.person.zone, ask.at)

    def open(self, ask: Request, words: str) -> list[Effect]:
        found = self._asking(ask, words)
        plan, channel = found.plan, ask.channel or ""
        self.rows.add(
            channel=channel,
            person_id=ask.person.id,
            title=found.title,
            zone=plan.zone,
            first_day=plan.first.isoformat(),
            last_day=plan.last.isoformat(),
            window_from=plan.window[0],
            window_to=plan.window[1],
            minutes=plan.minutes,
            most=plan.most,
            step=plan.step,
            opened_at=ask.at,
            closes_at=found.closes,
            closed_at=None,
            result="",
        )
        line = wording.announcement(found, self._about(found.title), self.audience.nick, ask.at)
        self.notices.tell(ask.at, line, channel=channel, kind=NoticeKind.ANNOUNCEMENT, not_after=found.closes)
        return [Reply("the poll is open; !when shows how many have answered, !when close ends it early", private=True)]

    def _asking(self, ask: Request, words: str) -> asking.PollRequest:
        other = self.rows.first(closed_at=None, channel=ask.channel)
        if other is not None:
            raise UserError(
                f"a poll is already open in {other.channel} until "
                f"{describe(other.closes_at, ask.person.zone or other.zone, ask.at)}; "
                "!when close ends it"
            )
        return asking.read(words, ask.person.zone, ask.typed_at, read_place)

    def _about(self, title: str) -> str:
        """The title to show: an exercise may be given by its folder name."""
        exercise = self.exercises.library.exercises.get(title)
        return title if exercise is None else exercise.title

    # -- answered --------------------------------------------------------------------------------------

    def when(self, ask: Request, words: str = "") -> list[Effect]:
        poll = self._open(ask)
        if poll.closes_at <= ask.at:
            raise UserError(f"the poll closed for answers {describe(poll.closes_at, ask.person.zone or 'UTC', ask.at)}")
        if not words:
            return [Reply(self._status(ask, poll), private=True)]
        if self.access.accounts_only and ask.sender.account is None:
            raise AccountNeeded("to answer")
        if words.lower() in ("forget", "drop"):
            text = self._forget(ask, poll)
        elif words.lower() == "reread":
            text = self._reread(ask, poll)
        else:
            text = self._said(ask, poll, words)
        return [Reply(text, private=True)]

    def _said(self, ask: Request, poll: PollRow, words: str) -> str:
        plan, zone = plan_of(poll), ask.person.zone
        said, named = self._read(plan, words, zone, ask.at)
        noted, lost = "saved", ""
        note = abbreviation_note(said.place, named, ask.at) if named else ""
        if named and not zone:  # naming a place without having a zone sets it
            self.people.change({"id": ask.person.id}, zone=named)
            lost = self._move_lines(poll, ask.person, named, "")
            zone, noted = named, f"your time zone is now {city(named)}; saved"
        mine = self.answers.of(poll, ask.person)
        if said.afresh:
            self.rows.lines.remove(poll_id=poll.id, person_id=ask.person.id)
        elif len(mine) >= MOST_LINES:
            raise UserError(f"you have already sent {len(mine)} lines; start over with: !when only sat 14:00-18:00")
        self.rows.lines.add(poll_id=poll.id, person_id=ask.person.id, zone=named or zone, words=words, at=ask.at)
        if not (named or zone):
            if any(not line.zone for line in mine):
                return "saved too; it counts once I know your time zone: !tz CITY"
            return "saved, but I don't know your time zone yet: !tz Melbourne, for example, makes it count"
        return f"{note}{noted}: {self._answer(poll, ask.person, zone)}{lost}"

    def _read(self, plan: PollPlan, words: str, zone: str, now: datetime) -> tuple[PollAnswer, str]:
        """The parsed answer, and the zone named in it ('' if none)."""
        around = plan.days[0] - timedelta(days=1), *plan.days, plan.days[-1] + timedelta(days=1)
        said = answers.read(words, around, day_of(now, zone))
        if not said.place:
            return (answers.read(words, local_days(plan, zone), day_of(now, zone)) if zone else said), ""
        try:
            named = read_place(said.place, datetime.combine(plan.first, time(12), UTC))
        except UnknownPlace as error:
            if error.like:
                raise
            unknown = error.word if isinstance(error, UnknownWord) else said.place
            raise UserError(f'I don\'t understand "{unknown[:40]}": {EXAMPLE}') from None
        return answers.read(words, local_days(plan, named), day_of(now, named)), named

    def _forget(self, ask: Request, poll: PollRow) -> str:
        count = self.rows.lines.remove(poll_id=poll.id, person_id=ask.person.id)
        return "your answers are deleted" if count else "you have not answered, so there is nothing to delete"

    def _reread(self, ask: Request, poll: PollRow) -> str:
        zone = ask.person.zone
        if not zone:
            raise UserError("I don't know your time zone yet: !tz CITY sets it")
        mine = self.answers.of(poll, ask.person)
        if not mine:
            raise UserError(f"you have not answered yet: {EXAMPLE}")
        lost = self._move_lines(poll, ask.person, zone, *{line.zone for line in mine})
        return f"read again: {self._answer(poll, ask.person, zone)}{lost}"

    def _move_lines(self, poll: PollRow, person: Person, zone: str, *were: str) -> str:
        """Reads the lines given in the zones ``were`` in ``zone`` instead; returns a note about lines that name no day of
        the poll there."""
        lost = ""
        for line in self.answers.of(poll, person):
            if line.zone not in were:
                continue
            try:
                answers.read(line.words, local_days(plan_of(poll), zone), day_of(line.at, zone))
                self.rows.lines.change({"id": line.id}, zone=zone)
            except UserError as error:
                self.rows.lines.remove(id=line.id)
                lost = f'; except "{line.words[:60]}": {error}'
        return lost

    def zone_said(self, person: Person, zone: str) -> str:
        """After ``!tz``: answers that waited for it count now, others keep their meaning; returns a note, '' if there are
        no answers."""
        for poll in self.rows.all(closed_at=None):
            zones = {line.zone for line in self.answers.of(poll, person)}
            if "" in zones:
                lost = self._move_lines(poll, person, zone, "")
                return f"your answers count now: {self._answer(poll, person, zone)}{lost}"
            others = zones - {zone}
            if others:
                return (
                    f"your !when answers are still in {city(min(others))} time; "
                    f"!when reread reads them in {city(zone)} time"
                )
        return ""

    def _answer(self, poll: PollRow, person: Person, zone: str, *, brief: bool = False) -> str:
        plan = plan_of(poll)
        free = self.answers.free(plan, self.answers.of(poll, person))
        text = wording.answer(plan, zone, free)
        return text if fits(plan, free) or brief else f"{text}; asked: {wording.asked(plan, zone)}"

    def _status(self, ask: Request, poll: PollRow) -> str:
        plan, zone = plan_of(poll), ask.person.zone
        mine = self.answers.of(poll, ask.person)
        own = zone or next((line.zone for line in mine if line.zone), "")
        parts = [f"asked: {wording.asked(plan, own) if own else wording.asked(plan, plan.zone, 'the clocks there')}"]
        if mine and all(line.zone for line in mine):
            parts.append(f"your answer: {self._answer(poll, ask.person, own, brief=True)}")
        elif mine:
            parts.append("your answers count once I know your time zone: !tz CITY")
        else:
            parts.append(EXAMPLE if own else f"!tz CITY first, then {EXAMPLE}")
        if ask.role >= Role.ORGANISER:
            people, frees, unread = self.answers.count(poll)
            order, choice = self._ranked(plan, frees, ask.at, GLANCE)
            parts = [wording.counted(len(people), len(unread), poll.closes_at, own or plan.zone, ask.at)]
            so_far = wording.result(order, choice, [p.nick for p in people], own or plan.zone, ask.at)
            parts += [f"so far: {so_far}"] if people else []
        else:
            parts.append(f"until {describe(poll.closes_at, own or plan.zone, ask.at)}")
        return "; ".join(parts)

    # -- counted ---------------------------------------------------------------------------------------

    def _ranked(
        self, plan: PollPlan, frees: list[Availability], now: datetime, budget: int = BUDGET
    ) -> tuple[list[CandidateStart], Choice]:
        clock = plan.clock(plan.zone)
        moments = [start for start in starts(plan) if start > now.timestamp()]
        on_the_hour = {start: wall(clock, start) % 3600 == 0 for start in moments}
        order = ranked(tally(moments, 60 * plan.minutes, frees), on_the_hour)
        return order, choose(order, plan.most, budget)

    # -- closed ----------------------------------------------------------------------------------------

    def close(self, ask: Request) -> list[Effect]:
        try:
            poll = self._open(ask)
        except UserError:
            last = self._last(ask)
            if last is None:
                raise
            return [
                Reply(
                    f"the poll closed {describe(last.closed_at, ask.person.zone or last.zone, ask.at)}. {last.result}"
                    if last.closed_at
                    else last.result,
                    private=True,
                )
            ]
        if poll.channel != ask.channel and not ask.private:
            raise UserError(f"no poll is open here; use {poll.channel} or a private message")
        return [Reply(self._close(poll, ask.person.zone, ask.at), private=True)]

    def _last(self, ask: Request) -> PollRow | None:
        closed = self.rows.table.c.closed_at
        found = self.rows.all(closed > ask.at - REMEMBERED, order=(closed.desc(),))
        return next((poll for poll in found if ask.channel in (None, poll.channel)), None)

    def _close(self, poll: PollRow, zone: str, now: datetime) -> str:
        """Closes the poll and saves its sessions as drafts; returns the result in one line, with times in ``zone`` ('': that
        of the poll).  People who answered hear of the sessions when they are published, or now that there is none."""
        plan = plan_of(poll)
        people, frees, unread = self.answers.count(poll)
        order, choice = self._ranked(plan, frees, now)
        names, waiting = ([person.nick for person in some] for some in (people, unread))
        text = wording.result(order, choice, names, zone or poll.zone, now, waiting)
        if choice.reached:
            text += f" {self._drafted(poll, choice, now)}"
        for place, person in enumerate([] if choice.reached else people):
            self.notices.tell(
                paced(now, place),
                f"the poll about {self._about(poll.title) or UNTITLED} is closed: no time suits anybody "
                "who answered, so no session came of it",
                person_id=person.id,
                kind=NoticeKind.POLL_RESULT,
                not_after=now + REMEMBERED,
            )
        self.rows.change({"id": poll.id}, closed_at=now, result=text)
        return text

    def _drafted(self, poll: PollRow, choice: Choice, now: datetime) -> str:
        """Saves the chosen sessions as drafts."""
        clock = plan_of(poll).clock(poll.zone)
        exercise = poll.title if poll.title in self.exercises.library.exercises else None
        drafts = [
            self.session_store.draft(
                f"poll {poll.id}",
                now,
                title=self._about(poll.title) or UNTITLED,
                zone=poll.zone,
                local=wall_time(wall(clock, moment)),
                minutes=poll.minutes,
                channel=poll.channel,
                exercise=exercise,
            )
            for moment in sorted(start.moment for start in choice.starts)
        ]
        names = [draft.number for draft in drafts]
        if len(names) == 1:
            return f"Draft {names[0]}: !session publish {names[0]}."
        return f"Drafts {' and '.join(names)}: !session publish all."

    def tick(self, now: datetime) -> None:
        """Closes polls whose time is over, and tells the people who opened them the result."""
        for poll in self.rows.over(now):
            text = self._close(poll, self.people.get(poll.person_id).zone, now)
            self.notices.tell(now, f"the poll in {poll.channel} is closed. {text}", person_id=poll.person_id)

    def merge(self, old: Person | None, new: Person | None) -> None:
        """Moves the answers of somebody who logged in to their account."""
        if old is not None and new is not None and old.id != new.id:
            self.rows.lines.change({"person_id": old.id}, person_id=new.id)

    def commands(self) -> list[Command]:
        return [
            Command(
                "when",
                self.when,
                "answer the open poll with the times that suit you, in your own time zone; start with only to start over; "
                "any, none and forget work too; without TIMES: show the poll and your answer",
                (Argument("TIMES", "words", optional=True, rest=True),),
                example="when sat 14:00-18:00, not sun, weekdays after 18:00?",
                group="sessions",
            ),
            Command(
                "when open",
                self.open,
                "ask the channel which times suit: days, earliest and latest start, "
                "city, length, how many sessions, until when to answer; for TITLE (asks first)",
                (Argument("WORDS", "words", rest=True),),
                role=Role.ORGANISER,
                scope=Scope.CHANNEL,
                confirm=self.ask_open,
                example="when open 7-15 mar 07:00-22:00 melbourne 2h max 2 until 3 mar",
                group="sessions",
            ),
            Command(
                "when close",
                self.close,
                "close the poll: save the times that suit most people as drafts to publish",
                role=Role.ORGANISER,
                group="sessions",
            ),
        ]
