"""What people do with the lab they have: reboot, reset, keep its state and go back to it, extend, give back."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Reply
from trainbot.core.wording import span
from trainbot.features.labs.lab_wording import a, state_of
from trainbot.features.labs.queue_position import LabQueue
from trainbot.features.labs.scheduler import Scheduler
from trainbot.model.lab import Lab, LabState, Lease
from trainbot.model.ports import Access, ClassContext

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

NO_SNAPSHOT = "you have no snapshot yet: !lab snapshot keeps the state"


class LabCommands:
    def __init__(
        self, scheduler: Scheduler, store: Store, queue: LabQueue, access: Access, classes: ClassContext
    ) -> None:
        self.scheduler, self.config, self.queue, self.expiry = scheduler, scheduler.config, queue, queue.expiry
        self.labs, self.leases, self.access, self.classes = store.labs, store.leases, access, classes

    # -- which lab -----------------------------------------------------------------------------------

    def _lease(self, ask: Request, image: str | None) -> Lease:
        """The caller's only lease, or the one of that image; one that waits where ``image`` leaves a choice."""
        queue = [
            lease
            for lease in self.leases.open(person_id=ask.person.id)
            if image in (None, lease.image) and lease.lab_id is None
        ]
        return queue[0] if len(queue) == 1 else self._mine(ask, image)[0]

    def _mine(self, ask: Request, image: str | None) -> tuple[Lease, Lab]:
        """The caller's only lab, or the one of that image; UserError where there is no such, or none yet."""
        leases = [lease for lease in self.leases.open(person_id=ask.person.id) if image in (None, lease.image)]
        if not leases:
            raise UserError(f"you have no {image or ''} lab".replace("  ", " ") + "; !lab IMAGE gives you one")
        if len(leases) > 1:
            raise UserError("which one? name the image: " + " or ".join(lease.image for lease in leases))
        lab = self.labs.get(leases[0].lab_id) if leases[0].lab_id else None
        if lab is None:
            raise UserError(self.queue.position(leases[0], ask.at))
        return leases[0], lab

    def _usable(self, ask: Request, image: str | None) -> Lab:
        """The caller's lab where something can be done to it now."""
        _lease, lab = self._mine(ask, image)
        if not self.scheduler.host_of(lab).up:
            raise UserError(f"its host {lab.host} does not answer just now, your work is safe there; try again later")
        if lab.state not in (LabState.READY, LabState.BOOTING):
            raise UserError(f"your lab is {state_of(lab)} already; !lab says where it stands")
        return lab

    def _begin(self, lab: Lab, state: LabState, now: datetime, **more: None) -> None:
        self.labs.change({"id": lab.id}, state=state, state_at=now, tries=0, **more)

    def _boots(self, lab: Lab) -> str:
        return f"about {max(5, round(self.scheduler.boot_seconds(lab.image)))} s"

    # -- its state -----------------------------------------------------------------------------------

    def reboot_lab(self, ask: Request, image: str | None = None) -> list[Effect]:
        lab = self._usable(ask, image)
        self._begin(lab, LabState.REBOOTING, ask.at)
        return [Reply(f"your {lab.image} lab is turned off and on; its disk stays, {self._boots(lab)}", private=True)]

    def ask_reset(self, ask: Request, image: str | None = None) -> str:
        lab = self._usable(ask, image)
        snapshot = ", your snapshot too" if lab.saved_at is not None else ""
        return f"all that you changed in your {lab.image} lab will be gone{snapshot}."

    def reset_lab(self, ask: Request, image: str | None = None) -> list[Effect]:
        lab = self._usable(ask, image)
        self._begin(lab, LabState.RESETTING, ask.at, saved_at=None)
        then = self.classes.renewed(ask.person.id, lab, None)
        return [
            Reply(
                f"your {lab.image} lab starts again as the image was, {self._boots(lab)}; the same ssh line "
                "works" + (f"; {then}" if then else ""),
                private=True,
            )
        ]

    def save_lab(self, ask: Request, image: str | None = None) -> list[Effect]:
        lab = self._usable(ask, image)
        self._begin(lab, LabState.SAVING, ask.at)
        instead = " instead of your last snapshot" if lab.saved_at is not None else ""
        return [
            Reply(
                f"this state of your {lab.image} lab is kept{instead}: it restarts, {self._boots(lab)}, and ssh "
                "sessions end; !lab rollback comes back to it",
                private=True,
            )
        ]

    def ask_rollback(self, ask: Request, image: str | None = None) -> str:
        lab = self._usable(ask, image)
        if lab.saved_at is None:
            raise UserError(NO_SNAPSHOT)
        return (
            f"everything since your snapshot {span(ask.at - lab.saved_at)} ago will be gone from your {lab.image} "
            "lab; it restarts, and ssh sessions end."
        )

    def roll_back_lab(self, ask: Request, image: str | None = None) -> list[Effect]:
        lab = self._usable(ask, image)
        if lab.saved_at is None:
            raise UserError(NO_SNAPSHOT)
        self._begin(lab, LabState.ROLLING_BACK, ask.at)
        self.classes.renewed(ask.person.id, lab, lab.saved_at)
        return [
            Reply(
                f"your {lab.image} lab restarts as it was {span(ask.at - lab.saved_at)} ago, {self._boots(lab)}; "
                "the same ssh line works",
                private=True,
            )
        ]

    def say_console(self, ask: Request, image: str | None = None) -> list[Effect]:
        lease, _lab = self._mine(ask, image)
        return [
            Reply(
                f"ssh -t -p {self.access.port} {lease.image}@{self.access.public_address} xen-manage console {lease.image} "
                "(works when the lab's network does not; Enter wakes it, ctrl-] leaves it)",
                private=True,
            )
        ]

    # -- its time ------------------------------------------------------------------------------------

    def extend_lab(self, ask: Request, image: str | None = None) -> list[Effect]:
        lease, _lab = self._mine(ask, image)
        keeping = self.expiry.hold(ask.at)
        if keeping.held(lease):
            raise UserError(
                f"that is not needed: your lab stays until the class has ended, and {span(self.config.grace)} more"
            )
        ends_at, latest = keeping.ends_at(lease), lease.asked_at + self.config.cap
        until = min(ask.at + self.config.lease, latest)
        if until <= ends_at + timedelta(minutes=1):
            capped = ends_at >= latest - timedelta(minutes=1)
            more = ", and that is the cap" if capped else "; ask again when it is less"
            raise UserError(f"your {lease.image} lab has {span(ends_at - ask.at)} left{more}")
        self.leases.change({"id": lease.id}, expires_at=until, warned_at=None)
        return [Reply(f"your {lease.image} lab is yours for {span(until - ask.at)} from now", private=True)]

    def ask_return(self, ask: Request, image: str | None = None) -> str:
        lease = self._lease(ask, image)
        return (
            f"your {lease.image} lab and all that is in it will be gone."
            if lease.lab_id
            else f"you give up your place for {a(lease.image)} lab."
        )

    def return_lab(self, ask: Request, image: str | None = None) -> list[Effect]:
        lease = self._lease(ask, image)
        self.expiry.end(lease, "returned", ask.at)
        return [
            Reply(
                f"your {lease.image} lab is given back"
                if lease.lab_id
                else f"your place for {a(lease.image)} lab is free",
                private=True,
            )
        ]

    def commands(self) -> list[Command]:
        which = (Argument("IMAGE", "image", optional=True),)
        return [
            Command(
                "lab console", self.say_console, "the line that shows my lab's serial console", which, group="labs"
            ),
            Command("lab reboot", self.reboot_lab, "turns my lab off and on, keeps its disk", which, group="labs"),
            Command(
                "lab reset",
                self.reset_lab,
                "my lab as the image was (asks first)",
                which,
                confirm=self.ask_reset,
                group="labs",
            ),
            Command(
                "lab snapshot",
                self.save_lab,
                "keeps this state of my lab, in place of the last; it restarts",
                which,
                group="labs",
            ),
            Command(
                "lab rollback",
                self.roll_back_lab,
                "my lab as the last snapshot kept it (asks first); it restarts",
                which,
                confirm=self.ask_rollback,
                group="labs",
            ),
            Command("lab extend", self.extend_lab, "more time, up to the cap", which, group="labs"),
            Command(
                "lab return",
                self.return_lab,
                "gives my lab back (asks first)",
                which,
                aliases=("lab destroy",),
                confirm=self.ask_return,
                group="labs",
            ),
        ]
