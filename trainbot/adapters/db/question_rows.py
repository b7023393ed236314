"""The rows of questions: their current state, and their events, which are only ever added."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any, NamedTuple

from sqlalchemy import ColumnElement, Connection, ScalarSelect, bindparam, func, select

from trainbot.adapters.db.full_text_search import learn
from trainbot.adapters.db.rows import Rows
from trainbot.adapters.db.tables import tables
from trainbot.core.access import Person
from trainbot.model.question import (
    WAITING,
    Answer,
    AnswerDraft,
    Ignored,
    Question,
    QuestionEvent,
    QuestionState,
    answers_of,
)


class PriorityRow(NamedTuple):
    """What decides a question's turn.  ``asked_at`` is as stored, in a format that sorts."""

    id: int
    class_id: int | None
    person_id: int
    votes: int
    asked_at: str


class QuestionRepository(Rows[Question]):
    """The questions; ``events``: what happened to each.  Events must be written through ``record``, which keeps the
    question's row, its index and the vocabulary in step with them."""

    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["question"], Question, changed)
        self.events = Rows(connection, tables["question_event"], QuestionEvent, changed)
        self.drafts = Rows(connection, tables["answer_draft"], AnswerDraft, changed)
        self.ignored = Rows(connection, tables["ignored"], Ignored, changed)
        # built once, because building takes longer than running
        column, whose = self.table.c, self.table.c.person_id == bindparam("person")

        def number(*conditions: ColumnElement[bool]) -> ScalarSelect[int]:
            return select(func.count()).select_from(self.table).where(whose, *conditions).scalar_subquery()

        self._of_person = select(
            number(column.asked_at > bindparam("since", type_=column.asked_at.type)),
            number(column.channel == bindparam("channel"), column.state.in_(list(WAITING))),
        )
        self._heard = (
            select(column.person_id, func.count())
            .where(
                column.class_id == bindparam("class"),
                column.state.in_([QuestionState.TAKEN, QuestionState.ANSWERED]),
            )
            .group_by(column.person_id)
        )

    def get(self, id: int) -> Question | None:
        return self.first(id=id)

    def some(self, ids: Iterable[int]) -> list[Question]:
        """The questions with these ids that exist, in the given order."""
        wanted = list(ids)
        there = {question.id: question for question in self.all(self.table.c.id.in_(wanted))}
        return [there[id] for id in wanted if id in there]

    def of_person(self, person: Person, since: datetime, channel: str) -> tuple[int, int]:
        """(how many questions the person has asked since then, how many of theirs are waiting in that channel)."""
        asked, waiting = self.connection.execute(
            self._of_person, {"person": person.id, "since": since, "channel": channel}
        ).one()
        return asked, waiting

    def current(self, question: Question) -> Question:
        """The question itself, or the one that it was merged into."""
        while question.merged_into is not None:
            found = self.get(question.merged_into)
            assert found is not None, f"question {question.id} was merged into none"
            question = found
        return question

    def newest_event(self) -> int:
        """The id of the newest event; 0 if there is none."""
        return self.connection.execute(select(func.max(self.events.table.c.id))).scalar_one() or 0

    def waiting(self, channel: str) -> list[Question]:
        return self.all(self.table.c.state.in_(list(WAITING)), channel=channel)

    def turns(self, channel: str) -> tuple[int, list[PriorityRow]]:
        """(how many questions are taken there, what decides the order of the open ones).  Fast even for hundreds of
        questions."""
        query = (
            "SELECT state, id, class_id, person_id, votes, asked_at FROM question WHERE channel = ? AND state IN (?, ?)"
        )
        rows = self.connection.exec_driver_sql(query, (channel, *map(str, WAITING))).fetchall()
        still = [PriorityRow(*row[1:]) for row in rows if row[0] == QuestionState.OPEN]
        return len(rows) - len(still), still

    def heard(self, class_id: int) -> dict[int, int]:
        """person -> how many of their questions the class has heard (taken or answered)."""
        return {person: number for person, number in self.connection.execute(self._heard, {"class": class_id})}

    def joined(self, question: Question) -> list[Question]:
        """The questions that were merged into it, directly or through others."""
        found: list[Question] = []
        for one in self.all(merged_into=question.id):
            found += [one, *self.joined(one)]
        return found

    def answers(self, id: int) -> list[Answer]:
        return answers_of(self.events.all(question_id=id))

    def ask(self, person: Person, nick: str, at: datetime, words: str, **more: Any) -> Question:
        """Adds an open question and its first event."""
        id = self.add(person_id=person.id, nick=nick, asked_at=at, words=words, state=QuestionState.OPEN, **more)
        question = self.get(id)
        assert question is not None
        self.record(question, person, nick, at, "asked", words)
        learn(self.connection, words)
        return question

    def record(
        self,
        question: Question,
        person: Person,
        nick: str,
        at: datetime,
        kind: str,
        text: str = "",
        about_id: int | None = None,
        **changes: Any,
    ) -> int:
        """Adds an event, and makes its changes in the question's row; returns the event's id."""
        id = self.events.add(
            question_id=question.id, at=at, person_id=person.id, nick=nick, kind=kind, words=text, about_id=about_id
        )
        if changes:
            self.change({"id": question.id}, **changes)
        if kind in ("answered", "edited"):
            self.settle(question.id)
        if kind in ("answered", "edited", "reworded"):
            learn(self.connection, text)
        return id

    def settle(self, id: int) -> None:
        """Updates the row's ``answer`` from the events.  Also to be called after changing the words of events (a
        redaction)."""
        self.change({"id": id}, answer=" | ".join(answer.words for answer in self.answers(id)))

    def counted(self, question: Question) -> Question:
        """Recounts the question's votes and returns it.  Counts everybody but its asker who wants to know, including
        those who asked a question that was merged into it."""
        all_of_it = [question, *self.joined(question)]
        event = self.events.table.c
        ids = [one.id for one in all_of_it]
        voters = set(
            self.connection.execute(
                select(event.person_id).where(event.question_id.in_(ids), event.kind == "voted")
            ).scalars()
        )
        number = len((voters | {one.person_id for one in all_of_it}) - {question.person_id})
        self.change({"id": question.id}, votes=number)
        found = self.get(question.id)
        assert found is not None, f"question {question.id} is gone"
        return found

    def is_ignored(self, person: Person) -> Ignored | None:
        return self.ignored.first(person_id=person.id, ended_at=None)
