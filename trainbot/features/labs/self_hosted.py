"""``!lab home``: tells people where to get the image to run it on a machine of their own; they need no lab here.

The bot never logs in to such a machine, and runs nothing in a lab of that image that they still have.  ``!lab IMAGE``
ends this (``lab_requests``), and so does the end of a class with that image.
"""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.hooks import Turn
from trainbot.core.messages import Effect, Reply
from trainbot.features.labs.lab_wording import a
from trainbot.features.labs.lease_expiry import LeaseExpiry
from trainbot.features.labs.scheduler import Scheduler
from trainbot.model.lab import Lease, SelfHosted
from trainbot.model.ports import ClassContext, Pages

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

RECENT = timedelta(hours=1)  # the ends of classes that are looked at again, in case a turn was lost


class SelfHostedCommands:
    def __init__(
        self, scheduler: Scheduler, store: Store, expiry: LeaseExpiry, classes: ClassContext, pages: Pages
    ) -> None:
        self.images, self.expiry, self.classes, self.pages = scheduler.images, expiry, classes, pages
        self.homes, self.leases = store.homes, store.leases

    def ask_home(self, ask: Request, image: str | None = None) -> Reply | None:
        """What changes for somebody who has a lab of that image, or waits for one; None if nothing does."""
        before = self.homes.first(person_id=ask.person.id)
        image = image or self._which(ask, before)
        self._where(image)
        lease = self._lease(ask, image)
        if lease is None or (before is not None and before.image == image):
            return None
        return Reply(
            f"you have {a(image)} lab here. It stays, but I no longer prepare steps in it, and !done counts without a "
            f"check, until you type !lab {image} or the class ends."
            if lease.lab_id is not None
            else f"you lose your position in the queue for {a(image)} lab, and !done counts without a check.",
            private=True,
        )

    def go_home(self, ask: Request, image: str | None = None) -> list[Effect]:
        before = self.homes.first(person_id=ask.person.id)
        image = image or self._which(ask, before)
        where, lease = self._where(image), self._lease(ask, image)
        if lease is not None and lease.lab_id is None:
            self.expiry.end(lease, "at home", ask.at)
        if before is None or before.image != image:
            self.homes.put(SelfHosted(ask.person.id, image, ask.at))
        self.classes.went_home(ask, image)
        note = (
            f"!lab {image} goes back to your lab here, !lab return deletes it"
            if lease is not None and lease.lab_id is not None
            else f"!lab {image} gives you a lab here instead"
        )
        if before is not None and before.image != image:
            note += f"; you no longer run {before.image} at home"
        return [
            Reply(
                f"{where}; take part like everyone else: !done (not checked here), !stuck, !ask; {note}", private=True
            )
        ]

    def _lease(self, ask: Request, image: str) -> Lease | None:
        return next(iter(self.leases.open(person_id=ask.person.id, image=image)), None)

    def classes_ended(self, turn: Turn) -> None:
        """Whoever took part in a class from home gets a lab in the next one, unless they say ``!lab home`` again."""
        homes = self.homes.all()
        over = [
            window
            for window in (self.classes.windows(turn.now - RECENT) if homes else ())
            if window.over_at <= turn.now
        ]
        for home in homes:
            if any(
                home.person_id in window.people and home.image == window.image and home.since <= window.over_at
                for window in over
            ):
                self.homes.remove(person_id=home.person_id)

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
            raise UserError(
                f"the {image} image is not published, so you can't run it elsewhere: !lab {image} gives you a lab here, or "
                "ask an organiser to publish it (trainbot image publish)"
            )
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
                "use a machine of your own instead of a lab until the class ends: shows where to get the image (asks "
                "first if you have a lab)",
                (Argument("IMAGE", "image", optional=True),),
                confirm=self.ask_home,
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


def unused(home: SelfHosted) -> str:
    """What follows the line about their lab of that image."""
    return (
        f"you take part from a machine of your own, so nothing is prepared in your {home.image} lab, and !done counts "
        f"without a check, until you type !lab {home.image}"
    )
