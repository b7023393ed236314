"""What the code blocks of a text are: commands to type, or output and files to look at.  Pure.

An author who marks commands (a suffix such as ``{{exec}}``, or the name of a shell) means the other blocks to be looked
at; in a text without marks, all blocks are commands that do not say otherwise.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from trainbot.adapters.markdown.excerpt import Unit
from trainbot.core.text import visible

if TYPE_CHECKING:
    from markdown_it.token import Token

_SHELLS = ("bash", "sh", "shell", "zsh", "dash", "ksh", "fish", "console", "terminal", "powershell", "cmd", "bat")
_SESSIONS = ("console", "terminal", "shell-session", "sh-session", "shellsession", "session")
_FILES = (
    "text output out txt log logs plain plaintext none diff patch file yaml yml json json5 jsonc toml ini cfg conf config "
    "properties env xml html css csv tsv markdown md nginx apache hcl tf proto mermaid dot svg"
)
_LOOKED_AT = ("diff", *_FILES.split())
_MARK = re.compile(r"(?:`|~~~)[ \t]*+[\w-]*+[ \t]*+\{\{[ \t]*+(?:exec|copy)", re.IGNORECASE)
_SHELL_FENCE = re.compile(
    rf"^[ \t>]*+(?:`{{3,}}+|~{{3,}}+)[ \t]*+\{{?\.?(?:{'|'.join(_SHELLS + _SESSIONS)})\b", re.MULTILINE | re.IGNORECASE
)
_SUFFIX = re.compile(r"(?:```|~~~)[ \t]*+[\w-]*+[ \t]*+\{\{[ \t]*+([\w|-]*+)")
_FILE = re.compile(r"class=[\"']?[\w -]{0,80}?\b(?:file|output|result|log)\b", re.IGNORECASE)
_PROMPT = re.compile(r"(?:\[?[\w.-]{1,40}@[\w.-]{1,60}[^$#\n]{0,60}[$#]|\$) +(?=\S)")
_ROOT_PROMPT = re.compile(r"# +(?=\S)")
_HERE = re.compile(r"(?<!<)<<(?!<)-?\s*[\"'\\]?(\w+)")


class FenceKinds:
    """Of one text.  ``marked``: it marks its commands."""

    def __init__(self, markdown: str) -> None:
        self._lines = re.split(r"\r\n?|\n", markdown)
        self.marked = bool(_MARK.search(markdown) or _SHELL_FENCE.search(markdown))

    def of(self, token: Token) -> str:
        """command, session (commands after prompts, and what they print) or output."""
        language = (re.match(r"[{. \t]*([\w+-]*)", token.info) or [""] * 2)[1].lower() if token.type == "fence" else ""
        start, end = token.map or (0, 0)
        ends = [self._lines[n] for n in (start, end - 1) if token.type == "fence" and 0 <= n < len(self._lines)]
        marks = [found[1] for line in ends if (found := _SUFFIX.search(line))]
        if any(marks):
            return "command"
        if marks or language in _LOOKED_AT:  # {{}} says that it is no command
            return "output"
        if language in _SESSIONS:
            return "session"
        return "output" if self.marked and language not in _SHELLS else "command"

    def of_html(self, attributes: str) -> str:
        """Of a <pre> with these attributes: Katacoda shows files in it."""
        return "output" if self.marked or _FILE.search(attributes) else "command"


def units_of(content: str, kind: str) -> Iterator[Unit]:
    """The block's commands, or its output as one unit.  A command continues after a backslash, in an indented line or in a
    here-document.  Blank lines are left out, tabs become four spaces.  In a session only what follows a prompt is a
    command, and is shown without it."""
    lines = [text for line in content.split("\n") if (text := visible(line.expandtabs(4)).rstrip())]
    prompts = kind == "session" or (kind == "command" and bool(lines and _PROMPT.match(lines[0])))
    prompts = prompts and any(_prompt(line, kind) for line in lines)
    unit, until, joined = None, "", False
    for text in lines:
        typed = kind != "output"
        if prompts and not (until or joined):
            prompt = _prompt(text, kind)
            text, typed = text[prompt:], prompt > 0
        wanted = "command" if typed else "output"
        if unit is None or unit.kind != wanted or (typed and not (joined or until or text[0] == " ")):
            if unit is not None:
                yield unit
            unit = Unit(wanted, [])
        unit.lines.append(text)
        if until:
            until = "" if text.strip() == until else until
        elif typed and (here := _HERE.search(text)):
            until = here[1]
        joined = typed and text.endswith("\\")
    if unit is not None:
        yield unit


def _prompt(line: str, kind: str) -> int:
    """The length of the prompt that the line begins with; 0 if it has none."""
    found = _PROMPT.match(line) or (_ROOT_PROMPT.match(line) if kind == "session" else None)
    return found.end() if found else 0
