"""The question queue: ask, list, take, answer, skip.  Every change is a row with who and when."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainbot.errors import UserError
from trainbot.questions.model import WAITING, Question, QuestionState
from trainbot.spine.access import Person, Role
from trainbot.spine.commands import Argument, Ask, Command, Place
from trainbot.spine.messages import Effect, Line, Priority, Reply

if TYPE_CHECKING:
    from trainbot.store.questions import Questions
    from trainbot.store.repositories import Classes, Notices

LINE = 380  # bytes of a listing that surely fit one message
ROW = 90  # characters of one question in it


class QuestionQueue:
    """``present``: whether that person is in the channel now, so that they see what is said there."""

    def __init__(self, questions: Questions, classes: Classes, notices: Notices,
                 present: Callable[[Person, str], bool], person: Callable[[int], Person]) -> None:
        self.questions, self.classes, self.notices = questions, classes, notices
        self.present, self.person = present, person

    def question_kind(self, text: str, _ask: Ask) -> Question:
        number = text.removeprefix("#")
        found = self.questions.get(int(number)) if number.isascii() and number.isdigit() and len(number) < 10 else None
        if found is None:
            raise UserError(f"there is no question {text[:20]!r}; !q lists the open ones")
        return found

    def _record(self, question: Question, ask: Ask, kind: str, words: str = "",
                state: QuestionState | None = None) -> None:
        self.questions.record(question, ask.person, ask.nick, ask.at, kind, words, **({"state": state} if state else {}))

    # -- everybody -------------------------------------------------------------------------------

    def ask(self, ask: Ask, words: str) -> list[Effect]:
        assert ask.channel is not None  # Place.CHANNEL
        run = self.classes.in_channel(ask.channel)
        before = len(self.questions.waiting(ask.channel))
        id = self.questions.ask(ask.person, ask.nick, ask.at, words, class_id=run.id if run else None,
                                channel=ask.channel, step=run.step if run else 0).id
        if run and ask.role < Role.HELPER:
            self.classes.attend(run, ask.person, ask.nick, ask.at)
        where = f" in {ask.channel}" if ask.private else ""
        return [Reply(f"question {id}{where}: {before} before it" if before else f"question {id}{where} is next")]

    def list_open(self, ask: Ask) -> list[Effect]:
        assert ask.channel is not None  # Place.CHANNEL
        waiting = self.questions.waiting(ask.channel)
        if not waiting:
            return [Reply("no open questions; !ask WORDS puts one", private=not ask.private and ask.role < Role.HELPER)]
        text, shown = f"{len(waiting)} open: ", 0
        for question in waiting:
            row = f"{question.id} {question.nick}: {_short(question.words, ROW)}"
            row += " (taken)" if question.state is QuestionState.TAKEN else ""
            if len((text + row).encode()) > LINE:
                break
            text += (" | " if shown else "") + row
            shown += 1
        if shown < len(waiting):
            text += f" | and {len(waiting) - shown} more"
        return [Reply(text, private=ask.private)]

    # -- presenter and helpers -------------------------------------------------------------------

    def take(self, ask: Ask, question: Question | None = None) -> list[Effect]:
        if question is None:
            assert ask.channel is not None  # Place.CHANNEL
            waiting = self.questions.waiting(ask.channel)
            question = next((q for q in waiting if q.state is QuestionState.OPEN), None)
            if question is None:
                raise UserError("no open questions" + (f"; question {waiting[0].id} is taken: !answer {waiting[0].id} "
                                                       "WORDS" if waiting else ""))
        self._must_wait(question)
        self._record(question, ask, "taken", state=QuestionState.TAKEN)
        return [Line(question.channel, f"question {question.id} from {question.nick}: {question.words}",
                     Priority.PRESENTER)]

    def answer(self, ask: Ask, question: Question, words: str) -> list[Effect]:
        self._record(question, ask, "answered", words, QuestionState.ANSWERED)
        asker = self.person(question.person_id)
        here = self.present(asker, question.channel)
        if not here:
            self.notices.tell(ask.at, f"your question {question.id} ({_short(question.words, 80)}) was answered by "
                                      f"{ask.nick}: {words}", person_id=asker.id)
        to = asker.nick if here else question.nick
        return [Line(question.channel, f"{to}: to question {question.id}: {words} ({ask.nick})", Priority.PRESENTER)]

    def skip(self, ask: Ask, question: Question, why: str = "") -> list[Effect]:
        self._must_wait(question)
        self._record(question, ask, "skipped", why, QuestionState.SKIPPED)
        self.notices.tell(ask.at, f"your question {question.id} ({_short(question.words, 80)}) was put aside by "
                                  f"{ask.nick}" + (f": {why}" if why else ""), person_id=question.person_id)
        return [Reply(f"question {question.id} is put aside")] if ask.private else []

    @staticmethod
    def _must_wait(question: Question) -> None:
        if question.state not in WAITING:
            raise UserError(f"question {question.id} is {question.state} already; !answer adds to the answers")

    def commands(self) -> list[Command]:
        number = Argument("N", "question")
        return [
            Command("ask", self.ask, "puts a question into the queue (so does a line that begins QUESTION:)",
                    (Argument("WORDS", "words", rest=True),), example="ask why is port 11371 taken?",
                    place=Place.CHANNEL, group="questions"),
            Command("q", self.list_open, "the open questions", aliases=("questions",), place=Place.CHANNEL,
                    group="questions"),
            Command("take", self.take, "shows the next question (or number N) to the class",
                    (Argument("N", "question", optional=True),), aliases=("y",), role=Role.HELPER, place=Place.CHANNEL,
                    group="questions"),
            Command("answer", self.answer, "answers question N; kept, and its asker gets it even when away",
                    (number, Argument("WORDS", "words", rest=True)), role=Role.HELPER,
                    example="answer 3 semanage port -m changes it", group="questions"),
            Command("skip", self.skip, "puts question N aside, with a word why",
                    (number, Argument("WHY", "words", optional=True, rest=True)), role=Role.HELPER, group="questions"),
        ]


def _short(words: str, length: int) -> str:
    return words if len(words) <= length else words[: length - 1].rstrip() + "…"

