"""The rows of questions: where each stands now, and the events that only ever grow."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

from sqlalchemy import Connection, func, insert, select

from trainbot.questions.model import (
    WAITING,
    Ignored,
    Question,
    QuestionEvent,
    QuestionState,
    answers_of,
)
from trainbot.spine.access import Person
from trainbot.spine.words import vocabulary
from trainbot.store.rows import Rows
from trainbot.store.tables import tables


class Questions(Rows[Question]):
    """``events``: what happened to each.  Whoever writes events goes through ``record``, which keeps the question's
    row, its index and the vocabulary in step with them."""

    def __init__(self, connection: Connection, changed: set[str]) -> None:
        super().__init__(connection, tables["question"], Question, changed)
        self.events = Rows(connection, tables["question_event"], QuestionEvent, changed)
        self.ignored = Rows(connection, tables["ignored"], Ignored, changed)

    def get(self, id: int) -> Question | None:
        return self.first(id=id)

    def standing(self, question: Question) -> Question:
        """The question itself, or the one that it was merged into."""
        while question.merged_into is not None:
            found = self.get(question.merged_into)
            assert found is not None, f"question {question.id} was merged into none"
            question = found
        return question

    def newest_event(self) -> int:
        """Its number; 0 where there is none."""
        return self.connection.execute(select(func.max(self.events.table.c.id))).scalar_one() or 0

    def waiting(self, channel: str) -> list[Question]:
        return self.all(self.table.c.state.in_(list(WAITING)), channel=channel)

    def channels_that_wait(self) -> list[str]:
        """Where questions wait."""
        query = select(self.table.c.channel).where(self.table.c.state.in_(list(WAITING))).distinct()
        return [channel for (channel,) in self.connection.execute(query)]

    def heard(self, class_id: int) -> dict[int, int]:
        """Whose questions the class has heard (taken or answered), and how many of each person."""
        counted = (QuestionState.TAKEN, QuestionState.ANSWERED)
        query = select(self.table.c.person_id, func.count()).where(
            self.table.c.class_id == class_id, self.table.c.state.in_(counted)).group_by(self.table.c.person_id)
        return {person: number for person, number in self.connection.execute(query)}

    def joined(self, question: Question) -> list[Question]:
        """Those that were merged into it, and into those."""
        found: list[Question] = []
        for one in self.all(merged_into=question.id):
            found += [one, *self.joined(one)]
        return found

    def answers(self, id: int) -> list[Any]:
        return answers_of(self.events.all(question_id=id))

    def ask(self, person: Person, nick: str, at: datetime, words: str, **more: Any) -> Question:
        """A new one, open, with its first event."""
        id = self.add(person_id=person.id, nick=nick, asked_at=at, words=words, state=QuestionState.OPEN, **more)
        question = self.get(id)
        assert question is not None
        self.record(question, person, nick, at, "asked", words)
        self.learn(words)
        return question

    def record(self, question: Question, person: Person, nick: str, at: datetime, kind: str, words: str = "",
               about_id: int | None = None, **changes: Any) -> int:
        """An event, and what it changes in the question's row; the event's id."""
        id = self.events.add(question_id=question.id, at=at, person_id=person.id, nick=nick, kind=kind, words=words,
                             about_id=about_id)
        if changes:
            self.change({"id": question.id}, **changes)
        if kind in ("answered", "edited"):
            self.settle(question.id)
        if kind in ("answered", "edited", "reworded"):
            self.learn(words)
        return id

    def settle(self, id: int) -> None:
        """The row's ``answer`` as the events have it: also for whoever changed the words of events (a redaction)."""
        self.change({"id": id}, answer=" | ".join(answer.words for answer in self.answers(id)))

    def count_votes(self, question: Question) -> int:
        """How many people besides its asker want to know, those who asked what was merged into it included; stored."""
        all_of_it = [question, *self.joined(question)]
        event = self.events.table.c
        ids = [one.id for one in all_of_it]
        voters = set(self.connection.execute(
            select(event.person_id).where(event.question_id.in_(ids), event.kind == "voted")).scalars())
        number = len((voters | {one.person_id for one in all_of_it}) - {question.person_id})
        self.change({"id": question.id}, votes=number)
        return number

    def learn(self, words: str) -> None:
        """Words that a later search may have meant."""
        self.learn_all(vocabulary(words))

    def learn_all(self, words: Iterable[str]) -> None:
        table = tables["question_word"]
        rows = [{"word": word} for word in sorted(set(words))]
        if rows:
            self.connection.execute(insert(table).prefix_with("OR IGNORE"), rows)

    def is_ignored(self, person: Person) -> Ignored | None:
        return self.ignored.first(person_id=person.id, ended_at=None)
