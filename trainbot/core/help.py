"""``!help`` and docs/commands.md, both generated from the command table."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Protocol

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request, Scope, Table
from trainbot.core.errors import UserError
from trainbot.core.hooks import Feature, NextStep, Urgency
from trainbot.core.messages import Effect, Priority, Reply
from trainbot.core.other_bots import WORDS
from trainbot.core.wording import in_lines

LINE = 380  # bytes per line; with our prefix added, every server passes it on uncut
SENTENCES = 2  # of a situation; one more says where the rest is
#: "help me", "help please": no command is meant.
PLEASE = frozenset(["i", "i'm", "im", "me", "please", "pls", "us", "with", "you"])
SHORT = 50  # letters of a command's help in a list
GROUPS = {"labs": "Labs", "class": "The class", "questions": "Questions", "sessions": "Sessions", "general": "More"}


class Situation(Protocol):
    """What help needs from the rest of the bot."""

    def running(self, channel: str) -> bool:
        """Whether a class is running in that channel."""

    def next_steps(self, ask: Request) -> Sequence[NextStep]:
        """What all features say that this person could type next, in the order of the features."""


class Help(Feature):
    """``!help``.  ``contact``: who runs this bot, '' if not configured."""

    def __init__(self, table: Table, contact: str, around: Situation) -> None:
        self.table, self.contact, self.around = table, contact, around

    def help(self, ask: Request, command: str = "") -> list[Effect]:
        if (command.split() or [""])[0].lower().rstrip("?!.,") in PLEASE:
            command = ""
        if command.lower() == "topics":
            lines = self._topics(ask)
            return [
                Reply(line, private=not ask.private, priority=Priority.LISTING if n else Priority.ANSWER)
                for n, line in enumerate(lines)
            ]
        if (
            command
            and not ask.private
            and self.table.named(command) is None
            and command.split(maxsplit=1)[0].lower() in WORDS
        ):
            return []  # help of another bot in that channel
        if command:
            return [Reply(self._one(ask, command), private=not ask.private and ask.role < Role.HELPER)]
        steps = sorted(self.around.next_steps(ask), key=lambda step: step.urgency)[:SENTENCES]
        said = " ".join([*(step.text for step in steps), f"{self.table.prefix}help topics lists the rest."])
        return [Reply(said, private=not ask.private, series=self._outdated_by(ask, steps))]

    def _outdated_by(self, ask: Request, steps: Sequence[NextStep]) -> str:
        """What ends what was said about a channel without a class: the beginning of one, which says itself what to type
        then.  How to get an account stays true."""
        stays = any(step.urgency is Urgency.ACCOUNT for step in steps)
        return "" if stays or not ask.channel or self.around.running(ask.channel) else before_class(ask.channel)

    def _topics(self, ask: Request) -> list[str]:
        """The commands that somebody can use now, by theme: those of their role explained, and for staff those of
        learners by name."""
        p, shown = self.table.prefix, [c for c in self.table.commands if c.role <= ask.role and c.group in GROUPS]
        if not (ask.channel and self.around.running(ask.channel)):
            shown = [c for c in shown if c.scope is not Scope.CLASS]
        themes = []
        for group, title in GROUPS.items():
            explained = [
                f"{p}{c.words} ({_in_short(c.help)})"
                for c in shown
                if c.group == group and (c.role > Role.LEARNER or (ask.role is Role.LEARNER and " " not in c.words))
            ]
            themes += in_lines([f"{title}: {explained[0]}", *explained[1:]], LINE, ", ") if explained else []
        if ask.role > Role.LEARNER:
            names = [p + c.words for c in shown if c.role is Role.LEARNER and " " not in c.words]
            themes.append(f"For learners: {' '.join(names)}")
        end = f"{p}help COMMAND explains a command" + (f"; I am run by {self.contact}" if self.contact else "")
        return in_lines([*themes, end], LINE, " | ")

    def _one(self, ask: Request, words: str) -> str:
        p = self.table.prefix
        command = self.table.named(words)
        if command is None:
            near = self.table.nearest(words.removeprefix(p), ask.role)
            raise UserError(
                f'unknown command "{words[:30]}"'
                + (f"; did you mean {p}{near[0]}?" if near else f"; {p}help topics lists the commands")
            )
        more = [
            f"{p}{c.words.removeprefix(p)}"
            for c in self.table.commands
            if c.words.startswith(f"{command.words} ") and c.role <= ask.role
        ]
        return (
            f"{command.usage(p)}: {command.help}"
            + (f", e.g. {p}{command.example}" if command.example else "")
            + (f" ({command.role.word}s)" if command.role > Role.LEARNER else "")
            + (f"; also {' '.join(more)}" if more else "")
        )

    def commands(self) -> list[Command]:
        def nothing(_ask: Request) -> list[Effect]:
            return []  # dispatch answers it

        return [
            Command(
                "help",
                self.help,
                "say what to type next; topics lists what else you can do, a command is explained",
                (Argument("COMMAND or topics", "words", optional=True, rest=True),),
                example="help lab",
            ),
            Command("yes", nothing, "confirm what I just asked you", group="answers"),
            Command("no", nothing, "cancel what I just asked you", group="answers"),
        ]


def before_class(channel: str) -> str:
    """The series of answers that are only true until a class begins there."""
    return f"before {channel}"


def _in_short(text: str) -> str:
    """The first clause of a command's help."""
    clause = re.split(r"[;:]|, e\.g\.", re.sub(r" \([^)]*\)", "", text), maxsplit=1)[0]
    return clause if len(clause) <= SHORT else clause.split(",")[0]


def commands_page(table: Table) -> str:
    """The text of docs/commands.md."""
    lines = [
        "# Commands on IRC",
        "",
        "Generated from the command table by `make docs`; a test compares the two.",
        "",
        f"In a channel, start a command with `{table.prefix}` (or with the bot's nick and a colon); in a private message you "
        "need neither. Replace words in CAPITALS with your own; words in [brackets] are optional.",
        "",
    ]
    for role in Role:
        rows = [c for c in table.commands if c.role is role]
        if not rows:
            continue
        lines += [f"## {role.word.capitalize()}", "", "| command | what it does | where |", "| --- | --- | --- |"]
        for c in rows:
            also = f" (also {', '.join(f'`{table.prefix}{a}`' for a in c.aliases)})" if c.aliases else ""
            example = f", e.g. `{table.prefix}{c.example}`" if c.example else ""
            lines.append(f"| `{c.usage(table.prefix)}`{also} | {c.help}{example} | {c.scope.value} |")
        lines.append("")
    return "\n".join(lines).rstrip() + "\n"
