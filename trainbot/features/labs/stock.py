"""The existing labs, for other features to look at (trainbot.model.ports.LabStock)."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.features.labs.capacity import Capacity, capacity
from trainbot.features.labs.lab_wording import a, state_of
from trainbot.features.labs.placement import HostRoom
from trainbot.features.labs.scheduler import Scheduler
from trainbot.model.lab import Lab, LabState, Lease
from trainbot.model.lab_events import LabRoute

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


class LabInventory:
    def __init__(self, scheduler: Scheduler, store: Store) -> None:
        self.scheduler = scheduler
        self.labs, self.leases, self.homes = store.labs, store.leases, store.homes

    def has_labs(self, image: str) -> bool:
        return bool(self.scheduler.hosts) and image in self.scheduler.images

    def holds(self, now: datetime) -> tuple[int, int]:
        found = self.capacity(now)
        return found.total, found.survive

    def rooms(self, now: datetime) -> list[HostRoom]:
        return self.scheduler.rooms(self.labs.present(), now)

    def capacity(self, now: datetime, rooms: Sequence[HostRoom] | None = None) -> Capacity:
        """``rooms``: all hosts as they are now, if already known."""
        leased = {id for lease in self.leases.every() for id in (lease.lab_id, lease.left_id) if id is not None}
        needs = {name: self.scheduler.need(image) for name, image in self.scheduler.images.items()}
        return capacity(self.rooms(now) if rooms is None else rooms, self.labs.present(), leased, needs)

    def lab_of(self, person_id: int, image: str) -> Lab | None:
        if self.homes.first(person_id=person_id, image=image) is not None:
            return None
        lease = next(iter(self.leases.open(person_id=person_id, image=image)), None)
        return self.labs.get(lease.lab_id) if lease is not None and lease.lab_id is not None else None

    def labs_of(self, image: str) -> dict[int, Lab]:
        labs = {lab.id: lab for lab in self.labs.all(state=LabState.READY)}
        away = self.homes.people(image)
        return {
            lease.person_id: labs[lease.lab_id]
            for lease in self.leases.open(image=image)
            if lease.lab_id in labs and lease.person_id not in away
        }

    def alive(self) -> dict[str, Lab]:
        return {lab.id: lab for lab in self.labs.alive()}

    def in_words(self, person_id: int) -> str:
        said = [self._in_words(lease) for lease in self.leases.open(person_id=person_id)]
        home = self.homes.first(person_id=person_id)
        said += [f"runs {home.image} on a machine of their own"] if home is not None else []
        return ", ".join(said) or "no lab"

    def _in_words(self, lease: Lease) -> str:
        lab = self.labs.get(lease.lab_id) if lease.lab_id is not None else None
        if lab is None:
            return f"waiting for {a(lease.image)} lab"
        how = state_of(lab) if self.scheduler.host_of(lab).up else "its host does not answer"
        return f"{lease.image} lab on {lab.machine}: {how}"

    def way_in(self, lab: Lab) -> LabRoute | None:
        return self.scheduler.way_in(lab)
