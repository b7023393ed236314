"""Captures what is said in the channel after ``!take``, since it may be the answer.  It is stored, so that it is there
after a restart, until ``!answered`` or for ``KEPT``: otherwise talk in a channel is not recorded unless people say so."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.core.access import Person
from trainbot.core.messages import Incoming
from trainbot.model.ports import People

if TYPE_CHECKING:
    from trainbot.adapters.db import Store
    from trainbot.model.question import AnswerDraft, Question

MOST = 2000  # characters of one answer
DRAFTS = 20  # the last questions taken, for which answers are captured
KEPT = timedelta(days=1)


class AnswerCapture:
    def __init__(self, store: Store, people: People) -> None:
        self.rows, self.people = store.questions.drafts, people

    def begin(self, question: Question, taker: Person, now: datetime) -> None:
        self.end(question.id)
        self.rows.add(
            question_id=question.id, person_id=taker.id, channel=question.channel, at=now, words="", listening=True
        )
        for draft in self.rows.all()[:-DRAFTS]:
            self.rows.remove(id=draft.id)

    def end(self, id: int) -> None:
        self.rows.remove(question_id=id)

    def tick(self, now: datetime) -> None:
        """Removes what has waited for too long."""
        for draft in self.rows.all():
            if now - draft.at > KEPT:
                self.rows.remove(id=draft.id)

    def heard(self, incoming: Incoming) -> None:
        """Adds a line of talk by somebody who took a question here, unless it starts with [nolog]."""
        if incoming.text.lstrip().lower().startswith("[nolog]"):
            return
        for draft in self._of_speaker(incoming):
            words = f"{draft.words} {' '.join(incoming.text.split())}".strip()
            if len(words) <= MOST:
                self.rows.change({"id": draft.id}, words=words)

    def commanded(self, incoming: Incoming) -> None:
        """Handles a command by somebody who took a question: what they say after it is about something else."""
        for draft in self._of_speaker(incoming):
            self.rows.change({"id": draft.id}, listening=False)

    def _of_speaker(self, incoming: Incoming) -> list[AnswerDraft]:
        found = [draft for draft in self.rows.all() if draft.listening and draft.channel == incoming.channel]
        if not found or (speaker := self.people.known(incoming.sender)) is None:
            return []
        return [draft for draft in found if draft.person_id == speaker.id]

    def merge(self, was: Person | None, now: Person | None) -> None:
        """Somebody changed nick or logged in: what they have said stays theirs."""
        if was is not None and now is not None and was.id != now.id:
            self.rows.change({"person_id": was.id}, person_id=now.id)

    def of(self, person: Person, channel: str | None, question: Question | None) -> tuple[int, str] | None:
        """(question, words): what that person said about it; by default about the last question that they took
        there."""
        for draft in reversed(self.rows.all()):
            if (
                draft.words
                and draft.person_id == person.id
                and (draft.question_id == question.id if question else draft.channel == channel)
            ):
                return draft.question_id, draft.words
        return None
