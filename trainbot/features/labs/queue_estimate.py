"""Estimates when somebody who waits is likely to get a lab; says only what can come true.  Pure."""

from __future__ import annotations

import enum
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from trainbot.features.labs.capacity import with_one_less
from trainbot.features.labs.placement import HostRoom, Need, choose_host
from trainbot.model.lab import NEARNESS, Lab, LabState, Lease


class Prospect(enum.Enum):
    NOW = "room is being made"
    THEN = "when leases end"  # unless they are extended
    RETURN = "when somebody gives theirs back"
    NONE = "no host that answers can hold it"


@dataclass(frozen=True, slots=True)
class Estimate:
    """``at``: set for Prospect.THEN only."""

    prospect: Prospect
    at: datetime | None = None


@dataclass
class _Simulation:
    """Hosts as they would be; people in the queue get labs in order as soon as there is room."""

    rooms: dict[str, HostRoom]
    needs: Mapping[str, Need]
    queue: list[Lease]

    def leaves(self, lab: Lab) -> list[str]:
        """Removes the lab; returns the host that has more room now, if any."""
        if lab.host not in self.rooms or lab.image not in self.needs:
            return []
        self.rooms[lab.host] = with_one_less(self.rooms[lab.host], self.needs[lab.image], machine=lab.machine)
        return [lab.host]

    def reaches(self, lease: Lease, there: Iterable[str]) -> bool:
        """Gives labs on the hosts ``there`` to everybody in the queue who fits; returns whether ``lease`` has one by
        now."""
        hosts, in_vain = list(there), set()
        for other in list(self.queue):
            if other.image in in_vain:
                continue
            need = self.needs.get(other.image)
            name = choose_host([self.rooms[host] for host in hosts], need) if need is not None else None
            if need is None or name is None:
                in_vain.add(other.image)
                continue
            self.rooms[name] = self.rooms[name].with_one_more(need)
            self.queue.remove(other)
        return lease not in self.queue


def estimate(
    lease: Lease,
    before: Sequence[Lease],
    leases: Iterable[Lease],
    labs: Collection[Lab],
    hosts: Iterable[HostRoom],
    needs: Mapping[str, Need],
    ends_at: Callable[[Lease], datetime | None],
) -> Estimate:
    """Estimates when ``lease`` gets a lab.  ``before``: those who have waited longer.  ``labs``: all that hosts may
    have.  ``ends_at``: when a lease ends if nobody extends it; None if unknown because a class holds it."""
    up = {host.host: host for host in hosts if host.up}
    machines = {machine.host for host in up.values() for machine in host.machines if machine.up}
    there = {lab.id: lab for lab in labs if lab.machine in machines}
    held = [(other, lab) for other in leases for id in (other.lab_id, other.left_id) if (lab := there.get(id or ""))]
    hall = _Simulation(dict(up), needs, [*before, lease])
    taken = {lab.id for _lease, lab in held}
    for lab in there.values():
        if lab.state is LabState.ENDING or (lab.id not in taken and lab.state in NEARNESS):
            hall.leaves(lab)  # the pool makes room for people
    if hall.reaches(lease, up):
        return Estimate(Prospect.NOW)
    known = [(at, other.id, lab) for other, lab in held if (at := ends_at(other)) is not None]
    for at, _id, lab in sorted(known, key=lambda entry: entry[:2]):
        if hall.reaches(lease, hall.leaves(lab)):
            return Estimate(Prospect.THEN, at)
    alone = _Simulation(dict(up), needs, [lease])
    for lab in there.values():
        alone.leaves(lab)
    return Estimate(Prospect.RETURN if alone.reaches(lease, up) else Prospect.NONE)
