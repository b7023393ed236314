"""Who gets to which lab: rows as the table that the gateway decides by."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace

from trainbot.gateway.routes import OLD, Route
from trainbot.labs.images import Image
from trainbot.labs.model import Lab, LabState, Lease
from trainbot.spine.access import Person
from trainbot.store import Store

RESTARTING = (LabState.REBOOTING, LabState.RESETTING, LabState.SAVING, LabState.ROLLING_BACK)


def routes(store: Store, images: dict[str, Image], doors: Mapping[str, str]) -> list[Route]:
    """One route an open lease; four queries, however many there are.  ``doors``: host -> HostConfig.door."""
    labs = {lab.id: lab for lab in store.labs.present()}
    people = {person.id: person for person in store.people.with_leases()}
    keys: dict[int, list[str]] = {}
    for key in store.people.keys.all():
        keys.setdefault(key.person_id, []).append(key.key)
    found = []
    for lease in store.leases.every():
        route = _route(lease, labs.get(lease.lab_id or ""), people[lease.person_id], images.get(lease.image),
                       tuple(keys.get(lease.person_id, ())), doors)
        found.append(route)
        old = labs.get(lease.left_id or "")
        if old is not None and old.endpoint is not None:
            found.append(replace(route, lease=f"{lease.id}-old", image=OLD, endpoint=old.endpoint, why="", since=0.0,
                                 via=doors.get(old.host, ""), boots=old.boots, lab=old.id))
    return found


def _route(lease: Lease, lab: Lab | None, person: Person, image: Image | None, keys: tuple[str, ...],
           doors: Mapping[str, str]) -> Route:
    usable = lab is not None and lab.state in (LabState.READY, LabState.BOOTING)
    why = "" if usable else "you wait for a lab: I tell you on IRC" if lab is None else f"your lab is {lab.state}"
    return Route(lease=str(lease.id), person=person.id, name=person.nick, image=lease.image,
                 user=image.user if image else "root", endpoint=lab.endpoint if lab is not None and usable else None,
                 why=why, host_key=image.host_key if image else "", digest=lease.digest, keys=keys,
                 since=lease.asked_at.timestamp(), via=doors.get(lab.host, "") if lab is not None else "",
                 boots=_boots(lab), lab=lab.id if lab is not None else "")


def _boots(lab: Lab | None) -> int:
    """A lab that is about to start anew counts as if it had: whoever is in it is told now, and again never."""
    return 0 if lab is None else lab.boots + (lab.state in RESTARTING)
