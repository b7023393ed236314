"""A rehearsal's leases: they belong to nobody, end by themselves, and give way to people's.

Everything is in the rows: after a restart the bot finds the rehearsal and its end as they were.  Nobody is told
anything; whoever runs the rehearsal asks for its state, and asking keeps it alive.
"""

from __future__ import annotations

import logging
import secrets
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from trainbot.core.errors import UserError
from trainbot.features.labs.placement import HostRoom, Need, choose_host, elsewhere
from trainbot.features.labs.readiness import faults
from trainbot.model.host import Mode
from trainbot.model.lab import ALIVE, Lab, LabState, Lease
from trainbot.model.ports import Access

if TYPE_CHECKING:
    from trainbot.adapters.db import Store
    from trainbot.features.labs.scheduler import Scheduler

log = logging.getLogger(__name__)
TERM = timedelta(minutes=2)  # after which a rehearsal that nobody asks about is over
RENEW = timedelta(minutes=1)  # a lease with more than this left is not renewed
DONE, UNHEARD, CLASS = "rehearsed", "nobody asked about it for 2 min", "a class has begun"


@dataclass(frozen=True, slots=True)
class RehearsalRequest:
    """A request for a rehearsal: the image for each of its seats."""

    title: str
    mode: Mode
    images: tuple[str, ...]


class RehearsalLeases:
    """At most one rehearsal at a time."""

    def __init__(self, scheduler: Scheduler, store: Store, access: Access) -> None:
        self.scheduler, self.access = scheduler, access
        self.labs, self.leases, self.people, self.classes = store.labs, store.leases, store.people, store.classes

    # -- requests ----------------------------------------------------------------------------------

    def begin(self, request: RehearsalRequest, now: datetime, *, during_class: bool) -> dict[str, Any]:
        """Begins a rehearsal; returns its seats with their passwords.  It gets labs as the pool does.  Raises UserError
        if it may not begin."""
        self._refuse(request, during_class)
        token = secrets.token_hex(4)
        self.scheduler.yielded = 0
        seats = []
        for number, image in enumerate(request.images, 1):
            password = self.access.new_password()
            id = self.leases.add(
                person_id=self._person(number, now),
                image=image,
                mode=request.mode,
                lab_id=None,
                left_id=None,
                digest=self.access.digest(password),
                asked_at=now,
                expires_at=now + TERM,
                warned_at=None,
                ended_at=None,
                ended_why="",
                rehearsal=token,
            )
            seats.append({"seat": id, "image": image, "password": password})
        log.info("a rehearsal of %s begins, seats: %d", request.title, len(seats))
        return {
            "rehearsal": token,
            "title": request.title,
            "seats": seats,
            "lease": self.scheduler.config.lease.total_seconds(),
        }

    def _refuse(self, request: RehearsalRequest, during_class: bool) -> None:
        if not self.scheduler.hosts:
            raise UserError("no host runs labs here yet: add a [host.NAME] section to bot.ini")
        if self.leases.rehearsals():
            raise UserError("a rehearsal is going on already; one that was cut off ends by itself within 2 min")
        running = self.classes.running()
        if running and not during_class:
            raise UserError(
                f"{running[0].title} runs now, and a rehearsal makes work for its hosts: wait for its end, "
                "or say --during-class"
            )
        for image in sorted(set(request.images) - set(self.scheduler.images)):
            raise UserError(f"there is no {image} image here: trainbot image list says which there are")

    def _person(self, number: int, now: datetime) -> int:
        """The placeholder person of a seat: no network has an account with blanks and brackets (RFC 2812 2.3.1,
        nickname)."""
        account = f"(rehearsal) {number}"
        found = self.people.by_account(account)
        return (
            found.id
            if found is not None
            else self.people.add(
                account=account, mask=None, nick=f"rehearsal {number}", zone="", in_view=False, seen_at=now
            )
        )

    def how_is(self, token: str, now: datetime) -> dict[str, Any]:
        """The state of each seat, and what hosts report; asking for it keeps the rehearsal alive."""
        mine = self._mine(token)
        for lease in mine:
            if lease.expires_at - now < RENEW:
                self.leases.change({"id": lease.id}, expires_at=now + TERM)
        present, needs = self.labs.present(), self._needs()
        hosts = self.scheduler.rooms(present, now)
        by_id, up = {lab.id: lab for lab in present}, self.scheduler.up()
        coming = any(lab.state is LabState.ENDING and lab.machine in up for lab in present) or any(
            view.unheard for view in self.scheduler.machines.values()
        )
        homeless = Counter(
            lease.image
            for lease in mine
            if lease.lab_id is None
            and not coming
            and (lease.image not in needs or choose_host(hosts, needs[lease.image]) is None)
        )
        return {
            "over": "" if mine else self._why_over(token),
            "seats": [_seat(lease, by_id.get(lease.lab_id or ""), homeless) for lease in mine],
            "faults": faults(homeless, needs, self.scheduler.machines, hosts, present) if homeless else [],
            "idle": self._idle(mine, present, up),
            "yielded": self.scheduler.yielded,
            "hosts": {
                name: {
                    "up": view.up,
                    "lost": view.lost,
                    "drained": view.drained,
                    "trouble": view.trouble,
                    "uri": view.config.uri,
                }
                for name, view in self.scheduler.machines.items()
            },
        }

    def loss(self, token: str, now: datetime) -> dict[str, Any]:
        """{"left": host -> how many seats would still have a lab, or room for one, if that host were lost}."""
        mine, present = self._mine(token), self.labs.present()
        by_id = {lab.id: lab for lab in present}
        seated = [(lease.image, by_id[lease.lab_id]) for lease in mine if lease.lab_id in by_id]
        taken = {lease.lab_id for lease in self.leases.every()}
        free = [lab for lab in present if lab.id not in taken and lab.state is LabState.READY]
        hosts, needs = self.scheduler.rooms(present, now), self._needs()
        machines = [machine.host for host in hosts for machine in host.machines if machine.up]
        return {"left": {lost: left_after(lost, seated, free, hosts, needs) for lost in machines}}

    def work_in(self, token: str, seats: Iterable[object], now: datetime) -> dict[str, Any]:
        """Marks the labs of these seats as changed: from now on nobody else gets them as they are."""
        request, given = set(seats), []
        for lease in self._mine(token):
            if lease.id in request and lease.lab_id is not None:
                self.leases.change({"id": lease.id}, worked_in=True)
                given.append(lease.id)
        return {"seats": given}

    def end(self, token: str, now: datetime) -> dict[str, Any]:
        """Ends the rehearsal; returns how many seats were freed."""
        return {"freed": self._free(self._mine(token), DONE, now)}

    # -- time ----------------------------------------------------------------------------------------

    def tick(self, now: datetime) -> None:
        """Ends a rehearsal that nobody asks about, or during which a class begins; seats on a lost host get another
        lab."""
        leases = self.leases.rehearsals()
        if not leases:
            return
        asked_at = min(lease.asked_at for lease in leases)
        if any(lease.expires_at <= now for lease in leases):
            self._free(leases, UNHEARD, now)
        elif any(run.started_at > asked_at for run in self.classes.running()):
            self._free(leases, CLASS, now)
        else:
            for lease in leases:
                lab = self.labs.get(lease.lab_id) if lease.lab_id is not None else None
                if lab is not None and (self.scheduler.host_of(lab).lost or lab.state not in ALIVE):
                    self.leases.change({"id": lease.id}, lab_id=None)
                    if lab.state in ALIVE:
                        self.scheduler.move(lab, LabState.ENDING, now)  # nobody has any work in it

    def _free(self, leases: Sequence[Lease], why: str, now: datetime) -> int:
        """Ends the leases; returns how many.  A lab that was only looked at returns to the pool, which keeps as many as
        it needs and destroys the newest of the rest (``reconciler.excess``).  A lab in which something was changed is
        destroyed, or reset if it existed before the rehearsal."""
        for lease in leases:
            self.leases.change({"id": lease.id}, ended_at=now, ended_why=why)
            lab = self.labs.get(lease.lab_id) if lease.lab_id is not None and not lease.lent else None
            if lab is not None and lab.state in ALIVE:
                before = lab.made_at < lease.asked_at and lab.state is not LabState.MAKING
                self.scheduler.move(lab, LabState.RESETTING if before else LabState.ENDING, now)
        if leases:
            log.info("the rehearsal is over (%s), seats that are free: %d", why, len(leases))
        return len(leases)

    # -- helpers ---------------------------------------------------------------------------------------

    def _mine(self, token: str) -> list[Lease]:
        return [lease for lease in self.leases.rehearsals() if lease.rehearsal == token]

    def _why_over(self, token: str) -> str:
        ended = self.leases.first(rehearsal=token) if token else None
        return ended.ended_why if ended is not None else "it is not known here"

    def _needs(self) -> dict[str, Need]:
        return {name: self.scheduler.need(image) for name, image in self.scheduler.images.items()}

    def _idle(self, mine: list[Lease], present: list[Lab], up: set[str]) -> int:
        """How many free labs of other kinds there are: they make room for people, but not for a rehearsal."""
        kinds = {(lease.image, lease.mode) for lease in mine}
        taken = {lease.lab_id for lease in self.leases.every()}
        return sum(
            lab.id not in taken
            and lab.machine in up
            and (lab.image, lab.mode) not in kinds
            and lab.state in (LabState.MAKING, LabState.BOOTING, LabState.READY)
            for lab in present
        )


def _seat(lease: Lease, lab: Lab | None, homeless: Mapping[str, int]) -> dict[str, Any]:
    """The state of one seat.  ``boot``: seconds from the lab's row to its ssh, None until then; ``own``: whether the
    lab was made for this rehearsal."""
    if lab is None:
        state = "no room" if homeless.get(lease.image) else "waiting"
        return {"seat": lease.id, "state": state, "lab": "", "host": "", "boot": None, "own": False, "fault": ""}
    boot = (lab.state_at - lab.made_at).total_seconds() if lab.state is LabState.READY and lab.boots == 1 else None
    return {
        "seat": lease.id,
        "state": str(lab.state),
        "lab": lab.name,
        "host": lab.machine,
        "boot": boot,
        "own": lab.made_at >= lease.asked_at,
        "fault": lab.fault,
    }


def left_after(
    lost: str,
    seated: Iterable[tuple[str, Lab]],
    free: Iterable[Lab],
    hosts: Iterable[HostRoom],
    needs: Mapping[str, Need],
) -> int:
    """How many of ``seated`` (image, lab) have a lab after the host (or node) ``lost`` is gone: those on other hosts, and those
    for which there is a free lab or room."""
    spare = Counter((lab.image, lab.mode) for lab in free if lab.machine != lost)
    there = {host.host: host for host in elsewhere(hosts, lost)}
    left = 0
    for image, lab in seated:
        if lab.machine != lost:
            left += 1
        elif spare[image, lab.mode]:
            spare[image, lab.mode] -= 1
            left += 1
        elif image in needs and (name := choose_host(there.values(), needs[image])) is not None:
            there[name] = there[name].with_one_more(needs[image])
            left += 1
    return left
