"""Go or no-go: whether the labs of a session are ready in time, and if not, why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.core.access import Person
from trainbot.core.messages import Reply
from trainbot.core.times import clock
from trainbot.core.wording import span
from trainbot.features.labs.boot_times import expected, is_slow, left, unforeseeable
from trainbot.features.labs.host_view import HostView
from trainbot.features.labs.placement import HostRoom, Need, choose_host
from trainbot.features.labs.preallocation import PlannedSession, Preallocation
from trainbot.model.lab import ALIVE, Lab, LabState, Lease
from trainbot.model.notice import NoticeKind
from trainbot.model.ports import People

if TYPE_CHECKING:
    from trainbot.adapters.db import Store
    from trainbot.model.notice import Notice

LAST_WORD = timedelta(minutes=5)  # before the start: people who got a no-go get the latest state
MOST_FAULTS = 4


@dataclass(frozen=True, slots=True)
class SessionReadiness:
    """How many labs of each image are ``needed``, and how many of them are ``ready`` on each host."""

    needed: Mapping[str, int]
    ready: Mapping[str, Mapping[str, int]] = field(default_factory=dict)

    @property
    def on_hosts(self) -> Counter[str]:
        found: Counter[str] = Counter()
        for there in self.ready.values():
            found.update(there)
        return found

    @property
    def missing(self) -> dict[str, int]:
        """Image -> number of missing labs; only images with missing labs."""
        left = {image: number - sum(self.ready.get(image, {}).values()) for image, number in self.needed.items()}
        return {image: number for image, number in left.items() if number > 0}

    @property
    def go(self) -> bool:
        return not self.missing


def readiness_of(
    sessions: Iterable[PlannedSession], share: int, labs: Iterable[Lab], leases: Iterable[Lease], up: Iterable[str]
) -> dict[str, SessionReadiness]:
    """Session's uid -> the readiness of its labs: those that its people have, and free ones; each free lab counts for
    only one session, the earliest first.  ``up``: hosts that answer."""
    answering, by_id = set(up), {lab.id: lab for lab in labs if lab.state in ALIVE}
    has = {(lease.person_id, lease.image): by_id.get(lease.lab_id or "") for lease in leases}
    taken = {lease.lab_id for lease in leases}
    free = [
        lab
        for lab in by_id.values()
        if lab.id not in taken and lab.state is LabState.READY and lab.machine in answering
    ]
    found = {}
    for session in sessions:
        held = [has[seat] for seat in session.seats if seat in has]
        works = [
            lab
            for lab in held
            if lab and lab.machine in answering and lab.state not in (LabState.MAKING, LabState.BOOTING)
        ]
        needed, ready = {}, {}
        for image, number in session.needed(share).items():
            needed[image] = max(number, sum(seat[1] == image for seat in session.seats if seat in has))
            there = [lab for lab in works if lab.image == image]
            spare = [lab for lab in free if (lab.image, lab.mode) == (image, session.mode)][
                : needed[image] - len(there)
            ]
            free = [lab for lab in free if lab not in spare]
            ready[image] = Counter(lab.machine for lab in there + spare)
        found[session.uid] = SessionReadiness(needed, ready)
    return found


def verdict(title: str, clock: str, state: SessionReadiness, faults: Iterable[str], rest: timedelta | None) -> str:
    """The line for presenters.  ``clock``: when the session begins; ``rest``: how long the missing labs will take, None
    if unknown."""
    on, needed = state.on_hosts, sum(state.needed.values())
    ready = sum(on.values())
    what = f"{ready} of {needed} labs for {title} at {clock} are ready"
    if state.go:
        if len(on) == 1:
            return f"go: {what}, all on one host ({next(iter(on))}): losing it would leave none"
        return f"go: {what}, on {len(on)} hosts; losing one would leave at least {ready - max(on.values())}"
    said = "; ".join(list(faults)[:MOST_FAULTS])
    left = f"the rest should be ready in {span(rest)}" if rest is not None else "I can't say when the rest will be"
    return f"no-go: {what}{f' ({said})' if said else ''}; {left}; organisers can see more with !hosts"


def faults(
    missing: Mapping[str, int],
    needs: Mapping[str, Need],
    hosts: Mapping[str, HostView],
    seats: Iterable[HostRoom],
    labs: Iterable[Lab],
) -> list[str]:
    """Why labs are missing, the most important reason first.  ``needs``: of the images that exist."""
    found = [f"there is no {image} image here" for image in missing if image not in needs]
    usable = []
    for host in (machine for seat in seats for machine in seat.machines):
        view = hosts[host.host]
        if not host.up:
            found.append(f"{host.host} does not answer: {_short(view.trouble)}")
        elif host.drained:
            found.append(f"{host.host} is drained")
        else:
            usable.append(host)
    for image in missing:
        for host in usable:
            version = needs[image].version if image in needs else ""
            if host.images is not None and image in needs and version not in host.images:
                found.append(f"{host.host} has no copy of {image}")
            elif version in host.backoff:
                found.append(f"{image} does not boot on {host.host}")
            elif image in needs and host.disk_left_mib is not None and host.disk_left_mib < needs[image].disk_mib:
                found.append(f"{host.host} has no disk space for another {image} lab")
    failed = [lab for lab in labs if lab.image in missing and lab.state is LabState.MAKING and lab.fault]
    found += [f"{failed[0].machine} says: {_short(failed[0].fault)}"] if failed else []
    return found


def rest_of(
    missing: Mapping[str, int],
    coming: Mapping[str, Sequence[float]],
    needs: Mapping[str, Need],
    seats: Iterable[HostRoom],
    boot_seconds: Callable[[str], float],
) -> tuple[timedelta | None, int]:
    """(how long the missing labs will take, None if some find no host or are much too late; how many of them find no
    room on the hosts that could make them).  ``coming``: for each lab of an image that is already being made, for how
    many seconds it has been."""
    there, possible, homeless, seconds = {host.host: host for host in seats}, True, 0, 0.0
    for image, number in missing.items():
        makers = [host for host in there.values() if image in needs and _makes(host, needs[image])]
        at_once = sum(host.at_once for host in makers)
        under_way, usual = coming.get(image, ()), boot_seconds(image)
        to_begin = max(0, number - len(under_way))
        for _ in range(to_begin if makers else 0):
            name = choose_host(there.values(), needs[image])
            if name is None:
                homeless += 1
            else:
                there[name] = there[name].with_one_more(needs[image])
        possible = possible and bool(makers) and not any(unforeseeable(usual, elapsed) for elapsed in under_way)
        seconds += max((left(usual, elapsed) for elapsed in under_way), default=0.0)
        seconds += -(-to_begin // at_once) * expected(usual, under_way) if at_once else 0.0
    return (timedelta(seconds=seconds) if possible and not homeless else None), homeless


def late(
    missing: Mapping[str, int], coming: Mapping[str, Sequence[float]], boot_seconds: Callable[[str], float]
) -> list[str]:
    """For each image of which labs take longer than usual: since when."""
    return [
        f"{image} labs have been booting for {span(timedelta(seconds=max(coming[image])))}, usually "
        f"{span(timedelta(seconds=boot_seconds(image)))}"
        for image in missing
        if coming.get(image) and is_slow(boot_seconds(image), timedelta(seconds=max(coming[image])))
    ]


def _makes(host: HostRoom, need: Need) -> bool:
    """Whether the host could make such a lab if it had room."""
    return (
        host.up
        and not host.drained
        and need.version not in host.backoff
        and (host.images is None or need.version in host.images)
    )


def _short(text: str) -> str:
    return text if len(text) <= 80 else text[:79].rstrip() + "…"


class Readiness:
    def __init__(self, preallocation: Preallocation, store: Store, people: People) -> None:
        self.preallocation, self.scheduler, self.staff = preallocation, preallocation.scheduler, people
        self.labs, self.leases, self.people, self.notices = store.labs, store.leases, store.people, store.notices

    def tick(self, now: datetime) -> None:
        """Tells each member of the staff once from ``early`` before the start, again if the verdict changes, and after
        a no-go once more five minutes before the start; nobody once the class has begun."""
        due = [
            session
            for session in self.preallocation.sessions(now)
            if session.start - self.preallocation.config.early <= now < session.begins
        ]
        if not due:
            return
        found = self._readiness(now)
        for session in due:
            word, last = "go" if found[session.uid].go else "no-go", session.start - LAST_WORD
            for person in self.staff.staff(session.channel, now):
                warned = self.notices.first(key=f"no-go {session.key} {person.id}")
                again = warned is not None and warned.due_at < last <= now
                self._say("last" if again else word, session, person, now)

    def _say(self, word: str, session: PlannedSession, person: Person, now: datetime) -> None:
        key = f"{word} {session.key} {person.id}"
        if self.notices.first(key=key) is None:
            self.notices.tell(
                now,
                "",
                person_id=person.id,
                kind=NoticeKind.READINESS,
                subject=session.uid,
                key=key,
                not_after=session.start,
            )

    def _readiness(self, now: datetime) -> dict[str, SessionReadiness]:
        config = self.preallocation.config
        near = [
            session
            for session in self.preallocation.sessions(now)
            if session.begins - config.lead <= now < session.closes_at
        ]
        return readiness_of(near, config.share, self.labs.alive(), self.leases.open(), self.scheduler.up())

    def notice(self, notice: Notice, now: datetime) -> Reply | None:
        """Writes the text when it is sent, so that it is true then."""
        session = next((found for found in self.preallocation.sessions(now) if found.uid == notice.subject), None)
        if session is None or session.begins <= now or notice.person_id is None:
            return None
        return Reply(self.line(session, self.people.get(notice.person_id).zone, now))

    def line(self, session: PlannedSession, zone: str, now: datetime) -> str:
        """The state of this session's labs, for somebody in that zone ('': the session's own)."""
        state, present = self._readiness(now)[session.uid], self.labs.present()
        seats = self.scheduler.rooms(present, now)
        needs = {name: self.scheduler.need(image) for name, image in self.scheduler.images.items()}
        up = self.scheduler.up()
        coming: dict[str, list[float]] = {}
        for lab in present:
            if lab.machine in up and lab.state in (LabState.MAKING, LabState.BOOTING):
                coming.setdefault(lab.image, []).append((now - lab.state_at).total_seconds())
        rest, homeless = rest_of(state.missing, coming, needs, seats, self.scheduler.boot_seconds)
        said = faults(state.missing, needs, self.scheduler.machines, seats, present)
        said += late(state.missing, coming, self.scheduler.boot_seconds)
        if homeless:
            said.append(f"no room for {homeless} of them")
        return verdict(session.title, clock(session.start, zone or session.zone), state, said, rest)
