"""Ends leases: warns people first, and keeps the labs of a running class."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.core.wording import span
from trainbot.features.labs.scheduler import Scheduler
from trainbot.model.class_run import ClassWindow
from trainbot.model.lab import LabState, Lease
from trainbot.model.ports import Access, ClassContext
from trainbot.model.shell_commands import scp_command

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

NEWS = timedelta(hours=12)  # people are told for this long that their lab has ended


@dataclass(frozen=True, slots=True)
class ClassHold:
    """The leases that classes keep alive at one moment.  Computed from rows alone, so it is the same after a
    restart."""

    windows: Sequence[ClassWindow]
    grace: timedelta
    now: datetime

    def held(self, lease: Lease) -> bool:
        """Whether the lease belongs to a running class: then it does not end, and nobody is warned."""
        return any(window.runs(self.now) and window.concerns(lease) for window in self.windows)

    def ends_at(self, lease: Lease) -> datetime:
        """When the lease ends unless a class still holds it then; includes the extra time after a class."""
        after = [
            window.over_at + self.grace
            for window in self.windows
            if not window.runs(self.now) and window.concerns(lease)
        ]
        return max([lease.expires_at, *(at for at in after if at > self.now)])

    def left(self, lease: Lease) -> str:
        """How long the lease lasts, worded so that it stays true."""
        rest = self.ends_at(lease) - self.now
        if self.held(lease) and rest <= self.grace:
            return f"yours until {span(self.grace)} after the class"
        return f"{span(rest)} left"


class LeaseExpiry:
    def __init__(self, scheduler: Scheduler, store: Store, access: Access, classes: ClassContext) -> None:
        self.scheduler, self.access, self.classes, self.config = scheduler, access, classes, scheduler.config
        self.labs, self.leases, self.notices = store.labs, store.leases, store.notices

    def _saving(self, image: str) -> str:
        """The shell command that copies the home directory of a lab of that image to the machine on which it is typed."""
        user = self.scheduler.images[image].user if image in self.scheduler.images else "root"
        home = "/root" if user == "root" else f"/home/{user}"
        return scp_command(self.access.port, self.access.public_address, image, home)

    def hold(self, now: datetime) -> ClassHold:
        return ClassHold(self.classes.windows(now - self.config.grace), self.config.grace, now)

    def tick(self, now: datetime) -> None:
        """Ends leases whose time is up and warns people shortly before; leases held by a class are left alone."""
        hold = self.hold(now)
        for lease in self.leases.open():
            if lease.lab_id is None or hold.held(lease):
                continue
            ends_at = hold.ends_at(lease)
            if ends_at > lease.expires_at:
                self.leases.change({"id": lease.id}, expires_at=ends_at, warned_at=None)
            if ends_at <= now:
                self.end(lease, "expired", now)
                self.notices.tell(
                    now,
                    f"time is up: your {lease.image} lab has ended. !lab {lease.image} gives you a new one",
                    person_id=lease.person_id,
                    not_after=now + NEWS,
                )
            elif ends_at - self.config.warn <= now and (lease.warned_at is None or ends_at > lease.expires_at):
                self._warn(lease, ends_at, now)

    def _warn(self, lease: Lease, ends_at: datetime, now: datetime) -> None:
        self.leases.change({"id": lease.id}, warned_at=now)
        self.notices.tell(
            now,
            self._warning(lease, ends_at - now),
            command=self._saving(lease.image),
            person_id=lease.person_id,
            not_after=ends_at,
        )

    def _warning(self, lease: Lease, left: timedelta) -> str:
        return (
            f"your {lease.image} lab ends in {span(left)}: !lab extend gives you more time"
            f"{', !lab keep keeps your files here' if self.config.kept else ''}. To save your work, run this on your own "
            "machine:"
        )

    def warned(self, lease: Lease) -> str:
        """The warning that its person got before the end of the lease; '' if there was none yet."""
        if lease.warned_at is None:
            return ""
        return f"{self._warning(lease, lease.expires_at - lease.warned_at)} {self._saving(lease.image)}"

    def end(self, lease: Lease, why: str, now: datetime) -> None:
        """Ends the lease, and destroys its lab and the older one that was kept for its person, if any."""
        self.leases.change({"id": lease.id}, ended_at=now, ended_why=why, offered="")
        for id in (lease.lab_id, lease.left_id):
            lab = self.labs.get(id) if id is not None else None
            if lab is not None and lab.state is not LabState.GONE:  # an old one may not have survived its host
                self.labs.change({"id": lab.id}, state=LabState.ENDING, state_at=now, tries=0)
