"""Fills answers into the bot.ini that ships with trainbot.  Pure.  Its comments stay: they are the manual at hand."""

from __future__ import annotations

import re
from collections.abc import Mapping

MADE = "trainbot's configuration, made by trainbot init.  After a change, run: trainbot check"
NEWLINE = "\n"
COMMENTS = 33  # the column in which the comments of bot.ini begin
_HEADER = re.compile(r"(?P<off>; )?\[(?P<name>[a-z.0-9#-]+)\]")
_OPTION = re.compile(r"(?P<off>; )?(?P<name>[a-z_]+) =(?P<value>.*?)(?P<comment> ;.*)?$")


def filled(template: str, values: Mapping[str, Mapping[str, str]]) -> str:
    """``template`` with the ``values`` (section, option, value).  A section or option that is commented out in it comes
    into force; hosts and unknown sections are added where the example of their kind stands, else at the end."""
    template = f"; {MADE}\n{template.partition(NEWLINE)[2]}"
    left = {section: dict(options) for section, options in values.items()}
    lines: list[str] = []
    section = ""
    for line in template.splitlines():
        header, option = _HEADER.match(line), _OPTION.match(line)
        if header is not None:
            _close(lines, left, section)
            section = header["name"]
            if section.startswith("host."):
                _add_hosts(lines, left)
            elif header["off"] and section in left:
                line = line.removeprefix("; ")
        elif option is not None and option["name"] in left.get(section, {}):
            line = _line(option["name"], left[section].pop(option["name"]), option["comment"] or "")
        lines.append(line)
    _close(lines, left, section)
    _add_hosts(lines, left)
    for section, options in left.items():
        lines += ["", f"[{section}]", *(_line(name, value) for name, value in options.items())] if options else []
    return "\n".join(lines) + "\n"


def _line(name: str, value: str, comment: str = "") -> str:
    said = f"{name} = {value}".rstrip()
    return f"{said.ljust(COMMENTS - 1)} {comment.strip()}" if comment else said


def _close(lines: list[str], left: dict[str, dict[str, str]], section: str) -> None:
    """Adds what the section that ends has no line for, before the empty lines that follow it."""
    options = left.pop(section, {})
    end = len(lines)
    while end and not lines[end - 1].strip():
        end -= 1
    lines[end:end] = [_line(name, value) for name, value in options.items()]


def _add_hosts(lines: list[str], left: dict[str, dict[str, str]]) -> None:
    for name in [name for name in left if name.startswith("host.")]:
        options = left.pop(name)
        lines += [f"[{name}]", *(_line(option, value) for option, value in options.items()), ""]
