"""Text for the wire: sanitised, and split into pieces that fit a line.  Pure."""

from __future__ import annotations

import re
import unicodedata

from trainbot.core.text import visible

TOGGLES = "\x02\x11\x1d\x1f"
"""Formatting that our own texts may use: bold, monospace, italic, underline; ``\\x0f`` ends them all."""

_COLOURS = re.compile("\x03(?:[0-9]{1,2}(?:,[0-9]{1,2})?)?|\x04(?:[0-9a-fA-F]{6}(?:,[0-9a-fA-F]{6})?)?")
_FORMATTING = re.compile(f"[{TOGGLES}\x0f]")


def sanitise(text: str) -> str:
    r"""Returns ``text`` on one line and sanitised (``core.text``), with ``TOGGLES`` and ``\x0f`` but without
    colours."""
    if text.isprintable():  # nothing to remove, as in most texts; this takes a tenth of the time
        return text
    return visible(_COLOURS.sub("", text), formatted=True)


def shown(text: str) -> str:
    """Returns ``text`` sanitised, with code in bold: irssi and mIRC do not support monospace, and irssi shows its
    formatting code as a letter Q, which people would copy with the command."""
    return sanitise(text).replace("\x11", "\x02")


def plain(text: str) -> str:
    """Returns ``text`` as people read it: sanitised, and without formatting."""
    return text if text.isprintable() else _FORMATTING.sub("", sanitise(text))


def cut(text: str, room: int) -> tuple[str, str]:
    """Splits sanitised ``text`` into the part that fits ``room`` octets of UTF-8, and the rest.

    It splits at a space if there is one in the second half (that space is dropped), else between characters, but not
    before a combining mark as long as that leaves something.  Formatting that is open at the cut is opened again in the
    rest.  ``room`` must be 16 or more, so that splitting ends.
    """
    raw = text.encode()
    if len(raw) <= room:
        return text, ""
    head = raw[:room].decode("utf-8", "ignore")  # drops a character cut in two, nothing else
    if text[len(head)] == " ":
        return _reopened(head, text[len(head) + 1 :])
    space = head.rfind(" ")
    if space > len(head) // 2:
        return _reopened(head[:space], text[space + 1 :])
    end = len(head)
    while end > len(head) // 2 and _joins(text[end - 1], text[end]):
        end -= 1
    if end <= len(head) // 2:
        end = len(head)
    return _reopened(text[:end], text[end:])


def _reopened(head: str, rest: str) -> tuple[str, str]:
    since = head[head.rfind("\x0f") + 1 :]
    still = "".join(code for code in TOGGLES if since.count(code) % 2)
    return head, still + rest if rest else rest


def _joins(before: str, after: str) -> bool:
    """Whether the two characters form one symbol on the screen (marks, joiners, variation selectors)."""
    return (
        unicodedata.category(after).startswith("M")
        or "\u200d" in (before, after)
        or "\U0001f3fb" <= after <= "\U0001f3ff"
        or "\U000e0020" <= after <= "\U000e007f"
    )
