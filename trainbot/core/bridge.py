"""People behind a relay, a bot that repeats in a channel what is said elsewhere: ``<alice> !ask why?``.  Pure; the relay
vouches for its names, so they are worth as little as nicks: bot.relays decides what they may do."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, replace

from trainbot.core.access import Rule, bridged_account, fold_account, parse_rule
from trainbot.core.messages import Incoming, Sender
from trainbot.core.text import visible

NAME = 32  # characters of a name that are read
MARKS = "@+%&~"  # what relays put before a name: a mode, or a mention
BOLD = "*`"  # Markdown around a name
_NICK = re.compile(r"[A-Za-z\[\]\\`_^{|}][A-Za-z0-9\[\]\\`_^{|}-]{0,63}")  # RFC 2812 2.3.1, without its limit of 9
_TAG = r"(?:[\[({](?P<tag>[^\[\](){}<>]{1,24})[\])}]\s*)?"
#: ``<alice> text``, ``[discord] <alice> text`` (the usual form of matterbridge), ``<alice>: text``, ``<alice>text``,
#: ``[alice] text``, ``(alice) text``, ``{alice} text``, ``alice: text``, ``alice> text``, ``alice | text``.
_FORMS = tuple(
    re.compile(form + r"(?P<text>\S.*)", re.DOTALL)
    for form in (
        _TAG + r"<(?P<name>.{1,100}?)>\s+",
        _TAG + r"<(?P<name>[^<>]{1,100})>:?\s*",
        r"\[(?P<name>.{1,100}?)\]\s+",
        r"\((?P<name>.{1,100}?)\)\s+",
        r"\{(?P<name>.{1,100}?)\}\s+",
        r"(?P<name>[^\s:<>|]{1,100})(?::|>|\s\|)\s+",
    )
)


def parse_relay(text: str) -> Rule:
    """Reads ``account:NAME`` or ``mask:NICK!USER@HOST`` as for roles, or a bare nick; ValueError for anything else."""
    if ":" in text:
        return parse_rule(text)
    if not _NICK.fullmatch(text):
        raise ValueError(f'"{text}" is not account:NAME, mask:NICK!USER@HOST or a nick')
    return Rule("nick", text.lower())


@dataclass(frozen=True, slots=True)
class Relays:
    """The rules of ``[irc] relays``."""

    rules: Sequence[Rule] = ()

    def label(self, sender: Sender) -> str:
        """The name of the relay that this is, '' if it is none.  It stays the same when the relay's nick changes."""
        rule = next((rule for rule in self.rules if rule.matches(sender)), None) if self.rules else None
        if rule is None:
            return ""
        if rule.kind != "mask":
            return rule.pattern
        nick = rule.pattern.partition("!")[0]
        return "bridge" if set(nick) & set("*?") else nick

    def unwrapped(self, line: Incoming, me: str) -> Incoming | None:
        """A relay's line as its author said it; None for the relay's own talk: what has no author, is private, is an
        action, or is an echo of ``me``.  ``me``: the bot's nick, which may be mentioned as ``@trainbot``."""
        label = self.label(line.sender)
        found = author(line.text) if label and line.channel is not None else None
        if found is None:
            return None
        name, text = found
        if fold_account(name.partition("/")[0]) == fold_account(me):
            return None
        shown = name if "/" in name else f"{name}/{label}"
        account = bridged_account(shown, f"{label} {line.channel}")
        mentioned = re.fullmatch(rf"@{re.escape(me)}\b[:,]?\s*(\S.*)", text, re.IGNORECASE | re.DOTALL)
        return replace(line, sender=Sender(shown, account=account), text=f"{me}: {mentioned[1]}" if mentioned else text)


def author(text: str) -> tuple[str, str] | None:
    """(name, what they said) in a line of a relay; None if it names nobody.  A tag (``[discord] <alice>``) becomes part
    of the name, ``alice/discord``; a name has no blanks, invisible characters or marks."""
    text = text.strip()
    for form in _FORMS:
        if (found := form.fullmatch(text)) is not None:
            name, tag = clean(found["name"]), clean(found.groupdict().get("tag") or "").lower()
            if not name:
                return None
            return (f"{name}/{tag}" if tag and "/" not in name else name), found["text"].strip()
    return None


def clean(name: str) -> str:
    """A name as one word.  Relays put invisible characters into names, so that nobody on IRC is highlighted."""
    shown = unicodedata.normalize("NFC", visible(name))
    seen = "".join(sign for sign in shown if sign.isprintable() or sign.isspace())
    return "_".join(seen.split()).strip(BOLD).lstrip(MARKS).rstrip(":,")[:NAME].strip("_/")
