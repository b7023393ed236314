"""Who came to which session of a course, and how far each of them got."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC
from typing import TYPE_CHECKING, Any

from trainbot.core.access import Person
from trainbot.model.course import CourseSession, did_all, steps_done

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

SOMEBODY = "somebody"  # written for people who do not want to be named


@dataclass(frozen=True, slots=True)
class Place:
    """One person in one session.  ``seat``: they have one, or wait for one; ``questions``: how many they asked."""

    came: bool
    done: int
    all: bool
    caught_up: bool
    seat: bool
    questions: int


@dataclass(frozen=True, slots=True)
class CourseReport:
    """``people``: everybody who came to a session, signed up for one or caught up with it, by nick; ``places``: by person
    and number of the session."""

    course: str
    sessions: Sequence[CourseSession]
    people: Sequence[Person]
    places: Mapping[tuple[int, int], Place]

    def cell(self, person: Person, session: CourseSession) -> str:
        """``4/5``, ``missed``, ``caught up``, ``seat``, ``-``."""
        place = self.places[person.id, session.number]
        if place.came:
            return f"{place.done}/{session.steps}"
        if place.caught_up:
            return "caught up"
        return "seat" if place.seat and not session.runs else "missed" if session.runs else "-"

    def came(self, session: CourseSession) -> int:
        return sum(self.places[person.id, session.number].came for person in self.people)

    def finished(self, session: CourseSession) -> int:
        """How many did all of its steps."""
        return sum(self.places[person.id, session.number].all for person in self.people)

    def rows(self) -> Iterator[dict[str, Any]]:
        """One for each person and session, for programs: docs/schedules.md explains the fields, which stay."""
        for person in self.people:
            hidden = person.nolog
            for session in self.sessions:
                place = self.places[person.id, session.number]
                yield {
                    "course": self.course,
                    "session": session.number,
                    "uid": session.uid,
                    "title": session.title,
                    "start": session.start.astimezone(UTC).isoformat(),
                    "over": session.over,
                    "nick": SOMEBODY if hidden else person.nick,
                    "account": "" if hidden or person.account is None else person.account,
                    "seat": place.seat,
                    "came": place.came,
                    "steps": session.steps,
                    "done": place.done,
                    "all": place.all,
                    "caught_up": place.caught_up,
                    "questions": place.questions,
                }


def report_of(store: Store, course: str) -> CourseReport:
    sessions = store.courses.sessions(course)
    attended: defaultdict[int, set[int]] = defaultdict(set)  # class -> people
    done: defaultdict[int, defaultdict[int, set[int]]] = defaultdict(
        lambda: defaultdict(set)
    )  # person -> class -> steps
    asked: Counter[tuple[int, int]] = Counter()  # (person, class)
    for run in (run for session in sessions for run in session.runs):
        attended[run.id] = {row.person_id for row in store.classes.attendance.all(class_id=run.id)}
        for row in store.classes.done.all(class_id=run.id):
            done[row.person_id][run.id].add(row.step)
        for question in store.questions.all(class_id=run.id):
            asked[question.person_id, run.id] += 1
    seats = {
        session.number: {row.person_id for row in store.sessions.signups.line(session.uid)} for session in sessions
    }
    there: Counter[int] = Counter()  # person -> the session up to which they caught up
    for catch_up in store.courses.catch_ups.all(course=course, reached=True):
        there[catch_up.person_id] = max(there[catch_up.person_id], catch_up.number)
    ids = {*there, *(id for people in (*attended.values(), *seats.values()) for id in people)}
    people = sorted(store.people.these(ids), key=lambda person: (person.nick.lower(), person.id))
    places = {
        (person.id, session.number): Place(
            any(person.id in attended[run.id] for run in session.runs),
            steps_done(session, done[person.id]),
            did_all(session, done[person.id]),
            session.over and session.number <= there[person.id],
            person.id in seats[session.number],
            sum(asked[person.id, run.id] for run in session.runs),
        )
        for person in people
        for session in sessions
    }
    return CourseReport(course, sessions, people, places)
