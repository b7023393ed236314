"""The question queue: which questions are open in a channel, in which order, and who is told the outcome."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from trainbot.core.access import Person
from trainbot.core.commands import Request
from trainbot.core.errors import UserError
from trainbot.features.questions.order import T, ordered
from trainbot.model.notice import NoticeKind
from trainbot.model.ports import Audience
from trainbot.model.question import WAITING, Question, QuestionState

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


class QuestionQueue:
    def __init__(self, store: Store, audience: Audience) -> None:
        self.questions, self.classes, self.notices = store.questions, store.classes, store.notices
        self.people, self.audience = store.people, audience

    def question_kind(self, text: str, _ask: Request) -> Question:
        number = text.removeprefix("#")
        found = self.questions.get(int(number)) if number.isascii() and number.isdigit() and len(number) < 10 else None
        if found is None or found.state is QuestionState.DELETED:
            raise UserError(f'there is no question "{text[:20]}"; !q lists the open ones')
        return found

    def waiting(self, channel: str) -> tuple[list[Question], list[Question]]:
        """(questions that somebody took, open questions in their order)."""
        found = self.questions.waiting(channel)
        still = self._ordered(channel, (q for q in found if q.state is QuestionState.OPEN))
        return [q for q in found if q.state is QuestionState.TAKEN], still

    def position(self, question: Question) -> str:
        """``next``, or how many questions come before it."""
        taken, still = self.questions.turns(question.channel)
        before = taken + next(
            (n for n, q in enumerate(self._ordered(question.channel, still)) if q.id == question.id), 0
        )
        return f"{before} before it" if before else "next"

    def _ordered(self, channel: str, still: Iterable[T]) -> list[T]:
        run = self.classes.in_channel(channel)
        return ordered(still, self.questions.heard(run.id) if run else {}, run.id if run else None)

    def record(self, question: Question, ask: Request, kind: str, text: str = "", **changes: Any) -> int:
        return self.questions.record(question, ask.person, ask.nick, ask.at, kind, text, **changes)

    def must_wait(self, question: Question) -> Question:
        """The question, or what it was merged into; UserError if that is no longer open."""
        question = self.questions.current(question)
        if question.state not in WAITING:
            raise UserError(
                f"question {question.id} is already {question.state}; !answer {question.id} WORDS adds an answer, !reopen {question.id} puts it back in the queue"
            )
        return question

    def all_of_it(self, question: Question) -> list[Question]:
        """The question and those merged into it, without deleted ones."""
        return [q for q in (question, *self.questions.joined(question)) if q.state is not QuestionState.DELETED]

    def delete(self, question: Question, ask: Request, why: str) -> None:
        """Deletes a question.  Questions merged into it are not lost: they are open again."""
        self.record(question, ask, "deleted", why, state=QuestionState.DELETED)
        for one in self.questions.all(merged_into=question.id):
            if one.state is QuestionState.MERGED:
                self.record(one, ask, "reopened", state=QuestionState.OPEN, merged_into=None)
                self.questions.counted(one)

    def merge(self, old: Person | None, new: Person | None) -> None:
        """Moves questions and pending notices when somebody logs in to an account."""
        if old is None or new is None or old.id == new.id:
            return
        self.questions.change({"person_id": old.id}, person_id=new.id)
        self.notices.change({"person_id": old.id, "said_at": None}, person_id=new.id)

    def tell(self, question: Question, at: datetime, text: str) -> None:
        """Tells the asker, now or when they are back.  What the channel has seen also reaches somebody who comes back
        without an account; the answer to an anonymous question is only told to its asker."""
        self.notices.tell(
            at,
            f"your question {question.id} ({short(question.words, 80)}) {text}",
            person_id=question.person_id,
            kind=NoticeKind.TEXT if question.anonymous else NoticeKind.ANSWER,
        )

    def tell_absent(self, question: Question, at: datetime, text: str) -> Sequence[str]:
        """Tells askers who are not in the channel; returns the nicks of those who are (not anonymous ones)."""
        here = []
        for one in self.all_of_it(question):
            asker = self.people.get(one.person_id)
            if not self.audience.present(asker, one.channel):
                self.tell(one, at, text)
            elif not one.anonymous:
                here.append(asker.nick)
        return list(dict.fromkeys(here))


def short(words: str, length: int) -> str:
    return words if len(words) <= length else words[: length - 1].rstrip() + "…"


def too_long(words: str, most: int) -> str:
    return f"that's {len(words)} characters and the limit is {most}; please shorten it"
