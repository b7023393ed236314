"""Assigns labs to leases, and decides what hosts have to do next.

The record of actions under way only prevents beginning one twice; after a restart the rows alone say what to do
(``labs.reconciler``).
"""

from __future__ import annotations

import logging
import uuid
from collections import defaultdict
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import TYPE_CHECKING, Protocol

from trainbot.features.labs import reconciler
from trainbot.features.labs.backoff import ImageBackoff
from trainbot.features.labs.host_view import HostView
from trainbot.features.labs.lab_queue import in_line, untold
from trainbot.features.labs.placement import HostRoom, Need, choose_machine, host_of_nodes
from trainbot.features.labs.reconciler import LabRequest, Pool
from trainbot.model.config import Config
from trainbot.model.disk_space import for_labs, promised, with_tables
from trainbot.model.host import HostConfig, HostReport, LabSpec
from trainbot.model.image_files import files
from trainbot.model.lab import Lab, LabState, Lease
from trainbot.model.lab_events import CheckLogin, HostWork, LabRoute, Probe
from trainbot.model.lab_image import LabImage
from trainbot.model.notice import NoticeKind
from trainbot.model.ports import Installation
from trainbot.model.slots import free_slot

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

log = logging.getLogger(__name__)
DRAINED = "drained"  # the setting with the names of drained hosts
AT_ONCE = 2  # pool labs made at the same time on one host, at least: a booting lab is hard work for it
WATCHING = ("probe", "check")  # actions that change nothing on the host
FIRST_GUESS = 30.0  # seconds from asking a host for a lab to its ssh, until one was measured


class _Allocated:
    """What is in use: ports on our loopback, slots of each host."""

    def __init__(self, present: Iterable[Lab]) -> None:
        self.ports: set[int] = set()
        self.slots: dict[str, set[int]] = defaultdict(set)
        for lab in present:
            self.ports.add(lab.port)
            self.slots[lab.host].add(lab.slot)


class PoolPlan(Protocol):
    def pool(self, now: datetime) -> Pool:
        """How many labs of each kind should be free now."""


class EmptyPoolPlan:
    """Plans no labs ahead: they are made only for those who ask."""

    def pool(self, now: datetime) -> Pool:
        return {}


class Scheduler:
    """``plan``: how many labs of each kind should be free now; none until it is set."""

    def __init__(self, store: Store, config: Config, installation: Installation) -> None:
        self.labs, self.leases, self.notices, self.settings = store.labs, store.leases, store.notices, store.settings
        self.config, self.images, self.unready = config.labs, installation.images, installation.unready
        self.owner, self.loopback = installation.owner, installation.loopback
        self.plan: PoolPlan = EmptyPoolPlan()
        self.spare = {
            image.name: config.labs.spare if image.spare is None else image.spare
            for image in config.images
            if image.name in installation.images
        }
        self.hosts = {host.name: HostView(host) for host in config.hosts}
        self.drained = frozenset((store.settings.get(DRAINED) or "").split())
        self.backoff = ImageBackoff()
        self.busy: dict[str, str] = {}
        self.strays: list[HostWork] = []
        self.yielded = 0  # labs that a rehearsal gave up for people
        nodes = {(lab.host, lab.node) for lab in store.labs.present() if lab.node}
        for name, view in self.hosts.items():
            view.drained = name in self.drained
            view.know_nodes((node for host, node in nodes if host == name), self.drained)

    @property
    def machines(self) -> dict[str, HostView]:
        """What can be lost by itself, by name: hosts, and the nodes of those that have several (HOST/NODE)."""
        return {machine.name: machine for view in self.hosts.values() for machine in view.machines}

    def up(self) -> set[str]:
        """The names of the hosts and nodes that answer."""
        return {machine.name for view in self.hosts.values() for machine in view.machines if machine.up}

    def view(self, name: str) -> HostView | None:
        """The host, or the node (HOST/NODE), of that name."""
        host, _, node = name.partition("/")
        view = self.hosts.get(host)
        return view.nodes.get(node) if view is not None and node else view

    def set_drained(self, name: str, drained: bool) -> None:
        """Stops new labs on that host or node, or allows them again."""
        view = self.view(name)
        assert view is not None
        view.drained = drained
        known = {each for each in self.drained if each.partition("/")[0] in self.hosts}
        self.drained = frozenset(known | {name} if drained else known - {name})
        self.settings.set(DRAINED, " ".join(sorted(self.drained)))

    def over(self, lab: str, action: str) -> None:
        """Ends that action; another one that was begun meanwhile stays under way."""
        if self.busy.get(lab) == action:
            del self.busy[lab]

    def host_of(self, lab: Lab) -> HostView:
        """The lab's host, or its node; a host that never answers if it is no longer in bot.ini."""
        view = self.hosts.get(lab.host, _NOWHERE)
        return view.nodes.get(lab.node, _NOWHERE) if view.nodes else view

    def open_hosts(self) -> dict[str, int]:
        """The hosts (and nodes) that answer and are not drained -> how many people have labs there."""
        held = self.leases.by_host()
        return {name: held.get(name, 0) for name, view in self.machines.items() if view.up and not view.closed}

    def boot_seconds(self, image: str) -> float:
        """How long labs of this image took to boot lately, in seconds."""
        return float(self.settings.get(f"boot.{image}") or FIRST_GUESS)

    # -- assigning labs --------------------------------------------------------------------------

    def give(self, lease: Lease, now: datetime, *, tell: bool = False) -> bool:
        """Gives the lease a lab now if there is one or room for one, and nobody has waited longer for its kind; returns
        whether it did."""
        waiting = self.leases.open(lab_id=None, image=lease.image, mode=lease.mode)
        before = [other for other in waiting if other.id < lease.id]
        if before and in_line(before, self.notices.waiting()):
            return False
        free = self.labs.free(
            lease.image, lease.mode, self.open_hosts()
        )  # spread, so that the loss of a host affects few
        if free is not None:
            id = free.id
        else:
            present = self.labs.present()
            machine = choose_machine(self.rooms(present, now), self.need(self.images[lease.image]))
            if machine is None:
                return False
            id = self._make(LabRequest(lease.image, lease.mode, lease.id), machine, _Allocated(present), now)
        self._assign(lease, id, now, tell=tell)
        return True

    def assign(self, now: datetime, quiet: frozenset[int] = frozenset()) -> None:
        """Gives free labs to those who wait and tells them by a notice (except for the leases ``quiet``, whose people
        are told otherwise); has labs made for the rest and for the pool."""
        present, leases = self.labs.present(), in_line(self.leases.every(), self.notices.waiting())
        needs = {name: self.need(image) for name, image in self.images.items()}
        plan = reconciler.assignments(leases, present, self.rooms(present, now), needs, self.plan.pool(now))
        by_id = {lease.id: lease for lease in leases}
        taken = _Allocated(present)
        for lease, lab in plan.given:
            self._assign(lease, lab.id, now, tell=lease.id not in quiet)
        for want, machine in plan.made:
            id = self._make(want, machine, taken, now)
            if want.lease is not None:
                self._assign(by_id[want.lease], id, now, tell=want.lease not in quiet)
        for lab in plan.evicted:
            self._vacate(lab.id)
            self.move(lab, LabState.ENDING, now)
        for lease in reconciler.stranded([lease for lease in leases if not lease.rehearsal], present, self.up()):
            self.give(lease, now, tell=True)

    def _assign(self, lease: Lease, lab: str, now: datetime, *, tell: bool = False) -> None:
        if lease.rehearsal:
            self.leases.change({"id": lease.id}, lab_id=lab)
            return
        self._vacate(lab)
        expires_at = max(lease.expires_at, now + self.config.lease)  # waiting time is not counted
        self.leases.change({"id": lease.id}, lab_id=lab, expires_at=expires_at)
        if tell and lease.digest and str(lease.id) not in untold(self.notices.waiting()):
            # its person may be logging in with that password right now: it stays
            self.notices.tell(
                now,
                f"you have a new {lease.image} lab; the same ssh command works, with the same password or key",
                person_id=lease.person_id,
                key=f"lease {lease.id} {lab}",
            )
        elif tell:
            self.notices.tell(now, "", person_id=lease.person_id, kind=NoticeKind.LAB, subject=str(lease.id))

    def _vacate(self, lab: str) -> None:
        """Takes the lab from a rehearsal, whose lease waits for another one."""
        for lease in self.leases.rehearsals(lab_id=lab):
            self.leases.change({"id": lease.id}, lab_id=None)
            self.yielded += 1

    def _make(self, want: LabRequest, machine: str, taken: _Allocated, now: datetime) -> str:
        """Adds the row of a new lab; returns its id."""
        host, _, node = machine.partition("/")
        id, config = str(uuid.uuid4()), self.hosts[host].config
        port = self.loopback.free_port(taken.ports) if config.uri.startswith("qemu:///embed") else 0
        slot = free_slot(taken.slots[host]) if config.has_slots else 0
        taken.ports.add(port)
        taken.slots[host].add(slot)
        self.labs.add(
            id=id,
            name=f"tb-{want.image}-{id[:8]}",
            image=want.image,
            mode=want.mode,
            host=host,
            state=LabState.MAKING,
            port=port,
            address="",
            ssh_port=0,
            tries=0,
            fault="",
            made_at=now,
            state_at=now,
            slot=slot,
            node=node,
        )
        return id

    def need(self, image: LabImage) -> Need:
        disk = promised([with_tables(image.disk_mib)], self.config.overcommit) if image.disk_mib else 0
        return Need(image.memory_mib, disk, image.version)

    def rooms(self, present: list[Lab], now: datetime) -> list[HostRoom]:
        """All hosts as placement sees them."""
        here: dict[str, list[Lab]] = defaultdict(list)
        for lab in present:
            here[lab.machine].append(lab)
        return [self._host_room(view, here, now) for view in self.hosts.values()]

    def _host_room(self, view: HostView, here: Mapping[str, list[Lab]], now: datetime) -> HostRoom:
        if not view.nodes:
            return self._room(view, here.get(view.name, []), now)
        nodes = [self._room(node, here.get(node.name, []), now) for node in view.nodes.values()]
        whole = HostRoom(view.name, view.up, view.config.labs, 0, 0, drained=view.drained)
        return host_of_nodes(whole, nodes)

    def _room(self, view: HostView, here: list[Lab], now: datetime) -> HostRoom:
        report, name = view.report, view.name
        coming = [
            self.need(self.images[lab.image])
            for lab in here
            if lab.state is LabState.MAKING and lab.image in self.images
        ]
        return HostRoom(
            name,
            view.up,
            view.config.labs,
            len(here),
            report.free_mib if report else 0,
            coming_mib=sum(need.memory_mib for need in coming),
            promised_disk_mib=self._promised(report, here),
            in_making=sum(lab.state in (LabState.MAKING, LabState.BOOTING) for lab in here),
            at_once=max(AT_ONCE, report.cpus // 2 if report else 0),
            drained=view.closed,
            disk_free_mib=for_labs(report.disk_mib, report.disk_free_mib) if report else None,
            images=report.images if report else None,
            backoff=self.backoff.at(name, now),
        )

    def snapshot_fits(self, lab: Lab, now: datetime) -> bool:
        """Whether its host has disk space for a snapshot: what the lab has written stays, and it may write as much again."""
        machines = (machine for room in self.rooms(self.labs.present(), now) for machine in room.machines)
        room = next((machine for machine in machines if machine.host == lab.machine), None)
        report = self.host_of(lab).report
        uses = {domain.id: domain.disk for domain in report.domains} if report else {}
        use = uses.get(lab.id)
        if room is None or room.disk_left_mib is None or use is None:
            return True
        return room.disk_left_mib >= promised([use.written_mib], self.config.overcommit)

    def _promised(self, report: HostReport | None, here: list[Lab]) -> int:
        """MiB that the labs there may still grow: a lab that the host has not reported yet, to its full size."""
        uses = {domain.id: domain.disk for domain in report.domains} if report else {}
        growths = []
        for lab in here:
            use, image = uses.get(lab.id), self.images.get(lab.image)
            growths.append(use.growth_mib if use else with_tables(image.disk_mib) if image else 0)
        return promised(growths, self.config.overcommit)

    def work(self, now: datetime) -> list[HostWork | Probe | CheckLogin]:
        """The work that hosts and probes should begin now; each item is under way from here on."""
        machines = self.machines
        up = {name for name, view in machines.items() if view.up}
        work: list[HostWork | Probe | CheckLogin] = list(self.strays)
        self.strays.clear()
        present = self.labs.present()
        booting = {lab.id for lab in present if lab.state is LabState.BOOTING}
        # watching a lab boot does not hold up other actions that were requested meanwhile
        busy = {
            id for id, action in self.busy.items() if action not in WATCHING or (action == "probe" and id in booting)
        }
        for lab, action in reconciler.next_actions(present, up, busy, now):
            if action == "probe":
                if (way := self._way(lab)) is None:
                    continue  # its host does not know the address yet: the next report may
                work.append(Probe(lab.id, way))
            elif lab.image in self.images:
                work.append(HostWork(lab.host, action, lab.id, self.spec(lab)))
            elif action == "destroy":
                work.append(HostWork(lab.host, action, lab.id, None))
            else:
                continue
            self.busy[lab.id] = action
        checkable = {name for name in up if machines[name].has_ssh}
        for lab in reconciler.due_checks(
            self.leases.every(), present, checkable, set(self.busy), self.config.health, now
        ):
            if (way := self._way(lab)) is not None:
                self.busy[lab.id] = "check"
                work.append(CheckLogin(lab.id, way))
        return work

    def way_in(self, lab: Lab) -> LabRoute | None:
        """How to log in to the lab now; None if that is not possible."""
        way = self._way(lab) if lab.state is LabState.READY and self.host_of(lab).up else None
        return way if way is not None and way.host_key else None

    def _way(self, lab: Lab) -> LabRoute | None:
        """The way to its ssh; None if its address, or its node, is not known."""
        image, door = self.images.get(lab.image), self.hosts.get(lab.host, _NOWHERE).config.door_of(lab.node)
        if lab.endpoint is None or door is None:
            return None
        return LabRoute(
            lab.address,
            lab.ssh_port,
            door,
            image.user if image else "root",
            image.host_key if image else "",
        )

    def spec(self, lab: Lab) -> LabSpec:
        image, folder = self.images[lab.image], self.hosts[lab.host].config.images
        there = image.files if folder is None else files(folder, image.version)
        return LabSpec(
            id=lab.id,
            name=lab.name,
            image=lab.image,
            disk=there.disk,
            kernel=there.kernel,
            initrd=there.initrd,
            cmdline=image.boot_line(lab.mode),
            memory_mib=image.memory_mib,
            vcpus=image.vcpus,
            port=lab.port,
            owner=self.owner,
            guest=image.guest,
            slot=lab.slot,
            cpu_percent=image.cpu_percent,
            node=lab.node,
        )

    def move(self, lab: Lab, state: LabState, now: datetime) -> None:
        if state in (LabState.READY, LabState.GONE):
            log.info("lab %s on %s is %s", lab.name, lab.machine, state)
        self.labs.change({"id": lab.id}, state=state, state_at=now, tries=0)


_NOWHERE = HostView(HostConfig("", ""))
