"""Decides from the rows alone what to do next for labs.  Pure and level-triggered: after a restart the same rows give
the same work, so nothing has to be remembered."""

from __future__ import annotations

from collections import Counter
from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from trainbot.features.labs.placement import HostRoom, Need, choose_host
from trainbot.model.host import Mode
from trainbot.model.lab import NEARNESS, Lab, LabState, Lease

ACTIONS = {
    LabState.MAKING: "make",
    LabState.BOOTING: "probe",
    LabState.REBOOTING: "reboot",
    LabState.RESETTING: "reset",
    LabState.SAVING: "snapshot",
    LabState.ROLLING_BACK: "rollback",
    LabState.PAUSING: "pause",
    LabState.RESUMING: "resume",
    LabState.ENDING: "destroy",
}
TRIES = 3
CHECKS_AT_ONCE = 2
#: How many labs of each kind should be free.
Pool = Mapping[tuple[str, Mode], int]
RETRY = timedelta(seconds=5)


def hand_out(leases: Iterable[Lease], labs: Iterable[Lab]) -> list[tuple[Lease, Lab]]:
    """Pairs waiting leases with free labs, in the order in which people asked; no lease gets two labs, and no lab goes
    to two leases.  People come before a rehearsal, and may also get the labs lent to it; they are spread over the
    hosts, so that the loss of one affects as few as possible."""
    open_leases, there = list(leases), list(labs)
    lent = _lent(open_leases, there)
    free = [*_free(open_leases, there), *lent]
    taken = {lease.lab_id for lease in open_leases}
    held = Counter(lab.machine for lab in there if lab.id in taken)
    given = []
    for lease in _waiting(open_leases):
        kind = (lease.image, lease.mode)
        fit = [lab for lab in free if (lab.image, lab.mode) == kind and not (lease.rehearsal and lab in lent)]
        if fit:
            lab = min(
                fit, key=lambda lab: (NEARNESS.index(lab.state), lab in lent, held[lab.machine], lab.made_at, lab.id)
            )
            free.remove(lab)
            held[lab.machine] += 1
            given.append((lease, lab))
    return given


@dataclass(frozen=True, slots=True)
class LabRequest:
    """One more lab of this image and mode: for that lease, or for the pool if ``lease`` is None.  A ``rehearsal`` waits
    like the pool."""

    image: str
    mode: Mode
    lease: int | None = None
    rehearsal: bool = False

    @property
    def urgent(self) -> bool:
        """Whether somebody waits for it."""
        return self.lease is not None and not self.rehearsal


def shortage(leases: Iterable[Lease], labs: Iterable[Lab], pool: Pool) -> list[LabRequest]:
    """The labs that have to be made in addition to the existing ones: first for those who wait, then for the pool,
    which counts lent labs as its own."""
    open_leases, there = list(leases), list(labs)
    free = Counter((lab.image, lab.mode) for lab in _free(open_leases, there))
    lent = Counter((lab.image, lab.mode) for lab in _lent(open_leases, there))
    wants = []
    for lease in _waiting(open_leases):
        kind = (lease.image, lease.mode)
        if free[kind]:
            free[kind] -= 1
        else:
            wants.append(LabRequest(lease.image, lease.mode, lease.id, bool(lease.rehearsal)))
    for kind, number in pool.items():
        wants += [LabRequest(*kind)] * max(0, number - free[kind] - lent[kind])
    return wants


def _waiting(leases: Iterable[Lease]) -> list[Lease]:
    """The leases that wait for a lab, in order: people as they asked, a rehearsal last."""
    return sorted(
        (lease for lease in leases if lease.lab_id is None), key=lambda lease: (bool(lease.rehearsal), lease.id)
    )


def _free(leases: Iterable[Lease], labs: Iterable[Lab]) -> list[Lab]:
    """The labs that nobody has and that can be handed out."""
    taken = {lease.lab_id for lease in leases if lease.lab_id}
    return [lab for lab in labs if lab.id not in taken and lab.state in NEARNESS]


def _lent(leases: Iterable[Lease], labs: Iterable[Lab]) -> list[Lab]:
    """The labs that a rehearsal only looks at, and that can still be handed out."""
    held = {lease.lab_id for lease in leases if lease.lent}
    return [lab for lab in labs if lab.id in held and lab.state in NEARNESS]


def excess(leases: Iterable[Lease], labs: Iterable[Lab], pool: Pool, drained: Container[str]) -> Lab | None:
    """One free lab too many, if there is one: on a drained host, or beyond what the pool and waiting people need.  Only
    one at a time, since somebody may still ask for the others."""
    open_leases = list(leases)
    free = _free(open_leases, labs)
    for lab in free:
        if lab.machine in drained:
            return lab
    waiting = Counter((lease.image, lease.mode) for lease in open_leases if lease.lab_id is None)
    there = Counter((lab.image, lab.mode) for lab in free)
    over = [
        lab
        for lab in free
        if there[lab.image, lab.mode] > pool.get((lab.image, lab.mode), 0) + waiting[lab.image, lab.mode]
    ]
    return max(over, key=lambda lab: (NEARNESS.index(lab.state), lab.made_at, lab.id), default=None)


def surplus(leases: Iterable[Lease], labs: Iterable[Lab], needed: LabRequest) -> Lab | None:
    """The lab that can make room for somebody who waits: a rehearsal's, otherwise a free pool lab of another kind."""
    open_leases, there = list(leases), list(labs)
    held = {lease.lab_id for lease in open_leases if lease.rehearsal}
    free = [lab for lab in _free(open_leases, there) if (lab.image, lab.mode) != (needed.image, needed.mode)]
    rehearsed = [lab for lab in there if lab.id in held and lab.state is not LabState.ENDING]
    return max(rehearsed or free, key=_newest, default=None)


def _newest(lab: Lab) -> tuple[int, datetime]:
    return (NEARNESS.index(lab.state) if lab.state in NEARNESS else len(NEARNESS), lab.made_at)


@dataclass(frozen=True, slots=True)
class Assignments:
    """Which lease gets which existing lab, which labs are made on which host (or node), and which labs are removed to
    make room."""

    given: tuple[tuple[Lease, Lab], ...]
    made: tuple[tuple[LabRequest, str], ...]
    evicted: tuple[Lab, ...]


def assignments(
    leases: Iterable[Lease], present: Iterable[Lab], hosts: Iterable[HostRoom], needs: Mapping[str, Need], pool: Pool
) -> Assignments:
    """Decides which leases get labs, and which labs are made or removed.  ``present``: all labs that hosts may have.
    ``needs``: what a lab takes, for each image that can be used."""
    rooms = {host.host: host for host in hosts}
    machines = [machine for host in rooms.values() for machine in host.machines if machine.up]
    up, drained = {each.host for each in machines}, {each.host for each in machines if each.drained}
    labs = [lab for lab in present if lab.machine in up]
    given = hand_out(leases, [lab for lab in labs if lab.machine not in drained])
    assigned = {lease.id: lab.id for lease, lab in given}
    rest = [replace(lease, lab_id=assigned[lease.id]) if lease.id in assigned else lease for lease in leases]
    room_coming = sum(lab.state is LabState.ENDING for lab in labs)
    made, evicted = [], []
    for want in shortage(rest, [lab for lab in labs if lab.machine not in drained], pool):
        if want.image not in needs:
            continue
        open_to = [host for host in rooms.values() if want.urgent or host.in_making < host.at_once]
        name = choose_host(open_to, needs[want.image])
        if name is not None:
            made.append((want, rooms[name].place_for(needs[want.image])))
            rooms[name] = rooms[name].with_one_more(needs[want.image])
        elif want.urgent and room_coming:
            room_coming -= 1
        elif want.urgent:
            victim = surplus(rest, [lab for lab in labs if lab not in evicted], want)
            evicted += [victim] if victim is not None else []
    if not evicted:
        over = excess(rest, labs, pool, drained)
        evicted += [over] if over is not None else []
    return Assignments(tuple(given), tuple(made), tuple(evicted))


def stranded(leases: Iterable[Lease], present: Iterable[Lab], up: set[str]) -> list[Lease]:
    """Leases that wait for a lab that was never made, on a host that does not answer: nobody has any work in it."""
    unmade = {
        lab.id
        for lab in present
        if lab.state is LabState.MAKING and lab.state_at == lab.made_at and lab.machine not in up
    }
    return [lease for lease in leases if lease.lab_id in unmade]


def next_actions(labs: Iterable[Lab], up: set[str], busy: set[str], now: datetime) -> list[tuple[Lab, str]]:
    """The actions that may begin now: one per lab, on hosts that answer.  After a failure, or after a lab went off
    several times, there is a pause."""
    return [
        (lab, ACTIONS[lab.state])
        for lab in labs
        if lab.state in ACTIONS and lab.id not in busy and lab.machine in up and now >= lab.state_at + _pause(lab)
    ]


def _pause(lab: Lab) -> timedelta:
    again = lab.stops - 1 if lab.state is LabState.MAKING else 0
    return RETRY * min(max(lab.tries, again, 0), 12)


def due_checks(
    leases: Iterable[Lease], labs: Iterable[Lab], up: set[str], busy: set[str], every: timedelta, now: datetime
) -> list[Lab]:
    """Free labs that nobody has tried to log in to for ``every``, the longest first; at most CHECKS_AT_ONCE per
    host."""
    free = [lab for lab in _free(leases, labs) if lab.state is LabState.READY and lab.machine in up and lab.endpoint]
    under_way = Counter(lab.machine for lab in free if lab.id in busy)
    due = []
    for lab in sorted(free, key=lambda lab: (lab.checked_at or lab.state_at, lab.id)):
        if (
            lab.id not in busy
            and (lab.checked_at or lab.state_at) + every <= now
            and under_way[lab.machine] < CHECKS_AT_ONCE
        ):
            under_way[lab.machine] += 1
            due.append(lab)
    return due
