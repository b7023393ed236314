"""Person rows from what the network shows, kept right through nick changes, log-ins and departures.

Trust, in one paragraph: an account is vouched for by the network's services and lasts.  Without one a person is
their nick!user@host, from when we first see it until it leaves our view; whoever comes with the same mask after
that is somebody else, and has an old lab back only with its code.  While we ourselves are away (a restart, a
netsplit) nobody can be watched: a mask that is there again at our next roll call counts as the same person.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import TYPE_CHECKING

from trainbot.core.access import Person, fold_account
from trainbot.core.commands import Argument, Ask, Command
from trainbot.core.errors import UserError
from trainbot.core.messages import Effect, Left, Renamed, Reply, RollCall, Sender
from trainbot.features.people.keys import read_key

if TYPE_CHECKING:
    from trainbot.adapters.db.repositories import Leases, People

KEYS_AT_MOST = 5


class Registry:
    """``seen``: whether this sender is in one of our channels now; ``fold``: the server's case rules."""

    def __init__(
        self,
        people: People,
        leases: Leases,
        seen: Callable[[Sender], bool],
        fold: Callable[[str], str],
        channels: Callable[[], tuple[str, ...]],
    ) -> None:
        self.people, self.leases, self.seen, self.fold, self.channels = people, leases, seen, fold, channels
        self._rolled: set[str] = set()

    def mask(self, sender: Sender) -> str:
        return f"{self.fold(sender.nick)}!{sender.user}@{sender.host}"

    def person_of(self, sender: Sender, now: datetime) -> Person:
        """Their row, made where there is none; UserError for somebody without an account whom we cannot see."""
        if sender.account is not None:
            found = self.people.by_account(fold_account(sender.account))
        elif self.seen(sender):
            found = self.people.by_mask(self.mask(sender))
        else:
            raise UserError(
                f"join {' or '.join(self.channels())} first and ask again there or here: "
                "without an account I only know people whom I see"
            )
        if found is None:
            account = None if sender.account is None else fold_account(sender.account)
            mask = None if account else self.mask(sender)
            id = self.people.add(account=account, mask=mask, nick=sender.nick, zone="", in_view=True, seen_at=now)
            return self.people.get(id)
        if found.nick != sender.nick:
            self.people.change({"id": found.id}, nick=sender.nick, seen_at=now)
            return self.people.get(found.id)
        return found

    def known(self, sender: Sender) -> Person | None:
        """Their row if there is one; nothing is made."""
        if sender.account is not None:
            return self.people.by_account(fold_account(sender.account))
        return self.people.by_mask(self.mask(sender))

    # -- what the network tells ----------------------------------------------------------------

    def renamed(self, event: Renamed) -> None:
        """The same connection, so the same person: a mask follows a new nick, and grows into an account."""
        before, after = event.before, event.after
        if before.account is not None:
            person = self.people.by_account(fold_account(before.account))
            if person is not None and after.account == before.account:
                self.people.change({"id": person.id}, nick=after.nick)
            return
        person = self.people.by_mask(self.mask(before))
        if person is None:
            return
        if after.account is None:
            new = self.mask(after)
            if new != person.mask:
                self.people.change({"mask": new, "account": None}, in_view=False)  # whoever wore it before is gone
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

    def left(self, event: Left) -> None:
        if event.last and event.sender.account is None:
            self.people.change({"mask": self.mask(event.sender), "account": None}, in_view=False)

    def connected(self) -> None:
        self._rolled.clear()

    def roll_call(self, event: RollCall) -> None:
        """Once all our channels are seen again: masks that are in none of them have left our view."""
        self._rolled.add(self.fold(event.channel))
        if self._rolled < {self.fold(channel) for channel in self.channels()}:
            return
        for person in self.people.in_view_by_mask():
            nick, _, rest = (person.mask or "").partition("!")
            user, _, host = rest.partition("@")
            if not self.seen(Sender(nick, user, host)):
                self.people.change({"id": person.id}, in_view=False)

    # -- !key ------------------------------------------------------------------------------------

    def add_key(self, ask: Ask, publickey: str = "") -> list[Effect]:
        keys = self.people.keys.all(person_id=ask.person.id)
        if not publickey:
            shown = ", ".join(f"{key.key.split()[0]} …{key.key[-8:]}" for key in keys)
            return [
                Reply(
                    f"your keys: {shown}"
                    if keys
                    else "I have no key of yours; say !key and the one line of your ~/.ssh/id_ed25519.pub",
                    private=True,
                )
            ]
        if publickey.lower() == "forget":
            count = self.people.keys.remove(person_id=ask.person.id)
            return [
                Reply(
                    f"forgotten: {count} {'key' if count == 1 else 'keys'}" if count else "I had none of yours",
                    private=True,
                )
            ]
        key = self._offered(ask) if publickey.lower() == "yes" else read_key(publickey)
        if key is None:
            raise UserError(
                "that is no public ssh key (or it was cut: RSA keys do not fit a line here); say !key and "
                "the one line of your ~/.ssh/id_ed25519.pub"
            )
        if all(key != known.key for known in keys):
            if len(keys) >= KEYS_AT_MOST:
                raise UserError(f"you have {len(keys)} keys already; !key forget drops them all")
            self.people.keys.add(person_id=ask.person.id, key=key, added_at=ask.at)
        which = f": {key.split()[0]} …{key[-8:]}" if publickey.lower() == "yes" else ""
        return [Reply(f"key kept{which}; it opens your labs from now on", private=True)]

    def _offered(self, ask: Ask) -> str:
        """What their ssh client had with it when they last logged in with a lab's password."""
        found = [lease.offered for lease in self.leases.open(person_id=ask.person.id) if lease.offered]
        if not found:
            raise UserError(
                "no ssh client of yours offered a key yet: log in to your lab with its password once, from the "
                "machine whose key it is, then say that again"
            )
        return found[-1]

    def commands(self) -> list[Command]:
        return [
            Command(
                "key",
                self.add_key,
                "my ssh key: keep it, show it, forget it",
                (Argument("PUBLICKEY", "words", optional=True, rest=True),),
                example="key ssh-ed25519 AAAAC3Nz…, !key yes (the one that my ssh client offered) or !key forget",
                group="labs",
            ),
        ]
