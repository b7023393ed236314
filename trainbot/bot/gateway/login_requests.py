"""Takes what the gateway reports: logins that have ended, keys that signed, and visits to other people's labs."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from trainbot.bot.gateway.gateway_requests import GatewayReply, Handler
from trainbot.core.access import Person
from trainbot.core.errors import UserError
from trainbot.core.text import one_line
from trainbot.features.classes.visits import Visits
from trainbot.features.people.key_commands import KeyCommands
from trainbot.features.people.keys import read_key

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

LATEST = 1 << 33  # seconds since 1970, in the year 2242
KEYS = 10  # that the gateway reports of one login


class LoginRequests:
    def __init__(self, store: Store, keys: KeyCommands, visits: Visits) -> None:
        self.store, self.keys, self.visits = store, keys, visits

    def handlers(self) -> Mapping[str, Handler]:
        return {"login": self._login, "signed": self._signed, "visit": self._visit, "left": self._left}

    def _login(self, person: Person, request: Mapping[str, Any], now: datetime) -> GatewayReply:
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

    def _left(self, person: Person, request: Mapping[str, Any], now: datetime) -> GatewayReply:
        login = request.get("visit")
        if not isinstance(login, int) or not 0 <= login < 1 << 53:
            raise UserError("a visit that has ended has a number")
        self.visits.left(person, login, _moment(request.get("at")))
        return GatewayReply({"kept": True})


def _moment(at: Any) -> datetime:
    """UserError if it is not one."""
    if not isinstance(at, int | float) or not 0 <= at < LATEST:
        raise UserError("a login has a time in seconds since 1970")
    return datetime.fromtimestamp(at, UTC)
