"""Passes the lab of somebody who has gone to the next in line; they come first when they are back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.features.labs.lab_queue import missed, untold
from trainbot.features.labs.lease_expiry import LeaseExpiry
from trainbot.features.labs.scheduler import Scheduler
from trainbot.model.lab import LabState, Lease
from trainbot.model.ports import Audience

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

PATIENCE = timedelta(minutes=10)  # how long a lab waits for somebody who cannot be told about it


class NoShows:
    def __init__(self, scheduler: Scheduler, store: Store, expiry: LeaseExpiry, audience: Audience) -> None:
        self.scheduler, self.config, self.expiry, self.audience = scheduler, scheduler.config, expiry, audience
        self.labs, self.leases, self.people, self.notices = store.labs, store.leases, store.people, store.notices
        self._since: dict[int, datetime] = {}  # lease -> since when its person could not be told about the lab

    def clock_stepped(self, by: timedelta) -> None:
        self._since = {lease: since + by for lease, since in self._since.items()}

    def tick(self, now: datetime) -> None:
        if not self.audience.seeing():
            self._since.clear()  # the bot itself is away
            return
        leases, notices = self.leases.open(), self.notices.waiting()
        away = missed(leases, notices)
        subjects = untold(notices)
        self._since = {
            lease.id: self._since.get(lease.id, now)
            for lease in leases
            if lease.lab_id is not None and str(lease.id) in subjects and self._untouched(lease)
        }
        for lease in leases:
            if lease.id in away and now - lease.asked_at > self.config.cap:
                self.expiry.end(lease, "expired", now)  # they did not come back in time
        waiting = [lease for lease in leases if lease.lab_id is None and lease.id not in away]
        late = [lease for lease in leases if now - self._since.get(lease.id, now) >= PATIENCE]
        for lease in late[: max(0, len(waiting) - self._coming())]:
            self.leases.change({"id": lease.id}, lab_id=None)

    def _untouched(self, lease: Lease) -> bool:
        """Whether nobody can have used the lab: its person has been told nothing yet, has no key, and is not here
        now."""
        return (
            not lease.digest
            and lease.left_id is None
            and not self.people.keys.count(person_id=lease.person_id, proven=True)
            and self.audience.where(self.people.get(lease.person_id)) is None
        )

    def _coming(self) -> int:
        """How many labs the waiting people will get anyway: labs that nobody has, or that make room by being
        removed."""
        taken = {lease.lab_id for lease in self.leases.every()}
        return sum(
            lab.id not in taken and lab.state is not LabState.LEFT and self.scheduler.host_of(lab).up
            for lab in self.labs.present()
        )
