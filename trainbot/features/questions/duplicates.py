"""Finds a similar earlier question: full-text search finds candidates, rapidfuzz compares them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainbot.features.questions.search_terms import QuestionSearch
from trainbot.features.questions.similarity import ALIKE, Context, alike
from trainbot.model.question import WAITING, Question, QuestionState

if TYPE_CHECKING:
    from trainbot.adapters.db.question_rows import QuestionRepository
    from trainbot.adapters.db.repositories import ClassRepository
    from trainbot.model.class_run import ClassRun

CANDIDATES = 20
BUDGET = 2000  # rows that are ranked: similar questions share their rarest words


class Duplicates:
    def __init__(self, questions: QuestionRepository, classes: ClassRepository, search: QuestionSearch) -> None:
        self.questions, self.classes, self.search = questions, classes, search
        self._exercises: dict[int, str] = {}  # of classes: what a class was about does not change

    def to(self, words: str, channel: str, run: ClassRun | None, image: str) -> Question | None:
        """The question that asks the same: preferably one answered in any class, otherwise one that is open in this
        channel; of those the most similar, then the newest.  ``words``: asked at the current step of ``run``."""
        here = Context(run.exercise if run else "", run.step if run else 0, image)
        best: tuple[bool, float, int] | None = None
        found = None
        looked = self.search.look("question_fts", words, budget=BUDGET, limit=CANDIDATES, correct=False)
        for question in self.questions.some(row for row, _score in looked.rows):
            there = Context(self._exercise_of(question.class_id), question.step, question.image)
            likeness = alike(words, question.words, here, there)
            if likeness < ALIKE:
                continue
            question = self.questions.current(question)
            answered = question.state is QuestionState.ANSWERED and bool(question.answer)
            if not answered and not (question.state in WAITING and question.channel == channel):
                continue
            if best is None or (answered, likeness, question.id) > best:
                best, found = (answered, likeness, question.id), question
        return found

    def _exercise_of(self, class_id: int | None) -> str:
        """The exercise of a class, '' if it has none."""
        if class_id is None:
            return ""
        if class_id not in self._exercises:
            run = self.classes.first(id=class_id)
            self._exercises[class_id] = run.exercise if run else ""
        return self._exercises[class_id]
