"""The minutes of a class as values, from its rows.  Pure: the same rows give the same minutes."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from trainbot.model.class_run import Attendance, ClassRun, Done, ScriptRun, ScriptState
from trainbot.model.lab import Lease
from trainbot.model.question import Question, QuestionEvent, QuestionState, answers_of
from trainbot.model.record import Entry

SOMEBODY = "somebody"  # shown for people who do not want to be named
TITLES = {"info": "Notes", "link": "Links", "action": "To do"}


@dataclass(frozen=True, slots=True)
class CoursePlace:
    """Session ``number`` of ``sessions`` of a course.  ``completed``: (nick, id) of those who have done every step of it so
    far."""

    course: str
    number: int
    sessions: int
    completed: Sequence[tuple[str, int]]


@dataclass(frozen=True, slots=True)
class ClassRecord:
    """Everything known about one class.  ``checks``: those of steps that have ended; ``times``: the start in the
    configured zones, in words; ``unnamed``: ids of people who are not to be named; ``leases``: those of labs that people
    had during the class, in any class."""

    run: ClassRun
    entries: Sequence[Entry]
    attendance: Sequence[Attendance]
    done: Sequence[Done]
    questions: Sequence[Question]
    events: Sequence[QuestionEvent]
    checks: Sequence[ScriptRun] = ()
    times: str = ""
    unnamed: frozenset[int] = frozenset()
    leases: Sequence[Lease] = ()
    course: CoursePlace | None = None

    def name(self, nick: str, person_id: int | None) -> str:
        return SOMEBODY if person_id in self.unnamed or not nick else nick


@dataclass(frozen=True, slots=True)
class Quote:
    """Somebody's words."""

    at: datetime
    nick: str
    words: str

    @property
    def address(self) -> str:
        """The web address that the words begin with, or ''."""
        found = re.match(r"https?://[^\s<>\"]{1,2000}", self.words)
        return found[0] if found else ""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """A step as the class went through it: first shown at ``at``; the class was there for ``lasted`` in total;
    ``failed``: people whose check was not passed at least once."""

    number: int
    title: str
    at: datetime
    lasted: timedelta
    done: int
    failed: int
    stuck: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class QuestionRecord:
    number: int
    at: datetime
    nick: str
    words: str
    step: int
    votes: int
    outcome: str
    answers: tuple[Quote, ...]


@dataclass(frozen=True, slots=True)
class Minutes:
    """``came``: people who took part (they asked, did a step, were stuck, had a lab); ``most``: the most people in the
    channel at once, 0 if unknown; ``quizzes``: the results, each with the winner as nick, '' if nobody won; ``homes``: people with machines of their own; ``logged``: talk was logged;
    ``course``: in words, '' if it belongs to none; ``completed``: who has done every step of it so far."""

    number: int
    title: str
    channel: str
    presenter: str
    exercise: str
    steps_in_all: int
    started_at: datetime
    ended_at: datetime
    times: str
    came: int
    names: tuple[str, ...]
    most: int
    labs: int
    homes: int
    finished: int
    logged: bool
    steps: tuple[StepRecord, ...] = ()
    questions: tuple[QuestionRecord, ...] = ()
    notes: dict[str, tuple[Quote, ...]] = field(default_factory=dict)
    quizzes: tuple[Quote, ...] = ()
    course: str = ""
    completed: tuple[str, ...] = ()
    completed_unnamed: int = 0

    @property
    def unnamed(self) -> int:
        return self.came - len(self.names)


def base_name(run: ClassRun) -> str:
    """The name of the page, ``2026-11-27-selinux-debian-3``: by date, and always unique."""
    slug = re.sub(r"[^a-z0-9-]+", "-", run.exercise.lower()).strip("-") or "class"
    return f"{run.started_at.astimezone(UTC):%Y-%m-%d}-{slug}-{run.id}"


def minutes_of(record: ClassRecord) -> Minutes:
    run = record.run
    names = [a.nick for a in record.attendance if record.name(a.nick, a.person_id) != SOMEBODY]
    last = {d.person_id for d in record.done if d.step == run.steps}
    return Minutes(
        number=run.id,
        title=run.title,
        channel=run.channel,
        presenter=record.name(run.presenter, run.presenter_id),
        exercise=run.exercise,
        steps_in_all=run.steps,
        started_at=run.started_at,
        ended_at=_end(run),
        times=record.times,
        came=len(record.attendance),
        names=tuple(sorted(names, key=str.lower)),
        most=_most(record.entries),
        labs=_labs(record),
        finished=len(last),
        homes=len({entry.person_id for entry in record.entries if entry.kind == "home"}),
        logged=any(entry.kind == "said" for entry in record.entries),
        steps=tuple(_steps(record)),
        questions=tuple(
            _asked(record, question) for question in record.questions if question.state is not QuestionState.DELETED
        ),
        quizzes=tuple(
            Quote(entry.at, record.name(entry.nick, entry.person_id) if entry.nick else "", entry.text)
            for entry in record.entries
            if entry.kind == "won"
        ),
        **_course(record),
        notes={kind: _said(record, (e for e in record.entries if e.kind == kind)) for kind in TITLES},
    )


def _course(record: ClassRecord) -> dict[str, Any]:
    if record.course is None:
        return {}
    names = [record.name(nick, id) for nick, id in record.course.completed]
    return {
        "course": f"{record.course.course}, session {record.course.number} of {record.course.sessions}",
        "completed": tuple(sorted((name for name in names if name != SOMEBODY), key=str.lower)),
        "completed_unnamed": names.count(SOMEBODY),
    }


def _labs(record: ClassRecord) -> int:
    """The labs of those who took part, whenever they were handed out, and those made for the class's session, but for
    those that nobody claimed."""
    people = {row.person_id for row in record.attendance}
    people |= {entry.person_id for entry in record.entries if entry.kind == "lab" and entry.person_id is not None}
    session, over = record.run.session_uid, _end(record.run)
    theirs = [lease for lease in record.leases if lease.lab_id is not None or lease.digest]  # others never got one
    return sum(
        lease.person_id in people
        or (session != "" and lease.session == session and (lease.ended_at is None or lease.ended_at >= over))
        for lease in theirs
    )


def _end(run: ClassRun) -> datetime:
    return run.ended_at or run.step_at


def _said(record: ClassRecord, entries: Iterable[Entry]) -> tuple[Quote, ...]:
    return tuple(Quote(entry.at, record.name(entry.nick, entry.person_id), entry.text) for entry in entries)


def _most(entries: Iterable[Entry]) -> int:
    """The most people in the channel at once: counted at roll calls, joins and departures."""
    now = most = 0
    for entry in entries:
        match entry.kind:
            case "there":
                counted = entry.text.partition(" ")[0]
                now = int(counted) if counted.isascii() and counted.isdigit() else now
            case "joined":
                now += 1
            case "left" | "quit":
                now = max(0, now - 1)
        most = max(most, now)
    return most


def _shown(entries: Iterable[Entry]) -> Iterator[tuple[Entry, int, str]]:
    """Each time the class went to a step: its number and title."""
    for entry in entries:
        number, _, title = entry.text.partition(" ")
        if entry.kind == "step" and number.isascii() and number.isdigit() and len(number) < 6:
            yield entry, int(number), title


def _steps(record: ClassRecord) -> Iterator[StepRecord]:
    shown = list(_shown(record.entries))
    ends = [entry.at for entry, _, _ in shown[1:]] + [_end(record.run)]
    lasted: dict[int, timedelta] = {}
    for (entry, number, _title), end in zip(shown, ends, strict=False):
        lasted[number] = lasted.get(number, timedelta(0)) + max(end - entry.at, timedelta(0))
    first: dict[int, tuple[Entry, str]] = {}
    for entry, number, title in shown:
        first.setdefault(number, (entry, title))
    for number, (entry, title) in first.items():
        stuck = (e for e in record.entries if e.kind == "stuck" and _step_at(shown, e.at) == number)
        yield StepRecord(
            number,
            title,
            entry.at,
            lasted[number],
            sum(d.step == number for d in record.done),
            len(
                {
                    check.person_id
                    for check in record.checks
                    if check.step == number and check.state is ScriptState.FAILED
                }
            ),
            _said(record, stuck),
        )


def _step_at(shown: Sequence[tuple[Entry, int, str]], at: datetime) -> int:
    return next((number for entry, number, _ in reversed(shown) if entry.at <= at), 0)


def _asked(record: ClassRecord, question: Question) -> QuestionRecord:
    events = [event for event in record.events if event.question_id == question.id]
    answers = tuple(Quote(a.at, record.name(a.nick, a.person_id), a.words) for a in answers_of(events))
    reason = next((event.words for event in reversed(events) if event.kind == "skipped"), "")
    outcome = "" if answers else "not answered yet"
    if question.merged_into is not None:
        outcome = f"see question {question.merged_into}"
    elif not answers and question.state is QuestionState.SKIPPED:
        outcome = f"skipped: {reason}" if reason else "skipped"
    return QuestionRecord(
        question.id,
        question.asked_at,
        record.name(question.asker, question.person_id),
        question.words,
        question.step,
        question.votes,
        outcome,
        answers,
    )
