"""Questions and what became of them, as values."""

from __future__ import annotations

import enum
from dataclasses import dataclass
from datetime import datetime


class QuestionState(enum.StrEnum):
    OPEN = "open"
    TAKEN = "taken"
    ANSWERED = "answered"
    SKIPPED = "skipped"


WAITING = (QuestionState.OPEN, QuestionState.TAKEN)


@dataclass(frozen=True, slots=True)
class Question:
    """``step`` is the class step it was asked at (0 outside of a class)."""

    id: int
    class_id: int | None
    channel: str
    person_id: int
    nick: str
    step: int
    words: str
    state: QuestionState
    asked_at: datetime


@dataclass(frozen=True, slots=True)
class QuestionEvent:
    """Who did what to a question, when.  Rows are only ever added."""

    id: int
    question_id: int
    at: datetime
    person_id: int
    nick: str
    kind: str  # asked, taken, answered, skipped, back
    words: str
