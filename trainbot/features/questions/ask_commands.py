"""The commands for everybody: ask, support, reopen and delete questions, and their limits."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from trainbot.core.access import Person, Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Reply
from trainbot.features.questions.duplicates import Duplicates
from trainbot.features.questions.list_commands import votes
from trainbot.features.questions.question_queue import QuestionQueue, short, too_long
from trainbot.model.ports import Exercises
from trainbot.model.question import WAITING, Question, QuestionState

if TYPE_CHECKING:
    from trainbot.adapters.db.lab_rows import LeaseRepository
    from trainbot.model.config import QuestionsConfig

MINUTE = timedelta(minutes=1)
BRIDGED = 10  # votes for one question through one relay: its names may be invented


class AskCommands:
    def __init__(
        self,
        queue: QuestionQueue,
        similar: Duplicates,
        config: QuestionsConfig,
        exercises: Exercises,
        leases: LeaseRepository,
    ) -> None:
        self.queue, self.questions, self.similar = queue, queue.questions, similar
        self.config, self.exercises, self.leases = config, exercises, leases

    # -- ask -------------------------------------------------------------------------------------

    def already(self, ask: Request, words: str) -> Reply | None:
        """What to say if a similar question was answered or is open; None if it is new, or will be refused anyway."""
        if ask.channel is None or self._refused(ask, words) is not None:
            return None
        run = self.queue.classes.in_channel(ask.channel)
        found = self.similar.to(words, ask.channel, run, self._worked_on(ask.person, run.exercise if run else ""))
        if found is None:
            return None
        if found.state in WAITING:
            if found.person_id == ask.person.id:
                return Reply(
                    f"you already asked that in question {found.id}, which is still open ({short(found.words, 80)}). Ask anyway?",
                    private=True,
                )
            return Reply(
                f"question {found.id} ({short(found.words, 120)}) is already open; !vote {found.id} supports it. Ask anyway?",
                private=True,
            )
        return Reply(
            f"similar question {found.id}: {short(found.words, 110)} → {short(found.answer, 240)} Ask anyway?",
            private=True,
        )

    def ask(self, ask: Request, words: str) -> list[Effect]:
        return self._asked(ask, words, anonymous=False)

    def ask_anonymously(self, ask: Request, words: str) -> list[Effect]:
        if ask.channel is None:
            raise UserError("in which channel? Put it first, as in #class !ask anonymously WORDS")
        return self._asked(ask, words, anonymous=True)

    def _asked(self, ask: Request, words: str, *, anonymous: bool) -> list[Effect]:
        assert ask.channel is not None  # Scope.CHANNEL, or checked above
        if (why := self._refused(ask, words)) is not None:
            return [Reply(why, private=True)]
        run = self.queue.classes.in_channel(ask.channel)
        question = self.questions.ask(
            ask.person,
            ask.nick,
            ask.at,
            words,
            class_id=run.id if run else None,
            channel=ask.channel,
            step=run.step if run else 0,
            anonymous=anonymous,
            image=self._worked_on(ask.person, run.exercise if run else ""),
        )
        if run and ask.role < Role.HELPER and not anonymous:
            self.queue.classes.attend(run, ask.person, ask.nick, ask.at)
        where = f" in {ask.channel}" if ask.private else ""
        position = self.queue.position(question)
        return [
            Reply(
                f"question {question.id}{where} is next"
                if position == "next"
                else f"question {question.id}{where}: {position}"
            )
        ]

    def _refused(self, ask: Request, words: str) -> str | None:
        """Why a question is refused: too long or too many.  Staff have no limits."""
        if len(words) > self.config.length:
            return too_long(words, self.config.length)
        if ask.role >= Role.HELPER:
            return None
        lately, waiting = self.questions.of_person(ask.person, ask.at - MINUTE, ask.channel or "")
        if lately >= self.config.a_minute:
            return f"that's {lately} questions within a minute; please wait a little before you ask the next"
        if waiting >= self.config.a_person:
            return f"you already have {waiting} open questions; please ask again when one has been answered"
        return None

    # -- support, correct, withdraw --------------------------------------------------------------

    def vote(self, ask: Request, question: Question) -> list[Effect]:
        current = self.questions.current(question)
        if current.state not in WAITING and ask.role < Role.HELPER:
            return [Reply(f"question {current.id} is already {current.state}; !q {current.id} shows it", private=True)]
        question = self.queue.must_wait(question)
        if any(q.person_id == ask.person.id for q in self.queue.all_of_it(question)):
            return [Reply(f"question {question.id} is your own; you can only vote for other people's", private=True)]
        if self.questions.events.first(question_id=question.id, person_id=ask.person.id, kind="voted") is None:
            if ask.person.bridge and self._voted_from(ask.person.bridge, question) >= BRIDGED:
                raise UserError(
                    f"question {question.id} already has {BRIDGED} votes over this bridge; more don't count"
                )
            self.queue.record(question, ask, "voted")
            question = self.questions.counted(question)
        return [
            Reply(f"question {question.id}: {votes(question.votes)}, {self.queue.position(question)}", private=True)
        ]

    def _voted_from(self, bridge: str, question: Question) -> int:
        votes = self.questions.events.all(question_id=question.id, kind="voted")
        return sum(person.bridge == bridge for person in self.queue.people.these({vote.person_id for vote in votes}))

    def reopen(self, ask: Request, question: Question) -> list[Effect]:
        if ask.role < Role.HELPER and question.person_id != ask.person.id:
            raise UserError(f"question {question.id} isn't yours; !ask WORDS asks it again in your own words")
        if question.state in WAITING:
            raise UserError(f"question {question.id} is already open")
        if ask.role < Role.HELPER and (why := self._refused(ask, question.words)) is not None:
            return [Reply(why, private=True)]
        was_in = self.questions.get(question.merged_into) if question.merged_into is not None else None
        self.queue.record(question, ask, "reopened", state=QuestionState.OPEN, merged_into=None)
        if was_in is not None:
            self.questions.counted(was_in)
        question = self.questions.counted(question)
        return [Reply(f"question {question.id} is open again: {self.queue.position(question)}")]

    def delete(self, ask: Request, question: Question, why: str = "") -> list[Effect]:
        if ask.role < Role.HELPER and (question.person_id != ask.person.id or question.state not in WAITING):
            raise UserError(f"you can only delete your own open questions, and question {question.id} isn't one")
        self.queue.delete(question, ask, why)
        return [Reply(f"question {question.id} is deleted", private=True)]

    def _worked_on(self, person: Person, exercise: str) -> str:
        """The image of their lab; the exercise's image if they have none, or several."""
        about = self.exercises.get(exercise)
        held = {lease.image for lease in self.leases.all(person_id=person.id, ended_at=None)}
        return held.pop() if len(held) == 1 else about.image if about is not None else ""

    def commands(self) -> list[Command]:
        words = Argument("WORDS", "words", rest=True)
        number = Argument("N", "question")
        return [
            Command(
                "ask",
                self.ask,
                "put a question in the queue (a line starting with QUESTION: does the same)",
                (words,),
                example="ask why is port 11371 taken?",
                scope=Scope.CHANNEL,
                confirm=self.already,
                group="questions",
            ),
            Command(
                "ask anonymously",
                self.ask_anonymously,
                "ask without showing your name; only presenters and helpers can see who asked",
                (words,),
                aliases=("anon",),
                scope=Scope.PRIVATE,
                confirm=self.already,
                group="questions",
                example="ask anonymously what is a port?",
            ),
            Command("vote", self.vote, "support question N", (number,), group="questions", example="vote 3"),
            Command(
                "reopen",
                self.reopen,
                "put your question (staff: any) back in the queue if it was not really answered",
                (number,),
                group="questions",
            ),
            Command(
                "delete",
                self.delete,
                "delete your question while it is open (staff: any question); it won't be published",
                (number, Argument("WHY", "words", optional=True, rest=True)),
                group="questions",
            ),
        ]
