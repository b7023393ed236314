"""Gives people labs on other hosts when a host is lost, and tells the class in one line.

The way to a loss, with its bounds (seconds):
1. missed: libvirt's connection closes (0), a ping, reading or opening is late (4), an action is (4), a status or login fails;
2. ``HostWatch`` has the host probed each second: libvirt is asked or reopened, its sshd and labs are connected to;
3. whatever answers sets the silence to 0; seconds without an answer count if another host was heard and we were awake;
4. the keepalive (``[host.NAME] keepalive``, 9) or a failed call ends libvirt's connection;
5. connection gone and silence >= ``[labs] lost_after`` (6; three times that if the machine accepts connections): ``move``.

The contents of the labs stay there: when the host comes back, its people get their old lab back, or can reach it beside
the new one with ``ssh old@…`` until the lease ends.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.features.labs.scheduler import Scheduler
from trainbot.model.lab import ALIVE, OLD, Lab, LabState, Lease
from trainbot.model.ports import Access, ClassContext
from trainbot.model.shell_commands import ssh_command

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

log = logging.getLogger(__name__)
STALE = timedelta(minutes=10)  # after this the class knows anyway


class Failover:
    def __init__(self, scheduler: Scheduler, store: Store, access: Access, classes: ClassContext) -> None:
        self.scheduler, self.access, self.classes = scheduler, access, classes
        self.labs, self.leases, self.notices = store.labs, store.leases, store.notices
        self._alone_at: datetime | None = None  # when no host answered at all
        self._alone_told = False

    def _old_lab(self) -> str:
        """The ssh command for somebody's old lab."""
        return ssh_command(self.access.port, self.access.public_address, OLD)

    # -- a host goes -------------------------------------------------------------------------------

    def move(self, name: str, now: datetime) -> None:
        """Moves the people of a host that is lost."""
        moving = self.held_on(name)
        view = self.scheduler.view(name)
        log.error("host %s is lost (%s); %d people move", name, view.trouble if view else "gone", len(moving))
        for lease, lab in moving:
            self._leave(lease, lab, now)
        if not moving:
            return
        self.scheduler.assign(now, quiet=frozenset(lease.id for lease, _lab in moving))
        waiting = sum(lease.lab_id is None for lease in self._again(moving))
        self._announce(f"{named(name)} is lost: {_told(name, len(moving), waiting)}", now)

    def nobody_answers(self, now: datetime) -> None:
        """Nobody can move, and nobody has to: the network of this machine may be down."""
        log.error("no host answers: is the network of this machine down?  Everybody keeps their lab")
        again = self._alone_at is not None and now - self._alone_at < STALE
        self._alone_at, self._alone_told = now, not again and any(map(self.held_on, self.scheduler.machines))
        if self._alone_told:
            self._announce("no host answers right now: everybody keeps their lab, and the class goes on", now)

    def heard_again(self, name: str, now: datetime) -> None:
        """The first host answers after none did."""
        log.info("host %s is heard again", name)
        if self._alone_told:
            self._announce(f"{named(name)} answers again: labs are reached with the same ssh command", now)

    def overloaded(self, name: str, now: datetime) -> None:
        """Only its sshd answers: it is not lost, but people may not want to wait."""
        held = len(self.held_on(name))
        log.warning("host %s is overloaded: only its sshd answers; %d people have labs there", name, held)
        if held:
            self._announce(
                f"{named(name)} is overloaded, so its labs may not answer. An organiser can move its people to "
                f"{others(name)}: !drain {name} now",
                now,
            )

    def held_on(self, name: str) -> list[tuple[Lease, Lab]]:
        """The leases that have a lab on that host, or that node of one, with the lab."""
        there = {lab.id: lab for lab in self.labs.at(name) if lab.state in ALIVE}
        return [(lease, there[lease.lab_id]) for lease in self.leases.open() if lease.lab_id in there]

    def _leave(self, lease: Lease, lab: Lab, now: datetime) -> bool:
        """Detaches the lease from its lab.  Returns True if it gets another lab at once: the one that it left when an
        earlier host was lost, if that host is back."""
        kept = lab.boots > 0  # otherwise nobody can have any work in it yet
        home = self._earlier(lease)
        self.leases.change({"id": lease.id}, lab_id=home.id if home else None, left_id=lab.id if kept else None)
        self.labs.change({"id": lab.id}, state=LabState.LEFT if kept else LabState.ENDING, state_at=now, tries=0)
        if home is not None:
            self.labs.change(
                {"id": home.id}, state=LabState.MAKING, state_at=now, tries=0
            )  # it already runs, or is started
        return home is not None

    def _earlier(self, lease: Lease) -> Lab | None:
        lab = self.labs.get(lease.left_id) if lease.left_id is not None else None
        view = self.scheduler.host_of(lab) if lab is not None and lab.state is LabState.LEFT else None
        return lab if view is not None and view.up and not view.closed else None

    def empty(self, name: str, now: datetime) -> tuple[int, int]:
        """Moves people from a drained host, which still answers, to other hosts as far as there is room; returns how
        many moved and how many stay.  They can reach the old lab as ``old``."""
        moved, stay = 0, 0
        for lease, lab in self.held_on(name):
            if self._leave(lease, lab, now) or self.scheduler.give(replace(lease, lab_id=None), now):
                moved += 1
            else:
                self.leases.change({"id": lease.id}, lab_id=lab.id, left_id=lease.left_id)
                self.labs.change({"id": lab.id}, state=lab.state, state_at=lab.state_at, tries=lab.tries)
                stay += 1
        if moved:
            self._announce(
                f"{named(name)} is being emptied: {_people(name, moved)}. The same ssh command and password work again; this one "
                "reaches your old lab:",
                now,
                command=self._old_lab(),
            )
        return moved, stay

    def _again(self, moving: list[tuple[Lease, Lab]]) -> list[Lease]:
        ids = {lease.id for lease, _lab in moving}
        return [lease for lease in self.leases.open() if lease.id in ids]

    def _announce(self, text: str, now: datetime, command: str = "") -> None:
        for channel in self.classes.channels():
            self.notices.tell(now, text, command=command, channel=channel, not_after=now + STALE)

    # -- a host comes back ---------------------------------------------------------------------------

    def back(self, name: str, now: datetime) -> None:
        """Called after each report: people who are still waiting get their old lab back; the others can reach it as
        ``old``."""
        up = {machine.name: machine for machine in self.scheduler.hosts[name].machines if machine.up}
        left = {lab.id: lab for lab in self.labs.on_host(name) if lab.state is LabState.LEFT and lab.machine in up}
        leases = {lease.left_id: lease for lease in self.leases.open() if lease.left_id in left} if left else {}
        for id, lab in left.items():
            lease = leases.get(id)
            if lease is None:
                self.labs.change({"id": id}, state=LabState.ENDING, state_at=now, tries=0)
            elif lease.lab_id is None:
                self.leases.change({"id": lease.id}, lab_id=id, left_id=None)
                self.labs.change(
                    {"id": id}, state=LabState.MAKING, state_at=now, tries=0
                )  # it already runs, or is started
                self.notices.tell(
                    now,
                    f"{named(lab.machine)} is back, and your {lab.image} lab is as you left it: the same ssh command works again",
                    person_id=lease.person_id,
                )
            elif not up[lab.machine].closed:  # people of a drained host were told when they moved
                self.notices.tell(
                    now,
                    f"{named(lab.machine)} is back: until your lease ends, you can copy what you need from your old {lab.image} "
                    "lab (same password):",
                    command=self._old_lab(),
                    person_id=lease.person_id,
                    key=f"old {id}",
                )  # this runs for each report; people are told once
        for machine in up.values():
            machine.lost = False


def named(name: str) -> str:
    return f"{'node' if '/' in name else 'host'} {name}"


def others(name: str) -> str:
    return "other machines" if "/" in name else "other hosts"


def _told(name: str, moving: int, waiting: int) -> str:
    people = _people(name, moving)
    if not waiting:
        return f"{people}; the same ssh command and password work again"
    if waiting == moving:
        wait = "one person is waiting" if waiting == 1 else f"{waiting} people are waiting"
        return f"no other {'machine' if '/' in name else 'host'} has room, so {wait} for a lab and will be told; the class goes on"
    wait = "is waiting" if waiting == 1 else "are waiting"
    return f"{people}; the same ssh command and password work again. {waiting} of them {wait} for room"


def _people(name: str, moving: int) -> str:
    if moving == 1:
        return f"one person moves to another {'machine' if '/' in name else 'host'}"
    return f"{moving} people move to {others(name)}"
