"""What organisers do with other people's labs: give one to somebody, take one back."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

from trainbot.core.access import Person, Role, fold_account
from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Reply
from trainbot.core.wording import span
from trainbot.features.labs.lab_requests import LabRequests
from trainbot.features.labs.lab_wording import a
from trainbot.model.host import Mode
from trainbot.model.lab import Lease
from trainbot.model.notice import NoticeKind
from trainbot.model.ports import Audience, People

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

NEWS = timedelta(hours=12)  # that a lab was given or taken back is told for so long


class LabAdminCommands:
    def __init__(self, requests: LabRequests, store: Store, audience: Audience, people: People) -> None:
        self.requests, self.queue, self.expiry = requests, requests.queue, requests.queue.expiry
        self.labs, self.leases, self.people, self.notices = store.labs, store.leases, store.people, store.notices
        self.audience, self.known_people = audience, people
        self._meant: dict[tuple[int, str, str | None], int] = {}  # what an organiser was asked about: the lease

    # -- give ----------------------------------------------------------------------------------------

    def lab_for(self, ask: Request, nick: str, image: str, mode: Mode = Mode.ENFORCING) -> list[Effect]:
        """Beyond per_person and without an account too: an organiser knows why; but one of an image at most."""
        sender = self.audience.find(nick)
        if sender is None:
            raise UserError(f"nobody here is called {nick[:30]}; they have to be in one of our channels")
        if not self.requests.scheduler.hosts:
            raise UserError("no host runs labs here yet; an organiser adds a [host.NAME] section to bot.ini")
        person = self.known_people.person_of(sender, ask.at)
        there = next(iter(self.leases.open(person_id=person.id, image=image)), None)
        if there is not None:
            verb = "has" if there.lab_id else "waits for"
            raise UserError(
                f"{sender.nick} {verb} {a(image)} lab already, {there.mode}; !lab revoke "
                f"{sender.nick} {image} takes it back"
            )
        lease = self.requests.lend(person.id, image, mode, ask.at)
        self.notices.tell(
            ask.at,
            f"{ask.nick} asked me for {a(image)} lab for you",
            person_id=person.id,
            kind=NoticeKind.LAB,
            subject=str(lease.id),
        )
        self.requests.classes.handed_out(ask, f"{image} {mode} for {sender.nick}")
        lab = self.labs.get(lease.lab_id) if lease.lab_id else None
        what = (
            f"has {a(image)} lab on {lab.host} now"
            if lab is not None
            else f"waits for {a(image)} lab, number {self.queue.positions()[lease.id]} in the queue"
        )
        return [Reply(f"{sender.nick} {what}, and is told so privately", private=True)]

    # -- take back -----------------------------------------------------------------------------------

    def _holder(self, nick: str) -> Person:
        """Whoever goes by that nick now, else who went by it last, or has that account; UserError where nobody of
        them has a lab, or several have."""
        sender = self.audience.find(nick)
        here = self.known_people.known(sender) if sender is not None else None
        holders = self.people.with_leases()
        if here is not None and here in holders:
            return here
        named = [person for person in holders if person.account == fold_account(nick)] or [
            person for person in holders if self.audience.fold(person.nick) == self.audience.fold(nick)
        ]
        if not named:
            raise UserError(f"{nick[:30]} has no lab; !labs says who has")
        if len(named) > 1:
            raise UserError(
                f"{len(named)} people with labs went by the nick {nick[:30]}; name the account of the one you mean"
            )
        return named[0]

    def _theirs(self, nick: str, image: str | None) -> tuple[Person, Lease]:
        person = self._holder(nick)
        leases = [lease for lease in self.leases.open(person_id=person.id) if image in (None, lease.image)]
        if not leases:
            raise UserError(f"{person.nick} has no {image} lab; !labs {person.nick} says what they have")
        if len(leases) > 1:
            raise UserError(
                f"which one? {person.nick} has "
                + " and ".join(lease.image for lease in leases)
                + f": say !lab revoke {person.nick} {leases[0].image}"
            )
        return person, leases[0]

    def ask_revoke(self, ask: Request, nick: str, image: str | None = None) -> str:
        person, lease = self._theirs(nick, image)
        self._meant = {key: id for key, id in self._meant.items() if key[0] != ask.person.id}
        self._meant[ask.person.id, nick, image] = lease.id
        alike = person.account in (None, fold_account(person.nick))
        who = person.nick if alike else f"{person.nick} ({person.account})"
        if lease.lab_id is None:
            return f"{who} loses the place in the queue for {a(lease.image)} lab."
        return (
            f"{who} loses the {lease.image} lab with all that they did in it since {span(ask.at - lease.asked_at)} ago."
        )

    def revoke_lab(self, ask: Request, nick: str, image: str | None = None) -> list[Effect]:
        person, lease = self._theirs(nick, image)
        if self._meant.pop((ask.person.id, nick, image), None) != lease.id:
            raise UserError(f"{nick[:30]} is not who it was a minute ago, so nothing was done; say that again")
        self.expiry.end(lease, "revoked", ask.at)
        what = f"your {lease.image} lab" if lease.lab_id else f"your place for {a(lease.image)} lab"
        self.notices.tell(
            ask.at, f"{what} was taken back by {ask.nick}; ask them why", person_id=person.id, not_after=ask.at + NEWS
        )
        return [
            Reply(
                f"{person.nick}'s {lease.image} lab is taken back, and they are told"
                if lease.lab_id
                else f"{person.nick} waits no longer for {a(lease.image)} lab, and is told",
                private=True,
            )
        ]

    def commands(self) -> list[Command]:
        return [
            Command(
                "lab for",
                self.lab_for,
                "a lab for somebody else, beyond what everybody may have",
                (Argument("NICK", "nick"), Argument("IMAGE", "image"), Argument("permissive", "mode", optional=True)),
                example="lab for alice debian",
                role=Role.ORGANISER,
                group="labs",
            ),
            Command(
                "lab revoke",
                self.revoke_lab,
                "takes somebody's lab back (asks first); they are told",
                (Argument("NICK", "nick"), Argument("IMAGE", "image", optional=True)),
                confirm=self.ask_revoke,
                example="lab revoke alice",
                role=Role.ORGANISER,
                group="labs",
            ),
        ]
