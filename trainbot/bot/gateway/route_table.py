"""Who may enter which lab: the rows as the table that the gateway uses."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import datetime, timedelta

from trainbot.adapters.db import Store
from trainbot.core.access import Person
from trainbot.core.errors import BackendError
from trainbot.features.labs.lab_wording import STATES
from trainbot.gateway.routes import Guest, Route, VisitRoute
from trainbot.model.host import HostConfig
from trainbot.model.host_address import console_socket
from trainbot.model.lab import OLD, Lab, LabState, Lease
from trainbot.model.lab_image import LabImage
from trainbot.model.ports import Access, Deliveries

LATELY = timedelta(hours=1)  # for so long after a visit its guest is told why it is over
RESTARTING = (LabState.REBOOTING, LabState.RESETTING, LabState.SAVING, LabState.ROLLING_BACK)


class LabRoutes:
    """How labs are reached: through their host's jump host, or through the sockets of their consoles; and the codes that
    confirm keys."""

    def __init__(self, hosts: Iterable[HostConfig], access: Access, deliveries: Deliveries | None = None) -> None:
        self._hosts = {host.name: host for host in hosts}
        self.key_code, self.earlier = access.key_code, (deliveries or Deliveries()).earlier

    def jump_host(self, lab: Lab) -> str | None:
        """None if it is not known on which node of its host the lab is."""
        return self._hosts[lab.host].door_of(lab.node) if lab.host in self._hosts else ""

    def console(self, lab: Lab) -> str:
        """The lab's console socket on this machine; '' if there is none."""
        host = self._hosts.get(lab.host)
        try:
            path = console_socket(host.uri, lab.id) if host is not None and not host.door else None
        except BackendError:  # an invalid host is reported elsewhere
            return ""
        return str(path or "")


def guests(store: Store, ways: LabRoutes) -> list[Guest]:
    """Everybody who has saved a key but has no lease."""
    proven, candidates = _keys(store, ways)
    busy = {lease.person_id for lease in store.leases.every()}
    people = store.people.these((proven.keys() | candidates.keys()) - busy)
    return [
        Guest(person.id, person.nick, tuple(proven.get(person.id, ())), tuple(candidates.get(person.id, ())))
        for person in people
    ]


def visits(store: Store, now: datetime) -> list[VisitRoute]:
    """Who may come to whose terminal, and for a while why somebody may not any more."""
    return [
        VisitRoute(str(visit.id), visit.guest_id, str(visit.lease_id), visit.ends_at.timestamp(), visit.ended_why)
        for visit in store.visits.lately(now - LATELY)
        if visit.guest_id is not None and visit.agreed_at is not None
    ]


def _keys(store: Store, ways: LabRoutes) -> tuple[dict[int, list[str]], dict[int, list[tuple[str, str]]]]:
    """Proven keys by person, and candidates with their codes."""
    proven: dict[int, list[str]] = {}
    candidates: dict[int, list[tuple[str, str]]] = {}
    for key in store.people.keys.all():
        if key.proven:
            proven.setdefault(key.person_id, []).append(key.key)
        else:
            candidates.setdefault(key.person_id, []).append((key.key, ways.key_code(key.person_id, key.key)))
    return proven, candidates


def routes(store: Store, images: dict[str, LabImage], ways: LabRoutes) -> list[Route]:
    """One route for each open lease, and one for the old lab of a lease that has one.  Makes four queries, however many
    leases there are."""
    labs = {lab.id: lab for lab in store.labs.present()}
    people = {person.id: person for person in store.people.with_leases()}
    proven, candidates = _keys(store, ways)
    found = []
    for lease in store.leases.every():
        route = _route(
            lease,
            labs.get(lease.lab_id or ""),
            people[lease.person_id],
            images.get(lease.image),
            tuple(proven.get(lease.person_id, ())),
            tuple(candidates.get(lease.person_id, ())),
            ways,
        )
        found.append(route)
        old = labs.get(lease.left_id or "")
        door = ways.jump_host(old) if old is not None else None
        if old is not None and old.endpoint is not None and door is not None:
            found.append(
                replace(
                    route,
                    lease=f"{lease.id}-old",
                    image=OLD,
                    endpoint=old.endpoint,
                    why="",
                    since=0.0,
                    via=door,
                    console=ways.console(old),
                    boots=old.boots,
                    lab=old.id,
                )
            )
    return found


def _route(
    lease: Lease,
    lab: Lab | None,
    person: Person,
    image: LabImage | None,
    keys: tuple[str, ...],
    candidates: tuple[tuple[str, str], ...],
    ways: LabRoutes,
) -> Route:
    door = ways.jump_host(lab) if lab is not None else ""
    usable = lab is not None and door is not None and lab.state in (LabState.READY, LabState.BOOTING)
    why = (
        ""
        if usable
        else "you're waiting for a lab: I'll tell you on IRC when it's ready"
        if lab is None
        else "your lab's host does not say where it is: run ssh again in a moment"
        if door is None
        else f"your lab is {STATES.get(lab.state, lab.state)}"
    )
    return Route(
        lease=str(lease.id),
        person=person.id,
        name=person.nick,
        image=lease.image,
        user=image.user if image else "root",
        endpoint=lab.endpoint if lab is not None and usable else None,
        why=why,
        host_key=image.host_key if image else "",
        digest=lease.digest,
        earlier=ways.earlier.get(lease.id, ""),
        keys=keys,
        candidates=candidates,
        since=lease.asked_at.timestamp(),
        via=door or "",
        console=ways.console(lab) if lab is not None else "",
        boots=_boots(lab),
        lab=lab.id if lab is not None else "",
    )


def _boots(lab: Lab | None) -> int:
    """The lab's number of boots.  A lab about to restart counts as already restarted, so that the people in it are told
    now and only once."""
    return 0 if lab is None else lab.boots + (lab.state in RESTARTING)
