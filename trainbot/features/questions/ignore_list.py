"""Ignores people: nothing they say or ask reaches the class or the bot.  By account; without one, by host."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainbot.core.access import Person, Role, fold_account
from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Reply, Sender
from trainbot.model.ports import People
from trainbot.model.question import WAITING

if TYPE_CHECKING:
    from trainbot.adapters.db.repositories import PersonRepository
    from trainbot.features.questions.question_queue import QuestionQueue

LISTED = 20


class IgnoreList:
    def __init__(self, queue: QuestionQueue, people: People, rows: PersonRepository) -> None:
        self.queue, self.questions, self.people, self.rows = queue, queue.questions, people, rows
        self._accounts: set[str] = set()
        self._hosts: set[str] = set()
        self.reread = True  # the rows have changed

    def ignores(self, sender: Sender) -> bool:
        """Whether this person is ignored.  Staff never are."""
        if self.reread:
            rows = self.questions.ignored.all(ended_at=None)
            owners = self.rows.these({row.person_id for row in rows})
            self._accounts = {person.account for person in owners if person.account is not None}
            self._hosts = {row.host for row in rows if row.host}
            self.reread = False
        if sender.account is not None:
            found = fold_account(sender.account) in self._accounts
        else:
            found = sender.host.lower() in self._hosts
        return found and self.people.role_of(sender) < Role.HELPER

    def _person(self, ask: Request, nick: str) -> tuple[Person, bool]:
        found = self.people.named(nick, ask)
        if found is None:
            raise UserError(f'nobody called "{nick[:30]}" is here or has asked a question')
        return found

    def ignore(self, ask: Request, nick: str) -> list[Effect]:
        person, staff = self._person(ask, nick)
        if staff:
            raise UserError(f"{nick[:30]} isn't a learner; only learners can be ignored")
        host = "" if person.account is not None else (person.mask or "").rpartition("@")[2].lower()
        if self.questions.is_ignored(person) is None:
            self.questions.ignored.add(
                person_id=person.id,
                nick=person.nick,
                at=ask.at,
                by_id=ask.person.id,
                by_nick=ask.nick,
                ended_at=None,
                ended_by="",
                host=host,
            )
        waiting = self.questions.all(self.questions.table.c.state.in_(list(WAITING)), person_id=person.id)
        for question in waiting:
            self.queue.delete(question, ask, "ignored")
        who = f"{person.nick} and everybody else without an account from {host}" if host else person.nick
        gone = f"; open questions deleted: {len(waiting)}" if waiting else ""
        return [Reply(f"I now ignore {who}{gone}; !unignore {person.nick} undoes that", private=True)]

    def unignore(self, ask: Request, nick: str) -> list[Effect]:
        person, _staff = self._person(ask, nick)
        ended = self.questions.ignored.change(
            {"person_id": person.id, "ended_at": None}, ended_at=ask.at, ended_by=ask.nick
        )
        said = f"I no longer ignore {person.nick}" if ended else f"{person.nick} is not ignored"
        return [Reply(said, private=True)]

    def list_ignored(self, ask: Request) -> list[Effect]:
        rows = self.questions.ignored.all(ended_at=None)
        if not rows:
            return [Reply("nobody is ignored", private=True)]
        shown = ", ".join(
            row.nick + (f" ({row.host})" if row.host else "") + f" by {row.by_nick}" for row in rows[-LISTED:]
        )
        more = f", and {len(rows) - LISTED} more" if len(rows) > LISTED else ""
        return [Reply(f"ignored: {shown}{more}; !unignore NICK undoes that", private=True)]

    def commands(self) -> list[Command]:
        nick = (Argument("NICK", "nick"),)
        return [
            Command(
                "ignore",
                self.ignore,
                "ignore everything from that person, and delete their open questions",
                nick,
                role=Role.HELPER,
                group="questions",
            ),
            Command(
                "unignore",
                self.unignore,
                "stop ignoring that person",
                nick,
                role=Role.HELPER,
                group="questions",
            ),
            Command(
                "ignored",
                self.list_ignored,
                "list the people who are ignored",
                role=Role.HELPER,
                group="questions",
            ),
        ]
