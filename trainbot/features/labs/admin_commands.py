"""The commands by which organisers give people labs and take them back."""

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

NEWS = timedelta(hours=12)  # people are told for this long that a lab was given to them or taken back


class LabAdminCommands:
    def __init__(self, requests: LabRequests, store: Store, audience: Audience, people: People) -> None:
        self.requests, self.queue, self.expiry = requests, requests.queue, requests.queue.expiry
        self.labs, self.leases, self.people, self.notices = store.labs, store.leases, store.people, store.notices
        self.audience, self.known_people = audience, people
        self._meant: dict[tuple[int, str, str | None], int] = {}  # the lease that an organiser was asked to confirm

    # -- give ----------------------------------------------------------------------------------------

    def lab_for(self, ask: Request, nick: str, image: str, mode: Mode = Mode.ENFORCING) -> list[Effect]:
        """Gives somebody a lab, even beyond per_person or without an account, but at most one of an image."""
        sender = self.audience.find(nick)
        if sender is None:
            raise UserError(f'nobody called "{nick[:30]}" is in my channels')
        if not self.requests.scheduler.hosts:
            raise UserError("there are no lab hosts here yet: an organiser has to add a [host.NAME] section to bot.ini")
        person = self.known_people.person_of(sender, ask.at)
        there = next(iter(self.leases.open(person_id=person.id, image=image)), None)
        if there is not None:
            verb = "already has" if there.lab_id else "is already waiting for"
            raise UserError(
                f"{sender.nick} {verb} {a(image)} lab ({there.mode}); !lab revoke {sender.nick} {image} takes it back"
            )
        lease = self.requests.lend(person.id, image, mode, ask.at)
        self.notices.tell(
            ask.at,
            f"{ask.nick} asked me to give you {a(image)} lab",
            person_id=person.id,
            kind=NoticeKind.LAB,
            subject=str(lease.id),
        )
        self.requests.classes.handed_out(ask, f"{image} {mode} for {sender.nick}")
        lab = self.labs.get(lease.lab_id) if lease.lab_id else None
        what = (
            f"now has {a(image)} lab on {lab.machine}"
            if lab is not None
            else f"is waiting for {a(image)} lab, number {self.queue.positions()[lease.id]} in the queue"
        )
        return [Reply(f"{sender.nick} {what}; I'll tell them privately", private=True)]

    # -- take back -----------------------------------------------------------------------------------

    def _holder(self, nick: str) -> Person:
        """The person with that nick now, else the last one who had it, or with that account; UserError if none of them
        has a lab, or several have."""
        sender = self.audience.find(nick)
        here = self.known_people.known(sender) if sender is not None else None
        holders = self.people.with_leases()
        if here is not None and here in holders:
            return here
        named = [person for person in holders if person.account == fold_account(nick)] or [
            person for person in holders if self.audience.fold(person.nick) == self.audience.fold(nick)
        ]
        if not named:
            raise UserError(f"{nick[:30]} has no lab; !labs shows who has one")
        if len(named) > 1:
            raise UserError(
                f"{len(named)} people with labs have used the nick {nick[:30]}: give the account of the one you mean, or the "
                "name of the lab, which trainbot lab list shows"
            )
        return named[0]

    def _theirs(self, nick: str, image: str | None) -> tuple[Person, Lease]:
        lab = self.labs.first(name=nick.lower())
        if lab is not None:
            lease = next((lease for lease in self.leases.open() if lease.lab_id == lab.id), None)
            if lease is None:
                raise UserError(f"nobody has the lab {lab.name}")
            return self.people.get(lease.person_id), lease
        person = self._holder(nick)
        leases = [lease for lease in self.leases.open(person_id=person.id) if image in (None, lease.image)]
        if not leases:
            raise UserError(f"{person.nick} has no {image} lab; !labs {person.nick} shows what they have")
        if len(leases) > 1:
            raise UserError(
                f"which one? {person.nick} has "
                + " and ".join(lease.image for lease in leases)
                + f". Type for example !lab revoke {person.nick} {leases[0].image}"
            )
        return person, leases[0]

    def ask_revoke(self, ask: Request, nick: str, image: str | None = None) -> str:
        person, lease = self._theirs(nick, image)
        self._meant = {key: id for key, id in self._meant.items() if key[0] != ask.person.id}
        self._meant[ask.person.id, nick, image] = lease.id
        alike = person.account in (None, fold_account(person.nick))
        who = person.nick if alike else f"{person.nick} ({person.account})"
        if lease.lab_id is None:
            return f"{who} loses their position in the queue for {a(lease.image)} lab."
        return (
            f"{who} loses their {lease.image} lab (asked for {span(ask.at - lease.asked_at)} ago) and everything in it."
        )

    def revoke_lab(self, ask: Request, nick: str, image: str | None = None) -> list[Effect]:
        person, lease = self._theirs(nick, image)
        if self._meant.pop((ask.person.id, nick, image), None) != lease.id:
            raise UserError(
                f"{nick[:30]} no longer means the same person or lab as a minute ago, so nothing was done: type that again"
            )
        self.expiry.end(lease, "revoked", ask.at)
        what = f"your {lease.image} lab" if lease.lab_id else f"your position in the queue for {a(lease.image)} lab"
        self.notices.tell(
            ask.at, f"{what} was taken back by {ask.nick}; ask them why", person_id=person.id, not_after=ask.at + NEWS
        )
        return [
            Reply(
                f"took back {person.nick}'s {lease.image} lab; I'll tell them"
                if lease.lab_id
                else f"{person.nick} is no longer waiting for {a(lease.image)} lab; I'll tell them",
                private=True,
            )
        ]

    def commands(self) -> list[Command]:
        return [
            Command(
                "lab for",
                self.lab_for,
                "give somebody else a lab, even beyond the limit",
                (Argument("NICK", "nick"), Argument("IMAGE", "image"), Argument("permissive", "mode", optional=True)),
                example="lab for alice debian",
                role=Role.ORGANISER,
                group="labs",
            ),
            Command(
                "lab revoke",
                self.revoke_lab,
                "take back the lab of that person, or the lab of that name (asks first); its person is told",
                (Argument("NICK", "nick"), Argument("IMAGE", "image", optional=True)),
                confirm=self.ask_revoke,
                example="lab revoke alice",
                role=Role.ORGANISER,
                group="labs",
            ),
        ]
