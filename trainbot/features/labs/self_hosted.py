"""``!lab home``: tells people where to get the image to run it on a machine of their own; they need no lab here.

The bot never logs in to such a machine.  Getting a lab here ends this (``lab_requests``).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Reply
from trainbot.features.labs.lease_expiry import LeaseExpiry
from trainbot.features.labs.scheduler import Scheduler
from trainbot.model.lab import SelfHosted
from trainbot.model.ports import ClassContext, Pages

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


class SelfHostedCommands:
    def __init__(
        self, scheduler: Scheduler, store: Store, expiry: LeaseExpiry, classes: ClassContext, pages: Pages
    ) -> None:
        self.images, self.expiry, self.classes, self.pages = scheduler.images, expiry, classes, pages
        self.homes, self.leases = store.homes, store.leases

    def go_home(self, ask: Request, image: str | None = None) -> list[Effect]:
        before = self.homes.first(person_id=ask.person.id)
        image = image or self._which(ask, before)
        held = self.leases.open(person_id=ask.person.id)
        for lease in held:
            if lease.lab_id is None:
                self.expiry.end(lease, "at home", ask.at)
        if before is None or before.image != image:
            self.homes.put(SelfHosted(ask.person.id, image, ask.at))
        self.classes.went_home(ask, image)
        kept = [lease.image for lease in held if lease.lab_id is not None]
        note = (
            f"you keep your {kept[0]} lab here until !lab return"
            if kept
            else f"!lab {image} gives you a lab here instead"
        )
        return [Reply(f"{self._where(image)}; take part like everyone else: !done, !stuck, !ask; {note}", private=True)]

    def _which(self, ask: Request, before: SelfHosted | None) -> str:
        wanted = self.classes.image_of(ask) or (before.image if before is not None else "")
        if wanted:
            return wanted
        if len(self.images) == 1:
            return next(iter(self.images))
        if not self.images:
            raise UserError("there are no images yet: an organiser can make one with trainbot image build debian")
        raise UserError("which image? Type !lab home IMAGE with one of: " + ", ".join(sorted(self.images)))

    def _where(self, image: str) -> str:
        offer = self.pages.offer(image)
        if offer is None:
            return f"the {image} image is not published: ask an organiser for it (trainbot image publish)"
        if not offer.url:
            return (
                f"ask an organiser where to download the {image} image ([records] public_url is not set); sha256 of its "
                f"SHA256SUMS: {offer.sums}"
            )
        return f"{image} for Xen or QEMU, how-to: {offer.url} (sha256 of SHA256SUMS: {offer.sums})"

    def commands(self) -> list[Command]:
        return [
            Command(
                "lab home",
                self.go_home,
                "use a machine of your own instead of a lab: shows where to get the image",
                (Argument("IMAGE", "image", optional=True),),
                example="lab home debian",
                group="labs",
            )
        ]


def at_home(home: SelfHosted) -> str:
    """The answer to ``!lab`` for somebody who uses a machine of their own."""
    return (
        f"you run {home.image} on a machine of your own (!lab home shows where to get the image); !lab {home.image} "
        "gives you a lab here instead"
    )
