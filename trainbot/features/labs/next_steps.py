"""What people can type next about their lab, for ``!help``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainbot.core.access import Role
from trainbot.core.commands import Request
from trainbot.core.hooks import NextStep, Urgency
from trainbot.core.wording import as_many
from trainbot.features.labs.lab_wording import a, state_of
from trainbot.features.labs.scheduler import Scheduler
from trainbot.model.lab import LabState
from trainbot.model.ports import Access, ClassContext

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

ROOM = 60  # bytes of names


class LabNextSteps:
    def __init__(self, scheduler: Scheduler, store: Store, access: Access, classes: ClassContext) -> None:
        self.scheduler, self.access, self.classes = scheduler, access, classes
        self.labs, self.leases, self.homes = store.labs, store.leases, store.homes

    def next_steps(self, ask: Request) -> list[NextStep]:
        return [*self._hosts(ask), *self._lab(ask)]

    def _hosts(self, ask: Request) -> list[NextStep]:
        """For organisers: the hosts that do not answer."""
        lost = [name for name, view in self.scheduler.machines.items() if not view.up and not view.unheard]
        if ask.role < Role.ORGANISER or not lost:
            return []
        does = "do not answer" if len(lost) > 1 else "does not answer"
        return [NextStep(Urgency.DUTY, f"{as_many(lost, ROOM)} {does}: !hosts shows more.")]

    def _lab(self, ask: Request) -> list[NextStep]:
        held = self.leases.open(person_id=ask.person.id)
        waiting = next((lease for lease in held if lease.lab_id is None), None)
        if waiting is not None:
            return [
                NextStep(
                    Urgency.LAB, f"You are waiting for {a(waiting.image)} lab: !lab shows your place in the queue."
                )
            ]
        lab = self.labs.get(held[0].lab_id) if held and held[0].lab_id else None
        if lab is not None and lab.state is LabState.READY and self.scheduler.host_of(lab).up:
            return [
                NextStep(
                    Urgency.SESSION, f"Your {lab.image} lab is ready: !lab {lab.image} gives its ssh command again."
                )
            ]
        if lab is not None:
            state = state_of(lab) if self.scheduler.host_of(lab).up else "on a host that does not answer right now"
            return [NextStep(Urgency.LAB, f"Your {lab.image} lab is {state}: !lab shows its state.")]
        if self.homes.first(person_id=ask.person.id) is not None:
            return []
        if not self.scheduler.hosts or (self.access.accounts_only and ask.sender.account is None):
            return []
        image = self.classes.image_of(ask)
        if image in self.scheduler.images:
            return [NextStep(Urgency.LAB, f"!lab {image} gives you a machine of your own.")]
        if ask.role >= Role.HELPER:
            return []
        there = " or ".join(f"!lab {name}" for name in sorted(self.scheduler.images)[:3])
        return [NextStep(Urgency.IDLE, f"{there} gives you a machine to try things on.")] if there else []
