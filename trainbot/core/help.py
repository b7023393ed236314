"""``!help`` and docs/commands.md, both generated from the command table."""

from __future__ import annotations

from typing import Protocol

from trainbot.core.access import Role
from trainbot.core.commands import Argument, Command, Request, Scope, Table
from trainbot.core.errors import UserError
from trainbot.core.hooks import Feature
from trainbot.core.messages import Effect, Reply
from trainbot.core.wording import in_lines

LINE = 380  # bytes per line; with our prefix added, every server passes it on uncut
GROUPS = {"labs": "labs", "class": "the class", "questions": "questions", "sessions": "sessions", "general": "more"}


class RunningClasses(Protocol):
    def running(self, channel: str) -> bool:
        """Whether a class is running in that channel."""


class Help(Feature):
    """``!help``.  ``contact``: who runs this bot, '' if not configured."""

    def __init__(self, table: Table, contact: str, classes: RunningClasses) -> None:
        self.table, self.contact, self.classes = table, contact, classes

    def help(self, ask: Request, command: str = "") -> list[Effect]:
        p = self.table.prefix
        if command:
            return [Reply(self._one(ask, command), private=not ask.private and ask.role < Role.HELPER)]
        mine = [c for c in self.table.commands if c.role <= ask.role and c.words != "yes"]
        if not (ask.channel and self.classes.running(ask.channel)):
            mine = [c for c in mine if c.scope is not Scope.CLASS]
        lines = []
        for group, title in GROUPS.items():
            words = [p + c.words for c in mine if c.group == group and " " not in c.words]
            if words:
                lines.append(f"{title}: {' '.join(words)}")
        end = f"{p}help COMMAND for details" + (f"; I am run by {self.contact}" if self.contact else "")
        return [Reply(line, private=not ask.private) for line in in_lines([*lines, end], LINE, " | ")]

    def _one(self, ask: Request, words: str) -> str:
        p = self.table.prefix
        command = self.table.named(words)
        if command is None:
            near = self.table.nearest(words.removeprefix(p), ask.role)
            raise UserError(
                f'unknown command "{words[:30]}"'
                + (f"; did you mean {p}{near[0]}?" if near else f"; {p}help lists the commands")
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
                "list the commands you can use now; with a command: explain it",
                (Argument("COMMAND", "words", optional=True, rest=True),),
                example="help lab",
            ),
            Command("yes", nothing, "confirm what I just asked you"),
        ]


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
