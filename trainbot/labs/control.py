"""What is to be done next for labs, from what the rows say.  Pure and level-triggered: after a restart the same rows
give the same work, so nothing has to be remembered."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trainbot.hosts.model import Mode
from trainbot.labs.model import Lab, LabState, Lease
from trainbot.labs.placement import Seats, choose_host

ACTIONS = {LabState.MAKING: "make", LabState.BOOTING: "probe", LabState.REBOOTING: "reboot",
           LabState.RESETTING: "reset", LabState.SAVING: "snapshot", LabState.ROLLING_BACK: "rollback",
           LabState.ENDING: "destroy"}
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
    """One more lab of this image and mode, for that lease; for the pool where ``lease`` is None."""

    image: str
    mode: Mode
    lease: int | None = None

    @property
    def urgent(self) -> bool:
        """Somebody waits for it."""
        return self.lease is not None


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
            wants.append(Want(lease.image, lease.mode, lease.id))
    for image, number in spare.items():
        wants += [Want(image, Mode.ENFORCING)] * max(0, number - free.get((image, Mode.ENFORCING), 0))
    return wants


def surplus(leases: Iterable[Lease], labs: Iterable[Lab], needed: Want) -> Lab | None:
    """A free pool member of another kind that may make room for somebody who waits."""
    taken = {lease.lab_id for lease in leases if lease.lab_id}
    free = [lab for lab in labs if lab.id not in taken and lab.state in NEARNESS
            and (lab.image, lab.mode) != (needed.image, needed.mode)]
    return max(free, key=lambda lab: (NEARNESS.index(lab.state), lab.made_at), default=None)


@dataclass(frozen=True, slots=True)
class Seating:
    """Who gets which lab that is there, which are to be made where, which free ones go to make room."""

    given: tuple[tuple[Lease, Lab], ...]
    made: tuple[tuple[Want, str], ...]
    evicted: tuple[Lab, ...]


def seating(leases: Iterable[Lease], present: Iterable[Lab], hosts: Iterable[Seats], memory: Mapping[str, int],
            spare: Mapping[str, int], pool_at_once: int) -> Seating:
    """``present``: all labs that hosts may have.  ``memory``: MiB of a lab of each image that can be made.
    ``pool_at_once``: how many labs one host makes at a time when nobody waits for them."""
    seats = {host.host: host for host in hosts}
    up = {name for name, host in seats.items() if host.up}
    labs = [lab for lab in present if lab.host in up]
    given = hand_out(leases, labs)
    seated = {lease.id: lab.id for lease, lab in given}
    rest = [replace(lease, lab_id=seated.get(lease.id, lease.lab_id)) for lease in leases]
    room_coming = sum(lab.state is LabState.ENDING for lab in labs)
    made, evicted = [], []
    for want in shortage(rest, labs, spare):
        if want.image not in memory:
            continue
        open_to = [host for host in seats.values() if want.urgent or host.in_making < pool_at_once]
        name = choose_host(open_to, memory[want.image])
        if name is not None:
            made.append((want, name))
            seats[name] = seats[name].with_one_more(memory[want.image])
        elif want.urgent and room_coming:
            room_coming -= 1
        elif want.urgent:
            victim = surplus(rest, [lab for lab in labs if lab not in evicted], want)
            evicted += [victim] if victim is not None else []
    return Seating(tuple(given), tuple(made), tuple(evicted))


def stranded(leases: Iterable[Lease], present: Iterable[Lab], up: set[str]) -> list[Lease]:
    """Whoever waits for a lab that was never made, on a host that does not answer: nothing of theirs is in it."""
    unmade = {lab.id for lab in present
              if lab.state is LabState.MAKING and lab.state_at == lab.made_at and lab.host not in up}
    return [lease for lease in leases if lease.lab_id in unmade]


def next_actions(labs: Iterable[Lab], up: set[str], busy: set[str], now: datetime) -> list[tuple[Lab, str]]:
    """What may be begun now: one action a lab, on hosts that answer, failed ones after a pause."""
    return [(lab, ACTIONS[lab.state]) for lab in labs
            if lab.state in ACTIONS and lab.id not in busy and lab.host in up
            and (lab.tries == 0 or now >= lab.state_at + RETRY * min(lab.tries, 12))]
