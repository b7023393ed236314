"""Those who wait for a lab: their place, and what they may hope for."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.wording import span
from trainbot.features.labs.lab_queue import missed, positions
from trainbot.features.labs.lab_wording import a
from trainbot.features.labs.lease_expiry import ClassHold, LeaseExpiry
from trainbot.features.labs.queue_estimate import Prospect, estimate
from trainbot.features.labs.scheduler import Scheduler
from trainbot.model.lab import Lease

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


class LabQueue:
    def __init__(self, scheduler: Scheduler, store: Store, expiry: LeaseExpiry) -> None:
        self.scheduler, self.expiry = scheduler, expiry
        self.labs, self.leases, self.notices = store.labs, store.leases, store.notices

    def positions(self) -> dict[int, int]:
        """Of everybody who waits now."""
        waiting = self.leases.open(lab_id=None)
        return positions(waiting, missed(waiting, self.notices.waiting()))

    def position(self, lease: Lease, now: datetime) -> str:
        """One sentence for somebody who waits; a time only where it can come true."""
        leases, hosts = self.leases.open(), self.scheduler.hosts.values()
        away = missed(leases, self.notices.waiting())
        waiting = [other for other in leases if other.lab_id is None]
        number = positions(waiting, away)[lease.id]
        if any(view.unheard for view in hosts):
            return f"the hosts of labs are just being reached; you are number {number} in the queue, I tell you then"
        if not any(view.up for view in hosts):
            return (
                f"no host answers just now; you are number {number} in the queue for {a(lease.image)} lab, "
                "and I tell you when one does"
            )
        keeping, present = self.expiry.hold(now), self.labs.present()
        needs = {name: self.scheduler.need(image) for name, image in self.scheduler.images.items()}
        preallocation = [other for other in waiting if other.id < lease.id and other.id not in away]
        found = estimate(
            lease,
            preallocation,
            self.leases.every(),
            present,
            self.scheduler.rooms(present, now),
            needs,
            lambda other: None if keeping.held(other) else keeping.ends_at(other),
        )
        if found.prospect is Prospect.NOW:
            return (
                f"you are number {number} in the queue, and room for {a(lease.image)} lab is being made; I tell "
                "you then"
            )
        if found.prospect is Prospect.NONE:
            return (
                f"no host has room for {a(lease.image)} lab now: you are number {number} in the queue, and I tell "
                "you when one has"
            )
        hint = _hint(found.at, any(keeping.held(other) for other in leases), keeping)
        return f"all {lease.image} labs are taken: you are number {number} in the queue, {hint}; I tell you then"


def _hint(at: datetime | None, held: bool, keeping: ClassHold) -> str:
    if at is not None:
        return f"likely in {span(at - keeping.now)}, when a lease ends, or as soon as a lab is given back"
    until = f"; those of the class stay until it has ended, and {span(keeping.grace)} more" if held else ""
    return f"as soon as a lab is given back{until}"
