"""Gives people labs on other hosts when a host is lost, and tells the class in one line.

A host is lost when it has not answered for ``[labs] lost_after`` and none of its labs answers either, so a restart of
libvirtd does not count.  If the machine's own ssh server still answers, it is overloaded rather than dead and gets
longer.  The contents of the labs stay there: when the host comes back, its people get their old lab back, or can reach
it beside the new one with ``ssh old@…`` until the lease ends.
"""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.features.labs.host_view import HostView
from trainbot.features.labs.scheduler import Scheduler
from trainbot.model.lab import ALIVE, OLD, Lab, LabState, Lease
from trainbot.model.lab_events import HostProbed, ProbeHost
from trainbot.model.ports import Access, ClassContext

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

log = logging.getLogger(__name__)
LISTEN_EVERY = timedelta(seconds=10)
LISTEN_AGAIN = timedelta(seconds=2)
TWICE = 2  # silent probes in a row; labs that were silent once may only have been slow
STALE = timedelta(minutes=10)  # after this the class knows anyway
BUSY = 3  # times ``lost_after``: moving people means leaving their work behind in the old labs


def patience(lost_after: timedelta, greets: bool) -> timedelta:
    """How long a host may go without answering; ``greets``: its own ssh server answers."""
    return lost_after * (BUSY if greets else 1)


class Failover:
    def __init__(self, scheduler: Scheduler, store: Store, access: Access, classes: ClassContext) -> None:
        self.scheduler, self.config, self.access, self.classes = scheduler, scheduler.config, access, classes
        self.labs, self.leases, self.notices = store.labs, store.leases, store.notices
        self._wanted: list[ProbeHost] = []

    def _old_lab(self) -> str:
        """The ssh command for somebody's old lab."""
        return f"ssh -p {self.access.port} {OLD}@{self.access.public_address}"

    # -- a host goes -------------------------------------------------------------------------------

    def tick(self, now: datetime) -> None:
        """Probes the labs of hosts that do not answer, and gives up hosts whose labs are silent too after
        ``lost_after``.  Probing a silent host also takes time, so it begins at once."""
        for name, view in self.scheduler.hosts.items():
            if view.down_since is None or view.lost:
                continue
            over = now - view.down_since >= patience(self.config.lost_after, view.greets)
            if view.silences >= TWICE and over:
                self._give_up(name, view, now)
                continue
            if view.listen_at is None or now < view.listen_at:
                continue
            endpoints = tuple(
                lab.endpoint
                for lab in self.labs.all(host=name, state=LabState.READY)
                if lab.endpoint is not None and view.has_ssh
            )
            if endpoints:
                view.listen_at = None
                self._wanted.append(ProbeHost(name, endpoints, view.config.door))
            elif over:
                self._give_up(name, view, now)

    def work(self) -> list[ProbeHost]:
        """The hosts whose labs have to be probed now."""
        wanted, self._wanted = self._wanted, []
        return wanted

    def forget(self) -> None:
        """Drops the last decisions, which could not be stored: the next tick decides again."""
        self._wanted.clear()
        for view in self.scheduler.hosts.values():
            if not view.up and view.down_since is not None:
                view.lost, view.listen_at = False, view.down_since

    def heard(self, event: HostProbed, now: datetime) -> None:
        view = self.scheduler.hosts[event.host]
        view.listen_at, view.greets = now + (LISTEN_EVERY if event.speaks else LISTEN_AGAIN), event.greets
        if view.up or view.lost or view.down_since is None:
            return
        view.silences = 0 if event.speaks else view.silences + 1
        if view.silences >= TWICE and now - view.down_since >= patience(self.config.lost_after, view.greets):
            self._give_up(event.host, view, now)

    def _give_up(self, name: str, view: HostView, now: datetime) -> None:
        view.lost = True
        moving = self.held_on(name)
        log.error("host %s is lost (%s); %d people move", name, view.trouble, len(moving))
        for lease, lab in moving:
            self._leave(lease, lab, now)
        if not moving:
            return
        self.scheduler.assign(now, quiet=frozenset(lease.id for lease, _lab in moving))
        waiting = sum(lease.lab_id is None for lease in self._again(moving))
        self._announce(f"host {name} is lost: {_told(len(moving), waiting)}", now)

    def held_on(self, name: str) -> list[tuple[Lease, Lab]]:
        """The leases that have a lab on that host, with the lab."""
        there = {lab.id: lab for lab in self.labs.all(host=name) if lab.state in ALIVE}
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
        return lab if view is not None and view.up and not view.drained else None

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
                f"host {name} is being emptied: {_people(moved)}. The same ssh command and password work "
                f"again; to reach your old lab: {self._old_lab()}",
                now,
            )
        return moved, stay

    def _again(self, moving: list[tuple[Lease, Lab]]) -> list[Lease]:
        ids = {lease.id for lease, _lab in moving}
        return [lease for lease in self.leases.open() if lease.id in ids]

    def _announce(self, text: str, now: datetime) -> None:
        for channel in self.classes.channels():
            self.notices.tell(now, text, channel=channel, not_after=now + STALE)

    # -- a host comes back ---------------------------------------------------------------------------

    def back(self, name: str, now: datetime) -> None:
        """Called after each report: people who are still waiting get their old lab back; the others can reach it as
        ``old``."""
        view = self.scheduler.hosts[name]
        left = {lab.id: lab for lab in self.labs.all(host=name, state=LabState.LEFT)}
        leases = {lease.left_id: lease for lease in self.leases.open() if lease.left_id in left}
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
                    f"host {name} is back, and your {lab.image} lab is as you left it: the same ssh command works again",
                    person_id=lease.person_id,
                )
            elif not view.drained:  # people of a drained host were told when they moved
                self.notices.tell(
                    now,
                    f"host {name} is back: until your lease ends, you can copy what you need from your old {lab.image} "
                    f"lab: {self._old_lab()} (same password)",
                    person_id=lease.person_id,
                    key=f"old {id}",
                )  # this runs for each report; people are told once
        view.lost = False


def _told(moving: int, waiting: int) -> str:
    people = _people(moving)
    if not waiting:
        return f"{people}; the same ssh command and password work again"
    if waiting == moving:
        wait = "one person is waiting" if waiting == 1 else f"{waiting} people are waiting"
        return f"no other host has room, so {wait} for a lab and will be told; the class goes on"
    wait = "is waiting" if waiting == 1 else "are waiting"
    return f"{people}; the same ssh command and password work again. {waiting} of them {wait} for room"


def _people(moving: int) -> str:
    return "one person moves to another host" if moving == 1 else f"{moving} people move to other hosts"
