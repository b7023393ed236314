"""Captures what is said in the channel after ``!take``, since it may be the answer.  It stays in memory until
``!answered``: talk in a channel is not recorded unless people say so."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from trainbot.core.access import Person
from trainbot.core.messages import Incoming
from trainbot.model.ports import People

if TYPE_CHECKING:
    from trainbot.model.question import Question

MOST = 2000  # characters of one answer
DRAFTS = 20  # the last questions taken, for which answers are captured


@dataclass
class Draft:
    channel: str
    person_id: int
    lines: list[str] = field(default_factory=list)
    listening: bool = True


class AnswerCapture:
    def __init__(self, people: People) -> None:
        self.people = people
        self._drafts: dict[int, Draft] = {}

    def begin(self, question: Question, taker: Person) -> None:
        self._drafts.pop(question.id, None)
        self._drafts[question.id] = Draft(question.channel, taker.id)
        while len(self._drafts) > DRAFTS:
            del self._drafts[next(iter(self._drafts))]

    def end(self, id: int) -> None:
        self._drafts.pop(id, None)

    def heard(self, incoming: Incoming) -> None:
        """Adds a line of talk by somebody who took a question here, unless it starts with [nolog]."""
        if incoming.text.lstrip().lower().startswith("[nolog]"):
            return
        for draft in self._of_speaker(incoming):
            if sum(map(len, draft.lines)) + len(incoming.text) <= MOST:
                draft.lines.append(" ".join(incoming.text.split()))

    def commanded(self, incoming: Incoming) -> None:
        """Handles a command by somebody who took a question: what they say after it is about something else."""
        for draft in self._of_speaker(incoming):
            draft.listening = False

    def _of_speaker(self, incoming: Incoming) -> list[Draft]:
        found = [d for d in self._drafts.values() if d.listening and d.channel == incoming.channel]
        if not found or (speaker := self.people.known(incoming.sender)) is None:
            return []
        return [draft for draft in found if draft.person_id == speaker.id]

    def of(self, person: Person, channel: str | None, question: Question | None) -> tuple[int, str] | None:
        """(question, words): what that person said about it; by default about the last question that they took
        there."""
        for id, draft in reversed(self._drafts.items()):
            if (
                draft.lines
                and draft.person_id == person.id
                and (id == question.id if question else draft.channel == channel)
            ):
                return id, " ".join(draft.lines)
        return None
