"""Lists of questions: the open ones (``!q``), the answered ones (``!faq``), and one in full."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.messages import Effect, Reply
from trainbot.core.wording import as_many, span
from trainbot.features.questions.question_queue import short
from trainbot.features.questions.search_terms import QuestionSearch, best
from trainbot.model.ports import Journal
from trainbot.model.question import Question, QuestionState

if TYPE_CHECKING:
    from trainbot.features.questions.question_queue import QuestionQueue

LINE = 380  # bytes of a listing that surely fit one message
ROW = 90  # characters of one question in it


class ListCommands:
    def __init__(self, queue: QuestionQueue, search: QuestionSearch, journal: Journal) -> None:
        self.queue, self.questions, self.search, self.journal = queue, queue.questions, search, journal

    def open(self, ask: Request, question: Question | None = None) -> list[Effect]:
        """Lists the questions: for learners in private; staff see more, and in private also who asked anonymously."""
        quiet = ask.private or ask.role < Role.HELPER
        if question is not None:
            return [Reply(self._one(ask, question), private=quiet)]
        assert ask.channel is not None  # Scope.CHANNEL
        taken, still = self.queue.waiting(ask.channel)
        if not taken and not still:
            return [Reply("no open questions; !ask WORDS asks one", private=quiet)]
        rows = [self._row(ask, question) for question in (*taken, *still)]
        head = f"{len(rows)} open: "
        return [Reply(head + as_many(rows, LINE - len(head), " | ", " | and {} more"), private=quiet)]

    def _row(self, ask: Request, question: Question) -> str:
        notes = ["taken"] if question.state is QuestionState.TAKEN else []
        notes += [votes(question.votes)] if question.votes else []
        if ask.role >= Role.HELPER and (ask.at - question.asked_at).total_seconds() >= 60:
            notes.append(span(ask.at - question.asked_at))
        more = f" ({', '.join(notes)})" if notes else ""
        return f"{question.id} {_asker(ask, question)}: {short(question.words, ROW)}{more}"

    def _one(self, ask: Request, question: Question) -> str:
        """The question in full, with its answers and where to read more."""
        when = f"{question.asked_at:%d %b %Y}" + (f", step {question.step}" if question.step else "")
        text = f"question {question.id}, {_asker(ask, question)}, {when}: {question.words}"
        current = self.questions.current(question)
        if current.id != question.id:
            text += f" (merged into {current.id})"
        answers = self.questions.answers(current.id)
        if answers:
            text += " → " + " | ".join(f"{answer.words} ({answer.nick})" for answer in answers)
            return text + (f" {self._class(question.class_id)}" if question.class_id is not None else "")
        if current.state is QuestionState.SKIPPED:
            why = [event.words for event in self.questions.events.all(question_id=current.id, kind="skipped")][-1:]
            return f"{text} (skipped{': ' + why[0] if why and why[0] else ''})"
        waits = "taken" if current.state is QuestionState.TAKEN else f"open, {self.queue.position(current)}"
        return f"{text} ({waits}{', ' + votes(current.votes) if current.votes else ''})"

    def faq(self, ask: Request, words: str) -> list[Effect]:
        quiet = ask.private or ask.role < Role.HELPER
        number = words.removeprefix("#")
        if number.isascii() and number.isdigit() and len(number) < 10:
            found = self.questions.get(int(number))
            if found is not None and found.state is not QuestionState.DELETED:
                return [Reply(self._one(ask, found), private=quiet)]
        looked = self.search.look("question_fts", words)
        answered = [
            q
            for q in self.questions.some(row for row, _score in looked.rows)
            if q.state is QuestionState.ANSWERED and q.answer
        ]
        hits = best(looked, answered, lambda q: f"{q.words} {q.answer}")[:5]
        instead = "".join(
            f' (nobody said "{said[:30]}", so I searched for "{near}")'
            for said, near in list(looked.instead.items())[:1]
        )
        if not hits:
            return [Reply(f"no answered question matches{instead}; !ask WORDS asks a new one", private=quiet)]
        first, *others = hits
        rows = [
            f"{first.id}: {short(first.words, 100)} → {short(first.answer, 160)}",
            *(f"{q.id}: {short(q.words, 60)}" for q in others),
        ]
        end = f" | !faq {first.id} shows it in full{instead}"
        return [Reply(as_many(rows, LINE - len(end.encode()), " | ", "") + end, private=quiet)]

    def _class(self, id: int) -> str:
        """A class in a few words, with the address of its minutes if they are public."""
        run = self.queue.classes.first(id=id)
        if run is None:
            return ""
        minutes = f" {self.journal.minutes_at(run)}" if run.ended_at and self.journal.public_url else ""
        return f"({run.title}){minutes}"

    def commands(self) -> list[Command]:
        return [
            Command(
                "q",
                self.open,
                "list the open questions; with a number, show that question and what became of it",
                (Argument("N", "question", optional=True),),
                aliases=("questions",),
                scope=Scope.CHANNEL,
                group="questions",
            ),
            Command(
                "faq",
                self.faq,
                "search all answered questions; with a number, show that one in full",
                (Argument("WORDS", "words", rest=True),),
                example="faq semanage port",
                group="questions",
            ),
        ]


def _asker(ask: Request, question: Question) -> str:
    if question.anonymous and ask.private and ask.role >= Role.HELPER:
        return f"{question.nick} (anonymously)"
    return question.asker


def votes(number: int) -> str:
    return "1 vote" if number == 1 else f"{number} votes"
