"""The people who are on IRC now, in our channels (trainbot.model.ports.Audience)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Protocol

from trainbot.adapters.irc.connection_status import AccountSystem, ConnectionStatus
from trainbot.core.access import Person, fold_account
from trainbot.core.messages import Sender
from trainbot.features.sessions.channel_state import ChannelView
from trainbot.model.config import IrcConfig

#: By how a network registers accounts (ConnectionStatus.accounts); IDENTIFY with only a password is the same everywhere.
_LOGIN: dict[str, str] = {
    AccountSystem.NICKSERV: "/msg NickServ IDENTIFY PASSWORD logs you in, and /msg NickServ REGISTER PASSWORD EMAIL creates an "
    "account (never type a password in a channel)",
    AccountSystem.COMMAND: "/quote REGISTER * EMAIL PASSWORD creates an account for your nick; then set its name and password "
    "for SASL in your client, and reconnect (never type a password in a channel)",
}


class NetworkView(ChannelView, Protocol):
    """What the IRC connection knows about the network now."""

    def holds(self, channel: str, nick: str) -> bool: ...
    def find(self, nick: str) -> Sender | None: ...
    def connection_status(self) -> ConnectionStatus: ...


class IrcAudience:
    """The network as the IRC connection sees it, limited to the channels of bot.ini."""

    def __init__(self, view: NetworkView, irc: IrcConfig) -> None:
        self.view, self.irc = view, irc

    @property
    def nick(self) -> str:
        return self.view.nick

    def fold(self, name: str) -> str:
        return self.view.fold(name)

    def members(self, channel: str) -> Sequence[Sender]:
        return self.view.members(channel)

    def holds(self, channel: str, nick: str) -> bool:
        return self.view.holds(channel, nick)

    def everybody(self) -> Iterator[Sender]:
        for channel in self.irc.channels:
            yield from self.view.members(channel)

    def seeing(self) -> bool:
        return any(True for _ in self.everybody())

    def sees(self, sender: Sender) -> bool:
        found = self.view.find(sender.nick)
        return found is not None and (found.user, found.host) == (sender.user, sender.host)

    def mask(self, sender: Sender) -> str:
        return f"{self.fold(sender.nick)}!{sender.user}@{sender.host}"

    def find(self, nick: str) -> Sender | None:
        wanted = self.fold(nick)
        if wanted == self.fold(self.nick):
            return None
        return next((member for member in self.everybody() if self.fold(member.nick) == wanted), None)

    def where(self, person: Person) -> Sender | None:
        for member in self.everybody():
            account = fold_account(member.account) if member.account else None
            if person.account is not None and account == person.account:
                return member
            if person.account is None and person.in_view and account is None and self.mask(member) == person.mask:
                return member
        return None

    def again(self, person: Person) -> Sender | None:
        """Whoever now has the mask that this person, who has no account, left with.  It may be somebody else."""
        if person.account is not None:
            return None
        return next(
            (member for member in self.everybody() if member.account is None and self.mask(member) == person.mask), None
        )

    def relays(self, sender: Sender) -> bool:
        return bool(self.irc.relays.label(sender))

    def reached_in(self, person: Person) -> str:
        relay, _, name = person.bridge.partition(" ")
        channel = next((ours for ours in self.irc.channels if name and fold_account(ours) == name), "")
        there = any(self.irc.relays.label(member) == relay for member in self.members(channel)) if channel else False
        return channel if there else ""

    def present(self, person: Person, channel: str) -> bool:
        if person.bridge:
            return self.fold(self.reached_in(person)) == self.fold(channel)
        there = self.where(person)
        return there is not None and any(member.nick == there.nick for member in self.members(channel))

    def channels_of(self, sender: Sender) -> list[str]:
        mine = [self.irc.about(channel) for channel in self.irc.channels if self.view.holds(channel, sender.nick)]
        return list(dict.fromkeys(mine)) or list(self.irc.class_channels)

    def login_help(self) -> str:
        if self.irc.login_help:
            return self.irc.login_help
        return _LOGIN.get(self.view.connection_status().accounts, "")

    def channel_named(self, channel: str) -> str:
        """The channel's name as bot.ini writes it, if it is one of ours."""
        if channel in self.irc.channels:
            return channel
        return next((ours for ours in self.irc.channels if self.fold(ours) == self.fold(channel)), channel)
