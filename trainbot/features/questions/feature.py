"""The parts of the question queue, made and joined."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from trainbot.core.access import Person
from trainbot.core.commands import Ask, Command
from trainbot.core.messages import Sender
from trainbot.features.questions.answer_capture import Talk
from trainbot.features.questions.answer_commands import Answering
from trainbot.features.questions.ask_commands import Asking
from trainbot.features.questions.duplicates import Similar
from trainbot.features.questions.ignore_list import Ignoring
from trainbot.features.questions.list_commands import Listing
from trainbot.features.questions.question_queue import Queue
from trainbot.features.questions.queue_alerts import Pressing
from trainbot.features.questions.search_terms import Finding

if TYPE_CHECKING:
    from trainbot.adapters.db import Store
    from trainbot.model.config import QuestionsConfig

SELDOM = ("edit", "reopen", "delete")


class QuestionParts:
    """``named``, ``image``, ``known``, ``where``: see Ignoring, Asking, Talk, Listing."""

    def __init__(
        self,
        store: Store,
        config: QuestionsConfig,
        present: Callable[[Person, str], bool],
        named: Callable[[str, Ask], tuple[Person, bool] | None],
        image: Callable[[Person, str], str],
        known: Callable[[Sender], Person | None],
        where: Callable[[int], str],
    ) -> None:
        self.config = config
        self.queue = Queue(store.questions, store.classes, store.notices, present, store.people.get)
        self.finding = Finding(store.search)
        exercises: dict[int, str] = {}  # of classes: what a class was about does not change

        def exercise_of(class_id: int | None) -> str:
            if class_id is not None and class_id not in exercises:
                run = store.classes.first(id=class_id)
                exercises[class_id] = run.exercise if run else ""
            return exercises[class_id] if class_id is not None else ""

        self.talk = Talk(known)
        self.pressing = Pressing(self.queue, config)
        self.features = (
            Asking(self.queue, Similar(store.questions, self.finding, exercise_of), config, image),
            Listing(self.queue, self.finding, where),
            Answering(self.queue, self.talk, config.length),
            Ignoring(self.queue, named),
        )

    def openers(self, channel: str | None) -> tuple[str, ...]:
        """What a question begins with in that channel; privately any of them."""
        words = self.config.channel_words
        if channel is not None:
            return words.get(channel, self.config.words)
        return tuple(dict.fromkeys([*self.config.words, *(word for some in words.values() for word in some)]))

    def commands(self) -> list[Command]:
        found = [command for feature in self.features for command in feature.commands()]
        # !help lists them in this order
        return sorted(found, key=lambda command: SELDOM.index(command.words) if command.words in SELDOM else -1)
