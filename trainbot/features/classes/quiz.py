"""A quiz: asked in the channel, answered there or privately; the winner is drawn from the right answers.

Drawing the winner lets people with a slow connection win, too.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Protocol

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request, Scope
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Incoming, Line, Priority, Reply
from trainbot.features.classes.classroom import Classroom
from trainbot.features.classes.quiz_answers import folded, is_right
from trainbot.model.class_run import Quiz, QuizTry
from trainbot.model.notice import NoticeKind

OPEN = timedelta(seconds=20)
GRACE = timedelta(seconds=2)  # the question itself takes a while to reach people
TRIES = 3  # per person: nobody should win by guessing every word
LONGEST = 300  # characters of question and answer
NEWS = timedelta(minutes=10)


class RandomChoice(Protocol):
    """random.choice, or a replacement in tests."""

    def __call__(self, among: Sequence[QuizTry], /) -> QuizTry: ...


class Quizzes:
    """``draw``: chooses the winner from the right answers."""

    def __init__(self, room: Classroom, draw: RandomChoice | None = None) -> None:
        self.room, self.classes, self.notices = room, room.classes, room.notices
        self.draw: RandomChoice = draw or random.SystemRandom().choice

    def ask(self, ask: Request, words: str) -> list[Effect]:
        if ask.channel is None:
            raise UserError("in which channel? Put it first, as in #channel quiz WORDS = ANSWER")
        question, answer = _parted(words)
        running = self._running(ask.channel)
        if running is not None:
            raise UserError("a quiz is already open; ask the next one when its winner has been drawn, in a moment")
        self.classes.quizzes.add(
            channel=ask.channel, words=question, answer=answer, asker=ask.nick, asked_at=ask.at, drawn_at=None
        )
        self.room.journal.noted(ask, "quiz", question)
        return [
            Line(
                ask.channel,
                f"Quiz: {question} (answer here or to me in private within {OPEN.seconds} s; a winner is drawn from the right answers)",
                Priority.PRESENTER,
                owner=ask.nick,  # its time runs: it does not wait for the rest of a step
            )
        ]

    def _running(self, channel: str) -> Quiz | None:
        return self.classes.quizzes.first(channel=channel, drawn_at=None)

    def heard(self, event: Incoming, role: Role, channels: Sequence[str]) -> list[Effect] | None:
        """Handles talk, or what is not a command, while a quiz is open; None if it was not an answer to one."""
        quiz = next((found for channel in channels if (found := self._running(channel)) is not None), None)
        if quiz is None or role >= Role.HELPER or event.at > quiz.asked_at + OPEN + GRACE:
            return None
        who = self.room.people.person_of(event.sender, event.at)
        before = self.classes.tries.first(quiz_id=quiz.id, person_id=who.id)
        tries = before.tries if before is not None else 0
        right = before is not None and before.right
        if tries < TRIES and not right:
            self.classes.tries.put(
                QuizTry(quiz.id, who.id, event.sender.nick, tries + 1, is_right(event.text, quiz.answer, quiz.words))
            )
        if event.channel is not None:
            return []
        return [Reply("noted" if tries < TRIES else f"you have already given {TRIES} answers", private=True)]

    def tick(self, now: datetime) -> None:
        for quiz in self.classes.quizzes.all(drawn_at=None):
            if now >= quiz.asked_at + OPEN + GRACE:
                self._draw(quiz, now)

    def close(self, channel: str, now: datetime) -> None:
        """Draws the winner of what is still open there, because the class ends."""
        quiz = self._running(channel)
        if quiz is not None:
            self._draw(quiz, now)

    def _draw(self, quiz: Quiz, now: datetime) -> None:
        self.classes.quizzes.change({"id": quiz.id}, drawn_at=now)
        tries = self.classes.tries.all(quiz_id=quiz.id)
        right = [one for one in tries if one.right]
        answer = quiz.answer.split("|")[0].strip()
        text, winner = f"the answer was {answer}; nobody got it this time", None
        if right:
            winner = self.draw(right)
            text = f"the answer is {answer}. " + (
                f"Only {winner.nick} got it, and wins"
                if len(right) == 1
                else f"{len(right)} people got it; the prize goes to {winner.nick} (drawn at random)"
            )
        self.notices.tell(now, text, channel=quiz.channel, kind=NoticeKind.CLASS, not_after=now + NEWS)
        self.room.journal.note(
            quiz.channel,
            winner.nick if winner else "",
            "won",
            f"{quiz.words} (answer: {answer}; {len(right)} of {len(tries)} who answered were right)",
            now,
            winner.person_id if winner else None,
        )

    def commands(self) -> list[Command]:
        return [
            Command(
                "quiz",
                self.ask,
                "ask the channel; after 20 s a winner is drawn from the right answers (A|B: either is right; -Z is not -z)",
                (Argument("WORDS = ANSWER", "words", rest=True),),
                role=Role.PRESENTER,
                scope=Scope.PRIVATE,
                example="quiz which port do keyservers use? = 11371",
                group="class",
            )
        ]


def _parted(words: str) -> tuple[str, str]:
    """Question and answer: split at the first ``=`` with spaces around it, otherwise at the last one."""
    question, found, answer = words.partition(" = ")
    if not found:
        question, found, answer = words.rpartition("=")
    question, answer = question.strip(), answer.strip()
    if not found or not question or not any(folded(one) for one in answer.split("|")):
        raise UserError("usage: quiz WORDS = ANSWER, for example quiz which port do keyservers use? = 11371")
    if len(question) > LONGEST or len(answer) > LONGEST:
        raise UserError(f"question and answer can have at most {LONGEST} characters each; please shorten it")
    return question, answer
