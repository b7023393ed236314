"""Labs made before a class for its sign-ups: how many, of which kind, from when and until when."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.model.class_run import ClassRun, held
from trainbot.model.config import LabsConfig
from trainbot.model.host import Mode
from trainbot.model.lab import Lease
from trainbot.model.ports import Timetable
from trainbot.model.session import Session
from trainbot.model.session_rows import SignUp

if TYPE_CHECKING:
    from trainbot.adapters.db import Store
    from trainbot.features.labs.scheduler import Scheduler

Kind = tuple[str, Mode]
UNCLAIMED = timedelta(minutes=30)  # after the start: nobody is waited for any longer
SLACK = 1.5  # a host under load makes labs more slowly than it did when it was idle
MOST_LEAD = timedelta(hours=12)


@dataclass(frozen=True, slots=True)
class PlannedSession:
    """A session as labs see it.  ``start``: what people were told (shown in ``zone``); ``begins``: the same, or the
    start of its class if that was earlier; ``late_at``: from then on nobody is waited for; ``closes_at``: from then
    on its labs are no longer needed.  ``seats``: (person, image) in the order of sign-up, without those who need no
    lab."""

    uid: str
    title: str
    start: datetime
    zone: str
    minutes: int
    begins: datetime
    late_at: datetime
    closes_at: datetime
    mode: Mode
    seats: tuple[tuple[int, str], ...]
    channel: str | None = None

    @property
    def key(self) -> str:
        """Identifies this session at this time: a session that is moved counts as another class."""
        return f"{self.uid}@{self.start:%Y%m%dT%H%M%SZ}"

    def needed(self, share: int) -> dict[str, int]:
        """Image -> labs for ``share`` percent of its sign-ups, rounded up."""
        return {image: -(-number * share // 100) for image, number in Counter(i for _p, i in self.seats).items()}


def planned(
    session: Session, signups: Iterable[SignUp], runs: Iterable[ClassRun], mode: Mode, grace: timedelta
) -> PlannedSession:
    """The session as labs see it.  ``runs``: the classes that were started for it."""
    relevant = [run for run in runs if run.ended_at is None or held(run, session)]
    begun = [run.started_at for run in relevant]
    if not relevant:
        closes_at = session.end + grace
    elif any(run.ended_at is None for run in relevant):
        closes_at = datetime.max.replace(tzinfo=session.start.tzinfo)
    else:
        closes_at = max(run.ended_at for run in relevant if run.ended_at is not None) + grace
    return PlannedSession(
        session.uid,
        session.title,
        session.start,
        session.zone,
        session.minutes,
        min([session.start, *begun]),
        max([session.start, *begun]) + UNCLAIMED,
        closes_at,
        mode,
        tuple((row.person_id, row.image) for row in signups if row.image),
        session.channel,
    )


def opens_at(
    session: PlannedSession, config: LabsConfig, boot_seconds: Callable[[str], float], at_once: int
) -> datetime:
    """When the making of its labs begins: ``lead`` before the session, or earlier if otherwise not all of them would
    exist when they are handed out."""
    work = sum(number * boot_seconds(image) for image, number in session.needed(config.share).items())
    need = timedelta(seconds=SLACK * work / at_once) if at_once else timedelta()
    return session.begins - min(max(config.lead, config.early + need), MOST_LEAD)


def wanted(
    now: datetime,
    sessions: Iterable[PlannedSession],
    leases: Iterable[Lease],
    config: LabsConfig,
    spare: Mapping[Kind, int],
    boot_seconds: Callable[[str], float],
    at_once: int,
) -> dict[Kind, int]:
    """How many labs of each kind should be free now, beyond those that are leased (``leases``: the open ones).

    Never less than ``spare``; the needs of sessions at the same time add up.  ``boot_seconds``: of a lab of that image;
    ``at_once``: how many labs all hosts that answer make at the same time.
    """
    held = {(lease.person_id, lease.image) for lease in leases}
    found: Counter[Kind] = Counter()
    for session in sessions:
        if not opens_at(session, config, boot_seconds, at_once) <= now < min(session.late_at, session.closes_at):
            continue
        have = Counter(image for person, image in session.seats if (person, image) in held)
        for image, number in session.needed(config.share).items():
            found[image, session.mode] += max(0, number - have[image])
    return {kind: max(found[kind], spare.get(kind, 0)) for kind in {*found, *spare}}


class Preallocation:
    """Plans the pool of free labs from sign-ups.  ``spare``: how many labs of each kind are kept free at any time."""

    def __init__(self, scheduler: Scheduler, store: Store, timetable: Timetable, spare: Mapping[Kind, int]) -> None:
        self.scheduler, self.config, self.timetable, self.spare = scheduler, scheduler.config, timetable, dict(spare)
        self.leases, self.classes, self.homes = store.leases, store.classes, store.homes

    def sessions(self, now: datetime) -> list[PlannedSession]:
        """The sessions with sign-ups for labs, by start; none if no host runs labs."""
        found: list[PlannedSession] = []
        if not self.scheduler.hosts:
            return found
        away = {(home.person_id, home.image) for home in self.homes.all()}
        for session in self.timetable.near(now):
            signups = [row for row in self.timetable.seats_of(session) if (row.person_id, row.image) not in away]
            if any(row.image for row in signups):
                runs = self.classes.all(session_uid=session.uid)
                found.append(planned(session, signups, runs, self.timetable.mode_of(session), self.config.grace))
        return found

    def pool(self, now: datetime) -> Mapping[Kind, int]:
        """How many labs of each kind should be free now."""
        sessions = self.sessions(now)
        if not sessions:
            return self.spare
        at_once = sum(host.at_once for host in self.scheduler.rooms([], now) if host.up and not host.drained)
        return wanted(now, sessions, self.leases.open(), self.config, self.spare, self.scheduler.boot_seconds, at_once)
