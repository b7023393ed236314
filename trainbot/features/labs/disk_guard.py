"""Pauses the lab that writes most on a host whose disk is nearly full, long before it is full, and knows those that a full
one has stopped."""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.features.labs.host_view import HostView
from trainbot.features.labs.scheduler import Scheduler
from trainbot.model.disk_space import kept_free
from trainbot.model.host import DomainState, HostReport, HostUp
from trainbot.model.lab import Lab, LabState

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

log = logging.getLogger(__name__)
WINDOW = timedelta(minutes=1)  # in which a lab's writing is measured
STEADY_MIB = 8  # in that time: what any lab may write, until half of what is kept free is gone
ENOUGH = 1.2  # times what is kept free: then paused labs go on
FRESH = timedelta(seconds=15)  # after so long, free space was read since a lab was paused (adapters.hosts)
STALE = timedelta(hours=4)  # news about a lab is too old after this
RUNNING = (LabState.READY, LabState.BOOTING)
GOES_ON = "It continues by itself once there is space"
FREES = "!lab rollback or !lab reset free what it wrote and start it again"


class DiskGuard:
    """What labs wrote lately is kept in memory only: after a restart it is measured anew."""

    def __init__(self, scheduler: Scheduler, store: Store) -> None:
        self.scheduler, self.labs, self.leases, self.notices = scheduler, store.labs, store.leases, store.notices
        self._read: dict[str, deque[tuple[datetime, dict[str, int]]]] = defaultdict(deque)

    def host_up(self, event: HostUp, now: datetime) -> None:
        for view in self.scheduler.hosts[event.report.name].machines:
            if view.up and view.report is not None:
                self._reported(view, view.report, now)

    def _reported(self, view: HostView, report: HostReport, now: datetime) -> None:
        """What a host reports, or one of its nodes."""
        written = {domain.id: domain.disk.written_mib for domain in report.domains if domain.disk is not None}
        grown = self._grown(report.name, written, now)
        self._stopped_by_full_disk(view, report, grown, written, now)
        kept, free = kept_free(report.disk_mib or 0), report.disk_free_mib
        if free is None or free >= kept * ENOUGH:
            for lab in self.labs.at(report.name):
                if lab.state is LabState.PAUSED and now - lab.state_at >= FRESH:
                    self._resume(lab, now)
        elif free < kept:
            self._nearly_full(view, report, grown, steady=STEADY_MIB if free >= kept / 2 else 1, now=now)

    def clock_stepped(self, by: timedelta) -> None:
        for read in self._read.values():
            read.extend([(at + by, written) for at, written in (read.popleft() for _ in range(len(read)))])

    def _grown(self, host: str, written: Mapping[str, int], now: datetime) -> dict[str, int]:
        """MiB that each lab wrote in the last minute, as far as it was seen.  A new overlay counts from nothing."""
        read = self._read[host]
        while read and now - read[0][0] > WINDOW:
            read.popleft()
        least: dict[str, int] = {}
        for _at, then in read:
            for id, before in then.items():
                least[id] = min(before, least.get(id, before))
        read.append((now, dict(written)))
        return {id: value - min(value, least.get(id, value)) for id, value in written.items()}

    def _stopped_by_full_disk(
        self, view: HostView, report: HostReport, grown: Mapping[str, int], written: Mapping[str, int], now: datetime
    ) -> None:
        """Handles labs whose emulator could not write and has paused them."""
        there = [lab for lab in self.labs.at(report.name) if lab.state is not LabState.LEFT]
        stalled = {domain.id for domain in report.domains if domain.state is DomainState.STALLED}
        found = [lab for lab in there if lab.id in stalled and lab.state in RUNNING]
        if not found:
            return
        most = max(there, key=lambda lab: (grown.get(lab.id, 0), written.get(lab.id, 0), lab.id))
        recent = grown.get(most.id, 0)
        wrote = f"{recent} MiB in the last minute" if recent else f"{written.get(most.id, 0)} MiB in all"
        log.warning("host %s: its disk is full and has stopped %s", report.name, ", ".join(lab.name for lab in found))
        view.troubled(f"its disk is full; {most.name} wrote the most, {wrote}", now)
        for lab in found:
            self.scheduler.over(lab.id, "probe")
            self.scheduler.move(lab, LabState.PAUSED, now)
            paused = f"your {lab.image} lab is paused: the disk of its host {lab.machine} is full"
            if lab.id == most.id:
                self._tell(lab, f"{paused}, and your lab wrote the most ({wrote}). {GOES_ON}; {FREES}", now)
            else:
                self._tell(lab, f"{paused}. {GOES_ON}, as it is now", now)

    def _nearly_full(
        self, view: HostView, report: HostReport, grown: Mapping[str, int], steady: int, now: datetime
    ) -> None:
        labs = self.labs.at(report.name)
        paused = any(lab.state is LabState.PAUSED for lab in labs)
        if any(lab.state is LabState.PAUSING for lab in labs) or (paused and not report.disk_free_mib):
            return  # on a full disk, whoever writes is stopped anyway
        running = [lab for lab in labs if lab.state in RUNNING]
        most = max(running, key=lambda lab: (grown.get(lab.id, 0), lab.id), default=None)
        if most is None or grown.get(most.id, 0) < steady:
            if not paused:
                view.troubled(f"its disk has only {report.disk_free_mib} MiB free, and no lab there writes much", now)
            return
        wrote = f"{grown[most.id]} MiB in the last minute"
        log.warning("host %s: %s MiB of disk free: pausing %s, %s", report.name, report.disk_free_mib, most.name, wrote)
        view.troubled(f"its disk has only {report.disk_free_mib} MiB free: paused {most.name}, {wrote}", now)
        self.scheduler.over(most.id, "probe")
        self.scheduler.move(most, LabState.PAUSING, now)
        self._tell(
            most,
            f"your {most.image} lab is paused: the disk of its host {most.machine} is nearly full, and your lab wrote the "
            f"most ({wrote}). {GOES_ON}; {FREES}",
            now,
        )

    def _resume(self, lab: Lab, now: datetime) -> None:
        self.scheduler.move(lab, LabState.RESUMING, now)
        self._tell(lab, f"your {lab.image} lab is running again: its host {lab.machine} has disk space", now)

    def _tell(self, lab: Lab, text: str, now: datetime) -> None:
        for lease in self.leases.open(lab_id=lab.id):
            self.notices.tell(now, text, person_id=lease.person_id, not_after=now + STALE)
