"""``!mine`` for everybody, ``!course`` for organisers."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.hooks import Feature
from trainbot.core.messages import Effect, Priority, Reply, Withdraw
from trainbot.core.text import one_line
from trainbot.core.times import describe
from trainbot.core.wording import in_lines, size_in_words, span
from trainbot.model.course import CourseSession
from trainbot.model.kept_files import KeptState
from trainbot.model.ports import Ports
from trainbot.model.question import Question, QuestionState

if TYPE_CHECKING:
    from trainbot.adapters.db import Store
    from trainbot.features.courses.report import CourseReport

ROOM = 380  # bytes of one line
PART = 8  # lines of one part of a long answer
CLASSES = 30  # of somebody's own that are listed, the latest
QUESTION, ANSWER = 100, 160  # characters of each that are shown
_WORDS = re.compile(r"(?P<name>[A-Za-z0-9][A-Za-z0-9._-]{0,59})?(?:\s*\b(?P<part>[0-9]{1,4}))?")


def read_words(words: str) -> tuple[str, int]:
    """(course, '' if none is named; part of the answer), as in ``selinux 2``.  UserError for anything else."""
    name, _, part = words.strip().partition(" ")
    part = part.strip()
    if not _WORDS.fullmatch(name) or not (part == "" or (part.isascii() and part.isdigit() and len(part) < 5)):
        raise UserError(f'I don\'t understand "{words.strip()[:40]}". Usage: !course NAME [PART]')
    return name.lower(), int(part or 1)


class Courses(Feature):
    def __init__(self, store: Store, ports: Ports) -> None:
        self.store, self.courses, self.stock = store, store.courses, ports.stock

    # -- one's own -------------------------------------------------------------------------------------

    def mine(self, ask: Request, part: int = 1) -> list[Effect]:
        return _in_parts(f"mine {ask.person.id}", "!mine", list(self._mine(ask)), part)

    def _mine(self, ask: Request) -> Iterator[str]:
        seats = self._seats(ask)
        classes = self._classes(ask)
        courses = [self._course(ask, name) for name in self.courses.of_person(ask.person.id)]
        for title, items in (("classes", classes), ("courses", courses), ("seats", seats)):
            yield from in_lines([f"{title}: {items[0]}", *items[1:]], ROOM, "; ") if items else ()
        if not classes and not seats:
            yield "you have not been in a class yet; !sessions shows what is planned"
        yield f"labs: {self.stock.in_words(ask.person.id)}"
        kept = [
            f"{row.id}: {row.image}, {size_in_words(row.size)}, for {span(row.expires_at - ask.at)} more"
            for row in self.store.kept_files.all(person_id=ask.person.id, state=KeptState.KEPT)
        ]
        yield from in_lines([f"kept files: {kept[0]}", *kept[1:]], ROOM, "; ") if kept else ()
        asked = [
            question
            for question in self.store.questions.all(person_id=ask.person.id)
            if question.state is not QuestionState.DELETED
        ]
        yield from (_question(question) for question in reversed(asked))

    def _classes(self, ask: Request) -> list[str]:
        rows = sorted(
            self.store.classes.attendance.all(person_id=ask.person.id), key=lambda row: row.since, reverse=True
        )
        found = []
        for row in rows[:CLASSES]:
            run = self.store.classes.first(id=row.class_id)
            if run is not None:
                done = self.store.classes.done.count(class_id=run.id, person_id=ask.person.id)
                day = describe(run.started_at, ask.person.zone or "UTC", ask.at)[4:].partition(":")[0][:-3]
                found.append(f"{day} {run.title}, {done} of {run.steps} steps")
        more = len(rows) - CLASSES
        return found + ([f"and {more} before these"] if more > 0 else [])

    def _report(self, name: str) -> CourseReport:
        from trainbot.features.courses.report import report_of  # for the few who ask for it

        return report_of(self.store, name)

    def _course(self, ask: Request, name: str) -> str:
        found = self._report(name)
        cells = [found.cell(ask.person, session) for session in found.sessions] if ask.person in found.people else []
        return f"{name} ({', '.join(cells)})" if cells else name

    def _seats(self, ask: Request) -> list[str]:
        signups = self.store.sessions.signups.all(person_id=ask.person.id)
        rows = [self.store.sessions.first(uid=row.session_uid) for row in signups]
        return [
            f"{row.title}, {describe(row.start, ask.person.zone or row.zone, ask.at)}"
            for row in sorted((row for row in rows if row is not None), key=lambda row: row.start)
            if row.start > ask.at and not row.cancelled and not row.draft
        ]

    # -- all of one course -----------------------------------------------------------------------------

    def show(self, ask: Request, words: str = "") -> list[Effect]:
        name, part = read_words(words)
        names = self.courses.names()
        if not name:
            if not names:
                raise UserError(
                    "there are no courses yet: sessions with the same course are one (!session add … course NAME)"
                )
            shown = [f"{each} ({len(self.courses.sessions(each))} sessions)" for each in names]
            lines = in_lines([f"courses: {shown[0]}", *shown[1:]], ROOM, ", ")
            return _in_parts(
                f"course {ask.person.id}", "!course", [*lines, "!course NAME shows who came to which"], part
            )
        if name not in names:
            there = f" (there is {', '.join(names[:8])})" if names else ""
            raise UserError(f'no course called "{name[:40]}"{there}')
        return _in_parts(f"course {ask.person.id}", f"!course {name}", list(self._shown(ask, name)), part)

    def _shown(self, ask: Request, name: str) -> Iterator[str]:
        found = self._report(name)
        sessions = [_session(found, session, ask.person.zone, ask.at) for session in found.sessions]
        yield from in_lines([f"{name}: {sessions[0]}", *sessions[1:]], ROOM, "; ")
        people = [
            f"{person.nick} {', '.join(found.cell(person, session) for session in found.sessions)}"
            for person in found.people
        ]
        head = f"steps done by session {' '.join(str(session.number) for session in found.sessions)}: "
        yield from in_lines([f"{head}{people[0]}", *people[1:]], ROOM, "; ") if people else ["nobody has signed up yet"]

    def commands(self) -> list[Command]:
        return [
            Command(
                "mine",
                self.mine,
                "show what is yours, in private: classes with the steps you did, courses, seats, labs, kept files, questions "
                "with answers",
                (Argument("PART", "number", optional=True),),
                group="general",
            ),
            Command(
                "course",
                self.show,
                "show who came to which session of a course, and how many steps each did, in private; without NAME: list the "
                "courses",
                (Argument("NAME [PART]", "words", optional=True, rest=True),),
                role=Role.ORGANISER,
                example="course selinux",
                group="sessions",
            ),
        ]


def _session(found: CourseReport, session: CourseSession, zone: str, now: datetime) -> str:
    text = f"{session.number} {session.title}, {describe(session.start, zone or 'UTC', now)}"
    if not session.runs:
        seats = sum(found.places[person.id, session.number].seat for person in found.people)
        return f"{text}, {seats} signed up"
    if not session.over:
        return f"{text}, running now, {found.came(session)} there"
    return f"{text}, {found.came(session)} came, {found.finished(session)} did all {session.steps} steps"


def _question(question: Question) -> str:
    answer = one_line(question.answer, ANSWER)
    end = f"answer: {answer}" if answer else f"{question.state}"
    return f"question {question.id}: {one_line(question.words, QUESTION)} | {end}"


def _in_parts(series: str, command: str, lines: list[str], part: int) -> list[Effect]:
    """The part of these lines that fits into one answer, privately; its last line says how to get the next.  It replaces
    what still waits of the part before."""
    parts = max(1, -(-len(lines) // PART))
    if not 1 <= part <= parts:
        raise UserError(f"it has {'only one part' if parts == 1 else f'{parts} parts'}: {command}")
    shown = lines[(part - 1) * PART : part * PART]
    if part < parts:
        left = len(lines) - part * PART
        shown[-1] += f" ({'1 more line' if left == 1 else f'{left} more lines'}: {command} {part + 1})"
    replies = [
        Reply(line, private=True, priority=Priority.LISTING if n else Priority.ANSWER, series=series)
        for n, line in enumerate(shown)
    ]
    return [Withdraw(series), *replies]
