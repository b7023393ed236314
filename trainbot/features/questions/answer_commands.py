"""The commands of presenters and helpers: take, answer, edit, skip and merge questions."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Line, Priority, Reply
from trainbot.features.questions.list_commands import votes
from trainbot.features.questions.question_queue import QuestionQueue, too_long
from trainbot.model.question import Question, QuestionState

if TYPE_CHECKING:
    from trainbot.features.questions.answer_capture import AnswerCapture


class AnswerCommands:
    """``length``: the most characters that a question may have."""

    def __init__(self, queue: QuestionQueue, talk: AnswerCapture, length: int) -> None:
        self.queue, self.questions, self.talk, self.length = queue, queue.questions, talk, length

    def take(self, ask: Request, question: Question | None = None) -> list[Effect]:
        if question is None:
            question = self._next(ask)
        question = self.queue.must_wait(question)
        self.queue.record(question, ask, "taken", state=QuestionState.TAKEN)
        self.talk.begin(question, ask.person, ask.at)
        more = f" ({votes(question.votes)})" if question.votes else ""
        return [
            Line(
                question.channel,
                f"question {question.id} from {question.asker}{more}: {question.words}",
                Priority.PRESENTER,
            )
        ]

    def _next(self, ask: Request) -> Question:
        assert ask.channel is not None  # Scope.CHANNEL
        taken, still = self.queue.waiting(ask.channel)
        if not still:
            raise UserError(
                "no open questions"
                + (f"; question {taken[0].id} is taken; !answer {taken[0].id} WORDS answers it" if taken else "")
            )
        return still[0]

    # -- answers -----------------------------------------------------------------------------------

    def answer(self, ask: Request, question: Question, words: str) -> list[Effect]:
        question = self.questions.current(question)
        self.queue.record(question, ask, "answered", words, state=QuestionState.ANSWERED)
        return self._said(
            ask,
            question,
            f"answer to question {question.id}: {words} ({ask.nick})",
            f"was answered by {ask.nick}: {words}",
        )

    def answered(self, ask: Request, question: Question | None = None) -> list[Effect]:
        """Saves what was said in the channel since ``!take``; the channel has seen it, so nothing is said there."""
        found = self.talk.of(ask.person, ask.channel, question)
        if found is None:
            raise UserError(
                "you haven't taken a question here and said something about it since; !answer N WORDS answers one"
            )
        question = self.questions.get(found[0])
        assert question is not None, f"question {found[0]} was taken and is gone"
        question = self.questions.current(question)
        words = found[1]
        self.talk.end(found[0])
        if question.state is QuestionState.DELETED:
            raise UserError(f"question {question.id} has been deleted in the meantime")
        self.queue.record(question, ask, "answered", words, state=QuestionState.ANSWERED)
        self.queue.tell_absent(question, ask.at, f"was answered by {ask.nick}: {words}")
        return [Reply(f"saved as the answer to question {question.id} ({len(words)} characters)", private=True)]

    def edit(self, ask: Request, question: Question, words: str) -> list[Effect]:
        """Corrects the caller's answer; for staff without one, the last answer; for its asker, the question."""
        question = self.questions.current(question) if ask.role >= Role.HELPER else question
        answers = self.questions.answers(question.id)
        mine = [answer for answer in answers if answer.person_id == ask.person.id]
        if mine or (answers and ask.role >= Role.HELPER):
            corrected = (mine or answers)[-1]
            self.queue.record(question, ask, "edited", words, about_id=corrected.id)
            return self._said(
                ask,
                question,
                f"answer to question {question.id}, corrected: {words} ({ask.nick})",
                f"has a corrected answer from {ask.nick}: {words}",
            )
        if question.person_id != ask.person.id:
            raise UserError(
                f"you haven't answered question {question.id}; !answer {question.id} WORDS does"
                if ask.role >= Role.HELPER
                else f"question {question.id} is not yours"
            )
        question = self.queue.must_wait(question)
        if len(words) > self.length:
            raise UserError(too_long(words, self.length))
        self.queue.record(question, ask, "reworded", words, words=words)
        return [Reply(f"question {question.id} is updated", private=True)]

    def _said(self, ask: Request, question: Question, text: str, notice: str) -> list[Effect]:
        """Announces the answer in the channel with the askers' names, and notifies those who are not there."""
        here = self.queue.tell_absent(question, ask.at, notice)
        names = list(here[:5]) or ([] if question.anonymous else [question.nick])
        return [Line(question.channel, f"{', '.join(names)}: {text}" if names else text, Priority.PRESENTER)]

    # -- skip, merge ----------------------------------------------------------------------------------

    def skip(self, ask: Request, question: Question, why: str = "") -> list[Effect]:
        question = self.queue.must_wait(question)
        self.queue.record(question, ask, "skipped", why, state=QuestionState.SKIPPED)
        for one in self.queue.all_of_it(question):
            self.queue.tell(one, ask.at, f"was skipped by {ask.nick}" + (f": {why}" if why else ""))
        return [Reply(f"question {question.id} is skipped")] if ask.private else []

    def merge(self, ask: Request, question: Question, into: Question) -> list[Effect]:
        into = self.questions.current(into)
        if question.merged_into is not None:
            raise UserError(
                f"question {question.id} is already merged into {question.merged_into}; "
                f"!reopen {question.id} undoes that"
            )
        if into.id == question.id:
            raise UserError("both numbers mean the same question")
        if into.channel != question.channel:
            raise UserError(
                f"question {question.id} is from {question.channel} and {into.id} is from another channel; I can't merge them"
            )
        self.queue.record(question, ask, "merged", f"into {into.id}", state=QuestionState.MERGED, merged_into=into.id)
        self.talk.end(question.id)
        into = self.questions.counted(into)
        if into.state is QuestionState.ANSWERED:
            self.queue.tell(question, ask.at, f"is the same as question {into.id}, which was answered: {into.answer}")
        else:
            self.queue.tell(question, ask.at, f"is the same as question {into.id}; you'll get its answer")
        return [
            Reply(
                f"question {into.id} now covers both: {votes(into.votes)}, {self.queue.position(into)}"
                if into.state is not QuestionState.ANSWERED
                else f"question {into.id} now covers both"
            )
        ]

    def commands(self) -> list[Command]:
        number, words = Argument("N", "question"), Argument("WORDS", "words", rest=True)
        optional = Argument("N", "question", optional=True)
        return [
            Command(
                "take",
                self.take,
                "show the class the next question (or question N)",
                (optional,),
                aliases=("y",),
                role=Role.HELPER,
                scope=Scope.CHANNEL,
                group="questions",
            ),
            Command(
                "answer",
                self.answer,
                "answer question N; the answer is saved, and the asker gets it even if away now",
                (number, words),
                role=Role.HELPER,
                example="answer 3 semanage port -m changes it",
                group="questions",
            ),
            Command(
                "answered",
                self.answered,
                "save what you said here between !take and your next command as the answer",
                (optional,),
                role=Role.HELPER,
                scope=Scope.CHANNEL,
                group="questions",
            ),
            Command(
                "edit",
                self.edit,
                "correct your answer to question N, or your own question N",
                (number, words),
                example="edit 3 semanage port -a adds it",
                group="questions",
            ),
            Command(
                "skip",
                self.skip,
                "skip question N; you can say why",
                (number, Argument("WHY", "words", optional=True, rest=True)),
                role=Role.HELPER,
                group="questions",
            ),
            Command(
                "merge",
                self.merge,
                "merge question N into question M, which asks the same: one answer for both",
                (number, Argument("M", "question")),
                role=Role.HELPER,
                example="merge 7 3",
                group="questions",
            ),
        ]
