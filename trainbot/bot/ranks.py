"""Whose answers go first while the network accepts only a line every two seconds."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from trainbot.core.access import Role
from trainbot.core.hooks import Feature, Hook, OnChange, Turn
from trainbot.core.messages import Rank, Sender
from trainbot.features.people.registry import Registry

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

TABLES = frozenset({"lease", "class", "attendance", "signup"})


class Ranks(Feature):
    def __init__(self, store: Store, people: Registry) -> None:
        self.store, self.people = store, people
        self._taking_part: set[int] | None = None

    def hooks(self) -> Sequence[Hook]:
        return (OnChange(TABLES, self._changed),)

    def _changed(self, turn: Turn) -> None:
        if turn.changed & TABLES:
            self._taking_part = None

    def of(self, sender: Sender) -> Rank:
        """The rank of somebody who is being answered."""
        if self.people.role_of(sender) >= Role.HELPER:
            return Rank.STAFF
        person = self.people.known(sender)
        if person is None:
            return Rank.STRANGER
        if self._takes_part(person.id):
            return Rank.CLASS
        return Rank.STRANGER if person.account is None else Rank.ACCOUNT

    def _takes_part(self, person: int) -> bool:
        """Whether they have a lab or a seat, or take part in a running class."""
        if self._taking_part is None:
            self._taking_part = {lease.person_id for lease in self.store.leases.open()}
            self._taking_part |= {row.person_id for row in self.store.sessions.signups.all(waiting=False)}
            for run in self.store.classes.running():
                self._taking_part |= {row.person_id for row in self.store.classes.attendance.all(class_id=run.id)}
        if person in self._taking_part or not self.store.changed & TABLES:
            return person in self._taking_part
        return bool(
            self.store.leases.open(person_id=person)
            or self.store.sessions.signups.count(person_id=person, waiting=False)
            or any(
                self.store.classes.attendance.count(class_id=run.id, person_id=person)
                for run in self.store.classes.running()
            )
        )
