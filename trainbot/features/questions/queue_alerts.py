"""Tells the presenter in private that many questions are open, or that one has been open for long."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.core.messages import Reply
from trainbot.core.wording import span
from trainbot.model.notice import Notice, NoticeKind
from trainbot.model.question import Question

if TYPE_CHECKING:
    from trainbot.features.questions.question_queue import QuestionQueue
    from trainbot.model.class_run import ClassRun
    from trainbot.model.config import QuestionsConfig

STALE = timedelta(minutes=5)


def reasons(waits: list[datetime], now: datetime, many: int, long: timedelta) -> list[str]:
    """The reasons to tell the presenter, each once per class: ``many-2`` at twice the number that counts as many,
    ``long-3`` when a question has waited three times as long as counts as long."""
    found = []
    if len(waits) >= many:
        found.append(f"many-{len(waits) // many}")
    if waits and (times := (now - min(waits)) // long) >= 1:
        found.append(f"long-{times}")
    return found


class QueueAlerts:
    def __init__(self, queue: QuestionQueue, config: QuestionsConfig) -> None:
        self.queue, self.config = queue, config

    def _waiting(self, run: ClassRun) -> list[Question]:
        """Open questions of this class, the oldest first."""
        return [q for q in self.queue.waiting(run.channel)[1] if q.class_id == run.id]

    def tick(self, now: datetime) -> None:
        for run in self.queue.classes.running():
            waits = [question.asked_at for question in self._waiting(run)]
            for reason in reasons(waits, now, self.config.many, self.config.long):
                key = f"queue:{run.id}:{reason}"
                if self.queue.notices.first(key=key) is None:
                    self.queue.notices.tell(
                        now,
                        "",
                        person_id=run.presenter_id,
                        key=key,
                        kind=NoticeKind.QUESTIONS_WAIT,
                        subject=str(run.id),
                        not_after=now + STALE,
                    )

    def notice(self, notice: Notice, now: datetime) -> Reply | None:
        """The notice as it is true now; None if it no longer applies."""
        run = self.queue.classes.first(id=int(notice.subject))
        if run is None or run.ended_at is not None:
            return None
        waiting = self._waiting(run)
        if not reasons([question.asked_at for question in waiting], now, self.config.many, self.config.long):
            return None
        oldest = min(question.asked_at for question in waiting)
        number = (
            "one question has been waiting"
            if len(waiting) == 1
            else f"{len(waiting)} questions are waiting, the oldest"
        )
        return Reply(f"{number} for {span(now - oldest)} in {run.channel}; !take shows question {waiting[0].id}")
