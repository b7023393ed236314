"""Answers the gateway's requests on behalf of the people who are logged in there."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

from trainbot.bot.control_requests import GatewayAsked, Response
from trainbot.core.access import Person, Role
from trainbot.core.dispatch import Attested, Dispatch
from trainbot.core.errors import Denied, UserError
from trainbot.core.hooks import Feature, Hook, On
from trainbot.core.messages import Effect, Incoming, Outgoing, Reply, Sender
from trainbot.core.text import one_line
from trainbot.features.classes.visits import Visits
from trainbot.features.people.key_commands import KeyCommands
from trainbot.features.people.keys import read_key
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
LATEST = 1 << 33  # seconds since 1970, in the year 2242
KEYS = 10  # that the gateway reports of one login
NEWS = timedelta(minutes=10)  # the notice about a viewer is out of date after this


@dataclass(slots=True)
class GatewayReply:
    """``value``: the reply to the gateway; ``say``: messages to others on IRC."""

    value: dict[str, Any]
    say: list[Outgoing] = field(default_factory=list)


class GatewayRequests(Feature):
    def __init__(
        self,
        dispatch: Dispatch,
        store: Store,
        audience: Audience,
        keys: KeyCommands,
        ignore_list: IgnoreList,
        visits: Visits,
    ) -> None:
        self.dispatch, self.store, self.audience, self.keys = dispatch, store, audience, keys
        self.ignore_list, self.visits = ignore_list, visits

    def hooks(self) -> Sequence[Hook]:
        return (On(GatewayAsked, self._asked),)

    def _asked(self, event: GatewayAsked, now: datetime) -> list[object]:
        told = self.answer(event.request, now)
        return [Response(event, told.value), *told.say]

    def answer(self, request: Mapping[str, Any], now: datetime) -> GatewayReply:
        """The reply to a request.  A UserError becomes an ``error``, and nothing is written then."""
        try:
            person = self.store.people.first(id=request.get("person"))
            if not isinstance(request.get("person"), int) or person is None:
                raise UserError("you no longer have access: ask on IRC")
            match request.get("do"):
                case "manage":
                    return self._manage(person, request, now)
                case "watch":
                    return self._watch(person, str(request.get("nick", "")), now)
                case "login":
                    return self._login(person, request)
                case "signed":
                    return self._signed(person, request, now)
                case "visit":
                    return self._visit(person, request, now)
                case "left":
                    return self._left(person, request)
            raise UserError("unknown request from the gateway: it can be manage, watch, visit, left, signed or login")
        except UserError as error:
            return GatewayReply({"error": str(error)})

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

    def _watch(self, person: Person, nick: str, now: datetime) -> GatewayReply:
        """{"lease", "by", "name"}: the lab whose console is to be shown.  Its owner is notified."""
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

    # -- visits --------------------------------------------------------------------------------------

    def _visit(self, person: Person, request: Mapping[str, Any], now: datetime) -> GatewayReply:
        """{"visit", "by", "name", "image"}: the login is recorded.  UserError if it must not be."""
        word, address = str(request.get("word", "")), one_line(str(request.get("address", "")), 100)
        login, visit = self.visits.enters(person, word, address, now)
        lease = self.store.leases.first(id=visit.lease_id)
        return GatewayReply(
            {
                "visit": login.id,
                "by": self.visits.named(person),
                "name": self.store.people.get(login.owner_id).nick,
                "image": lease.image if lease is not None else "",
            }
        )

    def _left(self, person: Person, request: Mapping[str, Any]) -> GatewayReply:
        login = request.get("visit")
        if not isinstance(login, int) or not 0 <= login < 1 << 53:
            raise UserError("a visit that has ended has a number")
        self.visits.left(person, login, _moment(request.get("at")))
        return GatewayReply({"kept": True})

    # -- keys ----------------------------------------------------------------------------------------

    def _login(self, person: Person, request: Mapping[str, Any]) -> GatewayReply:
        """{"kept"}: the record of a login that has ended is stored."""
        said, numbers = request.get("login"), ("seconds", "received", "sent")
        words = ("lab", "method", "address")
        if not isinstance(said, Mapping) or not all(isinstance(said.get(word), str) for word in words):
            raise UserError("a login has seconds, received, sent, lab, method, address and at")
        if not all(isinstance(said.get(number), int) and 0 <= said[number] < 1 << 53 for number in numbers):
            raise UserError("a login has whole numbers of seconds and bytes")
        at = _moment(said.get("at"))
        texts = {word: one_line(said[word], 100) for word in words}
        self.store.people.logins.add(person_id=person.id, at=at, **texts, **{n: said[n] for n in numbers})
        return GatewayReply({"kept": True})

    def _signed(self, person: Person, request: Mapping[str, Any], now: datetime) -> GatewayReply:
        """{"kept"}: whether !key yes would save a new key.  The person has logged in with what only they were told, and
        signed with ``keys`` there; candidates among them are proven now."""
        lease = next(
            (lease for lease in self.store.leases.open(person_id=person.id) if str(lease.id) == request.get("lease")),
            None,
        )
        said, kept = request.get("keys"), False
        for text in said[:KEYS] if isinstance(said, list) else ():
            key = read_key(str(text))
            if key is None or self.store.people.keys.count(person_id=person.id, key=key, proven=True):
                continue
            if self.store.people.keys.count(person_id=person.id, key=key):
                self.keys.prove(person, key, now)
            elif lease is not None:
                kept = True
                if lease.offered != key:
                    self.store.leases.change({"id": lease.id}, offered=key)
        return GatewayReply({"kept": kept})


def _words(said: Any) -> tuple[str, list[str]]:
    """The command and its words.  UserError if they are not plain words."""
    if not isinstance(said, list) or not said or said[0] not in COMMANDS:
        raise UserError(f"unknown command: xen-manage has {', '.join(COMMANDS)}, console and help")
    if len(said) > 4 or not all(isinstance(word, str) and WORD.fullmatch(word) for word in said[1:]):
        raise UserError("usage: xen-manage create IMAGE [permissive] (or xen-manage help)")
    return said[0], said[1:]


def _moment(at: Any) -> datetime:
    """UserError if it is not one."""
    if not isinstance(at, int | float) or not 0 <= at < LATEST:
        raise UserError("a login has a time in seconds since 1970")
    return datetime.fromtimestamp(at, UTC)


def _others(effects: list[Effect]) -> list[Outgoing]:
    return [effect for effect in effects if not isinstance(effect, Reply)]
