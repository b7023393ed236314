"""People who are waiting for a lab: their position in the queue, and when they can expect one."""

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
        """Lease -> position, for everybody who is waiting now."""
        waiting = self.leases.open(lab_id=None)
        return positions(waiting, missed(waiting, self.notices.waiting()))

    def position(self, lease: Lease, now: datetime) -> str:
        """The sentence for somebody who is waiting; it gives a time only if that can come true."""
        leases, hosts = self.leases.open(), self.scheduler.machines.values()
        away = missed(leases, self.notices.waiting())
        waiting = [other for other in leases if other.lab_id is None]
        number = positions(waiting, away)[lease.id]
        if any(view.unheard for view in hosts):
            return (
                f"still connecting to the lab hosts. You're number {number} in the queue; I'll tell you when your lab "
                "is ready"
            )
        if not any(view.up for view in hosts):
            return (
                f"no lab host answers right now. You're number {number} in the queue for {a(lease.image)} lab; "
                "I'll tell you when it is ready"
            )
        keeping, present = self.expiry.hold(now), self.labs.present()
        needs = {name: self.scheduler.need(image) for name, image in self.scheduler.images.items()}
        before = [other for other in waiting if other.id < lease.id and other.id not in away]
        found = estimate(
            lease,
            before,
            self.leases.every(),
            present,
            self.scheduler.rooms(present, now),
            needs,
            lambda other: None if keeping.held(other) else keeping.ends_at(other),
        )
        if found.prospect is Prospect.NOW:
            return (
                f"making room for {a(lease.image)} lab. You're number {number} in the queue; I'll tell you when your lab "
                "is ready"
            )
        if found.prospect is Prospect.NONE:
            return (
                f"no host has room for {a(lease.image)} lab right now. You're number {number} in the queue; I'll tell "
                "you when your lab is ready"
            )
        hint = _hint(found.at, any(keeping.held(other) for other in leases), keeping)
        return f"all {lease.image} labs are taken. You're number {number} in the queue: {hint}. I'll tell you when it is ready"


def _hint(at: datetime | None, held: bool, keeping: ClassHold) -> str:
    if at is not None:
        return f"you'll likely get a lab in {span(at - keeping.now)}, when a lease ends, or sooner if one is given back"
    until = f" (people in the class keep theirs until {span(keeping.grace)} after it)" if held else ""
    return f"you'll get a lab as soon as one is given back{until}"
