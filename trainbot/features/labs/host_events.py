"""Stores what hosts and probes report about labs.

Every event re-reads the row first, so a late or repeated event does no harm.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.core.wording import span
from trainbot.features.labs import reconciler
from trainbot.features.labs.boot_times import BOOT_LIMIT, BUSY, LifeSigns, is_slow, too_long
from trainbot.features.labs.host_view import HostView
from trainbot.features.labs.placement import choose_host, elsewhere
from trainbot.features.labs.reconciler import TRIES
from trainbot.features.labs.resync import compare
from trainbot.features.labs.scheduler import WATCHING, Scheduler
from trainbot.model.host import Domain, DomainState, HostLost, HostUp, HostWorkDone
from trainbot.model.lab import Lab, LabState, Lease
from trainbot.model.lab_events import HostStatus, HostWork, LabBooted, LoginChecked

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

log = logging.getLogger(__name__)
STEADY = timedelta(minutes=5)  # a stop sooner than this after the boot counts as one more in a row
CHECKS, SLOW_CHECKS = 2, 5  # failed logins to a free lab after which it is given up; if they only took too long
RESTLESS = 3  # stops in a row after which its person is told
STALE = timedelta(minutes=30)  # news about a lab is too old after this
AFTER = {"destroy": LabState.GONE, "pause": LabState.PAUSED, "resume": LabState.READY}
CLOCK_OFF = 30.0  # seconds; labs get their time from their host


class HostEvents:
    """One method for each kind of event, and ``tick``."""

    def __init__(self, scheduler: Scheduler, store: Store) -> None:
        self.scheduler, self.labs, self.leases = scheduler, store.labs, store.leases
        self.notices, self.settings = store.notices, store.settings
        self.life = LifeSigns()

    def host_up(self, event: HostUp, now: datetime) -> None:
        view = self.scheduler.hosts[event.report.name]
        if not view.up:
            log.info(
                "host %s answers: %s, %d labs of ours, %d of %d MiB free",
                event.report.name,
                event.report.hypervisor,
                len(event.report.domains),
                event.report.free_mib,
                event.report.memory_mib,
            )
        self.life.heard(event.report, now)
        away = {machine.name for machine in view.machines if machine.down_since is not None}
        view.answers_with(event.report, self.scheduler.drained, now)
        domains = {domain.id: domain for domain in event.report.domains}
        rows = [self._followed(lab, view, domains.get(lab.id)) for lab in self.labs.on_host(event.report.name)]
        difference = compare(rows, event.report, self._left_alone(rows, view, event))
        for lab, domain in difference.found:
            self._adopt(lab, domain)
            if domain.run not in ("", lab.run):
                self.labs.change({"id": lab.id}, run=domain.run)
                if lab.run and lab.state is not LabState.LEFT:
                    self._went_off(lab, LabState.BOOTING, now, crashed=False)
        for lab in difference.stopped:
            if lab.state is LabState.LEFT:
                self._start_left(lab)
            else:
                crashed = any(
                    domain.id == lab.id and domain.state is DomainState.CRASHED for domain in event.report.domains
                )
                self._went_off(lab, LabState.MAKING, now, crashed=crashed, with_host=lab.machine in away)
        for lab in difference.missing:
            self._lose(lab, "it is no longer on its host", now)
        for lab in difference.finished:
            self.scheduler.move(lab, LabState.GONE, now)
        for id in difference.strays:
            log.warning("host %s has our domain %s, which belongs to no lab: destroying it", event.report.name, id)
            self.scheduler.busy[id] = "destroy"
            self.scheduler.strays.append(HostWork(event.report.name, "destroy", id, None))

    def _followed(self, lab: Lab, view: HostView, domain: Domain | None) -> Lab:
        """The lab on the node where its host says it is: an operator may have moved it."""
        if domain is None or domain.node == lab.node or domain.node not in view.nodes:
            return lab
        log.info("lab %s of %s is on node %s now", lab.name, lab.machine, domain.node)
        self.labs.change({"id": lab.id}, node=domain.node)
        self.scheduler.over(lab.id, "probe")  # it has to be probed through another jump host
        return replace(lab, node=domain.node)

    def _left_alone(self, rows: Iterable[Lab], view: HostView, event: HostUp) -> set[str]:
        """The labs about which this report says nothing: those with an action under way, and those on nodes that do not
        answer."""
        places = {lab.id: lab.node for lab in rows} | {domain.id: domain.node for domain in event.report.domains}
        silent = {node for node, known in view.nodes.items() if not known.up}
        return {
            id
            for id, node in places.items()
            if node in silent or self.scheduler.busy.get(id, WATCHING[0]) not in WATCHING
        } | event.moving

    def _went_off(self, lab: Lab, state: LabState, now: datetime, *, crashed: bool, with_host: bool = False) -> None:
        """Handles a lab that rebooted from inside (``state`` is BOOTING) or went off (MAKING starts it again with
        its disk).  Repeated stops lengthen the pause before the next start.  A free lab has no work in it and is
        destroyed."""
        leases = self.leases.every(lab_id=lab.id)
        stops = lab.stops + 1 if now - lab.state_at < STEADY else 1
        what = "crashed" if crashed else "was shut down from inside" if state is LabState.MAKING else "rebooted"
        what = "stopped while its host did not answer" if with_host else what
        log.info("lab %s on %s %s, %d times in a row", lab.name, lab.machine, what, stops)
        if not leases:
            self._lose(lab, f"it {what} while nobody had it", now)
            return
        self.scheduler.over(lab.id, "probe")
        self.scheduler.move(lab, state, now)
        self.labs.change({"id": lab.id}, stops=stops, boots=lab.boots + (state is LabState.BOOTING))
        for lease in leases:
            if stops == RESTLESS:
                self._tell(
                    lease,
                    f"your {lab.image} lab keeps stopping: !lab console shows how to look at its console, "
                    "!lab reset resets it to the original image",
                    now,
                )
            elif state is LabState.MAKING and stops < RESTLESS:
                self._tell(
                    lease,
                    f"your {lab.image} lab {what}: starting it again, about "
                    f"{max(5, round(self.scheduler.boot_seconds(lab.image)))} s; the same ssh command works",
                    now,
                )

    def _tell(self, lease: Lease, text: str, now: datetime) -> None:
        if lease.rehearsal:
            return
        self.notices.tell(now, text, person_id=lease.person_id, not_after=now + STALE)

    def _start_left(self, lab: Lab) -> None:
        if lab.image in self.scheduler.images:
            self.scheduler.busy[lab.id] = "make"
            self.scheduler.strays.append(HostWork(lab.host, "make", lab.id, self.scheduler.spec(lab)))

    def host_lost(self, event: HostLost, now: datetime) -> None:
        view = self.scheduler.hosts[event.name]
        for each in (view, *view.nodes.values()):
            each.is_down(event.reason, now)

    def host_status(self, event: HostStatus, now: datetime) -> None:
        view = self.scheduler.view(event.host)
        if view is None:
            return  # a node that is no longer there
        view.io_wait, view.clock_off = event.io_wait, event.clock_off
        if abs(event.clock_off) >= CLOCK_OFF:
            view.troubled(f"its clock is {event.clock_off:+.0f} s off, and labs take their time from it", now)

    def finished(self, event: HostWorkDone, now: datetime) -> None:
        """Handles the end of an action; the lab's row may have changed meanwhile."""
        self.scheduler.over(event.lab, event.action)
        lab = self.labs.get(event.lab)
        if lab is None or reconciler.ACTIONS.get(lab.state) != event.action:
            return
        if event.error is not None:
            if not event.down:
                self._failed(lab, event.error, now)
            return
        if event.action in AFTER:
            self.scheduler.move(lab, AFTER[event.action], now)
            return
        run = event.domain.run if event.domain is not None else ""
        if event.domain is not None:
            self._adopt(lab, event.domain)
        same = (
            event.action == "make" and run != "" and run == lab.run
        )  # it was already running: people may stay logged in
        self.scheduler.move(lab, LabState.BOOTING if self.scheduler.host_of(lab).has_ssh else LabState.READY, now)
        self.labs.change({"id": lab.id}, run=run, boots=lab.boots + (not same))
        if event.action == "snapshot":
            self.labs.change({"id": lab.id}, saved_at=now)
        elif event.action == "reset":
            self.labs.change({"id": lab.id}, saved_at=None, stops=0, checked_at=None)

    def booted(self, event: LabBooted, now: datetime) -> None:
        self.scheduler.over(event.lab, "probe")
        lab = self.labs.get(event.lab)
        if lab is not None and lab.state is LabState.BOOTING:
            self._learn(lab, now)
            self.scheduler.move(lab, LabState.READY, now)
            self.labs.change({"id": lab.id}, checked_at=now)
            self.scheduler.backoff.works(lab.machine, self._version(lab))

    def _learn(self, lab: Lab, now: datetime) -> None:
        """Takes the time of a boot into the estimate for its image."""
        took = (now - lab.state_at).total_seconds()
        known = float(self.settings.get(f"boot.{lab.image}") or took)
        self.settings.set(f"boot.{lab.image}", f"{(known + took) / 2:.1f}")

    def checked(self, event: LoginChecked, now: datetime) -> None:
        """Handles a trial login to a free lab: a lab that fails twice is given up; one that only answers too slowly,
        later."""
        self.scheduler.over(event.lab, "check")
        lab = self.labs.get(event.lab)
        if lab is None or lab.state is not LabState.READY or self.leases.every(lab_id=event.lab):
            return
        if not event.error:
            self.labs.change({"id": lab.id}, checked_at=now, tries=0)
        elif lab.tries + 1 < (SLOW_CHECKS if event.slow else CHECKS) or not self.scheduler.host_of(lab).up:
            self.labs.change({"id": lab.id}, tries=lab.tries + 1)
        else:
            self._lose(lab, f"nobody can log in: {event.error}", now)

    def _version(self, lab: Lab) -> str:
        image = self.scheduler.images.get(lab.image)
        return image.version if image is not None else lab.image

    def tick(self, now: datetime) -> None:
        """Gives up labs that never let anybody in and that do nothing, or have taken too long; a lab that once did may
        hold somebody's work."""
        for lab in self.labs.all(state=LabState.BOOTING):
            booting, usual = now - lab.state_at, self.scheduler.boot_seconds(lab.image)
            if not self.scheduler.host_of(lab).up:
                continue
            if lab.checked_at is None:
                quiet = self.life.quiet(lab, now)
                if too_long(usual, booting, quiet):
                    self._learn(lab, now)  # a boot takes at least that long
                    why = f"nobody could log in within {span(booting)}"
                    self._doubt(lab, why, now)
                    self._lose(lab, why, now)
                elif is_slow(usual, booting) and quiet <= BUSY:
                    self._tell_slow(lab, usual, now)
                continue
            if booting <= BOOT_LIMIT:
                continue
            for lease in self.leases.open(lab_id=lab.id):
                self.notices.tell(
                    now,
                    f"your {lab.image} lab is running, but its ssh has not answered for "
                    f"{BOOT_LIMIT.seconds // 60} min: !lab console shows how to look at its console, !lab reset "
                    "resets it to the original image",
                    person_id=lease.person_id,
                    not_after=now + STALE,
                    key=f"silent {lab.id} {lab.boots}",
                )

    def _tell_slow(self, lab: Lab, usual: float, now: datetime) -> None:
        """Tells whoever waits for a lab that boots slowly but works, once per boot."""
        for lease in self.leases.open(lab_id=lab.id):
            self.notices.tell(
                now,
                f"your {lab.image} lab is booting slower than usual ({span(now - lab.state_at)} so far, usually "
                f"{span(timedelta(seconds=usual))}), but it is working, so I'm waiting for it; the same ssh command works "
                "as soon as it is up",
                person_id=lease.person_id,
                not_after=now + STALE,
                key=f"slow {lab.id} {lab.boots}",
            )

    def _doubt(self, lab: Lab, why: str, now: datetime) -> None:
        """Keeps its host from getting more labs of this image for a while."""
        view = self.scheduler.host_of(lab)
        self.scheduler.backoff.failed(lab.machine, self._version(lab), now)
        view.troubled(f"a {lab.image} lab there: {why}", now)

    def _adopt(self, lab: Lab, domain: Domain) -> None:
        if lab.host in self.scheduler.hosts:
            self._followed(lab, self.scheduler.hosts[lab.host], domain)
        if domain.endpoint is not None and domain.endpoint != lab.endpoint:
            self.labs.change({"id": lab.id}, address=domain.endpoint[0], ssh_port=domain.endpoint[1])
            self.scheduler.over(lab.id, "probe")  # it has to be probed at its new address

    def _failed(self, lab: Lab, error: str, now: datetime) -> None:
        log.warning("lab %s on %s: %s", lab.name, lab.machine, error)
        leases = self.leases.every(lab_id=lab.id)
        if lab.state is LabState.MAKING and (lab.boots == 0 or not leases):  # nobody has any work in it
            if lab.tries + 1 >= TRIES or self._fits_elsewhere(lab, now):
                self._doubt(lab, error, now)
                self._lose(lab, f"it could not be made: {error}", now)
                return
        if lab.state is LabState.SAVING:
            self.scheduler.move(lab, LabState.MAKING, now)  # it keeps running unchanged, or is started
            for lease in leases:
                self._tell(
                    lease, f"could not take a snapshot of your {lab.image} lab; it goes on unchanged: {error}", now
                )
            return
        # a host that is busy may fail to start what it has put back: its disk is the snapshot's then
        if lab.state is LabState.ROLLING_BACK and lab.tries + 1 >= TRIES:
            self.scheduler.move(lab, LabState.MAKING, now)
            for lease in leases:
                self._tell(
                    lease,
                    f"could not roll back your {lab.image} lab ({error}): look at it, then type !lab rollback again, or "
                    "!lab reset for the original image",
                    now,
                )
            return
        if lab.state is LabState.PAUSING:
            self.scheduler.move(lab, LabState.READY, now)  # the next report says how it is
            return
        self.labs.change({"id": lab.id}, tries=lab.tries + 1, state_at=now, fault=error)
        for lease in leases if lab.tries + 1 == TRIES else ():
            self._tell(lease, f"your {lab.image} lab can't be started right now; I'll keep trying: {error}", now)

    def _fits_elsewhere(self, lab: Lab, now: datetime) -> bool:
        """Whether another host has room for it."""
        image = self.scheduler.images.get(lab.image)
        others = elsewhere(self.scheduler.rooms(self.labs.present(), now), lab.machine)
        return image is not None and choose_host(others, self.scheduler.need(image)) is not None

    def _lose(self, lab: Lab, why: str, now: datetime) -> None:
        """Gives the lab up: it is destroyed, and its person gets another one.  People who may have had work in it are
        told; the reason is for the log and for organisers."""
        log.warning("lab %s on %s is lost: %s", lab.name, lab.machine, why)
        self.labs.change({"id": lab.id}, state=LabState.ENDING, state_at=now, tries=0, fault=why)
        for lease in self.leases.every(lab_id=lab.id):
            self.leases.change({"id": lease.id}, lab_id=None)
            if lab.state is not LabState.MAKING and not lease.rehearsal:
                same = "the same ssh command works" if lease.digest else "I'll send you its ssh command"
                booting = now - lab.state_at if lab.state is LabState.BOOTING and lab.checked_at is None else STEADY
                what = f"did not come up within {span(booting)}" if booting > BOOT_LIMIT else "was lost"
                self.notices.tell(
                    now,
                    f"sorry, your {lease.image} lab {what}. A new one is on its way; {same}",
                    person_id=lease.person_id,
                )
