"""The commands for people's own labs: reboot, reset, take a snapshot, roll back, extend, give back."""

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
from trainbot.model.shell_commands import ssh_command

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

NO_SNAPSHOT = "you have no snapshot yet: !lab snapshot takes one"


class LabCommands:
    def __init__(
        self, scheduler: Scheduler, store: Store, queue: LabQueue, access: Access, classes: ClassContext
    ) -> None:
        self.scheduler, self.config, self.queue, self.expiry = scheduler, scheduler.config, queue, queue.expiry
        self.labs, self.leases, self.access, self.classes = store.labs, store.leases, access, classes

    # -- which lab -----------------------------------------------------------------------------------

    def _lease(self, ask: Request, image: str | None) -> Lease:
        """The caller's only lease, or the one of that image; if that is ambiguous, the one that is waiting for a lab."""
        queue = [
            lease
            for lease in self.leases.open(person_id=ask.person.id)
            if image in (None, lease.image) and lease.lab_id is None
        ]
        return queue[0] if len(queue) == 1 else self._mine(ask, image)[0]

    def _mine(self, ask: Request, image: str | None) -> tuple[Lease, Lab]:
        """The caller's only lab, or the one of that image; UserError if there is none, or none yet."""
        leases = [lease for lease in self.leases.open(person_id=ask.person.id) if image in (None, lease.image)]
        if not leases:
            raise UserError(f"you have no {image or ''} lab".replace("  ", " ") + "; !lab IMAGE gives you one")
        if len(leases) > 1:
            raise UserError("which one? name the image: " + " or ".join(lease.image for lease in leases))
        lab = self.labs.get(leases[0].lab_id) if leases[0].lab_id else None
        if lab is None:
            raise UserError(self.queue.position(leases[0], ask.at))
        return leases[0], lab

    def _usable(self, ask: Request, image: str | None, *, paused: bool = False) -> Lab:
        """The caller's lab, also a paused one if ``paused``; UserError if nothing can be done to it now."""
        _lease, lab = self._mine(ask, image)
        if not self.scheduler.host_of(lab).up:
            raise UserError(
                f"its host {lab.machine} does not answer right now; your work on it is safe. Try again later"
            )
        if lab.state is LabState.PAUSED:
            if not paused:
                raise UserError(
                    f"your lab is {state_of(lab)}; it continues by itself once there is space, and !lab reset makes some"
                )
        elif lab.state not in (LabState.READY, LabState.BOOTING):
            raise UserError(f"your lab is already {state_of(lab)}; !lab shows its state")
        return lab

    def _begin(self, lab: Lab, state: LabState, now: datetime, **more: None) -> None:
        self.labs.change({"id": lab.id}, state=state, state_at=now, tries=0, **more)

    def _boots(self, lab: Lab) -> str:
        return f"about {max(5, round(self.scheduler.boot_seconds(lab.image)))} s"

    # -- its state -----------------------------------------------------------------------------------

    def reboot_lab(self, ask: Request, image: str | None = None) -> list[Effect]:
        lab = self._usable(ask, image)
        self._begin(lab, LabState.REBOOTING, ask.at)
        return [Reply(f"rebooting your {lab.image} lab, {self._boots(lab)}; its disk is kept", private=True)]

    def ask_reset(self, ask: Request, image: str | None = None) -> str:
        lab = self._usable(ask, image, paused=True)
        snapshot = ", and so will your snapshot" if lab.saved_at is not None else ""
        return f"everything you changed in your {lab.image} lab will be lost{snapshot}."

    def reset_lab(self, ask: Request, image: str | None = None) -> list[Effect]:
        lab = self._usable(ask, image, paused=True)
        self._begin(lab, LabState.RESETTING, ask.at, saved_at=None)
        then = self.classes.renewed(ask.person.id, lab, None)
        return [
            Reply(
                f"resetting your {lab.image} lab to the original image, {self._boots(lab)}; the same ssh command "
                "works" + (f"; {then}" if then else ""),
                private=True,
            )
        ]

    def save_lab(self, ask: Request, image: str | None = None) -> list[Effect]:
        lab = self._usable(ask, image)
        if not self.scheduler.snapshot_fits(lab, ask.at):
            raise UserError(
                f"its host {lab.machine} has no disk space left for a snapshot; your lab goes on unchanged. !lab reset frees "
                "what your lab and its snapshots take"
            )
        self._begin(lab, LabState.SAVING, ask.at)
        instead = ", replacing the last one" if lab.saved_at is not None else ""
        return [
            Reply(
                f"taking a snapshot of your {lab.image} lab{instead}: it restarts, {self._boots(lab)}, and ssh "
                "sessions end. !lab rollback restores it",
                private=True,
            )
        ]

    def ask_rollback(self, ask: Request, image: str | None = None) -> str:
        lab = self._usable(ask, image, paused=True)
        if lab.saved_at is None:
            raise UserError(NO_SNAPSHOT)
        return (
            f"everything you did in your {lab.image} lab since the snapshot {span(ask.at - lab.saved_at)} ago will be "
            "lost; it restarts, and ssh sessions end."
        )

    def roll_back_lab(self, ask: Request, image: str | None = None) -> list[Effect]:
        lab = self._usable(ask, image, paused=True)
        if lab.saved_at is None:
            raise UserError(NO_SNAPSHOT)
        self._begin(lab, LabState.ROLLING_BACK, ask.at)
        self.classes.renewed(ask.person.id, lab, lab.saved_at)
        return [
            Reply(
                f"restoring the snapshot that you took of your {lab.image} lab {span(ask.at - lab.saved_at)} ago, "
                f"{self._boots(lab)}; the same ssh command works",
                private=True,
            )
        ]

    def say_console(self, ask: Request, image: str | None = None) -> list[Effect]:
        lease, _lab = self._mine(ask, image)
        return [
            Reply(
                f"the console of your {lease.image} lab works even without its network. Enter wakes it, ctrl-] leaves it:",
                private=True,
                command=ssh_command(self.access.port, self.access.public_address, lease.image, "xen-manage console"),
            )
        ]

    # -- its time ------------------------------------------------------------------------------------

    def extend_lab(self, ask: Request, image: str | None = None) -> list[Effect]:
        lease, _lab = self._mine(ask, image)
        keeping = self.expiry.hold(ask.at)
        if keeping.held(lease):
            raise UserError(f"no need to: you keep your lab until {span(self.config.grace)} after the class")
        ends_at, latest = keeping.ends_at(lease), lease.asked_at + self.config.cap
        until = min(ask.at + self.config.lease, latest)
        if until <= ends_at + timedelta(minutes=1):
            capped = ends_at >= latest - timedelta(minutes=1)
            more = ", and that is the limit" if capped else "; ask again when there is less"
            raise UserError(f"your {lease.image} lab has {span(ends_at - ask.at)} left{more}")
        self.leases.change({"id": lease.id}, expires_at=until, warned_at=None)
        return [Reply(f"your {lease.image} lab is yours for {span(until - ask.at)} from now", private=True)]

    def ask_return(self, ask: Request, image: str | None = None) -> str:
        lease = self._lease(ask, image)
        return (
            f"your {lease.image} lab and everything in it will be deleted."
            if lease.lab_id
            else f"you will lose your position in the queue for {a(lease.image)} lab."
        )

    def return_lab(self, ask: Request, image: str | None = None) -> list[Effect]:
        lease = self._lease(ask, image)
        self.expiry.end(lease, "returned", ask.at)
        return [
            Reply(
                f"you gave back your {lease.image} lab"
                if lease.lab_id
                else f"you left the queue for {a(lease.image)} lab",
                private=True,
            )
        ]

    def commands(self) -> list[Command]:
        which = (Argument("IMAGE", "image", optional=True),)
        return [
            Command(
                "lab console",
                self.say_console,
                "show the ssh command for your lab's serial console",
                which,
                group="labs",
            ),
            Command("lab reboot", self.reboot_lab, "turn your lab off and on; its disk is kept", which, group="labs"),
            Command(
                "lab reset",
                self.reset_lab,
                "reset your lab to the original image (asks first)",
                which,
                confirm=self.ask_reset,
                group="labs",
            ),
            Command(
                "lab snapshot",
                self.save_lab,
                "take a snapshot of your lab, replacing the last one; the lab restarts",
                which,
                group="labs",
            ),
            Command(
                "lab rollback",
                self.roll_back_lab,
                "restore the last snapshot of your lab (asks first); the lab restarts",
                which,
                confirm=self.ask_rollback,
                group="labs",
            ),
            Command("lab extend", self.extend_lab, "get more time, up to the limit", which, group="labs"),
            Command(
                "lab return",
                self.return_lab,
                "give your lab back (asks first)",
                which,
                aliases=("lab destroy",),
                confirm=self.ask_return,
                group="labs",
            ),
        ]
