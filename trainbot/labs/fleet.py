"""Labs and hosts kept together: events from hosts become rows, rows become work.

Every event re-reads the row first, so that a late or repeated one does no harm.  What is under way is only a guard
against beginning it twice; after a restart the rows alone say what is to be done (``labs.control``).
"""

from __future__ import annotations

import logging
import uuid
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.config.model import LabsConfig
from trainbot.hosts.images import files
from trainbot.hosts.model import Domain, DomainState, Finished, HostConfig, HostLost, HostUp, LabSpec
from trainbot.hosts.seats import free_seat
from trainbot.labs import control
from trainbot.labs.avoiding import Avoided
from trainbot.labs.control import TRIES, Pool, Want
from trainbot.labs.doings import Booted, Check, Checked, HostStatus, HostWork, Probe, Way
from trainbot.labs.hostview import HostView
from trainbot.labs.images import Image
from trainbot.labs.model import Lab, LabState, Lease
from trainbot.labs.placement import Need, Seats, choose_host
from trainbot.labs.reconcile import compare

if TYPE_CHECKING:
    from trainbot.store.repositories import Labs, Leases, Notices, Settings

log = logging.getLogger(__name__)
DRAINED = "drained"  # the setting with the names of such hosts
BOOT_LIMIT = timedelta(minutes=5)
AT_ONCE = 2  # pool members made at the same time on one host at least: a booting lab is hard work for it
WATCHING = ("probe", "check")  # they change nothing on the host
STEADY = timedelta(minutes=5)  # a lab that went off sooner than this after its boot did it again
RESTLESS = 3  # so often in a row, and its person hears that it is no accident
STALE = timedelta(minutes=30)  # what happened to a lab is no news after this
CLOCK_OFF = 30.0  # seconds: labs have the time from their host
FIRST_GUESS = 30.0  # seconds from asking a host for a lab to its ssh, before any was seen


class Fleet:
    """``pool``: how many labs of which kind are to be free now.  ``free_port``: a TCP port of our loopback that is not
    in use, given those that are spoken for."""

    def __init__(self, labs: Labs, leases: Leases, notices: Notices, settings: Settings, config: LabsConfig,
                 images: dict[str, Image], pool: Callable[[datetime], Pool], hosts: Iterable[HostConfig], owner: str,
                 free_port: Callable[[set[int]], int]) -> None:
        self.labs, self.leases, self.notices, self.settings = labs, leases, notices, settings
        self.config, self.images, self.pool, self.owner, self.free_port = config, images, pool, owner, free_port
        self.hosts = {host.name: HostView(host) for host in hosts}
        self.avoided = Avoided()
        self.busy: dict[str, str] = {}
        self._stray_work: list[HostWork] = []
        drained = (settings.get(DRAINED) or "").split()
        for name, view in self.hosts.items():
            view.drained = name in drained

    def set_drained(self, name: str, drained: bool) -> None:
        """No new labs there from now on, or again."""
        self.hosts[name].drained = drained
        self.settings.set(DRAINED, " ".join(sorted(name for name, view in self.hosts.items() if view.drained)))

    # -- what hosts tell -------------------------------------------------------------------------

    def host_up(self, event: HostUp, now: datetime) -> None:
        view = self.hosts[event.report.name]
        if not view.up:
            log.info("host %s answers: %s, %d labs of ours, %d of %d MiB free", event.report.name,
                     event.report.hypervisor, len(event.report.domains), event.report.free_mib, event.report.memory_mib)
        view.up, view.report, view.trouble, view.down_since = True, event.report, "", None
        rows = [lab for lab in self.labs.present() if lab.host == event.report.name]
        busy = [id for id, action in self.busy.items() if action not in WATCHING]
        difference = compare(rows, event.report, busy)
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
                crashed = any(domain.id == lab.id and domain.state is DomainState.CRASHED
                              for domain in event.report.domains)
                self._went_off(lab, LabState.MAKING, now, crashed=crashed)
        for lab in difference.missing:
            self._lose(lab, "it is no longer on its host", now)
        for lab in difference.finished:
            self._move(lab, LabState.GONE, now)
        for id in difference.strays:
            log.warning("host %s has domain %s of ours that no lab asks for; it goes", event.report.name, id)
            self.busy[id] = "destroy"
            self._stray_work.append(HostWork(event.report.name, "destroy", id, None))

    def _went_off(self, lab: Lab, state: LabState, now: datetime, *, crashed: bool) -> None:
        """It rebooted from inside (BOOTING by now) or is off (MAKING starts it on its disk); sooner each time, and the
        pause before the next start is longer.  A free one has no work in it: it goes."""
        leases = self.leases.open(lab_id=lab.id)
        stops = lab.stops + 1 if now - lab.state_at < STEADY else 1
        what = "crashed" if crashed else "was turned off from inside" if state is LabState.MAKING else "rebooted"
        log.info("lab %s on %s %s, %d times in a row", lab.name, lab.host, what, stops)
        if not leases:
            self._lose(lab, f"it {what} while nobody had it", now)
            return
        self._over(lab.id, "probe")
        self._move(lab, state, now)
        self.labs.change({"id": lab.id}, stops=stops, boots=lab.boots + (state is LabState.BOOTING))
        for lease in leases:
            if stops == RESTLESS:
                self._tell(lease, f"your {lab.image} lab goes off again and again: !lab console says how to see why, "
                                  "!lab reset makes it as new", now)
            elif state is LabState.MAKING and stops < RESTLESS:
                self._tell(lease, f"your {lab.image} lab {what}: it is started again, about "
                                  f"{max(5, round(self.boot_seconds(lab.image)))} s, and the same ssh line works", now)

    def _tell(self, lease: Lease, text: str, now: datetime) -> None:
        self.notices.tell(now, text, person_id=lease.person_id, not_after=now + STALE)

    def _start_left(self, lab: Lab) -> None:
        if lab.image in self.images:
            self.busy[lab.id] = "make"
            self._stray_work.append(HostWork(lab.host, "make", lab.id, self._spec(lab)))

    def host_lost(self, event: HostLost, now: datetime) -> None:
        view = self.hosts[event.name]
        if view.down_since is None:
            view.down_since = view.listen_at = now
        if view.up:
            log.warning("host %s does not answer: %s", event.name, event.reason)
            view.troubled(f"did not answer: {event.reason}", now)
        view.up, view.trouble = False, event.reason

    def host_status(self, event: HostStatus, now: datetime) -> None:
        view = self.hosts[event.host]
        view.io_wait, view.clock_off = event.io_wait, event.clock_off
        if abs(event.clock_off) >= CLOCK_OFF:
            view.troubled(f"its clock is {event.clock_off:+.0f} s off, and labs have theirs from it", now)

    def finished(self, event: Finished, now: datetime) -> None:
        """An action came to its end; its row may have moved on meanwhile."""
        self._over(event.lab, event.action)
        lab = self.labs.get(event.lab)
        if lab is None or control.ACTIONS.get(lab.state) != event.action:
            return
        if event.error is not None:
            if not event.down:
                self._failed(lab, event.error, now)
            return
        if event.action == "destroy":
            self._move(lab, LabState.GONE, now)
            return
        run = event.domain.run if event.domain is not None else ""
        if event.domain is not None:
            self._adopt(lab, event.domain)
        same = event.action == "make" and run != "" and run == lab.run  # it ran already: whoever is in it may stay
        self._move(lab, LabState.BOOTING if self.host_of(lab).has_ssh else LabState.READY, now)
        self.labs.change({"id": lab.id}, run=run, boots=lab.boots + (not same))
        if event.action == "snapshot":
            self.labs.change({"id": lab.id}, saved_at=now)
        elif event.action == "reset":
            self.labs.change({"id": lab.id}, saved_at=None, stops=0, checked_at=None)

    def _over(self, lab: str, action: str) -> None:
        """That action is no longer under way; another that was begun meanwhile still is."""
        if self.busy.get(lab) == action:
            del self.busy[lab]

    def host_of(self, lab: Lab) -> HostView:
        """Where it is; a host that answers to nobody where bot.ini knows it no more."""
        return self.hosts.get(lab.host, _NOWHERE)

    def booted(self, event: Booted, now: datetime) -> None:
        self._over(event.lab, "probe")
        lab = self.labs.get(event.lab)
        if lab is not None and lab.state is LabState.BOOTING:
            name = f"boot.{lab.image}"
            took = (now - lab.state_at).total_seconds()
            known = float(self.settings.get(name) or took)
            self.settings.set(name, f"{(known + took) / 2:.1f}")
            self._move(lab, LabState.READY, now)
            self.labs.change({"id": lab.id}, checked_at=now)
            self.avoided.works(lab.host, self._version(lab))

    def checked(self, event: Checked, now: datetime) -> None:
        """A free lab was tried: one that lets nobody in, twice, is not handed out to anybody."""
        self._over(event.lab, "check")
        lab = self.labs.get(event.lab)
        if lab is None or lab.state is not LabState.READY or self.leases.open(lab_id=event.lab):
            return
        if not event.error:
            self.labs.change({"id": lab.id}, checked_at=now, tries=0)
        elif lab.tries == 0 or not self.host_of(lab).up:
            self.labs.change({"id": lab.id}, tries=1)
        else:
            self._lose(lab, f"nobody can log in: {event.error}", now)

    def _version(self, lab: Lab) -> str:
        image = self.images.get(lab.image)
        return image.version if image is not None else lab.image

    def boot_seconds(self, image: str) -> float:
        """How long a lab of this image took to boot of late; seconds."""
        return float(self.settings.get(f"boot.{image}") or FIRST_GUESS)

    def tick(self, now: datetime) -> None:
        """A lab that never let anybody in is given up; in one that did may be somebody's work."""
        for lab in self.labs.all(state=LabState.BOOTING):
            if now - lab.state_at <= BOOT_LIMIT or not self.host_of(lab).up:
                continue
            if lab.checked_at is None:
                why = f"nobody could log in within {BOOT_LIMIT.seconds // 60} min"
                self._doubt(lab, why, now)
                self._lose(lab, why, now)
                continue
            for lease in self.leases.open(lab_id=lab.id):
                self.notices.tell(now, f"your {lab.image} lab runs, but its ssh has not answered for "
                                       f"{BOOT_LIMIT.seconds // 60} min: !lab console says how to look at it, !lab reset "
                                       "makes it as new", person_id=lease.person_id, not_after=now + STALE,
                                  key=f"silent {lab.id} {lab.boots}")

    def _doubt(self, lab: Lab, why: str, now: datetime) -> None:
        """Its host is left alone with this image for a while."""
        view = self.host_of(lab)
        self.avoided.failed(lab.host, self._version(lab), now)
        view.troubled(f"a {lab.image} lab there: {why}", now)

    # -- what is to be done ----------------------------------------------------------------------

    def give(self, lease: Lease, now: datetime, *, tell: bool = False) -> bool:
        """A lab for whoever asks right now, if there is one or room for one, and nobody waits longer for its kind."""
        if any(other.id < lease.id for other in self.leases.open(lab_id=None, image=lease.image, mode=lease.mode)):
            return False
        free = [lab for lab in self.labs.free(lease.image, lease.mode)
                if self.host_of(lab).up and not self.host_of(lab).drained]
        if free:
            id = min(free, key=lambda lab: (control.NEARNESS.index(lab.state), lab.made_at, lab.id)).id
        else:
            present = self.labs.present()
            host = choose_host(self.seats(present, now), self.need(self.images[lease.image]))
            if host is None:
                return False
            id = self._make(Want(lease.image, lease.mode, lease.id), host, {lab.port for lab in present}, now)
        self._assign(lease, id, now, tell=tell)
        return True

    def seat(self, now: datetime, quiet: frozenset[int] = frozenset()) -> None:
        """Free labs for those who wait, who are told by a notice (but not those of the leases ``quiet``, who are told
        otherwise); labs to be made for the rest and for the pool."""
        present, leases = self.labs.present(), self.leases.open()
        needs = {name: self.need(image) for name, image in self.images.items()}
        plan = control.seating(leases, present, self.seats(present, now), needs, self.pool(now))
        by_id = {lease.id: lease for lease in leases}
        ports = {lab.port for lab in present}
        for lease, lab in plan.given:
            self._assign(lease, lab.id, now, tell=lease.id not in quiet)
        for want, host in plan.made:
            id = self._make(want, host, ports, now)
            if want.lease is not None:
                self._assign(by_id[want.lease], id, now, tell=want.lease not in quiet)
        for lab in plan.evicted:
            self._move(lab, LabState.ENDING, now)
        up = {name for name, view in self.hosts.items() if view.up}
        for lease in control.stranded(leases, present, up):
            self.give(lease, now, tell=True)

    def _assign(self, lease: Lease, lab: str, now: datetime, *, tell: bool = False) -> None:
        expires_at = max(lease.expires_at, now + self.config.lease)  # the time of waiting is not counted
        self.leases.change({"id": lease.id}, lab_id=lab, expires_at=expires_at)
        if tell:
            self.notices.tell(now, "", person_id=lease.person_id, kind="lab", subject=str(lease.id))

    def _make(self, want: Want, host: str, ports: set[int], now: datetime) -> str:
        """The row of a new lab; its id.  ``ports``: those that are spoken for, with the new one afterwards."""
        id = str(uuid.uuid4())
        port = self.free_port(ports) if self.hosts[host].config.uri.startswith("qemu:///embed") else 0
        ports.add(port)
        self.labs.add(id=id, name=f"tb-{want.image}-{id[:8]}", image=want.image, mode=want.mode, host=host,
                      state=LabState.MAKING, port=port, address="", ssh_port=0, tries=0, fault="", made_at=now,
                      state_at=now, seat=self._free_seat(host))
        return id

    def _free_seat(self, host: str) -> int:
        """For hosts that other machines than ours are; the row is there before the next one asks."""
        if not self.hosts[host].config.has_seats:
            return 0
        return free_seat({lab.seat for lab in self.labs.present() if lab.host == host})

    def need(self, image: Image) -> Need:
        return Need(image.memory_mib, self.config.disk, image.version)

    def seats(self, present: list[Lab], now: datetime) -> list[Seats]:
        """All hosts as placement sees them."""
        return [self._seats(view, [lab for lab in present if lab.host == name], now)
                for name, view in self.hosts.items()]

    def _seats(self, view: HostView, here: list[Lab], now: datetime) -> Seats:
        report, name = view.report, view.config.name
        coming = [self.need(self.images[lab.image]) for lab in here
                  if lab.state is LabState.MAKING and lab.image in self.images]
        return Seats(
            name, view.up, view.config.labs, len(here), report.free_mib if report else 0,
            coming_mib=sum(need.memory_mib for need in coming), coming_disk_mib=sum(need.disk_mib for need in coming),
            in_making=sum(lab.state in (LabState.MAKING, LabState.BOOTING) for lab in here),
            at_once=max(AT_ONCE, report.cpus // 2 if report else 0), drained=view.drained,
            disk_free_mib=report.disk_free_mib if report else None, images=report.images if report else None,
            avoided=self.avoided.at(name, now))

    def work(self, now: datetime) -> list[HostWork | Probe | Check]:
        """What hosts and watchers are to begin now; each is under way from here on."""
        up = {name for name, view in self.hosts.items() if view.up}
        work: list[HostWork | Probe | Check] = list(self._stray_work)
        self._stray_work.clear()
        present = self.labs.present()
        booting = {lab.id for lab in present if lab.state is LabState.BOOTING}
        # who watches a lab boot does not hold up what was asked meanwhile
        busy = {id for id, action in self.busy.items()
                if action not in WATCHING or (action == "probe" and id in booting)}
        for lab, action in control.next_actions(present, up, busy, now):
            if action == "probe":
                if lab.endpoint is None:
                    continue  # its host does not know the address yet: the next report may
                work.append(Probe(lab.id, self._way(lab)))
            elif lab.image in self.images:
                work.append(HostWork(lab.host, action, lab.id, self._spec(lab)))
            elif action == "destroy":
                work.append(HostWork(lab.host, action, lab.id, None))
            else:
                continue
            self.busy[lab.id] = action
        checkable = {name for name in up if self.hosts[name].has_ssh}
        for lab in control.due_checks(self.leases.open(), present, checkable, set(self.busy), self.config.health, now):
            self.busy[lab.id] = "check"
            work.append(Check(lab.id, self._way(lab)))
        return work

    def _way(self, lab: Lab) -> Way:
        image = self.images.get(lab.image)
        return Way(lab.address, lab.ssh_port, self.host_of(lab).config.door, image.user if image else "root",
                   image.host_key if image else "")

    def _spec(self, lab: Lab) -> LabSpec:
        image, folder = self.images[lab.image], self.hosts[lab.host].config.images
        there = image.files if folder is None else files(folder, image.version)
        return LabSpec(id=lab.id, name=lab.name, image=lab.image, disk=there.disk, kernel=there.kernel,
                       initrd=there.initrd, cmdline=image.boot_line(lab.mode), memory_mib=image.memory_mib,
                       vcpus=image.vcpus, port=lab.port, owner=self.owner, guest=image.guest, seat=lab.seat,
                       cpu_percent=image.cpu_percent)

    # -- rows --------------------------------------------------------------------------------------

    def _move(self, lab: Lab, state: LabState, now: datetime) -> None:
        if state in (LabState.READY, LabState.GONE):
            log.info("lab %s on %s is %s", lab.name, lab.host, state)
        self.labs.change({"id": lab.id}, state=state, state_at=now, tries=0)

    def _adopt(self, lab: Lab, domain: Domain) -> None:
        if domain.endpoint is not None and domain.endpoint != lab.endpoint:
            self.labs.change({"id": lab.id}, address=domain.endpoint[0], ssh_port=domain.endpoint[1])
            self._over(lab.id, "probe")  # it is to be watched at its new address

    def _failed(self, lab: Lab, error: str, now: datetime) -> None:
        log.warning("lab %s on %s: %s", lab.name, lab.host, error)
        leases = self.leases.open(lab_id=lab.id)
        if lab.state is LabState.MAKING and (lab.boots == 0 or not leases):  # nobody has anything in it
            if lab.tries + 1 >= TRIES or self._fits_elsewhere(lab, now):
                self._doubt(lab, error, now)
                self._lose(lab, f"it could not be made: {error}", now)
                return
        if lab.state in (LabState.SAVING, LabState.ROLLING_BACK):
            what = "kept" if lab.state is LabState.SAVING else "rolled back"
            self._move(lab, LabState.MAKING, now)  # it runs on as it was, or is started
            for lease in leases:
                self._tell(lease, f"your {lab.image} lab could not be {what}, it goes on as it was: {error}", now)
            return
        self.labs.change({"id": lab.id}, tries=lab.tries + 1, state_at=now, fault=error)
        for lease in leases if lab.tries + 1 == TRIES else ():
            self._tell(lease, f"your {lab.image} lab cannot be started just now, I go on trying: {error}", now)

    def _fits_elsewhere(self, lab: Lab, now: datetime) -> bool:
        """Whether another host has room for it."""
        image = self.images.get(lab.image)
        others = [seats for seats in self.seats(self.labs.present(), now) if seats.host != lab.host]
        return image is not None and choose_host(others, self.need(image)) is not None

    def _lose(self, lab: Lab, why: str, now: datetime) -> None:
        """The lab is given up: what is left of it goes, and its person gets another.  Whoever had something in it is
        told; the reason is for the log and for organisers."""
        log.warning("lab %s on %s is lost: %s", lab.name, lab.host, why)
        self.labs.change({"id": lab.id}, state=LabState.ENDING, state_at=now, tries=0, fault=why)
        for lease in self.leases.open(lab_id=lab.id):
            self.leases.change({"id": lease.id}, lab_id=None)
            if lab.state is not LabState.MAKING:
                self.notices.tell(now, f"your {lease.image} lab was lost, I am sorry; a fresh one comes, and its ssh line "
                                       "with it", person_id=lease.person_id)


_NOWHERE = HostView(HostConfig("", ""))
