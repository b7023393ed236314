"""Makes text from outside harmless before anybody sees it: on IRC, on a terminal, in a log, on a page.

Removed: control characters (IRC's formatting codes are among them), lone surrogates, characters that change the direction
of the text around them (bidirectional embeddings, overrides and isolates: Unicode UAX 9), line and paragraph separators,
invisible characters that only make two texts look the same (soft hyphen, zero width space, word joiner, byte order mark,
tags), noncharacters.  Kept, because words need them: joiners (emoji, Indic scripts, Persian), direction marks,
combining marks, variation selectors, flags spelt in tags.
"""

from __future__ import annotations

import re

_FLAG = "\U0001f3f4[\U000e0030-\U000e007a]{1,6}\U000e007f"  # Unicode UTS 51, ED-14a
_SIGNS = (
    "\xad\u180e\u200b\u202a-\u202e\u2060-\u206f\ud800-\udfff\ufdd0-\ufdef\ufeff\ufff9-\ufffb\ufffe\uffff"
    "\U0001d173-\U0001d17a\U000e0000-\U000e007f"
) + "".join(f"{chr(plane << 16 | 0xFFFE)}{chr(plane << 16 | 0xFFFF)}" for plane in range(1, 17))
_BREAK = re.compile("\r\n|[\n\v\f\r\x85\u2028\u2029]")
_LINES = re.compile(f"({_FLAG})|[\0-\x08\x0b-\x1f\x7f-\x9f{_SIGNS}]")
_LINE = re.compile(f"({_FLAG})|[\0-\x1f\x7f-\x9f{_SIGNS}]")
_FORMATTED = re.compile(f"({_FLAG})|[\0-\x01\x03-\x0e\x10\x12-\x1c\x1e\x7f-\x9f{_SIGNS}]")
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|.)?", re.DOTALL)


def one_line(text: str | bytes, limit: int = 200, end: str = "…") -> str:
    """``text`` (bytes: UTF-8) on one line of at most ``limit`` characters, its white space folded; ``end`` marks
    a cut.  The work is bounded by ``limit``: at most 8 times as many characters (bytes) are read."""
    most = 8 * limit
    known = text[:most] if isinstance(text, str) else text[:most].decode("utf-8", "replace")
    folded = " ".join(visible(known).split())
    if len(folded) <= limit and len(text) <= most:
        return folded
    return folded[: limit - len(end)].rstrip() + end


def many_lines(text: str | bytes) -> str:
    """``text`` (bytes: UTF-8) with LF line ends; tabs stay, terminal escape sequences are removed whole.  The caller
    limits its length."""
    known = text if isinstance(text, str) else text.decode("utf-8", "replace")
    if known.replace("\n", "").replace("\t", "").isprintable():  # as in ``visible``
        return known
    return _LINES.sub(r"\1", _BREAK.sub("\n", _ESCAPE.sub("", known)))


def visible(text: str, *, formatted: bool = False) -> str:
    r"""``text`` without the characters above; each tab and line break becomes a space.  Never longer than before.

    ``formatted``: bold, monospace, italic, underline and reset stay (\x02 \x11 \x1d \x1f \x0f), which our own IRC
    texts use.
    """
    if text.isprintable():  # most texts are, and this is ten times faster
        return text
    return (_FORMATTED if formatted else _LINE).sub(r"\1", _BREAK.sub(" ", text.replace("\t", " ")))


def plain_ascii(text: str, limit: int = 32) -> str:
    """``text`` for a log line: printable ASCII without quotes and backslashes, ``?`` for everything else, cut at
    ``limit``."""
    safe = "".join(c if c.isascii() and c.isprintable() and c not in "\"'\\" else "?" for c in text[:limit])
    return safe + ("…" if len(text) > limit else "")
