"""``!key``: ssh keys that open a person's labs without a password, once their owner has proved that they are theirs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from trainbot.core.access import Person, Role
from trainbot.core.commands import Argument, Command, Request
from trainbot.core.errors import UserError
from trainbot.core.hooks import Feature, NextStep, Urgency
from trainbot.core.messages import Effect, Priority, Reply
from trainbot.features.people.keys import read_key
from trainbot.model.person import PublicKey
from trainbot.model.ports import Access
from trainbot.model.shell_commands import ssh_command

if TYPE_CHECKING:
    from trainbot.adapters.db import Store

KEYS_AT_MOST = 5
NEWS = timedelta(days=7)  # notices about keys are out of date after this


class KeyCommands(Feature):
    """A key that somebody names is a candidate: anybody can name any public key.

    It is proven when the gateway saw a signature with it in a login that also showed what only that person was told: the
    lease's password, or the candidate's code as the user name.  A proven key belongs to one person.
    """

    def __init__(self, store: Store, access: Access) -> None:
        self.people, self.leases, self.notices, self.access = store.people, store.leases, store.notices, access

    def commands(self) -> list[Command]:
        return [
            Command(
                "key",
                self.add_key,
                "save, show or forget your ssh keys",
                (Argument("PUBLICKEY", "words", optional=True, rest=True),),
                example="key ssh-ed25519 AAAAC3Nz…, !key yes (the one that your ssh client used) or !key forget",
                group="labs",
            ),
        ]

    def next_steps(self, ask: Request) -> Sequence[NextStep]:
        if ask.role >= Role.HELPER or self.people.keys.count(person_id=ask.person.id):
            return ()
        text = "!key and the line in your ~/.ssh/id_ed25519.pub lets you log in to labs without a password."
        return (NextStep(Urgency.IDLE, text),)

    def add_key(self, ask: Request, publickey: str = "") -> list[Effect]:
        keys = self.people.keys.all(person_id=ask.person.id)
        match publickey.lower():
            case "":
                return self._shown(keys)
            case "forget":
                count = self.people.keys.remove(person_id=ask.person.id)
                said = f"deleted: {count} {'key' if count == 1 else 'keys'}" if count else "I had no keys of yours"
                return [Reply(said, private=True)]
            case "yes":
                return [Reply(self._keep(ask, keys), private=True)]
        key = read_key(publickey)
        if key is None:
            raise UserError(
                "that is not a public ssh key, or it was cut off (RSA keys don't fit in a line here); type !key and "
                "the line in your ~/.ssh/id_ed25519.pub"
            )
        known = self._added(ask, keys, key)
        if known.proven:
            return [Reply("you already have that key; it works for your labs", private=True)]
        return [
            Reply(
                "key saved. To confirm it, log in to your lab with its password from the machine that has the key, or run "
                "this there:",
                private=True,
                command=self._confirmation(known),
            )
        ]

    def prove(self, person: Person, key: str, now: datetime) -> bool:
        """The person has signed with ``key`` in a login that was theirs.  Returns whether it is proven now; False if it
        is no candidate of theirs, or somebody else's, who is told."""
        candidate = self.people.keys.first(person_id=person.id, key=key, proven=False)
        if candidate is None:
            return False
        if (other := self._owner(candidate)) is not None:
            self.people.keys.remove(id=candidate.id)
            self._tell(person, now, f"your ssh key {short(key)} was not saved: {_TAKEN}")
            self._tell(
                other,
                now,
                f"{person.nick} has tried to register your ssh key {short(key)}; it still opens only your labs",
            )
            return False
        self.people.keys.change({"id": candidate.id}, proven=True)
        self._tell(person, now, f"your ssh key {short(key)} is confirmed: it works without a password from now on")
        return True

    def _keep(self, ask: Request, keys: list[PublicKey]) -> str:
        """Saves the key that their ssh client signed with when they last logged in with a lab's password."""
        signed = [lease.offered for lease in self.leases.open(person_id=ask.person.id) if lease.offered]
        if not signed:
            raise UserError(
                "your ssh client has not used a key yet: log in to your lab with its password once, from the "
                "machine that has the key, then type !key yes again"
            )
        known = self._added(ask, keys, signed[-1])
        if self._owner(known) is not None:
            raise UserError(f"that key was not saved: {_TAKEN}")  # nothing is written: a UserError rolls back
        self.people.keys.change({"id": known.id}, proven=True)
        return f"key saved: {short(known.key)}; it works for your labs from now on"

    def _added(self, ask: Request, keys: list[PublicKey], key: str) -> PublicKey:
        found = next((known for known in keys if known.key == key), None)
        if found is not None:
            return found
        if len(keys) >= KEYS_AT_MOST:
            raise UserError(f"you already have {len(keys)} keys; !key forget deletes them all")
        id = self.people.keys.add(person_id=ask.person.id, key=key, added_at=ask.at, proven=False)
        return PublicKey(id, ask.person.id, key, ask.at, False)

    def _owner(self, candidate: PublicKey) -> Person | None:
        """Somebody else whose proven key it is.  The rows of people who had no account and are gone are taken over: only
        the key's owner can sign with it."""
        for known in self.people.keys.all(key=candidate.key, proven=True):
            if known.person_id == candidate.person_id:
                continue
            other = self.people.get(known.person_id)
            if other.account is not None or other.in_view:
                return other
            self.people.keys.remove(id=known.id)
        return None

    def _shown(self, keys: list[PublicKey]) -> list[Effect]:
        if not keys:
            return [Reply("I have no key of yours; type !key and the line in your ~/.ssh/id_ed25519.pub", private=True)]
        listed = ", ".join(short(key.key) + ("" if key.proven else " (not confirmed)") for key in keys)
        return [
            Reply(f"your keys: {listed}", private=True),
            *(
                Reply(
                    f"to confirm {short(key.key)}, run this on the machine that has it:",
                    private=True,
                    priority=Priority.LISTING,
                    command=self._confirmation(key),
                )
                for key in keys
                if not key.proven
            ),
        ]

    def _confirmation(self, key: PublicKey) -> str:
        code = self.access.key_code(key.person_id, key.key)
        return ssh_command(self.access.port, self.access.public_address, code)

    def _tell(self, person: Person, now: datetime, text: str) -> None:
        self.notices.tell(now, text, person_id=person.id, not_after=now + NEWS)


_TAKEN = "it belongs to somebody else here. Create one of your own: ssh-keygen -t ed25519"


def short(key: str) -> str:
    """``ssh-ed25519 …czXkVx9q``."""
    return f"{key.split(maxsplit=1)[0]} …{key[-8:]}"
