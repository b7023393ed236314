"""Whom to remove from the records, and the removal of their names from texts.  Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field

from trainbot.core.access import fold_account
from trainbot.core.errors import UserError

REMOVED = "(removed)"


@dataclass(frozen=True, slots=True)
class RedactionTarget:
    """``kind``: account, nick, host, or '' for a name that may be an account or a nick."""

    kind: str
    name: str


@dataclass(frozen=True, slots=True)
class Traces:
    """What the records contain about somebody.  ``ids``: rows of people; ``names``: accounts, nicks, masks and hosts;
    ``counts``: how many rows are theirs, by type; ``others``: how many texts of others name them."""

    ids: tuple[int, ...]
    names: tuple[str, ...]
    counts: dict[str, int] = field(default_factory=dict)
    others: int = 0

    @property
    def words(self) -> str:
        found = [f"{number} {what}" for what, number in self.counts.items() if number]
        people = "one person" if len(self.ids) == 1 else f"{len(self.ids)} people"
        return (
            f"{people} called {', '.join(self.names)}: {', '.join(found) or 'nothing said'}; "
            f"named in {self.others} texts of others"
        )


def wanted(text: str) -> RedactionTarget:
    """Reads ``account:alice``, ``nick:alice``, ``host:example.net``, or ``alice``; UserError for anything else."""
    kind, colon, name = text.partition(":")
    if not colon:
        kind, name = "", text
    if kind not in ("", "account", "nick", "host") or not name or any(sign.isspace() for sign in name):
        raise UserError(
            f'"{text[:60]}" is not a person: use a nick or account, or account:NAME, nick:NAME or host:NAME'
        )
    return RedactionTarget(kind, fold_account(name))


def naming(names: Iterable[str]) -> re.Pattern[str]:
    """The pattern that finds the names in a text: whole words, ignoring case, the longest name first."""
    longest = sorted({name for name in names if name}, key=len, reverse=True)
    return re.compile(
        "(?<![A-Za-z0-9])(?:" + "|".join(map(re.escape, longest)) + ")(?![A-Za-z0-9])", re.IGNORECASE | re.ASCII
    )


def without(text: str, names: re.Pattern[str]) -> str:
    return names.sub(REMOVED, text)
