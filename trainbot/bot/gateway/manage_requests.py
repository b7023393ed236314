"""Answers what the gateway asks about labs: xen-manage, and a helper's view of a console."""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from trainbot.bot.gateway.gateway_requests import GatewayReply, Handler
from trainbot.core.access import Person, Role
from trainbot.core.dispatch import Attested, Dispatch
from trainbot.core.errors import Denied, UserError
from trainbot.core.messages import Effect, Incoming, Outgoing, Reply, Sender
from trainbot.features.questions.ignore_list import IgnoreList
from trainbot.model.host import Mode
from trainbot.model.ports import Audience

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

#: The first word after xen-manage -> the bot's command.
COMMANDS = {"create": "lab create", "list": "lab list", "reset": "lab reset", "destroy": "lab destroy"}
WORD = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,39}")
NICK = re.compile(r"[^\s,:!@#\x00-\x1f\x7f]{1,60}")
#: The words after the image -> the mode.
MODES = {(): Mode.ENFORCING, ("permissive",): Mode.PERMISSIVE}
NEWS = timedelta(minutes=10)  # the notice about a viewer is out of date after this


class ManageRequests:
    def __init__(self, dispatch: Dispatch, store: Store, audience: Audience, ignore_list: IgnoreList) -> None:
        self.dispatch, self.store, self.audience, self.ignore_list = dispatch, store, audience, ignore_list

    def handlers(self) -> Mapping[str, Handler]:
        return {"manage": self._manage, "watch": self._watch}

    # -- xen-manage ----------------------------------------------------------------------------------

    def _manage(self, person: Person, request: Mapping[str, Any], now: datetime) -> GatewayReply:
        """{"lines", "refused", "question", "lease"}: the reply that IRC would have given; the question, if it asks
        first; after ``create`` the id of the lease, once it has a lab."""
        first, words = _words(request.get("words"))
        sender, role = self._as(person)
        if self.ignore_list.ignores(sender):
            raise UserError("I ignore you at the moment; ask a helper on IRC")
        confirmed = request.get("confirmed") is True
        text = (
            COMMANDS["list"] if first == "create" and self._have(person, words) else " ".join([COMMANDS[first], *words])
        )
        effects = self.dispatch(Incoming(sender, None, text, now), Attested(role, person, confirmed))
        replies = [effect for effect in effects if isinstance(effect, Reply)]
        lease = None
        if first == "create" and words and not any(reply.refused for reply in replies):
            lease = next(
                (
                    str(lease.id)
                    for lease in self.store.leases.open(person_id=person.id)
                    if lease.image == words[0].lower() and lease.lab_id is not None
                ),
                None,
            )
        return GatewayReply(
            {
                "lines": [line for reply in replies if not reply.question for line in reply.lines],
                "refused": any(reply.refused for reply in replies),
                "question": next((reply.question for reply in replies if reply.question), ""),
                "lease": lease,
            },
            _others(effects),
        )

    def _have(self, person: Person, words: list[str]) -> bool:
        """Whether they already have that lab.  IRC would make a new password, but they have just logged in with the old
        one."""
        mode = MODES.get(tuple(words[1:]))
        return bool(words) and any(
            lease.lab_id is not None and lease.mode is mode and lease.image == words[0].lower()
            for lease in self.store.leases.open(person_id=person.id)
        )

    def _as(self, person: Person) -> tuple[Sender, Role]:
        """The person as a sender on IRC, and their role.  If they are not on IRC now, only an account proves a role."""
        there = self.audience.where(person)
        if there is not None:
            return there, self.dispatch.around.role_of(there)
        sender = Sender(person.nick, account=person.account)
        return sender, self.dispatch.around.role_of(sender) if person.account is not None else Role.LEARNER

    # -- staff ---------------------------------------------------------------------------------------

    def _watch(self, person: Person, request: Mapping[str, Any], now: datetime) -> GatewayReply:
        """{"lease", "by", "name"}: the lab whose console is to be shown.  Its owner is notified."""
        nick = str(request.get("nick", ""))
        _, role = self._as(person)
        if role < Role.HELPER:
            raise Denied("only helpers can open somebody else's console; xen-manage console shows your own")
        if not NICK.fullmatch(nick):
            raise UserError("say whose: xen-manage console NICK")
        people = {
            other.id: other
            for other in self.store.people.with_leases()
            if self.audience.fold(other.nick) == self.audience.fold(nick)
        }
        lease = next((lease for lease in self.store.leases.open() if lease.person_id in people and lease.lab_id), None)
        if lease is None:
            raise UserError(f"{nick} has no lab; !labs on IRC lists who has one")
        by = f"{person.nick} ({role.word})"
        if lease.person_id != person.id:
            self.store.notices.tell(
                now,
                f"{by} is now viewing the console of your {lease.image} lab",
                person_id=lease.person_id,
                not_after=now + NEWS,
            )
        return GatewayReply({"lease": str(lease.id), "by": by, "name": people[lease.person_id].nick})


def _words(said: Any) -> tuple[str, list[str]]:
    """The command and its words.  UserError if they are not plain words."""
    if not isinstance(said, list) or not said or said[0] not in COMMANDS:
        raise UserError(f"unknown command: xen-manage has {', '.join(COMMANDS)}, console and help")
    if len(said) > 4 or not all(isinstance(word, str) and WORD.fullmatch(word) for word in said[1:]):
        raise UserError("usage: xen-manage create IMAGE [permissive] (or xen-manage help)")
    return said[0], said[1:]


def _others(effects: list[Effect]) -> list[Outgoing]:
    return [effect for effect in effects if not isinstance(effect, Reply)]
