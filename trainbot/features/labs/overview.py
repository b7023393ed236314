"""Shows all labs and hosts and their capacity to organisers and to programs."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from typing import TYPE_CHECKING, Any

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Priority, Reply
from trainbot.core.text import one_line
from trainbot.core.wording import as_many, in_lines, span
from trainbot.features.labs.capacity import Capacity
from trainbot.features.labs.host_events import CLOCK_OFF
from trainbot.features.labs.host_view import HostView
from trainbot.features.labs.lab_wording import ROOM, state_of
from trainbot.features.labs.lease_expiry import ClassHold
from trainbot.features.labs.placement import HostRoom
from trainbot.features.labs.queue_position import LabQueue
from trainbot.features.labs.stock import LabInventory
from trainbot.model.host import Mode
from trainbot.model.lab import Lab, Lease
from trainbot.model.ports import Audience

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

MORE = "; and {} more: trainbot lab list"
BETWEEN = " | "  # hosts on one line


class Overview:
    def __init__(self, stock: LabInventory, store: Store, queue: LabQueue, audience: Audience) -> None:
        self.stock, self.scheduler, self.queue, self.audience = stock, stock.scheduler, queue, audience
        self.labs, self.leases, self.people = store.labs, store.leases, store.people

    # -- leases --------------------------------------------------------------------------------------

    def list_leases(self, ask: Request, which: str = "") -> list[Effect]:
        leases = self.leases.open()
        names = {person.id: person.nick for person in self.people.with_leases()}
        labs = {lab.id: lab for lab in self.labs.present()}
        if which:
            leases = self._narrowed(which, leases, names, labs)
        hold, positions = self.queue.expiry.hold(ask.at), self.queue.positions()
        seated = [
            self._seated(names[lease.person_id], lease, labs[lease.lab_id], hold)
            for lease in leases
            if lease.lab_id in labs
        ]
        queue = [
            f"{names[lease.person_id]} is waiting for {lease.image}{_mode(lease)}, number {positions[lease.id]}"
            for lease in leases
            if lease.id in positions
        ]
        rehearsal = [] if which else self._rehearsal(labs)
        return [Reply(as_many([*rehearsal, *seated, *queue], ROOM, "; ", MORE) or "nobody has a lab", private=True)]

    def _rehearsal(self, labs: dict[str, Lab]) -> list[str]:
        """The labs of a rehearsal, summed up because they belong to nobody."""
        there = Counter(labs[lease.lab_id].machine for lease in self.leases.rehearsals() if lease.lab_id in labs)
        number = sum(there.values())
        return [f"a rehearsal has {'one lab' if number == 1 else f'{number} labs'}{_where(there)}"] if there else []

    def _seated(self, nick: str, lease: Lease, lab: Lab, hold: ClassHold) -> str:
        state = state_of(lab) if self.scheduler.host_of(lab).up else "its host does not answer"
        return f"{nick} {lease.image}{_mode(lease)} on {lab.machine} {state}, {hold.left(lease)}"

    def _narrowed(self, which: str, leases: list[Lease], names: dict[int, str], labs: dict[str, Lab]) -> list[Lease]:
        """The leases on that host (or node), or those of the person with that nick."""
        if self.scheduler.view(which) is not None:
            there = {id for id, lab in labs.items() if which in (lab.host, lab.machine)}
            found = [lease for lease in leases if lease.lab_id in there]
            if not found:
                raise UserError(f"nobody has a lab on {which}")
            return found
        found = [lease for lease in leases if self.audience.fold(names[lease.person_id]) == self.audience.fold(which)]
        if not found:
            raise UserError(
                f'no host and nobody with a lab is called "{which[:30]}" '
                f"(hosts: {', '.join(self.scheduler.hosts) or 'none yet'})"
            )
        return found

    # -- hosts ---------------------------------------------------------------------------------------

    def list_hosts(self, ask: Request) -> list[Effect]:
        if not self.scheduler.hosts:
            return [Reply("there are no hosts in bot.ini yet: add a [host.NAME] section for each", private=True)]
        rooms = self.stock.rooms(ask.at)
        hosts = [
            host_line(each, at, self._not_there(each), ask.at)
            for view, room in zip(self.scheduler.hosts.values(), rooms, strict=True)
            for each, at in ((view, room), *zip(view.nodes.values(), room.nodes, strict=True))
        ]
        return [
            Reply(self._summary(self.stock.capacity(ask.at, rooms)), private=True),
            *(Reply(line, private=True, priority=Priority.LISTING) for line in in_lines(hosts, ROOM, BETWEEN)),
        ]

    def _not_there(self, view: HostView) -> list[str]:
        """The images that this host needs a copy of but does not have."""
        there = view.report.images if view.report is not None and not view.nodes else None
        images = {} if there is None else self.scheduler.images
        return [name for name, image in images.items() if image.version not in (there or ())]

    def say_capacity(self, ask: Request) -> list[Effect]:
        found = self.stock.capacity(ask.at)
        images = [f"{image}: {sum(there.values())} more" + _where(there) for image, there in found.more.items()]
        return [
            Reply(self._summary(found), private=True),
            *(Reply(line, private=True, priority=Priority.LISTING) for line in in_lines(images, ROOM, "; ")),
        ]

    def _summary(self, found: Capacity) -> str:
        return summary(found, "node" if any(view.nodes for view in self.scheduler.hosts.values()) else "host")

    # -- for programs ----------------------------------------------------------------------------------

    def capacity_value(self, now: datetime) -> dict[str, Any]:
        found = self.stock.capacity(now)
        return {
            "seats": found.total,
            "taken": found.taken,
            "pool": found.pool,
            "free": found.free,
            "survive": found.survive,
            "unseated": found.without_lab,
            "worst": found.worst,
            "more": {image: dict(there) for image, there in found.more.items()},
            "summary": self._summary(found),
        }

    def labs_value(self, now: datetime) -> list[dict[str, Any]]:
        """Each lab with its person ('' for the pool), then the people who are waiting."""
        leases, positions = self.leases.open(), self.queue.positions()
        names = {person.id: person.nick for person in self.people.with_leases()}
        holder = {id: lease for lease in self.leases.every() for id in (lease.lab_id, lease.left_id) if id is not None}
        hold = self.queue.expiry.hold(now)

        def row(name: str, state: str, host: str, image: str, mode: str, lease: Lease | None) -> dict[str, Any]:
            return {
                "lab": name,
                "state": state,
                "host": host,
                "image": image,
                "mode": mode,
                "nick": one_line(names[lease.person_id], 80) if lease is not None else "",
                "ends": hold.ends_at(lease).isoformat() if lease is not None and name else None,
                "held": lease is not None and hold.held(lease),
            }

        there = [
            row(lab.name, str(lab.state), lab.machine, lab.image, str(lab.mode), holder.get(lab.id))
            for lab in self.labs.present()
        ]
        return there + [
            row("", f"waits, number {positions[lease.id]}", "", lease.image, str(lease.mode), lease)
            for lease in leases
            if lease.lab_id is None
        ]

    def commands(self) -> list[Command]:
        return [
            Command(
                "labs",
                self.list_leases,
                "show who has which lab where, and who is waiting: all, or those of one host or person",
                (Argument("HOST or NICK", "word", optional=True),),
                example="labs alice",
                role=Role.ORGANISER,
                group="labs",
            ),
            Command(
                "lab capacity",
                self.say_capacity,
                "show how many labs fit, how many survive the loss of a host, and how many more of each image fit",
                role=Role.ORGANISER,
                group="labs",
            ),
            Command(
                "hosts",
                self.list_hosts,
                "show how many labs fit, and each host: state, labs, load, memory, disk, last problem",
                role=Role.ORGANISER,
                group="labs",
            ),
        ]


def _mode(lease: Lease) -> str:
    return "" if lease.mode is Mode.ENFORCING else f" {lease.mode}"


def _where(there: dict[str, int] | Any) -> str:
    named = ", ".join(f"{host} {number}" for host, number in there.items() if number)
    return f" ({named})" if named else ""


def summary(found: Capacity, machine: str = "host") -> str:
    """``30 labs fit: 14 taken, 3 in the pool, 13 free; 15 survive the loss of any one host``, and how many people would
    have to wait.  ``machine``: what can be lost, where a host has several: a node."""
    text = (
        f"{found.total} labs fit: {found.taken} taken, {found.pool} in the pool, {found.free} free; "
        f"{found.survive} survive the loss of any one {machine}"
    )
    if found.without_lab:
        people = "one person" if found.without_lab == 1 else f"{found.without_lab} people"
        text += f"; if {found.worst} were lost now, {people} would have to wait"
    return text


def host_line(view: HostView, room: HostRoom, missing: list[str], now: datetime) -> str:
    """One host, or one of its nodes, in one line; numbers only while they are up to date."""
    if view.up:
        state = "up"
    else:
        since = f" for {span(now - view.down_since)}" if view.down_since is not None else ""
        state = f"DOWN{since} ({one_line(view.trouble, 80)})"
    labs = f"{room.used} labs" if view.whole is not None else f"{room.used} of {room.most} labs"
    parts = [f"{room.host} {state}", labs, *([f"{len(view.nodes)} nodes"] if view.nodes else [])]
    report = view.report if view.up else None
    if report is not None:
        parts += [f"cpu {report.busy:.0%}".replace("%", " %")] if report.busy is not None else []
        parts += [f"i/o wait {view.io_wait:.0%}".replace("%", " %")] if view.io_wait is not None else []
        parts.append(f"{report.free_mib} of {report.memory_mib} MiB free")
        if report.disk_free_mib is not None:
            promised = f", {room.promised_disk_mib / 1024:.0f} GiB promised to labs" if room.promised_disk_mib else ""
            parts.append(f"disk {report.disk_free_mib / 1024:.0f} GiB free{promised}")
    parts += ["drained"] if view.drained or view.refused else []
    if report is not None and view.clock_off is not None and abs(view.clock_off) >= CLOCK_OFF:
        parts.append(f"clock {abs(view.clock_off):.0f} s off")
    parts += [f"no copy of {image}" for image in missing] if report is not None else []
    line = ", ".join(parts)
    if view.last_trouble and view.last_trouble_at is not None:
        line += f"; last problem: {one_line(view.last_trouble, 80)} {span(now - view.last_trouble_at)} ago"
    return line
