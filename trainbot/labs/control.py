"""What is to be done next for labs, from what the rows say.  Pure and level-triggered: after a restart the same rows
give the same work, so nothing has to be remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from trainbot.hosts.model import Mode
from trainbot.labs.model import Lab, LabState, Lease

ACTIONS = {LabState.MAKING: "make", LabState.BOOTING: "probe", LabState.REBOOTING: "reboot",
           LabState.RESETTING: "reset", LabState.ENDING: "destroy"}
TRIES = 3
RETRY = timedelta(seconds=5)

#: A free lab nearer to its login prompt is handed out first.
NEARNESS = (LabState.READY, LabState.BOOTING, LabState.MAKING)


def hand_out(leases: Iterable[Lease], labs: Iterable[Lab]) -> list[tuple[Lease, Lab]]:
    """Free labs for those who wait, in the order they asked; nobody gets two for one lease, no lab goes twice."""
    open_leases = list(leases)
    taken = {lease.lab_id for lease in open_leases if lease.lab_id}
    free = [lab for lab in labs if lab.id not in taken and lab.state in NEARNESS]
    free.sort(key=lambda lab: (NEARNESS.index(lab.state), lab.made_at, lab.id))
    given = []
    for lease in sorted((lease for lease in open_leases if lease.lab_id is None), key=lambda lease: lease.id):
        lab = next((lab for lab in free if (lab.image, lab.mode) == (lease.image, lease.mode)), None)
        if lab is not None:
            free.remove(lab)
            given.append((lease, lab))
    return given


@dataclass(frozen=True, slots=True)
class Want:
    """One more lab of this image and mode; ``urgent``: somebody waits for it."""

    image: str
    mode: Mode
    urgent: bool


def shortage(leases: Iterable[Lease], labs: Iterable[Lab], spare: Mapping[str, int]) -> list[Want]:
    """The labs that are to be made beyond those there are: first for those who wait, then the pool (enforcing)."""
    open_leases, all_labs = list(leases), list(labs)
    taken = {lease.lab_id for lease in open_leases if lease.lab_id}
    free: dict[tuple[str, Mode], int] = {}
    for lab in all_labs:
        if lab.id not in taken and lab.state in NEARNESS:
            free[lab.image, lab.mode] = free.get((lab.image, lab.mode), 0) + 1
    wants = []
    for lease in sorted((lease for lease in open_leases if lease.lab_id is None), key=lambda lease: lease.id):
        kind = (lease.image, lease.mode)
        if free.get(kind, 0):
            free[kind] -= 1
        else:
            wants.append(Want(lease.image, lease.mode, urgent=True))
    for image, number in spare.items():
        wants += [Want(image, Mode.ENFORCING, urgent=False)] * max(0, number - free.get((image, Mode.ENFORCING), 0))
    return wants


def surplus(leases: Iterable[Lease], labs: Iterable[Lab], needed: Want) -> Lab | None:
    """A free pool member of another kind that may make room for somebody who waits."""
    taken = {lease.lab_id for lease in leases if lease.lab_id}
    free = [lab for lab in labs if lab.id not in taken and lab.state in NEARNESS
            and (lab.image, lab.mode) != (needed.image, needed.mode)]
    return max(free, key=lambda lab: (NEARNESS.index(lab.state), lab.made_at), default=None)


def next_actions(labs: Iterable[Lab], up: set[str], busy: set[str], now: datetime) -> list[tuple[Lab, str]]:
    """What may be begun now: one action a lab, on hosts that answer, failed ones after a pause."""
    return [(lab, ACTIONS[lab.state]) for lab in labs
            if lab.state in ACTIONS and lab.id not in busy and lab.host in up
            and (lab.tries == 0 or now >= lab.state_at + RETRY * min(lab.tries, 12))]
