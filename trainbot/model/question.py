"""Questions and what became of them, as values."""

from __future__ import annotations

import enum
from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime


class QuestionState(enum.StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    ANSWERED = "answered"
    SKIPPED = "skipped"
    MERGED = "merged"
    DELETED = "deleted"


WAITING = (QuestionState.OPEN, QuestionState.TAKEN)


@dataclass(frozen=True, slots=True)
class Question:
    """The current state of a question; its ``QuestionEvent`` rows say how it came about.

    ``step``: the class step it was asked at (0 outside of a class); ``image``: the image its asker worked on, '' if
    unknown; ``anonymous``: neither the channel nor anything published says who asked; ``votes``: how many other people
    want to know, including those of merged questions; ``merged_into``: the question that replaces it; ``answer``: all
    answers as they read now (``answers_of`` says who gave which).
    """

    id: int
    class_id: int | None
    channel: str
    person_id: int
    nick: str
    step: int
    words: str
    state: QuestionState
    asked_at: datetime
    anonymous: bool = False
    image: str = ""
    votes: int = 0
    merged_into: int | None = None
    answer: str = ""

    @property
    def asker(self) -> str:
        """The asker's name as everybody may know it."""
        return "anonymous" if self.anonymous else self.nick


@dataclass(frozen=True, slots=True)
class QuestionEvent:
    """Who did what to a question, and when.  Rows are only ever added.

    ``kind`` and ``words``: asked (the question), reworded (the new question), voted, taken, answered (the answer),
    edited (the new answer; ``about_id`` is the event that it corrects), skipped (why), merged (``into 5``), reopened,
    deleted (why).
    """

    id: int
    question_id: int
    at: datetime
    person_id: int
    nick: str
    kind: str
    words: str
    about_id: int | None = None


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer as it reads now.  ``id``: the event that gave it."""

    id: int
    person_id: int
    nick: str
    at: datetime
    words: str
    edited_at: datetime | None = None


def answers_of(events: Iterable[QuestionEvent]) -> list[Answer]:
    """The answers that result from one question's events, oldest first."""
    found: dict[int, Answer] = {}
    for event in events:
        if event.kind == "answered":
            found[event.id] = Answer(event.id, event.person_id, event.nick, event.at, event.words)
        elif event.kind == "edited" and event.about_id in found:
            found[event.about_id] = replace(found[event.about_id], words=event.words, edited_at=event.at)
    return list(found.values())


@dataclass(frozen=True, slots=True)
class Ignored:
    """Somebody who is ignored: since when and by whom, and if that is over, until when.  ``host``: if they have no
    account, everybody without one from there is ignored too."""

    id: int
    person_id: int
    nick: str
    at: datetime
    by_id: int
    by_nick: str
    ended_at: datetime | None
    ended_by: str
    host: str = ""


@dataclass(frozen=True, slots=True)
class AnswerDraft:
    """What somebody has said in a channel since they took a question there, until it is saved as the answer.
    ``listening``: what they say next is part of it."""

    id: int
    question_id: int
    person_id: int
    channel: str
    at: datetime
    words: str = ""
    listening: bool = True
