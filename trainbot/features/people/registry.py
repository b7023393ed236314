"""Keeps the rows of people up to date through nick changes, log-ins and departures.

Trust: an account is verified by the network's services and permanent.  Without one, a person is their
nick!user@host from when we first see it until it leaves our view; anybody with the same mask after that is
somebody else, and gets an old lab back only with its code.  While the bot is away (a restart, a netsplit)
it sees nobody: a mask that is there again when it returns counts as the same person.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.access import Person, Role, fold_account
from trainbot.core.commands import Request
from trainbot.core.errors import UserError
from trainbot.core.hooks import Feature, Hook, NextStep, On, PersonRenamed, Urgency
from trainbot.core.messages import ChannelMembers, Connected, Left, Renamed, Sender
from trainbot.model.config import Config
from trainbot.model.ports import Audience

if TYPE_CHECKING:
    from trainbot.adapters.db import Store


class Registry(Feature):
    """The people that the bot knows.  ``roles`` may be replaced while the bot runs (when bot.ini is reread)."""

    def __init__(self, store: Store, audience: Audience, config: Config) -> None:
        self.people, self.leases, self.questions = store.people, store.leases, store.questions
        self.audience, self.channels, self.roles = audience, config.irc.channels, config.roles
        self.accounts_only = config.require_account
        self._rolled: set[str] = set()

    def person_of(self, sender: Sender, now: datetime) -> Person:
        """The sender's row, created if missing; UserError for somebody without an account whom we can't see."""
        if sender.account is not None:
            found = self.people.by_account(fold_account(sender.account))
        elif self.audience.sees(sender):
            found = self.people.by_mask(self.audience.mask(sender))
        else:
            raise UserError(
                f"join {' or '.join(self.channels)} first, then ask again: "
                "without an account, I only know people who are in my channels"
            )
        if found is None:
            account = None if sender.account is None else fold_account(sender.account)
            mask = None if account else self.audience.mask(sender)
            id = self.people.add(account=account, mask=mask, nick=sender.nick, zone="", in_view=True, seen_at=now)
            return self.people.get(id)
        if found.nick != sender.nick:
            self.people.change({"id": found.id}, nick=sender.nick, seen_at=now)
            return self.people.get(found.id)
        return found

    def known(self, sender: Sender) -> Person | None:
        """The sender's row if there is one; creates nothing."""
        if sender.account is not None:
            return self.people.by_account(fold_account(sender.account))
        return self.people.by_mask(self.audience.mask(sender))

    def seen(self, sender: Sender, now: datetime) -> Person | None:
        """The sender's row, created if possible; None if they can't have one."""
        try:
            return self.person_of(sender, now)
        except UserError:
            return self.known(sender)

    def role_of(self, sender: Sender) -> Role:
        return self.roles.role_of(sender)

    def named(self, nick: str, ask: Request) -> tuple[Person, bool] | None:
        """The person with that nick (present, with an open question, or ignored), and whether they are staff; behind a
        relay: with that name."""
        member, fold = self.audience.find(nick), self.audience.fold
        if member is not None:
            return self.person_of(member, ask.at), self.role_of(member) >= Role.HELPER
        behind = self.people.bridged(nick)
        if behind:
            where = fold_account(ask.channel or "")
            return next((one for one in behind if one.bridge.endswith(f" {where}")), behind[-1]), False
        asked = [(q.nick, q.person_id) for channel in self.channels for q in self.questions.waiting(channel)]
        ignored = [(row.nick, row.person_id) for row in self.questions.ignored.all(ended_at=None)]
        found = next((self.people.get(id) for name, id in [*asked, *ignored] if fold(name) == fold(nick)), None)
        if found is None:
            return None
        return found, self.role_of(Sender(nick, account=found.account)) >= Role.HELPER

    def learners(self, channel: str) -> list[Sender]:
        """Everybody in the channel except staff, the bot and relays."""
        us = self.audience.fold(self.audience.nick)
        return [
            member
            for member in self.audience.members(channel)
            if self.audience.fold(member.nick) != us
            and self.role_of(member) < Role.HELPER
            and not self.audience.relays(member)
        ]

    def staff(self, channel: str | None, now: datetime) -> list[Person]:
        """The presenters and organisers in that channel; in all of ours if the bot is not in it."""
        fold = self.audience.fold
        there = [ours for ours in self.channels if channel is not None and fold(ours) == fold(channel)] or self.channels
        seen = {
            member for name in there for member in self.audience.members(name) if self.role_of(member) >= Role.PRESENTER
        }
        return [self.person_of(member, now) for member in sorted(seen, key=lambda member: member.nick)]

    def next_steps(self, ask: Request) -> Sequence[NextStep]:
        """How to log in, for those who can have neither lab nor seat without an account."""
        if not self.accounts_only or ask.sender.account is not None or ask.role >= Role.HELPER:
            return ()
        how = self.audience.login_help() or "I see none on this network, so ask an organiser"
        return (NextStep(Urgency.ACCOUNT, f"For a lab or a seat you need an account: {how}."),)

    # -- network events ------------------------------------------------------------------------

    def hooks(self) -> Sequence[Hook]:
        return (
            On(Renamed, self._renamed),
            On(Left, self._left, last=True),
            On(Connected, self._connected),
            On(ChannelMembers, self._roll_call),
        )

    def _renamed(self, event: Renamed, _now: datetime) -> list[PersonRenamed]:
        """Keeps the person when the same connection changes: their mask follows a new nick or becomes an account."""
        was = self.known(event.before)
        self._follow(event)
        return [PersonRenamed(was, self.known(event.after))]

    def _follow(self, event: Renamed) -> None:
        before, after = event.before, event.after
        if before.account is not None:
            person = self.people.by_account(fold_account(before.account))
            if person is not None and after.account == before.account:
                self.people.change({"id": person.id}, nick=after.nick)
            return
        person = self.people.by_mask(self.audience.mask(before))
        if person is None:
            return
        if after.account is None:
            new = self.audience.mask(after)
            if new != person.mask:
                self.people.change({"mask": new, "account": None}, in_view=False)  # its previous owner is gone
                self.people.change({"id": person.id}, mask=new, nick=after.nick)
            return
        same = self.people.by_account(fold_account(after.account))
        if same is None:
            self.people.change({"id": person.id}, account=fold_account(after.account), mask=None, nick=after.nick)
            return
        held = {lease.image for lease in self.leases.open(person_id=same.id)}
        for lease in self.leases.open(person_id=person.id):
            if lease.image not in held:
                self.leases.change({"id": lease.id}, person_id=same.id)
        self.people.change({"id": person.id}, in_view=False)

    def _left(self, event: Left, _now: datetime) -> None:
        if event.last and event.sender.account is None:
            self.people.change({"mask": self.audience.mask(event.sender), "account": None}, in_view=False)

    def _connected(self, _event: Connected, _now: datetime) -> None:
        self._rolled.clear()

    def _roll_call(self, event: ChannelMembers, _now: datetime) -> None:
        """Marks masks as out of view if they are in none of our channels, once the members of all channels are known
        again."""
        self._rolled.add(self.audience.fold(event.channel))
        if self._rolled < {self.audience.fold(channel) for channel in self.channels}:
            return
        for person in self.people.in_view_by_mask():
            nick, _, rest = (person.mask or "").partition("!")
            user, _, host = rest.partition("@")
            if not self.audience.sees(Sender(nick, user, host)):
                self.people.change({"id": person.id}, in_view=False)
