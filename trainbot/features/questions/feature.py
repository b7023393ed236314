"""The questions feature: no question is lost, and every answer can be found again."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.access import Role
from trainbot.core.commands import Command, Converter, Request
from trainbot.core.hooks import (
    CommandHeard,
    Feature,
    Hook,
    NextStep,
    NoticeWriter,
    On,
    OnChange,
    OnTick,
    PersonRenamed,
    TalkHeard,
    Turn,
    Urgency,
)
from trainbot.features.questions.answer_capture import AnswerCapture
from trainbot.features.questions.answer_commands import AnswerCommands
from trainbot.features.questions.ask_commands import AskCommands
from trainbot.features.questions.duplicates import Duplicates
from trainbot.features.questions.ignore_list import IgnoreList
from trainbot.features.questions.list_commands import ListCommands
from trainbot.features.questions.question_queue import QuestionQueue
from trainbot.features.questions.queue_alerts import QueueAlerts
from trainbot.features.questions.search_terms import QuestionSearch
from trainbot.model.config import QuestionsConfig
from trainbot.model.notice import NoticeKind
from trainbot.model.ports import Journal, Ports

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

SELDOM = ("edit", "reopen", "delete")


class Questions(Feature):
    def __init__(self, store: Store, config: QuestionsConfig, ports: Ports, journal: Journal) -> None:
        self.config = config
        self.queue = QuestionQueue(store, ports.audience)
        self.search = QuestionSearch(store.search)
        self.talk = AnswerCapture(store, ports.people)
        self.alerts = QueueAlerts(self.queue, config)
        duplicates = Duplicates(store.questions, store.classes, self.search)
        self.ignore_list = IgnoreList(self.queue, ports.people, store.people)
        self._with_commands = (
            AskCommands(self.queue, duplicates, config, ports.exercises, store.leases),
            ListCommands(self.queue, self.search, journal),
            AnswerCommands(self.queue, self.talk, config.length),
            self.ignore_list,
        )

    def openers(self, channel: str | None) -> tuple[str, ...]:
        """The words that a question starts with in that channel; in private, those of any channel."""
        words = self.config.channel_words
        if channel is not None:
            return words.get(channel, self.config.words)
        return tuple(dict.fromkeys([*self.config.words, *(word for some in words.values() for word in some)]))

    def commands(self) -> list[Command]:
        found = [command for part in self._with_commands for command in part.commands()]
        # !help lists them in this order
        return sorted(found, key=lambda command: SELDOM.index(command.words) if command.words in SELDOM else -1)

    def argument_kinds(self) -> Mapping[str, Converter]:
        return {"question": self.queue.question_kind}

    def next_steps(self, ask: Request) -> Sequence[NextStep]:
        """Their own open question, or for staff what the queue waits for."""
        if ask.channel is None:
            return ()
        taken, still = self.queue.waiting(ask.channel)
        if ask.role >= Role.HELPER:
            if taken:
                text = f"Question {taken[0].id} is taken: !answer {taken[0].id} WORDS answers it."
            elif still:
                number = "One question is" if len(still) == 1 else f"{len(still)} questions are"
                text = f"{number} open: !take shows the class the next one."
            else:
                return ()
            return (NextStep(Urgency.DUTY, text),)
        mine = next((question for question in (*taken, *still) if question.person_id == ask.person.id), None)
        if mine is None:
            return ()
        where = "taken" if mine in taken else f"open, {self.queue.position(mine)}"
        text = f"Your question {mine.id} is {where}: !q {mine.id} shows what becomes of it."
        return (NextStep(Urgency.QUESTION, text),)

    def notice_writers(self) -> Mapping[str, NoticeWriter]:
        return {NoticeKind.QUESTIONS_WAIT: self.alerts.notice}

    def hooks(self) -> Sequence[Hook]:
        return (
            On(CommandHeard, self._command),
            On(TalkHeard, self._talk),
            On(PersonRenamed, self._renamed),
            OnTick(self.alerts.tick),
            OnTick(self.talk.tick),
            OnChange(frozenset({"ignored", "person"}), self._ignored),
        )

    def _ignored(self, turn: Turn) -> None:
        self.ignore_list.reread |= bool(turn.changed & {"ignored", "person"})

    def _command(self, event: CommandHeard, _now: datetime) -> None:
        self.talk.commanded(event.said)

    def _talk(self, event: TalkHeard, _now: datetime) -> None:
        self.talk.heard(event.said)

    def _renamed(self, event: PersonRenamed, _now: datetime) -> None:
        self.queue.merge(event.was, event.now)
        self.talk.merge(event.was, event.now)
