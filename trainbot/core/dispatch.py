"""Turns incoming lines into effects.  Any line from anyone gives an answer or nothing, never an exception."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime, timedelta
from typing import Protocol

from trainbot.core.access import Person, Role
from trainbot.core.commands import Call, Request, Scope, Table
from trainbot.core.errors import AccountNeeded, BackendError, Denied, UserError
from trainbot.core.messages import Effect, Incoming, Reply, Sender
from trainbot.core.parser import Addressed, addressed

log = logging.getLogger(__name__)
CONFIRM_WITHIN = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Attested:
    """What a caller other than IRC has verified about the sender.  ``person``: their row (None: looked up from the sender).
    ``confirmed``: whether the caller's own confirmation was answered with yes (None: we ask, and ``yes`` answers)."""

    role: Role
    person: Person | None = None
    confirmed: bool | None = None


@dataclass(frozen=True, slots=True)
class Resolved:
    """A line addressed to us and the command in it (None: unknown command)."""

    found: Addressed
    call: Call | None


class DispatchContext(Protocol):
    """What dispatch needs from the rest of the bot."""

    @property
    def nick(self) -> str:
        """The bot's own nick."""

    def person_of(self, sender: Sender, now: datetime) -> Person:
        """The sender's row, created if missing; UserError if it can't be."""

    def role_of(self, sender: Sender) -> Role: ...

    def channels_of(self, sender: Sender) -> Sequence[str]:
        """The channels that the sender is in, or all of ours."""

    def running(self, channel: str) -> bool:
        """Whether a class is running in that channel."""

    def openers(self, channel: str | None) -> Sequence[str]:
        """The words that start a question there."""

    def by_account(self, role: Role) -> bool:
        """Whether some account has that role, or a higher one."""

    def login_help(self) -> str:
        """What somebody without an account types to get one and to log in; '' if the network has no accounts."""

    def savepoint(self) -> AbstractContextManager[None]:
        """Rolls back what a failed handler wrote."""


@dataclass
class Dispatch:
    table: Table
    around: DispatchContext
    pending: dict[tuple[int, str | None], tuple[Request, Call]] = field(default_factory=dict)

    def __call__(
        self, incoming: Incoming, vouched: Attested | None = None, meant: Resolved | None = None
    ) -> list[Effect]:
        """Handles one line.  ``vouched``: what the caller has verified (None: the role rules decide).  ``meant``: the result
        of ``meant()``, if already known."""
        try:
            with self.around.savepoint():
                return list(self._handle(incoming, vouched, meant or self.meant(incoming)))
        except AccountNeeded as error:
            return [Reply(self._log_in_first(str(error)), private=True, refused=True)]
        except UserError as error:
            return [Reply(str(error), refused=True)]
        except BackendError as error:
            log.error("%s: %s", incoming.sender.nick, error)
            return [Reply(str(error), refused=True)]
        except Exception:
            reference = secrets.token_hex(3)
            # the line itself may hold a password or a key: only its first word is logged
            log.exception(
                "reference %s: %s said %.20r", reference, incoming.sender.nick, (incoming.text.split() or [""])[0]
            )
            return [
                Reply(
                    f"something went wrong on my side, and nothing was changed (reference {reference}). Try again, "
                    "or tell an organiser",
                    refused=True,
                )
            ]

    def _log_in_first(self, what: str) -> str:
        how = self.around.login_help()
        if not how:
            return (
                f"{what} you need an account, and I see no accounts on this network; an organiser can let everybody in with "
                "require_account = no in bot.ini"
            )
        return f"{what} you need an account on this network: {how}. Then try again"

    def meant(self, incoming: Incoming) -> Resolved | None:
        """The part of the line addressed to us; None for ordinary talk."""
        found = addressed(
            incoming.text,
            self.table.prefix,
            self.around.nick,
            private=incoming.channel is None,
            openers=self.around.openers(incoming.channel),
        )
        return Resolved(found, self.table.find(found.text)) if found is not None else None

    def _handle(self, incoming: Incoming, vouched: Attested | None, meant: Resolved | None) -> Sequence[Effect]:
        private = incoming.channel is None
        if meant is None:
            return []
        found, call = meant.found, meant.call
        role = self.around.role_of(incoming.sender) if vouched is None else vouched.role
        if call is None and vouched is None and found.bare and self._is_talk(found.text, role):
            call = self.table.find("help")  # a greeting, thanks, a sentence: they may not know what to type
        if call is None:
            return self._unknown(found, role, private)
        known = vouched.person if vouched is not None else None
        person = known or self.around.person_of(incoming.sender, incoming.at)
        channel = incoming.channel or self._channel(found, call, incoming.sender)
        ask = Request(incoming.sender, person, role, channel, private, incoming.at, incoming.at)
        if call.command.words == "yes":
            return self._confirmed(ask)
        if call.command.words == "no":
            return self._cancelled(ask)
        return self._run(ask, call, confirmed=vouched.confirmed if vouched is not None else None)

    def _is_talk(self, text: str, role: Role) -> bool:
        return not self.table.resembles(text, role) or self.table.nearest(text, role) == ["help"]

    def _unknown(self, found: Addressed, role: Role, private: bool) -> Sequence[Effect]:
        if found.sure:
            near = self.table.nearest(found.text, role)
        else:
            meant = self.table.misspelt(found.text, role)
            near = [] if meant is None else [meant]
        shown = " or ".join(self.table.prefix + word for word in near)
        word = found.text.split()[0][:30]
        if near:
            return [Reply(f'unknown command "{word}"; did you mean {shown}?')]
        return [Reply(f'unknown command "{word}"; {self.table.prefix}help says what to type')] if found.sure else []

    def _channel(self, found: Addressed, call: Call, sender: Sender) -> str | None:
        """The channel that a private line is about: the one it names, else that of the only class its sender is in, else
        the sender's only channel."""
        channels = self.around.channels_of(sender)
        if found.channel is not None:
            named = [channel for channel in channels if channel.lower() == found.channel.lower()]
            if not named:
                raise UserError(f"we are not both in {found.channel[:50]}")
            return named[0]
        channels = [channel for channel in channels if self.around.running(channel)] or channels
        if len(channels) > 1 and call.command.scope in (Scope.CLASS, Scope.CHANNEL):
            raise UserError(f"which channel? Put it first: {channels[0]} {self.table.prefix}{call.command.words}")
        return channels[0] if len(channels) == 1 else None

    def _confirmed(self, ask: Request) -> Sequence[Effect]:
        asked = self._asked(ask)
        if asked is None:
            raise UserError("there is nothing to confirm")
        typed, call = asked
        person = replace(ask.person, zone=typed.person.zone)  # their times were shown in it, and are saved so
        ask = replace(ask, person=person, channel=typed.channel, typed_at=typed.at)
        return self._run(ask, call, confirmed=True)

    def _cancelled(self, ask: Request) -> Sequence[Effect]:
        """In a channel, a no that answers nothing of ours is not for us."""
        if self._asked(ask) is not None:
            return [Reply("cancelled, nothing has changed")]
        if ask.private:
            raise UserError("there is nothing to cancel")
        return []

    def _asked(self, ask: Request) -> tuple[Request, Call] | None:
        """What they are still being asked there, and not any more from now on."""
        key = (ask.person.id, None if ask.private else ask.channel)
        asked = self.pending.pop(key, None)
        if asked is not None:  # it may be pending in two places
            self.pending = {at: other for at, other in self.pending.items() if at[0] != key[0] or other != asked}
        return asked if asked is not None and ask.at - asked[0].at <= CONFIRM_WITHIN else None

    def _run(self, ask: Request, call: Call, *, confirmed: bool | None) -> Sequence[Effect]:
        command = call.command
        if command.role > ask.role:
            text = f"{self.table.prefix}{command.words} is for {command.role.word}s"
            if ask.sender.account is None and self.around.by_account(command.role) and self.around.login_help():
                raise AccountNeeded(f"{text}: to be known as one")  # they may only have forgotten to log in
            raise Denied(text)
        if command.scope is Scope.PRIVATE and not ask.private:
            raise UserError(f"use a private message for that: /msg {self.around.nick} {command.words} …")
        if command.scope is Scope.CLASS and (ask.channel is None or not self.around.running(ask.channel)):
            raise UserError(
                "no class is running here; "
                + (
                    f"{self.table.prefix}start begins one"
                    if ask.role >= Role.PRESENTER
                    else f"{self.table.prefix}sessions shows when the next one is"
                )
            )
        values = self.table.read(call, ask)
        if command.confirm is not None and not confirmed:
            question = command.confirm(ask, *values)
            if question is not None:
                if confirmed is None:
                    return [self._ask_first(ask, call, question)]
                reply = Reply(question) if isinstance(question, str) else question
                return [replace(reply, question=reply.text)]
        return command.handler(ask, *values)

    def _ask_first(self, ask: Request, call: Call, question: str | Reply) -> Reply:
        """Asks for confirmation; ``yes`` counts where the question was asked or where the command was given.  Learners
        are asked in private: a class of them would fill the channel."""
        self._forget(ask.at)
        reply = Reply(question) if isinstance(question, str) else question
        reply = replace(reply, private=reply.private or ask.role < Role.HELPER)
        for place in {None if ask.private else ask.channel, None if reply.private or ask.private else ask.channel}:
            self.pending[ask.person.id, place] = (ask, call)
        return replace(reply, text=f"{reply.text} Type {self.table.prefix}yes within 60 s.")

    def _forget(self, now: datetime) -> None:
        self.pending = {key: asked for key, asked in self.pending.items() if now - asked[0].at <= CONFIRM_WITHIN}
