"""Who somebody is and what they may do: roles from accounts and masks.  Pure; a nick alone never grants anything."""

from __future__ import annotations

import enum
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime
from fnmatch import fnmatchcase
from functools import cached_property, lru_cache

from trainbot.core.messages import Sender

NO_ORGANISER = (
    "set organiser in [roles] of bot.ini, for example organiser = account: and your services account; without one nobody "
    "could drain a host or plan a session"
)


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody on IRC: ``account`` if the network has services, else ``mask`` (nick!user@host, folded), valid only while
    ``in_view``.  ``zone``: IANA name, '' if unknown; ``nolog``: what they say is not logged.  Somebody behind a relay has
    an account that only we can have given (``bridged_account``)."""

    id: int
    account: str | None
    mask: str | None
    nick: str
    zone: str
    in_view: bool
    seen_at: datetime
    nolog: bool = False

    @property
    def bridge(self) -> str:
        """``RELAY #channel`` for somebody whom we hear through a relay, '' for people on IRC."""
        return (self.account or "").partition(" ")[2]


def bridged_account(name: str, bridge: str) -> str:
    """The account of somebody behind the relay and channel ``bridge``.  Its blank keeps it apart: accounts of services
    and of bot.ini have none, so no role can be theirs."""
    return f"{fold_account(name)} {fold_account(bridge)}"


def fold_account(name: str) -> str:
    """Folds ASCII case only, as services do; Unicode's case rules would merge different names (U+212A is not k)."""
    return name.lower() if name.isascii() else "".join(sign.lower() if sign.isascii() else sign for sign in name)


class Role(enum.IntEnum):
    """Roles in rising order; each includes the rights of those below."""

    LEARNER = 0
    HELPER = 1
    PRESENTER = 2
    ORGANISER = 3

    @property
    def word(self) -> str:
        return self.name.lower()


@dataclass(frozen=True, slots=True)
class Rule:
    """``account:NAME`` or ``mask:NICK!USER@HOST`` (``*`` and ``?`` match as on IRC; lower-cased); for relays also a nick."""

    kind: str
    pattern: str

    def matches(self, sender: Sender) -> bool:
        if self.kind == "account":
            return sender.account is not None and fold_account(sender.account) == self.pattern
        if self.kind == "nick":
            return sender.nick.lower() == self.pattern
        return fnmatchcase(sender.mask.lower(), self.pattern)


def parse_rule(text: str) -> Rule:
    """Reads ``account:alice`` or ``mask:*!*@staff.example.org``.

    Raises ValueError (one sentence, for bot.ini) for anything else, and for a mask that anybody can match: every
    client chooses its nick and user freely, so the host part must contain letters or digits.
    """
    kind, _, pattern = text.partition(":")
    if kind not in ("account", "mask") or not pattern:
        raise ValueError(f'"{text}" is neither account:NAME nor mask:NICK!USER@HOST')
    if kind == "account":
        if any(sign in pattern for sign in "*?!@<>"):
            raise ValueError(f'"{text}": an account is a plain name, as in account:alice')
        return Rule("account", fold_account(pattern))
    nick, bang, rest = pattern.partition("!")
    _user, at, host = rest.partition("@")
    if not (nick and bang and at and host):
        raise ValueError(f'"{text}" is not of the form mask:NICK!USER@HOST')
    if "[" in pattern or "]" in pattern:
        raise ValueError(f'"{text}": a mask can\'t contain [ or ]; use ? instead')
    if not host.strip("*?.:-/"):
        raise ValueError(
            f'"{text}" matches anybody who takes the nick; name the host, as in mask:*!*@staff.example.org, '
            "or an account, as in account:alice"
        )
    return Rule("mask", pattern.lower())


@dataclass(frozen=True)
class Roles:
    """The rules of [roles]; the highest role that matches counts."""

    rules: dict[Role, tuple[Rule, ...]] = field(default_factory=dict)

    def role_of(self, sender: Sender) -> Role:
        return self._looked_up(sender)

    def by_account(self, least: Role) -> bool:
        """Whether an account gives that role, or a higher one."""
        return any(role >= least and rule.kind == "account" for role, rules in self.rules.items() for rule in rules)

    @cached_property
    def _looked_up(self) -> Callable[[Sender], Role]:
        """The role of each sender, looked up once: everything that somebody says asks for it several times."""
        return lru_cache(maxsize=1024)(
            lambda sender: next((role for role, rule in self._ranked if rule.matches(sender)), Role.LEARNER)
        )

    @cached_property
    def _ranked(self) -> list[tuple[Role, Rule]]:
        return [(role, rule) for role in sorted(self.rules, reverse=True) for rule in self.rules[role]]
