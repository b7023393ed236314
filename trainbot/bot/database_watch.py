"""Tells staff when something has become of the database: damage, a file that was moved away, changes that are missing."""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import datetime, timedelta

from trainbot.adapters.db import Store
from trainbot.adapters.db.opening import loss_of
from trainbot.bot.audience import IrcAudience
from trainbot.core.access import Role
from trainbot.core.hooks import Feature, Hook, OnTick
from trainbot.core.messages import Line, Priority
from trainbot.features.people.registry import Registry

log = logging.getLogger(__name__)
EVERY = 8  # ticks between two lines about a database that was moved away
NEWS = timedelta(days=7)  # a loss that was noticed longer ago is no news
TOLD = "loss told"  # the setting that says which loss staff have been told of


class DatabaseWatch(Feature):
    def __init__(self, store: Store, people: Registry, audience: IrcAudience) -> None:
        self.store, self.people, self.audience = store, people, audience
        self._ticks = 0
        self._damage_logged = self._damage_told = self._loss_told = False

    def hooks(self) -> Sequence[Hook]:
        return (OnTick(self._look), OnTick(self._tell_loss))

    def _look(self, _now: datetime) -> None:
        if self.store.moved_away() and self._ticks % EVERY == 0:
            log.error(
                "the database %s was moved away or deleted: what happens now is lost when the bot stops; stop it, "
                "put the file back, start it again",
                self.store.url,
            )
        self._ticks += 1

    def _tell_loss(self, now: datetime) -> None:
        """Tells the staff who are there first, once."""
        if self._loss_told:
            return
        loss = loss_of(self.store)
        if loss is None or loss.found < now - NEWS or self.store.settings.get(TOLD) == loss.found.isoformat():
            self._loss_told = True
            return
        there = self.people.staff(None, now)
        for person in there:
            text = f"{loss.sentence}. Please ask people to repeat it; trainbot doctor store says it again"
            self.store.notices.tell(now, text, person_id=person.id, not_after=now + NEWS)
        if there:
            self.store.settings.set(TOLD, loss.found.isoformat())

    def alarm(self) -> list[Line]:
        """Lines to the staff who are there, once, about damage that was come across.  Nothing is stored for them: the
        database may not take it."""
        if self._damage_told or not self.store.damage:
            return []
        if not self._damage_logged:
            self._damage_logged = True
            log.error("%s", self.store.damage)
        staff = {member.nick for member in self.audience.everybody() if self.people.role_of(member) >= Role.PRESENTER}
        self._damage_told = bool(staff)
        text = (
            "my database is damaged, so some commands fail and what they do is not stored: stop me, then trainbot db check "
            "shows the damage and trainbot db restore FILE restores a backup"
        )
        return [Line(nick, text, Priority.PRESENTER) for nick in sorted(staff)]
