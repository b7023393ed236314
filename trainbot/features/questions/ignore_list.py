"""Ignores a person's questions: a person, never a host, which a whole class may share."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainbot.core.access import Person, Role
from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Reply
from trainbot.model.ports import People
from trainbot.model.question import WAITING

if TYPE_CHECKING:
    from trainbot.features.questions.question_queue import QuestionQueue


class IgnoreList:
    def __init__(self, queue: QuestionQueue, people: People) -> None:
        self.queue, self.questions, self.people = queue, queue.questions, people

    def _person(self, ask: Request, nick: str) -> tuple[Person, bool]:
        found = self.people.named(nick, ask)
        if found is None:
            raise UserError(f'nobody called "{nick[:30]}" is here or has asked a question')
        return found

    def ignore(self, ask: Request, nick: str) -> list[Effect]:
        person, staff = self._person(ask, nick)
        if staff:
            raise UserError(f"{nick[:30]} isn't a learner; only learners' questions can be ignored")
        if self.questions.is_ignored(person) is None:
            self.questions.ignored.add(
                person_id=person.id,
                nick=person.nick,
                at=ask.at,
                by_id=ask.person.id,
                by_nick=ask.nick,
                ended_at=None,
                ended_by="",
            )
        waiting = self.questions.all(self.questions.table.c.state.in_(list(WAITING)), person_id=person.id)
        for question in waiting:
            self.queue.delete(question, ask, "ignored")
        gone = f", {len(waiting)} deleted" if waiting else ""
        return [
            Reply(
                f"{person.nick}'s questions and votes are now ignored{gone}; !unignore {person.nick} undoes that",
                private=True,
            )
        ]

    def unignore(self, ask: Request, nick: str) -> list[Effect]:
        person, _staff = self._person(ask, nick)
        ended = self.questions.ignored.change(
            {"person_id": person.id, "ended_at": None}, ended_at=ask.at, ended_by=ask.nick
        )
        return [
            Reply(
                f"{person.nick}'s questions are accepted again"
                if ended
                else f"{person.nick}'s questions were not ignored",
                private=True,
            )
        ]

    def commands(self) -> list[Command]:
        nick = (Argument("NICK", "nick"),)
        return [
            Command(
                "ignore",
                self.ignore,
                "stop taking questions and votes from that person, and delete their open questions",
                nick,
                role=Role.HELPER,
                group="questions",
            ),
            Command(
                "unignore",
                self.unignore,
                "take their questions and votes again",
                nick,
                role=Role.HELPER,
                group="questions",
            ),
        ]
